/*
 * dmlog_test.c: logs of dm-log-writes that are imported: the same images as those of the record they were exported
 * from; parts; every way to be wrong; and what is judged of a file system that others have filled. What mounts skips
 * itself where not root.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cut/dmlog.h"
#include "cut/foreign.h"
#include "cut/test_rig.h"

#define DEVICE (16u << 20)

static char folder[] = "/tmp/fss-dmlog-test-XXXXXX";

static void need_root(void)
{
	if (geteuid())
		skip();
}

static char *in_folder(const char *name)
{
	static char path[64][128]; /* more than one test asks for */
	static unsigned next;
	char *p = path[next++ % 64];

	snprintf(p, sizeof(path[0]), "%s/%s", folder, name);
	return p;
}

/* ---- logs made by hand ---- */

struct log {
	FILE *f;
	uint32_t sector;
	uint64_t n;
};

static void log_sector(struct log *l, const void *head, size_t n, const char *text)
{
	uint8_t *s = calloc(1, l->sector);

	memcpy(s, head, n);
	if (text)
		memcpy(s + n, text, strlen(text));
	fwrite(s, l->sector, 1, l->f);
	free(s);
}

static struct log log_begin(const char *path, uint32_t sector)
{
	struct log l = { fopen(path, "w"), sector, 0 };
	const struct dmlog_super s = { DMLOG_MAGIC, DMLOG_VERSION, 0, sector };

	assert_non_null(l.f);
	log_sector(&l, &s, sizeof(s), NULL);
	return l;
}

/* In sectors of the log. Each byte that is written is `fill`. */
static void log_entry(struct log *l, uint64_t sector, uint64_t sectors, uint64_t flags, int fill)
{
	const struct dmlog_entry e = { sector, sectors, flags, 0 };

	log_sector(l, &e, sizeof(e), NULL);
	for (uint64_t i = 0; i < sectors * l->sector && !(flags & DMLOG_DISCARD); i++)
		fputc(fill, l->f);
	l->n++;
}

static void log_mark(struct log *l, const char *text)
{
	const struct dmlog_entry e = { .flags = DMLOG_MARK, .data_len = strlen(text) };

	log_sector(l, &e, sizeof(e), text);
	l->n++;
}

static void log_end(struct log *l)
{
	const struct dmlog_super s = { DMLOG_MAGIC, DMLOG_VERSION, l->n, l->sector };

	rewind(l->f);
	log_sector(l, &s, sizeof(s), NULL);
	assert_int_equal(fclose(l->f), 0);
}

/* A device that is taken for ext4; `fill` elsewhere in its first MiB. */
static char *a_device(int fill)
{
	char *path = in_folder("device");
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	for (unsigned i = 0; i < 1u << 20; i++)
		fputc(i == 1080 ? 0x53 : i == 1081 ? 0xef : fill, f);
	fclose(f);
	assert_int_equal(truncate(path, DEVICE), 0);
	return path;
}

static void load_round(const char *name, unsigned nr, struct evidence *e)
{
	char path[160];
	struct why why;

	snprintf(path, sizeof(path), "%s/round-%05u.zst", in_folder(name), nr);
	if (evidence_load(path, e, &why))
		fail_msg("%s", why.text);
	assert_true(e->foreign);
}

static void import(struct dmlog_part *part, const char *to, struct dmlog_counts *counts)
{
	struct why why;

	if (dmlog_import(part, in_folder(to), counts, &why))
		fail_msg("%s", why.text);
}

/* What a crash at the end leaves. */
static uint8_t *end_image(struct evidence *e, bool all_kept)
{
	uint8_t *out = malloc(e->fs.size);
	struct epoch ep;
	struct dev *image;
	uint32_t n;

	powercut_events(e->dev, &n);
	powercut_epoch_at(e->dev, n, &ep);
	uint64_t keep[1024];
	memset(keep, all_kept ? 0xff : 0, sizeof(keep));
	assert_true(ep.npending < 64 * 1024);
	const struct cut c = { .pos = n, .pending = ep.pending, .npending = ep.npending, .keep = keep };
	powercut_image(e->dev, &c, &image);
	assert_int_equal(dev_read(image, 0, out, e->fs.size), 0);
	dev_close(image);
	return out;
}

/* ---- what an import is ---- */

