/*
 * registry_test.c: the hunter finds what is there and nothing else: each race's verdict for each design,
 * the same schedule twice, replay of a file, minimised schedules, deadlocks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/crc32c.h"
#include "hunt/judge.h"
#include "hunt/minimise.h"
#include "hunt/run.h"
#include "hunt/search.h"
#include "rt/lock.h"
#include "rt/sanitize.h"
#include "hunt/schedule_file.h"
#include "pick/pickers.h"
#include "race/registry.h"
#include "story/timeline.h"
#if RT_ASAN
#include <sanitizer/lsan_interface.h>
#endif

static bool fast(void)
{
	return getenv("FAST_TESTS") != NULL;
}

static struct hunt *open_hunt(const struct race *race, const char *design)
{
	struct why why = WHY_NONE;
	struct hunt *h = NULL;

	if (hunt_open(race, fs_design_find(design), &h, &why))
		fail_msg("%s", why.text);
	return h;
}

/* Schedules from `seed` on until a violation; its number, 0 when there is none in `n`. */
static uint64_t hunt_for(struct hunt *h, const char *picker, uint64_t seed, uint64_t n, bool twice, struct violation *v)
{
	struct search s = { .seed = seed, .schedules = n, .check_determinism = twice };
	struct strategy strategy;
	struct why why = WHY_NONE;

	if (strategy_open(&strategy, picker, &why))
		fail_msg("%s", why.text);
	s.strategy = &strategy;
	hunt_search(h, &s, v);
	strategy_close(&strategy);
	if (s.nondeterministic)
		fail_msg("%s: schedule %lu is not deterministic", h->race->name, (unsigned long)s.at);
	return s.found_at;
}

static void breaks(const struct race *race, const char *design, const char *picker, uint64_t within, uint64_t seeds)
{
	struct hunt *h = open_hunt(race, design);
	struct violation v;

	violation_init(&v);
	for (uint64_t seed = 1; seed <= seeds; seed++) {
		if (!hunt_for(h, picker, seed, within, false, &v))
			fail_msg("%s, %s, seed %lu: not found in %lu schedules", race->name, picker,
			         (unsigned long)seed, (unsigned long)within);
		assert_int_equal(v.kind, VIOLATION_PROMISE);
	}
	violation_fini(&v);
	hunt_close(h);
}

static void holds(const struct race *race, const char *design, const char *picker, uint64_t n)
{
	struct hunt *h = open_hunt(race, design);
	struct violation v;

	violation_init(&v);
	uint64_t at = hunt_for(h, picker, 1, n, false, &v);
	if (at) {
		struct why why;
		hunt_minimise(h, &v, &(struct minimised){ 0 });
		schedule_file_write("race_test.failed.schedule", race, h->design, &v, &why);
		fail_msg("%s, %s: schedule %lu: %s (race_test.failed.schedule)", race->name, picker,
		         (unsigned long)at, v.text);
	}
	violation_fini(&v);
	hunt_close(h);
}

static void prefix_breaks_under_the_random_picker(void **state)
{
	breaks(race_named("seed"), "prefix", "random", 5000, 20);
	breaks(race_named("seed_compressed"), "prefix", "random", 5000, fast() ? 3 : 10);
}

static void prefix_breaks_under_pct(void **state)
{
	breaks(race_named("seed"), "prefix", "pct:d=5", 200000, fast() ? 1 : 3);
	breaks(race_named("seed"), "prefix", "pct:d=8", 100000, 3);
	breaks(race_named("seed_compressed"), "prefix", "portfolio", 20000, 2);
}

static void prefix_breaks_in_the_race_of_anything(void **state)
{
	breaks(&race_mixed, "prefix", "random", 5000, 1);
}

static void postfix_holds(void **state)
{
	holds(race_named("seed"), "postfix", "random", fast() ? 2000 : 20000);
	holds(race_named("seed"), "postfix", "portfolio", fast() ? 2000 : 10000);
	holds(race_named("seed_compressed"), "postfix", "random", fast() ? 200 : 2000);
}

