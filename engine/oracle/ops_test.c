/*
 * ops_test.c: what can happen to a file beside an fsync, each kind of call with the power cut at every epoch of its
 * record, in every subset of the writes that are pending then (torn, too), replayed, and cut again during that replay.
 */
#include "oracle/test_rig.h"
#include "rt/sanitize.h"

/* Each crash of the workload, under this many seeds; of every eighth run the replays are cut, too. */
static void holds(void (*workload)(struct rig *r), const struct rig *like, uint64_t seeds)
{
	uint64_t images = 0;

	if (RT_TSAN)
		skip();
	if (getenv("FAST_TESTS"))
		seeds = seeds / 4 + 1;
	for (uint64_t seed = 1; seed <= seeds; seed++) {
		struct rig mine = *like;
		mine.fully = seed % 8 == 1;
		mine.replays = (struct cut_budget){ .all_up_to = 2, .sampled = 2, .seed = seed };
		if (mine.fully)
			mine.budget = (struct cut_budget){ .all_up_to = 3, .sampled = 4, .seed = seed, .tears = true };
		struct rig *r = run_rig(workload, &mine, seed);
		must_hold(r);
		images += r->images;
		free_rig(r);
	}
	assert_true(images > seeds * 20);
}

/* ---- direct writes ---- */

static void direct_noise(void *arg)
{
	struct model_file *f = model_file(((struct rig *)arg)->m, 0);

	for (unsigned i = 0; i < 3; i++) {
		model_write(f, i * FS_BLOCK, FS_BLOCK);
		fs_flush_pass(f->f);
		struct model_direct *d = model_write_direct_start(f, i * FS_BLOCK, FS_BLOCK);
		model_fsync(f);
		model_direct_wait(d);
	}
}

static void direct_writes(struct rig *r)
{
	struct model_file *f = model_create(r->m, r->fs, 0, "a", NULL);

	model_write_direct(f, 0, 2 * FS_BLOCK);
	assert_int_equal(model_fsync(f), 0);
	struct task *t = rt_spawn("noise", direct_noise, r, NULL);
	model_write_direct(f, FS_BLOCK, 2 * FS_BLOCK);
	model_write_direct(f, 5 * FS_BLOCK, FS_BLOCK);
	assert_int_equal(model_fdatasync(f), 0);
	model_write_direct(f, ORACLE_SECTOR, ORACLE_SECTOR);
	model_truncate(f, 2 * FS_BLOCK + ORACLE_SECTOR);
	assert_int_equal(model_commit(r->m, r->fs), 0);
	assert_int_equal(model_write_dsync(f, 3 * FS_BLOCK, FS_BLOCK, true), 0);
	assert_int_equal(model_write_dsync(f, FS_BLOCK - ORACLE_SECTOR, 2 * ORACLE_SECTOR, false), 0);
	rt_join(t);
}

static void a_direct_write(void **state)
{
	struct rig plain = { .mkfs = { .single = true } }, packed = plain, checked = plain;

	packed.mount.compress = true;
	packed.mount.inline_max = 2048;
	checked.mount.direct_buffered = true;
	holds(direct_writes, &plain, 60);
	holds(direct_writes, &packed, 20);
	holds(direct_writes, &checked, 20);
}

/* ---- stores through a mapping ---- */

static void mapped_noise(void *arg)
{
	struct model_file *f = model_file(((struct rig *)arg)->m, 0);

	for (unsigned i = 0; i < 3; i++) {
		model_mmap_store(f, (i % 2) * FS_BLOCK + i * ORACLE_SECTOR, 3 * ORACLE_SECTOR);
		fs_flush_pass(f->f);
		model_mmap_store(f, (i % 2) * FS_BLOCK, 2 * ORACLE_SECTOR);
		model_msync(f, 0, FS_BLOCK);
	}
}

static void mapped_stores(struct rig *r)
{
	struct model_file *f = model_create(r->m, r->fs, 0, "a", NULL);

	model_write(f, 0, 4 * FS_BLOCK);
	assert_int_equal(model_fsync(f), 0);
	model_mmap(f);
	struct task *t = rt_spawn("noise", mapped_noise, r, NULL);
	model_mmap_store(f, FS_BLOCK - ORACLE_SECTOR, 4 * ORACLE_SECTOR);
	assert_int_equal(model_fsync(f), 0);
	model_write_direct(f, FS_BLOCK, FS_BLOCK);
	model_mmap_store(f, FS_BLOCK + 2 * ORACLE_SECTOR, ORACLE_SECTOR);
	assert_int_equal(model_commit(r->m, r->fs), 0);
	model_truncate(f, 3 * FS_BLOCK + ORACLE_SECTOR);
	model_mmap_store(f, 3 * FS_BLOCK, ORACLE_SECTOR);
	assert_int_equal(model_msync(f, 3 * FS_BLOCK, FS_BLOCK), 0);
	model_write(f, 2 * FS_BLOCK, FS_BLOCK);
	rt_join(t);
	assert_int_equal(model_fsync(f), 0);
}

