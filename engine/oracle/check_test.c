/*
 * check_test.c: the judge over real crash images: a small mixed workload with a power cut at every
 * epoch and every subset of few pending writes, replayed, replayed again, and crashed during replay;
 * and what must be caught: a flush that lies, a checksum that is missing, a block that is another's.
 */
#include "item/csum.h"
#include "fs/extent_item.h"
#include "fs/trans.h"
#include "oracle/test_rig.h"
#include "rt/sanitize.h"

static void must_break(struct rig *r, enum broken_kind kind)
{
	judge_all(r);
	assert_true(r->broken > 0);
	if (r->first.kind != kind)
		fail_msg("expected %s, got %s: %s", broken_name[kind], broken_name[r->first.kind], r->first.text);
}

/* ---- the mixed workload ---- */

/* Somebody else on the same files: so that writes are in flight when the calls below flush. */
static void noise(void *arg)
{
	struct rig *r = arg;

	for (unsigned i = 0; i < 6; i++) {
		struct model_file *f = model_file(r->m, i % 2);
		model_write(f, (i % 4) * FS_BLOCK, FS_BLOCK);
		fs_flush_pass(f->f);
	}
}

static void everything(struct rig *r, struct model_file *a, struct model_file *b);

static void one_of_everything(struct rig *r)
{
	struct model_file *a = model_create(r->m, r->fs, 0, "a", NULL), *b = model_create(r->m, r->fs, 1, "b", NULL);
	struct task *t = rt_spawn("noise", noise, r, NULL);

	everything(r, a, b);
	rt_join(t);
}

static void everything(struct rig *r, struct model_file *a, struct model_file *b)
{
	model_write(a, 0, 3 * FS_BLOCK);
	model_write(b, FS_BLOCK, FS_BLOCK);
	assert_int_equal(model_fsync(a), 0);
	assert_int_equal(model_fsync(b), 0);
	model_write(a, FS_BLOCK, FS_BLOCK);
	fs_flush_pass(a->f);
	model_truncate(a, 2 * FS_BLOCK + 3 * ORACLE_SECTOR);
	model_write(b, 2 * ORACLE_SECTOR, 4 * ORACLE_SECTOR);
	assert_int_equal(model_fsync(a), 0);
	struct model_file *c = model_create(r->m, r->fs, 0, "c", NULL);
	model_write(c, 0, FS_BLOCK);
	assert_int_equal(model_fsync(c), 0);
	assert_int_equal(fs_commit(r->fs), 0);
	assert_int_equal(model_unlink(c, r->fs), 0);
	model_close(c);
	model_write(a, 0, 2 * FS_BLOCK);
	model_write(b, 2 * FS_BLOCK, FS_BLOCK);
	assert_int_equal(model_fdatasync(b), 0);
	assert_int_equal(model_sync(r->m, r->fs), 0);
	struct model_file *d = model_create(r->m, r->fs, 0, "c", NULL);
	model_write(d, 0, 2 * FS_BLOCK);
	assert_int_equal(model_fsync(d), 0);
	model_truncate(a, 0);
	model_write(a, 2 * FS_BLOCK, FS_BLOCK);
	assert_int_equal(model_fsync(a), 0);
}

static void every_cut_of_a_mixed_workload_keeps_its_promises(void **state)
{
	struct rig like = { .mkfs = { .subvols = 2, .single = true } };

	for (uint64_t seed = 1; seed <= 40; seed++) {
		struct rig *r = run_rig(one_of_everything, &like, seed);
		must_hold(r);
		free_rig(r);
	}
}

static void every_cut_with_dup_and_compression_and_inline_keeps_its_promises(void **state)
{
	struct rig like = { .mkfs = { .subvols = 2 }, .mount = { .compress = true, .inline_max = 2048 } };

	for (uint64_t seed = 1; seed <= 10; seed++) {
		struct rig *r = run_rig(one_of_everything, &like, seed);
		must_hold(r);
		free_rig(r);
	}
}

