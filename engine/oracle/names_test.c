/*
 * names_test.c: names that are given, taken and moved, with a power cut at every epoch and every subset of few pending
 * writes: one workload for each call, in which a log has told of the names before and after; and random ones.
 */
#include "base/rng.h"
#include "oracle/test_rig.h"
#include "rt/sanitize.h"

/* Somebody else who writes and syncs: so a log is committed in the middle of what the others do. */
static void noise(void *arg)
{
	struct rig *r = arg;
	struct model_file *n = model_create(r->m, r->fs, 0, "noise", NULL);

	for (unsigned i = 0; i < 3; i++) {
		model_write(n, 0, FS_BLOCK);
		assert_int_equal(model_fsync(n), 0);
	}
}

static struct model_file *create(struct rig *r, const char *name)
{
	struct model_file *f = model_create(r->m, r->fs, 0, name, NULL);

	assert_non_null(f);
	model_write(f, 0, FS_BLOCK);
	return f;
}

static void change(struct model_file *f)
{
	model_write(f, 0, FS_BLOCK);
}

#define OK(call) assert_int_equal(call, 0)
#define RENAME(old, new) OK(model_rename(r->m, r->fs, 0, old, new))
#define LINK(old, new)   OK(model_link(r->m, r->fs, 0, old, new))
#define UNLINK(name)     OK(model_unlink_name(r->m, r->fs, 0, name))
#define FSYNC(f)         OK(model_fsync(f))
#define FSYNC_DIR()      OK(model_fsync_dir(r->m, r->fs, 0))
#define SYNC()           OK(model_sync(r->m, r->fs))

static void rename_of_a_new_file(struct rig *r)
{
	struct model_file *a = create(r, "a"), *o = create(r, "o");

	FSYNC(a);
	RENAME("a", "b");
	change(o);
	FSYNC(o); /* the log of `a` goes with it */
	FSYNC(a);
	RENAME("b", "c");
	change(a);
	FSYNC(a);
	RENAME("c", "d");
	FSYNC_DIR();
	RENAME("d", "e");
	change(o);
	FSYNC(o);
}

static void rename_of_a_committed_file(struct rig *r)
{
	struct model_file *a = create(r, "a"), *o = create(r, "o");

	SYNC();
	RENAME("a", "b");
	FSYNC_DIR();
	RENAME("b", "c");
	change(o);
	FSYNC(o);
	SYNC();
	RENAME("c", "d");
	change(a);
	FSYNC(a);
	RENAME("d", "a");
	FSYNC(a);
}

static void replacement(struct rig *r)
{
	struct model_file *old = create(r, "a"), *new;

	SYNC();
	new = create(r, "tmp");
	FSYNC(new);
	RENAME("tmp", "a");
	change(old); /* it has no name, and is open */
	FSYNC_DIR();
	new = create(r, "tmp");
	FSYNC(new);
	RENAME("tmp", "a");
	FSYNC(new);
	new = create(r, "tmp");
	FSYNC(new);
	RENAME("tmp", "a");
	SYNC();
}

/* The old file is in the log, and the new one is not: the name is never free. */
static void replacement_by_an_unsynced_file(struct rig *r)
{
	struct model_file *old = create(r, "a"), *o = create(r, "o"), *young;

	SYNC();
	change(old);
	FSYNC(old);
	create(r, "tmp");
	RENAME("tmp", "a");
	change(o);
	FSYNC(o);
	young = create(r, "young");
	FSYNC(young);
	create(r, "tmp");
	RENAME("tmp", "young");
	change(o);
	FSYNC(o);
}

static void links(struct rig *r)
{
	struct model_file *a = create(r, "a"), *o = create(r, "o");

	SYNC();
	LINK("a", "l");
	FSYNC(a);
	UNLINK("a");
	change(o);
	FSYNC(o);
	LINK("l", "k");
	UNLINK("l");
	FSYNC(a);
	LINK("k", "a");
	FSYNC_DIR();
	UNLINK("k");
	FSYNC_DIR();
	change(a);
	FSYNC(a);
}

