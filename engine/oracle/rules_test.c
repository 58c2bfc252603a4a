/*
 * rules_test.c: the oracle's rules, one by one, over histories made by hand: each says what must be
 * legal and what must not, so a rule that is dropped or turned round fails here.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "oracle/rules.h"

/* A history without a file system: positions are set by hand where they matter. */
struct history {
	struct model *m;
	struct model_file *f, *g;
};

static int begin_history(void **state)
{
	struct history *h = calloc(1, sizeof(*h));

	h->m = model_new(NULL);
	h->f = model_add_file(h->m, 0, "f");
	h->g = model_add_file(h->m, 0, "g");
	h->f->ino = 257;
	h->g->ino = 258;
	*state = h;
	return 0;
}

static int end_history(void **state)
{
	struct history *h = *state;

	model_free(h->m);
	free(h);
	return 0;
}

#define END UINT32_MAX

static uint32_t write_begins(struct history *h, struct model_file *f, uint64_t block, uint32_t n)
{
	return model_begin(h->m, OP_WRITE, f->id, block * FS_BLOCK, n * FS_BLOCK);
}

/* A whole call; its number. */
static uint32_t call(struct history *h, enum op_kind kind, uint32_t file, uint64_t off, uint64_t len)
{
	uint32_t op = model_begin(h->m, kind, file, off, len);

	model_end(h->m, op, 0);
	return op;
}

/* The same for a change of names; "": none. */
static uint32_t naming_begins(struct history *h, enum op_kind kind, struct model_file *f, const char *from,
                              const char *to)
{
	return model_begin_naming(h->m, kind, f->id, from[0] ? model_name(h->m, from) : MODEL_NO_NAME,
	                          to[0] ? model_name(h->m, to) : MODEL_NO_NAME);
}

static uint32_t name_call(struct history *h, enum op_kind kind, struct model_file *f, const char *from, const char *to)
{
	uint32_t op = naming_begins(h, kind, f, from, to);

	model_end(h->m, op, 0);
	return op;
}

static uint32_t write_block(struct history *h, struct model_file *f, uint64_t block)
{
	return call(h, OP_WRITE, f->id, block * FS_BLOCK, FS_BLOCK);
}

static uint32_t fsync_of(struct history *h, struct model_file *f)
{
	return call(h, OP_FSYNC, f->id, 0, 0);
}

static struct seen version(struct model_file *f, uint64_t sector, uint32_t op)
{
	return (struct seen){ SEEN_VERSION, { f->id, model_version(op), 0, sector } };
}

/* May block `block` read as what op wrote (or as zeros) after a crash at p? */
static bool legal(struct history *h, uint32_t p, struct model_file *f, uint64_t block, uint32_t op)
{
	struct seen s = version(f, block * BLOCK_SECTORS, op);

	rules_at(h->m, p);
	return rules_sector_legal(h->m, p, f, block * BLOCK_SECTORS, &s);
}

static bool zeros_legal(struct history *h, uint32_t p, struct model_file *f, uint64_t block)
{
	struct seen s = { .kind = SEEN_ZEROS };

	rules_at(h->m, p);
	return rules_sector_legal(h->m, p, f, block * BLOCK_SECTORS, &s);
}

static bool size_legal(struct history *h, uint32_t p, struct model_file *f, uint64_t size)
{
	rules_at(h->m, p);
	return rules_size_legal(h->m, p, f, size);
}

static bool name_legal(struct history *h, uint32_t p, const char *name, struct model_file *f)
{
	rules_at(h->m, p);
	return rules_name_legal(h->m, p, 0, name, f);
}

/* ---- which syncs count (rules.1) ---- */

static void a_sync_counts_from_the_position_at_which_it_returned(void **state)
{
	struct history *h = *state;
	uint32_t w = write_block(h, h->f, 0), s = fsync_of(h, h->f);

	model_op(h->m, s)->pe = 10;
	assert_true(zeros_legal(h, 9, h->f, 0));
	assert_false(zeros_legal(h, 10, h->f, 0));
	assert_true(legal(h, 10, h->f, 0, w));
}

static void a_sync_that_runs_promises_nothing(void **state)
{
	struct history *h = *state;

	write_block(h, h->f, 0);
	model_begin(h->m, OP_FSYNC, h->f->id, 0, 0);
	assert_true(zeros_legal(h, END, h->f, 0));
}

static void a_write_that_had_not_begun_cannot_be_there(void **state)
{
	struct history *h = *state;
	uint32_t w = write_block(h, h->f, 0);

	model_op(h->m, w)->pb = 5;
	assert_false(legal(h, 4, h->f, 0, w));
	assert_true(legal(h, 5, h->f, 0, w));
}

/* ---- what they cover (rules.2) ---- */

static void a_sync_covers_what_ended_before_it_began(void **state)
{
	struct history *h = *state;
	uint32_t w = write_begins(h, h->f, 0, 1), s = model_begin(h->m, OP_FSYNC, h->f->id, 0, 0);

	model_end(h->m, w, 0);
	model_end(h->m, s, 0);
	assert_true(zeros_legal(h, END, h->f, 0)); /* it overlapped */
	fsync_of(h, h->f);
	assert_false(zeros_legal(h, END, h->f, 0));
}

