/*
 * dpor.h: what the two halves of the exhaustive search share: the tree of choices on which it stands
 * (pick_dpor.c), and the races of the run that has ended (dpor_races.c).
 *
 * Called by pick_dpor.c and dpor_races.c, and by tests and benches, which ask for a mode and read the counts.
 */
#ifndef RT_DPOR_H
#define RT_DPOR_H

#include "rt/coop.h"

#define DPOR_EVENTS 4096u /* of one run */

struct dpor_access {
	uint32_t obj;
	uint8_t kind; /* enum point_kind */
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
	uint32_t pick;
	struct dpor_foot event;                 /* of pick */
	struct dpor_foot tried[COOP_TASKS_MAX]; /* of those in done, with all data choices */
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
	bool forget_pending;  /* a planted fault, for tests: what cut runs were about to do is forgotten */

	struct dpor_node *node[DPOR_EVENTS];
	uint32_t n;           /* nodes of the run, when it has ended: of the tree's present branch */
	uint32_t fixed;       /* of these, chosen before the run began */
	uint32_t recorded;    /* of these, those whose event is known */
	uint32_t depth;       /* in the run */
	struct dpor_choice choice[DPOR_EVENTS];
	uint32_t nchoices, choices_fixed, choice_at;
	const struct coop_view *view;
	bool begun, finished;
	bool is_cut;          /* the run under way */

	uint64_t runs, cut;   /* runs that were completed; that were cut */
	bool too_long;        /* a run had more than DPOR_EVENTS steps: nothing is proved */
};

/* pick_dpor.create() with what a user cannot ask for. */
struct dpor *dpor_new(enum dpor_mode mode);
/* Do two accesses of one object not commute? */
bool dpor_conflict(enum point_kind a, enum point_kind b);
/* Finds the races of the run that has ended, and puts into `backtrack` who must be tried to reverse them. */
void dpor_find_races(struct dpor *d, enum coop_end end);

#endif
