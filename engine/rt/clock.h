/*
 * clock.h: real time for the threads back end, as cheap as this CPU has it.
 */
#ifndef RT_CLOCK_H
#define RT_CLOCK_H

#include <stdint.h>

/* Nanoseconds, monotonic, from an arbitrary start. */
uint64_t clock_now(void);
/* "tsc" or "clock_gettime". */
const char *clock_name(void);
/* Processor time of the process. */
uint64_t clock_cpu_ns(void);

#endif
