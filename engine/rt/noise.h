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
 * Called by hunt/stress.c and by tests. Switched on and off while no other task runs.
 */
#ifndef RT_NOISE_H
#define RT_NOISE_H

#include <stdint.h>

enum noise {
	NOISE_NONE,
	NOISE_YIELD, /* gives up the processor, once or up to NOISE_YIELDS_MAX times */
	NOISE_SLEEP, /* sleeps up to NOISE_SLEEP_NS, and what the system's timer adds */
	NOISE_KINDS
};
extern const char *const noise_name[NOISE_KINDS];

/*
 * What a task has to be held up for is not known: a step of another, or a whole fsync. So each length from one yield to
 * NOISE_YIELDS_MAX is as likely as twice that. Measured on two processors by `race stress seed --design prefix`, hits in a million fsyncs:
 * without noise 400; 1 to 16 yields at one point in 2: 30,000; this: 90,000; the same at one point in 2: 120,000, but
 * half as many an hour; at a random half of the objects alone: fewer.
 */
#define NOISE_ONE_IN     4u /* points that are disturbed */
#define NOISE_YIELDS_MAX 256u
#define NOISE_SLEEP_NS   50000u

void noise_start(enum noise kind, uint64_t seed);
void noise_stop(void);

/* rt_ops.point on threads. */
void noise_point(void);

#endif
