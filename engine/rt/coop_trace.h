/*
 * coop_trace.h: the fingerprint of a controlled run. Two runs in which every object was accessed by
 * the same tasks in the same order, reads between two writes in any order, are one and the same to
 * every task; they get the same number.
 */
#ifndef RT_COOP_TRACE_H
#define RT_COOP_TRACE_H

#include <stdbool.h>
#include <stdint.h>

void coop_trace_begin(void);
void coop_trace_access(uint32_t task, uint32_t obj, bool write);
/* A data choice of a task: as if it wrote it to an object of its own. */
void coop_trace_choice(uint32_t task, uint32_t value);
uint64_t coop_trace_hash(void);

#endif