static void a_sync_of_a_range_covers_the_writes_that_lie_in_it(void **state)
{
	struct history *h = *state;
	uint32_t w = write_block(h, h->f, 1);

	call(h, OP_FSYNC, h->f->id, 0, FS_BLOCK);
	assert_true(zeros_legal(h, END, h->f, 1)); /* beside it */
	call(h, OP_FSYNC, h->f->id, 0, 2 * FS_BLOCK);
	assert_false(zeros_legal(h, END, h->f, 1));
	assert_true(legal(h, END, h->f, 1, w));
	call(h, OP_TRUNCATE, h->f->id, FS_BLOCK, 0);
	call(h, OP_FSYNC, h->f->id, 0, 8 * FS_BLOCK);
	assert_true(legal(h, END, h->f, 1, w)); /* no range covers a truncation */
	fsync_of(h, h->f);
	assert_false(legal(h, END, h->f, 1, w));
}

static void a_sync_covers_its_own_file_alone(void **state)
{
	struct history *h = *state;

	write_block(h, h->f, 0);
	fsync_of(h, h->g);
	assert_true(zeros_legal(h, END, h->f, 0));
	call(h, OP_SYNC, MODEL_ALL, 0, 0);
	assert_false(zeros_legal(h, END, h->f, 0));
}

static void a_write_that_failed_is_never_covered(void **state)
{
	struct history *h = *state;
	uint32_t w = write_begins(h, h->f, 0, 1);

	model_end(h->m, w, -28);
	fsync_of(h, h->f);
	assert_true(zeros_legal(h, END, h->f, 0));
	assert_true(legal(h, END, h->f, 0, w)); /* a part of it may have been written */
}

/* ---- the cut (rules.3) ---- */

static void what_ended_before_the_covered_write_began_is_gone(void **state)
{
	struct history *h = *state;
	uint32_t old = write_block(h, h->f, 0), new = write_block(h, h->f, 0);

	assert_true(legal(h, END, h->f, 0, old));
	fsync_of(h, h->f);
	assert_false(legal(h, END, h->f, 0, old));
	assert_true(legal(h, END, h->f, 0, new));
}

static void of_two_writes_at_once_either_may_be_last(void **state)
{
	struct history *h = *state;
	uint32_t a = write_begins(h, h->f, 0, 1), b = write_begins(h, h->f, 0, 1);

	model_end(h->m, b, 0);
	model_end(h->m, a, 0);
	fsync_of(h, h->f);
	assert_true(legal(h, END, h->f, 0, a));
	assert_true(legal(h, END, h->f, 0, b));
	assert_false(zeros_legal(h, END, h->f, 0));
}

static void later_versions_may_appear_unasked(void **state)
{
	struct history *h = *state;

	write_block(h, h->f, 0);
	fsync_of(h, h->f);
	uint32_t later = write_block(h, h->f, 0), running = write_begins(h, h->f, 0, 1);
	assert_true(legal(h, END, h->f, 0, later));
	assert_true(legal(h, END, h->f, 0, running));
}

static void blocks_are_judged_one_by_one(void **state)
{
	struct history *h = *state;
	uint32_t w = call(h, OP_WRITE, h->f->id, 0, 2 * FS_BLOCK);

	fsync_of(h, h->f);
	uint32_t second = write_block(h, h->f, 1);
	assert_true(legal(h, END, h->f, 0, w));
	assert_true(legal(h, END, h->f, 1, w));
	assert_true(legal(h, END, h->f, 1, second));
	assert_false(legal(h, END, h->f, 0, second)); /* it did not write there */
}

/* ---- what a block may hold (rules.5, rules.6) ---- */

static void other_content_is_never_legal(void **state)
{
	struct history *h = *state;
	uint32_t w = write_block(h, h->f, 0), other = write_block(h, h->g, 0);
	struct seen s;

	rules_at(h->m, END);
	s = version(h->g, 0, other);
	assert_false(rules_sector_legal(h->m, END, h->f, 0, &s));
	s = version(h->g, 0, w);
	assert_false(rules_sector_legal(h->m, END, h->f, 0, &s));
	s = version(h->f, BLOCK_SECTORS, w); /* its own block 1, in block 0 */
	assert_false(rules_sector_legal(h->m, END, h->f, 0, &s));
	s = (struct seen){ .kind = SEEN_GARBAGE };
	assert_false(rules_sector_legal(h->m, END, h->f, 0, &s));
	s = version(h->f, 0, 77);
	assert_false(rules_sector_legal(h->m, END, h->f, 0, &s));
}

static bool together(struct history *h, uint32_t op1, uint32_t op2)
{
	struct seen a = version(h->f, 0, op1), b = version(h->f, 1, op2);

	rules_at(h->m, END);
	return rules_together(h->m, h->f, 0, &a, 1, &b);
}

static void parts_of_two_whole_writes_are_never_one_block(void **state)
{
	struct history *h = *state;
	uint32_t a = write_begins(h, h->f, 0, 1), b = write_begins(h, h->f, 0, 1);

	model_end(h->m, a, 0);
	model_end(h->m, b, 0);
	assert_false(together(h, a, b));
	assert_true(together(h, a, a));
}

