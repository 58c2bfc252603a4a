/* tally_test.c: what needs no root: the statistics of a cut, and what its words may be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cut/choose.h"
#include "cut/report.h"
#include "cut/tally.h"
#include "cut/work.h"

static void assert_near(double is, double due)
{
	if (fabs(is - due) > 0.002 * due)
		fail_msg("%g, and %g is due", is, due);
}

/* Against values worked out from the hypergeometric distribution: */
static void fishers_test_is_exact(void **state)
{
	assert_near(tally_fisher(4, 4, 0, 4), 2.0 / 70);
	assert_near(tally_fisher(3, 4, 1, 4), 34.0 / 70);
	assert_near(tally_fisher(2, 2, 0, 53), 1.0 / 1485);
	assert_near(tally_fisher(0, 50, 0, 50), 1);
	assert_near(tally_fisher(5, 10, 5, 10), 1);
	assert_true(tally_fisher(81, 400, 0, 400) < 1e-25);
	assert_near(tally_fisher(7, 40, 0, 40), tally_fisher(0, 40, 7, 40));
}

static void none_of_n_is_three_of_n_at_most(void **state)
{
	assert_near(tally_below(300), 0.01);
	assert_near(tally_below(2), 1);
}

static void a_state_counts_once_in_each_class(void **state)
{
	struct tally *t = calloc(1, sizeof(*t));

	tally_state(t, 0);
	tally_state(t, 1u << CUT_EIO | 1u << CUT_SIZE);
	t->mounted = 2;
	tally_state(t, 1u << CUT_EIO);
	tally_first(t, CUT_EIO, "the first");
	tally_first(t, CUT_EIO, "the second");
	assert_int_equal(t->states, 3);
	assert_int_equal(t->broken, 2);
	assert_int_equal(t->distinct_at[0], 0);
	assert_int_equal(t->distinct_at[1], 2);
	assert_int_equal(t->by_class[CUT_EIO], 2);
	assert_int_equal(t->by_class[CUT_SIZE], 1);
	assert_string_equal(t->first[CUT_EIO], "the first");
	free(t);
}

/* What is said of 66 broken states of 720, in so many of 18 runs, beside none of 400 in 10. */
static void say_arms(uint64_t rounds_broken, char *text, size_t size)
{
	struct tally *a = calloc(1, sizeof(*a)), *b = calloc(1, sizeof(*b));
	FILE *out = fmemopen(text, size, "w");

	a->broken = 66;
	a->states = 720;
	a->rounds_broken = rounds_broken;
	a->rounds = 18;
	b->states = 400;
	b->rounds = 10;
	report_arms("one", a, "other", b, out);
	fclose(out);
	free(a);
	free(b);
}

/* All of them may come from one run that was unlucky: then nothing is told by them. */
static void runs_are_compared_and_not_their_states(void **state)
{
	char text[512];

	say_arms(1, text, sizeof(text));
	assert_non_null(strstr(text, "one: 66 of 720 broken, in 1 of 18 runs; other: 0 of 400 broken, in 0 of 10"));
	assert_non_null(strstr(text, "no difference found"));
	say_arms(17, text, sizeof(text));
	assert_non_null(strstr(text, "they differ"));
}

static void every_kind_has_a_class(void **state)
{
	for (unsigned kind = BROKEN_NONE + 1; kind < BROKEN_NR; kind++) {
		const struct broken b = { .kind = (enum broken_kind)kind };
		assert_true(cut_class_of(&b) < CUT_CLASSES_NR);
		assert_true(kind == BROKEN_EIO || cut_class_of(&b) != CUT_EIO);
	}
}

static void a_file_system_has_its_words(void **state)
{
	struct cut_fs fs;
	struct why why;

	assert_int_equal(cut_fs_parse("fs:btrfs,mkfs=-m single -d single,mount=ssd,noatime,size=256m", &fs, &why), 0);
	assert_string_equal(cut_fs_name(&fs), "btrfs");
	assert_string_equal(fs.options.mkfs, "-m single -d single");
	assert_string_equal(fs.options.mount, "ssd,noatime"); /* a comma of its own */
	assert_int_equal(fs.size, 256 << 20);
	assert_false(cut_fs_in_place(&fs));
	assert_int_equal(cut_fs_parse("fs:ext4", &fs, &why), 0);
	assert_true(cut_fs_in_place(&fs) && cut_fs_reuses_inodes(&fs));
	assert_true(cut_fs_parse("fs:ext4,", &fs, &why) < 0);
	assert_true(cut_fs_parse("ext4", &fs, &why) < 0);
	assert_true(cut_fs_is_own_name("lost+found") && !cut_fs_is_own_name("a"));
}

static void an_aim_has_its_words(void **state)
{
	struct aim a;
	struct why why;

	assert_int_equal(aim_parse("writer:2:kept", &a, &why), 0);
	assert_string_equal(a.thread, "writer");
	assert_int_equal(a.nth, 2);
	assert_int_equal(a.keep, AIM_KEPT);
	assert_int_equal(aim_parse("b:1", &a, &why), 0);
	assert_int_equal(a.keep, AIM_LOST);
	assert_true(aim_parse(":1", &a, &why) < 0);
	assert_true(aim_parse("a-name-of-a-thread-that-is-too-long:1", &a, &why) < 0);
}

static void one_thread_is_left_that_syncs(void **state)
{
	struct work w;
	struct why why;
	unsigned syncs[2] = { 0 };

	assert_int_equal(work_open("fsync_twice_smallest", &w, &why), 0);
	assert_true(work_one_syncer(&w));
	for (unsigned t = 0; t < 2; t++)
		for (unsigned i = 0; i < w.scene->thread[t].n; i++)
			syncs[t] += w.scene->thread[t].step[i].op == SCENE_FSYNC;
	assert_int_equal(syncs[0], 1);
	assert_int_equal(syncs[1], 0);
	assert_false(work_one_syncer(&w)); /* nothing more to take */
	work_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fishers_test_is_exact),
		cmocka_unit_test(none_of_n_is_three_of_n_at_most),
		cmocka_unit_test(a_state_counts_once_in_each_class),
		cmocka_unit_test(runs_are_compared_and_not_their_states),
		cmocka_unit_test(every_kind_has_a_class),
		cmocka_unit_test(a_file_system_has_its_words),
		cmocka_unit_test(an_aim_has_its_words),
		cmocka_unit_test(one_thread_is_left_that_syncs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
