/*
 * scenario_test.c: a scenario's text as a race: its threads do what its lines say, in the order that its marks ask for;
 * what it keeps makes the same race again; what the engine has not is refused.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hunt/faults.h"
#include "hunt/judge.h"
#include "hunt/run.h"
#include "hunt/search.h"
#include "hunt/stress.h"
#include "pick/pickers.h"
#include "race/registry.h"
#include "race/scenario.h"
#include "rt/sanitize.h"

static const struct race *race_of(const char *text)
{
	const struct race *race;
	struct why why;

	if (race_scenario_from_text("t.scn", text, &race, &why))
		fail_msg("%s", why.text);
	return race;
}

static struct hunt *open_hunt(const struct race *race, const char *design)
{
	struct hunt *h;
	struct why why;

	if (hunt_open(race, fs_design_find(design), &h, &why))
		fail_msg("%s", why.text);
	return h;
}

/* Runs n schedules of a random picker, and looks at each. */
static void each_run(struct hunt *h, uint64_t n, void (*look)(struct hunt *h, void *arg), void *arg)
{
	const char *err;
	void *random = pick_random.create("", &err);

	for (uint64_t seed = 1; seed <= n; seed++) {
		hunt_run(h, &pick_random, random, seed);
		assert_int_equal(h->result.end, COOP_FINISHED);
		look(h, arg);
	}
	pick_random.destroy(random);
}

/* The i-th call of that kind, counted from the first; NULL: there are fewer. */
static const struct model_op *call(const struct hunt *h, enum op_kind kind, unsigned i)
{
	const struct model *m = h->run.model;

	for (uint32_t k = 0; k < model_nops(m); k++)
		if (model_op(m, k)->kind == kind && !i--)
			return model_op(m, k);
	return NULL;
}

/* ---- what it does ---- */

static const char all_calls[] = "[setup]\nmkfs = subvols=2\nfile a 4k\nfile b 512 in 1\nb truncate 8k\n"
                                "[thread t]\n"
                                "new create in 1\n"      /* 7 */
                                "new pwrite 4k 8k\n"
                                "a truncate 512\n"
                                "a fsync\n"              /* 10 */
                                "b fdatasync\n"
                                "b mmap 0 8k\n"
                                "b msync 4k 4k\n"
                                "b writeback\nb sync_range 0 4k\ncommit\n"
                                "sync\n"                 /* 17 */
                                "new close\nnew fsync\nnew open\nnew fsync\n"
                                "rm new\n"               /* 22 */
                                "gone create\nrm gone\ngone create\n"
                                "a pwrite -d 0 4k\n"     /* 26 */
                                "a aio_write 4k 8k\naio_wait\n"
                                "a falloc 16k 4k\na fpunch 4k 4k\n"
                                "a mmap 0 4k\na mwrite 512 1k\n"
                                "ln a a2\nmv a2 a3\nrm a3\n.1 fsync\n"; /* 33 */

static void each_line_is_its_call(struct hunt *h, void *arg)
{
	static const struct {
		uint8_t kind;
		uint32_t line;
		uint64_t off, len;
	} due[] = {
		{ OP_CREATE, 0, 0, 0 },  { OP_WRITE, 0, 0, 4096 },     { OP_CREATE, 0, 1, 0 },
		{ OP_WRITE, 0, 0, 512 }, { OP_TRUNCATE, 5, 8192, 0 },  { OP_SYNC, 0, 0, 0 },
		{ OP_CREATE, 7, 1, 0 },  { OP_WRITE, 8, 4096, 8192 },  { OP_TRUNCATE, 9, 512, 0 },
		{ OP_FSYNC, 10, 0, 0 },  { OP_FDATASYNC, 11, 0, 0 },   { OP_FSYNC, 13, 4096, 4096 },
		{ OP_SYNC, 17, 0, 0 },   { OP_FSYNC, 21, 0, 0 },       { OP_UNLINK, 22, 1, 0 },
		{ OP_CREATE, 23, 0, 0 }, { OP_UNLINK, 24, 0, 0 },      { OP_CREATE, 25, 0, 0 },
		{ OP_WRITE, 26, 0, 4096 }, { OP_WRITE, 27, 4096, 8192 }, { OP_FALLOCATE, 29, 16384, 4096 },
		{ OP_PUNCH, 30, 4096, 4096 }, { OP_WRITE, 32, 512, 1024 },
		{ OP_LINK, 33, 0, 0 },   { OP_RENAME, 34, 0, 0 },      { OP_UNLINK, 35, 0, 0 },
		{ OP_FSYNC_DIR, 36, 1, 0 },
	};
	const struct model *m = h->run.model;

	assert_int_equal(model_nops(m), sizeof(due) / sizeof(due[0]));
	for (uint32_t i = 0; i < model_nops(m); i++) {
		const struct model_op *o = model_op(m, i);
		if (o->kind != due[i].kind || o->line != due[i].line || o->off != due[i].off || o->len != due[i].len)
			fail_msg("call %u: %s of line %u, %lu %lu", i, model_op_name[o->kind], o->line,
			         (unsigned long)o->off, (unsigned long)o->len);
		assert_int_equal(o->ret, 0);
	}
	assert_string_equal(model_file(m, 2)->name, "new");
	assert_int_equal(model_file(m, 2)->subvol, 1);
}

