/* recording.c: see recording.h. */
#include "cut/recording.h"

#include <pthread.h>
#include <string.h>

#include "rt/rt.h"

#define NOT_YET  UINT32_MAX
#define LATE_NS  300000u    /* a completion that is late by time */
#define LATE_MAX 1024u      /* completions that are owed at once */
#define IDLE_NS  1000000000u

static struct server {
	struct recording *s;
	pthread_mutex_t lock; /* of all below, and of the log */
	struct request late[LATE_MAX + 1]; /* a flush goes through it at once when it is full */
	unsigned nlate;
	void (*answer)(const struct request *r);
	void (*wake)(void);
} server = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* The next event of the log, NULL when it is full. Its position is told with publish(). */
static struct dev_event *log_event(struct recording *s, enum dev_event_kind kind)
{
	struct dev_event *e = &s->event[s->n];

	if (!s->on || s->full)
		return NULL;
	if (s->n == RECORDER_EVENTS) {
		s->full = true;
		atomic_store(&s->position, RECORDING_BEYOND);
		return NULL;
	}
	*e = (struct dev_event){ .kind = (uint8_t)kind, .of = NOT_YET, .ns = rt_now() };
	s->n++;
	return e;
}

static void publish(struct recording *s)
{
	if (s->on && !s->full)
		atomic_store(&s->position, s->n);
}

static uint32_t log_write(struct recording *s, uint64_t off, uint32_t len, const void *buf, bool fua)
{
	struct dev_event *e;

	if (s->on && !s->full && s->used + len > RECORDER_BYTES) {
		s->full = true;
		atomic_store(&s->position, RECORDING_BEYOND);
	}
	e = log_event(s, DEV_WSUB);
	if (!e)
		return NOT_YET;
	e->off = off;
	e->len = len;
	e->fua = fua;
	e->data = memcpy(s->data + s->used, buf, len);
	s->used += (len + 63) & ~63u;
	s->in_flight++;
	if (s->in_flight > s->in_flight_max)
		s->in_flight_max = s->in_flight;
	publish(s);
	return (uint32_t)(e - s->event);
}

static uint32_t log_flush(struct recording *s)
{
	struct dev_event *e = log_event(s, DEV_FSUB);

	if (!e)
		return NOT_YET;
	s->flushes++;
	s->beside += s->in_flight > 0;
	publish(s);
	return (uint32_t)(e - s->event);
}

/* What was submitted at `pos` has completed. */
static void log_done(struct recording *s, uint32_t pos, bool is_flush)
{
	struct dev_event *e;

	if (pos == NOT_YET)
		return;
	s->in_flight -= !is_flush;
	e = log_event(s, is_flush ? DEV_FCMP : DEV_WCMP);
	if (!e)
		return;
	e->of = pos;
	e->off = s->event[pos].off;
	e->len = s->event[pos].len;
	e->fua = s->event[pos].fua;
	s->event[pos].of = (uint32_t)(e - s->event);
	publish(s);
}

static void answer(const struct request *l)
{
	log_done(server.s, l->pos, l->is_flush);
	server.answer(l);
}

static void take_out(unsigned i)
{
	const struct request l = server.late[i];

	server.late[i] = server.late[--server.nlate];
	answer(&l);
	atomic_fetch_sub(&server.s->owed, 1);
	if (!l.is_flush)
		return;
	for (unsigned k = server.nlate; k-- > 0;) /* (recorder.1) the last of their flushes has completed */
		if (server.late[k].flushes && !--server.late[k].flushes) {
			server.s->held++;
			take_out(k);
		}
}

/* How late the completion is, by the chance of the recording. False: it comes at once. */
static bool is_late(struct recording *s, struct request *l)
{
	uint64_t now = rt_now();
	unsigned held = atomic_load(&s->syncs) > 0 ? 50 : 15, slow = 30;

	if (!s->on || !s->ways.holds || server.nlate == LATE_MAX)
		return false;
	l->flushes = 0;
	l->due_ns = now + rng_below(&s->rng, LATE_NS);
	if (l->is_flush)
		return rng_below(&s->rng, 2);
	if (rng_below(&s->rng, 100) >= held)
		return rng_below(&s->rng, 100) < slow;
	l->flushes = 1 + (unsigned)rng_below(&s->rng, s->ways.holds);
	l->due_ns = now + HELD_MAX_NS / 3 + rng_below(&s->rng, HELD_MAX_NS / 3 * 2);
	return true;
}

/* The lock is held; it is dropped. */
static void answer_or_owe(struct request *l)
{
	bool late = is_late(server.s, l);

	if (late) {
		atomic_fetch_add(&server.s->owed, 1);
		server.late[server.nlate++] = *l;
	} else if (l->is_flush) { /* through the list, for those that wait for it */
		l->flushes = 0;
		atomic_fetch_add(&server.s->owed, 1);
		server.late[server.nlate++] = *l;
		take_out(server.nlate - 1);
	} else {
		answer(l);
	}
	pthread_mutex_unlock(&server.lock);
	if (late && server.wake)
		server.wake();
}

static uint64_t release_due(void)
{
	uint64_t now = rt_now(), next = now + IDLE_NS;

	for (bool again = true; again;) {
		again = false;
		for (unsigned i = 0; i < server.nlate && !again; i++)
			if (server.late[i].due_ns <= now) {
				take_out(i);
				again = true;
			}
	}
	for (unsigned i = 0; i < server.nlate; i++)
		if (server.late[i].due_ns < next)
			next = server.late[i].due_ns;
	return next - now;
}

/* ---- for a front end ---- */

void recording_serve(struct recording *s, void (*answer_one)(const struct request *r), void (*wake)(void))
{
	server.s = s;
	server.answer = answer_one;
	server.wake = wake;
}

bool recording_has(const struct recording *s, uint64_t off, uint64_t len)
{
	return off <= s->size && len <= s->size - off;
}

void recording_write(void *of, uint64_t off, uint32_t len, const void *buf, bool fua)
{
	struct request l = { .of = of, .len = len };
	struct recording *s = server.s;

	pthread_mutex_lock(&server.lock);
	l.pos = log_write(s, off, len, buf, fua);
	memcpy(s->bytes + off, buf, len);
	for (uint64_t b = off / DEV_BLOCK; b <= (off + len - 1) / DEV_BLOCK; b++)
		s->written[b / 64] |= 1ull << b % 64;
	answer_or_owe(&l);
}

void recording_flush(void *of)
{
	struct request l = { .of = of, .is_flush = true };

	pthread_mutex_lock(&server.lock);
	l.pos = log_flush(server.s);
	answer_or_owe(&l);
}

uint64_t recording_release(void)
{
	pthread_mutex_lock(&server.lock);
	uint64_t wait = release_due();
	pthread_mutex_unlock(&server.lock);
	return wait;
}