/* After an fsync of the directory, what comes is in a log that has told of it. */
static void links_after_the_directory(struct rig *r)
{
	struct model_file *a = create(r, "a"), *o = create(r, "o");

	SYNC();
	create(r, "b");
	FSYNC_DIR();
	LINK("a", "l");
	UNLINK("a");
	change(o);
	FSYNC(o);
	change(a);
	FSYNC(a);
}

static void unlinks(struct rig *r)
{
	struct model_file *a = create(r, "a"), *o = create(r, "o"), *b = create(r, "b");

	SYNC();
	change(a);
	FSYNC(a);
	UNLINK("a");
	change(o);
	FSYNC(o);
	FSYNC_DIR();
	change(b);
	UNLINK("b");
	FSYNC(b); /* unlinked and open */
	UNLINK("o");
	FSYNC_DIR();
}

static void names_used_again(struct rig *r)
{
	struct model_file *a = create(r, "a"), *b, *c;

	SYNC();
	RENAME("a", "x");
	b = create(r, "a");
	FSYNC(b); /* `a` is another file for the committed tree, which must not be lost */
	RENAME("a", "y");
	c = create(r, "a");
	FSYNC(c);
	UNLINK("a");
	change(a);
	FSYNC(a);
	RENAME("x", "a");
	FSYNC(a);
	FSYNC(b);
}

/* A file has had a name for a while that the committed tree has for another. */
static void names_in_between(struct rig *r)
{
	struct model_file *n;

	create(r, "a");
	create(r, "b");
	SYNC();
	UNLINK("a");
	n = create(r, "a");
	RENAME("a", "n");
	FSYNC(n); /* `a` is gone, though its last name was never another's */
	RENAME("b", "c");
	n = create(r, "b");
	RENAME("b", "m");
	LINK("c", "b"); /* the first file again */
	FSYNC(n);
}

static void exchange(struct rig *r)
{
	struct model_file *a = create(r, "a"), *b = create(r, "b");

	SYNC();
	change(a);
	FSYNC(a);
	RENAME("a", "t");
	RENAME("b", "a");
	RENAME("t", "b");
	FSYNC(b);
	RENAME("a", "t");
	RENAME("b", "a");
	FSYNC_DIR();
	RENAME("t", "b");
	FSYNC(a);
}

static void directory(struct rig *r)
{
	struct model_file *a;

	create(r, "a");
	FSYNC_DIR();
	create(r, "b");
	create(r, "c");
	FSYNC_DIR();
	UNLINK("b");
	a = create(r, "b");
	FSYNC_DIR();
	FSYNC_DIR();
	OK(model_commit(r->m, r->fs));
	UNLINK("a");
	RENAME("b", "a");
	FSYNC_DIR();
	FSYNC(a);
}

/* The workload and, in one run of two, noise beside it. */
static void (*todo)(struct rig *r);

static void beside_noise(struct rig *r)
{
	struct task *t = rt_spawn("noise", noise, r, NULL);

	todo(r);
	rt_join(t);
}

static unsigned fast(unsigned n)
{
	return getenv("FAST_TESTS") ? n / 4 + 1 : n;
}

static void every_cut(void (*workload)(struct rig *r))
{
	struct rig like = { .mkfs = { .single = true }, .budget = { .all_up_to = 5, .sampled = 8, .seed = 1 } };

	todo = workload;
	for (uint64_t seed = 1; seed <= fast(24); seed++) {
		like.mount.endio_workers = 1 + seed % 2;
		struct rig *r = run_rig(seed % 2 ? beside_noise : workload, &like, seed);
		must_hold(r);
		free_rig(r);
	}
	/* with a second cut in the replay of each image */
	like.fully = true;
	like.budget = (struct cut_budget){ .all_up_to = 1, .seed = 1 };
	like.replays = like.budget;
	struct rig *r = run_rig(workload, &like, 1);
	must_hold(r);
	free_rig(r);
}

#define EVERY_CUT(workload) \
	static void every_cut_of_##workload(void **state) { every_cut(workload); }