static void parts_of_partial_writes_are_one_block_if_they_were_one_moment(void **state)
{
	struct history *h = *state;
	uint32_t whole = write_block(h, h->f, 0), first = call(h, OP_WRITE, h->f->id, 0, ORACLE_SECTOR);

	assert_true(together(h, first, whole));
	uint32_t again = write_block(h, h->f, 0);
	assert_false(together(h, first, again)); /* `again` wrote over it */
	struct seen zeros = { .kind = SEEN_ZEROS }, s = version(h->f, 1, whole);
	assert_false(rules_together(h->m, h->f, 0, &zeros, 1, &s));
	struct seen kept = version(h->f, 0, again);
	assert_false(rules_together(h->m, h->f, 0, &kept, 1, &zeros));
	call(h, OP_TRUNCATE, h->f->id, ORACLE_SECTOR, 0);
	assert_true(rules_together(h->m, h->f, 0, &kept, 1, &zeros));
}

/* ---- sizes (rules.7) ---- */

static void a_covered_append_promises_its_size(void **state)
{
	struct history *h = *state;

	write_block(h, h->f, 0);
	assert_true(size_legal(h, END, h->f, 0));
	fsync_of(h, h->f);
	assert_false(size_legal(h, END, h->f, 0));
	assert_true(size_legal(h, END, h->f, FS_BLOCK));
	assert_false(size_legal(h, END, h->f, 2 * FS_BLOCK));
	assert_false(size_legal(h, END, h->f, FS_BLOCK - 1));
}

static void a_write_grows_a_file_block_by_block(void **state)
{
	struct history *h = *state;

	call(h, OP_WRITE, h->f->id, 0, 3 * FS_BLOCK);
	assert_true(size_legal(h, END, h->f, 2 * FS_BLOCK));
	assert_false(size_legal(h, END, h->f, 2 * FS_BLOCK + 512));
}

static void fdatasync_promises_growth_and_not_truncation(void **state)
{
	struct history *h = *state;

	call(h, OP_WRITE, h->f->id, 0, 2 * FS_BLOCK);
	call(h, OP_FDATASYNC, h->f->id, 0, 0);
	assert_false(size_legal(h, END, h->f, FS_BLOCK));
	call(h, OP_TRUNCATE, h->f->id, 512, 0);
	call(h, OP_FDATASYNC, h->f->id, 0, 0);
	assert_true(size_legal(h, END, h->f, 2 * FS_BLOCK));
	assert_true(size_legal(h, END, h->f, 512));
	fsync_of(h, h->f);
	assert_false(size_legal(h, END, h->f, 2 * FS_BLOCK));
}

/* ---- truncation (rules.8) ---- */

static void a_covered_truncation_takes_away_for_good(void **state)
{
	struct history *h = *state;
	uint32_t w = call(h, OP_WRITE, h->f->id, 0, 2 * FS_BLOCK);

	fsync_of(h, h->f);
	call(h, OP_TRUNCATE, h->f->id, FS_BLOCK, 0);
	assert_true(legal(h, END, h->f, 1, w));
	assert_true(zeros_legal(h, END, h->f, 1));
	assert_false(zeros_legal(h, END, h->f, 0));
	fsync_of(h, h->f);
	assert_false(legal(h, END, h->f, 1, w));
	assert_true(legal(h, END, h->f, 0, w));
	assert_true(size_legal(h, END, h->f, FS_BLOCK));
	assert_false(size_legal(h, END, h->f, 2 * FS_BLOCK));
}

static void a_write_at_the_same_time_as_a_truncation_may_win_or_lose(void **state)
{
	struct history *h = *state;
	uint32_t t = model_begin(h->m, OP_TRUNCATE, h->f->id, 0, 0), w = write_begins(h, h->f, 0, 1);

	model_end(h->m, t, 0);
	model_end(h->m, w, 0);
	fsync_of(h, h->f);
	assert_true(size_legal(h, END, h->f, 0));
	assert_true(size_legal(h, END, h->f, FS_BLOCK));
	assert_true(legal(h, END, h->f, 0, w));
	assert_true(zeros_legal(h, END, h->f, 0));
}

/* ---- failed syncs (rules.9) ---- */

static void a_failed_sync_taints_what_it_should_have_written(void **state)
{
	struct history *h = *state;

	write_block(h, h->f, 0);
	uint32_t s = model_begin(h->m, OP_FSYNC, h->f->id, 0, 0);
	model_end(h->m, s, -5);
	fsync_of(h, h->f); /* its pages are clean: this one has nothing to write */
	assert_true(zeros_legal(h, END, h->f, 0));
	write_block(h, h->f, 0);
	fsync_of(h, h->f);
	assert_false(zeros_legal(h, END, h->f, 0));
}

/* Its pages may be dirty long before a write returns; a truncation that returns has met its own errors. */
static void a_failed_sync_taints_a_write_that_is_not_done(void **state)
{
	struct history *h = *state;

	write_block(h, h->f, 1);
	uint32_t w = write_begins(h, h->f, 0, 1), t = model_begin(h->m, OP_TRUNCATE, h->f->id, FS_BLOCK, 0);
	uint32_t s = model_begin(h->m, OP_FSYNC, h->f->id, 0, 0);
	model_end(h->m, s, -5);
	model_end(h->m, w, 0);
	model_end(h->m, t, 0);
	fsync_of(h, h->f);
	assert_true(zeros_legal(h, END, h->f, 0));
	rules_at(h->m, END);
	assert_false(rules_size_legal(h->m, END, h->f, 2 * FS_BLOCK));
	write_block(h, h->f, 0);
	fsync_of(h, h->f);
	assert_false(zeros_legal(h, END, h->f, 0));
}

