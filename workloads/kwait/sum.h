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

#include "kwait/flushes.h"
#include "kwait/phases.h"
#include "kwait/task.h"
#include "kwait/wakers.h"

#define KWAIT_SITES 48
#define KWAIT_EARLY 10 /* early returns that are told */
#define KWAIT_SITE_NAME 128
#define KWAIT_WAKERS 4  /* of a thing that was waited for, those that are told */

/* One thing that was waited for. */
struct kwait_site {
	char function[KWAIT_SITE_NAME]; /* of other: "innermost < next < next" */
	const char *what;      /* in words; "" of other */
	unsigned phase;
	uint64_t ns, n;        /* time in syncs, and sleeps that it was in */
	uint64_t device_ns;    /* of ns: the device had something to do; 0 where it was not looked at */
	/* Who ended these sleeps, and how long they were; wakers that there was no room for are in none. */
	struct kwait_waker { char name[WAKER_NAME]; uint64_t ns; } waker[KWAIT_WAKERS];
};

/* A sync that returned although nothing made durable what was written before it (flushes.h). */
struct kwait_early {
	uint64_t at_ns, took_ns;  /* since the trial began */
	uint64_t wrote_ns;        /* from the write's start to the sync's return */
	char task[32];
	unsigned beside;          /* other tasks that were in a sync when it returned */
};

struct kwait_sum {
	uint64_t syncs, sync_ns;
	uint64_t judged, early;   /* syncs after a write that were held against the device's flushes; early returns */
	struct kwait_early first[KWAIT_EARLY];
	char not_judged[160];     /* why none was; "" when they were */
	uint64_t phase_ns[KW_NR];
	uint64_t device_sync_ns, device_ns; /* of syncs while the device was looked at; of it: it had something to do */
	bool no_flushes;          /* its flushes are not in device_ns */
	char no_wakers[160];      /* why who woke, or the device's part, is not known; "" when it is */
	unsigned nsites;
	struct kwait_site site[KWAIT_SITES];
	uint64_t lost;         /* records that were not kept: what they were is counted as on a processor */
};

/* What is known beside a thread: who woke it, and what the device under its files did. NULL: not known. */
struct kwait_beside {
	const struct wakers *wakers;
	const struct flushes *device;
};

/* Adds a thread's syncs. */
void kwait_sum_task(struct kwait_sum *sum, const struct kwait_task *t, const struct kwait_beside *b);
/*
 * Adds one sync of a thread's; of one through io_uring its worker is the thread. NULL: it was not seen, and where the
 * time went is not known.
 */
void kwait_sum_call(struct kwait_sum *sum, const struct kwait_task *t, const struct kwait_call *c,
                    const struct kwait_beside *b);
void kwait_sum_merge(struct kwait_sum *into, const struct kwait_sum *from);
/* The sites, the dearest first. */
void kwait_sum_sort(struct kwait_sum *sum);
/* The share of the time that is in a phase with a name: 0 to 1; 0 when there was no sync. */
double kwait_sum_named(const struct kwait_sum *sum);

#endif