EVERY_CUT(rename_of_a_new_file)
EVERY_CUT(rename_of_a_committed_file)
EVERY_CUT(replacement)
EVERY_CUT(replacement_by_an_unsynced_file)
EVERY_CUT(links)
EVERY_CUT(links_after_the_directory)
EVERY_CUT(unlinks)
EVERY_CUT(names_used_again)
EVERY_CUT(names_in_between)
EVERY_CUT(exchange)
EVERY_CUT(directory)

/* ---- drawn by chance ---- */

#define DRAWN 12u

static const char *const name[] = { "a", "b", "c", "d" };

/* A few calls, of which some are refused. */
static void draws(void *arg)
{
	struct rig *r = arg;
	struct rng rng;

	rng_seed(&rng, rng_mix(r->seed) + rt_self()->id);
	for (unsigned i = 0; i < DRAWN; i++) {
		const char *from = name[rng_below(&rng, 4)], *to = name[rng_below(&rng, 4)];
		struct model_file *f = model_file(r->m, (uint32_t)rng_below(&rng, model_nfiles(r->m)));
		switch (rng_below(&rng, 12)) {
		case 0:
			if (model_nfiles(r->m) < MODEL_FILES - 4)
				model_create(r->m, r->fs, 0, to, NULL);
			break;
		case 1:
		case 2:
			model_link(r->m, r->fs, 0, from, to);
			break;
		case 3:
		case 4:
			model_unlink_name(r->m, r->fs, 0, from);
			break;
		case 5:
		case 6:
		case 7:
			model_rename(r->m, r->fs, 0, from, to);
			break;
		case 8:
			model_fsync_dir(r->m, r->fs, 0);
			break;
		case 9:
			model_commit(r->m, r->fs);
			break;
		default:
			if (f && f->f) {
				change(f);
				OK(model_fsync(f));
			}
		}
	}
}

static void by_chance(struct rig *r)
{
	for (unsigned i = 0; i < 3; i++)
		create(r, name[i]);
	SYNC();
	struct task *t = rt_spawn("draws", draws, r, NULL);
	draws(r);
	rt_join(t);
}

/* What was called, for who has to find out why a seed fails. */
static void print_history(const struct rig *r)
{
	for (uint32_t i = 0; i < model_nops(r->m); i++) {
		const struct model_op *o = model_op(r->m, i);
		print_error("%3u task %u %s file %u, %s to %s: %d, ticks %lu-%lu, positions %u-%u\n", i, o->task,
		            model_op_name[o->kind], o->file, o->from == MODEL_NO_NAME ? "-" :
		            model_name_text(r->m, o->from), o->to == MODEL_NO_NAME ? "-" : model_name_text(r->m, o->to),
		            o->ret, (unsigned long)o->b, (unsigned long)o->e, o->pb, o->pe);
	}
}

static void random_names_keep_every_promise(void **state)
{
	struct rig like = { .mkfs = { .single = true }, .budget = { .all_up_to = 3, .sampled = 4, .seed = 1 } };

	for (uint64_t seed = 1; seed <= fast(120); seed++) {
		struct rig *r = run_rig(by_chance, &like, seed);
		judge_all(r);
		if (r->broken) {
			print_history(r);
			fail_msg("seed %lu: %s", (unsigned long)seed, r->first.text);
		}
		free_rig(r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cut_of_rename_of_a_new_file),
		cmocka_unit_test(every_cut_of_rename_of_a_committed_file),
		cmocka_unit_test(every_cut_of_replacement),
		cmocka_unit_test(every_cut_of_replacement_by_an_unsynced_file),
		cmocka_unit_test(every_cut_of_links),
		cmocka_unit_test(every_cut_of_links_after_the_directory),
		cmocka_unit_test(every_cut_of_unlinks),
		cmocka_unit_test(every_cut_of_names_used_again),
		cmocka_unit_test(every_cut_of_names_in_between),
		cmocka_unit_test(every_cut_of_exchange),
		cmocka_unit_test(every_cut_of_directory),
		cmocka_unit_test(random_names_keep_every_promise),
	};

	if (RT_TSAN) {
		puts("1..0 # SKIP fibers are not for ThreadSanitizer");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
