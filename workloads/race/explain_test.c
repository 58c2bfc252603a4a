/*
 * explain_test.c: a violation is made as small as it can be, said in steps of the source, flipped by one pair of
 * steps, shown on one screen, and is the same run every time.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hunt/flip.h"
#include "hunt/judge.h"
#include "hunt/minimise.h"
#include "hunt/minimise_stages.h"
#include "hunt/run.h"
#include "hunt/search.h"
#include "pick/pickers.h"
#include "race/registry.h"
#include "rt/lock.h"
#include "rt/sanitize.h"
#include "story/explain.h"
#include "story/json.h"
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
	struct hunt *h = NULL;
	struct why why = WHY_NONE;

	if (hunt_open(race, fs_design_find(design), &h, &why))
		fail_msg("%s", why.text);
	return h;
}

static void find_by(struct hunt *h, const char *picker, uint64_t seed, struct violation *v)
{
	struct search s = { .seed = seed, .schedules = 20000 };
	struct strategy strategy;
	struct why why;

	assert_int_equal(strategy_open(&strategy, picker, &why), 0);
	s.strategy = &strategy;
	hunt_search(h, &s, v);
	strategy_close(&strategy);
	assert_true(s.found_at > 0);
}

static void find(struct hunt *h, uint64_t seed, struct violation *v)
{
	find_by(h, "random", seed, v);
}

/* The minimal violation of the seed: made once, it takes most of a second. */
static struct violation minimal;
static struct minimised minimal_came;

static int make_minimal(void **state)
{
	struct hunt *h = open_hunt(race_named("seed"), "prefix");

	setenv("LC_ALL", "C.UTF-8", 1);
	unsetenv("COLUMNS");
	violation_init(&minimal);
	find(h, 1, &minimal);
	hunt_minimise(h, &minimal, &minimal_came);
	hunt_close(h);
	return 0;
}

static int free_minimal(void **state)
{
	violation_fini(&minimal);
	return 0;
}

static struct hunt *minimal_seed(struct violation *v)
{
	*v = minimal;
	schedule_init(&v->schedule);
	schedule_copy(&v->schedule, &minimal.schedule);
	return open_hunt(race_named("seed"), "prefix");
}

static void end(struct hunt *h, struct violation *v)
{
	violation_fini(v);
	hunt_close(h);
}

/* ---- small ---- */

static void is_minimal(const struct minimised *m)
{
	assert_int_equal(m->preemptions, 2);
	assert_int_equal(m->calls, 3);
	assert_true(m->minimal && m->tried > 100);
}

static void the_seed_needs_three_calls_and_two_preemptions(void **state)
{
	struct hunt *h = open_hunt(race_named("seed"), "prefix");
	struct minimised m;
	struct violation v;

	violation_init(&v);
	is_minimal(&minimal_came);
	for (uint64_t seed = 2; seed <= (fast() ? 1 : 3); seed++) {
		find(h, seed, &v);
		hunt_minimise(h, &v, &m);
		is_minimal(&m);
	}
	end(h, &v);
}

/*
 * From a violation that needs two preemptions, the search over at most two finds one itself, and none over at most
 * one.
 */
static void the_bounded_search_finds_what_is_there(void **state)
{
	struct effort e = { .decisions_left = UINT64_MAX };
	struct violation v;
	struct hunt *h = minimal_seed(&v);

	assert_int_equal(minimise_bounded(h, &v, 0, &e), 0);
	v.run.preemptions = 99;
	assert_int_equal(minimise_bounded(h, &v, 2, &e), 1);
	assert_true(v.run.preemptions <= 2);
	e.decisions_left = 100;
	assert_int_equal(minimise_bounded(h, &v, 1, &e), -E2BIG);
	end(h, &v);
}

static void a_race_of_many_calls_is_left_with_few(void **state)
{
	struct minimised m;
	struct violation v;

	if (fast())
		skip();
	struct hunt *h = open_hunt(&race_mixed, "prefix");
	violation_init(&v);
	find(h, 1, &v);
	hunt_minimise(h, &v, &m);
	assert_true(m.calls_from >= 10 && m.calls <= 6 && m.tasks <= 3);
	hunt_again(h, &v, true);
	assert_int_equal(h->result.trace_hash, v.run.trace_hash);
	end(h, &v);
}

/* ---- told ---- */

