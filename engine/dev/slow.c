/*
 * slow.c: a latency and queue model in front of another device.
 *
 * A drive has qd service slots. A write takes the slot that is free first, for its service time (jittered from the
 * seed), and is done in the device behind when that time is over. Flushes take no slot and overlap with writes, but go
 * one after the other, as a drive has one cache to empty. Reads are not delayed: what is modelled is the cost of making
 * things durable.
 *
 * Always: a bio completes at its due time or later, and bios complete in the order of their due times. The write in the
 * device behind is done before the completion in front: so a flush behind makes durable at least what the flush in
 * front promises (dev.2).
 *
 * The timer task is made at the first bio and ends in halt(). It works by park with a timeout, so it is the same on
 * threads, in virtual time and under a searching picker (where a timeout comes at any time, and only the order of due
 * times is left). It does the work of the device behind, one bio at a time: with ram behind it, the latencies
 * are the model's; with a file behind it, the file's own latency comes on top.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/check.h"
#include "base/rng.h"
#include "dev/door.h"
#include "dev/slow.h"
#include "machine/mem.h"

struct slow {
	struct profile p;
	/* door_lock guards these: */
	struct rng rng;
	uint64_t *slot_free_ns; /* [p.qd] */
	uint64_t flush_free_ns;
	struct list queue;      /* by due_ns */
	struct task *timer;
	bool halting;
	struct waitq wq;        /* the timer sleeps here; woken when a new bio is the first, and for the end */
};

static uint64_t jittered(struct slow *s, uint64_t ns)
{
	uint64_t span = ns / 100 * s->p.jitter;

	return span ? ns - span + rng_below(&s->rng, 2 * span + 1) : ns;
}

static uint64_t *first_free_slot(struct slow *s)
{
	uint64_t *best = &s->slot_free_ns[0];

	for (uint32_t i = 1; i < s->p.qd; i++)
		if (s->slot_free_ns[i] < *best)
			best = &s->slot_free_ns[i];
	return best;
}

static uint64_t take_service(struct slow *s, const struct bio *bio, uint64_t now)
{
	uint64_t *free_ns, cost;

	if (bio->stage == STAGE_FLUSH) {
		free_ns = &s->flush_free_ns;
		cost = s->p.flush_ns;
	} else {
		free_ns = first_free_slot(s);
		cost = bio->flags & BIO_FUA ? s->p.fua_ns : s->p.write_ns;
	}
	*free_ns = (*free_ns > now ? *free_ns : now) + jittered(s, cost);
	return *free_ns;
}

/* By due time, behind those of the same due time; true when it is now the first. */
static bool enqueue(struct slow *s, struct bio *bio)
{
	struct list *pos = s->queue.prev;

	while (pos != &s->queue && list_entry(pos, struct bio, queue)->due_ns > bio->due_ns)
		pos = pos->prev;
	list_add(&bio->queue, pos);
	return s->queue.next == &bio->queue;
}

/* ---- the timer task ---- */

/* Takes the first bio off the queue when it is due; else NULL, and *left_ns until it is due (0: the queue is empty). */
static struct bio *take_due(struct dev *d, uint64_t *left_ns)
{
	struct slow *s = d->private;
	struct bio *bio = NULL;
	uint64_t now = rt_now();

	*left_ns = 0;
	door_lock(d);
	if (!list_empty(&s->queue))
		bio = list_first(&s->queue, struct bio, queue);
	if (bio && bio->due_ns > now && !rt_searching) {
		*left_ns = bio->due_ns - now;
		bio = NULL;
	}
	if (bio)
		list_del(&bio->queue);
	door_unlock(d);
	return bio;
}

/* Does the bio's stage in the device behind: 0 or -errno. */
static int do_below(struct dev *d, struct bio *bio)
{
	if (bio->fault)
		return bio->fault;
	if (bio->stage == STAGE_FLUSH)
		return dev_flush(d->below);
	door_take(bio);
	return dev_write(d->below, bio->off, bio->media, bio->len, bio->flags & (BIO_FUA | BIO_META));
}

struct timer_view {
	struct dev *d;
	uint64_t first_due_ns; /* the time until which it sleeps */
};