static void each_kind_of_entry_is_what_it_was(void **state)
{
	struct dmlog_counts counts;
	struct evidence e;
	uint32_t n;

	for (uint32_t sector = 512; sector <= 4096; sector *= 8) {
		struct log l = log_begin(in_folder("kinds"), sector);
		struct dmlog_part part = { .log = in_folder("kinds"), .device = a_device(0x11) };
		log_entry(&l, 512, 2, 0, 0xaa);                       /* 0: a write */
		log_mark(&l, "half\tway");
		log_entry(&l, 0, 0, DMLOG_FLUSH, 0);                  /* 2 */
		log_entry(&l, 514, 1, DMLOG_FLUSH | DMLOG_FUA, 0xbb); /* 4: a flush, 6: and then the write */
		log_entry(&l, 520, 3, DMLOG_DISCARD, 0);              /* 8 */
		log_entry(&l, 530, 1, DMLOG_META, 0xcc);              /* 10 */
		log_end(&l);
		import(&part, "kinds.rec", &counts);
		assert_string_equal(counts.target, "fs:ext4,size=16m");
		assert_int_equal(counts.writes, 3);
		assert_int_equal(counts.flushes, 2);
		assert_int_equal(counts.discards, 1);
		assert_int_equal(counts.rounds, 1);
		load_round("kinds.rec", 1, &e);
		const struct dev_event *x = powercut_events(e.dev, &n);
		assert_int_equal(n, 12);
		static const uint8_t kinds[] = { DEV_WSUB, DEV_FSUB, DEV_FSUB, DEV_WSUB, DEV_WSUB, DEV_WSUB };
		for (uint32_t i = 0; i < 6; i++) {
			assert_int_equal(x[2 * i].kind, kinds[i]);
			assert_int_equal(x[2 * i].of, 2 * i + 1);
			assert_int_equal(x[2 * i].fua, i == 3);
			assert_int_equal(x[2 * i].meta, i == 5);
		}
		assert_int_equal(x[6].off, 514ull * sector);
		assert_int_equal(x[6].len, sector);
		assert_int_equal(e.nmarks, 1);
		assert_int_equal(e.mark[0].pos, 2);
		assert_string_equal(e.mark[0].text, "half?way");
		uint8_t *none = end_image(&e, false), *all = end_image(&e, true);
		assert_int_equal(none[512 * sector], 0xaa);      /* flushed */
		assert_int_equal(none[514 * sector], 0xbb);      /* FUA */
		assert_int_equal(none[520 * sector], sector == 512 ? 0x11 : 0);
		assert_int_equal(all[520 * sector], 0);
		assert_int_equal(none[100], 0x11);
		assert_true(all[530 * sector] == 0xcc && none[530 * sector] != 0xcc);
		free(none);
		free(all);
		evidence_free(&e);
		assert_int_equal(system("rm -r /tmp/fss-dmlog-test-*/kinds.rec"), 0);
	}
}

/* (dmlog.1) The parts together are the whole, and each begins where the one before has ended. */
static void a_long_log_is_taken_apart_at_flushes(void **state)
{
	struct log l = log_begin(in_folder("long"), 512);
	struct dmlog_part part = { .log = in_folder("long"), .device = a_device(0) };
	struct dmlog_counts counts;
	struct evidence e;
	uint8_t *whole = calloc(1, DEVICE);
	uint32_t n, events = 0;
	FILE *f = fopen(part.device, "r");

	assert_true(fread(whole, 1, DEVICE, f) == DEVICE);
	fclose(f);
	log_mark(&l, "holds:a:0123456789abcdef");
	for (unsigned i = 0; i < 600; i++) {
		uint64_t at = 100 + i * 7 % 300;
		log_entry(&l, at, 1 + i % 3, 0, (int)i & 0xff);
		memset(whole + at * 512, (int)i & 0xff, (1 + i % 3) * 512);
		if (i % 50 == 49)
			log_entry(&l, 0, 0, DMLOG_FLUSH, 0);
		if (i == 420)
			log_mark(&l, "done");
	}
	log_end(&l);
	import(&part, "long.rec", &counts);
	assert_int_equal(counts.rounds, 4);
	for (unsigned r = 1; r <= counts.rounds; r++) {
		load_round("long.rec", r, &e);
		powercut_events(e.dev, &n);
		events += n;
		assert_int_equal(e.nmarks, r == 3 ? 2 : r < 3);
		uint8_t *end = end_image(&e, true);
		if (r == counts.rounds)
			assert_memory_equal(end, whole, DEVICE);
		free(end);
		evidence_free(&e);
	}
	assert_int_equal(events, 2 * (600 + 12));
	free(whole);
}