/* Checks (flip.1) of what hunt_flip() has found for v. */
static void flips(struct hunt *h, const struct violation *v)
{
	struct violation again;
	struct flip f;

	flip_init(&f);
	violation_init(&again);
	assert_true(hunt_flip(h, v, &f));
	for (uint32_t i = 0; i < f.at; i++)
		assert_int_equal(f.fails.d[i].value, f.holds.d[i].value);
	assert_int_not_equal(f.fails.d[f.at].value, f.holds.d[f.at].value);
	assert_int_equal(f.fails.d[f.at].value, f.holds.d[f.at + 1].value);
	assert_int_equal(f.fails.d[f.at + 1].value, f.holds.d[f.at].value);
	flip_run(h, v, &f.fails);
	assert_int_equal(hunt_judge(h, &again), VIOLATION_PROMISE);
	assert_true(violation_same(&again, v));
	flip_run(h, v, &f.holds);
	assert_int_equal(hunt_judge(h, &again), VIOLATION_NONE);
	flip_fini(&f);
	violation_fini(&again);
}

static void one_pair_of_steps_flips_the_verdict(void **state)
{
	struct violation v;
	struct hunt *h = minimal_seed(&v);

	flips(h, &v);
	end(h, &v);
}

/* Nothing to undo: a race of the run is reversed. */
static void a_pair_flips_what_fails_without_a_preemption(void **state)
{
	const struct {
		const struct race *race;
		const char *design;
	} bug[] = {
		{ race_named("commit"), "commit_forgets_logged" }, { race_named("join"), "joiner_leaves_data" },
		{ race_named("supers"), "flush_before_last_super" },
		{ race_named("log_reuse"), "reuses_log_blocks" }, { race_named("data_error"), "ignores_data_error" },
		{ race_named("early_error"), "misses_early_error" },
	};
	struct minimised m;
	struct violation v;

	for (unsigned i = 0; i < sizeof(bug) / sizeof(bug[0]); i++) {
		struct hunt *h = open_hunt(bug[i].race, bug[i].design);
		violation_init(&v);
		find_by(h, "portfolio", 1, &v);
		hunt_minimise(h, &v, &m);
		assert_int_equal(m.preemptions, 0);
		flips(h, &v);
		end(h, &v);
	}
}

static void sync_alone(struct race_run *r)
{
	model_write(r->file[0], 0, FS_BLOCK);
	model_sync(r->model, r->fs);
}

/* One task writes the super before its trees are safe: no order helps. */
static void what_breaks_in_every_order_is_said_to(void **state)
{
	static const struct race_task tasks[] = { { "alone", sync_alone } };
	static const struct race race = { .name = "odd", .mkfs = { .nodesize = 4096, .single = true },
		                          .mount = { .no_background = true }, .files = { { "a", 0, FS_BLOCK } },
		                          .tasks = tasks, .ntasks = 1 };
	struct hunt *h = open_hunt(&race, "flush_before_last_super");
	char *text = NULL;
	struct violation v;
	struct explained x;
	size_t size;

	violation_init(&v);
	find(h, 1, &v);
	assert_true(explain(h, &v, &x));
	assert_true(x.looked && !x.flips && x.runs > 0);
	FILE *out = open_memstream(&text, &size);
	explain_print(&x, out);
	fclose(out);
	assert_non_null(strstr(text, "it breaks in every order that was tried, "));
	assert_non_null(strstr(text, "where the power fails decides\n"));
	free(text);
	explain_fini(&x);
	end(h, &v);
}

static void steps_are_told_by_their_source(void **state)
{
	struct violation v;
	struct explained x;
	struct hunt *h = minimal_seed(&v);

	assert_true(explain(h, &v, &x));
	assert_int_equal(x.npreemptions, 2);
	for (unsigned i = 0; i < 2; i++) {
		assert_true(strcmp(x.stopped[i].task, x.went_on[i].task));
		assert_memory_equal(x.stopped[i].site.file, "engine/", 7);
		assert_true(x.stopped[i].site.line > 0 && x.stopped[i].site.function[0]);
		assert_null(strstr(x.stopped[i].site.file, "/rt/"));
		assert_null(strstr(x.stopped[i].site.file, "/pick/"));
	}
	assert_true(x.flips && x.first.site.line && x.second.site.line);
	assert_true(strcmp(x.first.task, x.second.task));
	hunt_again(h, &x.holds, true);
	assert_int_equal(h->result.end, COOP_FINISHED);
	assert_int_equal(h->result.trace_hash, x.holds.run.trace_hash);
	explain_fini(&x);
	end(h, &v);
}