static void a_failed_sync_takes_nothing_back(void **state)
{
	struct history *h = *state;

	write_block(h, h->f, 0);
	fsync_of(h, h->f);
	uint32_t s = model_begin(h->m, OP_FSYNC, h->f->id, 0, 0);
	model_end(h->m, s, -5);
	assert_false(zeros_legal(h, END, h->f, 0));
}

static void a_failed_sync_of_another_file_taints_nothing(void **state)
{
	struct history *h = *state;

	write_block(h, h->f, 0);
	uint32_t s = model_begin(h->m, OP_FSYNC, h->g->id, 0, 0);
	model_end(h->m, s, -5);
	fsync_of(h, h->f);
	assert_false(zeros_legal(h, END, h->f, 0));
}

/* ---- names (rules.10) ---- */

static void fsync_of_a_new_file_promises_its_name(void **state)
{
	struct history *h = *state;

	name_call(h, OP_CREATE, h->f, "", "f");
	assert_true(name_legal(h, END, "f", NULL));
	assert_true(name_legal(h, END, "f", h->f));
	fsync_of(h, h->f);
	assert_false(name_legal(h, END, "f", NULL));
	assert_false(name_legal(h, END, "f", h->g));
}

static void a_name_may_be_gone_from_the_unlink_on_and_must_be_after_a_sync(void **state)
{
	struct history *h = *state;

	name_call(h, OP_CREATE, h->f, "", "f");
	call(h, OP_SYNC, MODEL_ALL, 0, 0);
	assert_false(name_legal(h, END, "f", NULL));
	name_call(h, OP_UNLINK, h->f, "f", "");
	assert_true(name_legal(h, END, "f", NULL));
	assert_true(name_legal(h, END, "f", h->f));
	fsync_of(h, h->f); /* of a file that has no name any more: says nothing about the name */
	assert_true(name_legal(h, END, "f", h->f));
	call(h, OP_SYNC, MODEL_ALL, 0, 0);
	assert_false(name_legal(h, END, "f", h->f));
}

static void a_refused_creation_is_no_name(void **state)
{
	struct history *h = *state;
	uint32_t op = naming_begins(h, OP_CREATE, h->f, "", "f");

	model_end(h->m, op, -17);
	assert_false(name_legal(h, END, "f", h->f));
	assert_true(name_legal(h, END, "f", NULL));
}

static bool names_legal(struct history *h, struct model_file *f, const char *a, const char *b)
{
	uint64_t names = 0;

	if (a[0])
		names |= 1ull << model_name(h->m, a);
	if (b[0])
		names |= 1ull << model_name(h->m, b);
	rules_at(h->m, END);
	return rules_names_legal(h->m, END, f, names);
}

/* f and g are there, by their names, for good. */
static void two_files(struct history *h)
{
	name_call(h, OP_CREATE, h->f, "", "f");
	name_call(h, OP_CREATE, h->g, "", "g");
	call(h, OP_SYNC, MODEL_ALL, 0, 0);
}

static void fsync_promises_the_links_and_renames_of_its_file(void **state)
{
	struct history *h = *state;

	two_files(h);
	name_call(h, OP_LINK, h->f, "", "l");
	name_call(h, OP_RENAME, h->g, "g", "r");
	assert_true(name_legal(h, END, "l", NULL) && name_legal(h, END, "l", h->f));
	assert_true(name_legal(h, END, "r", NULL) && name_legal(h, END, "g", h->g));
	call(h, OP_FDATASYNC, h->f->id, 0, 0);
	call(h, OP_FSYNC, h->f->id, 0, FS_BLOCK);
	assert_true(name_legal(h, END, "l", NULL));
	fsync_of(h, h->f);
	assert_false(name_legal(h, END, "l", NULL));
	assert_true(name_legal(h, END, "r", NULL)); /* of another file */
	fsync_of(h, h->g);
	assert_false(name_legal(h, END, "r", NULL) || name_legal(h, END, "g", h->g));
	assert_true(name_legal(h, END, "g", NULL));
}

static void fsync_of_the_directory_promises_every_change_in_it(void **state)
{
	struct history *h = *state;

	two_files(h);
	name_call(h, OP_UNLINK, h->f, "f", "");
	name_call(h, OP_RENAME, h->g, "g", "r");
	call(h, OP_FSYNC_DIR, MODEL_DIR, 1, 0); /* of another subvolume */
	assert_true(name_legal(h, END, "f", h->f) && name_legal(h, END, "r", NULL));
	call(h, OP_FSYNC_DIR, MODEL_DIR, 0, 0);
	assert_false(name_legal(h, END, "f", h->f) || name_legal(h, END, "r", NULL));
	assert_true(names_legal(h, h->f, "", "") && names_legal(h, h->g, "r", ""));
	assert_false(names_legal(h, h->f, "f", "") || names_legal(h, h->g, "g", ""));
}

static void a_directory_s_fsync_promises_no_content(void **state)
{
	struct history *h = *state;

	two_files(h);
	write_block(h, h->f, 0);
	call(h, OP_FSYNC_DIR, MODEL_DIR, 0, 0);
	assert_true(zeros_legal(h, END, h->f, 0));
}

