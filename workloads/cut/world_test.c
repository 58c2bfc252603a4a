/*
 * world_test.c: the rig on each real file system: its controls, an image that was damaged, a finding kept, judged again
 * and made simpler. Skips itself where not root.
 */
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cut/controls.h"
#include "cut/dmlog.h"
#include "cut/test_rig.h"

static const char *const systems[] = { "fs:ext4", "fs:xfs", "fs:btrfs" };
#define SYSTEMS (sizeof(systems) / sizeof(systems[0]))

static void need_root(void)
{
	if (geteuid())
		skip();
}

/* ---- controls ---- */

static void controls_of(const char *text)
{
	struct cut_fs fs = fs_of(text);
	struct controls c;
	struct why why;

	need_root();
	int ret = cut_controls(&fs, 3, &c, &why);
	if (ret)
		fail_msg("%s: %s", text, why.text);
	assert_int_equal(c.broken, 0);
	assert_true(c.lied_broken > 0);
	assert_true(c.beside > 0);
}

static void controls_hold_on_ext4(void **state)
{
	controls_of("fs:ext4");
}

static void controls_hold_on_xfs(void **state)
{
	controls_of("fs:xfs");
}

static void controls_hold_on_btrfs(void **state)
{
	controls_of("fs:btrfs");
}

/* Without holds no completion is late: no write of one thread is in flight beside a flush, and that is told. */
static void controls_without_holds_say_what_is_out_of_sight(void **state)
{
	struct cut_fs fs = fs_of("fs:ext4");
	struct controls c;
	struct why why;

	need_root();
	assert_int_equal(cut_controls(&fs, 0, &c, &why), -EIO);
	assert_non_null(strstr(why.text, "no write was in flight"));
}

/* ---- damaged images ---- */

/* The bytes of file a's first block, wherever the file system has put them, become noise. */
static struct recovered *look_damaged(void *arg, const struct cut *c, struct dev *image)
{
	struct world *w = arg;
	unsigned damaged = 0;

	slot_put(&w->e.slot, image);
	for (uint64_t at = 0; at < w->e.fs.size; at += FS_BLOCK) {
		struct seen s = block_identify(w->e.slot.map + at);
		if (s.kind != SEEN_VERSION || s.stamp.file != 0 || s.stamp.sector != 0)
			continue;
		memset(w->e.slot.map + at, 0x5a, 512);
		damaged++;
	}
	assert_true(damaged > 0);
	return slot_look(&w->e.slot);
}

static void a_damaged_image_is_judged(const char *which, enum broken_kind kind)
{
	struct cut_fs fs = fs_of(which);
	struct seen_states s = { .n = 0 };
	struct work work;
	struct world w;
	struct rng rng;

	need_root();
	open_world(&w, &fs, &work);
	rng_seed(&rng, 1);
	s.w = &w;
	choose_sample(&w.e, 10, &rng, look_at_state, &s);
	assert_int_equal(s.broken, 0);
	judge_free(w.e.judge);
	w.e.judge = judge_new(w.e.model, w.e.dev);
	w.e.judge->recover = look_damaged;
	w.e.judge->recover_arg = &w;
	rng_seed(&rng, 1);
	choose_sample(&w.e, 3, &rng, look_at_state, &s);
	assert_int_equal(s.broken, 3);
	assert_int_equal(s.first.kind, kind);
	assert_string_equal(s.first.file, "a");
	world_close(&w);
	work_close(&work);
}

static void garbage_on_ext4_is_seen(void **state)
{
	a_damaged_image_is_judged("fs:ext4", BROKEN_GARBAGE);
}

static void garbage_on_xfs_is_seen(void **state)
{
	a_damaged_image_is_judged("fs:xfs", BROKEN_GARBAGE);
}

static void garbage_on_btrfs_is_an_error(void **state)
{
	a_damaged_image_is_judged("fs:btrfs", BROKEN_EIO);
}

/* The super blocks are gone: it does not mount, and the kernel's words are there. */
static void an_image_that_does_not_mount_is_a_verdict(void **state)
{
	need_root();
	for (size_t i = 0; i < SYSTEMS; i++) {
		struct cut_fs fs = fs_of(systems[i]);
		struct work work;
		struct world w;
		open_world(&w, &fs, &work);
		slot_put(&w.e.slot, NULL);
		memset(w.e.slot.map, 0, 128 << 10);
		struct recovered *r = slot_look(&w.e.slot);
		assert_int_not_equal(r->err, 0);
		assert_true(strlen(r->why.text) > 10);
		recovered_free(r);
		/* and the next image is whole again */
		slot_put(&w.e.slot, NULL);
		r = slot_look(&w.e.slot);
		assert_int_equal(r->err, 0);
		assert_int_equal(r->nfiles, 2);
		recovered_free(r);
		world_close(&w);
		work_close(&work);
	}
}