/* Lines, and the widest one in characters, not bytes. */
static void measure(const char *text, unsigned *lines, unsigned *widest)
{
	unsigned width = 0;

	*lines = *widest = 0;
	for (const char *p = text; *p; p++) {
		if (*p == '\n') {
			++*lines;
			width = 0;
		} else if (((unsigned char)*p & 0xc0) != 0x80 && ++width > *widest) {
			*widest = width;
		}
	}
}

/* Of lines with no choice between them one has the step's number: no number is there twice. */
static void each_step_is_numbered_once(const char *text)
{
	unsigned last = 0, step, n = 0;
	int end;

	for (const char *line = strstr(text, "\nstep  "); line && strncmp(line + 1, "====", 4);
	     line = strchr(line + 1, '\n')) {
		if (sscanf(line + 1, "%4u  %n", &step, &end) != 1 || end != 6)
			continue;
		assert_true(step > last);
		last = step;
		n++;
	}
	assert_true(n >= 8);
}

static void the_time_line_fits_on_one_screen(void **state)
{
	unsigned lines, widest;
	struct violation v;
	struct hunt *h = minimal_seed(&v);
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_true(timeline_print(h, &v, false, out));
	fclose(out);
	measure(text, &lines, &widest);
	assert_true(lines >= 15 && lines <= 50);
	assert_true(widest <= 120);
	each_step_is_numbered_once(text);
	assert_non_null(strstr(text, "nobody had its checksum"));
	assert_non_null(strstr(text, "LOGS block 0"));
	assert_non_null(strstr(text, "THE POWER FAILS"));
	assert_non_null(strstr(text, "engine/fs/extent_map.c:"));
	assert_null(strchr(text, '\033')); /* no colour but on a terminal */
	free(text);
	end(h, &v);
}

/* At each width that terminals have, and with nothing but ASCII where the locale has no more. */
static void the_time_line_keeps_to_the_terminal(void **state)
{
	static const char *const columns[] = { "60", "80", "100", "160" };
	unsigned lines, widest;
	struct violation v;
	struct hunt *h = minimal_seed(&v);

	for (unsigned i = 0; i < 4; i++) {
		char *text = NULL;
		size_t size;
		FILE *out = open_memstream(&text, &size);

		setenv("COLUMNS", columns[i], 1);
		setenv("LC_ALL", i % 2 ? "C.UTF-8" : "C", 1);
		assert_true(timeline_print(h, &v, false, out));
		fclose(out);
		measure(text, &lines, &widest);
		if (widest > (unsigned)atoi(columns[i]))
			fail_msg("%u wide: %s", widest, text);
		each_step_is_numbered_once(text);
		assert_non_null(strstr(text, "LOGS block 0"));
		for (const char *p = text; *p && !(i % 2); p++)
			assert_true((unsigned char)*p < 0x80);
		assert_int_equal(!!strstr(text, "◆"), i % 2);
		free(text);
	}
	unsetenv("COLUMNS");
	setenv("LC_ALL", "C.UTF-8", 1);
	end(h, &v);
}

static unsigned count_of(const char *text, const char *what)
{
	unsigned n = 0;

	for (const char *p = text; (p = strstr(p, what)); p += strlen(what))
		n++;
	return n;
}

static void without_line_ends(char *text)
{
	for (; *text; text++)
		*text = *text == '\n' ? ' ' : *text;
}

static json_t *told_as_json(struct hunt *h, const struct violation *v)
{
	struct explained x;

	assert_true(explain(h, v, &x));
	json_t *story = story_json(h, v, &x);
	explain_fini(&x);
	assert_non_null(story);
	assert_string_equal(json_string_value(json_object_get(story, "text")), v->text);
	return story;
}

static bool rule_fitted[32];

static void remember_rule(const json_t *story)
{
	const char *rule = json_string_value(json_object_get(story, "rule"));

	assert_non_null(rule);
	for (uint32_t i = 0; timeline_rule(i); i++)
		rule_fitted[i] |= !strcmp(timeline_rule(i), rule);
}