/* The other fix of the seed's race, and one that is none. */
static void mutated_fixes_are_told_apart(void **state)
{
	holds(race_named("seed"), "ordered_first", "random", fast() ? 2000 : 20000);
	holds(race_named("seed_compressed"), "ordered_first", "random", fast() ? 200 : 2000);
	holds(&race_mixed, "ordered_first", "random", fast() ? 50 : 600);
	breaks(race_named("seed"), "flush_twice_early", "random", 5000, 20);
	breaks(race_named("seed_compressed"), "flush_twice_early", "random", 5000, 3);
}

static void postfix_holds_in_the_race_of_anything(void **state)
{
	holds(&race_mixed, "postfix", "random", fast() ? 50 : 600);
	holds(&race_mixed, "postfix", "portfolio", fast() ? 30 : 300);
}

/* The same over compressed and inline extents, two copies of metadata, two completion workers. */
static void postfix_holds_on_every_road_of_the_data(void **state)
{
	struct race race = race_mixed;

	race.mkfs.single = false;
	race.mount.endio_workers = 2;
	race.mount.inline_max = 2048;
	holds(&race, "postfix", "random", fast() ? 20 : 150);
	race.mount.compress = true;
	holds(&race, "postfix", "random", fast() ? 20 : 150);
}

static void each_schedule_twice_gives_the_same_trace_and_verdict(void **state)
{
	struct violation v;

	violation_init(&v);
	for (const struct race *const *r = race_all(); *r; r++) {
		struct hunt *h = open_hunt(*r, "postfix");
		hunt_for(h, "portfolio", 7, fast() ? 50 : 300, true, &v);
		hunt_close(h);
	}
	struct hunt *h = open_hunt(race_named("seed"), "prefix");
	assert_true(hunt_for(h, "random", 7, 5000, true, &v) > 0);
	hunt_close(h);
	violation_fini(&v);
}

/* The same numbers from a hunt of its own, whatever another one did before. */
static void a_hunt_does_not_depend_on_what_was_before(void **state)
{
	struct violation v;
	uint64_t at[2];

	violation_init(&v);
	for (int i = 0; i < 2; i++) {
		struct hunt *h = open_hunt(race_named("seed"), "prefix");
		if (i)
			hunt_for(h, "random", 99, 5000, false, &v);
		at[i] = hunt_for(h, "random", 3, 5000, false, &v);
		hunt_close(h);
	}
	assert_int_equal(at[0], at[1]);
	violation_fini(&v);
}

/* ---- small, written, read, replayed ---- */

static void a_minimised_violation_is_the_same_and_smaller_and_replays_from_its_file(void **state)
{
	char path[] = "/tmp/fsyncstorm-race-XXXXXX", story[1200] = "";
	struct why why;
	struct hunt *h = open_hunt(race_named("seed"), "prefix");
	const struct design *design;
	const struct race *race;
	struct violation v, read, again;
	struct minimised m;

	close(mkstemp(path));
	violation_init(&v);
	violation_init(&again);
	assert_true(hunt_for(h, "random", 1, 5000, false, &v) > 0);
	hunt_minimise(h, &v, &m);
	assert_int_equal(m.preemptions, 2);
	assert_true(m.minimal);
	assert_int_equal(m.calls, 3);
	assert_int_equal(v.crash.nkept, 0);
	assert_true(timeline_story(h, &v, story, sizeof(story)));
	assert_non_null(strstr(story, "nobody waited for the data"));
	assert_int_equal(schedule_file_write(path, h->race, h->design, &v, &why), 0);
	hunt_close(h);

	assert_int_equal(schedule_file_read(path, false, &race_registry, &race, &design, &read, &why), 0);
	assert_ptr_equal(race, race_named("seed"));
	assert_string_equal(design->name, "prefix");
	assert_true(violation_same(&read, &v));
	h = open_hunt(race, design->name);
	hunt_again(h, &read, true);
	assert_int_equal(h->result.end, COOP_FINISHED);
	assert_int_equal(h->result.trace_hash, v.run.trace_hash);
	assert_int_equal(hunt_judge_crash(h, &read.crash, &again), VIOLATION_PROMISE);
	assert_string_equal(again.text, v.text);
	hunt_close(h);

	/* the fixed design, on the same schedule as far as it fits, holds */
	h = open_hunt(race, "postfix");
	hunt_again(h, &read, false);
	assert_int_equal(hunt_judge(h, &again), VIOLATION_NONE);
	hunt_close(h);
	violation_fini(&v);
	violation_fini(&read);
	violation_fini(&again);
	unlink(path);
}

