/*
 * cmd_test.c: the program itself: a mistake of the user is one clear line on stderr, exit status 2,
 * nothing on stdout, nothing left behind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>

#include "kit/spawn_test.h"


static unsigned lines(const char *s)
{
	unsigned n = 0;

	for (; *s; s++)
		n += *s == '\n';
	return n;
}

static void one_line_and_status_2(const char *args, const char *says)
{
	unsigned before = spawn_left();
	int status = spawn(args);

	if (status != 2)
		fail_msg("`%s`: exit status %d: %s", args, status, spawn_err);
	if (spawn_out[0])
		fail_msg("`%s`: says on stdout: %.200s", args, spawn_out);
	if (lines(spawn_err) != 1 || spawn_err[strlen(spawn_err) - 1] != '\n')
		fail_msg("`%s`: not one line on stderr: %s", args, spawn_err);
	if (!strstr(spawn_err, says))
		fail_msg("`%s`: \"%s\" is not in: %s", args, says, spawn_err);
	if (spawn_left() != before)
		fail_msg("`%s`: left something behind", args);
}

static void wrong_options_are_one_line(void **state)
{
	static const struct {
		const char *args, *says;
	} bad[] = {
		{ "bnch", "did you mean bench?" },
		{ "xyzzy", "xyzzy: not a command" },
		{ "--versoin", "--versoin: not a command" },
		{ "bench", "no job" },
		{ "bench good.fio", "--target" },
		{ "bench nosuch -t null", "nosuch: no such job file" },
		{ "bench good.fio -t null --events cycels", "cycels: no such event; did you mean cycles?" },
		{ "bench good.fio -t null --events ,", "no event is named" },
		{ "bench good.fio -t postfix@ram:64m,nude=0", "want node=N" },
		{ "topo --device nosuch/x", "--device: nosuch/x" },
		{ "topo --device nosuch -P near", "--device: nosuch: No such file" },
		{ "bench good.fio nosuch -t null", "nosuch: no such job file" },
		{ "bench good.fio dwsl -t null", "good.fio: several jobs are compared by their durable writes, and" },
		{ "bench good.fio good.fio good.fio good.fio good.fio -t null", "4 jobs at most" },
		{ "bench pg-wal-fdatasync pg-wal-datasync dwsl -t null -t null -t null",
		  "3 jobs on 3 targets are more than 8" },
		{ "bench dwsl pg-wal-datasync -t path:. --with-fio", "--with-fio: with one job only" },
		{ "bench dwsl pg-wal-datasync -t path:. --driver fio", "several jobs are compared by their durable" },
		{ "bench good.fio -t null --driver robot", "--driver: expected own, fio or auto" },
		{ "bench good.fio -t null --driver fio", "--target null: fio can drive a folder or a design" },
		{ "bench good.fio -t path:. --driver fio --with-fio", "--with-fio: fio drives" },
		{ "bench good.fio -t postfix@ram:64m --driver fio --keep", "--keep: not with a design" },
		{ "bench good.fio -t null --size 0", "--size: expected a size above 0" },
		{ "bench good.fio -t null --size big", "such as 64k or 1g, not `big`" },
		{ "bench good.fio -t null --percentile-list 50,often", "--percentile-list: expected" },
		{ "bench good.fio -t null --percentile-list 101", "--percentile-list: expected" },
		{ "bench good.fio --taget null", "did you mean --target?" },
		{ "bench good.fio -t", "-t: needs a value" },
		{ "bench good.fio --target", "--target: needs a value" },
		{ "bench good.fio -t null -x", "-x: not a known option" },
		{ "bench good.fio -t null --keep=1", "--keep: takes no value" },
		{ "bench good.fio -t null --trials 0", "--trials" },
		{ "bench good.fio -t null --trials many", "--trials" },
		{ "bench good.fio -t null --threads 1,0", "--threads" },
		{ "bench good.fio -t null --threads 1,,2", "--threads" },
		{ "bench good.fio -t null --threads 5000", "--threads" },
		{ "bench good.fio -t null --threads 4,1,4", "--threads: expected each number once" },
		{ "bench good.fio -t null:x", "`null` takes nothing after its name, not `:x`" },
		{ "doctor good.fio", "good.fio: Not a directory" },
		{ "bench good.fio -t null --seconds 0", "--seconds" },
		{ "bench good.fio -t null --seconds -1", "--seconds" },
		{ "bench good.fio -t null --seed abc", "--seed" },
		{ "bench good.fio -t null --placement sideways", "--placement" },
		{ "bench good.fio -t null --placement node:999", "--placement" },
		{ "bench good.fio -t null --json nosuch/file.json", "--json" },
		{ "bench good.fio -t null --json .", "--json" },
		{ "bench good.fio -t null --out nosuch/folder", "--out" },
		{ "bench good.fio -t null --out good.fio", "--out" },
		{ "bench good.fio -t null -t null -t null -t null -t null -t null -t null -t null -t null",
		  "8 targets at most" },
		{ "bench good.fio -t postfx@ram:64m", "did you mean postfix?" },
		{ "bench good.fio -t nulll", "did you mean null?" },
		{ "bench good.fio -t postfix", "no device" },
		{ "bench good.fio -t postfix@", "no device" },
		{ "bench good.fio -t postfix@rom:64m", "rom:64m" },
		{ "bench good.fio -t postfix@ram:lots", "ram:lots" },
		{ "bench good.fio -t postfix@ram:4k", "ram:4k" },
		{ "bench good.fio -t postfix@ram:64m,subvols=0", "subvols" },
		{ "bench good.fio -t postfix@ram:64m,metadata=raid1", "metadata" },
		{ "bench good.fio -t postfix@ram:64m,nodesize=5000", "nodesize" },
		{ "bench good.fio -t postfix@ram:64m,compress=gzip", "compress" },
		{ "bench good.fio -t postfix@file:nosuch/x.img,size=64m", "nosuch/x.img" },
		{ "bench good.fio -t postfix@file:x.img", "x.img" },
		{ "bench good.fio -t postfix@file:good.fio,size=64m", "good.fio" },
		{ "bench good.fio -t postfix@slow:warp/ram:64m", "warp" },
		{ "report", "RUN" },
		{ "report nosuch", "nosuch: No such file" },
		{ "report good.fio", "good.fio:1: not whole JSON" },
		{ "report good.fio --uot x", "did you mean --out?" },
		{ "compare good.fio good.fio good.fio", "good.fio" },
		{ "compare good.fio --fail-if p98>1", "--fail-if" },
		{ "compare good.fio --metric p98", "--metric" },
		{ "list everything", "everything" },
		{ "list --jsn", "did you mean --json?" },
		{ "topo --tasks 0", "--tasks" },
		{ "topo --placement nowhere", "--placement" },
		{ "help nosuch", "nosuch" },
		{ "help bench race", "race: one command at most is expected" },
		{ "help race hant", "hant: not list, show, hunt," },
	};

	spawn_file("good.fio", "[a]\nrw=write\nsize=1m\nnumber_ios=10\n");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		one_line_and_status_2(bad[i].args, bad[i].says);
	unlink("good.fio");
}

/* The option that a line of a command's help is about: its letter, and its name. */
static bool letter_of(const char *line, char *letter, char name[32])
{
	return sscanf(line, "  -%c, --%31[a-z-]", letter, name) == 2;
}

