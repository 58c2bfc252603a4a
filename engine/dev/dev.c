/*
 * dev.c: the device's door: every bio goes in and comes out here. It checks (dev.5, dev.6), counts, times, records
 * for the power cut, injects faults, and takes a PREFLUSH write apart into its two stages (dev.4).
 *
 * Between two stages, and when done() is called, the bio is on no list of the door's. What is recorded is in the
 * order of the events: a completion is recorded before any task can learn of it, a submission before the back end
 * can act on it.
 *
 * Called by every floor above through dev.h, and by the back ends through door.h.
 */
#include "dev/dev.h"

#include <errno.h>
#include <stdlib.h>

#include "base/check.h"
#include "dev/buffers.h"
#include "dev/door.h"
#include "dev/record.h"
#include "dev/tape.h"
#include "machine/mem.h"
#include "rt/trace.h"

/*
 * The look for overlaps is linear in what is in flight. In controlled runs it is always made; else up to so many
 * bios.
 */
#define OVERLAP_SCAN 32u
/* bio->err from dev_submit() until the last stage is done: no error has this number. */
#define IN_FLIGHT    1
#define TIME_ONE_IN  127u

void door_lock(struct dev *d)
{
	if (!rt_controlled)
		spin_lock(&d->lock);
}

void door_unlock(struct dev *d)
{
	if (!rt_controlled)
		spin_unlock(&d->lock);
}

struct dev *door_new(const struct dev_ops *ops, const char *spec, uint64_t size)
{
	struct dev *d = mem_zalloc(sizeof(*d));

	d->ops = ops;
	snprintf(d->spec, sizeof(d->spec), "%s", spec);
	d->size = size;
	d->tear = DEV_BLOCK;
	d->id = rt_obj_id();
	d->completed_id = rt_obj_id();
	spin_init(&d->lock, L_DEV_LOG);
	list_init(&d->inflight);
	list_init(&d->waiters);
	waitq_init(&d->background_wq, L_WORK);
	waitq_init(&d->idle, L_BIO);
	return d;
}

void door_free(struct dev *d)
{
	free(d);
}

static bool is_read(const struct bio *bio)
{
	return !(bio->flags & BIO_WRITE);
}

static void check_bio(const struct dev *d, const struct bio *bio)
{
	CHECK(bio->done);
	CHECK(bio->off % 512 == 0 && bio->len % 512 == 0);
	CHECK(bio->buf || !bio->len);
	if (is_read(bio)) {
		CHECK(bio->len);
		CHECK(!(bio->flags & (BIO_PREFLUSH | BIO_FUA)));
		return;
	}
	CHECK(bio->len || bio->flags & BIO_PREFLUSH);
	CHECK(bio->len || !(bio->flags & BIO_FUA));
	CHECK(bio->len <= d->size && bio->off <= d->size - bio->len);
}

static void count_bio(const struct bio *bio)
{
	uint64_t *sum = rt_self()->count;

	if (!rt_instrument)
		return;
	if (is_read(bio)) {
		tally(&sum[C_DEV_READ], 1);
		return;
	}
	if (bio->flags & (BIO_PREFLUSH | BIO_FUA))
		tally(&sum[C_DEV_FLUSH], !!(bio->flags & BIO_PREFLUSH) + !!(bio->flags & BIO_FUA));
	if (!bio->len)
		return;
	tally(&sum[C_DEV_WRITE], 1);
	tally(&sum[bio->flags & BIO_META ? C_META_BYTES : C_DATA_BYTES], bio->len);
}

/*
 * The error with which this bio is to fail, 0: none. It is an injected one, or that of a read beyond the device's
 * end, as a damaged pointer asks for.
 */
static int fault_of(struct dev *d, const struct bio *bio)
{
	if (is_read(bio) && (bio->len > d->size || bio->off > d->size - bio->len))
		return -EIO;
	if (d->faults && d->faults->fail)
		return d->faults->fail(d->faults->arg, bio);
	return 0;
}

