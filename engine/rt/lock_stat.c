/*
 * lock_stat.c: what locks and waits cost: counted in a block per task, summed when asked. See lock_stat.h.
 *
 * A task's block is written by that task. acquired[] and other_node[] are single words (tally); lock[] is written under
 * the block's guard, because a histogram is too large to be read while it changes.
 * lock_stat.1: A class's part is made when the class is first contended or sampled: hundreds of tasks with a few
 * contended classes each stay small.
 *
 * The registry's mutex guards `enabled` and `finished`.
 */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "machine/mem.h"
#include "rt/cpu.h"
#include "rt/lock_slow.h"
#include "rt/task.h"

static bool enabled;
static struct lock_stat *finished[L_NR]; /* of retired tasks; NULL: nothing yet */

static struct lock_stat *of_class(struct lock_stat **of, enum lock_class class)
{
	if (!of[class]) { /* (lock_stat.1) */
		of[class] = mem_zalloc(sizeof(*of[class]));
		hist_init(&of[class]->wait);
		hist_init(&of[class]->hold);
	}
	return of[class];
}

/* ---- one wait, one hold ---- */

void lock_stat_wait_begin(struct wait_timer *w, struct task *ower)
{
	w->since_ns = 0;
	w->wakeup_ns = 0;
	w->woken = w->woken_remote = 0;
	w->phase = PH_OTHER;
	if (!rt_instrument || !atomic_load_explicit(&rt_self()->stats, memory_order_acquire))
		return;
	w->since_ns = rt_now();
	if (ower)
		w->phase = atomic_load_explicit(&ower->phase, memory_order_relaxed);
}

void lock_stat_wait_end(const struct wait_timer *w, enum lock_class class)
{
	struct task_stats *stats = atomic_load_explicit(&rt_self()->stats, memory_order_acquire);

	if (!w->since_ns || !stats)
		return;

	uint64_t wait_ns = rt_now() - w->since_ns;
	guard_lock(&stats->guard);
	struct lock_stat *st = of_class(stats->lock, class);
	st->contended++;
	st->wait_ns += wait_ns;
	st->wakeup_ns += w->wakeup_ns;
	st->woken += w->woken;
	st->woken_remote += w->woken_remote;
	st->by_phase_ns[w->phase] += wait_ns;
	hist_add(&st->wait, wait_ns);
	guard_unlock(&stats->guard);
}

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* The waker's stamp is another processor's reading of the clock, which may differ a little: it is put between ours. */
void lock_stat_woken(struct wait_timer *w)
{
	struct task *t = rt_self();
	uint64_t woken = atomic_load_explicit(&t->woken_ns, memory_order_relaxed);
	uint64_t now;

	if (!rt_instrument || !woken)
		return;
	atomic_store_explicit(&t->woken_ns, 0, memory_order_relaxed);
	if (w) {
		w->woken++;
		w->woken_remote += atomic_load_explicit(&t->woken_from, memory_order_relaxed) != t->node;
	}
	now = rt_now();
	if (now <= t->phase_since_ns)
		return;
	woken = later(woken, t->phase_since_ns);
	if (woken > now)
		woken = now;
	t->phase_ns[atomic_load_explicit(&t->phase, memory_order_relaxed)] += woken - t->phase_since_ns;
	t->phase_ns[PH_WAKEUP] += now - woken;
	t->phase_since_ns = now;
	if (w && w->since_ns)
		w->wakeup_ns += now - later(woken, w->since_ns);
}

/* What most acquisitions do not have: the hold is a sample, or the last one was on another node. */
void lock_count_rest(struct task *t, enum lock_class class, uint32_t *last_node)
{
	if (!t->sample) {
		struct held *h = &t->held[t->nheld - 1];

		t->sample = HOLD_ONE_IN;
		h->obj |= HELD_SAMPLED;
		h->since_ns = rt_now();
	}
	if (*last_node != t->node) {
		tally(&atomic_load_explicit(&t->stats, memory_order_acquire)->other_node[class], 1);
		*last_node = t->node;
	}
}