static const struct {
	const char *text, *says;
} bad_lines[] = {
	{ "race sead\n", ":2: no race sead; did you mean seed?" },
	{ "race seed\ndesign nofix\n", ":3: no design nofix" },
	{ "race seed\nrace seed\n", ":3: a second line \"race\"" },
	{ "config 12x\n", ":2: 12x: not a hexadecimal number" },
	{ "race seed\nwithout nobody\n", ":3: nobody: not a task of the race" },
	{ "race seed\nwithout writer:x\n", ":3: x: not the number of a call" },
	{ "violation\n", ":2: a violation and a broken promise are expected" },
	{ "violation promise luck\n", ":2: luck: not a violation" },
	{ "granularity medium\n", ":2: medium: coarse or fine is expected" },
	{ "seed x\n", ":2: x: not a number" },
	{ "decisions 1*\n", ":2:" },
	{ "crash here\n", ":2: crash:" },
	{ "crash 5 of 1: 7\n", ":2: crash: 7: not the position of a write before 5" },
	{ "crash 5 of 1: 1 2\n", ":2: crash: more writes are kept than are pending" },
	{ "foo bar\n", ":2: foo: not a line of a schedule" },
	{ "race seed\n", "the line \"design ...\" is missing" },
	{ "race seed\ndesign prefix\nconfig 1\nviolation promise eio\nseed 1\ndecisions 1\nsaid x\n",
	  "the line \"crash ...\" is missing" },
	{ "race seed\ndesign prefix\nconfig 1\nviolation error none\nseed 1\ndecisions 1\nsaid x\n",
	  "recorded with another race seed or design prefix: options or tasks have changed" },
};

static void put_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	fputs(text, f);
	fclose(f);
}

/* Reads it: it must be refused, in one line that says this. */
static void refused(const char *path, const char *says)
{
	const struct design *design;
	const struct race *race;
	struct violation v;
	struct why why = WHY_NONE;

	assert_true(schedule_file_read(path, false, &race_registry, &race, &design, &v, &why) < 0);
	if (!strstr(why.text, says) || strchr(why.text, '\n'))
		fail_msg("not \"%s\": %s", says, why.text);
	violation_fini(&v);
}

static void a_wrong_line_is_refused_by_its_number(void **state)
{
	char path[] = "/tmp/fsyncstorm-race-XXXXXX", text[600];

	close(mkstemp(path));
	for (unsigned i = 0; i < sizeof(bad_lines) / sizeof(bad_lines[0]); i++) {
		int n = snprintf(text, sizeof(text), "fsyncstorm-schedule 3\n%s", bad_lines[i].text);
		snprintf(text + n, sizeof(text) - (size_t)n, "end %08x\n", crc32c(0, text, (size_t)n));
		put_file(path, text);
		refused(path, bad_lines[i].says);
	}
	unlink(path);
	refused(path, "No such file");
}

