/*
 * cpus.h: tracepoints seen on all processors, whoever is running: a ring for each processor and tracepoint. It is
 * drained by a thread of its own, or by its owner, who must come often enough.
 *
 * The rings are not drained at one instant: a record of one may be given before an older one of another. Who sorts what
 * is older than the begin of a drain has all of it.
 *
 * Called by flushes.c, wakers.c and uring.c.
 */
#ifndef KWAIT_CPUS_H
#define KWAIT_CPUS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/why.h"

struct cpus;

struct cpus_point {
	uint64_t number;    /* tracefs_number() */
	const char *filter; /* NULL: none */
	bool wakes;         /* each record wakes who polls cpus_fd() */
};

/* One record. `raw` is what the tracepoint's format describes. */
struct cpus_record {
	unsigned point;
	uint64_t ns;
	pid_t tid;          /* the thread that was running, in an interrupt as well */
	const unsigned char *raw;
	uint32_t size;
};

typedef void cpus_take(void *arg, const struct cpus_record *r);

/* Recording begins; cpus_drain() gives what is recorded to take(). NULL with why. */
struct cpus *cpus_begin(const struct cpus_point *point, unsigned n, cpus_take *take, void *arg, struct why *why);
/* As often as is needed, by a thread of its own until cpus_end(): take() is called by that one alone. 0 or -EAGAIN. */
int cpus_drain_always(struct cpus *c, struct why *why);
void cpus_drain(struct cpus *c);
/* To be polled; -1 where no tracepoint wakes. */
int cpus_fd(const struct cpus *c);
/* Whether that tracepoint is recorded, and wakes, as it does at first. */
void cpus_switch(struct cpus *c, unsigned point, bool on);
/* How many records were dropped so far. */
uint64_t cpus_lost(const struct cpus *c);
/* It ends, after all records were taken: how many were dropped. Frees. */
uint64_t cpus_end(struct cpus *c);

#endif