static const char *const commands[] = {
	"bench", "cut", "cut judge", "cut replay", "cut shrink", "cut export", "cut import",
	"watch", "list", "topo", "doctor", "floor", "look", "report", "compare", "merge",
	"race", "race list", "race show", "race hunt", "race sweep", "race prove", "race explore",
	"race stress",
	"race score", "race merge", "race replay", "help",
};

/* What a command does stands below how it is called, at the margin: libc moves it where the first option is long. */
static void help_begins_at_the_margin(void **state)
{
	size_t seen = 0;

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		char args[64], *line = spawn_out;

		snprintf(args, sizeof(args), "help %s", commands[i]);
		assert_int_equal(spawn(args), 0);
		while (line && (!strncmp(line, "Usage:", 6) || !strncmp(line, "  or:", 5)))
			line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL;
		if (line == spawn_out)
			continue; /* a list of commands, or in Python */
		seen++;
		if (!line || *line == ' ')
			fail_msg("`%s`: %.200s", args, line ? line : "no more than a usage");
	}
	assert_true(seen > 15);
}

/* A letter is one option, whatever the command; -h is help. Alike are: how many runs, how many tasks, who picks. */
static void a_letter_means_one_thing(void **state)
{
	static const char *const alike[] = {
		"n: trials schedules rounds cap states", "p: picker strategy pid", "T: threads tasks",
	};
	char means[128][32] = { 0 };
	char args[64], name[32], letter;
	size_t seen = 0;

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		snprintf(args, sizeof(args), "%s -h", commands[i]);
		if (spawn(args) || !strcasestr(spawn_out, "usage:"))
			fail_msg("`%s`: no help: %s", args, spawn_err);
		for (char *line = spawn_out; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
			bool same = false;

			if (!letter_of(line, &letter, name))
				continue;
			seen++;
			for (size_t k = 0; k < sizeof(alike) / sizeof(alike[0]); k++)
				same |= alike[k][0] == letter && strstr(alike[k], name) && means[(int)letter][0];
			if (!same && means[(int)letter][0] && strcmp(means[(int)letter], name))
				fail_msg("`%s`: -%c is --%s here, --%s elsewhere", commands[i], letter, name,
				         means[(int)letter]);
			snprintf(means[(int)letter], 32, "%s", name);
		}
	}
	assert_true(seen > 40);
	assert_string_equal(means['s'], "seconds");
	assert_string_equal(means['t'], "target");
	assert_string_equal(means['o'], "out");
	assert_string_equal(means['h'], "help");
}

