/*
 * trace.h: the story of one run, for the time line: what each task did, in order. Off unless
 * somebody asks (a replay); then an entry is a few stores. `what` must be a string literal: it is a
 * printf format for up to three numbers.
 */
#ifndef RT_TRACE_H
#define RT_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "rt/site.h"

struct trace_entry {
	uint32_t step;      /* decision of the schedule at which it happened */
	uint32_t task;
	uint64_t tick;      /* running number over all entries */
	uint64_t ns;
	const char *what;
	uint64_t a, b, c;
	uint64_t of;        /* the file that it is about, as its caller names files; 0: none */
	struct site_stack from; /* whose line of the source this is: site.h */
};

extern bool trace_on;
void trace_add(uint64_t of, const char *what, uint64_t a, uint64_t b, uint64_t c);
static inline void trace_of(uint64_t of, const char *what, uint64_t a, uint64_t b, uint64_t c)
{
	if (__builtin_expect(trace_on, 0)) {
		trace_add(of, what, a, b, c);
		__asm__ volatile(""); /* no tail call: it would stand on its caller's line */
	}
}
static inline void trace(const char *what, uint64_t a, uint64_t b, uint64_t c)
{
	trace_of(0, what, a, b, c);
}

void trace_start(void);
/* Stops, and hands over the entries (owned by trace.c until the next start). */
const struct trace_entry *trace_stop(uint32_t *n);
/* Entries so far; 0 when off. */
uint32_t trace_count(void);
/* Called where a lock or a queue is made: its class (enum lock_class), for who shows the run. */
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
 * What task `id` is called where several are spoken of: its name, with its number among those of the `tasks` that have the same
 * name: "endio 2". `name` says each one's, or NULL. Returns buf, of TASK_NAME_MAX bytes.
 */
const char *task_label(uint32_t id, uint32_t tasks, const char *(*name)(uint32_t id), char *buf);
/* Called by the back ends when a task begins. */
void trace_name_task(uint32_t id, const char *name);

#endif