static void a_renamed_file_has_one_of_both_names(void **state)
{
	struct history *h = *state;

	two_files(h);
	name_call(h, OP_RENAME, h->f, "f", "n");
	assert_true(names_legal(h, h->f, "f", "") && names_legal(h, h->f, "n", ""));
	assert_false(names_legal(h, h->f, "", "") || names_legal(h, h->f, "f", "n"));
	name_call(h, OP_RENAME, h->f, "n", "m");
	assert_true(names_legal(h, h->f, "f", "") && names_legal(h, h->f, "n", "") && names_legal(h, h->f, "m", ""));
	assert_false(names_legal(h, h->f, "n", "m") || names_legal(h, h->f, "f", "m"));
	fsync_of(h, h->f);
	assert_true(names_legal(h, h->f, "m", ""));
	assert_false(names_legal(h, h->f, "f", "") || names_legal(h, h->f, "n", "") || names_legal(h, h->f, "", ""));
}

static void a_name_that_is_replaced_stands_for_one_of_both(void **state)
{
	struct history *h = *state;

	two_files(h);
	name_call(h, OP_RENAME, h->f, "f", "g");
	assert_true(name_legal(h, END, "g", h->f) && name_legal(h, END, "g", h->g));
	assert_false(name_legal(h, END, "g", NULL));
	assert_true(names_legal(h, h->g, "g", "") && names_legal(h, h->g, "", ""));
	fsync_of(h, h->f);
	assert_false(name_legal(h, END, "g", h->g));
	assert_false(names_legal(h, h->g, "g", ""));
}

static void links_and_unlinks_of_different_names_are_taken_one_by_one(void **state)
{
	struct history *h = *state;

	two_files(h);
	name_call(h, OP_LINK, h->f, "", "l");
	name_call(h, OP_UNLINK, h->f, "f", "");
	assert_true(names_legal(h, h->f, "f", "") && names_legal(h, h->f, "f", "l") && names_legal(h, h->f, "l", ""));
	/* not the unlink without the link */
	assert_false(names_legal(h, h->f, "", ""));
	fsync_of(h, h->f);
	assert_false(names_legal(h, h->f, "", "") || names_legal(h, h->f, "f", ""));
	assert_true(names_legal(h, h->f, "f", "l") && names_legal(h, h->f, "l", ""));
}

static void a_rename_that_needs_a_link_brings_it(void **state)
{
	struct history *h = *state;

	two_files(h);
	name_call(h, OP_LINK, h->f, "", "l");
	name_call(h, OP_RENAME, h->f, "l", "r");
	assert_true(names_legal(h, h->f, "f", "") && names_legal(h, h->f, "f", "l") && names_legal(h, h->f, "f", "r"));
	assert_false(names_legal(h, h->f, "r", "") || names_legal(h, h->f, "l", "r"));
}

static void of_two_renames_at_once_either_may_be_first(void **state)
{
	struct history *h = *state;

	two_files(h);
	uint32_t a = naming_begins(h, OP_RENAME, h->f, "f", "x"), b = naming_begins(h, OP_RENAME, h->g, "g", "x");
	model_end(h->m, a, 0);
	model_end(h->m, b, 0);
	assert_true(name_legal(h, END, "x", h->f) && name_legal(h, END, "x", h->g) && name_legal(h, END, "x", NULL));
	call(h, OP_SYNC, MODEL_ALL, 0, 0);
	assert_false(name_legal(h, END, "x", NULL));
	assert_true(names_legal(h, h->f, "x", "") && names_legal(h, h->f, "", ""));
	assert_true(names_legal(h, h->g, "x", "") && names_legal(h, h->g, "", ""));
	assert_false(names_legal(h, h->f, "f", "") || names_legal(h, h->g, "g", ""));
}

static void the_first_rename_of_two_is_replaced_by_the_second(void **state)
{
	struct history *h = *state;

	two_files(h);
	name_call(h, OP_RENAME, h->f, "f", "x");
	name_call(h, OP_RENAME, h->g, "g", "x");
	call(h, OP_SYNC, MODEL_ALL, 0, 0);
	assert_true(names_legal(h, h->f, "", "") && names_legal(h, h->g, "x", ""));
	assert_false(names_legal(h, h->f, "x", "") || names_legal(h, h->g, "", ""));
}

static void many_changes_in_a_row_are_walked(void **state)
{
	struct history *h = *state;

	two_files(h);
	for (unsigned i = 0; i < 300; i++) {
		name_call(h, OP_RENAME, h->f, "f", "n");
		name_call(h, OP_RENAME, h->f, "n", "f");
		name_call(h, OP_LINK, h->g, "", "l");
		name_call(h, OP_UNLINK, h->g, "l", "");
	}
	assert_true(names_legal(h, h->f, "f", "") && names_legal(h, h->f, "n", ""));
	assert_false(names_legal(h, h->f, "f", "n") || names_legal(h, h->f, "", ""));
	assert_true(names_legal(h, h->g, "g", "l") && names_legal(h, h->g, "g", ""));
	assert_false(names_legal(h, h->g, "l", "") || names_legal(h, h->g, "", ""));
}

/* ---- blocks that describe themselves ---- */

