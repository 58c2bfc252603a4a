/* tape.c: records on a tape: see tape.h. */
#include "dev/tape.h"

#include <stdlib.h>

#include "base/check.h"
#include "dev/door.h"
#include "machine/mem.h"

#define NOT_ON_TAPE UINT32_MAX

void tape_start(struct dev *d, struct tape *t, uint32_t cap)
{
	*t = (struct tape){ .event = mem_alloc(cap * sizeof(*t->event)), .cap = cap };
	CHECK(!d->log); /* bio->event is one field */
	door_lock(d);
	CHECK(!d->tape);
	d->tape = t;
	door_unlock(d);
}

void tape_stop(struct dev *d)
{
	door_lock(d);
	d->tape = NULL;
	door_unlock(d);
}

void tape_free(struct tape *t)
{
	free(t->event);
}

/* Its index, or NOT_ON_TAPE. */
static uint32_t tape_add(struct tape *t, const struct tape_event *e)
{
	if (t->n == t->cap) {
		t->full = true;
		return NOT_ON_TAPE;
	}
	t->event[t->n] = *e;
	return t->n++;
}

void tape_mark(struct dev *d)
{
	door_lock(d);
	tape_add(d->tape, &(struct tape_event){ .kind = TAPE_MARK });
	door_unlock(d);
}

void tape_submitted(struct dev *d, struct bio *bio)
{
	static const uint8_t kind[] = {
		[STAGE_READ] = TAPE_READ, [STAGE_FLUSH] = TAPE_FLUSH, [STAGE_WRITE] = TAPE_WRITE,
	};
	struct tape_event e = { .kind = kind[bio->stage], .alone = bio->flags & BIO_SYNC };

	if (bio->stage != STAGE_FLUSH) {
		e.fua = bio->flags & BIO_FUA;
		e.off = bio->off;
		e.len = bio->len;
	}
	bio->event = tape_add(d->tape, &e);
	bio->taped = d->tape;
}

/* A bio that was submitted before this tape began is not on it, and is passed over. */
void tape_completed(struct dev *d, struct bio *bio)
{
	if (bio->taped == d->tape && bio->event != NOT_ON_TAPE)
		tape_add(d->tape, &(struct tape_event){ .kind = TAPE_DONE, .of = bio->event });
}