static void the_calls_are_those_of_the_text(void **state)
{
	if (RT_TSAN)
		skip();
	struct hunt *h = open_hunt(race_of(all_calls), "postfix");

	each_run(h, 3, each_line_is_its_call, NULL);
	hunt_close(h);
}

static void a_thread_repeats(void **state)
{
	if (RT_TSAN)
		skip();
	struct hunt *h = open_hunt(race_named("log_reuse"), "postfix");

	void *picker = pick_random.create("", &(const char *){ NULL });

	hunt_run(h, &pick_random, picker, 1);
	pick_random.destroy(picker);
	assert_non_null(call(h, OP_FSYNC, 1));
	assert_null(call(h, OP_FSYNC, 2));
	hunt_close(h);
}

/* ---- marks ---- */

static const char ordered[] = "[setup]\nfile a 8k\n"
                              "[thread t]\na fsync\nmark m\n"
                              "[thread u]\na pwrite 0 4k\nat m\na pwrite 4k 4k\n";
static const char unordered[] = "[setup]\nfile a 8k\n"
                                "[thread t]\na fsync\n"
                                "[thread u]\na pwrite 0 4k\na pwrite 4k 4k\n";

/* The second write of the run, after that of the setup, begins when the fsync is over. */
static void count_ordered(struct hunt *h, void *arg)
{
	unsigned *n = arg;

	*n += call(h, OP_WRITE, 2)->b > call(h, OP_FSYNC, 0)->e;
}

static void a_mark_is_waited_for(void **state)
{
	unsigned with = 0, without = 0, n = 100;

	if (RT_TSAN)
		skip();
	struct hunt *h = open_hunt(race_of(ordered), "postfix");
	each_run(h, n, count_ordered, &with);
	hunt_close(h);
	h = open_hunt(race_of(unordered), "postfix");
	each_run(h, n, count_ordered, &without);
	hunt_close(h);
	assert_int_equal(with, n);
	assert_true(without < n);
}

/* On threads, which make their calls again and again: nobody is left waiting when a round is over. */
static void marks_end_under_stress(void **state)
{
	struct hunt *h = open_hunt(race_of(ordered), "postfix");
	struct stress s = { .seed = 1, .rounds = 10, .noise = NOISE_YIELD };

	assert_int_equal(stress_run(h, &s), 0);
	assert_int_equal(s.run, 10);
	assert_int_equal(s.hits, 0);
	hunt_close(h);
}

/* ---- what it keeps ---- */

/* Which call is told of each fault, by its result; 0: none is. */
struct told {
	const char *fault;
	enum race_fault kind;
	enum op_kind call;
	int ret;
};

static void who_is_told(struct hunt *h, void *arg)
{
	const struct told *t = arg;
	const struct model *m = h->run.model;
	struct violation v;

	for (enum race_fault i = 0; i < RACE_FAULTS; i++)
		assert_int_equal(faults_met(h, i), i == t->kind);
	for (uint32_t i = 0; i < model_nops(m); i++) {
		const struct model_op *o = model_op(m, i);
		/* the first two calls are of the setup: a creation, and a write */
		assert_int_equal(o->ret, i > 1 && o->kind == t->call ? t->ret : 0);
	}
	violation_init(&v);
	assert_int_equal(hunt_judge(h, &v), VIOLATION_NONE); /* and it is no fault of the design */
	violation_fini(&v);
}

/* An fsync whose log finds no memory commits instead: no call is told. */
static void each_fault_is_told_to_the_call_that_it_hits(void **state)
{
	static struct told all[] = {
		{ "data_write_error", FAULT_DATA_WRITE, OP_FSYNC, -EIO },
		{ "tree_write_error", FAULT_TREE_WRITE, OP_FSYNC, 0 },
		{ "super_write_error", FAULT_SUPER_WRITE, OP_FSYNC, -EIO },
		{ "flush_error", FAULT_FLUSH, OP_FSYNC, -EIO },
		{ "read_error", FAULT_READ, OP_WRITE, -EIO },
		{ "log_memory_error", FAULT_LOG_MEMORY, OP_FSYNC, 0 },
		{ "data_space_error", FAULT_DATA_SPACE, OP_FSYNC, -ENOSPC },
		{ "tree_space_error", FAULT_TREE_SPACE, OP_LINK, -ENOSPC },
	};

	if (RT_TSAN)
		skip();
	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		char text[200];
		/* a write of a part of a block reads the rest of it; a link needs no log, which asks for space, too */
		const char *calls = all[i].call == OP_WRITE ? "a pwrite 0 512" :
				    all[i].call == OP_LINK ? "ln a b" : "a pwrite 0 4k\na fsync";
		snprintf(text, sizeof(text), "[setup]\nfile a 8k\n[thread t]\n%s\n[faults]\n%s = 1\n", calls,
			 all[i].fault);
		const struct race *race = race_of(text);
		assert_int_equal(race->fail[all[i].kind], 1);
		struct hunt *h = open_hunt(race, "postfix");
		each_run(h, 5, who_is_told, &all[i]);
		hunt_close(h);
		race_scenario_free(race);
	}
}