/* The write part of a PREFLUSH write: the bio has been in flight since its flush. */
static bool second_stage(const struct bio *bio)
{
	return bio->stage == STAGE_WRITE && bio->flags & BIO_PREFLUSH;
}

/* (dev.6) */
static void check_no_overlap(struct dev *d, const struct bio *bio)
{
	struct list *pos;

	if (d->ninflight > OVERLAP_SCAN && !d->log && !rt_controlled)
		return;
	list_for_each(pos, &d->inflight) {
		struct bio *other = list_entry(pos, struct bio, link);
		bool writes_in_flight_overlap = other->stage == STAGE_WRITE &&
						other->off < bio->off + bio->len &&
						bio->off < other->off + other->len;

		CHECK(!writes_in_flight_overlap);
	}
}

/*
 * A stage begins. The accesses named here and in leave() are what matters of the order of bios: which writes are
 * submitted before what is durable changes (d->id), and which have completed before a flush is submitted
 * (completed_id). The submissions of two writes commute, and so do their completions.
 */
static void enter(struct dev *d, struct bio *bio)
{
	if (bio->stage == STAGE_FLUSH)
		rt_access(d->completed_id, POINT_WRITE);
	else if (bio->stage == STAGE_WRITE)
		rt_access(d->id, POINT_READ);
	door_lock(d);
	if (bio->stage == STAGE_WRITE)
		check_no_overlap(d, bio);
	list_add_tail(&bio->link, &d->inflight);
	if (!second_stage(bio))
		d->ninflight++;
	if (d->log)
		record_submit(d, bio);
	if (d->tape)
		tape_submitted(d, bio);
	door_unlock(d);
}

static void add_time(struct dev_stats *s, const struct bio *bio)
{
	uint64_t ns = rt_now() - bio->submit_ns;

	if (is_read(bio))
		hist_add(&s->read, ns);
	else if (!bio->len)
		hist_add(&s->flush, ns);
	else
		hist_add(bio->flags & BIO_FUA ? &s->fua : &s->write, ns);
}

/* Of a bio that was on no list, as it was done before submit returned. */
static void add_time_untracked(struct dev *d, const struct bio *bio)
{
	door_lock(d);
	if (d->stats)
		add_time(d->stats, bio);
	door_unlock(d);
}

/* A stage is done, the bio's last one or not. */
static void leave(struct dev *d, struct bio *bio, int err, bool last)
{
	if (bio->stage == STAGE_FLUSH || (bio->stage == STAGE_WRITE && bio->flags & BIO_FUA))
		rt_access(d->id, POINT_WRITE);
	else if (bio->stage == STAGE_WRITE)
		rt_access(d->completed_id, POINT_READ);
	door_lock(d);
	CHECK(d->ninflight);
	list_del(&bio->link);
	if (d->log)
		record_complete(d, bio, err);
	if (d->tape)
		tape_completed(d, bio);
	if (d->stats && last && bio->submit_ns)
		add_time(d->stats, bio);
	if (last)
		wait_give(&d->idle, --d->ninflight == 0);
	door_unlock(d);
}

static void start_stage(struct dev *d, struct bio *bio)
{
	bio->tracked = !d->quiet && (d->track || d->log || d->tape || rt_controlled);
	bio->media = bio->buf;
	if (bio->tracked)
		enter(d, bio);
	if (bio->stage == STAGE_WRITE)
		trace(EV_WRITE_SUBMITTED, bio->off, bio->len);
	else if (bio->stage == STAGE_FLUSH)
		trace(EV_FLUSH_SUBMITTED);
	d->ops->submit(d, bio);
}

/*
 * Where a bio is done before submit returns (ram), reading the clock would be a good part of the time measured. There
 * about one write or flush in TIME_ONE_IN is timed, which is some thousand a second. It is a prime, so that each of an
 * fsync's bios has its turn.
 */