static void the_checker_and_a_second_mount_agree(void **state)
{
	need_root();
	for (size_t i = 0; i < SYSTEMS; i++) {
		struct cut_fs fs = fs_of(systems[i]);
		struct recovered *first, *again;
		struct work work;
		struct world w;
		struct why why;
		char how[200];
		open_world(&w, &fs, &work);
		slot_put(&w.e.slot, NULL);
		first = slot_look(&w.e.slot);
		int ret = slot_check(&w.e.slot, &again, &why);
		if (ret)
			fail_msg("%s: %s", systems[i], why.text);
		if (!recovered_same(first, again, how, sizeof(how)))
			fail_msg("%s: %s", systems[i], how);
		recovered_free(first);
		recovered_free(again);
		world_close(&w);
		work_close(&work);
	}
}

/* ---- no verdict (verdict.1) ---- */

/* Of nothing that was written after the setup. */
static const uint64_t keep_none[1];
static const struct cut at_the_start = { .keep = keep_none };

static void want_of_descriptors_is_no_verdict(void **state)
{
	struct cut_fs fs = fs_of("fs:ext4");
	struct rlimit limit, none;
	struct verdict v;
	struct work work;
	struct world w;
	struct why why;

	need_root();
	open_world(&w, &fs, &work);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = 3; /* all of them are in use */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	int ret = verdict_look(&w.e, &at_the_start, &v, &why);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(ret, -EMFILE);
	assert_non_null(strstr(why.text, "cannot be looked at"));
	world_close(&w);
	work_close(&work);
}

/* The memory of images takes no writes. */
static void want_of_memory_is_no_verdict(void **state)
{
	struct round r = { .drive = { .seed = 1, .turns = 1 } };
	struct cut_fs fs = fs_of("fs:ext4");
	struct verdict v;
	struct work work;
	struct world w;
	struct why why;
	char path[32];

	need_root();
	open_world(&w, &fs, &work);
	assert_int_equal(world_round(&w, &r, &why), 0);
	const struct cut at_the_end = { .pos = powercut_position(w.e.dev), .keep = keep_none };
	int memory = w.e.slot.memory;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", memory);
	w.e.slot.memory = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(w.e.slot.memory >= 0);
	int ret = verdict_look(&w.e, &at_the_end, &v, &why);
	close(w.e.slot.memory);
	w.e.slot.memory = memory;
	assert_int_equal(ret, -ENOMEM);
	assert_non_null(strstr(why.text, "memory for an image"));
	world_close(&w);
	work_close(&work);
}

/* Another file lies over the program: it cannot be run. */
static void a_checker_that_cannot_be_run_is_no_verdict(void **state)
{
	static const char checker[] = "/usr/sbin/fsck.ext4";
	struct cut_fs fs = fs_of("fs:ext4");
	struct verdict v;
	struct work work;
	struct world w;
	struct why why;

	need_root();
	if (access(checker, X_OK))
		skip();
	open_world(&w, &fs, &work);
	assert_int_equal(unshare(CLONE_NEWNS), 0);
	assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	assert_int_equal(mount("/dev/null", checker, NULL, MS_BIND, NULL), 0);
	int looked = verdict_look(&w.e, &at_the_start, &v, &why), ret = verdict_check(&w.e, &at_the_start, &v, &why);
	assert_int_equal(umount(checker), 0);
	assert_int_equal(looked, 0);
	assert_int_equal(ret, -ENOENT);
	assert_non_null(strstr(why.text, "fsck.ext4 is not installed"));
	world_close(&w);
	work_close(&work);
}

/* %s: the device's name. */
static const char *kernel_line;

static struct recovered *look_and_log(void *arg, const struct cut *c, struct dev *image)
{
	struct evidence *e = arg;
	FILE *log = fopen("/dev/kmsg", "w");

	assert_non_null(log);
	fprintf(log, kernel_line, e->slot.path + strlen("/dev/"));
	fclose(log);
	slot_put(&e->slot, image);
	e->looked = true;
	return slot_look(&e->slot);
}

/* What verdict_look() says of a whole image, while the kernel's log gets this line. */
static int look_with(const char *line, struct verdict *v, struct why *why)
{
	struct cut_fs fs = fs_of("fs:ext4");
	struct work work;
	struct world w;

	open_world(&w, &fs, &work);
	kernel_line = line;
	w.e.judge->recover = look_and_log;
	int ret = verdict_look(&w.e, &at_the_start, v, why);
	world_close(&w);
	work_close(&work);
	return ret;
}