static void a_sector_says_what_it_is(void **state)
{
	static uint8_t buf[2 * FS_BLOCK];
	struct stamp s = { .file = 3, .version = 9, .writer = 2, .sector = 40 };

	assert_int_equal(block_identify(buf).kind, SEEN_ZEROS);
	block_fill(buf, sizeof(buf), &s);
	struct seen seen = block_identify(buf + 9 * ORACLE_SECTOR);
	assert_int_equal(seen.kind, SEEN_VERSION);
	assert_int_equal(seen.stamp.file, 3);
	assert_int_equal(seen.stamp.version, 9);
	assert_int_equal(seen.stamp.writer, 2);
	assert_int_equal(seen.stamp.sector, 49);
	for (unsigned i = 0; i < ORACLE_SECTOR; i++) {
		buf[i] ^= 0x40;
		assert_int_equal(block_identify(buf).kind, SEEN_GARBAGE);
		buf[i] ^= 0x40;
	}
}

/* ---- direct writes, mapped stores, punches, preallocation ---- */

static void a_mapped_store_is_one_write_for_each_sector(void **state)
{
	struct history *h = *state;
	uint32_t a = write_block(h, h->f, 0), b = write_block(h, h->f, 0);

	assert_false(together(h, a, b));
	assert_false(together(h, b, a));
	model_op(h->m, b)->how = WRITE_MAPPED; /* it may have come to one sector and not to the other */
	assert_true(together(h, a, b));
	assert_true(together(h, b, a));
	uint32_t c = write_block(h, h->f, 0); /* and this one has replaced both at once */
	assert_false(together(h, b, c));
	assert_false(together(h, c, b));
}

static void a_punch_makes_zeros_of_its_range_and_leaves_the_size(void **state)
{
	struct history *h = *state;
	uint32_t w = call(h, OP_WRITE, h->f->id, 0, 3 * FS_BLOCK);

	fsync_of(h, h->f);
	assert_false(zeros_legal(h, END, h->f, 1));
	call(h, OP_PUNCH, h->f->id, FS_BLOCK, FS_BLOCK);
	assert_true(zeros_legal(h, END, h->f, 1) && legal(h, END, h->f, 1, w));
	assert_false(zeros_legal(h, END, h->f, 0) || zeros_legal(h, END, h->f, 2));
	call(h, OP_FDATASYNC, h->f->id, 0, 0);
	assert_true(zeros_legal(h, END, h->f, 1));
	assert_false(legal(h, END, h->f, 1, w));
	assert_true(size_legal(h, END, h->f, 3 * FS_BLOCK));
	assert_false(size_legal(h, END, h->f, FS_BLOCK));
}

static void a_punch_is_covered_by_a_sync_of_its_range(void **state)
{
	struct history *h = *state;
	uint32_t w = call(h, OP_WRITE, h->f->id, 0, 3 * FS_BLOCK);

	fsync_of(h, h->f);
	call(h, OP_PUNCH, h->f->id, FS_BLOCK, FS_BLOCK);
	call(h, OP_FSYNC, h->f->id, 2 * FS_BLOCK, FS_BLOCK);
	assert_true(legal(h, END, h->f, 1, w));
	call(h, OP_FSYNC, h->f->id, FS_BLOCK, FS_BLOCK);
	assert_false(legal(h, END, h->f, 1, w));
}

static void a_fallocate_changes_the_size_and_no_content(void **state)
{
	struct history *h = *state;
	uint32_t w = write_block(h, h->f, 0);

	fsync_of(h, h->f);
	uint32_t keeps = call(h, OP_FALLOCATE, h->f->id, 0, 8 * FS_BLOCK);
	model_op(h->m, keeps)->how = 1;
	assert_false(size_legal(h, END, h->f, 8 * FS_BLOCK));
	call(h, OP_FALLOCATE, h->f->id, 0, 4 * FS_BLOCK);
	assert_true(size_legal(h, END, h->f, 4 * FS_BLOCK) && size_legal(h, END, h->f, FS_BLOCK));
	assert_true(legal(h, END, h->f, 0, w));
	assert_false(zeros_legal(h, END, h->f, 0));
	call(h, OP_FDATASYNC, h->f->id, 0, 0);
	assert_true(size_legal(h, END, h->f, FS_BLOCK)); /* no data need it */
	fsync_of(h, h->f);
	assert_true(size_legal(h, END, h->f, 4 * FS_BLOCK));
	assert_false(size_legal(h, END, h->f, FS_BLOCK));
}

/* A write that waits for itself promises itself, and nothing of another that had ended. */
static void a_write_that_syncs_itself_covers_itself(void **state)
{
	struct history *h = *state;
	uint32_t other = write_block(h, h->f, 0), own = write_block(h, h->f, 1);

	model_sync_of_one(h->m, own);
	assert_false(zeros_legal(h, END - 1, h->f, 1));
	assert_true(legal(h, END - 1, h->f, 1, own));
	assert_true(zeros_legal(h, END - 1, h->f, 0));
	assert_true(legal(h, END - 1, h->f, 0, other));
}

/* The first `n` bytes as op `a` wrote sector 0, the rest as `b`; b UINT32_MAX: zeros. */
static bool spliced(struct history *h, struct model_file *f, uint32_t n, uint32_t a, uint32_t b)
{
	uint8_t x[ORACLE_SECTOR], y[ORACLE_SECTOR] = { 0 };
	const struct stamp s = { f->id, model_version(a), model_op(h->m, a)->task, 0 };
	const struct stamp t = { f->id, model_version(b), b == UINT32_MAX ? 0 : model_op(h->m, b)->task, 0 };

	block_fill(x, sizeof(x), &s);
	if (b != UINT32_MAX)
		block_fill(y, sizeof(y), &t);
	memcpy(x + n, y + n, sizeof(x) - n);
	rules_at(h->m, END - 1);
	return rules_sector_spliced(h->m, END - 1, f, 0, x);
}