static void wrong_jobs_are_one_line_with_the_place(void **state)
{
	static const struct {
		const char *text, *says;
	} bad[] = {
		{ "", "bad.fio:1:" },
		{ "[a]\nrw=write\nsize=1m\nfsnc=1\n", "bad.fio:4: fsnc: not a known key" },
		{ "[a]\nrw=write\nsize=1m\nrwmixread=150\n", "bad.fio:4: rwmixread" },
		{ "[a]\nrw=trim\nsize=1m\n", "bad.fio:2: rw" },
		{ "[a]\nrw=write\n\n\nsize=1q\n", "bad.fio:5: size" },
		{ "[a]\nrw=write\nsize=1m\nbs=0\n", "bad.fio:4: bs" },
		{ "[a]\nrw=write\nsize=1m\nbssplit=4k/99\n", "bad.fio:4: bssplit" },
		{ "[a]\nrw=write\nsize=1m\nruntime=x\n", "bad.fio:4: runtime" },
		{ "[a]\nrw=write\nsize=1m\nrate_iops=1000000000\n",
		  "rate_iops: expected a number from 1 to 100000000" },
		{ "[a]\nrw=write\nsize=1m\nsync_file_range=8\n", "bad.fio:4: sync_file_range" },
		{ "[a]\nrw=write\nsize=1m\ncpus_allowed=4096\n",
		  "bad.fio:4: cpus_allowed: \"4096\": there is no CPU 4096" },
		{ "nothing here\n", "bad.fio:1:" },
		{ "\x01\x02\xff\xfe\n", "bad.fio:1:" },
		{ "[a\nrw=write\n", "bad.fio:1:" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		spawn_file("bad.fio", bad[i].text);
		one_line_and_status_2("bench bad.fio -t null", bad[i].says);
	}
	/* files that a job includes, and keys in them */
	static const struct {
		const char *text, *included, *says;
	} includes[] = {
		{ "[a]\ninclude nosuch.cfg\n", "", "bad.fio:2: include: nosuch.cfg: No such file" },
		{ "include more.cfg\n[a]\nrw=write\n", "[global]\nsize=big\n", "more.cfg:2: size: expected a size" },
		{ "include more.cfg\n[a]\nrw=write\nsize=1m\n", "[global]\ninclude bad.fio\n",
		  "more.cfg:2: include: bad.fio includes itself" },
		{ "[a]\nrw=write\nsize=1m\ninclude more.cfg\n", "stonewall=maybe\n",
		  "more.cfg:1: stonewall: expected" },
		{ "[a]\ninclude\n", "", "bad.fio:2: " },
		{ "stonewall\n[a]\nrw=write\nsize=1m\n", "", "bad.fio:1: stonewall: stands before the first" },
		{ "[a]\nrw=write\nsize=1m\nunlink_each_loop=2\n", "", "bad.fio:4: unlink_each_loop: expected 0" },
		{ "[a]\nrw=write\nsize=1m\npre_read=yes\n", "", "bad.fio:4: pre_read: expected 0 or 1" },
		{ "[a]\nrw=write\nsize=1m\nfile_append=-1\n", "", "bad.fio:4: file_append: expected 0 or 1" },
		{ "[a]\nrw=rw\nsize=1m\nunlink_each_loop=1\n", "", "unlink_each_loop: cannot go with reads" },
		{ "[a]\nrw=write\nsize=1m\nread_iolog=x\n", "", "bad.fio:4: read_iolog: cannot be done here" },
	};
	for (size_t i = 0; i < sizeof(includes) / sizeof(includes[0]); i++) {
		spawn_file("bad.fio", includes[i].text);
		spawn_file("more.cfg", includes[i].included);
		one_line_and_status_2("bench bad.fio -t null", includes[i].says);
	}
	unlink("more.cfg");
	static const char nul[] = "[a]\nrw=write\nsize=1m\n\0fsync=1\n";
	FILE *f = fopen("bad.fio", "w");
	assert_non_null(f);
	assert_int_equal(fwrite(nul, 1, sizeof(nul) - 1, f), sizeof(nul) - 1);
	fclose(f);
	one_line_and_status_2("bench bad.fio -t null", "bad.fio: not text: a NUL byte is in it");
	unlink("bad.fio");
	one_line_and_status_2("bench . -t null", ".");
}

/* The first trial finds it, when the run's folder has been begun. */
static void a_failed_trial_leaves_nothing(void **state)
{
	spawn_file("big.fio", "[a]\nrw=randwrite\noverwrite=1\nsize=64m\n");
	one_line_and_status_2("bench big.fio -t postfix@ram:32m -o kept", "take 64 MiB, and there is room for 32 MiB");
	spawn_file("big.fio", "[a]\nrw=randwrite\noverwrite=1\nsize=31m\n");
	one_line_and_status_2("bench big.fio -t postfix@ram:32m -o kept", "cannot lay out file a.0.0");
	one_line_and_status_2("bench big.fio -t postfix@file:d.img,size=32m", "cannot lay out file a.0.0");
	unlink("big.fio");
}

static void help_goes_to_stdout(void **state)
{
	static const char *const asks[] = { "help",        "--help",      "help bench",    "bench --help",
		                            "list --help", "topo --help", "report --help", "compare --help" };

	for (size_t i = 0; i < sizeof(asks) / sizeof(asks[0]); i++) {
		assert_int_equal(spawn(asks[i]), 0);
		assert_true(strlen(spawn_out) > 100);
		assert_string_equal(spawn_err, "");
	}
	spawn("help");
	assert_non_null(strstr(spawn_out, "bench"));
}

static void list_names_what_there_is(void **state)
{
	assert_int_equal(chdir(spawn_repository), 0);
	assert_int_equal(spawn("list"), 0);
	assert_int_equal(chdir(spawn_folder), 0);
	assert_non_null(strstr(spawn_out, "prefix"));
	assert_non_null(strstr(spawn_out, "postfix"));
	assert_non_null(strstr(spawn_out, "dwsl"));
	assert_non_null(strstr(spawn_out, "slow:"));
}

static void topo_plans_a_machine_that_is_not_there(void **state)
{
	setenv("HWLOC_SYNTHETIC", "node:2 core:4 pu:2", 1);
	assert_int_equal(spawn("topo -T 4"), 0);
	unsetenv("HWLOC_SYNTHETIC");
	assert_non_null(strstr(spawn_out, "16 processing units"));
	assert_non_null(strstr(spawn_out, "synthetic"));
	assert_non_null(strstr(spawn_out, "node 1"));
}

/* Nor does a task that runs anywhere hand a lock over to another node. */
static void assert_no_hand_over(void)
{
	static const char key[] = "\"other_node\":";

	for (const char *at = strstr(spawn_out, key); at; at = strstr(at + 1, key))
		assert_int_equal(atoi(at + strlen(key)), 0);
}

static void a_bench_on_a_synthetic_topology_says_that_nothing_is_bound(void **state)
{
	static const char args[] = "bench good.fio -t postfix@ram:64m -T 2 -P scatter --trials 1 --no-results";
	char as_json[sizeof(args) + 16];

	spawn_file("good.fio", "[a]\nrw=write\nsize=1m\nfsync=1\n");
	setenv("HWLOC_SYNTHETIC", "node:2 core:2 pu:1", 1);
	assert_int_equal(spawn(args), 0);
	assert_non_null(strstr(spawn_out, "4 CPUs on 2 nodes (synthetic topology)"));
	assert_non_null(strstr(spawn_out, "task 1:  pu 2  node 1  not bound (synthetic topology)\n"));
	assert_null(strstr(spawn_out, "the engine's own tasks"));
	assert_null(strstr(spawn_out, "between NUMA nodes"));
	snprintf(as_json, sizeof(as_json), "%s --json -", args);
	assert_int_equal(spawn(as_json), 0);
	unsetenv("HWLOC_SYNTHETIC");
	unlink("good.fio");
	assert_non_null(strstr(spawn_out, "\"not bound (synthetic topology)\""));
	assert_null(strstr(spawn_out, "\"yes\""));
	assert_null(strstr(spawn_out, "helper_nodes"));
	assert_non_null(strstr(spawn_out, "\"other_node\":"));
	assert_no_hand_over();
}

static void a_topology_that_is_none_is_one_line(void **state)
{
	static const char *const asks[] = { "topo", "bench good.fio -t null", "floor .", "doctor .", "race hunt seed" };

	spawn_file("good.fio", "[a]\nrw=write\nsize=1m\nnumber_ios=10\ncpus_allowed=0\n");
	setenv("HWLOC_SYNTHETIC", "bogus", 1);
	for (size_t i = 0; i < sizeof(asks) / sizeof(asks[0]); i++)
		one_line_and_status_2(asks[i], "HWLOC_SYNTHETIC: `bogus`");
	unsetenv("HWLOC_SYNTHETIC");
	unlink("good.fio");
}

static void topo_tells_which_plan_one_node_has_not(void **state)
{
	setenv("HWLOC_SYNTHETIC", "node:1 core:2 pu:1", 1);
	one_line_and_status_2("topo -P split", "--placement: split: there is no second node");
	one_line_and_status_2("topo -P split --json", "--placement: split: there is no second node");
	spawn_file("good.fio", "[a]\nrw=write\nsize=1m\nnumber_ios=10\n");
	one_line_and_status_2("bench good.fio -t null -P split", "--placement: split: there is no second node");
	unlink("good.fio");
	assert_int_equal(spawn("topo"), 0);
	assert_non_null(strstr(spawn_out, "\ncompact, 2 tasks:"));
	assert_non_null(strstr(spawn_out, "\nsplit: there is no second node"));
	assert_int_equal(spawn("topo --json"), 0);
	assert_non_null(strstr(spawn_out, "\"compact\""));
	assert_null(strstr(spawn_out, "\"split\""));
	unsetenv("HWLOC_SYNTHETIC");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrong_options_are_one_line),
		cmocka_unit_test(a_letter_means_one_thing),
		cmocka_unit_test(wrong_jobs_are_one_line_with_the_place),
		cmocka_unit_test(a_failed_trial_leaves_nothing),
		cmocka_unit_test(help_goes_to_stdout),
		cmocka_unit_test(help_begins_at_the_margin),
		cmocka_unit_test(list_names_what_there_is),
		cmocka_unit_test(topo_plans_a_machine_that_is_not_there),
		cmocka_unit_test(a_bench_on_a_synthetic_topology_says_that_nothing_is_bound),
		cmocka_unit_test(a_topology_that_is_none_is_one_line),
		cmocka_unit_test(topo_tells_which_plan_one_node_has_not),
	};
	return cmocka_run_group_tests(tests, spawn_begin, spawn_end);
}