static void a_part_is_between_marks(void **state)
{
	struct log l = log_begin(in_folder("marks"), 512);
	struct dmlog_part part = { .log = in_folder("marks"), .device = a_device(0), .from = "mkfs", .to = "end" };
	struct dmlog_counts counts;
	struct evidence e;

	log_entry(&l, 200, 1, 0, 1);
	log_entry(&l, 300, 1, DMLOG_DISCARD, 0);
	log_mark(&l, "mkfs");
	log_entry(&l, 201, 1, 0, 2);
	log_mark(&l, "end");
	log_entry(&l, 202, 1, 0, 3);
	log_end(&l);
	import(&part, "marks.rec", &counts);
	assert_int_equal(counts.writes, 1);
	load_round("marks.rec", 1, &e);
	uint8_t *none = end_image(&e, false), *all = end_image(&e, true);
	assert_int_equal(none[200 * 512], 1); /* content, that nothing takes away */
	assert_int_equal(none[201 * 512], 0);
	assert_int_equal(all[201 * 512], 2);
	assert_int_equal(all[202 * 512], 0);
	free(none);
	free(all);
	evidence_free(&e);
}

static int count_at(void *arg, const struct cut *c)
{
	unsigned *n = arg;

	n[c->pos == 2]++;
	return 0;
}

/* No epoch ends at the mark. */
static void marks_are_where_crashes_are_judged(void **state)
{
	struct log l = log_begin(in_folder("at"), 512);
	struct dmlog_part part = { .log = in_folder("at"), .device = a_device(0) };
	struct dmlog_counts counts;
	struct evidence e;
	unsigned n[2] = { 0 };
	struct rng rng;

	log_entry(&l, 100, 1, 0, 1);
	log_mark(&l, "here");
	for (unsigned i = 0; i < 60; i++)
		log_entry(&l, 200 + i, 1, 0, 2);
	log_entry(&l, 0, 0, DMLOG_FLUSH, 0);
	log_end(&l);
	import(&part, "at.rec", &counts);
	load_round("at.rec", 1, &e);
	rng_seed(&rng, 1);
	choose_sample(&e, 100, &rng, count_at, n);
	assert_int_equal(n[0] + n[1], 100);
	assert_in_range(n[1], 40, 70);
	evidence_free(&e);
}

/* What was recorded, written as a log and read again: the same images. */
static void an_exported_log_comes_back_as_the_same_images(void **state)
{
	struct dmlog_part part = { .log = in_folder("dm.log"), .device = in_folder("zeros"), .from = "base" };
	struct dmlog_counts counts;
	struct evidence was, e;
	struct broken first;
	struct epoch ep;
	struct why why;
	char path[160];
	uint32_t n, pos;

	need_root();
	make_finding(in_folder("finding"), &first);
	snprintf(path, sizeof(path), "%s/log.zst", in_folder("finding"));
	assert_int_equal(evidence_load(path, &was, &why), 0);
	struct dev_event *event = (struct dev_event *)powercut_events(was.dev, &n);
	for (uint32_t i = 0; i < n; i++) /* no lies here */
		event[i].failed = false;
	for (pos = n, ep.npending = 0; pos && !ep.npending;)
		powercut_epoch_at(was.dev, --pos, &ep);
	assert_true(ep.npending > 0 && ep.npending < 1024);
	uint32_t kept[1024], nkept = ep.npending;
	memcpy(kept, ep.pending, nkept * sizeof(*kept));
	const struct saved_cut cut = { .pos = pos, .kept = kept, .nkept = nkept, .torn = UINT32_MAX };
	assert_int_equal(dmlog_export(&was, &cut, part.log, &why), 0);
	FILE *f = fopen(part.device, "w");
	fclose(f);
	assert_int_equal(truncate(part.device, (off_t)was.fs.size), 0);
	import(&part, "back", &counts);
	load_round("back", 1, &e);
	assert_memory_equal(e.base, was.base, was.fs.size);
	evidence_free(&e);
	load_round("back", counts.rounds, &e);
	for (int all = 0; all < 2; all++) {
		uint8_t *end = end_image(&e, all), *due = malloc(was.fs.size);
		struct dev *image;
		uint64_t keep[16];
		memset(keep, all ? 0xff : 0, sizeof(keep));
		powercut_epoch_at(was.dev, pos, &ep);
		const struct cut c = { .pos = pos, .pending = ep.pending, .npending = ep.npending, .keep = keep };
		powercut_image(was.dev, &c, &image);
		assert_int_equal(dev_read(image, 0, due, was.fs.size), 0);
		dev_close(image);
		assert_memory_equal(end, due, was.fs.size);
		free(end);
		free(due);
	}
	evidence_free(&e);
	evidence_free(&was);
}

