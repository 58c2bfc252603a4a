/*
 * sum.h: where the time of syncs went, from what was recorded of their threads: phase by phase, and by what was waited
 * for.
 *
 * sum.1: The phases of all syncs sum to their duration, exactly: time that is in no sleep was spent on a processor.
 * sum.2: A sleep that no row of phases.h knows is in the phase `other`, and a site with its innermost functions.
 *
 * Called by bench/driver.c and by watch.
 */
#ifndef KWAIT_SUM_H
#define KWAIT_SUM_H

#include "kwait/phases.h"
#include "kwait/task.h"

#define KWAIT_SITES 48
#define KWAIT_SITE_NAME 128

/* One thing that was waited for. */
struct kwait_site {
	char function[KWAIT_SITE_NAME]; /* of other: "innermost < next < next" */
	const char *what;      /* in words; "" of other */
	unsigned phase;
	uint64_t ns, n;        /* time in syncs, and sleeps that it was in */
};

struct kwait_sum {
	uint64_t syncs, sync_ns;
	uint64_t phase_ns[KW_NR];
	unsigned nsites;
	struct kwait_site site[KWAIT_SITES];
	uint64_t lost;         /* records that were not kept: what they were is counted as on a processor */
};

/* Adds a thread's syncs. */
void kwait_sum_task(struct kwait_sum *sum, const struct kwait_task *t);
/* Adds one sync of a thread's. */
void kwait_sum_call(struct kwait_sum *sum, const struct kwait_task *t, const struct kwait_call *c);
void kwait_sum_merge(struct kwait_sum *into, const struct kwait_sum *from);
/* The sites, the dearest first. */
void kwait_sum_sort(struct kwait_sum *sum);
/* The share of the time that is in a phase with a name: 0 to 1; 0 when there was no sync. */
double kwait_sum_named(const struct kwait_sum *sum);

#endif
