/*
 * dpor_clock.h: vector clocks (Mattern 1989) over the events of the run that has ended: what happens before what.
 *
 * There is a column for each task and life (picker.h). dpor_clocks[e].t[c] is one more than the last event of column c
 * that comes before event e, or is e; 0 when there is none.
 *
 * Filled by dpor_races.c, read by it and by dpor_bound.c.
 */
#ifndef PICK_DPOR_CLOCK_H
#define PICK_DPOR_CLOCK_H

#include <string.h>

#include "pick/dpor.h"

struct dpor_clock {
	uint16_t t[DPOR_LIVES];
};

extern struct dpor_clock dpor_clocks[DPOR_EVENTS + 1];
extern uint32_t dpor_ncolumns; /* of the run that is looked at */

/* An event that is looked at. It may be one that has not happened: what a task would have done next. */
struct dpor_event {
	struct dpor *d;
	uint32_t task, column, at;
	const struct dpor_foot *foot;
	struct dpor_clock arrived; /* what comes before its task's last stop */
	struct dpor_clock before;  /* what comes before it in any case */
	struct dpor_clock clock;
	uint32_t nraces;
};

static inline void dpor_clock_copy(struct dpor_clock *to, const struct dpor_clock *from)
{
	memcpy(to->t, from->t, dpor_ncolumns * sizeof(to->t[0]));
}

/* What comes before either. */
static inline void dpor_clock_join(struct dpor_clock *to, const struct dpor_clock *from)
{
	for (uint32_t t = 0; t < dpor_ncolumns; t++)
		to->t[t] = to->t[t] > from->t[t] ? to->t[t] : from->t[t];
}

static inline uint32_t dpor_column_of(const struct dpor *d, uint32_t e)
{
	return d->node[e]->column;
}

/* Does event e come before what has clock c? */
static inline bool dpor_before(const struct dpor *d, uint32_t e, const struct dpor_clock *c)
{
	return c->t[dpor_column_of(d, e)] > e;
}

/*
 * The tasks that could run first right after the events before e, in a run that leaves out e and what depends on it.
 * Of what comes after e only the part that `past` holds counts (NULL: all), and x itself if `itself`.
 */
uint64_t dpor_initials(const struct dpor_event *x, const struct dpor_clock *past, bool itself, uint32_t e);

/* ---- dpor_bound.c ---- */

/* x and event e are a race, or (`stop`) x's task would have been stopped before e: see dpor_bound.2. */
void dpor_bound_reverse(const struct dpor_event *x, uint32_t e, bool stop);

#endif