/* ---- what is refused ---- */

static void refused(const struct dmlog_part *part, const char *says)
{
	char to[160];
	struct dmlog_counts counts;
	struct stat st;
	struct why why;

	snprintf(to, sizeof(to), "%s/refused", folder);
	if (!dmlog_import(part, to, &counts, &why))
		fail_msg("it was taken, which should say `%s`", says);
	if (!strstr(why.text, says) || strchr(why.text, '\n'))
		fail_msg("`%s` is due, it said: %s", says, why.text);
	assert_int_not_equal(stat(to, &st), 0);
}

static void a_sound_log(const char *path)
{
	struct log l = log_begin(path, 512);

	log_entry(&l, 100, 2, 0, 1);
	log_mark(&l, "one");
	log_entry(&l, 0, 0, DMLOG_FLUSH, 0);
	log_entry(&l, 102, 1, DMLOG_FUA, 2);
	log_end(&l);
}

/* A field of the sound log becomes something else. */
static void whatever_a_field_holds_it_is_refused(void **state)
{
	static const struct {
		unsigned at, size; /* in the file: the super block; at 512 an entry, at 2048 a mark, at 3072 the last */
		uint64_t value;
		const char *says;
	} bad[] = {
		{ 0, 8, 0, "begins with something else" },
		{ 8, 8, 2, "version 2 of the log" },
		{ 24, 4, 0, "its sectors have 0 bytes" },
		{ 24, 4, 513, "its sectors have 513 bytes" },
		{ 24, 4, 1u << 31, "its sectors have 2147483648 bytes" },
		{ 16, 8, 5, "entry 5 at byte 4096: the log is cut off there" },
		{ 16, 8, UINT64_MAX, "entry 5 at byte 4096: the log is cut off there" },
		{ 16, 8, 0, "nothing is written or flushed" },
		{ 512, 8, DEVICE / 512 - 1, "entry 1 at byte 512: it writes beyond the device" },
		{ 512, 8, UINT64_MAX, "it writes beyond the device" },
		{ 520, 8, UINT64_MAX, "it writes beyond the device" },
		{ 520, 8, UINT64_MAX / 512 + 2, "it writes beyond the device" },
		{ 520, 8, 20000, "entry 1 at byte 512: the log is cut off in its data" },
		{ 520, 8, 0, "neither a write, a flush nor a mark" },
		{ 528, 8, 32, "a flag that this program does not know" },
		{ 528, 8, UINT64_MAX, "a flag that this program does not know" },
		{ 528, 8, DMLOG_MARK, "a mark that is no mark" },
		{ 2048 + 24, 8, 481, "a mark that is no mark" },
		{ 2048 + 24, 8, UINT64_MAX, "a mark that is no mark" },
		{ 2048, 8, UINT64_MAX, "a mark that is no mark" },
		{ 3072 + 8, 8, 2, "entry 4 at byte 3072: the log is cut off in its data" },
	};
	struct dmlog_part part = { .log = in_folder("bad"), .device = a_device(0) };
	struct dmlog_counts counts;

	a_sound_log(part.log);
	import(&part, "sound", &counts);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		a_sound_log(part.log);
		FILE *f = fopen(part.log, "r+");
		fseek(f, bad[i].at, SEEK_SET);
		fwrite(&bad[i].value, bad[i].size, 1, f);
		fclose(f);
		refused(&part, bad[i].says);
	}
}

