/*
 * violation.h: what a run broke, and what it takes to run it again: the seed, the schedule, the calls that were left
 * out, the crash.
 *
 * Filled by the judges (judge.h), made smaller by minimise.h, written and read by schedule_file.h.
 */
#ifndef HUNT_VIOLATION_H
#define HUNT_VIOLATION_H

#include "hunt/race.h"
#include "oracle/check.h"
#include "rt/coop.h"

enum violation_kind {
	VIOLATION_NONE,
	VIOLATION_PROMISE,  /* a crash image breaks a promise: `broken` says which */
	VIOLATION_ERROR,    /* a call failed, and the device had no error */
	VIOLATION_STUCK,    /* a deadlock: no task can go on */
	VIOLATION_TOO_LONG, /* the run did not end within the hunter's number of decisions */
	VIOLATION_STATE,    /* the race is bare (race.h), and its own judge says what is broken */
	VIOLATION_CHECK,    /* a CHECK of the engine failed, which ends the program */
	VIOLATION_NR,
};
extern const char *const violation_name[VIOLATION_NR];

/*
 * The power fails at device position `pos`. Of the writes pending there, those submitted at the positions in `kept`
 * survive.
 */
#define CRASH_KEPT_MAX 64u
struct crash {
	uint32_t pos, nkept, npending;
	uint32_t kept[CRASH_KEPT_MAX];
};

/*
 * What is left out of a race to make it smaller. In task[i], bit k is call number k (from 0) that task i of the race
 * makes to the model; TASK_ABSENT is the whole task, which ends at once. Nothing is left out of a bare race.
 */
#define TASK_ABSENT (1ull << 63)
struct absent {
	uint64_t task[RACE_TASKS_MAX];
};

struct violation {
	enum violation_kind kind;
	struct broken broken;  /* VIOLATION_PROMISE: the first broken promise of the image */
	struct crash crash;    /* VIOLATION_PROMISE: the image is that of this crash */
	char text[640];        /* what is broken, as a sentence */
	char found[128];       /* how it was found: the picker, the search's seed, the schedule's number */
	uint64_t seed;
	enum granularity granularity;
	struct absent absent;
	struct schedule schedule;
	struct coop_result run;
};

/* violation_init() comes once, before the first use as an output; the judges overwrite what is there. */
void violation_init(struct violation *v);
void violation_fini(struct violation *v);
void violation_swap(struct violation *a, struct violation *b);

/* Are both the same kind of failure? */
bool violation_same(const struct violation *a, const struct violation *b);
/* Has a fewer preemptions than b; with as many, fewer switches of task; with as many of both, fewer decisions? */
bool violation_smaller(const struct violation *a, const struct violation *b);

#endif