/* (rules.11) At the images with at most a few writes kept, with a crash at each epoch of the replay. */
static void replay_is_idempotent_and_survives_a_crash_of_its_own(void **state)
{
	struct rig like = { .mkfs = { .subvols = 2, .single = true }, .fully = true,
		            .budget = { .all_up_to = 1, .seed = 1 }, .replays = { .all_up_to = 2, .seed = 1 } };
	struct rig *r = run_rig(one_of_everything, &like, 5);

	must_hold(r);
	assert_true(r->judge->images_mounted > 5 * r->images); /* crashes of the replay were among them */
	free_rig(r);
}

/* ---- planted ---- */

static void two_syncs(struct rig *r)
{
	struct model_file *a = model_create(r->m, r->fs, 0, "a", NULL);

	model_write(a, 0, 2 * FS_BLOCK);
	assert_int_equal(model_sync(r->m, r->fs), 0);
	model_write(a, 0, FS_BLOCK);
	assert_int_equal(model_fsync(a), 0);
}

static void a_lying_flush_is_caught(void **state)
{
	struct rig honest = { .mkfs = { .single = true } };
	struct rig lying = { .mkfs = { .single = true }, .faults = { .lying_flush = true } };
	struct rig *r = run_rig(two_syncs, &honest, 1);

	must_hold(r);
	free_rig(r);
	r = run_rig(two_syncs, &lying, 1);
	judge_all(r);
	assert_true(r->broken > 0);
	free_rig(r);
}

/* The checksum of a block that has just been synced goes, in a transaction of its own. */
static void a_checksum_gets_lost(struct rig *r)
{
	struct model_file *a = model_create(r->m, r->fs, 0, "a", NULL);
	struct inode *inode = a->f->inode;
	struct extent e;
	struct handle h;

	model_write(a, 0, 2 * FS_BLOCK);
	assert_int_equal(model_sync(r->m, r->fs), 0);
	assert_int_equal(extent_at(&inode->root->tree, inode->ino, 0, &e), 0);
	assert_int_equal(trans_start(r->fs, TRANS_START, &h), 0);
	assert_int_equal(csum_delete(&r->fs->csum_tree, h.trans->id, e.item.disk_bytenr + FS_BLOCK, 1), 0);
	trans_end(&h);
	assert_int_equal(fs_commit(r->fs), 0);
}

static void a_missing_checksum_is_caught(void **state)
{
	struct rig like = { .mkfs = { .single = true } };
	struct rig *r = run_rig(a_checksum_gets_lost, &like, 1);

	must_break(r, BROKEN_EIO);
	assert_int_equal(r->first.block, 1);
	free_rig(r);
}

/* What the final image holds, to be tampered with. */
static struct recovered *final_state(struct rig *r, uint32_t *pos)
{
	struct epoch e;
	uint64_t keep[4] = { 0 };
	struct dev *image;

	*pos = powercut_position(r->dev);
	powercut_epoch_at(r->dev, *pos, &e);
	struct cut c = { .pos = *pos, .pending = e.pending, .npending = e.npending, .keep = keep };
	assert_true(e.npending <= 256);
	assert_int_equal(powercut_image(r->dev, &c, &image), 0);
	struct recovered *rec = recover_image(image);
	dev_close(image);
	return rec;
}

static void tampered(struct rig *r, void (*tamper)(struct recovered *rec), enum broken_kind kind)
{
	struct broken_list list = { .n = 0 };
	uint32_t pos;
	struct recovered *rec = final_state(r, &pos);

	assert_int_equal(judge_recovered(r->judge, pos, rec, &list), 0);
	tamper(rec);
	assert_true(judge_recovered(r->judge, pos, rec, &list) > 0);
	assert_int_equal(list.b[0].kind, kind);
	assert_true(strlen(list.b[0].text) > 10);
	recovered_free(rec);
}

static void make_stale(struct recovered *rec)
{
	rec->file[0].block[1].first.stamp.file = 1;
}

static void make_old(struct recovered *rec)
{
	rec->file[0].block[0].first.stamp.version = rec->file[0].block[1].first.stamp.version;
}

static void make_zeros(struct recovered *rec)
{
	rec->file[0].block[1].first = (struct seen){ .kind = SEEN_ZEROS };
}

