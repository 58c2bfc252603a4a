/*
 * hunt.h: the hunter: runs schedules of a race under a picker, judges the crashes each allows, and
 * makes what it finds small.
 *
 * (H1) A run depends on the race, the design, the picker's choices and the seed alone: the same again
 *      gives the same trace hash and the same verdict.
 * (H2) The file system's first content is made once; every schedule starts from the same image.
 * (H3) Nothing of a run is kept but its schedule: a violation is shown by running it again.
 *
 * Called by cmd/race.c and by tests.
 */
#ifndef HUNT_HUNT_H
#define HUNT_HUNT_H

#include "oracle/check.h"
#include "hunt/race.h"
#include "rt/coop.h"
#include "pick/watch.h"
#include "hunt/strategy.h"

enum violation_kind {
	VIOLATION_NONE,
	VIOLATION_PROMISE,  /* an image breaks a promise: `broken` says which */
	VIOLATION_ERROR,    /* a call failed; the device had no error */
	VIOLATION_STUCK,    /* nobody can go on */
	VIOLATION_TOO_LONG,
	VIOLATION_STATE,    /* a bare race says so itself */
	VIOLATION_CHECK,    /* a CHECK of the engine failed: the program stops */
	VIOLATION_NR,
};
extern const char *const violation_name[VIOLATION_NR];

/* The crash: at device position `pos`, with these pending writes kept (positions of their submission). */
#define CRASH_KEPT_MAX 64u
struct crash {
	uint32_t pos, nkept, npending;
	uint32_t kept[CRASH_KEPT_MAX];
};

/*
 * What is left out of a race to make it smaller. task[i]: of the race's task i, bit k its call number k to the model, from 0;
 * TASK_ABSENT: all of it (it ends at once). Nothing is left out of a race that is `bare`.
 */
#define TASK_ABSENT (1ull << 63)
struct absent {
	uint64_t task[RACE_TASKS_MAX];
};

struct violation {
	enum violation_kind kind;
	struct broken broken;  /* VIOLATION_PROMISE: the first one */
	struct crash crash;    /* same */
	char text[640];        /* the sentence */
	char found[128];       /* how it was found: the picker, the search's seed, the schedule's number */
	uint64_t seed;
	enum granularity granularity;
	struct absent absent;
	struct schedule schedule;
	struct coop_result run;
};

struct hunt {
	const struct race *race;
	const struct design *design;
	void *bare;               /* a bare race's own state: then dev and judge are NULL */
	struct dev *dev;
	struct race_run run;
	uint32_t objects;         /* made before the first run: the device's, the model's */
	struct judge *judge;
	struct cut_budget budget;
	struct dev_faults faults;     /* race->fail_data_write */
	uint32_t faults_id;
	_Atomic uint32_t data_writes; /* of the run that is under way, or was last */
	enum granularity granularity; /* of all runs; coarse, until the caller of hunt_open() says otherwise */
	struct schedule schedule; /* of the run that is under way, or was last */
	struct coop_result result;
	uint32_t steps_hint;       /* what the next run's picker is told of its length; 0: nothing */
	uint64_t schedules;
	struct absent absent;     /* of the runs to come */
	uint32_t task_id[RACE_TASKS_MAX]; /* of the last run: the numbers that the race's tasks had */
	struct watch *watch;      /* put around the picker of the runs to come; NULL: none */
	const char *rescue_path;  /* where the schedule goes when a CHECK fails; NULL: nowhere */
	/* the violation of the run under judgement */
	struct violation *found;
};

/* Makes the device and the race's first content. 0, or -errno with one line in err (160 bytes). */
int hunt_open(const struct race *race, const struct design *design, struct hunt **out, char *err);
void hunt_close(struct hunt *h);

/*
 * The parts of a run, for who runs the tasks in another way (stress.c): back to the first content; mount,
 * and open the files; the crash, seen from inside. What goes wrong in them stops the program.
 */
void hunt_rewind(struct hunt *h, uint64_t seed);
void hunt_mount(struct hunt *h);
void hunt_abandon(struct hunt *h);
/* Did a call of the last run fail? */
enum violation_kind hunt_judge_calls(struct hunt *h, struct violation *v);

/* Runs one schedule, judges nothing. The record of the device and the history stay until the next. */
void hunt_run(struct hunt *h, const struct picker *picker, void *state, uint64_t seed);
/* Judges the last run: VIOLATION_NONE, or what it is, in *v (violation_init() once, before its first use). */
enum violation_kind hunt_judge(struct hunt *h, struct violation *v);
/* Both. */
enum violation_kind hunt_one(struct hunt *h, const struct picker *picker, void *state, uint64_t seed, struct violation *v);

void violation_init(struct violation *v);
void violation_fini(struct violation *v);

/* Runs v's schedule again, strictly or tolerantly (schedule.h), and leaves the run for who looks at it. */
void hunt_again(struct hunt *h, const struct violation *v, bool strict);
/* Can the last run crash so? 0, or -EINVAL with what is wrong in err (at most 160 bytes). */
int hunt_crash_check(const struct hunt *h, const struct crash *c, char *err);
/* What the last run's image of this crash holds: the caller's. NULL when the crash does not fit the run. */
struct recovered *hunt_recover_crash(struct hunt *h, const struct crash *c);
/* Judges the last run's image of this crash alone. VIOLATION_NONE when it holds, or when the crash does not fit the run. */
enum violation_kind hunt_judge_crash(struct hunt *h, const struct crash *c, struct violation *v);