/* A real one: cut short anywhere, changed anywhere, of another format. */
static void a_damaged_file_is_refused(void **state)
{
	char path[] = "/tmp/fsyncstorm-race-XXXXXX", text[4096] = "", copy[4096];
	struct why why;
	struct violation v = { .kind = VIOLATION_ERROR, .text = "said" };

	close(mkstemp(path));
	schedule_add(&v.schedule, (struct decision){ .value = 3 });
	assert_int_equal(schedule_file_write(path, race_named("seed"), fs_design_find("prefix"), &v, &why), 0);
	violation_fini(&v);
	FILE *f = fopen(path, "r");
	size_t n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);

	for (size_t len = 0; len < n; len += 1 + n / 40) {
		snprintf(copy, sizeof(copy), "%.*s", (int)len, text);
		put_file(path, copy);
		refused(path, len == 0 ? "empty" : len < 22 ? "schedule" : "cut short");
	}
	for (size_t at = 25; at < n - 20; at += 7) {
		memcpy(copy, text, n + 1);
		copy[at] = copy[at] == '1' ? '2' : '1';
		put_file(path, copy);
		refused(path, "changed since it was written");
	}
	memcpy(copy, text, n + 1);
	copy[strlen("fsyncstorm-schedule ")] = '2';
	put_file(path, copy);
	refused(path, ":1: a schedule of format 2; this program reads format 3");
	put_file(path, "hello\n");
	refused(path, ":1: not a schedule");
	unlink(path);
}

static void what_is_no_text_is_refused(void **state)
{
	char path[] = "/tmp/fsyncstorm-race-XXXXXX";
	struct why why;
	struct violation v = { .kind = VIOLATION_ERROR, .text = "said" };

	close(mkstemp(path));
	assert_int_equal(schedule_file_write(path, race_named("seed"), fs_design_find("prefix"), &v, &why), 0);
	FILE *f = fopen(path, "a");
	fwrite("\0after", 1, 6, f);
	fclose(f);
	refused(path, ": not a schedule: it has a NUL byte");
	assert_int_equal(truncate(path, 0), 0);
	put_file(path, "fsyncstorm-schedule ");
	assert_int_equal(truncate(path, 8 << 20), 0);
	refused(path, ": not a schedule: it is larger than any");
	unlink(path);
	refused("/tmp", "/tmp: is a directory");
	violation_fini(&v);
}

static void each_option_is_part_of_the_configuration(void **state)
{
	const struct design *design = fs_design_find("prefix");
	const uint64_t is = schedule_config(race_named("seed"), design);
	struct race other[13 + RACE_FAULTS];

	for (unsigned i = 0; i < sizeof(other) / sizeof(other[0]); i++)
		other[i] = *race_named("seed");
	other[0].mount.compress ^= 1;
	other[1].mount.inline_max++;
	other[2].mount.endio_workers++;
	other[3].mount.compress_workers++;
	other[4].mount.log_wait_ns++;
	other[5].mount.no_background ^= 1;
	other[6].mount.read_only ^= 1;
	other[7].mount.dirty_age_ns++;
	other[8].mount.dirty_limit++;
	other[9].mount.commit_interval_ns++;
	other[10].mkfs.nodesize *= 2;
	other[11].mount.memory_limit++;
	other[12].mount.data_piece++;
	for (unsigned i = 0; i < RACE_FAULTS; i++)
		other[13 + i].fail[i]++;
	for (unsigned i = 0; i < sizeof(other) / sizeof(other[0]); i++)
		if (schedule_config(&other[i], design) == is)
			fail_msg("option %u", i);
	assert_true(schedule_config(race_named("seed"), fs_design_find("postfix")) != is);
}

/* As mail does: no line is longer than `width`, where a space allows, and all end in CR LF. */
static void wrap(const char *text, size_t width, char *out)
{
	size_t column = 0;

	for (const char *p = text; *p; p++, column++) {
		bool full = *p == ' ' && column + strcspn(p + 1, " \n") >= width;
		if (full || *p == '\n') {
			out += sprintf(out, full ? " \r\n" : "\r\n");
			column = 0;
		} else {
			*out++ = *p;
		}
	}
	*out = 0;
}

