/*
 * Which crash images of an epoch are looked at: all subsets, extremes, samples, tears, each once; and
 * that a fingerprint says what is in the image.
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

/* ---- cuts ---- */

struct cuts {
	struct dev *d;
	unsigned n;
	char content[4096][16];
	bool hash_differs;
};

/* Notes the image's content, and that its fingerprint is what the cut said. */
static int note_cut(void *arg, const struct cut *c)
{
	struct cuts *s = arg;
	struct dev *image;

	assert_int_equal(powercut_image(s->d, c, &image), 0);
	script_content(image, s->content[s->n]);
	for (unsigned i = 0; i < s->n; i++)
		if (!strcmp(s->content[i], s->content[s->n]))
			fail_msg("image %s twice", s->content[i]);
	s->n++;
	dev_close(image);
	return 0;
}

static bool has(const struct cuts *s, const char *content)
{
	for (unsigned i = 0; i < s->n; i++)
		if (!strcmp(s->content[i], content))
			return true;
	return false;
}

static void all_cuts(struct cuts *s, const struct cut_budget *b)
{
	struct epoch e;

	powercut_epoch_at(s->d, powercut_position(s->d), &e);
	assert_int_equal(powercut_cuts(s->d, &e, b, note_cut, s), 0);
}

static void all_subsets_of_k_writes_are_2_to_the_k(void **state)
{
	const struct cut_budget b = {.all_up_to = 10};

	for (unsigned k = 0; k <= 7; k++) {
		static struct cuts s;
		char script[64] = "wZ7 cZ F1 f1";

		s = (struct cuts){.d = *state};
		powercut_rewind(*state);
		for (unsigned i = 0; i < k; i++)
			sprintf(script + strlen(script), " wA%u", i), script[strlen(script) - 2] = (char)('A' + i);
		script_play(*state, script);
		all_cuts(&s, &b);
		assert_int_equal(s.n, 1u << k);
	}
}

static void equal_images_come_once(void **state)
{
	static struct cuts s;
	const struct cut_budget b = {.all_up_to = 10};

	/* A then B to one block: none, A, B (both kept is B); C writes what is there: no choice at all */
	s = (struct cuts){.d = *state};
	script_play(*state, "wC3 cC F1 f1 wA0 cA wB0 cB wC3 cC");
	all_cuts(&s, &b);
	assert_int_equal(s.n, 3);
	assert_true(has(&s, "...C...."));
	assert_true(has(&s, "A..C...."));
	assert_true(has(&s, "B..C...."));
}

static void many_pending_get_the_extremes(void **state)
{
	static struct cuts s;
	const struct cut_budget b = {.all_up_to = 4, .sampled = 0};

	s = (struct cuts){.d = *state};
	script_play(*state, "wA wB mC mD cB wE F1 f1 cA wF wG cE");
	/* pending A C D E F G; B is durable */
	all_cuts(&s, &b);
	assert_true(has(&s, ".B......"));
	assert_true(has(&s, "ABCDEFG."));
	assert_true(has(&s, "AB......"));
	assert_true(has(&s, ".BCDEFG."));
	assert_true(has(&s, ".BCD...."));
	assert_true(has(&s, "AB..EFG."));
	assert_true(has(&s, ".B...FG.")); /* in flight at the flush: A C D E */
	assert_true(has(&s, "AB..E...")); /* all that completed, A first */
	assert_true(s.n < 32);
}

static void sampling_is_repeatable_and_adds_images(void **state)
{
	static struct cuts s[3];
	const struct cut_budget none = {.all_up_to = 4}, some = {.all_up_to = 4, .sampled = 40, .seed = 7};

	script_play(*state, "wA wB wC wD wE wF wG");
	for (int i = 0; i < 3; i++) {
		s[i] = (struct cuts){.d = *state};
		all_cuts(&s[i], i ? &some : &none);
	}
	assert_true(s[1].n > s[0].n);
	assert_int_equal(s[1].n, s[2].n);
	for (unsigned i = 0; i < s[1].n; i++)
		assert_string_equal(s[1].content[i], s[2].content[i]);
}

static void a_torn_write_keeps_some_of_its_units(void **state)
{
	static struct cuts s;
	const struct cut_budget whole = {.all_up_to = 4}, torn = {.all_up_to = 4, .tears = true};

	script_play(*state, "2A wZ7");
	s = (struct cuts){.d = *state};
	all_cuts(&s, &whole);
	assert_int_equal(s.n, 4);
	s = (struct cuts){.d = *state};
	all_cuts(&s, &torn);
	assert_int_equal(s.n, 8);
	assert_true(has(&s, "A......."));
	assert_true(has(&s, ".A......"));
	assert_true(has(&s, "A......Z"));
	assert_true(has(&s, ".A.....Z"));
}

static int count_cut(void *arg, const struct cut *c)
{
	++*(unsigned *)arg;
	return 0;
}

