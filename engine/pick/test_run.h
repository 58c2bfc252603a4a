/*
 * test_run.h: what tests that name a picker share: rt/test_run.h, and a run that follows a schedule.
 */
#ifndef PICK_TEST_RUN_H
#define PICK_TEST_RUN_H

#include "pick/pickers.h"
#include "rt/test_run.h"

static inline struct coop_result replay(const struct schedule *s, bool strict, void (*fn)(void *), void *arg)
{
	struct coop_result res;
	struct coop_config cfg = { .picker = &pick_replay, .steps_max = 10000 };

	cfg.picker_state = replay_state(s, strict);
	coop_run(&cfg, fn, arg, &res);
	replay_state_free(cfg.picker_state);
	return res;
}

#endif
