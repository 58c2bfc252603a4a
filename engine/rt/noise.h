/*
 * noise.h: seeded noise at points, on threads: at some of its points a task lets others go on. Two points of an fsync
 * are some ten nanoseconds apart, so on threads that run freely hardly anything happens between them; with noise it
 * does. (Edelstein et al., "Multithreaded Java program test generation", ConTest, 2002: noise makes rare interleavings
 * less rare, and proves nothing.)
 *
 * Without noise and without a picker a point is one branch that is never taken: rt_points. What each task draws follows
 * from the seed and the task's number; the interleaving does not, because the operating system schedules threads.
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
 * How long a task must be delayed to hit a race is not known: for a step of another task, or for a whole fsync. So each
 * length from one yield to NOISE_YIELDS_MAX is as likely as twice that length. Measured on two processors by
 * `race stress seed --design prefix`, hits in a million fsyncs: without noise 400; 1 to 16 yields at one point in 2:
 * 30,000; this: 90,000; the same at one point in 2: 120,000, but half as many an hour; at a random half of the objects
 * only: fewer.
 */
#define NOISE_ONE_IN     4u /* points that are disturbed */
#define NOISE_YIELDS_MAX 256u
#define NOISE_SLEEP_NS   50000u

void noise_start(enum noise kind, uint64_t seed);
void noise_stop(void);

/* rt_ops.point on threads. */
void noise_point(void);

#endif
