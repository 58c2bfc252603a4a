/* violation.c: see violation.h. */
#include "hunt/violation.h"

#include <string.h>

const char *const violation_name[VIOLATION_NR] = {
	[VIOLATION_NONE] = "none",
	[VIOLATION_PROMISE] = "promise",
	[VIOLATION_ERROR] = "error",
	[VIOLATION_STUCK] = "stuck",
	[VIOLATION_TOO_LONG] = "too_long",
	[VIOLATION_STATE] = "state",
	[VIOLATION_CHECK] = "check",
};

void violation_init(struct violation *v)
{
	memset(v, 0, sizeof(*v));
	schedule_init(&v->schedule);
}

void violation_fini(struct violation *v)
{
	schedule_free(&v->schedule);
}

void violation_swap(struct violation *a, struct violation *b)
{
	struct violation was = *a;

	*a = *b;
	*b = was;
}

bool violation_same(const struct violation *a, const struct violation *b)
{
	return a->kind == b->kind && a->broken.kind == b->broken.kind;
}

bool violation_smaller(const struct violation *a, const struct violation *b)
{
	if (a->run.preemptions != b->run.preemptions)
		return a->run.preemptions < b->run.preemptions;
	if (a->run.switches != b->run.switches)
		return a->run.switches < b->run.switches;
	return a->run.steps < b->run.steps;
}