/* Which task did what between which steps of another; and the steps are marked. */
static void tells_why(const struct race *race, const char *design, const char *why)
{
	struct hunt *h = open_hunt(race, design);
	struct minimised m;
	struct violation v;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	violation_init(&v);
	find_by(h, "portfolio", 1, &v);
	hunt_minimise(h, &v, &m);
	assert_true(timeline_print(h, &v, false, out));
	fclose(out);
	without_line_ends(text);
	if (!strstr(text, why) || strstr(text, "as shown below"))
		fail_msg("%s, %s: %.400s", race->name, design, text);
	assert_true(count_of(text, "◆") >= 3); /* one is the legend's */
	free(text);
	json_t *story = told_as_json(h, &v);
	remember_rule(story);
	json_decref(story);
	end(h, &v);
}

/* And each rule is met: so the events that it asks for are traced. That they have the roles, the compiler sees to. */
static void the_story_says_who_did_what_between_which_steps_of_whom(void **state)
{
	tells_why(race_named("commit"), "commit_forgets_logged",
	          "committer committed transaction 3 after syncer had logged block 0 and before endio put that into "
	          "the trees, those of transaction 4");
	tells_why(race_named("logged_again"), "unpin_relists",
	          "syncer logged block 0, committer committed transaction 3, which deleted that log, and syncer logged "
	          "it again before its checksums were in the trees: it took them for logged");
	tells_why(race_named("dsync_direct"), "dsync_shares_lock",
	          "dsync logged the extent map of block 1 after writer had added it and before writer added its "
	          "ordered extent: nobody waited for the data, nobody had its checksum");
	tells_why(race_named("dsync_direct"), "modern",
	          "dsync wrote a super after it had logged block 1 and before its data was durable");
	tells_why(race_named("dsync_marked"), "dsync_marks_file",
	          "syncer collected ordered extents before writer added the one of block 0, and logged its extent map "
	          "after");
	tells_why(race_named("release"), "release_takes_all",
	          "reclaim released the extent map of blocks 0-1, which no log had, before fsync looked at the "
	          "modified maps: it logged nothing of that, and returned 0");
	tells_why(race_named("memory_short"), "release_takes_all", "reclaim released the extent map of");
	tells_why(race_named("join"), "joiner_leaves_data",
	          "second wrote a super after third had logged block 0 and before its data was durable");
	tells_why(race_named("supers"), "flush_before_last_super",
	          "committer wrote the super after it had written the tree block @");
	tells_why(race_named("log_reuse"), "reuses_log_blocks", "and before another super took its place");
	tells_why(race_named("ranged"), "ranged_forgets_all",
	          "ranged logged all of the file that was in the trees after writer had added the extent map of block "
	          "1 and before endio put it there: writer logged nothing of it");
	tells_why(race_named("data_error"), "ignores_data_error",
	          "syncer logged block 0, the device failed the write of its data, and syncer wrote the super of that "
	          "log after that");
	tells_why(race_named("early_error"), "misses_early_error",
	          "The device failed the write of block 0 after syncer had begun it and before the fsync of syncer "
	          "returned 0");
	tells_why(race_named("size_held"), "rewrite_holds_size",
	          "writer committed transaction 3 after it had begun a new write of block 0 and before that was in the "
	          "trees: the size there stops at it");
	tells_why(race_named("size_late"), "rewrite_holds_size", "after it had begun a new write of block 2");
	tells_why(race_named("stamp"), "stamp_goes_back",
	          "writer's fsync took the file for committed, logged nothing and returned 0 after endio had put block "
	          "0 into the trees, those of transaction 4, and before that was on the media");
	tells_why(race_named("lost_hole"), "failed_write_unnoticed",
	          "The device failed the write of block 1, and writer, which was told, wrote the super of a log that "
	          "has the file with neither that extent nor a hole");
	tells_why(race_named("tail_error"), "ignores_data_error",
	          "truncater logged block 1, the device failed the write of its data");
	tells_why(race_named("tail_error"), "misses_early_error",
	          "before the fsync of truncater returned 0: nobody was told");
	tells_why(race_named("sync_error"), "sync_misses_error",
	          "The device failed the write of block 0 after syncer had begun it and before the sync of syncer "
	          "returned 0: nobody was told");
	tells_why(race_named("unlinked"), "skips_unlinked",
	          "writer's fsync found that the file had no name any more, logged nothing and returned 0");
	tells_why(race_named("fsync_twice_smallest"), "modern",
	          "block 0 and before any super named that log: it waited for nothing");
	tells_why(race_named("sums_late"), "sums_late",
	          "syncer logged block 0 before a worker had computed its checksums, and waited for the data alone");
	tells_why(race_named("rename"), "rename_unpinned",
	          "syncer committed the log after mover had taken a name away and before it had logged the names that "
	          "there are then");
	tells_why(race_named("replace"), "rename_unpinned",
	          "syncer committed the log after saver had taken a name away");
	tells_why(race_named("rename_parent"), "rename_pins_late",
	          "linker logged the directory after mover had taken a name from the file and before it gave it the "
	          "next one, and committed that log");
	tells_why(race_named("mark_overwritten"), "mark_overwritten",
	          "namer had not found the file in the log, and noted that after syncer had marked it as logged");
	tells_why(race_named("link"), "names_count_as_log",
	          "linker logged the names of the file after the last write of block 0, and other committed that log");
	tells_why(&race_protocol, "prefix", "fsync collected ordered extents before flusher added the one of page 1");
	if (!fast())
		tells_why(race_named("log_root"), "log_root_unlocked",
		          "first put its log's root into the tree of log roots after second had written that tree and "
		          "before second took its root into the super");
	for (uint32_t i = 0; timeline_rule(i); i++)
		if (!rule_fitted[i] && !(fast() && !strcmp(timeline_rule(i), "root_changed")))
			fail_msg("no run shows the rule %s", timeline_rule(i));
}

