/*
 * explore.h: every short program, one after the other, the smallest first: 1 or 2 threads that make up to so many calls
 * on one file, each program with every schedule of at most so many preemptions, and each schedule with every crash that
 * its device allows. Many losses need a sequence of calls that nobody has thought of, and no preemption at all.
 *
 * After CrashMonkey and ACE (Mohan and others, "Finding Crash-Consistency Bugs with Bounded Black-Box Crash Testing",
 * OSDI 2018), which cut the power once in each workload, and run one thread.
 *
 * A program is a scenario (scene/scene.h): it has a text, which says all of it. Programs have numbers from 0 on, which
 * follow from the bounds alone.
 *
 * A program is left out only when a smaller one, or the same with its threads exchanged, shows every crash that it has.
 *
 * Called by cmd/race_explore.c, by the figures and by tests.
 */
#ifndef HUNTED_EXPLORE_H
#define HUNTED_EXPLORE_H

#include "hunt/hunt.h"

#define EXPLORE_CALLS_MAX 5u
#define EXPLORE_TEXT_MAX  2048u

struct explore {
	const struct design *design;
	uint32_t calls, threads;  /* a thread has at most so many calls; 1 or 2 threads */
	uint32_t preemptions;     /* of a schedule, at most */
	uint32_t setups;          /* the first so many of explore_nsetups(); 0: all */
	uint64_t from;            /* programs with lower numbers are not run */
	uint32_t shard, shards;   /* every shards-th program, from number `shard` on; shards 0 is 1 */
	double seconds;           /* at most; 0: no bound */
	_Atomic uint64_t *best;   /* no program above it is run: another process has found that one; may be NULL */
	void (*progress)(const struct explore *e, void *arg);
	void *arg;
	/* out: */
	uint64_t next;            /* programs with lower numbers have been run, of this shard */
	uint64_t run, schedules;
	bool complete;            /* all programs of this shard, from `from` on, were run */
	bool found;               /* program number `next` breaks the design: *v of explore_run() is how */
	char text[EXPLORE_TEXT_MAX]; /* then: the program, as a scenario */
	double took;              /* seconds */
};

/* Files that programs begin with: empty, not of whole blocks, inline, compressed, in place ... */
uint32_t explore_nsetups(void);
/* How many programs there are within the bounds. */
uint64_t explore_count(const struct explore *e);
/* The text of a program, which is in the bounds. Returns buf. */
const char *explore_text(const struct explore *e, uint64_t number, char *buf, size_t size);

/*
 * Runs programs until one breaks the design, a bound is reached, or stop (base/stop.h). 0, or -errno and why. A
 * violation is of the race that race_scenario_from_text(e->text) makes.
 */
int explore_run(struct explore *e, struct violation *v, struct why *why);
/*
 * The same in `jobs` processes, each with every jobs-th program of the shard. What is found is the violation of the
 * program with the lowest number. `next`, where none is found: all programs with lower numbers were run.
 */
int explore_jobs(struct explore *e, uint32_t jobs, struct violation *v, struct why *why);

#endif