static void what_the_kernel_logs_is_told(void **state)
{
	struct verdict v;
	struct why why;

	need_root();
	if (!klog_is_there())
		skip();
	assert_int_equal(look_with("<6>fsyncstorm's test: (device %s) is well\n", &v, &why), 0);
	assert_int_equal(v.classes, 0);
	assert_int_equal(look_with("<3>fsyncstorm's test: error (device %s7)\n", &v, &why), 0);
	assert_int_equal(v.classes, 0);
	assert_int_equal(look_with("<3>fsyncstorm's test: error (device %s)\n", &v, &why), 0);
	assert_int_equal(v.classes, 1u << CUT_KERNEL);
	assert_non_null(strstr(v.kernel, "fsyncstorm's test: error"));
	assert_int_equal(look_with("<3>fsyncstorm's test: I/O error, dev %s, sector 0\n", &v, &why), -EIO);
	assert_non_null(strstr(why.text, "its device failed"));
}

/* ---- a finding ---- */

static char folder[] = "/tmp/fss-cut-test-XXXXXX";

static void load(const char *at, struct evidence *e, struct saved_cut *c)
{
	char path[FINDING_PATH];
	struct why why;

	snprintf(path, sizeof(path), "%s/log.zst", at);
	if (evidence_load(path, e, &why) || saved_cut_load(at, c, &why) || evidence_open_slot(e, &why))
		fail_msg("%s", why.text);
}

static void a_finding_is_judged_again_and_made_simpler(void **state)
{
	static const char *const files[] = { "story.txt", "replay.sh", "cut.json", "log.zst", "check.txt", "env.json" };
	struct broken first;
	struct saved_cut c;
	struct evidence e;
	struct verdict v;
	char at[64], path[128];
	unsigned tried;
	struct why why;
	struct stat st;

	need_root();
	snprintf(at, sizeof(at), "%s/one", folder);
	make_finding(at, &first);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", at, files[i]);
		assert_int_equal(stat(path, &st), 0);
		assert_true(st.st_size > 0);
	}
	load(at, &e, &c);
	assert_int_equal(finding_judge(&e, &c, false, &v, &why), 0);
	assert_true(v.broken.n > 0);
	assert_int_equal(v.broken.b[0].kind, first.kind);
	assert_string_equal(v.broken.b[0].text, first.text);
	uint32_t pos = c.pos;
	if (finding_shrink(&e, &c, &tried, &why))
		fail_msg("%s", why.text);
	assert_true(c.pos <= pos);
	assert_int_equal(finding_judge(&e, &c, true, &v, &why), 0);
	assert_true(v.classes >> cut_class_of(&first) & 1);
	c.pos = 0; /* nothing is lost of what was durable before */
	c.nkept = 0;
	assert_int_equal(finding_judge(&e, &c, true, &v, &why), 0);
	assert_int_equal(v.classes, 0);
	assert_true(finding_shrink(&e, &c, &tried, &why) < 0);
	c.pos = UINT32_MAX;
	assert_true(finding_judge(&e, &c, true, &v, &why) < 0);
	saved_cut_free(&c);
	evidence_free(&e);
}

/* Replays the log up to the mark, as replay-log would. Entries that were read. */
static uint64_t replay_log(FILE *in, const char *mark, uint8_t *image, uint64_t size)
{
	uint8_t sector[DMLOG_SECTOR];
	struct dmlog_super s;
	struct dmlog_entry e;
	uint64_t n = 0;

	rewind(in);
	assert_int_equal(fread(sector, 1, sizeof(sector), in), sizeof(sector));
	memcpy(&s, sector, sizeof(s));
	assert_true(s.magic == DMLOG_MAGIC && s.version == 1 && s.sector_size == 512);
	for (; n < s.entries; n++) {
		assert_int_equal(fread(sector, 1, sizeof(sector), in), sizeof(sector));
		memcpy(&e, sector, sizeof(e));
		if (e.flags & DMLOG_MARK && e.data_len == strlen(mark) && !memcmp(sector + sizeof(e), mark, e.data_len))
			return n;
		assert_true((e.sector + e.sectors) * 512 <= size);
		assert_int_equal(fread(image + e.sector * 512, 512, e.sectors, in), e.sectors);
	}
	return n;
}

struct same_image {
	const uint8_t *image;
	unsigned differ;
};

static void compare_block(void *arg, uint32_t blk, const uint8_t *data)
{
	struct same_image *s = arg;

	s->differ += memcmp(data, s->image + (uint64_t)blk * DEV_BLOCK, DEV_BLOCK) != 0;
}

