/*
 * lock.c: an uncontended mutex of ours, with order check and statistics on, against
 * pthread_mutex. Processor time, in short rounds that take turns.
 *
 * Measured in a task of its own: with a second thread in the process pthread_mutex is the real one,
 * not the C library's shortcut for programs without threads.
 */
#include <pthread.h>

#include "figures/figures.h"
#include "figures/turns.h"
#include "rt/lock.h"
#include "rt/lock_stat.h"

#define ROUNDS 201
#define PAIRS  50000

static struct mutex ours;
static pthread_mutex_t theirs = PTHREAD_MUTEX_INITIALIZER;

static double time_ours(void *arg)
{
	uint64_t begin = rt_cpu_ns();

	for (unsigned i = 0; i < PAIRS; i++) {
		mutex_lock(&ours);
		mutex_unlock(&ours);
	}
	return (double)(rt_cpu_ns() - begin) / PAIRS;
}

static double time_theirs(void *arg)
{
	uint64_t begin = rt_cpu_ns();

	for (unsigned i = 0; i < PAIRS; i++) {
		pthread_mutex_lock(&theirs);
		pthread_mutex_unlock(&theirs);
	}
	return (double)(rt_cpu_ns() - begin) / PAIRS;
}

static void compare_locks(void *arg)
{
	struct turn *turn = arg;

	turns_run(turn, 2, ROUNDS);
}

void self_lock(struct self *s)
{
	struct turn turn[2] = { { .measure = time_theirs }, { .measure = time_ours } };

	mutex_init(&ours, L_LOG, 0);
	lock_stats_enable(true);
	rt_join(rt_spawn("locker", compare_locks, turn, NULL));
	lock_stats_enable(false);
	self_figure(s, "lock + unlock / pthread_mutex", turns_ratio(&turn[1], &turn[0], ROUNDS), AT_MOST, 1.25, "x");
	self_info(s, "lock + unlock, uncontended: ours %.1f ns, pthread_mutex %.1f ns of processor time",
	          median(turn[1].value, ROUNDS), median(turn[0].value, ROUNDS));
	turns_free(turn, 2);
}