static void strict_tears_are_sectors(void **state)
{
	struct dev *d = *state;
	const struct cut_budget torn = {.all_up_to = 4, .tears = true};
	struct epoch e;
	unsigned n = 0;

	d->tear = 512;
	script_play(d, "wA");
	powercut_epoch_at(d, 1, &e);
	assert_int_equal(powercut_cuts(d, &e, &torn, count_cut, &n), 0);
	assert_int_equal(n, 2 + 8 + 8 + 1); /* none, all; one sector, all but one; the first half */
}

static int stop_at_third_cut(void *arg, const struct cut *c)
{
	return ++*(unsigned *)arg == 3 ? 78 : 0;
}

static void cuts_stop_when_told(void **state)
{
	struct cut_budget b = {.all_up_to = 10};
	struct epoch e;

	script_play(*state, "wA wB wC");
	powercut_epoch_at(*state, 3, &e);
	for (int sampled = 0; sampled < 2; sampled++) {
		unsigned n = 0;

		assert_int_equal(powercut_cuts(*state, &e, &b, stop_at_third_cut, &n), 78);
		assert_int_equal(n, 3);
		b.all_up_to = 0;
	}
}

/* ---- fingerprints ---- */

struct hashes {
	struct dev *d;
	unsigned n;
};

static uint64_t content_hash(struct dev *d)
{
	static _Alignas(4096) uint8_t buf[DEV_BLOCK];
	uint64_t h = 0;

	for (uint32_t blk = 0; blk < d->size / DEV_BLOCK; blk++) {
		assert_int_equal(dev_read(d, (uint64_t)blk * DEV_BLOCK, buf, sizeof(buf)), 0);
		h += hash_at(blk, hash_block(buf)) - hash_at(blk, hash_block(memset(buf, 0, sizeof(buf))));
	}
	return h;
}

static int check_hash(void *arg, const struct cut *c)
{
	struct hashes *s = arg;
	struct dev *image;

	powercut_image(s->d, c, &image);
	assert_int_equal(content_hash(image), c->hash);
	dev_close(image);
	s->n++;
	return 0;
}

static int check_epoch_hashes(void *arg, const struct epoch *e)
{
	struct hashes *s = arg;
	const struct cut_budget b = {.all_up_to = 4, .sampled = 20, .tears = true, .seed = 3};

	return powercut_cuts(s->d, e, &b, check_hash, arg);
}

/* Whatever is written, overwritten, torn and superseded: the fingerprint is that of the image's bytes. */
static void a_cuts_hash_is_its_images(void **state)
{
	struct hashes s = {.d = *state};

	s.d->tear = 512;
	script_play(s.d, "wA0 cA wB0 2C1 hD2 cC F1 cB f1 hE0 cE uF1 cF cD wG0 mH5 hI5 F2 cG wJ6 wK7 cJ");
	assert_int_equal(powercut_epochs(s.d, check_epoch_hashes, &s), 0);
	assert_true(s.n > 50);
	powercut_restart(s.d);
	script_play(s.d, "wL0 cL F1 f1 wM1 cM");
	assert_int_equal(powercut_epochs(s.d, check_epoch_hashes, &s), 0);
}

static void equal_content_equal_hash_across_schedules(void **state)
{
	struct dev *d = *state;
	struct epoch a, b;

	script_play(d, "wA cA F1 f1 wB cB F2 f2");
	powercut_epoch_at(d, 8, &a);
	powercut_rewind(d);
	script_play(d, "wC1 cC wB wA cA cB F1 f1");
	powercut_epoch_at(d, 8, &b);
	assert_int_equal(a.durable_hash, b.durable_hash);
	powercut_epoch_at(d, 7, &b);
	assert_int_not_equal(a.durable_hash, b.durable_hash);
}

static void a_cut_is_described(void **state)
{
	struct dev *d = *state;
	uint64_t keep = 0;
	struct epoch e;
	struct cut c;
	char text[128];

	script_play(d, "wA mB2");
	powercut_epoch_at(d, 2, &e);
	c = (struct cut){.pos = 2, .pending = e.pending, .npending = 2, .keep = &keep};
	powercut_describe(d, &c, text, sizeof(text));
	assert_string_equal(text, "none");
	keep = 3;
	powercut_describe(d, &c, text, sizeof(text));
	assert_string_equal(text, "all");
	keep = 2;
	powercut_describe(d, &c, text, sizeof(text));
	assert_string_equal(text, "1 of 2: meta@1(8192+4096)");
	powercut_describe(d, &c, text, 12);
	assert_int_equal(strlen(text), 11);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RECORDED(all_subsets_of_k_writes_are_2_to_the_k),
		RECORDED(equal_images_come_once),
		RECORDED(many_pending_get_the_extremes),
		RECORDED(sampling_is_repeatable_and_adds_images),
		RECORDED(a_torn_write_keeps_some_of_its_units),
		RECORDED(strict_tears_are_sectors),
		RECORDED(cuts_stop_when_told),
		RECORDED(a_cuts_hash_is_its_images),
		RECORDED(equal_content_equal_hash_across_schedules),
		RECORDED(a_cut_is_described),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