/* What the exported log leaves is the image of the cut: here what is durable near the end, and one write more. */
static void an_exported_log_replays_to_what_is_durable(void **state)
{
	struct same_image same;
	struct broken first;
	struct evidence e;
	char at[64], path[128];
	struct dev *image;
	struct epoch ep;
	struct why why;

	need_root();
	snprintf(at, sizeof(at), "%s/three", folder);
	make_finding(at, &first);
	snprintf(path, sizeof(path), "%s/log.zst", at);
	assert_int_equal(evidence_load(path, &e, &why), 0);
	uint32_t n;
	struct dev_event *event = (struct dev_event *)powercut_events(e.dev, &n);
	for (uint32_t i = 0; i < n; i++) /* no lies here */
		event[i].failed = false;
	do /* the last position at which something is pending */
		powercut_epoch_at(e.dev, --n, &ep);
	while (n && !ep.npending);
	assert_true(ep.npending && ep.npending < 64 * 64);
	uint32_t kept = ep.pending[0];
	const struct saved_cut saved = { .pos = n, .kept = &kept, .nkept = 1, .torn = UINT32_MAX };
	snprintf(path, sizeof(path), "%s/dm.log", folder);
	assert_int_equal(dmlog_export(&e, &saved, path, &why), 0);
	FILE *in = fopen(path, "r");
	assert_non_null(in);
	uint8_t *replayed = calloc(1, e.fs.size);
	assert_true(replay_log(in, "base", replayed, e.fs.size) > 0);
	assert_memory_equal(replayed, e.base, e.fs.size);
	assert_true(replay_log(in, "cut", replayed, e.fs.size) > 10);
	powercut_epoch_at(e.dev, n, &ep);
	uint64_t keep[64] = { 1 };
	struct cut c = { .pos = n, .pending = ep.pending, .npending = ep.npending, .keep = keep };
	powercut_image(e.dev, &c, &image);
	same = (struct same_image){ .image = replayed };
	powercut_image_blocks(image, compare_block, &same);
	assert_int_equal(same.differ, 0);
	dev_close(image);
	fclose(in);
	free(replayed);
	evidence_free(&e);
}

/* Whatever the file holds, it is read or refused. */
static void a_damaged_record_is_refused(void **state)
{
	char at[64], path[128], bad[128];
	struct broken first;
	struct evidence e;
	struct why why;
	size_t n;

	need_root();
	snprintf(at, sizeof(at), "%s/two", folder);
	make_finding(at, &first);
	snprintf(path, sizeof(path), "%s/log.zst", at);
	snprintf(bad, sizeof(bad), "%s/bad.zst", folder);
	char *buf = malloc(1 << 20);
	FILE *f = fopen(path, "r");
	n = fread(buf, 1, 1 << 20, f);
	fclose(f);
	for (size_t cut = 0; cut < n; cut += n / 7 + 1) {
		f = fopen(bad, "w");
		fwrite(buf, 1, cut, f);
		fclose(f);
		assert_true(evidence_load(bad, &e, &why) < 0);
		assert_non_null(strstr(why.text, bad));
	}
	f = fopen(bad, "w");
	fputs("not packed at all, and longer than the magic word", f);
	fclose(f);
	assert_true(evidence_load(bad, &e, &why) < 0);
	assert_true(evidence_load("/nowhere/log.zst", &e, &why) < 0);
	free(buf);
}

static int make_folder(void **state)
{
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(controls_hold_on_ext4),
		cmocka_unit_test(controls_hold_on_xfs),
		cmocka_unit_test(controls_hold_on_btrfs),
		cmocka_unit_test(controls_without_holds_say_what_is_out_of_sight),
		cmocka_unit_test(garbage_on_ext4_is_seen),
		cmocka_unit_test(garbage_on_xfs_is_seen),
		cmocka_unit_test(garbage_on_btrfs_is_an_error),
		cmocka_unit_test(an_image_that_does_not_mount_is_a_verdict),
		cmocka_unit_test(the_checker_and_a_second_mount_agree),
		cmocka_unit_test(want_of_descriptors_is_no_verdict),
		cmocka_unit_test(want_of_memory_is_no_verdict),
		cmocka_unit_test(a_checker_that_cannot_be_run_is_no_verdict),
		cmocka_unit_test(what_the_kernel_logs_is_told),
		cmocka_unit_test(a_finding_is_judged_again_and_made_simpler),
		cmocka_unit_test(an_exported_log_replays_to_what_is_durable),
		cmocka_unit_test(a_damaged_record_is_refused),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
