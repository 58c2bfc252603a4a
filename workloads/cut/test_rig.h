/*
 * test_rig.h: what tests of cuts stand on: a world with one recorded round, and a finding of it whose flushes were
 * lies. Only *_test.c include it.
 */
#ifndef CUT_TEST_RIG_H
#define CUT_TEST_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "cut/choose.h"
#include "cut/finding.h"
#include "cut/tally.h"
#include "cut/world.h"

static inline struct cut_fs fs_of(const char *text)
{
	struct cut_fs fs;
	struct why why;

	assert_int_equal(cut_fs_parse(text, &fs, &why), 0);
	return fs;
}

static const char written_text[] = "[scenario]\nwhat = a file that is written and synced\n"
                           "[setup]\nfile a 16k\nfile b 8k\n"
                           "[thread writer]\na pwrite 0 8k\na fsync\na pwrite 4k 4k\nb pwrite 0 4k\na fsync\n";

static inline void open_world_of(struct world *w, struct cut_fs *fs, const char *text, struct work *work)
{
	struct round r = { .recorder = { .seed = 7, .holds = 2 }, .drive = { .seed = 7, .turns = 1 } };
	struct why why;

	*work = (struct work){ 0 };
	assert_int_equal(scene_parse("written", text, &work->scene, &why), 0);
	strcpy(work->name, "written");
	work->text = strdup(text);
	if (world_open(w, fs, work, DEV_BLOCK, &why) || world_round(w, &r, &why))
		fail_msg("%s: %s", fs->text, why.text);
	assert_int_equal(r.counts.failed, 0);
	if (text != written_text)
		return;
	assert_int_equal(r.counts.calls, 5);
	assert_int_equal(r.counts.syncs, 2);
}

static inline void open_world(struct world *w, struct cut_fs *fs, struct work *work)
{
	open_world_of(w, fs, written_text, work);
}

struct seen_states {
	struct world *w;
	unsigned n, broken;
	struct broken first;
	struct cut cut; /* of the first broken one; its arrays are the test's */
	uint64_t keep[64];
	uint32_t pending[64 * 64];
};

static inline int look_at_state(void *arg, const struct cut *c)
{
	struct seen_states *s = arg;
	struct broken_list list = { .n = 0 };

	s->n++;
	if (!judge_cut(s->w->e.judge, c, &list) || s->broken++)
		return 0;
	s->first = list.b[0];
	assert_true(c->npending < 64 * 64);
	memcpy(s->keep, c->keep, (c->npending / 64 + 1) * sizeof(uint64_t));
	memcpy(s->pending, c->pending, c->npending * sizeof(uint32_t));
	s->cut = *c;
	s->cut.keep = s->keep;
	s->cut.pending = s->pending;
	return 0;
}

/* A finding in `at`, of a file system that breaks promises, or of a record whose flushes are lies. */
static inline void make_finding_of(const char *at, const char *target, const char *text, bool lies,
                                   struct broken *first)
{
	struct cut_fs fs = fs_of(target);
	struct seen_states s = { .n = 0 };
	struct verdict v;
	struct work work;
	struct world w;
	struct rng rng;
	struct why why;

	open_world_of(&w, &fs, text, &work);
	if (lies)
		evidence_lie(&w.e);
	rng_seed(&rng, 3);
	s.w = &w;
	choose_sample(&w.e, 40, &rng, look_at_state, &s);
	assert_true(s.broken > 0);
	*first = s.first;
	assert_int_equal(verdict_look(&w.e, &s.cut, &v, &why), 0);
	const struct finding f = { &w.e, &s.cut, &v };
	if (finding_save(at, &f, &why))
		fail_msg("%s", why.text);
	assert_int_not_equal(finding_save(at, &f, &why), 0); /* it is there already */
	world_close(&w);
	work_close(&work);
}

static inline void make_finding(const char *at, struct broken *first)
{
	make_finding_of(at, "fs:ext4", written_text, true, first);
}

/* The bitmap of inodes counts one that nobody uses: only the checker finds that. The file system has no checksums. */
static inline void damage_inode_bitmap(struct world *w)
{
	uint32_t block;

	memcpy(&block, w->e.base + DEV_BLOCK + 4, sizeof(block)); /* of group 0, whose descriptor is the first */
	for (int i = 0; i < 2; i++) {
		uint8_t *bitmap = (i ? w->e.slot.map : w->e.base) + (uint64_t)block * DEV_BLOCK;
		assert_false(bitmap[100] & 1);
		bitmap[100] |= 1;
	}
}
#define WITHOUT_CHECKSUMS "fs:ext4,mkfs=-O ^metadata_csum"

/* A finding of which only the checker knows, in `at`. */
static inline void make_checker_finding(const char *at)
{
	struct cut_fs fs = fs_of(WITHOUT_CHECKSUMS);
	const uint64_t keep[1] = { 0 };
	const struct cut c = { .keep = keep };
	struct verdict v;
	struct work work;
	struct world w;
	struct why why;

	open_world(&w, &fs, &work);
	damage_inode_bitmap(&w);
	if (verdict_look(&w.e, &c, &v, &why))
		fail_msg("%s", why.text);
	assert_int_equal(v.classes, 0);
	if (verdict_check(&w.e, &c, &v, &why))
		fail_msg("%s", why.text);
	assert_int_equal(v.classes, 1u << CUT_FSCK);
	const struct finding f = { &w.e, &c, &v };
	if (finding_save(at, &f, &why))
		fail_msg("%s", why.text);
	world_close(&w);
	work_close(&work);
}

#endif