static bool is_timed(const struct dev *d, const struct bio *bio)
{
	const uint64_t *sum = rt_self()->count;

	if (!d->stats)
		return false;
	if (d->track || is_read(bio) || !rt_instrument)
		return true;
	return (sum[C_DEV_WRITE] + sum[C_DEV_FLUSH]) % TIME_ONE_IN == 1;
}

void dev_submit(struct dev *d, struct bio *bio)
{
	check_bio(d, bio);
	if (!d->quiet) {
		count_bio(bio);
		/* no point for a read: what it reads changes at completions, which have theirs */
		if (!is_read(bio))
			rt_point(d->id, POINT_SUBMIT);
	}
	bio->dev = d;
	bio->err = IN_FLIGHT;
	bio->taped = NULL;
	bio->fault = fault_of(d, bio);
	bio->submit_ns = is_timed(d, bio) ? rt_now() : 0;
	if (is_read(bio))
		bio->stage = STAGE_READ;
	else
		bio->stage = bio->flags & BIO_PREFLUSH ? STAGE_FLUSH : STAGE_WRITE;
	start_stage(d, bio);
}

/* The buffers of the device at the back, behind those that stand in front of it; NULL: it has none. */
static struct buffers *buffers_of(const struct dev *d)
{
	while (d->below)
		d = d->below;
	return d->buffers;
}

void *dev_buffer_get(struct dev *d, size_t n)
{
	struct buffers *b = buffers_of(d);
	void *p = b ? buffers_get(b, n) : NULL;

	return p ? p : mem_alloc_pages(n);
}

void dev_buffer_put(struct dev *d, void *buf)
{
	struct buffers *b = buffers_of(d);

	if (buf && buffers_have(b, buf, 1))
		buffers_put(b, buf);
	else
		free(buf);
}

void door_take(struct bio *bio)
{
	if (bio->media != bio->buf)
		record_take(bio->dev, bio);
}

void door_complete(struct bio *bio, int err)
{
	struct dev *d = bio->dev;
	bool last = err || bio->stage != STAGE_FLUSH || !bio->len;

	CHECK(bio->err == IN_FLIGHT); /* dev.5 */
	CHECK(err <= 0 && (!bio->fault || err));
	if (bio->tracked)
		leave(d, bio, err, last);
	else if (last && bio->submit_ns)
		add_time_untracked(d, bio);
	if (bio->stage == STAGE_WRITE && err)
		trace(EV_WRITE_FAILED, bio->off, bio->len);
	else if (bio->stage == STAGE_WRITE)
		trace(EV_WRITE_COMPLETED, bio->off, bio->len);
	else if (bio->stage == STAGE_FLUSH && err)
		trace(EV_FLUSH_FAILED);
	else if (bio->stage == STAGE_FLUSH)
		trace(EV_FLUSH_COMPLETED);
	if (!last) {
		bio->stage = STAGE_WRITE;
		start_stage(d, bio);
		return;
	}
	bio->err = err;
	bio->done(bio);
}

static bool nothing_in_flight(void *arg)
{
	struct dev *d = arg;
	bool idle;

	door_lock(d);
	idle = d->ninflight == 0;
	door_unlock(d);
	return idle;
}

void dev_drain(struct dev *d)
{
	if (d->quiet)
		return;
	dev_wait_until(d, &d->idle, nothing_in_flight, d);
	if (d->ops->halt)
		d->ops->halt(d, false);
	if (d->below)
		dev_drain(d->below);
}

void dev_abandon(struct dev *d)
{
	list_init(&d->inflight);
	d->ninflight = 0;
	list_init(&d->waiters);
	d->reaper = NULL;
	/* not waitq_init(): the queue keeps its number */
	list_init(&d->idle.waiters);
	d->idle.nr = 0;
	d->idle.guard = 0;
	if (d->ops->halt)
		d->ops->halt(d, true);
	if (d->below)
		dev_abandon(d->below);
}
