/*
 * coop_trace.h: the fingerprint of a controlled run. Two runs in which every object was accessed by
 * the same tasks in the same order, but for accesses that commute (rt.h: enum point_kind), are one and
 * the same to every task; they get the same number.
 *
 * Tasks and objects have names here, not numbers: which one got which number may depend on an order
 * that does not matter. A name is made of who made it, and the how-manieth that was.
 */
#ifndef RT_COOP_TRACE_H
#define RT_COOP_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "rt/rt.h"

void coop_trace_begin(void);
/* Task `task` begins, or begins to serve: the next one of `by`. */
void coop_trace_task(uint32_t task, uint32_t by);
/* Object `obj` is made by a task of the run. */
/* The same for a task that was there, and is named anew: it counts as one that is spawned. */
void coop_trace_serve(uint32_t task, uint32_t by);
void coop_trace_object(uint32_t obj, uint32_t by);
void coop_trace_access(uint32_t task, uint32_t obj, enum point_kind kind);
/* A data choice of a task: as if it wrote it to an object of its own. */
void coop_trace_choice(uint32_t task, uint32_t value);
uint64_t coop_trace_hash(void);

#endif