static void a_log_that_is_cut_off_is_refused(void **state)
{
	struct dmlog_part part = { .log = in_folder("cut-off"), .device = a_device(0) };
	struct stat st;

	a_sound_log(part.log);
	assert_int_equal(stat(part.log, &st), 0);
	for (off_t size = 0; size < st.st_size; size += 37) {
		a_sound_log(part.log);
		assert_int_equal(truncate(part.log, size), 0);
		refused(&part, size < 512 ? "no log of dm-log-writes" : "cut off");
	}
}

static void other_mistakes_are_told(void **state)
{
	struct dmlog_part part = { .log = in_folder("sound.log"), .device = a_device(0) };

	a_sound_log(part.log);
	part.from = "two";
	refused(&part, "no mark `two`; it has: one");
	part.from = "one";
	part.to = "one";
	refused(&part, "no mark `one` behind the other; it has: one");
	part.from = part.to = NULL;
	part.target = "fs:xfs";
	refused(&part, "ext4 lies there, not xfs");
	part.target = "fs:ext4,size=16m";
	refused(&part, "leave size= out");
	part.target = NULL;
	assert_int_equal(truncate(part.device, 100), 0);
	refused(&part, "a device of 100 bytes");
	assert_int_equal(truncate(part.device, 0), 0);
	refused(&part, "a device of 0 bytes");
	assert_int_equal(truncate(part.device, 2ll << 30), 0);
	refused(&part, "up to 1024 MiB");
	assert_int_equal(truncate(part.device, 0), 0);
	assert_int_equal(truncate(part.device, DEVICE), 0);
	refused(&part, "neither ext4, xfs nor btrfs lies there: --from MARK");
	part.from = "one";
	refused(&part, "neither ext4, xfs nor btrfs lies there after that mark");
	part.device = in_folder("missing");
	refused(&part, "missing: No such file");
	part.device = folder;
	refused(&part, "neither a file nor a block device");
	part.log = in_folder("missing");
	refused(&part, "missing: No such file");
	part.log = "/dev/zero";
	refused(&part, "/dev/zero: neither a file nor a block device");
}

/* ---- judged ---- */

static void a_promise_is_read_from_a_mark(void **state)
{
	static const struct { const char *text, *path; uint64_t hash; } is[] = {
		{ "holds:a:0123456789abcdef", "a", 0x0123456789abcdef },
		{ "holds:/d/e:f:FFFFFFFFFFFFFFFF", "d/e:f", UINT64_MAX },
		{ "holds:a:0123456789abcde", NULL, 0 },
		{ "holds:a:0123456789abcdefa", NULL, 0 },
		{ "holds:a:0123456789abcdeg", NULL, 0 },
		{ "holds::0123456789abcdef", NULL, 0 },
		{ "holds:/:0123456789abcdef", NULL, 0 },
		{ "holds:0123456789abcdef", NULL, 0 },
		{ "holds", NULL, 0 },
		{ "mkfs", NULL, 0 },
		{ "", NULL, 0 },
	};
	char path[4096];
	uint64_t hash;

	for (size_t i = 0; i < sizeof(is) / sizeof(is[0]); i++) {
		bool promises = foreign_promise(is[i].text, path, &hash);
		if (promises != (is[i].path != NULL))
			fail_msg("`%s`: %d", is[i].text, promises);
		if (!promises)
			continue;
		assert_string_equal(path, is[i].path);
		assert_true(hash == is[i].hash);
	}
}

static unsigned judge_with(struct world *w, uint32_t pos, const char *const marks[], struct broken_list *out)
{
	struct epoch ep;
	uint64_t keep[64] = { 0 };

	w->e.nmarks = 0;
	for (uint32_t i = 0; marks[i]; i++)
		evidence_add_mark(&w->e, i, marks[i]);
	powercut_epoch_at(w->e.dev, pos, &ep);
	struct cut c = { .pos = pos, .pending = ep.pending, .npending = ep.npending, .keep = keep };
	c.hash = powercut_hash(w->e.dev, &c);
	*out = (struct broken_list){ .n = 0 };
	return evidence_judge(&w->e, &c, out);
}

