/*
 * lock_order.c: what the running task holds and owes, and the checks of lock.1 to lock.3.
 *
 * lock_order.1: held[] is sorted by (class, sub): its top is the innermost. An acquire that lock.1 allows belongs on
 *     top; owe() puts its entry where it belongs.
 * What is owed is an entry like a lock that is held, so lock.3 needs no check of its own: lock.1 and lock.2 imply it.
 *
 * A task looks at its own entries only, so nothing is locked. Callers: lock_fast.h, lock.c, rwsem.c, waitq.c.
 */
#include <stdio.h>

#include "base/check.h"
#include "rt/lock.h"
#include "rt/lock_slow.h"

const struct lock_info lock_info[L_NR] = {
#define X(id, lock_kind_, meaning) [L_##id] = { .name = #id, .what = meaning, .kind = LOCK_##lock_kind_ },
	LOCK_CLASSES(X)
#undef X
};

const char *const lock_kind_name[] = {
	[LOCK_MUTEX] = "mutex",
	[LOCK_RWSEM] = "rwsem",
	[LOCK_SPIN] = "spin",
	[LOCK_WAIT] = "wait",
};

static void print_held(const struct task *t)
{
	for (unsigned i = 0; i < t->nheld; i++) {
		const struct lock_info *info = &lock_info[t->held[i].class];
		fprintf(stderr, "    %s %s sub %lld (%s)\n", info->kind == LOCK_WAIT ? "owes " : "holds", info->name,
		        (long long)t->held[i].sub, info->what);
	}
}

_Noreturn void lock_order_failed(struct task *t, enum lock_class class, int64_t sub)
{
	const struct lock_info *info = &lock_info[class];

	fflush(stdout);
	fprintf(stderr, "lock order: task %s %s %s sub %lld (%s), but it\n", t->name,
	        info->kind == LOCK_WAIT ? "waits for" : "takes", info->name, (long long)sub, info->what);
	print_held(t);
	check_failed(__FILE__, __LINE__, __func__, "locks and waits go downwards in LOCK_CLASSES");
}

static bool inside(const struct held *h, enum lock_class class, int64_t sub)
{
	return h->class > class || (h->class == class && h->sub >= sub);
}

static const void *obj_of(const struct held *h)
{
	return (const void *)(h->obj & ~(uintptr_t)HELD_SAMPLED);
}

uint32_t held_lock_id(const struct held *h)
{
	switch (lock_info[h->class].kind) {
	case LOCK_MUTEX:
	case LOCK_SPIN:
		return ((const struct mutex *)obj_of(h))->id;
	case LOCK_RWSEM:
		return ((const struct rwsem *)obj_of(h))->id;
	default:
		return 0;
	}
}

void lock_order_wait(struct task *t, enum lock_class class, int64_t sub, const struct mutex *dropped)
{
	for (unsigned i = t->waits_against_order ? 0 : t->nheld; i-- > 0;) {
		if (dropped && obj_of(&t->held[i]) == dropped)
			continue;
		if (inside(&t->held[i], class, sub))
			lock_order_failed(t, class, sub);
		return; /* the others are further out (lock_order.1) */
	}
}

void lock_order_check(enum lock_class class, int64_t sub)
{
	lock_order_wait(rt_self(), class, sub, NULL);
}

void lock_order_waive(bool waive)
{
	struct task *t = rt_self();

	CHECK(t->waits_against_order != waive);
	t->waits_against_order = waive;
}

void held_insert(struct task *t, const void *obj, enum lock_class class, int64_t sub)
{
	unsigned i = t->nheld;

	CHECK(t->nheld < TASK_HELD_MAX);
	for (; i > 0 && inside(&t->held[i - 1], class, sub); i--)
		t->held[i] = t->held[i - 1];
	t->held[i] = (struct held){ .obj = (uintptr_t)obj, .class = (uint8_t)class, .sub = sub };
	t->nheld++;
}

static void take_out(struct task *t, unsigned i)
{
	for (t->nheld--; i < t->nheld; i++)
		t->held[i] = t->held[i + 1];
}

void held_remove(struct task *t, const void *obj)
{
	unsigned i = t->nheld;

	while (i > 0 && obj_of(&t->held[i - 1]) != obj)
		i--;
	CHECK(i > 0 && "a lock that is dropped is held by the task that drops it");

	struct held h = t->held[i - 1];
	take_out(t, i - 1);
	if (h.obj & HELD_SAMPLED)
		held_end_sample(t, &h);
}

void owe(enum lock_class class, int64_t sub, struct waitq *wq)
{
	struct task *t = rt_self();

	CHECK(lock_info[class].kind == LOCK_WAIT);
	held_insert(t, wq, class, sub);
	if (wq)
		atomic_store_explicit(&wq->ower, t, memory_order_release);
}

void paid(enum lock_class class, int64_t sub, struct waitq *wq)
{
	struct task *t = rt_self();
	unsigned i = t->nheld;

	while (i > 0 && !(t->held[i - 1].class == class && t->held[i - 1].sub == sub && obj_of(&t->held[i - 1]) == wq))
		i--;
	CHECK(i > 0 && "what is paid is owed by the task that pays");
	take_out(t, i - 1);
	if (wq && atomic_load_explicit(&wq->ower, memory_order_relaxed) == t)
		atomic_store_explicit(&wq->ower, NULL, memory_order_relaxed);
}