static bool same_decision(const struct decision *a, const struct decision *b)
{
	return a->data == b->data && a->value == b->value && a->of == b->of;
}

static void a_file_with_wrapped_lines_is_the_same(void **state)
{
	char path[] = "/tmp/fsyncstorm-race-XXXXXX", text[8192] = "", wrapped[16384];
	struct why why;
	struct violation v = { .kind = VIOLATION_PROMISE, .broken.kind = BROKEN_EIO, .seed = 12345678901234567u,
			       .absent.task[0] = 6, .absent.task[1] = TASK_ABSENT, .crash = { 99, 20, 20, { 0 } },
			       .found = "portfolio, seed 1, schedule 2 and some more words to make this line a long "
			       "one",
			       .text = "block 0 of file a cannot be read (EIO: its checksum is missing or wrong); "
			       "due was version 2" };
	const struct design *design;
	const struct race *race;
	struct violation read;

	close(mkstemp(path));
	for (uint32_t i = 0; i < 20; i++)
		v.crash.kept[i] = i + 10;
	for (uint32_t i = 0; i < 200; i++)
		schedule_add(&v.schedule, (struct decision){ .data = i % 9 == 0, .value = i % 3, .of = i % 9 ? 0 : 7 });
	assert_int_equal(schedule_file_write(path, race_named("seed"), fs_design_find("prefix"), &v, &why), 0);
	FILE *f = fopen(path, "r");
	fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	for (size_t width = 40; width < 130; width += 7) {
		wrap(text, width, wrapped);
		put_file(path, wrapped);
		if (schedule_file_read(path, false, &race_registry, &race, &design, &read, &why))
			fail_msg("wrapped at column %zu: %s", width, why.text);
		assert_int_equal(read.schedule.n, v.schedule.n);
		for (uint32_t i = 0; i < v.schedule.n; i++)
			assert_true(same_decision(&read.schedule.d[i], &v.schedule.d[i]));
		assert_memory_equal(&read.absent, &v.absent, sizeof(v.absent));
		assert_memory_equal(&read.crash, &v.crash, sizeof(v.crash));
		assert_string_equal(read.text, v.text);
		assert_string_equal(read.found, v.found);
		violation_fini(&read);
	}
	violation_fini(&v);
	unlink(path);
}

/* ---- other ways to fail ---- */

static struct waitq never;

static bool never_true(void *arg)
{
	return false;
}

static void sleeper(struct race_run *r)
{
	waitq_init(&never, L_WORK);
	wait_until(&never, never_true, NULL);
}

static void spinner(struct race_run *r)
{
	for (;;)
		rt_point(1, POINT_YIELD);
}

static void idler(struct race_run *r)
{
	for (int i = 0; i < 3; i++)
		rt_point(1, POINT_YIELD);
}

static enum violation_kind first_violation(void (*task)(struct race_run *), char *text, unsigned size)
{
	struct race_task tasks[] = { { "odd", task }, { "idler", idler } };
	struct race race = { .name = "odd", .mkfs = { .nodesize = 4096, .single = true },
	                     .mount = { .no_background = true },
		             .files = { { "a", 0, FS_BLOCK } }, .tasks = tasks, .ntasks = 2 };
	struct hunt *h = open_hunt(&race, "postfix");
	struct violation v;
	const char *err;
	void *state = pick_random.create("", &err);

	violation_init(&v);
	enum violation_kind kind = hunt_one(h, &pick_random, state, 1, &v);
	snprintf(text, size, "%s", v.text);
	pick_random.destroy(state);
	violation_fini(&v);
	hunt_close(h);
	return kind;
}

