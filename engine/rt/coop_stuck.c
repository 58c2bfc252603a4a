/*
 * coop_stuck.c: the words about a run that cannot go on: what each task waits for and which task holds that, a cycle
 * if there is one, and where a replay left its schedule. Called when a run ends; nothing here changes the run.
 */
#include <stdio.h>

#include "rt/coop_state.h"
#include "rt/lock.h"
#include "rt/trace.h"

/* Of task_label(). */
static const char *name_of(uint32_t id)
{
	return id < coop.view.ntasks && coop.task[id].box ? coop.task[id].box->task.name : NULL;
}

/* A live task but t that owes an event of this class; of the queue that t waits in, unless `any`. NULL: none. */
static const struct task *ower_of(const struct task *t, bool any)
{
	const struct waitq *wq = t->wait_owner ? container_of(t->wait_owner, struct waitq, ower) : NULL;

	for (uint64_t left = coop.live & ~BIT(t->id); left; left &= left - 1) {
		const struct task *other = &coop.task[__builtin_ctzll(left)].box->task;
		for (unsigned i = 0; i < other->nheld; i++)
			if (other->held[i].class == t->wait_class && (any || other->held[i].obj == (uintptr_t)wq))
				return other;
	}
	return NULL;
}

/* Who holds or owes what t waits for: named where it waits; or a queue has several owers, and one of them; or the
 * event is of several things, each owed by itself (a commit waits for all that is pending), and one of those. NULL:
 * nobody. */
static const struct task *owner_of(const struct task *t)
{
	const struct task *owner = t->wait_owner ? atomic_load(t->wait_owner) : NULL;

	if (owner || lock_info[t->wait_class].kind != LOCK_WAIT)
		return owner;
	owner = ower_of(t, false);
	return owner ? owner : ower_of(t, true);
}

static int describe_wait(char *buf, unsigned size, const struct task *t)
{
	const struct task *owner = t->wait_class < 0 ? NULL : owner_of(t);
	char name[TASK_NAME_MAX] = "";

	if (t->wait_class < 0)
		return snprintf(buf, size, "is parked");
	if (owner)
		task_label(owner->id, coop.view.ntasks, name_of, name);
	return snprintf(buf, size, "waits for %s%s%s", lock_info[t->wait_class].name, owner ? " of " : "", name);
}

static int describe_task(char *buf, unsigned size, uint32_t id)
{
	const struct task *t = &coop.task[id].box->task;
	char name[TASK_NAME_MAX];
	int n = snprintf(buf, size, "%s (", task_label(id, coop.view.ntasks, name_of, name));

	if (n < 0 || (unsigned)n >= size)
		return n;
	if (t == rt_self_ptr && (coop.view.enabled & BIT(id)))
		n += snprintf(buf + n, size - (unsigned)n, "runs");
	else if (atomic_load(&t->token) == 2 || coop.awaiting & ~coop.view.enabled & BIT(id))
		n += describe_wait(buf + n, size - (unsigned)n, t);
	else
		n += snprintf(buf + n, size - (unsigned)n, "can go on");
	if ((unsigned)n < size)
		n += snprintf(buf + n, size - (unsigned)n, ")");
	return n;
}

/* The task that holds or owes what task `id` waits for; COOP_TASKS_MAX when none is named. */
static uint32_t waits_for(uint32_t id)
{
	CHECK(id < COOP_TASKS_MAX);
	const struct task *t = &coop.task[id].box->task;
	const struct task *owner = t->wait_class >= 0 ? owner_of(t) : NULL;

	if (!owner || coop.view.enabled & BIT(id) || owner->id >= COOP_TASKS_MAX || !(coop.live & BIT(owner->id)))
		return COOP_TASKS_MAX;
	return owner->id;
}

/* "; cycle: a -> b -> a", when tasks wait for each other in a cycle. */
static void describe_cycle(char *buf, unsigned size)
{
	uint32_t id = COOP_TASKS_MAX, start;
	char name[TASK_NAME_MAX];
	unsigned n;

	for (uint64_t left = coop.live; left && id == COOP_TASKS_MAX; left &= left - 1) {
		id = (uint32_t)__builtin_ctzll(left);
		for (unsigned i = 0; i < COOP_TASKS_MAX && id < COOP_TASKS_MAX; i++)
			id = waits_for(id); /* so often that it is inside the cycle, if there is one */
	}
	if (id == COOP_TASKS_MAX)
		return;
	start = id;
	n = (unsigned)snprintf(buf, size, "; cycle: %s", task_label(id, coop.view.ntasks, name_of, name));
	do {
		id = waits_for(id);
		task_label(id, coop.view.ntasks, name_of, name);
		if (n < size)
			n += (unsigned)snprintf(buf + n, size - n, " -> %s", name);
	} while (id != start);
}

void coop_describe(char *buf, unsigned size)
{
	unsigned n = 0;

	if (size)
		buf[0] = 0;
	for (uint64_t left = coop.running ? coop.live : 0; left && n < size; left &= left - 1) {
		if (n)
			n += (unsigned)snprintf(buf + n, size - n, ", ");
		if (n < size)
			n += (unsigned)describe_task(buf + n, size - n, (uint32_t)__builtin_ctzll(left));
	}
	if (coop.running && n < size)
		describe_cycle(buf + n, size - n);
}

_Noreturn void coop_diverged(uint32_t picked)
{
	char *why = coop.result->why;
	unsigned size = sizeof(coop.result->why), n;

	n = (unsigned)snprintf(why, size, "decision %u: ", coop.view.step);
	if (picked == COOP_PICK_NONE)
		n += (unsigned)snprintf(why + n, size - n, "the schedule has ended");
	else if (picked == COOP_PICK_DATA)
		n += (unsigned)snprintf(why + n, size - n, "the schedule has a data choice");
	else
		n += (unsigned)snprintf(why + n, size - n, "the schedule says task %u", picked);
	n += (unsigned)snprintf(why + n, size - n, "; enabled:");
	for (uint64_t ids = coop.view.enabled; ids && n < size; ids &= ids - 1) {
		const struct task *t = &coop.task[__builtin_ctzll(ids)].box->task;
		n += (unsigned)snprintf(why + n, size - n, " %u (%s)", t->id, t->name);
	}
	coop_end_run(COOP_DIVERGED);
}
