/*
 * reap.c: which task asks the back end for completions. A task that waits for one asks itself (it is the reaper), so a
 * lone fsync needs no helper thread; other tasks that wait sleep meanwhile.
 *
 * reap.1: At most one task reaps. It stops when its own condition holds, and hands the role to one of the tasks
 *      that wait if there is anything left to reap.
 * reap.2: A reaper blocks in the back end for a short time only: its condition may also come true in another way (a bio
 *      that another task did itself, a worker).
 *
 * Bios that nobody waits for are reaped by a task of the device's own, the background reaper. It looks every
 * BACKGROUND_NS while something is in flight, and sleeps after IDLE_LOOKS looks at which nothing was.
 *
 * d->lock guards reaper and waiters. Back ends without reap() complete by themselves: for them, and in controlled runs,
 * waiting is wait_until().
 */
#include "base/check.h"
#include "dev/door.h"
#include "rt/lock_stat.h"

#define BACKGROUND_NS 1000000u
#define IDLE_LOOKS    50u

struct reap_waiter {
	struct list link;
	struct task *task;
	struct waitq *wq;
	bool (*cond)(void *arg);
	void *arg;
	_Atomic bool promoted; /* it is the reaper now */
};

/*
 * Takes the role when it is free and there is something to reap: true. Else w (may be NULL) lines up to be handed
 * it.
 */
static bool become_reaper(struct dev *d, struct reap_waiter *w)
{
	bool mine;

	spin_lock(&d->lock);
	mine = !d->reaper && d->queued;
	if (mine)
		d->reaper = rt_self();
	else if (w)
		list_add_tail(&w->link, &d->waiters);
	spin_unlock(&d->lock);
	return mine;
}

/*
 * The end of reaping (reap.1). The wake is made under the lock: the waiter takes the lock before it returns, so its
 * queue is still there.
 */
static void hand_over(struct dev *d)
{
	spin_lock(&d->lock);
	CHECK(d->reaper == rt_self());
	d->reaper = NULL;
	if (d->queued && !list_empty(&d->waiters)) {
		struct reap_waiter *w = list_first(&d->waiters, struct reap_waiter, link);

		list_del(&w->link);
		d->reaper = w->task;
		w->promoted = true;
		wake_all(w->wq);
	}
	spin_unlock(&d->lock);
}

static bool promoted_or_done(void *arg)
{
	struct reap_waiter *w = arg;

	return w->promoted || w->cond(w->arg);
}

/* Sleeps until its condition holds or it is the reaper; true for the latter. */
static bool sleep_in_line(struct dev *d, struct reap_waiter *w)
{
	wait_until(w->wq, promoted_or_done, w);
	spin_lock(&d->lock);
	list_del(&w->link);
	spin_unlock(&d->lock);
	return w->promoted;
}

/*
 * The task reaps until its condition holds or nothing is left. To the task that is a sleep on wq, so it is counted
 * as one.
 */
static void reap_until(struct dev *d, struct waitq *wq, bool (*cond)(void *arg), void *arg)
{
	struct wait_timer timer;

	lock_stat_waited(rt_self(), wq->class);
	lock_stat_wait_begin(&timer, NULL);
	while (d->queued && !cond(arg))
		d->ops->reap(d, true);
	hand_over(d);
	lock_stat_wait_end(&timer, wq->class);
}

void dev_wait_until(struct dev *d, struct waitq *wq, bool (*cond)(void *arg), void *arg)
{
	if (!d->ops->reap || rt_controlled) {
		wait_until(wq, cond, arg);
		return;
	}
	lock_order_check(wq->class, 0);
	if (cond(arg))
		lock_stat_waited(rt_self(), wq->class);
	while (!cond(arg)) {
		struct reap_waiter w = {.task = rt_self(), .wq = wq, .cond = cond, .arg = arg};

		list_init(&w.link);
		if (become_reaper(d, &w) || sleep_in_line(d, &w))
			reap_until(d, wq, cond, arg);
	}
}

/* ---- the background reaper ---- */

static bool kicked(void *arg)
{
	struct dev *d = arg;

	return d->closing || d->queued;
}

static void background(void *arg)
{
	struct dev *d = arg;
	unsigned idle = 0;

	phase(PH_IDLE);
	while (!d->closing) {
		if (d->queued) {
			idle = 0;
			if (become_reaper(d, NULL)) {
				d->ops->reap(d, false);
				hand_over(d);
			}
		}
		if (++idle <= IDLE_LOOKS) {
			rt->sleep(BACKGROUND_NS);
			continue;
		}
		d->background_parked = true;
		wait_until(&d->background_wq, kicked, d);
		d->background_parked = false;
	}
}

void reap_kick(struct dev *d)
{
	if (d->background_parked)
		wake_all(&d->background_wq);
}

void reap_start(struct dev *d)
{
	if (d->ops->reap && !rt_controlled)
		d->background = rt_spawn("reaper", background, d, NULL);
}

void reap_stop(struct dev *d)
{
	if (!d->background)
		return;
	d->closing = true;
	wake_all(&d->background_wq);
	rt_join(d->background);
	d->background = NULL;
}
