/*
 * test_run.h: what the tests of the controlled scheduler share: one run under a picker.
 */
#ifndef RT_TEST_RUN_H
#define RT_TEST_RUN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "rt/coop.h"
#include "rt/lock.h"
#include "rt/sanitize.h"

/* ThreadSanitizer sees one thread where fibers are: coop_run() refuses it. */
static inline void skip_under_tsan(void)
{
	if (RT_TSAN)
		skip();
}

static inline struct coop_result run_once(const struct picker *p, const char *args, uint64_t seed, void (*fn)(void *),
                                          void *arg, struct schedule *record)
{
	const char *err = NULL;
	struct coop_result res;
	struct coop_config cfg = { .picker = p, .seed = seed, .steps_hint = 50, .steps_max = 10000, .record = record };

	cfg.picker_state = p->create(args, &err);
	assert_null(err);
	cfg.virtual_time = !strcmp(p->name, "clock");
	coop_run(&cfg, fn, arg, &res);
	p->destroy(cfg.picker_state);
	return res;
}

/* Spawns n tasks on fn(arg), lets the picker choose, and joins them. From inside a run's main. */
static inline void run_tasks(unsigned n, void (*fn)(void *), void *arg)
{
	struct task *t[16];

	for (unsigned i = 0; i < n; i++)
		t[i] = rt_spawn("task", fn, arg, NULL);
	coop_choices(true);
	for (unsigned i = 0; i < n; i++)
		rt_join(t[i]);
	coop_choices(false);
}

#endif