static void the_text_that_a_race_keeps_makes_the_same_race(void **state)
{
	if (RT_TSAN)
		skip();
	const struct race *seed = race_named("seed");
	struct hunt *a = open_hunt(seed, "prefix"), *b = open_hunt(race_of(seed->scenario), "prefix");
	const char *err;
	void *random = pick_random.create("", &err);

	assert_null(strchr(seed->scenario, '#'));
	assert_null(strstr(seed->scenario, "[expect]"));
	assert_string_equal(seed->scenario, b->race->scenario);
	for (uint64_t run = 1; run < 10; run++) {
		hunt_run(a, &pick_random, random, run);
		uint64_t hash = a->result.trace_hash;
		hunt_run(b, &pick_random, random, run);
		assert_int_equal(b->result.trace_hash, hash);
	}
	pick_random.destroy(random);
	hunt_close(a);
	hunt_close(b);
}

static void what_a_schedule_carries_is_the_race_that_is_known(void **state)
{
	const struct race *seed = race_named("seed"), *race;
	struct why why;

	assert_int_equal(race_registry.from_scenario("seed", seed->scenario, &race, &why), 0);
	assert_ptr_equal(race, seed);
	assert_int_equal(race_registry.from_scenario("seed", "[thread t]\nsync\n", &race, &why), 0);
	assert_ptr_not_equal(race, seed);
	assert_string_equal(race->name, "seed");
	assert_int_not_equal(race_registry.from_scenario("seed", "[thread t]\nsnyc\n", &race, &why), 0);
}

/* ---- verdicts ---- */

static const char with_verdicts[] = "[setup]\nfile a\n[thread t]\na fsync\n"
                                    "[expect]\nprefix = breaks\nflush_twice_early = breaks\npostfix = any\n"
                                    "[expect beside]\nprefix = holds\nordered_first = breaks\n";

static void verdicts_are_read(void **state)
{
	const struct race *race = race_of(with_verdicts), *twin;
	struct why why;

	assert_int_equal(race_expect(race, "prefix"), VERDICT_BREAKS);
	assert_int_equal(race_expect(race, "postfix"), VERDICT_ANY);
	assert_int_equal(race_expect(race, "ordered_first"), VERDICT_HOLDS);
	assert_int_equal(race_scenario_beside(race, &twin, &why), 0);
	assert_string_equal(twin->name, "t.scn_beside");
	assert_int_equal(twin->ntasks, 2);
	assert_int_equal(race_expect(twin, "prefix"), VERDICT_HOLDS);
	assert_int_equal(race_expect(twin, "flush_twice_early"), VERDICT_BREAKS);
	assert_int_equal(race_expect(twin, "ordered_first"), VERDICT_BREAKS);
	assert_true(race_as_due(VERDICT_ANY, true) && race_as_due(VERDICT_ANY, false));
	assert_true(race_as_due(VERDICT_BREAKS, true) && !race_as_due(VERDICT_BREAKS, false));
	assert_int_not_equal(race_scenario_beside(race_named("mixed"), &twin, &why), 0);
	assert_string_equal(why.text, "mixed: no scenario, so nothing can stand beside it");
}

/* ---- what is refused ---- */

static const struct {
	const char *text, *says;
} refused[] = {
	{ "[setup]\nfile a\nln a b\n[thread t]\nb open\n",
	  "t.scn:5: open: this build's engine opens a file by the name that it was made with alone" },
	{ "[thread t]\nsync\n[expect]\nprefixx = holds\n", "t.scn:4: prefixx: no such design; did you mean prefix?" },
	{ "[thread t]\nsnyc\n", "t.scn:2: snyc: neither a file of this scenario nor a word; did you mean sync?" },
};

static void what_the_engine_has_not_is_refused(void **state)
{
	const struct race *race = NULL;
	struct why why;

	for (unsigned i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		assert_true(race_scenario_from_text("t.scn", refused[i].text, &race, &why) < 0);
		assert_string_equal(why.text, refused[i].says);
		assert_null(race);
	}
	assert_true(race_scenario_from_file("none.scn", &race, &why) < 0);
	assert_string_equal(why.text, "none.scn: No such file or directory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_calls_are_those_of_the_text),
		cmocka_unit_test(a_thread_repeats),
		cmocka_unit_test(a_mark_is_waited_for),
		cmocka_unit_test(marks_end_under_stress),
		cmocka_unit_test(the_text_that_a_race_keeps_makes_the_same_race),
		cmocka_unit_test(each_fault_is_told_to_the_call_that_it_hits),
		cmocka_unit_test(what_a_schedule_carries_is_the_race_that_is_known),
		cmocka_unit_test(verdicts_are_read),
		cmocka_unit_test(what_the_engine_has_not_is_refused),
	};

	return cmocka_run_group_tests_name("race_scenario", tests, NULL, NULL);
}