static void a_sector_in_place_may_be_pieces_of_what_is_legal(void **state)
{
	struct history *h = *state;
	uint32_t a = write_block(h, h->f, 0), b = write_block(h, h->f, 0);

	assert_false(spliced(h, h->f, 256, a, b)); /* the page was stable */
	h->f->in_place = true;
	assert_true(spliced(h, h->f, 256, a, b));
	assert_true(spliced(h, h->f, 64, b, UINT32_MAX));
	fsync_of(h, h->f);
	assert_false(spliced(h, h->f, 256, a, b)); /* a is older than what is promised */
	assert_false(spliced(h, h->f, 64, b, UINT32_MAX));
}

static void a_sector_that_is_stored_through_a_mapping_may_be_pieces(void **state)
{
	struct history *h = *state;
	uint32_t a = write_block(h, h->f, 0), b = write_block(h, h->f, 0);

	model_op(h->m, b)->how = WRITE_MAPPED;
	assert_true(spliced(h, h->f, 100, b, a));
}

static void a_sector_has_no_bytes_of_others(void **state)
{
	struct history *h = *state;
	uint8_t x[ORACLE_SECTOR];
	uint32_t a = write_block(h, h->f, 0);
	const struct stamp s = { h->f->id, model_version(a), model_op(h->m, a)->task, 0 };

	h->f->in_place = true;
	block_fill(x, sizeof(x), &s);
	rules_at(h->m, END - 1);
	assert_true(rules_sector_spliced(h->m, END - 1, h->f, 0, x));
	memset(x + 200, 0xee, 8);
	assert_false(rules_sector_spliced(h->m, END - 1, h->f, 0, x));
}

/* ---- holes (rules.15) ---- */

static void a_block_that_only_writes_have_brought_is_no_hole(void **state)
{
	struct history *h = *state;
	uint32_t id = h->f->id;

	call(h, OP_WRITE, id, 0, 2 * FS_BLOCK);
	call(h, OP_WRITE, id, 2 * FS_BLOCK, FS_BLOCK);
	call(h, OP_WRITE, id, FS_BLOCK, 3 * FS_BLOCK); /* over what is there, and beyond */
	call(h, OP_FSYNC, id, 0, 0);
	call(h, OP_TRUNCATE, h->g->id, 0, 0);
	for (uint64_t block = 0; block < 4; block++)
		assert_false(rules_may_be_hole(h->m, END - 1, h->f, block));
}

static void what_a_write_skips_is_a_hole(void **state)
{
	struct history *h = *state;

	call(h, OP_WRITE, h->f->id, 0, FS_BLOCK + 512);
	call(h, OP_WRITE, h->f->id, 3 * FS_BLOCK, FS_BLOCK);
	assert_false(rules_may_be_hole(h->m, END - 1, h->f, 0));
	assert_false(rules_may_be_hole(h->m, END - 1, h->f, 1));
	assert_true(rules_may_be_hole(h->m, END - 1, h->f, 2));
	assert_false(rules_may_be_hole(h->m, END - 1, h->f, 3));
}

/* Which of the two was first is not known. */
static void a_write_at_the_same_time_may_have_skipped_it(void **state)
{
	struct history *h = *state;
	uint32_t low = write_begins(h, h->f, 0, 2);

	uint32_t high = write_begins(h, h->f, 2, 1);
	model_end(h->m, low, 0);
	model_end(h->m, high, 0);
	assert_true(rules_may_be_hole(h->m, END - 1, h->f, 1));
	model_op(h->m, high)->pb = 7; /* a crash before it began */
	assert_false(rules_may_be_hole(h->m, 6, h->f, 1));
	assert_true(rules_may_be_hole(h->m, 7, h->f, 1));
}

/* A write that fails has reached nothing. */
static void what_a_write_skips_after_one_that_failed_is_a_hole(void **state)
{
	struct history *h = *state;
	uint32_t low = write_begins(h, h->f, 0, 2);

	model_end(h->m, low, -EIO);
	call(h, OP_WRITE, h->f->id, 2 * FS_BLOCK, FS_BLOCK);
	assert_true(rules_may_be_hole(h->m, END - 1, h->f, 1));
}

