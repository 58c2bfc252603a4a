/*
 * What is durable and what is pending after a power cut, worked out by hand for stories (script.h);
 * epochs; what an image is; what a recording does to its device.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dev/door.h"
#include "dev/image.h"
#include "dev/test_script.h"

/* Content with the pending writes of `names` kept ("" none, "*" all), for a crash at pos. */
static void crash(struct dev *d, uint32_t pos, const char *names, char *content)
{
	uint64_t keep[4] = {0};
	struct epoch e;
	struct cut c;
	struct dev *image;

	powercut_epoch_at(d, pos, &e);
	for (uint32_t i = 0; i < e.npending; i++) {
		const struct dev_event *w = &d->log->event[e.pending[i]];

		bit_set(keep, i, *names == '*' || strchr(names, *(const char *)w->data));
	}
	c = (struct cut){.pos = pos, .pending = e.pending, .npending = e.npending, .keep = keep};
	assert_int_equal(powercut_image(d, &c, &image), 0);
	script_content(image, content);
	dev_close(image);
}

static void pending_names(struct dev *d, uint32_t pos, char *out)
{
	struct epoch e;

	powercut_epoch_at(d, pos, &e);
	for (uint32_t i = 0; i < e.npending; i++)
		*out++ = *(const char *)d->log->event[e.pending[i]].data;
	*out = 0;
}

/* ---- durable sets by hand ---- */

static const struct {
	const char *what, *script, *durable, *pending;
} legal[] = {
	{"a completed write is not durable", "wA cA", "........", "A"},
	{"a submitted write is not durable", "wA", "........", "A"},
	{"a flush makes durable what completed before it was submitted", "wA cA F1 f1", "A.......", ""},
	{"a flush that has not completed makes nothing durable", "wA cA F1", "........", "A"},
	{"completed after the flush was submitted: not covered", "wA F1 cA f1", "........", "A"},
	{"submitted after the flush was: not covered", "F1 wA cA f1", "........", "A"},
	{"held over two flushes", "wA F1 f1 F2 cA f2", "........", "A"},
	{"held over two flushes, covered by the third", "wA F1 f1 F2 cA f2 F3 f3", "A.......", ""},
	{"two flushes in flight: the one submitted later covers more", "wA cA F1 wB cB F2 f2", "AB......", ""},
	{"two flushes in flight: the one submitted first covers less", "wA cA F1 wB cB F2 f1", "A.......", "B"},
	{"others pass by", "wA wB cB F1 cA f1 wC", ".B......", "AC"},
	{"FUA is durable at its completion", "uA cA", "A.......", ""},
	{"FUA is not durable before", "uA", "........", "A"},
	{"FUA makes nothing else durable", "wA cA uB cB", ".B......", "A"},
	{"a failed write reaches nothing", "wA eA F1 f1", "........", ""},
	{"a failed FUA write reaches nothing", "uA eA", "........", ""},
	{"a failed flush makes nothing durable", "wA cA F1 g1", "........", "A"},
	{"a good flush after a failed one does", "wA cA F1 g1 F2 f2", "A.......", ""},
	{"overwritten, both flushed: the later one", "wA0 cA wB0 cB F1 f1", "B.......", ""},
	{"a newer durable FUA value is never undone by an older write", "wA0 cA uB0 cB", "B.......", ""},
	{"nor by the flush that covers the older write", "wA0 cA F1 uB0 cB f1", "B.......", ""},
	{"the older durable value stays until the newer one is", "wA0 cA F1 f1 wB0 cB", "A.......", "B"},
	{"half a block over a durable one", "wA0 cA F1 f1 hB0 cB F2 f2", "(AB).......", ""},
	{"FUA elsewhere supersedes nothing", "wA0 cA F2 hB0 cB uC1 cC f2", "AC......", "B"},
	{"a large write covers its blocks", "2A cA F1 f1", "AA......", ""},
	{"FUA over the second block of a pending write", "2A cA uB cB F1", ".B......", "A"},
};

