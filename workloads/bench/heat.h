/*
 * heat.h: latency over time: how many syncs of a trial ended in each slice of time, by latency. What a
 * histogram of the whole trial cannot show: when the slow ones were, and whether all tasks stood still.
 *
 * The sum of all cells is the number of syncs.
 *
 * heat.1: A slice is as long as needed for HEAT_SLICES of them to hold the trial. When time runs out of the last one,
 * neighbours are added up, and slices are twice as long.
 *
 * No lock: one writer, its task; merged when the trial is over. Called by the driver.
 */
#ifndef BENCH_HEAT_H
#define BENCH_HEAT_H

#include <stdint.h>

#include "base/hist.h"

#define HEAT_SLICES   64
#define HEAT_SLICE_NS 5000000ull /* at first */
#define HEAT_ROW_BITS 4          /* sub-buckets of a histogram in a row: four rows an octave */
#define HEAT_ROWS     (HIST_BUCKETS >> HEAT_ROW_BITS)

struct heat {
	uint64_t slice_ns;
	uint64_t max_ns[HEAT_SLICES]; /* the longest that ended in it */
	uint32_t n[HEAT_SLICES][HEAT_ROWS];
};

void heat_init(struct heat *h);
/* A sync of this latency ended at_ns after the trial began. */
void heat_add(struct heat *h, uint64_t at_ns, uint64_t latency_ns);
void heat_merge(struct heat *into, const struct heat *from);
/* The latency where a row begins, within 1 %. */
uint64_t heat_row_ns(unsigned row);

#endif