static void a_mapped_store(void **state)
{
	struct rig plain = { .mkfs = { .single = true } }, packed = plain;

	packed.mount.compress = true;
	packed.mount.inline_max = 2048;
	holds(mapped_stores, &plain, 60);
	holds(mapped_stores, &packed, 20);
}

/* ---- preallocated space, data in place, holes ---- */

static void space_noise(void *arg)
{
	struct model_file *f = model_file(((struct rig *)arg)->m, 0);

	for (unsigned i = 0; i < 3; i++) {
		model_write(f, i * FS_BLOCK, FS_BLOCK);
		fs_flush_pass(f->f);
		model_write_direct(f, (i + 1) * FS_BLOCK, FS_BLOCK);
	}
	model_fsync(f);
}

static void space(struct rig *r, uint32_t flags)
{
	struct model_file *f = model_create(r->m, r->fs, 0, "a", NULL);

	model_set_flags(f, flags);
	model_write(f, 0, 2 * FS_BLOCK);
	assert_int_equal(model_fallocate(f, 0, 4 * FS_BLOCK, false), 0);
	assert_int_equal(model_fsync(f), 0);
	struct task *t = rt_spawn("noise", space_noise, r, NULL);
	assert_int_equal(model_fallocate(f, 5 * FS_BLOCK, 2 * FS_BLOCK, true), 0);
	model_write(f, 3 * FS_BLOCK, 3 * FS_BLOCK);
	assert_int_equal(model_fdatasync(f), 0);
	assert_int_equal(model_punch(f, FS_BLOCK, FS_BLOCK + 2 * ORACLE_SECTOR), 0);
	assert_int_equal(model_fsync(f), 0);
	assert_int_equal(model_commit(r->m, r->fs), 0);
	assert_int_equal(model_fallocate(f, 0, 2 * FS_BLOCK, false), 0);
	model_write(f, 0, 3 * FS_BLOCK);
	assert_int_equal(model_fsync(f), 0);
	model_truncate(f, 3 * FS_BLOCK);
	model_write(f, FS_BLOCK + ORACLE_SECTOR, ORACLE_SECTOR);
	rt_join(t);
	assert_int_equal(model_fsync(f), 0);
}

static void space_in_new_places(struct rig *r)
{
	space(r, 0);
}

static void space_without_checksums(struct rig *r)
{
	space(r, FS_NODATASUM);
}

static void space_in_place(struct rig *r)
{
	space(r, FS_NODATACOW);
}

static void a_fallocate_and_a_punch(void **state)
{
	struct rig plain = { .mkfs = { .single = true } }, packed = plain;

	packed.mount.compress = true;
	packed.mount.inline_max = 2048;
	holds(space_in_new_places, &plain, 50);
	holds(space_in_new_places, &packed, 16);
	holds(space_without_checksums, &plain, 50);
	holds(space_in_place, &plain, 50);
}

/* ---- memory pressure ---- */

static void pressure(void *arg)
{
	struct rig *r = arg;
	struct model_file *f = model_file(r->m, 0);

	for (unsigned i = 0; i < 4; i++) {
		fs_flush_pass(f->f);
		model_release(f);
		model_shrink_maps(r->m, r->fs);
		model_evict(r->m, r->fs);
	}
}

static void reclaimed(struct rig *r)
{
	struct model_file *f = model_create(r->m, r->fs, 0, "a", NULL), *g = model_create(r->m, r->fs, 0, "b", NULL);

	model_write(f, 0, 3 * FS_BLOCK);
	model_write(g, 0, FS_BLOCK);
	assert_int_equal(model_fsync(f), 0);
	assert_int_equal(model_fsync(g), 0);
	struct task *t = rt_spawn("pressure", pressure, r, NULL);
	for (unsigned i = 0; i < 3; i++) {
		model_write(f, i * FS_BLOCK, FS_BLOCK);
		assert_int_equal(model_fsync(f), 0);
		model_write(g, i * FS_BLOCK, FS_BLOCK);
		model_close(g);
		if (i == 1)
			assert_int_equal(model_commit(r->m, r->fs), 0);
		assert_int_equal(model_open(g, r->fs), 0);
		assert_int_equal(model_fsync(g), 0);
		model_close(g);
		model_evict(r->m, r->fs);
		assert_int_equal(model_open(g, r->fs), 0);
		model_truncate(g, (i + 1) * FS_BLOCK - ORACLE_SECTOR);
		assert_int_equal(model_fdatasync(g), 0);
	}
	rt_join(t);
}

static void pages_maps_and_inodes_that_go(void **state)
{
	struct rig plain = { .mkfs = { .single = true } }, packed = plain;

	packed.mount.compress = true;
	packed.mount.inline_max = 2048;
	holds(reclaimed, &plain, 60);
	holds(reclaimed, &packed, 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_direct_write),
		cmocka_unit_test(a_mapped_store),
		cmocka_unit_test(a_fallocate_and_a_punch),
		cmocka_unit_test(pages_maps_and_inodes_that_go),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