static void durable_is_what_the_rules_say(void **state)
{
	struct dev *d = *state;
	char content[64], pending[64];

	for (unsigned i = 0; i < sizeof(legal) / sizeof(legal[0]); i++) {
		powercut_rewind(d);
		script_play(d, legal[i].script);
		crash(d, powercut_position(d), "", content);
		pending_names(d, powercut_position(d), pending);
		if (strcmp(content, legal[i].durable) || strcmp(pending, legal[i].pending))
			fail_msg("%s: '%s' gives durable %s pending '%s', want %s '%s'", legal[i].what, legal[i].script,
				 content, pending, legal[i].durable, legal[i].pending);
	}
}

/* What each position of one script gives, walked forwards and backwards. */
static void any_position_can_be_asked_for(void **state)
{
	static const char *const durable[] = {"........", "........", "........", "........", "A.......", "A.......",
					      "AB......"};
	struct dev *d = *state;
	char content[64];

	script_play(d, "wA cA F1 f1 uB cB");
	for (int round = 0; round < 2; round++)
		for (uint32_t pos = 0; pos <= 6; pos++) {
			crash(d, round ? 6 - pos : pos, "", content);
			assert_string_equal(content, durable[(round ? 6 - pos : pos)]);
		}
}

static void a_later_kept_write_wins(void **state)
{
	struct dev *d = *state;
	char content[64];

	script_play(d, "wA0 cA wB0 cB");
	crash(d, 4, "A", content);
	assert_string_equal(content, "A.......");
	crash(d, 4, "B", content);
	assert_string_equal(content, "B.......");
	crash(d, 4, "AB", content);
	assert_string_equal(content, "B.......");
}

/* (powercut.1), within one write: its first block is pending, its second is superseded by a FUA write. */
static void a_superseded_block_of_a_kept_write_stays_out(void **state)
{
	struct dev *d = *state;
	char content[64];

	script_play(d, "2A cA uB1 cB");
	crash(d, 4, "A", content);
	assert_string_equal(content, "AB......");
	powercut_rewind(d);
	script_play(d, "wA0 cA uZ7 cZ F1");
	crash(d, 5, "*", content);
	assert_string_equal(content, "A......Z");
}

static void a_superseded_half_of_a_kept_write_stays_out(void **state)
{
	struct dev *d = *state;
	struct bio *half = &script_write['B' - 'A'];
	char content[64];

	script_play(d, "wA0 cA hB0");
	half->flags |= BIO_FUA;
	d->log->event[half->event].fua = true;
	script_play(d, "cB");
	crash(d, 4, "", content);
	assert_string_equal(content, "(.B).......");
	crash(d, 4, "A", content);
	assert_string_equal(content, "(AB).......");
}

/* ---- epochs ---- */

struct epochs {
	struct dev *d;
	uint32_t n, pos[16], npending[16];
	uint64_t hash[16];
};

static int note_epoch(void *arg, const struct epoch *e)
{
	struct epochs *s = arg;

	s->pos[s->n] = e->pos;
	s->npending[s->n] = e->npending;
	s->hash[s->n++] = e->durable_hash;
	/* asking about another place must not disturb the round */
	powercut_epoch_at(s->d, 0, &(struct epoch){0});
	return 0;
}

static void an_epoch_ends_before_what_makes_durable(void **state)
{
	struct epochs s = {.d = *state};

	/*            0  1  2  3  4  5  6  7  8  9  10 11 */
	script_play(s.d, "wA cA F1 wB f1 F2 f2 cB uC cC F3 f3 wD");
	assert_int_equal(powercut_epochs(s.d, note_epoch, &s), 0);
	assert_int_equal(s.n, 4);
	assert_int_equal(s.pos[0], 4); /* before f1: A; f2 has nothing to make durable */
	assert_int_equal(s.npending[0], 2);
	assert_int_equal(s.pos[1], 9); /* before C's completion */
	assert_int_equal(s.npending[1], 2);
	assert_int_equal(s.pos[2], 11); /* before f3: B */
	assert_int_equal(s.npending[2], 1);
	assert_int_equal(s.pos[3], 13);
	assert_int_equal(s.npending[3], 1);
	assert_int_not_equal(s.hash[0], s.hash[1]);
}

