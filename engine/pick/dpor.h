/*
 * dpor.h: what the parts of the exhaustive search share: the tree of choices on which it stands (dpor.c), what
 * steps did (dpor_foot.c), the races of the run that has ended (dpor_races.c), the rules of a search that is
 * bounded by preemptions (dpor_bound.c), and where a search stands, as text (dpor_save.c).
 *
 * Called by these, by hunt/prove.c and hunt/minimise_proof.c, and by tests and benches, which ask for a mode and read the counts.
 */
#ifndef PICK_DPOR_H
#define PICK_DPOR_H

#include <stdio.h>

#include "pick/pickers.h"

#define DPOR_EVENTS 4096u /* of one run */
#define DPOR_LIVES  256u  /* tasks of one run: see coop_view.life */
#define DPOR_SPLIT  8u    /* events by which the parts of a divided search are told apart */

#define DPOR_NO_BOUND UINT32_MAX

/* Kinds of access besides those of enum point_kind. */
#define DPOR_UNSHARED 14u /* the UNLOCK of who took SHARED: only a LOCK comes after it, another SHARED does not */
#define DPOR_BLOCKED  15u /* the task stopped there, for it could not go on */
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

/* A node: who could go on, who did, who is to, who need not. Its event is the step of `pick`. */
struct dpor_node {
	uint64_t enabled;
	uint64_t backtrack;                     /* to be tried here */
	uint64_t done;                          /* tried here */
	uint64_t sleep;                         /* what they would begin has been tried before, elsewhere */
	uint32_t pick, life;
	uint32_t column;                        /* of the clocks: one for each task and life */
	uint32_t current;                       /* who ran last; to pick another is a preemption if it is ... */
	bool could_go_on;
	uint32_t used;                          /* preemptions before it */
	uint32_t block;                         /* the node at which the run of steps of one task began that pick's step is in */
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
	uint64_t prefixes;    /* come by so far: every parts-th is ours */
	uint32_t preemptions; /* at most so many, in the pass under way; DPOR_NO_BOUND */
	uint32_t deepen_to;   /* further passes, with one more each, up to so many; a pass that no bound has limited is the last one */
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

/* pick_dpor.create() with what a user cannot ask for; one pass, without a bound. */
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
/* Task t sleeps at the node: by the foot of whom it was tried at first. False: it cannot, for the parent knows nothing of it. */
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

/* Where the search stands after a run, as lines of text; and back, into one that has just been made for the same: 0, or -EINVAL. */
void dpor_save(const struct dpor *d, FILE *out);
int dpor_load(struct dpor *d, FILE *in);

/* ---- dpor_foot.c ---- */

/* Do two accesses of one object not commute? */
bool dpor_conflict(unsigned a, unsigned b);
void dpor_foot_add(struct dpor_foot *f, struct dpor_access a);
bool dpor_foot_has(const struct dpor_foot *f, struct dpor_access a);
/* Adds what is in `g` and not yet in `f`, but for stops. */
void dpor_foot_join(struct dpor_foot *f, const struct dpor_foot *g);
bool dpor_feet_commute(const struct dpor_foot *f, const struct dpor_foot *g);

/* ---- dpor_races.c ---- */

/* What comes before an event: t[c] is one more than the last event of column c that does. */
struct dpor_clock {
	uint16_t t[DPOR_LIVES];
};

/* An event that is looked at. */
struct dpor_event {
	struct dpor *d;
	uint32_t task, column, at;
	const struct dpor_foot *foot;
	struct dpor_clock arrived; /* what comes before its task's last stop */
	struct dpor_clock before;  /* what comes before it in any case */
	struct dpor_clock clock;
	uint32_t nraces;
};

/* Finds the races of the run that has ended, and puts into `backtrack` who must be tried to reverse them. */
void dpor_find_races(struct dpor *d, enum coop_end end);
/* Of those that `past` holds, and x itself if it is to be: who can begin a run of what comes after event e and does not
 * depend on it. past NULL: of all. */
uint64_t dpor_initials(const struct dpor_event *x, const struct dpor_clock *past, bool itself, uint32_t e);

/* ---- dpor_bound.c ---- */

/* A node that has just been made: who may be preempted there. */
void dpor_bound_place(struct dpor *d, uint32_t i, const struct coop_view *v);
/* Node i's pick is chosen: which block it is in. */
void dpor_bound_pick(struct dpor *d, uint32_t i);
/* May another task than the present one be tried at the node? If not, the pass is limited. */
bool dpor_bound_allows(struct dpor *d, const struct dpor_node *n);
/* The task that ran last has stopped: can it go on? */
void dpor_bound_stop(struct dpor *d, const struct coop_view *v);
/* The run has ended: what its blocks did from node `from` on is what trying them does. */
void dpor_bound_keep(struct dpor *d, uint32_t from);
/* A divided search has come to where its parts are told apart: what is not known to all of them alike is open. */
void dpor_bound_split(struct dpor *d, const struct coop_view *v);
/* x and event e are a race, or x's task would have been stopped before e (`stop`). */
void dpor_bound_reverse(const struct dpor_event *x, uint32_t e, bool stop);

#endif