/* Of blocks 0 to 4, of which the first two are written, each of these may make holes of those in `holes`. */
static void what_else_changes_a_file_may_leave_holes(void **state)
{
	static const struct {
		enum op_kind kind;
		uint64_t off, len;
		uint8_t how, holes;
	} calls[] = {
		{ OP_TRUNCATE, 0, 0, 0, 0 },
		{ OP_TRUNCATE, 2 * FS_BLOCK + 512, 0, 0, 0x4 },
		{ OP_TRUNCATE, 4 * FS_BLOCK, 0, 0, 0xc },
		{ OP_PUNCH, 512, FS_BLOCK, 0, 0x3 },
		{ OP_PUNCH, FS_BLOCK, FS_BLOCK, 0, 0x2 },
		{ OP_FALLOCATE, 3 * FS_BLOCK, FS_BLOCK, 0, 0xc },
		{ OP_FALLOCATE, 3 * FS_BLOCK, FS_BLOCK, 1, 0 },
		{ OP_FSYNC, 0, FS_BLOCK, 0, 0 },
	};
	struct history *h = *state;

	call(h, OP_WRITE, h->f->id, 0, 2 * FS_BLOCK);
	for (uint32_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		uint32_t op = call(h, calls[i].kind, h->f->id, calls[i].off, calls[i].len);
		model_op(h->m, op)->how = calls[i].how;
		for (uint64_t block = 0; block < 5; block++)
			if (rules_may_be_hole(h->m, END - 1, h->f, block) != (calls[i].holes >> block & 1))
				fail_msg("call %u, block %lu", i, (unsigned long)block);
		model_op(h->m, op)->file = h->g->id;
	}
}

/* What was cut off was not reached by what came before. */
static void what_is_skipped_after_a_truncation_is_a_hole(void **state)
{
	struct history *h = *state;
	uint32_t op;

	call(h, OP_WRITE, h->f->id, 0, 4 * FS_BLOCK);
	op = call(h, OP_TRUNCATE, h->f->id, FS_BLOCK, 0);
	call(h, OP_WRITE, h->f->id, 3 * FS_BLOCK, FS_BLOCK);
	assert_false(rules_may_be_hole(h->m, END - 1, h->f, 0));
	assert_true(rules_may_be_hole(h->m, END - 1, h->f, 1) && rules_may_be_hole(h->m, END - 1, h->f, 2));
	assert_false(rules_may_be_hole(h->m, END - 1, h->f, 3));
	model_op(h->m, op)->file = h->g->id;
	assert_false(rules_may_be_hole(h->m, END - 1, h->f, 1));
}

#define RULE(name) cmocka_unit_test_setup_teardown(name, begin_history, end_history)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULE(a_sync_counts_from_the_position_at_which_it_returned),
		RULE(a_sync_that_runs_promises_nothing),
		RULE(a_write_that_had_not_begun_cannot_be_there),
		RULE(a_sync_covers_what_ended_before_it_began),
		RULE(a_sync_of_a_range_covers_the_writes_that_lie_in_it),
		RULE(a_sync_covers_its_own_file_alone),
		RULE(a_write_that_failed_is_never_covered),
		RULE(what_ended_before_the_covered_write_began_is_gone),
		RULE(of_two_writes_at_once_either_may_be_last),
		RULE(later_versions_may_appear_unasked),
		RULE(blocks_are_judged_one_by_one),
		RULE(other_content_is_never_legal),
		RULE(parts_of_two_whole_writes_are_never_one_block),
		RULE(parts_of_partial_writes_are_one_block_if_they_were_one_moment),
		RULE(a_covered_append_promises_its_size),
		RULE(a_write_grows_a_file_block_by_block),
		RULE(fdatasync_promises_growth_and_not_truncation),
		RULE(a_covered_truncation_takes_away_for_good),
		RULE(a_write_at_the_same_time_as_a_truncation_may_win_or_lose),
		RULE(a_failed_sync_taints_what_it_should_have_written),
		RULE(a_failed_sync_taints_a_write_that_is_not_done),
		RULE(a_failed_sync_takes_nothing_back),
		RULE(a_failed_sync_of_another_file_taints_nothing),
		RULE(fsync_of_a_new_file_promises_its_name),
		RULE(a_name_may_be_gone_from_the_unlink_on_and_must_be_after_a_sync),
		RULE(a_refused_creation_is_no_name),
		RULE(fsync_promises_the_links_and_renames_of_its_file),
		RULE(fsync_of_the_directory_promises_every_change_in_it),
		RULE(a_directory_s_fsync_promises_no_content),
		RULE(a_renamed_file_has_one_of_both_names),
		RULE(a_name_that_is_replaced_stands_for_one_of_both),
		RULE(links_and_unlinks_of_different_names_are_taken_one_by_one),
		RULE(a_rename_that_needs_a_link_brings_it),
		RULE(of_two_renames_at_once_either_may_be_first),
		RULE(the_first_rename_of_two_is_replaced_by_the_second),
		RULE(many_changes_in_a_row_are_walked),
		RULE(a_mapped_store_is_one_write_for_each_sector),
		RULE(a_punch_makes_zeros_of_its_range_and_leaves_the_size),
		RULE(a_punch_is_covered_by_a_sync_of_its_range),
		RULE(a_fallocate_changes_the_size_and_no_content),
		RULE(a_write_that_syncs_itself_covers_itself),
		RULE(a_sector_in_place_may_be_pieces_of_what_is_legal),
		RULE(a_sector_that_is_stored_through_a_mapping_may_be_pieces),
		RULE(a_sector_has_no_bytes_of_others),
		RULE(a_block_that_only_writes_have_brought_is_no_hole),
		RULE(what_a_write_skips_is_a_hole),
		RULE(a_write_at_the_same_time_may_have_skipped_it),
		RULE(what_a_write_skips_after_one_that_failed_is_a_hole),
		RULE(what_else_changes_a_file_may_leave_holes),
		RULE(what_is_skipped_after_a_truncation_is_a_hole),
		cmocka_unit_test(a_sector_says_what_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