/* A flush that fails or lies, and a FUA write that fails, make nothing durable: no epoch ends there. */
static void what_makes_nothing_durable_ends_no_epoch(void **state)
{
	struct epochs s = {.d = *state};

	script_play(s.d, "wA cA F1 g1 uB eB wC F2 f2");
	assert_int_equal(powercut_epochs(s.d, note_epoch, &s), 0);
	assert_int_equal(s.n, 2);
	assert_int_equal(s.pos[0], 8);
}

static int stop_at_second(void *arg, const struct epoch *e)
{
	return ++*(int *)arg == 2 ? 77 : 0;
}

static void epochs_stop_when_told(void **state)
{
	int n = 0;

	script_play(*state, "uA cA uB cB uC cC");
	assert_int_equal(powercut_epochs(*state, stop_at_second, &n), 77);
	assert_int_equal(n, 2);
}

/* ---- images and the recorded device itself ---- */

static void write_letter(struct dev *d, unsigned blk, char c)
{
	static _Alignas(4096) uint8_t buf[DEV_BLOCK];

	memset(buf, c, sizeof(buf));
	assert_int_equal(dev_write(d, blk * DEV_BLOCK, buf, sizeof(buf), 0), 0);
}

static void images_are_apart(void **state)
{
	struct dev *d = *state, *x, *y;
	uint64_t all = ~0ull, none = 0;
	struct epoch e;
	struct cut c;
	char content[64];

	write_letter(d, 0, 'A');
	powercut_epoch_at(d, powercut_position(d), &e);
	c = (struct cut){.pos = e.pos, .pending = e.pending, .npending = e.npending, .keep = &all};
	powercut_image(d, &c, &x);
	c.keep = &none;
	powercut_image(d, &c, &y);
	write_letter(x, 1, 'X');
	write_letter(y, 1, 'Y');
	assert_int_equal(dev_write(y, 2 * DEV_BLOCK + 512, script_data[0], 512, 0), 0);
	script_content(x, content);
	assert_string_equal(content, "AX......");
	script_content(y, content);
	assert_string_equal(content, ".Y......");
	dev_close(x);
	powercut_image(d, &c, &x); /* from the pool: nothing of before is left */
	script_content(x, content);
	assert_string_equal(content, "........");
	dev_close(x);
	dev_close(y);
	script_content(d, content);
	assert_string_equal(content, "A.......");
}

static void rewind_undoes_and_restart_keeps(void **state)
{
	struct dev *d = *state;
	uint8_t *mem = ram_memory(d);
	char content[64];

	write_letter(d, 0, 'A');
	powercut_restart(d);
	assert_int_equal(powercut_position(d), 0);
	write_letter(d, 0, 'B');
	write_letter(d, 3, 'C');
	assert_int_equal(dev_write(d, 4 * DEV_BLOCK + 512, script_data[0], 512, 0), 0);
	script_content(d, content);
	assert_memory_equal(content, "B..C", 4);
	powercut_rewind(d);
	assert_int_equal(powercut_position(d), 0);
	script_content(d, content);
	assert_string_equal(content, "A.......");
	write_letter(d, 1, 'D');
	powercut_stop(d);
	script_content(d, content);
	assert_string_equal(content, "AD......");
	assert_int_equal(mem[DEV_BLOCK], 'D');
	powercut_start(d);
	crash(d, 0, "", content);
	assert_string_equal(content, "AD......");
}

