/*
 * noise.h: seeded noise at points, on threads: a task that comes to a point now and then lets others
 * go on. What lies between two points of an fsync is some ten nanoseconds; on threads that run freely
 * nothing comes between. With noise it does. (Edelstein et al., "Multithreaded Java program test
 * generation", ConTest, 2002: noise makes seldom interleavings less seldom, and proves nothing.)
 *
 * (N1) Without noise and without a picker a point is one branch that is never taken: rt_points.
 * (N2) What each task draws follows from the seed and the task's number. What comes of it does not:
 *      threads are the operating system's.
 *
 * Called by stress.c and by tests. Switched on and off while no other task runs.
 */
#ifndef RT_NOISE_H
#define RT_NOISE_H

#include <stdint.h>

enum noise {
	NOISE_NONE,
	NOISE_YIELD, /* gives up the processor a few times */
	NOISE_SLEEP, /* sleeps up to NOISE_SLEEP_NS, and what the system's timer adds */
	NOISE_KINDS
};
extern const char *const noise_name[NOISE_KINDS];

#define NOISE_ONE_IN     2u /* points that are disturbed */
#define NOISE_YIELDS_MAX 16u
#define NOISE_SLEEP_NS   50000u

void noise_start(enum noise kind, uint64_t seed);
void noise_stop(void);

/* rt_ops.point on threads. */
void noise_point(void);

#endif