static void who_cannot_go_on_is_told(void **state)
{
	char text[700];

#if RT_ASAN
	__lsan_disable(); /* a run that does not end is left where it stands, with what it had allocated */
#endif
	assert_int_equal(first_violation(sleeper, text, sizeof(text)), VIOLATION_STUCK);
	assert_non_null(strstr(text, "deadlock"));
	assert_non_null(strstr(text, "odd (waits for"));
	assert_int_equal(first_violation(spinner, text, sizeof(text)), VIOLATION_TOO_LONG);
#if RT_ASAN
	__lsan_enable();
#endif
	assert_int_equal(first_violation(idler, text, sizeof(text)), VIOLATION_NONE);
}

static void an_error_nobody_caused_is_told(void **state)
{
	struct hunt *h = open_hunt(race_named("seed"), "postfix");
	struct violation v;
	const char *err;
	void *picker = pick_random.create("", &err);

	violation_init(&v);
	hunt_run(h, &pick_random, picker, 1);
	model_end(h->run.model, model_begin(h->run.model, OP_FSYNC, 0, 0, 0), -5);
	assert_int_equal(hunt_judge(h, &v), VIOLATION_ERROR);
	assert_non_null(strstr(v.text, "fsync of file a returned -5"));
	violation_fini(&v);
	pick_random.destroy(picker);
	hunt_close(h);
}

/* The one that cites the commit; else that of a bug of Linux; else any that breaks it. */
static void a_design_has_the_race_that_is_about_it(void **state)
{
	static const char *const about[][2] = {
		{ "prefix", "seed_smallest" }, { "modern", "fsync_twice_smallest" },
		{ "log_root_unlocked", "log_root" }, { "stamp_goes_back", "stamp" },
		{ "flush_twice_early", "seed_smallest" }, { "direct_ordered_first", "fsync_twice_aio" },
	};

	for (unsigned i = 0; i < sizeof(about) / sizeof(about[0]); i++)
		assert_string_equal(race_about(fs_design_find(about[i][0]))->name, about[i][1]);
	assert_null(race_about(fs_design_find("postfix")));
}

static void a_wrong_picker_is_refused(void **state)
{
	static const char *const wrong[] = { "rendom", "pct:d=0", "pct:x", "random:1", "clock", "replay", "" };
	struct strategy s;
	struct why why;

	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_true(strategy_open(&s, wrong[i], &why) < 0);
	assert_true(strategy_open(&s, "rendom", &why) < 0);
	assert_non_null(strstr(why.text, "did you mean random?"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prefix_breaks_under_the_random_picker),
		cmocka_unit_test(prefix_breaks_under_pct),
		cmocka_unit_test(prefix_breaks_in_the_race_of_anything),
		cmocka_unit_test(postfix_holds),
		cmocka_unit_test(mutated_fixes_are_told_apart),
		cmocka_unit_test(postfix_holds_in_the_race_of_anything),
		cmocka_unit_test(postfix_holds_on_every_road_of_the_data),
		cmocka_unit_test(each_schedule_twice_gives_the_same_trace_and_verdict),
		cmocka_unit_test(a_hunt_does_not_depend_on_what_was_before),
		cmocka_unit_test(a_minimised_violation_is_the_same_and_smaller_and_replays_from_its_file),
		cmocka_unit_test(a_wrong_line_is_refused_by_its_number),
		cmocka_unit_test(a_damaged_file_is_refused),
		cmocka_unit_test(what_is_no_text_is_refused),
		cmocka_unit_test(each_option_is_part_of_the_configuration),
		cmocka_unit_test(a_file_with_wrapped_lines_is_the_same),
		cmocka_unit_test(who_cannot_go_on_is_told),
		cmocka_unit_test(an_error_nobody_caused_is_told),
		cmocka_unit_test(a_design_has_the_race_that_is_about_it),
		cmocka_unit_test(a_wrong_picker_is_refused),
	};

	if (RT_TSAN) {
		puts("1..0 # SKIP fibers are not for ThreadSanitizer");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