static void a_hash_outlives_a_restart(void **state)
{
	struct dev *d = *state;
	struct epoch before, after;

	write_letter(d, 0, 'A');
	write_letter(d, 1, 'B');
	assert_int_equal(dev_flush(d), 0);
	powercut_epoch_at(d, powercut_position(d), &before);
	powercut_restart(d);
	powercut_epoch_at(d, 0, &after);
	assert_int_equal(before.durable_hash, after.durable_hash);
	powercut_rewind(d);
	script_play(d, "wC cC F1 f1 wA cA F2 f2");
	powercut_epoch_at(d, 8, &after);
	assert_int_not_equal(before.durable_hash, after.durable_hash);
	powercut_rewind(d);
	script_play(d, "wA cA wB cB F2 f2");
	powercut_epoch_at(d, 6, &after);
	assert_int_equal(before.durable_hash, after.durable_hash);
}

static void a_real_bio_is_recorded_stage_by_stage(void **state)
{
	static _Alignas(4096) uint8_t buf[DEV_BLOCK];
	static const uint8_t kinds[] = {DEV_WSUB, DEV_WCMP, DEV_FSUB, DEV_FCMP, DEV_WSUB, DEV_WCMP};
	const struct dev_event *ev;
	uint32_t n;

	assert_int_equal(dev_write(*state, 0, buf, sizeof(buf), BIO_META), 0);
	assert_int_equal(dev_write(*state, 8192, buf, sizeof(buf), BIO_PREFLUSH | BIO_FUA), 0);
	ev = powercut_events(*state, &n);
	assert_int_equal(n, 6);
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(ev[i].kind, kinds[i]);
	assert_int_equal(ev[0].of, 1);
	assert_int_equal(ev[5].of, 4);
	assert_true(ev[0].meta && !ev[0].fua && ev[4].fua && !ev[4].meta);
	assert_true(ev[0].hash && ev[0].hash != ev[4].hash);
}

static void count_block(void *arg, uint32_t blk, const uint8_t *data)
{
	*(unsigned *)arg += blk < 8 && *data;
}

/* The record of one device, loaded into another with the same base, leaves the same epochs and images. */
static void a_loaded_record_is_the_same(void **state)
{
	struct dev *d = *state, *other;
	uint64_t keep = 1;
	struct epoch e, f;
	struct dev *image;
	unsigned blocks = 0;
	uint32_t n;

	script_play(d, "wA cA F1 f1 wB cB wC");
	const struct dev_event *ev = powercut_events(d, &n);
	assert_int_equal(ram_open(d->size, &other), 0);
	powercut_start(other);
	powercut_load(other, ev, n);
	assert_int_equal(powercut_position(other), n);
	powercut_epoch_at(d, n, &e);
	powercut_epoch_at(other, n, &f);
	assert_int_equal(f.npending, 2);
	assert_int_equal(f.npending, e.npending);
	assert_true(f.durable_hash == e.durable_hash);
	struct cut c = { .pos = n, .pending = e.pending, .npending = e.npending, .keep = &keep };
	struct cut k = { .pos = n, .pending = f.pending, .npending = f.npending, .keep = &keep };
	assert_true(powercut_hash(d, &c) == powercut_hash(other, &k));
	assert_int_equal(powercut_image(other, &k, &image), 0);
	powercut_image_blocks(image, count_block, &blocks);
	assert_int_equal(blocks, 2); /* A is durable, B is kept, C is not */
	dev_close(image);
	powercut_stop(other);
	dev_close(other);
}

static void the_controls_hold(void **state)
{
	assert_int_equal(powercut_controls(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RECORDED(durable_is_what_the_rules_say),
		RECORDED(any_position_can_be_asked_for),
		RECORDED(a_later_kept_write_wins),
		RECORDED(a_superseded_block_of_a_kept_write_stays_out),
		RECORDED(a_superseded_half_of_a_kept_write_stays_out),
		RECORDED(an_epoch_ends_before_what_makes_durable),
		RECORDED(what_makes_nothing_durable_ends_no_epoch),
		RECORDED(epochs_stop_when_told),
		RECORDED(images_are_apart),
		RECORDED(rewind_undoes_and_restart_keeps),
		RECORDED(a_hash_outlives_a_restart),
		RECORDED(a_real_bio_is_recorded_stage_by_stage),
		RECORDED(a_loaded_record_is_the_same),
		RECORDED(the_controls_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
