/*
 * dpor.h: the exhaustive search. It is made of the tree of choices that it walks (dpor.c), what steps did
 * (dpor_foot.c), the order of the events of a run (dpor_clock.c), their races (dpor_races.c), the rules of a search
 * that is bounded by preemptions (dpor_bound.c), and where a search stands, as text (dpor_save.c).
 *
 * Called by those files, by hunt/prove.c and hunt/minimise_proof.c, and by tests and benches, which ask for a mode and
 * read the counts.
 */
#ifndef PICK_DPOR_H
#define PICK_DPOR_H

#include <stdio.h>

#include "pick/pickers.h"

#define DPOR_EVENTS 4096u /* of one run */
#define DPOR_LIVES  256u  /* tasks of one run: see life in struct coop_view */
#define DPOR_SPLIT  8u    /* events by which the parts of a divided search are told apart */

#define DPOR_NO_BOUND UINT32_MAX

/* Kinds of access besides those of enum point_kind. */
#define DPOR_UNSHARED 14u /* the UNLOCK of a task that took SHARED: it orders a LOCK after it, but not another SHARED */
#define DPOR_BLOCKED  15u /* the task stopped there, because it could not go on */
#define DPOR_OPEN     16u /* what else the block did is not known: it commutes with nothing */

struct dpor_access {
	uint32_t obj;
	uint8_t kind; /* enum point_kind, or one of these */
};

/* What a step did: all its accesses. */
struct dpor_foot {
	uint32_t n, cap;
	struct dpor_access *a;
};

/* A node: which tasks could go on, which one did, which are to be tried, which need not. Its event is pick's step. */
struct dpor_node {
	uint64_t enabled;
	uint64_t backtrack;                     /* to be tried here */
	uint64_t done;                          /* tried here */
	uint64_t sleep;                         /* what these tasks would begin has been tried before, elsewhere */
	uint32_t pick, life;
	uint32_t column;                        /* of the clocks: one for each task and life */
	uint32_t current;                       /* the task that ran last */
	bool could_go_on;                       /* that task: then to pick another one is a preemption */
	uint32_t used;                          /* preemptions before this node */
	uint32_t block;                         /* the node at which the block began that pick's step is in */
	struct dpor_foot event;                 /* of pick */
	struct dpor_foot tried[COOP_TASKS_MAX]; /* of those in done, with all data choices; bounded: see dpor_bound.c */
	const struct dpor_foot *foot[COOP_TASKS_MAX]; /* of those in sleep: some ancestor's `tried` */
};

struct dpor_choice {
	uint32_t at;        /* the event in which it is made */
	uint32_t value, of;
};

/* What is tried at a node: those that a race asks for; all, but for what sleeps; all. The last two check the first. */
enum dpor_mode { DPOR_RACES, DPOR_SLEEP, DPOR_ALL };

struct dpor {
	enum dpor_mode mode;
	uint32_t part, parts; /* of a search that is divided; parts 0 or 1: it is not */
	uint64_t prefixes;    /* met so far: every parts-th one is ours */
	uint32_t preemptions; /* at most so many, in the pass under way; DPOR_NO_BOUND */
	uint32_t deepen_to;   /* each further pass allows one more, up to so many; one without limit is the last */
	bool limited;         /* by the bound: there is a schedule with more */
	bool first_values;    /* of data choices the first alone is tried */
	bool forget_pending;  /* a planted fault, for tests: what cut runs were about to do is forgotten */

	struct dpor_node *node[DPOR_EVENTS];
	uint32_t n;           /* nodes of the run, when it has ended: of the tree's present branch */
	uint32_t fixed;       /* of these, chosen before the run began */
	uint32_t recorded;    /* of these, those whose event is known */
	uint32_t depth;       /* in the run */
	struct dpor_choice choice[DPOR_EVENTS];
	uint32_t nchoices, choices_fixed, choice_at;
	const struct coop_view *view;
	bool begun, finished; /* finished: all passes are through */
	bool is_cut;          /* the run under way */

	uint64_t runs, cut;   /* runs that were completed; that were cut */
	bool too_long;        /* a run had more steps, or tasks, than there is room for: nothing is proved */
};

/* As pick_dpor.create(), but in a mode that no user can ask for: one pass, without a bound. */
struct dpor *dpor_new(enum dpor_mode mode);
/* In passes: at most 0 preemptions, 1, ..., `most`. */
void dpor_deepen(struct dpor *d, uint32_t most);
/* In passes, as a user says: "" or "k=K". NULL when it is neither. */
struct dpor *dpor_new_deepening(enum dpor_mode mode, const char *args);
/* The members of pick_dpor, for pick_dfs. */
void dpor_begin(void *state, uint64_t seed, uint32_t steps);
uint32_t dpor_pick(void *state, const struct coop_view *v);
uint32_t dpor_choose(void *state, uint32_t of);
extern const struct picker_ear dpor_ear;
/* Is there a schedule left? Moves on to it. */
bool dpor_more(void *state);
void dpor_destroy(void *state);

/* Node i of the branch, empty if it was not there. */
struct dpor_node *dpor_node_at(struct dpor *d, uint32_t i);
/* Task t sleeps at the node, by the foot that it has in the parent. False: it has none there. */
bool dpor_sleeps_by(struct dpor_node *n, const struct dpor_node *parent, uint32_t t);

static inline bool dpor_is_divided(const struct dpor *d)
{
	return d->parts > 1;
}

static inline bool dpor_is_bounded(const struct dpor *d)
{
	return d->preemptions != DPOR_NO_BOUND;
}

/* ---- dpor_save.c ---- */

/* Where the search stands after a run, as lines of text. It is loaded into a new search of the same mode and part. */
void dpor_save(const struct dpor *d, FILE *out);
/* 0, or -EINVAL: then the search is of no use. */
int dpor_load(struct dpor *d, FILE *in);

/* ---- dpor_foot.c ---- */

/* Do two accesses of one object not commute? */
bool dpor_conflict(unsigned a, unsigned b);
void dpor_foot_add(struct dpor_foot *f, struct dpor_access a);
bool dpor_foot_has(const struct dpor_foot *f, struct dpor_access a);
/* Adds what is in `g` and not yet in `f`, except stops (dpor_bound.3). */
void dpor_foot_join(struct dpor_foot *f, const struct dpor_foot *g);
bool dpor_feet_commute(const struct dpor_foot *f, const struct dpor_foot *g);

/* ---- dpor_races.c ---- */

/* Finds the races of the run that has ended, and puts into `backtrack` the tasks that must be tried to reverse them. */
void dpor_find_races(struct dpor *d, enum coop_end end);

/* ---- dpor_bound.c ---- */

/* Node i has just been made: notes whether a preemption is possible there, and how many came before. */
void dpor_bound_place(struct dpor *d, uint32_t i, const struct coop_view *v);
/* Node i's pick is chosen: notes which block it is in. */
void dpor_bound_pick(struct dpor *d, uint32_t i);
/* May a task other than the present one be tried at the node? If not, notes that the bound limits this pass. */
bool dpor_bound_allows(struct dpor *d, const struct dpor_node *n);
/* The task that ran last has stopped. If it cannot go on, notes that in its step's foot. */
void dpor_bound_stop(struct dpor *d, const struct coop_view *v);
/* The run has ended: adds what its blocks did from node `from` on to the feet of what has been tried. */
void dpor_bound_keep(struct dpor *d, uint32_t from);
/* A divided search has come to where its parts are told apart (dpor_bound.6). */
void dpor_bound_split(struct dpor *d, const struct coop_view *v);
#endif
