/*
 * trace.h: the trace of one run: what each task did, in order, as events of base/event.h. Off unless a run is to be
 * shown: then trace() is one test of a flag; while it is on, an entry is a few stores.
 *
 * Called where something is to be told (engine/dev, engine/fs, engine/oracle, the races); engine/story reads it.
 */
#ifndef RT_TRACE_H
#define RT_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/event.h"
#include "rt/site.h"

struct trace_entry {
	uint32_t step;            /* decision of the schedule at which it happened */
	uint32_t task;
	uint64_t tick;            /* running number over all entries */
	uint64_t ns;
	enum event event;
	uint64_t arg[EVENT_ARGS]; /* in the order of the event's roles; those that it has not: 0 */
	struct site_stack from;   /* whose line of the source this is: site.h */
};

extern bool trace_on;
void trace_add(enum event event, const uint64_t arg[EVENT_ARGS]);
/*
 * trace(EV_id, one argument for each of its roles, in their order): the compiler refuses an unknown event, and another
 * number of arguments. They are evaluated only while the trace is on.
 */
#define trace(event, ...)                                                                                  \
	do {                                                                                               \
		_Static_assert(sizeof((const uint64_t[]){ 0, ##__VA_ARGS__ }) / 8 == event##_ARGS + 1,     \
		               #event ": one argument for each of its roles");                             \
		if (__builtin_expect(trace_on, 0)) {                                                       \
			trace_add(event, (const uint64_t[EVENT_ARGS]){ __VA_ARGS__ });                     \
			__asm__ volatile(""); /* no tail call: it would stand on its caller's line */      \
		}                                                                                          \
	} while (0)

/* The entry's argument of this role. Its event has one. */
uint64_t trace_arg(const struct trace_entry *e, enum role role);

void trace_start(void);
/* Stops, and hands over the entries (owned by trace.c until the next start). */
const struct trace_entry *trace_stop(uint32_t *n);
/* Entries so far; 0 when off. */
uint32_t trace_count(void);
/* Called where a lock or a queue is made: its class (enum lock_class), which a shown run names. */
void trace_object_add(uint32_t obj, int class);
static inline void trace_object(uint32_t obj, int class)
{
	if (__builtin_expect(trace_on, 0))
		trace_object_add(obj, class);
}
/* The class of an object that the traced run has made; -1 for another one. */
int trace_class(uint32_t obj);
/* The name of task `id` of the traced run; "?" for one that it did not have. */
const char *trace_task_name(uint32_t id);
/*
 * What task `id` is called where several are spoken of: its name; and where others of the `tasks` have the same name,
 * its number among them: "endio 2". `name` says each one's, or NULL. Returns buf, of TASK_NAME_MAX bytes.
 */
const char *task_label(uint32_t id, uint32_t tasks, const char *(*name)(uint32_t id), char *buf);
/* Called by the back ends when a task begins. */
void trace_name_task(uint32_t id, const char *name);

#endif