void held_end_sample(struct task *t, const struct held *h)
{
	struct task_stats *stats = atomic_load_explicit(&t->stats, memory_order_acquire);
	uint64_t hold_ns = rt_now() - h->since_ns;

	if (!stats)
		return;
	guard_lock(&stats->guard);
	struct lock_stat *st = of_class(stats->lock, h->class);
	st->hold_n++;
	st->hold_ns += hold_ns;
	hist_add(&st->hold, hold_ns);
	guard_unlock(&stats->guard);
}

/* ---- tasks begin and end ---- */

static void switch_on(struct task_box *box)
{
	if (!box->stats_mem)
		box->stats_mem = mem_zalloc(sizeof(*box->stats_mem));
	atomic_store_explicit(&box->task.stats, box->stats_mem, memory_order_release);
}

static void switch_task(struct task *t, void *arg)
{
	if (enabled)
		switch_on(task_box_of(t));
	else
		atomic_store_explicit(&t->stats, NULL, memory_order_release);
}

void lock_stats_enable(bool on)
{
	task_registry_lock();
	enabled = on;
	task_for_each(switch_task, NULL);
	task_registry_unlock();
}

void lock_stat_begin_task(struct task_box *box)
{
	switch_task(&box->task, NULL);
}

static void add_stat(struct lock_stat *into, const struct lock_stat *from)
{
	into->acquired += from->acquired;
	into->contended += from->contended;
	into->other_node += from->other_node;
	into->wait_ns += from->wait_ns;
	into->wakeup_ns += from->wakeup_ns;
	into->woken += from->woken;
	into->woken_remote += from->woken_remote;
	into->hold_ns += from->hold_ns;
	into->hold_n += from->hold_n;
	for (int p = 0; p < PH_NR; p++)
		into->by_phase_ns[p] += from->by_phase_ns[p];
	hist_merge(&into->wait, &from->wait);
	hist_merge(&into->hold, &from->hold);
}

/* One class of one task. The small counters are not in its lock_stat, which may not even exist. */
static void add_task_class(struct lock_stat *into, struct task_stats *stats, int class)
{
	into->acquired += __atomic_load_n(&stats->acquired[class], __ATOMIC_RELAXED);
	into->other_node += __atomic_load_n(&stats->other_node[class], __ATOMIC_RELAXED);
	guard_lock(&stats->guard);
	if (stats->lock[class])
		add_stat(into, stats->lock[class]);
	guard_unlock(&stats->guard);
}

static void clear_stats(struct task_stats *stats)
{
	guard_lock(&stats->guard);
	for (int c = 0; c < L_NR; c++) {
		__atomic_store_n(&stats->acquired[c], 0, __ATOMIC_RELAXED);
		__atomic_store_n(&stats->other_node[c], 0, __ATOMIC_RELAXED);
		free(stats->lock[c]);
		stats->lock[c] = NULL;
	}
	guard_unlock(&stats->guard);
}

void lock_stat_retire_task(struct task_box *box)
{
	struct task_stats *stats = box->stats_mem;

	if (!stats)
		return;
	for (int c = 0; c < L_NR; c++)
		if (stats->acquired[c] || stats->lock[c])
			add_task_class(of_class(finished, c), stats, c);
	clear_stats(stats);
}

/* ---- sums ---- */

static void add_task(struct task *t, void *arg)
{
	struct task_stats *stats = task_box_of(t)->stats_mem;
	struct lock_stat *out = arg;

	if (!stats)
		return;
	for (int c = 0; c < L_NR; c++)
		add_task_class(&out[c], stats, c);
}

void lock_totals(struct lock_stat *out)
{
	memset(out, 0, L_NR * sizeof(*out));
	task_registry_lock();
	for (int c = 0; c < L_NR; c++) {
		hist_init(&out[c].wait);
		hist_init(&out[c].hold);
		if (finished[c])
			add_stat(&out[c], finished[c]);
	}
	task_for_each(add_task, out);
	task_registry_unlock();
}

static void reset_task(struct task *t, void *arg)
{
	if (task_box_of(t)->stats_mem)
		clear_stats(task_box_of(t)->stats_mem);
}

void lock_stat_reset(void)
{
	for (int c = 0; c < L_NR; c++) {
		free(finished[c]);
		finished[c] = NULL;
	}
	task_for_each(reset_task, NULL);
}