/* foreign.1, on a mounted image; and a name far down, a link, a folder. */
static void promises_of_marks_are_judged(void **state)
{
	struct cut_fs fs = fs_of("fs:ext4");
	char good[64], bad[64];
	struct broken_list list;
	struct work work;
	struct world w;

	need_root();
	open_world(&w, &fs, &work);
	w.e.foreign = w.e.slot.foreign = true;
	assert_int_equal(judge_with(&w, 0, (const char *[]){ NULL }, &list), 0);
	const struct cut base = { .hash = 0 };
	struct cut c = base;
	c.hash = powercut_hash(w.e.dev, &c);
	const struct recovered_file *a = recovered_find(judge_look(w.e.judge, &c, NULL), 8, "a");
	assert_non_null(a);
	assert_int_equal(a->size, 16384);
	snprintf(good, sizeof(good), "holds:a:%016lx", (unsigned long)a->ino);
	snprintf(bad, sizeof(bad), "holds:a:%016lx", (unsigned long)a->ino + 1);
	assert_int_equal(judge_with(&w, 0, (const char *[]){ good, NULL }, &list), 0);
	assert_int_equal(judge_with(&w, 0, (const char *[]){ bad, NULL }, &list), 1);
	assert_int_equal(list.b[0].kind, BROKEN_VERSION);
	assert_int_equal(judge_with(&w, 0, (const char *[]){ "holds:b/c:0123456789abcdef", NULL }, &list), 1);
	assert_int_equal(list.b[0].kind, BROKEN_NAME);
	assert_int_equal(judge_with(&w, 0, (const char *[]){ bad, "later", NULL }, &list), 1);
	/* marks at positions 0, 1 and 2: a crash at 1 or 2 has nothing durable but the base */
	assert_int_equal(judge_with(&w, 1, (const char *[]){ bad, "ended", NULL }, &list), 0);
	assert_int_equal(judge_with(&w, 1, (const char *[]){ bad, good, NULL }, &list), 0);
	const char *const folder_too[] = { bad, "holds:lost+found:0000000000000000", NULL };
	assert_int_equal(judge_with(&w, 1, folder_too, &list), 2);
	world_close(&w);
	work_close(&work);
}

/* The bytes of a file on btrfs become noise: its checksums tell, and so does the reader. */
static struct recovered *look_damaged(void *arg, const struct cut *c, struct dev *image)
{
	struct world *w = arg;
	unsigned damaged = 0;

	slot_put(&w->e.slot, image);
	for (uint64_t at = 0; at < w->e.fs.size; at += FS_BLOCK) {
		struct seen s = block_identify(w->e.slot.map + at);
		if (s.kind != SEEN_VERSION || s.stamp.file != 0)
			continue;
		memset(w->e.slot.map + at, 0x5a, 512);
		damaged++;
	}
	assert_true(damaged > 0);
	return slot_look(&w->e.slot);
}

static void a_byte_that_cannot_be_read_is_told(void **state)
{
	struct cut_fs fs = fs_of("fs:btrfs");
	struct broken_list list;
	struct work work;
	struct world w;
	uint32_t n;

	need_root();
	open_world(&w, &fs, &work);
	w.e.foreign = w.e.slot.foreign = true;
	w.e.judge->recover = look_damaged;
	w.e.judge->recover_arg = &w;
	powercut_events(w.e.dev, &n);
	assert_int_equal(judge_with(&w, n, (const char *[]){ NULL }, &list), 1);
	assert_int_equal(list.b[0].kind, BROKEN_EIO);
	assert_string_equal(list.b[0].text, "a cannot be read: Input/output error");
	world_close(&w);
	work_close(&work);
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
		cmocka_unit_test(each_kind_of_entry_is_what_it_was),
		cmocka_unit_test(a_long_log_is_taken_apart_at_flushes),
		cmocka_unit_test(a_part_is_between_marks),
		cmocka_unit_test(marks_are_where_crashes_are_judged),
		cmocka_unit_test(an_exported_log_comes_back_as_the_same_images),
		cmocka_unit_test(whatever_a_field_holds_it_is_refused),
		cmocka_unit_test(a_log_that_is_cut_off_is_refused),
		cmocka_unit_test(other_mistakes_are_told),
		cmocka_unit_test(a_promise_is_read_from_a_mark),
		cmocka_unit_test(promises_of_marks_are_judged),
		cmocka_unit_test(a_byte_that_cannot_be_read_is_told),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
