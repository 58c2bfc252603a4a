/*
 * test_rig.h: what tests of this room stand on: a workload of recorded calls that runs under a picker on a recorded
 * device, and every crash that its record allows, judged. Only *_test.c include it.
 */
#ifndef ORACLE_TEST_RIG_H
#define ORACLE_TEST_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "oracle/check.h"
#include "pick/pickers.h"
#include "rt/coop.h"

/* A device, a model, and what is to be judged. */
struct rig {
	struct dev *dev;
	struct model *m;
	struct fs *fs;
	struct mkfs_options mkfs;
	struct mount_options mount;
	struct dev_faults faults;
	void (*workload)(struct rig *r);
	struct judge *judge;
	uint64_t images, broken, epochs;
	struct cut_budget budget, replays;
	bool fully;
	struct broken first;
	uint64_t seed; /* of the run */
};

static inline void rig_main(void *arg)
{
	struct rig *r = arg;
	struct why why;

	assert_int_equal(ram_open(2 << 20, &r->dev), 0);
	assert_int_equal(fs_mkfs(r->dev, &r->mkfs, &why), 0);
	powercut_start(r->dev);
	r->dev->faults = &r->faults;
	r->dev->async = true;
	r->m = model_new(r->dev);
	assert_int_equal(fs_mount(r->dev, &r->mount, &r->fs, &why), 0);
	coop_choices(true);
	r->workload(r);
	coop_choices(false);
	for (uint32_t i = 0; i < model_nfiles(r->m); i++)
		if (model_file(r->m, i)->f)
			model_close(model_file(r->m, i));
	fs_abandon(r->fs);
	dev_drain(r->dev);
}

static inline struct rig *run_rig(void (*workload)(struct rig *r), const struct rig *like, uint64_t seed)
{
	struct rig *r = calloc(1, sizeof(*r));
	struct coop_config cfg = { .picker = &pick_random, .seed = seed };
	struct coop_result res;
	const char *err;

	*r = *like;
	r->workload = workload;
	r->seed = seed;
	r->mkfs.nodesize = 4096;
	r->mount.no_background = true;
	if (!r->budget.all_up_to)
		r->budget = (struct cut_budget){ .all_up_to = 10, .sampled = 20, .seed = 1, .tears = true };
	cfg.picker_state = pick_random.create("", &err);
	coop_run(&cfg, rig_main, r, &res);
	pick_random.destroy(cfg.picker_state);
	if (res.end != COOP_FINISHED)
		fail_msg("the workload did not finish: %s", res.why);
	r->judge = judge_new(r->m, r->dev);
	return r;
}

static inline void free_rig(struct rig *r)
{
	judge_free(r->judge);
	powercut_stop(r->dev);
	model_free(r->m);
	dev_close(r->dev);
	free(r);
}

static inline int judge_one(void *arg, const struct cut *c)
{
	struct rig *r = arg;
	struct broken_list list = { .n = 0 };

	r->images++;
	uint32_t n = r->fully ? judge_cut_fully(r->judge, c, &r->replays, &list) : judge_cut(r->judge, c, &list);
	if (n && !r->broken)
		r->first = list.b[0];
	r->broken += n;
	return 0;
}

static inline int judge_each_cut(void *arg, const struct epoch *e)
{
	struct rig *r = arg;

	r->epochs++;
	return powercut_cuts(r->dev, e, &r->budget, judge_one, r);
}

static inline void judge_all(struct rig *r)
{
	powercut_epochs(r->dev, judge_each_cut, r);
}

static inline void must_hold(struct rig *r)
{
	judge_all(r);
	if (r->broken)
		fail_msg("%lu of %lu images break a promise; first: %s", (unsigned long)r->broken,
		         (unsigned long)r->images, r->first.text);
	assert_true(r->images > r->epochs);
}

#endif