static json_t *get(const json_t *object, const char *key)
{
	json_t *value = json_object_get(object, key);

	assert_non_null(value);
	return value;
}

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(get(object, key));
}

static void a_line_is_whole(const json_t *story, const json_t *line)
{
	assert_true(json_integer_value(get(line, "task")) < (json_int_t)json_array_size(get(story, "tasks")));
	assert_true(text_of(line, "text")[0]);
	assert_true(json_is_boolean(get(line, "matters")) && json_is_boolean(get(line, "by_device")));
	if (strcmp(text_of(line, "kind"), "stopped"))
		assert_true(text_of(line, "event")[0] && json_is_object(get(line, "args")));
	if (!strcmp(text_of(line, "kind"), "extent"))
		assert_true(json_is_integer(get(get(line, "args"), "file")) &&
		            json_is_integer(get(get(line, "args"), "start")));
}

/* What the picture needs: tasks that hold and wait, marked lines with their place, writes until they are durable. */
static void the_story_is_whole_as_json(void **state)
{
	struct violation v;
	struct hunt *h = minimal_seed(&v);
	json_t *story = told_as_json(h, &v), *line, *task, *span;
	json_int_t lines = (json_int_t)json_array_size(get(story, "lines"));
	unsigned marked = 0, durable = 0, lost = 0, holds = 0, waits = 0;
	size_t i, k;

	assert_string_equal(text_of(story, "schema"), "fsyncstorm-story");
	assert_int_equal(json_integer_value(get(story, "schema_version")), 1);
	assert_string_equal(text_of(story, "rule"), "logged_unseen");
	assert_non_null(strstr(text_of(story, "story"), "nobody had its checksum"));
	json_array_foreach(get(story, "lines"), i, line) {
		a_line_is_whole(story, line);
		if (json_is_true(get(line, "marked"))) {
			assert_memory_equal(text_of(get(line, "site"), "file"), "engine/fs/", 10);
			marked++;
		}
		durable += json_is_integer(json_object_get(line, "durable_at"));
		lost += json_is_null(json_object_get(line, "durable_at"));
	}
	json_array_foreach(get(story, "tasks"), k, task)
		json_array_foreach(get(task, "spans"), i, span) {
			assert_true(json_integer_value(get(span, "from")) <= json_integer_value(get(span, "to")));
			assert_true(json_integer_value(get(span, "to")) < lines);
			holds += !strcmp(text_of(span, "state"), "holds") && text_of(span, "what")[0];
			waits += !strcmp(text_of(span, "state"), "waits") && text_of(span, "what")[0];
		}
	assert_int_equal(marked, 3);
	assert_true(durable >= 2 && lost == 0 && holds >= 2 && waits >= 2);
	assert_true(text_of(get(story, "crash"), "text")[0]);
	assert_int_equal(json_integer_value(get(get(story, "crash"), "position")), v.crash.pos);
	assert_string_equal(text_of(json_array_get(get(story, "blocks"), 0), "after"), "cannot be read (EIO)");
	assert_true(json_is_true(get(json_array_get(get(story, "blocks"), 0), "broken")));
	assert_int_equal(json_array_size(get(story, "preempted")), 2);
	assert_true(text_of(get(get(story, "pair"), "first"), "task")[0]);
	json_decref(story);
	end(h, &v);
}