/* Are both the same kind of failure? */
bool violation_same(const struct violation *a, const struct violation *b);

/* ---- what it takes to fail: hunt_minimise*.c ---- */

struct minimised {
	uint32_t steps_from, preemptions_from, steps, preemptions, replays;
	uint32_t tasks_from, tasks, calls_from, calls;
	bool minimal;          /* no schedule of these tasks with fewer preemptions fails in this way: all were tried, `tried` of them */
	uint64_t tried;        /* when not minimal: so many were tried before the budget was spent */
	uint32_t tried_below;  /* all schedules with fewer preemptions than this were tried */
};
/* Makes v's tasks, its schedule, then its crash, as small as it can; the kind of violation stays. */
void hunt_minimise(struct hunt *h, struct violation *v, struct minimised *m);

/* The stages. Each leaves in *v a run that was recorded, fails as before, and is not larger. Number of replays. */
uint32_t minimise_calls(struct hunt *h, struct violation *v);
uint32_t minimise_slice(struct hunt *h, struct violation *v);
uint32_t minimise_moves(struct hunt *h, struct violation *v);
void minimise_crash(struct hunt *h, struct violation *v);
/* What a search may cost, and what it has cost so far. */
struct effort {
	uint64_t decisions_left, schedules;
};
/*
 * Tries every schedule with at most `preemptions` preemptions, each state once, for one that fails as v does. 1: it is
 * in *v; 0: there is none; -E2BIG: the effort was not enough.
 */
int minimise_bounded(struct hunt *h, struct violation *v, uint32_t preemptions, struct effort *e);

/* Fewer preemptions, then fewer switches, then fewer decisions. */
bool violation_smaller(const struct violation *a, const struct violation *b);
/* Runs c's schedule (tolerantly) with *best's seed and tasks. True when it fails as *best does and is smaller: they are swapped. */
bool minimise_try(struct hunt *h, struct violation *best, struct violation *c);

/* ---- a search ---- */

/* Distinct traces, by their hashes; counted up to TRACES_MAX. */
#define TRACES_MAX (1u << 21)
struct traces {
	uint64_t *slot; /* open addressing, 0 is free */
	uint64_t nslots, n;
};
void traces_init(struct traces *t);
void traces_free(struct traces *t);
void traces_add(struct traces *t, uint64_t hash);
/* All of them, in no order, to out[t->n]. */
void traces_copy(const struct traces *t, uint64_t *out);

/* A number of distinct traces, and what kind of number it is: of shards' counts alone there is but the sum. */
enum counted { COUNTED, COUNTED_AT_MOST, COUNTED_AT_LEAST };
enum counted traces_counted(const struct traces *t);
#define TRACES_TEXT 48u
/* "152", "at most 177", "2097152 or more". Returns buf[TRACES_TEXT]. */
const char *traces_text(uint64_t n, enum counted counted, char *buf);

/* A search is schedules number shard + 1, shard + 1 + shards, ... of all those of its seed. */
struct search {
	struct strategy *strategy;
	uint64_t seed;
	uint32_t shard, shards;     /* shards 0 is 1 */
	uint64_t schedules;         /* the last number; 0: no bound */
	double seconds;             /* at most; 0: no bound */
	bool check_determinism;     /* each schedule once more, from its recording */
	_Atomic uint64_t *best;     /* a violation that others have found: those of higher numbers need not be run; may be NULL */
	void (*progress)(const struct search *s, void *arg);
	void *arg;
	struct traces *traces;      /* kept for the caller; may be NULL */
	/* out: */
	uint64_t run;               /* schedules run */
	uint64_t found_at;          /* the schedule's number, 1 for the first; 0: nothing was found */
	uint32_t found_by;          /* strategy->member[] */
	uint64_t distinct;          /* traces */
	enum counted counted;       /* these */
	double took;                /* seconds */
	uint64_t images_judged, images_mounted;
	bool stopped;               /* asked to (base/stop.h), before its end */
	bool through;               /* the strategy had no schedule left */
	bool nondeterministic;      /* two runs of one schedule differed: `at` */
	uint64_t at;
	char differs[400];          /* then: the first step in which they do */
};

/*
 * Where two watched runs of v's schedule part: turn, step, task and objects, in both. Runs it once more. differs.c
 */
void hunt_tell_difference(struct hunt *h, const struct violation *v, const struct watch *a, const struct watch *b, char *buf, unsigned size);

/* Runs schedules until a violation, the bounds, or stop. The violation is in *v when found_at. */
void hunt_search(struct hunt *h, struct search *s, struct violation *v);
/*
 * The same in `jobs` processes, each a slice. What is found is what the first schedule by number to fail
 * finds, whichever process is faster; the strategy's counts are the sums, and `took` is the whole's.
 * 0, or -errno with one line in err (200 bytes).
 */
int hunt_search_jobs(struct hunt *h, struct search *s, uint32_t jobs, struct violation *v, char *err);
/* From now on a CHECK that fails leaves the schedule in this file, and says how to replay it. h NULL: no longer. */
void hunt_rescue(struct hunt *h, const char *path);
/* Seed of schedule number i (from 1) of a search. */
uint64_t hunt_seed(uint64_t search_seed, uint64_t i);

#endif
