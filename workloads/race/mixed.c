/*
 * mixed.c: a race without a known bug behind it. Four tasks draw their calls from the run's seed, on three files in two
 * subvolumes. It looks for what the other races do not think of; the seed's race is among what it contains.
 */
#include "base/rng.h"
#include "race/registry.h"

#define MIXED_CALLS 4u
#define MIXED_FILES 3u

static void some_write(struct rng *rng, struct model_file *f)
{
	uint64_t sector = rng_below(rng, 4 * BLOCK_SECTORS);

	if (rng_below(rng, 4) == 0)
		model_write(f, sector * ORACLE_SECTOR, (1 + (uint32_t)rng_below(rng, 6)) * ORACLE_SECTOR);
	else
		model_write(f, sector / BLOCK_SECTORS * FS_BLOCK, (1 + (uint32_t)rng_below(rng, 2)) * FS_BLOCK);
}

/* Makes a file of the task's own and writes it; maybe syncs it, maybe removes it. */
static void some_file(struct rng *rng, struct race_run *r, const char *name)
{
	struct model_file *f = model_create(r->model, r->fs, (uint32_t)rng_below(rng, 2), name, NULL);

	if (!f)
		return;
	model_write(f, 0, FS_BLOCK);
	if (rng_below(rng, 2))
		model_fsync(f);
	if (rng_below(rng, 3) == 0)
		model_unlink(f, r->fs);
	model_close(f);
}

static void some_call(struct rng *rng, struct race_run *r, const char *own_name)
{
	struct model_file *f = r->file[rng_below(rng, MIXED_FILES)];

	switch (rng_below(rng, 16)) {
	case 0:
	case 1:
	case 2:
	case 3:
		model_fsync(f);
		break;
	case 4:
		model_fdatasync(f);
		break;
	case 5:
		if (rng_below(rng, 2))
			model_fsync_range(f, rng_below(rng, 3) * FS_BLOCK, (1 + rng_below(rng, 2)) * FS_BLOCK);
		else
			model_sync_range(f, rng_below(rng, 3) * FS_BLOCK, FS_BLOCK, rng_below(rng, 2));
		break;
	case 6:
		model_truncate(f, rng_below(rng, 4 * BLOCK_SECTORS) * ORACLE_SECTOR);
		break;
	case 7:
	case 8:
		model_flush_pass(f);
		break;
	case 9:
		model_commit(r->model, r->fs);
		break;
	case 10:
		some_file(rng, r, own_name);
		break;
	default:
		some_write(rng, f);
	}
}

static void some_calls(struct race_run *r, uint64_t task, const char *own_name)
{
	struct rng rng;

	rng_seed(&rng, rng_mix(r->seed) ^ task);
	for (unsigned i = 0; i < MIXED_CALLS; i++)
		some_call(&rng, r, own_name);
}

static void first(struct race_run *r)
{
	some_calls(r, 1, "n1");
}

static void second(struct race_run *r)
{
	some_calls(r, 2, "n2");
}

static void third(struct race_run *r)
{
	some_calls(r, 3, "n3");
}

static void fourth(struct race_run *r)
{
	some_calls(r, 4, "n4");
}

static const struct race_task tasks[] = { { "first", first }, { "second", second }, { "third", third },
	                                  { "fourth", fourth } };

const struct race race_mixed = {
	.name = "mixed",
	.what = "anything to three files in two subvolumes, by four tasks",
	.story = "Each task draws its calls from the seed of the run: writes of blocks and of parts of them,\n"
	         "truncations, fsync, fdatasync, fsync of a range, sync_range, flusher passes, commits, creation\n"
	         "and removal.",
	.mkfs = { .nodesize = 4096, .single = true, .subvols = 2 },
	.mount = { .no_background = true },
	.files = { { "a", 0, 3 * FS_BLOCK }, { "b", 0, FS_BLOCK }, { "c", 1, 2 * FS_BLOCK } },
	.tasks = tasks,
	.ntasks = sizeof(tasks) / sizeof(tasks[0]),
	.expect = { { "prefix", VERDICT_BREAKS }, { "postfix", VERDICT_HOLDS },
	            { "ordered_first", VERDICT_HOLDS }, { "flush_twice_early", VERDICT_BREAKS },
	            { "commit_forgets_logged", VERDICT_BREAKS }, { "joiner_leaves_data", VERDICT_BREAKS },
	            { "log_root_unlocked", VERDICT_BREAKS }, { "flush_before_last_super", VERDICT_BREAKS },
	            { "reuses_log_blocks", VERDICT_BREAKS }, { "ranged_forgets_all", VERDICT_BREAKS },
	            { "complete", VERDICT_BREAKS }, { "complete_flushed_once", VERDICT_BREAKS },
	            { "covers_change", VERDICT_BREAKS }, { "logs_failed_write", VERDICT_BREAKS },
	            { "modern", VERDICT_BREAKS }, { "release_takes_all", VERDICT_BREAKS },
	            { "skips_collected", VERDICT_BREAKS },
	            { "trusts_collected", VERDICT_BREAKS }, { "trusts_stamp", VERDICT_BREAKS } },
};