/* Nothing in it depends on the time or on addresses: a story that is kept can be compared with another one. */
static void a_story_is_the_same_when_it_is_told_again(void **state)
{
	struct violation v;
	struct hunt *h = minimal_seed(&v);
	json_t *once = told_as_json(h, &v), *again = told_as_json(h, &v);

	assert_true(json_equal(once, again));
	json_decref(once);
	json_decref(again);
	end(h, &v);
}

/* ---- the same every time ---- */

static void a_hundred_replays_are_one_run(void **state)
{
	struct violation v, again;
	struct hunt *h = minimal_seed(&v);

	violation_init(&again);
	for (unsigned i = 0; i < 100; i++) {
		hunt_again(h, &v, true);
		assert_int_equal(h->result.end, COOP_FINISHED);
		assert_int_equal(h->result.trace_hash, v.run.trace_hash);
		assert_int_equal(hunt_judge_crash(h, &v.crash, &again), VIOLATION_PROMISE);
		assert_string_equal(again.text, v.text);
	}
	violation_fini(&again);
	end(h, &v);
}

static void a_replay_that_does_not_fit_says_what_it_met(void **state)
{
	char text[1000];
	struct violation v;

	if (RT_ASAN)
		skip(); /* a run that diverges is left where it stands, with what it had allocated */
	struct hunt *h = minimal_seed(&v);
	v.schedule.d[v.schedule.n / 2].value = 9; /* nobody */
	explain_divergence(h, &v, text, sizeof(text));
	assert_non_null(strstr(text, "expected task 9"));
	assert_non_null(strstr(text, "; there: task "));
	assert_non_null(strstr(text, " (engine/"));
	end(h, &v);
}

/* ---- a run that is not determined ---- */

static unsigned runs;

/* Chance that is not the picker's: every third run goes another way. */
static void moody(struct race_run *r)
{
	rt_point(1, POINT_YIELD);
	if (++runs % 3 == 0)
		model_flush_pass(r->file[0]);
	model_write(r->file[0], 0, FS_BLOCK);
}

static void the_first_step_that_differs_is_told(void **state)
{
	static const struct race_task tasks[] = { { "moody", moody }, { "other", moody } };
	static const struct race race = { .name = "odd", .mkfs = { .nodesize = 4096, .single = true },
		                          .mount = { .no_background = true }, .files = { { "a", 0, FS_BLOCK } },
		                          .tasks = tasks, .ntasks = 2 };
	struct search s = { .seed = 1, .schedules = 20, .check_determinism = true };
	struct strategy strategy;
	struct violation v;
	struct why why;

	if (RT_ASAN)
		skip(); /* a run that leaves its schedule is left where it stands, with what it had allocated */
	struct hunt *h = open_hunt(&race, "postfix");
	violation_init(&v);
	assert_int_equal(strategy_open(&strategy, "random", &why), 0);
	s.strategy = &strategy;
	hunt_search(h, &s, &v);
	assert_true(s.nondeterministic);
	assert_non_null(strstr(s.differs, "turn "));
	assert_non_null(strstr(s.differs, "in the first run step "));
	if (!strstr(s.differs, "(moody)") && !strstr(s.differs, "(other)"))
		fail_msg("%s", s.differs);
	strategy_close(&strategy);
	end(h, &v);
}

/* ---- nobody can go on ---- */

static struct waitq left_queue, right_queue;

static bool never(void *arg)
{
	return false;
}

/* Each is named as the one who owes what the other waits for. */
static void left(struct race_run *r)
{
	atomic_store(&right_queue.ower, rt_self());
	wait_until(&left_queue, never, NULL);
}

static void right(struct race_run *r)
{
	atomic_store(&left_queue.ower, rt_self());
	wait_until(&right_queue, never, NULL);
}

/* v: the two tasks wait for each other, under these names. */
static struct hunt *stuck(const struct race_task tasks[2], struct violation *v)
{
	static struct race race = { .name = "odd", .mkfs = { .nodesize = 4096, .single = true },
		                    .mount = { .no_background = true }, .files = { { "a", 0, FS_BLOCK } },
		                    .ntasks = 2 };
	const char *err;
	void *picker = pick_random.create("", &err);