static void make_garbage(struct recovered *rec)
{
	rec->file[0].block[0].first = (struct seen){ .kind = SEEN_GARBAGE };
}

static void make_unreadable(struct recovered *rec)
{
	rec->file[0].block[0].err = -5;
}

static void make_short(struct recovered *rec)
{
	rec->file[0].size = FS_BLOCK;
	rec->file[0].nblocks = 1;
}

static void make_nameless(struct recovered *rec)
{
	strcpy(rec->file[0].name, "b");
}

static void make_another(struct recovered *rec)
{
	rec->file[0].ino++;
}

static void make_unmountable(struct recovered *rec)
{
	rec->err = -5;
}

static void what_is_not_legal_is_told_by_its_name(void **state)
{
	static const struct {
		void (*tamper)(struct recovered *rec);
		enum broken_kind kind;
	} all[] = {
		{ make_stale, BROKEN_FOREIGN },  { make_old, BROKEN_VERSION },   { make_zeros, BROKEN_ZEROS },
		{ make_garbage, BROKEN_GARBAGE }, { make_unreadable, BROKEN_EIO }, { make_short, BROKEN_SIZE },
		{ make_nameless, BROKEN_NAME },  { make_another, BROKEN_NAME },
		{ make_unmountable, BROKEN_UNMOUNTABLE },
	};
	struct rig like = { .mkfs = { .single = true } };
	struct rig *r = run_rig(two_syncs, &like, 1);

	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		tampered(r, all[i].tamper, all[i].kind);
	free_rig(r);
}

/* A data block is overwritten behind the file system's back: its checksum finds it. */
static void a_block_changed_on_the_media_reads_as_an_error(void **state)
{
	struct rig like = { .mkfs = { .single = true } };
	struct rig *r = run_rig(two_syncs, &like, 1);
	static _Alignas(4096) uint8_t stale[FS_BLOCK];
	struct broken_list list = { .n = 0 };
	const struct dev_event *ev;
	uint64_t keep[4] = { 0 };
	struct epoch e;
	struct dev *image;
	uint32_t n;

	ev = powercut_events(r->dev, &n);
	uint64_t at = 0;
	for (uint32_t i = 0; i < n; i++)
		if (ev[i].kind == DEV_WSUB && !ev[i].meta)
			at = ev[i].off; /* the last data write */
	assert_true(at > 0);
	powercut_epoch_at(r->dev, n, &e);
	struct cut c = { .pos = n, .pending = e.pending, .npending = e.npending, .keep = keep };
	assert_int_equal(powercut_image(r->dev, &c, &image), 0);
	assert_int_equal(dev_write(image, at, stale, FS_BLOCK, 0), 0);
	struct recovered *rec = recover_image(image);
	dev_close(image);
	assert_int_equal(judge_recovered(r->judge, n, rec, &list), 1);
	assert_int_equal(list.b[0].kind, BROKEN_EIO);
	recovered_free(rec);
	free_rig(r);
}

static void equal_images_are_mounted_once(void **state)
{
	struct rig like = { .mkfs = { .single = true } };
	struct rig *r = run_rig(two_syncs, &like, 1);

	must_hold(r);
	uint64_t mounted = r->judge->images_mounted;
	judge_restart(r->judge);
	judge_all(r);
	assert_int_equal(r->judge->images_mounted, mounted);
	assert_int_equal(r->judge->images_judged, r->images);
	free_rig(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cut_of_a_mixed_workload_keeps_its_promises),
		cmocka_unit_test(every_cut_with_dup_and_compression_and_inline_keeps_its_promises),
		cmocka_unit_test(replay_is_idempotent_and_survives_a_crash_of_its_own),
		cmocka_unit_test(a_lying_flush_is_caught),
		cmocka_unit_test(a_missing_checksum_is_caught),
		cmocka_unit_test(what_is_not_legal_is_told_by_its_name),
		cmocka_unit_test(a_block_changed_on_the_media_reads_as_an_error),
		cmocka_unit_test(equal_images_are_mounted_once),
	};

	if (RT_TSAN) {
		puts("1..0 # SKIP fibers are not for ThreadSanitizer");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
