/*
 * trace.c: the entries of the one run that is traced, in an array that grows. One guard over the array keeps entries in
 * the order of their ticks, also when several threads write them. See trace.h.
 */
#include "rt/trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "rt/coop.h"
#include "rt/cpu.h"
#include "rt/rt.h"

#define NAMES_MAX   256
#define OBJECTS_MAX 65536u

bool trace_on;

static _Atomic uint32_t guard;
/* guard guards these: */
static struct trace_entry *entries;
static uint32_t n, cap;
static char names[NAMES_MAX][TASK_NAME_MAX];
static int16_t classes[OBJECTS_MAX]; /* plus 1: 0 is not known */

void trace_add(enum event event, const uint64_t arg[EVENT_ARGS])
{
	struct trace_entry e = { .step = coop_step(), .task = rt_self()->id, .ns = rt_now(), .event = event };

	memcpy(e.arg, arg, sizeof(e.arg));
	site_take(&e.from);
	guard_lock(&guard);
	if (n == cap) {
		cap = cap ? cap * 2 : 1024;
		entries = realloc(entries, cap * sizeof(*entries));
		CHECK(entries != NULL);
	}
	e.tick = n;
	entries[n++] = e;
	guard_unlock(&guard);
}

uint64_t trace_arg(const struct trace_entry *e, enum role role)
{
	int i = event_position(e->event, role);

	CHECK(i >= 0);
	return e->arg[i];
}

void trace_start(void)
{
	struct site_stack first;

	site_take(&first); /* site.h: the first one is not a fiber's */
	guard_lock(&guard);
	n = 0;
	for (unsigned i = 0; i < NAMES_MAX; i++)
		names[i][0] = 0;
	memset(classes, 0, sizeof(classes));
	guard_unlock(&guard);
	trace_on = true;
}

const struct trace_entry *trace_stop(uint32_t *count_out)
{
	trace_on = false;
	*count_out = n;
	return entries;
}

uint32_t trace_count(void)
{
	return trace_on ? n : 0;
}

void trace_object_add(uint32_t obj, int class)
{
	if (obj >= OBJECTS_MAX)
		return;
	guard_lock(&guard);
	classes[obj] = (int16_t)(class + 1);
	guard_unlock(&guard);
}

int trace_class(uint32_t obj)
{
	return obj < OBJECTS_MAX ? classes[obj] - 1 : -1;
}

void trace_name_task(uint32_t id, const char *name)
{
	if (id >= NAMES_MAX)
		return;
	guard_lock(&guard);
	snprintf(names[id], sizeof(names[id]), "%s", name);
	guard_unlock(&guard);
}

const char *trace_task_name(uint32_t id)
{
	return id < NAMES_MAX && names[id][0] ? names[id] : "?";
}

const char *task_label(uint32_t id, uint32_t tasks, const char *(*name)(uint32_t id), char *buf)
{
	const char *own = name(id), *other;
	uint32_t namesakes = 0, number = 0;

	for (uint32_t i = 0; i < tasks && own; i++) {
		other = name(i);
		namesakes += other && !strcmp(other, own);
		if (i == id)
			number = namesakes;
	}
	if (namesakes > 1)
		snprintf(buf, TASK_NAME_MAX, "%.*s %u", TASK_NAME_MAX - 5, own, number);
	else
		snprintf(buf, TASK_NAME_MAX, "%s", own ? own : "?");
	return buf;
}
