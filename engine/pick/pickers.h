/*
 * pickers.h: every picker, by its symbol and by its name.
 *
 * Called by the hunter, which opens pickers by name, and by tests, which name the one they mean.
 */
#ifndef PICK_PICKERS_H
#define PICK_PICKERS_H

#include <stdbool.h>

#include "rt/picker.h"

struct schedule;

extern const struct picker pick_random, pick_pct, pick_pos, pick_urw, pick_surw, pick_dfs, pick_dpor, pick_clock;
extern const struct picker pick_replay, pick_replay_turns; /* not in the table: their state is replay_state() */

/* NULL: no picker has this name. */
const struct picker *picker_find(const char *name);
/* All pickers that create() can make; NULL at the end of the table. */
const struct picker *picker_at(unsigned i);

/*
 * The state of a picker that follows `s`, which must outlive it. Strict: the run ends as COOP_DIVERGED at the first
 * decision that the schedule does not fit. Tolerant: what does not fit is skipped, and after the schedule's end the
 * current task goes on while it can. pick_replay_turns is always tolerant.
 */
void *replay_state(const struct schedule *s, bool strict);
void replay_state_free(void *state);

#endif
