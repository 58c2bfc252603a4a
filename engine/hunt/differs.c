/* differs.c: see differs.h. */
#include "hunt/differs.h"

#include <stdio.h>

#include "hunt/run.h"
#include "rt/trace.h"

static bool same_turn(const struct watch_turn *a, const struct watch_turn *b)
{
	return a->task == b->task && a->stop.task == b->stop.task && a->stop.obj == b->stop.obj &&
	       a->stop.kind == b->stop.kind;
}

static bool same_access(const struct watch_access *a, const struct watch_access *b)
{
	return a->task == b->task && a->obj == b->obj && a->write == b->write;
}

/* The first turn in which they differ; the number of common turns when none does. */
static uint32_t first_turn(const struct watch *a, const struct watch *b)
{
	uint32_t n = a->nturns < b->nturns ? a->nturns : b->nturns, t = 0, i = 0;

	while (t < n && same_turn(&a->turn[t], &b->turn[t]))
		t++;
	while (i < a->naccesses && i < b->naccesses && same_access(&a->access[i], &b->access[i]))
		i++;
	if (i < a->naccesses && a->access[i].turn < t)
		t = a->access[i].turn;
	if (i < b->naccesses && b->access[i].turn < t)
		t = b->access[i].turn;
	return t;
}

/* What the run did in turn t. Length of the text, which may be more than there was room for. */
static unsigned tell(const struct watch *w, uint32_t t, char *buf, unsigned size)
{
	char object[64];

	if (t >= w->nturns)
		return (unsigned)snprintf(buf, size, "it had ended");
	const struct watch_turn *turn = &w->turn[t];
	uint32_t end = t + 1 < w->nturns ? w->turn[t + 1].access : w->naccesses;
	unsigned n = (unsigned)snprintf(buf, size, "step %u, task %u (%s) went on", turn->step, turn->task,
	                                trace_task_name(turn->task));
	for (uint32_t i = turn->access; i < end && n < size; i++) {
		const struct watch_access *a = &w->access[i];
		watch_object(a->obj, a->write ? POINT_WRITE : POINT_READ, object, sizeof(object));
		n += (unsigned)snprintf(buf + n, size - n, "%s %s %s (object %u)", i == turn->access ? ":" : ",",
		                        a->write ? "changed" : "read", object, a->obj);
	}
	return n;
}

void hunt_tell_difference(struct hunt *h, const struct violation *v, const struct watch *a, const struct watch *b,
                          char *buf, unsigned size)
{
	uint32_t t = first_turn(a, b), n;

	trace_start(); /* only for the names of tasks and objects */
	hunt_again(h, v, true);
	trace_stop(&n);
	if (t == a->nturns && t == b->nturns) {
		snprintf(buf, size, "the same steps, another verdict");
		return;
	}
	n = (unsigned)snprintf(buf, size, "turn %u: in the first run ", t + 1);
	n += tell(a, t, buf + n, size - n);
	if (n < size)
		n += (unsigned)snprintf(buf + n, size - n, "; in the second ");
	if (n < size)
		tell(b, t, buf + n, size - n);
}
