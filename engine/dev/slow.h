/*
 * slow.h: between the latency model's two halves: slow_profile.c (what is asked for) and slow.c (the model).
 */
#ifndef DEV_SLOW_H
#define DEV_SLOW_H

#include "dev/dev.h"

#define QD_MAX 1024u

struct profile {
	const char *name, *what;
	uint64_t write_ns, flush_ns, fua_ns;
	uint32_t qd, jitter; /* service slots; percent of each time, either way */
	uint64_t seed;
};

/* Reads "PROFILE[,key=val...]", which ends at `end`. 0, or -EINVAL and why. */
int slow_parse(const char *args, const char *end, struct profile *p, struct why *why);

#endif