/* True when the timer must not sleep on: a bio is due earlier than it knows, or it is to end. */
static bool timer_called(void *arg)
{
	struct timer_view *v = arg;
	struct slow *s = v->d->private;
	bool called;

	door_lock(v->d);
	called = s->halting;
	if (!list_empty(&s->queue))
		called |= list_first(&s->queue, struct bio, queue)->due_ns < v->first_due_ns;
	door_unlock(v->d);
	return called;
}

static bool slow_halting(struct dev *d)
{
	struct timer_view v = {.d = d, .first_due_ns = 0};

	return timer_called(&v);
}

static void timer(void *arg)
{
	struct dev *d = arg;
	struct slow *s = d->private;

	phase(PH_IDLE);
	prctl(PR_SET_TIMERSLACK, 1000); /* the default, 50 us, is more than a whole write */
	while (!slow_halting(d)) {
		uint64_t left_ns;
		struct bio *bio = take_due(d, &left_ns);
		struct timer_view v = {.d = d, .first_due_ns = left_ns ? rt_now() + left_ns : UINT64_MAX};

		if (bio) {
			rt_point(d->id, POINT_COMPLETE);
			door_complete(bio, do_below(d, bio));
		} else if (left_ns) {
			wait_until_timeout(&s->wq, timer_called, &v, left_ns);
		} else {
			wait_until(&s->wq, timer_called, &v);
		}
	}
}

static void slow_submit(struct dev *d, struct bio *bio)
{
	struct slow *s = d->private;
	bool first;

	if (bio->stage == STAGE_READ) {
		door_complete(bio, bio->fault ? bio->fault : dev_read(d->below, bio->off, bio->buf, bio->len));
		return;
	}
	door_lock(d);
	CHECK(!s->halting);
	bio->due_ns = take_service(s, bio, rt_now());
	first = enqueue(s, bio);
	if (!s->timer)
		s->timer = rt_spawn("slow", timer, d, NULL);
	door_unlock(d);
	if (first)
		wake_all(&s->wq);
}

static void slow_forget(struct slow *s)
{
	s->timer = NULL;
	s->halting = false;
	list_init(&s->queue);
	list_init(&s->wq.waiters);
	s->wq.nr = 0;
	s->wq.guard = 0;
	memset(s->slot_free_ns, 0, s->p.qd * sizeof(*s->slot_free_ns));
	s->flush_free_ns = 0;
	rng_seed(&s->rng, s->p.seed);
}

static void slow_halt(struct dev *d, bool abandoned)
{
	struct slow *s = d->private;

	if (!abandoned && s->timer) {
		door_lock(d);
		s->halting = true;
		door_unlock(d);
		wake_all(&s->wq);
		rt_join(s->timer);
	}
	slow_forget(s);
}

/* ---- its life ---- */

static int slow_open(struct dev *d, const char *args, struct why *why)
{
	const char *slash = strchr(args, '/');
	struct slow *s;
	int ret;

	if (!slash)
		return why_set(why, -EINVAL, "slow:%s: want slow:PROFILE/SPEC, as in slow:nvme/ram:1g", args);
	s = mem_zalloc(sizeof(*s));
	d->private = s;
	ret = slow_parse(args, slash, &s->p, why);
	if (ret)
		goto free_slow;
	ret = dev_open(slash + 1, d->force, &d->below, why);
	if (ret)
		goto free_slow;
	d->below->quiet = true;
	d->size = d->below->size;
	d->track = true;
	d->fua_is_cheaper = s->p.fua_ns < s->p.write_ns + s->p.flush_ns;
	s->slot_free_ns = mem_zalloc(s->p.qd * sizeof(*s->slot_free_ns));
	waitq_init(&s->wq, L_WORK);
	slow_forget(s);
	memcpy(d->notice, d->below->notice, sizeof(d->notice));
	return 0;
free_slow:
	free(s);
	return ret;
}

static void slow_close(struct dev *d)
{
	struct slow *s = d->private;

	dev_close(d->below);
	free(s->slot_free_ns);
	free(s);
}

const struct dev_ops slow_ops = {
	.name = "slow",
	.open = slow_open,
	.submit = slow_submit,
	.halt = slow_halt,
	.close = slow_close,
};
