/*
 * coop_trace.h: the fingerprint of a controlled run. Two runs in which every object was accessed by the same tasks in
 * the same order, except that accesses which commute (rt.h: enum point_kind) may have changed places, look the same
 * to every task. They get the same number.
 *
 * Tasks and objects have names here, not numbers, because their numbers may depend on an order that does not matter. A
 * name is made from the name of the task that made it, and from how many that task had made before.
 *
 * Called by the coop files.
 */
#ifndef RT_COOP_TRACE_H
#define RT_COOP_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "rt/rt.h"

void coop_trace_begin(void);
/* Task `task` is spawned by task `by`. */
void coop_trace_task(uint32_t task, uint32_t by);
/* The same for a task that exists and now serves `by`: it is named as if it were spawned. */
void coop_trace_serve(uint32_t task, uint32_t by);
/* Object `obj` is made by task `by`. */
void coop_trace_object(uint32_t obj, uint32_t by);
void coop_trace_access(uint32_t task, uint32_t obj, enum point_kind kind);
/* A data choice of a task: as if it wrote it to an object of its own. */
void coop_trace_choice(uint32_t task, uint32_t value);
uint64_t coop_trace_hash(void);

#endif
