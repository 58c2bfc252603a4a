/*
 * kernel_waits_test.c: where fsyncs of the kernel's file systems wait, as a bench tells it: nearly all of their time in
 * phases with names, with 1, 4 and 16 fsyncers; the sleep that btrfs makes on a device that says rotational; and one
 * line where it may not be seen.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/mount.h>

#include "kit/spawn_test.h"
#include "kwait/task.h"

#define NAMED 0.95 /* of the time */

static bool loops; /* mounts and loop devices can be made */
static bool seen;  /* stacks are allowed */

static json_t *run_json(const char *args)
{
	json_error_t e;
	json_t *o;

	if (spawn(args))
		fail_msg("`%s`: %s", args, spawn_err);
	o = json_loads(spawn_out, 0, &e);
	if (!o)
		fail_msg("`%s`: %s", args, e.text);
	return o;
}

static json_t *waits_of(json_t *trial)
{
	return json_object_get(trial, "kernel_waits");
}

static double number(const json_t *o, const char *key)
{
	return json_number_value(json_object_get(o, key));
}

/* The share of a phase in the time of all syncs. */
static double share(const json_t *waits, const char *phase)
{
	return number(json_object_get(waits, "phases_ns"), phase) / number(waits, "sync_ns");
}

static void phases_have_names(json_t *run, json_t *trial)
{
	static const char *const name[] = { "ext4", "xfs", "btrfs" };
	json_t *waits = waits_of(trial), *value, *site;
	unsigned target = (unsigned)number(trial, "target"), tasks = (unsigned)number(trial, "tasks_n");
	double sum = 0;
	const char *key;
	size_t i;

	assert_non_null(waits);
	assert_true(number(waits, "syncs") > 0);
	json_object_foreach(json_object_get(waits, "phases_ns"), key, value) {
		sum += json_number_value(value);
		assert_non_null(json_object_get(json_object_get(run, "phases"), key));
	}
	assert_true(sum == number(waits, "sync_ns"));
	if (share(waits, "other") <= 1 - NAMED)
		return;
	json_array_foreach(json_object_get(waits, "sites"), i, site)
		print_message("%s %s\n", json_string_value(json_object_get(site, "phase")),
		              json_string_value(json_object_get(site, "function")));
	fail_msg("%s with %u fsyncers: %.1f %% of the time has no name", name[target], tasks,
	         100 * share(waits, "other"));
}

/* Who ended most of the time in a function, by name; and that is most of it. */
static const char *waker_of(json_t *waits, const char *function)
{
	json_t *site, *value;
	const char *name;
	size_t i;

	json_array_foreach(json_object_get(waits, "sites"), i, site) {
		if (strcmp(json_string_value(json_object_get(site, "function")), function))
			continue;
		json_object_foreach(json_object_get(site, "woken_by_ns"), name, value)
			if (json_number_value(value) > 0.9 * number(site, "ns"))
				return name;
	}
	return "";
}

static void need(bool what)
{
	if (!what)
		skip();
}

static void nearly_all_time_has_a_name(void **state)
{
	json_t *run, *trial;
	size_t i;

	need(loops && seen);
	run = run_json("bench dwsl -t fs:ext4,size=128m -t fs:xfs,size=300m -t fs:btrfs,size=256m -T 1,4,16 -n 1 "
	               "-s 600ms --no-results -j -");
	assert_null(json_object_get(run, "no_kernel_waits"));
	json_array_foreach(json_object_get(run, "runs"), i, trial)
		phases_have_names(run, trial);
	assert_int_equal(i, 9);
	/* Each has what its protocol waits for. */
	trial = json_array_get(json_object_get(run, "runs"), 3); /* 4 fsyncers */
	assert_true(share(waits_of(trial), "log_join") > 0.1);
	if (!json_object_get(waits_of(trial), "no_wakers")) {
		double busy = number(waits_of(trial), "device_ns"), all = number(waits_of(trial), "device_sync_ns");

		assert_int_equal(strncmp(waker_of(waits_of(trial), "jbd2_log_wait_commit"), "jbd2/", 5), 0);
		assert_true(all == number(waits_of(trial), "sync_ns") && busy > 0 && busy <= all);
	}
	assert_true(share(waits_of(json_array_get(json_object_get(run, "runs"), 1)), "wait_data") > 0);
	assert_true(share(waits_of(json_array_get(json_object_get(run, "runs"), 2)), "super") > 0);
	json_decref(run);
}

static void a_design_and_a_kernel_are_in_one_table(void **state)
{
	const char *table;

	need(loops && seen);
	assert_int_equal(spawn("bench dwsl -t fs:ext4,size=64m -t postfix@file:d.img,size=64m -n 1 -s 400ms -v "
	                       "--no-results"), 0);
	table = strstr(spawn_out, "where the time of a fsync goes");
	assert_non_null(table);
	assert_non_null(strstr(table, "A ext4"));
	assert_non_null(strstr(table, "jbd2_log_wait_commit: another task's journal commit"));
	assert_non_null(strstr(table, "B postfix"));
	assert_non_null(strstr(table, "woken by"));
}

static int shell(const char *command)
{
	return system(command);
}