	race.tasks = tasks;
	struct hunt *h = open_hunt(&race, "postfix");
#if RT_ASAN
	__lsan_disable(); /* the run is left where it stands, with what it had allocated */
#endif
	waitq_init(&left_queue, L_WORK);
	waitq_init(&right_queue, L_WORK);
	violation_init(v);
	assert_int_equal(hunt_one(h, &pick_random, picker, 1, v), VIOLATION_STUCK);
	pick_random.destroy(picker);
#if RT_ASAN
	__lsan_enable();
#endif
	return h;
}

static void who_waits_for_whom_is_told_with_the_cycle(void **state)
{
	static const struct race_task tasks[] = { { "left", left }, { "right", right } };
	struct violation v;
	struct hunt *h = stuck(tasks, &v);

	assert_non_null(strstr(v.text, "left (waits for WORK of right)"));
	assert_true(strstr(v.text, "; cycle: left -> right -> left") ||
	            strstr(v.text, "; cycle: right -> left -> right"));
	end(h, &v);
}

/* The design comes to a deadlock, which is told with this cycle, and with who waits for what in one place of it. */
static void is_stuck_in(const char *race, const char *design, const char *cycle, const char *edge)
{
	struct hunt *h = open_hunt(race_named(race), design);
	struct violation v;

	violation_init(&v);
#if RT_ASAN
	__lsan_disable(); /* as above */
#endif
	find_by(h, "portfolio", 1, &v);
#if RT_ASAN
	__lsan_enable();
#endif
	if (v.kind != VIOLATION_STUCK || !strstr(v.text, cycle) || !strstr(v.text, edge))
		fail_msg("%s, %s: %s", race, design, v.text);
	end(h, &v);
}

static void a_deadlock_of_five_is_told_as_a_cycle(void **state)
{
	is_stuck_in("fiemap_fallback", "commits_with_handle",
	            "; cycle: fsync -> endio -> fiemap -> falloc -> committer -> fsync",
	            "committer (waits for TRANS_EXT of fsync)");
	is_stuck_in("fiemap_pending", "modern", "; cycle: endio -> fiemap -> falloc -> committer -> endio",
	            "committer (waits for ORDERED of endio)");
}

static void tasks_of_one_name_are_numbered(void **state)
{
	static const struct race_task tasks[] = { { "twin", left }, { "twin", right } };
	struct violation v;
	struct hunt *h = stuck(tasks, &v);

	assert_non_null(strstr(v.text, "twin 1 (waits for WORK of twin 2)"));
	assert_non_null(strstr(v.text, "twin 2 (waits for WORK of twin 1)"));
	assert_true(strstr(v.text, "; cycle: twin 1 -> twin 2 -> twin 1") ||
	            strstr(v.text, "; cycle: twin 2 -> twin 1 -> twin 2"));
	end(h, &v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_seed_needs_three_calls_and_two_preemptions),
		cmocka_unit_test(the_bounded_search_finds_what_is_there),
		cmocka_unit_test(a_race_of_many_calls_is_left_with_few),
		cmocka_unit_test(one_pair_of_steps_flips_the_verdict),
		cmocka_unit_test(a_pair_flips_what_fails_without_a_preemption),
		cmocka_unit_test(what_breaks_in_every_order_is_said_to),
		cmocka_unit_test(steps_are_told_by_their_source),
		cmocka_unit_test(the_time_line_fits_on_one_screen),
		cmocka_unit_test(the_time_line_keeps_to_the_terminal),
		cmocka_unit_test(the_story_says_who_did_what_between_which_steps_of_whom),
		cmocka_unit_test(the_story_is_whole_as_json),
		cmocka_unit_test(a_story_is_the_same_when_it_is_told_again),
		cmocka_unit_test(a_hundred_replays_are_one_run),
		cmocka_unit_test(a_replay_that_does_not_fit_says_what_it_met),
		cmocka_unit_test(the_first_step_that_differs_is_told),
		cmocka_unit_test(who_waits_for_whom_is_told_with_the_cycle),
		cmocka_unit_test(a_deadlock_of_five_is_told_as_a_cycle),
		cmocka_unit_test(tasks_of_one_name_are_numbered),
	};

	if (RT_TSAN) {
		puts("1..0 # SKIP fibers are not for ThreadSanitizer");
		return 0;
	}
	return cmocka_run_group_tests(tests, make_minimal, free_minimal);
}
