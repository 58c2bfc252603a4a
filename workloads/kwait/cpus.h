/*
 * cpus.h: tracepoints seen on all processors, whoever is running: a ring for each processor and tracepoint, drained by
 * a thread of its own.
 *
 * Called by flushes.c and wakers.c.
 */
#ifndef KWAIT_CPUS_H
#define KWAIT_CPUS_H

#include <stdint.h>
#include <sys/types.h>

#include "base/why.h"

struct cpus;

struct cpus_point {
	uint64_t number;    /* tracefs_number() */
	const char *filter; /* NULL: none */
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

/* Recording begins: take(arg, record) is called by one thread, until cpus_end(). NULL with why. */
struct cpus *cpus_begin(const struct cpus_point *point, unsigned n, cpus_take *take, void *arg, struct why *why);
/* It ends, after all records were taken: how many were dropped. Frees. */
uint64_t cpus_end(struct cpus *c);

#endif
