/*
 * watch.h: a picker around a picker. It lets the inner one decide, and notes what the run does, step by step: which
 * task went on, from where, what it held, and what it accessed.
 *
 * A turn is what one task does between two points: from where it stood to where it stands next. Turn t is
 * watch->turn[t]; its `stop` tells of the task that stopped just before it, which is the one of turn t - 1.
 *
 * watch.1: The run is the same as without the watcher. It only asks the inner picker; where one task is enabled it asks
 * only a picker that wants every turn.
 *
 * Called by the files of hunt/ and story/ that show a run, look for what flips it, or compare two; never in a hunt.
 */
#ifndef PICK_WATCH_H
#define PICK_WATCH_H

#include "base/rng.h"
#include "rt/coop.h"
#include "rt/site.h"

#define WATCH_HELD 8u
#define WATCH_NONE UINT32_MAX

struct watch_held {
	uint8_t class; /* enum lock_class */
	bool owed;     /* not a lock: an event that the task owes */
	uint32_t obj;  /* 0: an event */
	int64_t sub;
};

/* Where a task stands when it has stopped. */
struct watch_stop {
	uint32_t task, obj;       /* what it is about to do, and to which object */
	uint8_t kind;             /* enum point_kind */
	bool enabled, ended;      /* enabled: it could go on */
	int wait_class;           /* -1: it waits for nothing that has a class */
	uint32_t waits_for;       /* the task that holds or owes it; WATCH_NONE */
	uint32_t nheld;
	struct watch_held held[WATCH_HELD];
	struct site_stack stack;
};

struct watch_turn {
	struct watch_stop stop;
	uint32_t task;            /* the task that goes on */
	uint32_t step;            /* decisions before it */
	bool decision, preempts;  /* decision: there was another to take */
	uint64_t enabled;
	uint32_t place;           /* its place in watch.turns */
	uint32_t entry;           /* entries of the trace before it (trace.h) */
	uint32_t access;          /* accesses before it */
	uint32_t mark;            /* what `mark` said before it */
};

struct watch_access {
	uint32_t turn, task, obj;
	bool write;
};

struct watch {
	const struct picker *inner;
	void *inner_state;
	struct rng rng;           /* choices of an inner picker without choose(), as coop_choose() has them (watch.1) */
	bool stacks;              /* take return addresses: before the run */
	uint32_t (*mark)(void *arg); /* asked at each turn; may be NULL */
	void *arg;
	/* what was seen: */
	struct watch_turn *turn;
	struct watch_access *access;
	struct schedule turns;    /* every turn's task, and the data choices among them: for pick_replay_turns */
	uint32_t nturns, naccesses, turns_cap, accesses_cap;
};

extern const struct picker pick_watch; /* its state is a struct watch */

void watch_init(struct watch *w, const struct picker *inner, void *inner_state);
void watch_fini(struct watch *w);

/* Where turn t's task stood before it: the turn whose stop tells it, or WATCH_NONE when it begins. */
uint32_t watch_stood(const struct watch *w, uint32_t t);
/*
 * An object of a run that was traced, too, in a few words: those of its class in LOCK_CLASSES, or "device".
 * Returns buf.
 */
const char *watch_object(uint32_t obj, uint8_t kind, char *buf, unsigned size);

#endif