/* The share of sleeps in btrfs on one image, by what the device says, with these mount options. */
static double slept(unsigned rotational, const char *options)
{
	char command[512];
	json_t *run;
	double found;

	snprintf(command, sizeof(command), "dev=$(losetup -f --show img) && echo %u > /sys/block/${dev#/dev/}/queue/"
	         "rotational && mount -o %s $dev m && losetup -d $dev", rotational, options);
	assert_int_equal(shell(command), 0);
	run = run_json("bench dwsl -t path:m -T 4 -n 1 -s 1 --no-results -j -");
	found = share(waits_of(json_array_get(json_object_get(run, "runs"), 0)), "jiffy_sleep");
	if (rotational && !strstr(options, "ssd")) {
		json_decref(run);
		assert_int_equal(spawn("bench dwsl -t path:m -T 4 -n 1 -s 1"), 0);
		assert_non_null(strstr(spawn_out, "sleeps one tick"));
		assert_non_null(strstr(spawn_out, "mount with -o ssd"));
		assert_int_equal(shell("rm -r results"), 0);
	} else {
		json_decref(run);
	}
	assert_int_equal(shell("umount m"), 0);
	return found;
}

static void the_jiffy_trap_is_named_with_its_remedy(void **state)
{
	need(loops && seen);
	assert_int_equal(shell("truncate -s 256m img && mkfs.btrfs -q img && mkdir m"), 0);
	assert_true(slept(1, "defaults") > 0);
	assert_true(slept(1, "ssd") == 0);
	assert_true(slept(0, "defaults") == 0);
	assert_int_equal(shell("rm -r img m"), 0);
	assert_int_equal(spawn_left(), 0);
	assert_int_equal(spawn_loops_left(), 0);
}

static json_t *in_nobarrier(const char *options, int *status)
{
	char command[256];
	json_t *run;

	snprintf(command, sizeof(command), "mount -o loop,%s img m", options);
	assert_int_equal(shell(command), 0);
	*status = spawn("bench dwsl -t path:m -T 2 -n 1 -s 600ms --no-results -j -");
	run = json_loads(spawn_out, 0, NULL);
	assert_int_equal(shell("umount m"), 0);
	assert_non_null(run);
	return run;
}

/* Each sync is held against the flushes of the device: with barriers none returns early, without them all do. */
static void a_sync_without_a_flush_is_an_early_return(void **state)
{
	static const char *const options[] = { "barrier", "nobarrier" };

	need(loops && seen);
	assert_int_equal(shell("truncate -s 96m img && mkfs.ext4 -q -F img && mkdir m"), 0);
	for (int off = 0; off < 2; off++) {
		int status;
		json_t *run = in_nobarrier(options[off], &status);
		const json_t *waits = waits_of(json_array_get(json_object_get(run, "runs"), 0));

		if (json_object_get(waits, "not_judged"))
			fail_msg("%s", json_string_value(json_object_get(waits, "not_judged")));
		assert_true(number(waits, "judged") > 0 && number(waits, "judged") == number(waits, "syncs"));
		assert_true(number(waits, "early") == (off ? number(waits, "judged") : 0));
		assert_int_equal(status, off);
		assert_true(!off || json_array_size(json_object_get(waits, "early_first")) > 0);
		json_decref(run);
	}
	assert_int_equal(shell("mount -o loop,nobarrier img m"), 0);
	assert_int_equal(spawn("bench dwsl -t path:m -n 1 -s 200ms --no-results"), 1);
	assert_int_equal(shell("umount m && rm -r img m"), 0);
	assert_int_equal(strncmp(spawn_out, "EARLY RETURNS: ", 15), 0);
}

static void it_can_be_left_out(void **state)
{
	json_t *run = run_json("bench dwsl -t path:. -n 1 -s 50ms --no-results -j - --no-kernel-waits");

	assert_null(waits_of(json_array_get(json_object_get(run, "runs"), 0)));
	assert_string_equal(json_string_value(json_object_get(run, "no_kernel_waits")), "not asked for");
	json_decref(run);
}

/* A user of no rights, in a folder of theirs: the line names the setting, and the bench goes on. */
static void what_is_not_allowed_is_one_line(void **state)
{
	char args[PATH_MAX + 256], *line;
	struct why why;

	need(!geteuid());
	assert_int_equal(shell("mkdir -m 777 theirs && chmod 755 ."), 0);
	snprintf(args, sizeof(args), "setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set -all sh -c "
	         "'cd theirs && \"%s\" bench dwsl -t path:. -n 1 -s 50ms --no-results > said 2>&1'", spawn_program);
	if (shell(args)) {
		print_message("skipped: the program cannot be run by another user\n");
		shell("rm -r theirs");
		skip();
	}
	spawn_slurp(open("theirs/said", O_RDONLY), spawn_out, sizeof(spawn_out));
	shell("rm -r theirs");
	line = strstr(spawn_out, "where syncs of real file systems wait is not known");
	if (!line && kwait_allowed(&why) == 0)
		skip(); /* this machine lets everybody look */
	if (!line) {
		fail();
		return;
	}
	assert_true(strstr(line, "kernel.perf_event_paranoid is") || strstr(line, "kernel.kptr_restrict is"));
	assert_non_null(strstr(spawn_out, "fsync latency in us"));
}

static int begin(void **state)
{
	struct why why;

	loops = !geteuid() && !access("/dev/loop-control", R_OK | W_OK) && !unshare(CLONE_NEWNS) &&
	        !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
	seen = !kwait_allowed(&why);
	return spawn_begin(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nearly_all_time_has_a_name),
		cmocka_unit_test(a_design_and_a_kernel_are_in_one_table),
		cmocka_unit_test(the_jiffy_trap_is_named_with_its_remedy),
		cmocka_unit_test(a_sync_without_a_flush_is_an_early_return),
		cmocka_unit_test(it_can_be_left_out),
		cmocka_unit_test(what_is_not_allowed_is_one_line),
	};
	return cmocka_run_group_tests(tests, begin, spawn_end);
}
