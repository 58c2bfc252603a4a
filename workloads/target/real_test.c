/*
 * real_test.c: real file systems as targets: measured beside a design, checked for flushes, and
 * gone without a trace, however the run ends.
 *
 * What needs root and loop devices is skipped without them. All mounts are in a name space of the test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <glob.h>
#include <jansson.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "kit/spawn_test.h"

static bool loops; /* mounts and loop devices can be made */

static void need_loops(void)
{
	if (!loops)
		skip();
}

static int shell(const char *command)
{
	return system(command);
}

static void fails_with(const char *args, const char *says)
{
	int status = spawn(args);

	if (status != 2)
		fail_msg("`%s`: exit status %d: %s%s", args, status, spawn_err, spawn_out);
	if (strchr(spawn_err, '\n') != spawn_err + strlen(spawn_err) - 1)
		fail_msg("`%s`: not one line: %s", args, spawn_err);
	if (!strstr(spawn_err, says))
		fail_msg("`%s`: \"%s\" is not in: %s", args, says, spawn_err);
}

/* ---- what was measured ---- */

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

static json_t *trial(json_t *run, size_t i)
{
	return json_array_get(json_object_get(run, "runs"), i);
}

static json_int_t count_of(json_t *trial_json, const char *op)
{
	return json_integer_value(json_object_get(json_object_get(json_object_get(trial_json, "ops"), op), "n"));
}

static void each_call_has_latencies_of_its_own(void **state)
{
	json_t *run, *t;

	spawn_file("j.fio",
	           "[a]\nrw=randwrite\nsize=1m\nnumber_ios=41\nfsync=4\nfdatasync=2\nsync_file_range=write:3\n");
	run = run_json("bench j.fio -t path:. -n 1 --no-results -j -");
	t = trial(run, 0);
	assert_int_equal(count_of(t, "write"), 41);
	assert_int_equal(count_of(t, "fdatasync"), 10);
	assert_int_equal(count_of(t, "fsync"), 10);
	assert_int_equal(count_of(t, "sync_file_range"), 7);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(t, "barriers"), "promised")), 20);
	json_decref(run);
	unlink("j.fio");
	assert_int_equal(spawn_left(), 0);
}

/* The same calls on a folder and on a design: direct, in flight together, mixed with reads, on files that are shared.
 */
static void folders_and_designs_do_the_same_job(void **state)
{
	static const struct {
		const char *job;
		json_int_t write, read, fsync;
	} jobs[] = {
		{ "[a]\nrw=randwrite\nbs=4k\nsize=256k\ndirect=1\nfsync=8\n", 64, 0, 7 },
		{ "[a]\nrw=randwrite\nbs=4k\nsize=256k\ndirect=1\nioengine=libaio\niodepth=8\nend_fsync=1\n", 64, 0,
		  1 },
		{ "[a]\nrw=randread\nbs=4k\nsize=256k\nioengine=io_uring\niodepth=8\n[b]\nstonewall\nrw=write\nbs="
		  "16k\nsize=256k\n",
		  16, 64, 0 },
		{ "[a]\nrw=write\nbs=4k\nfilesize=8k\nnrfiles=20\ncreate_on_open=1\nfsync_on_close=1\nunlink="
		  "1\nnumjobs=2\n",
		  80, 0, 40 },
		{ "[b]\nfilename=f\nrw=write\nbs=4k\nsize=64k\nsync=dsync\n[a]\nfilename=f\nrw=randrw\nrwmixread="
		  "100\nbs=4k\nsize=128k\n",
		  16, 32, 0 },
	};

	for (size_t i = 0; i < sizeof(jobs) / sizeof(jobs[0]); i++) {
		json_t *run;

		spawn_file("j.fio", jobs[i].job);
		run = run_json("bench j.fio -t path:. -t postfix@ram:64m -n 1 --no-results -j -");
		for (size_t t = 0; t < 2; t++) {
			assert_int_equal(count_of(trial(run, t), "write"), jobs[i].write);
			assert_int_equal(count_of(trial(run, t), "read"), jobs[i].read);
			assert_int_equal(count_of(trial(run, t), "fsync"), jobs[i].fsync);
		}
		json_decref(run);
	}
	unlink("j.fio");
	assert_int_equal(spawn_left(), 0);
}

static void without_a_device_it_says_so(void **state)
{
	char args[512];
	json_t *run, *b;

	if (access("/dev/shm", W_OK))
		skip();
	spawn_file("j.fio", "[a]\nrw=write\nsize=1m\nnumber_ios=10\nfsync=1\n");
	snprintf(args, sizeof(args), "bench j.fio -t path:/dev/shm -t postfix@file:/dev/shm%s.img,size=64m "
	         "-t prefix@slow:nvme/uring:/dev/shm%s.img,size=64m -n 1 --no-results -j -", strrchr(spawn_folder, '/'),
	         strrchr(spawn_folder, '/'));
	run = run_json(args);
	for (size_t i = 0; i < 3; i++) {
		b = json_object_get(trial(run, i), "barriers");
		assert_non_null(strstr(json_string_value(json_object_get(b, "not_counted")), "no block device"));
		assert_null(json_object_get(b, "flushes"));
		assert_non_null(strstr(json_string_value(json_object_get(trial(run, i), "notice")),
		                       "cannot be checked"));
	}
	/* Asked for, all the same; none where nothing is counted. */
	b = json_object_get(trial(run, 1), "flushes_per_sync");
	assert_true(!b || json_real_value(b) >= 2);
	json_decref(run);
	unlink("j.fio");
}

/* A busy machine may have its own. */
static void assert_notice_is_none(const char *notice)
{
	if (strncmp(notice, "in a trial its floor was one tick", 33))
		assert_string_equal(notice, "");
}

static void each_file_system_beside_a_design(void **state)
{
	/* What the kernel says of the super block. */
	static const char *const options[] = { "; mounted with defaults: rw", "; mounted with defaults: rw",
		                               "; mounted with nodiscard: rw" };
	json_t *run, *b, *t;

	need_loops();
	spawn_file("j.fio", "[a]\nrw=randwrite\nsize=1m\nnumjobs=2\nnumber_ios=21\nfsync=1\n");
	run = run_json("bench j.fio -t fs:ext4,size=32m -t fs:xfs,size=300m -t fs:btrfs,size=128m -t postfix@ram:64m "
	               "-t path:. -n 1 --no-results -j -");
	for (size_t i = 0; i < 5; i++) {
		t = trial(run, i);
		b = json_object_get(t, "barriers");
		assert_int_equal(count_of(t, "fsync"), 40);
		assert_true((i == 3) == !b);
		assert_true((i < 3) == !!json_object_get(t, "made"));
		assert_true(json_integer_value(json_object_get(t, "floor_before_ns")) > 0);
		assert_true(json_integer_value(json_object_get(t, "floor_after_ns")) > 0);
		if (i >= 3)
			continue;
		/* Two tasks may share each flush. */
		assert_true(json_integer_value(json_object_get(b, "flushes")) * 2 >= 40);
		assert_true(json_is_false(json_object_get(b, "too_few")));
		assert_non_null(strstr(json_string_value(json_object_get(b, "device")), "loop"));
		assert_notice_is_none(json_string_value(json_object_get(t, "notice")));
		assert_non_null(strstr(json_string_value(json_object_get(t, "made")), options[i]));
	}
	json_decref(run);
	unlink("j.fio");
	assert_int_equal(spawn_left(), 0);
	assert_int_equal(spawn_loops_left(), 0);
}

static char *program_says(char *program, char *out, size_t size)
{
	FILE *f = popen(program, "r");
	size_t n = f ? fread(out, 1, size - 1, f) : 0;

	assert_non_null(f);
	pclose(f);
	out[n] = '\0';
	return out;
}

/* What is typed is what the kernel says that it has mounted, and what mkfs has made; of one image, and of no other. */
static void it_is_made_and_mounted_as_one_says(void **state)
{
	static const struct {
		const char *target, *made;
	} of[] = {
		{ "fs:ext4,size=64m", "-b 4096 -E nodiscard,lazy_itable_init=0,lazy_journal_init=0 -J size=8;" },
		{ "fs:ext4,size=64m,mount=nobarrier,data=journal,noatime,mkfs=-J\tsize=5", "" },
		{ "fs:ext4,mount=noatime,stripe=8,size=64m,mkfs=-b\t1024\t-O\t^has_journal",
		  " -b 1024 -O ^has_journal;" },
		{ "fs:btrfs,mount=ssd,noatime,size=128m,mkfs=-m\tsingle\t-n\t4096", " -m single -n 4096;" },
		{ "fs:xfs,mount=logbufs=4,size=300m,mkfs=-i\tsize=1024", " -i size=1024;" },
	};
	static const char *const mounted[] = { "", "nobarrier,data=journal", "stripe=8", "ssd", "logbufs=4" };

	need_loops();
	spawn_file("j.fio", "[a]\nrw=write\nsize=1m\nnumber_ios=5\nfsync=1\n");
	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		char command[PATH_MAX + 512], target[256], out[65536], *options;
		json_t *run;

		snprintf(target, sizeof(target), "%s", of[i].target);
		for (char *tab = target; (tab = strchr(tab, '\t'));)
			*tab = ' ';
		snprintf(command, sizeof(command), "%s bench j.fio -t '%s' -n 1 --no-results --no-kernel-waits -j -",
		         spawn_program, target);
		run = json_loads(program_says(command, out, sizeof(out)), 0, NULL);
		assert_non_null(run);
		snprintf(out, sizeof(out), "%s", json_string_value(json_object_get(trial(run, 0), "made")));
		json_decref(run);
		if (!strstr(out, of[i].made))
			fail_msg("%s: no `%s` in `%s`", target, of[i].made, out);
		options = strstr(out, ": rw");
		assert_non_null(options);
		if (!strstr(options, mounted[i]))
			fail_msg("%s: no `%s` in `%s`", target, mounted[i], options);
	}
	unlink("j.fio");
	assert_int_equal(spawn_left(), 0);
	assert_int_equal(spawn_loops_left(), 0);
}

/* They take turns on it: there is room for one, and not for two. */
static void images_without_a_name_are_one_image(void **state)
{
	need_loops();
	assert_int_equal(shell("mkdir m && mount -t tmpfs -o size=48m none m"), 0);
	spawn_file("m/j.fio", "[a]\nrw=write\nsize=1m\nnumber_ios=5\nfsync=1\n");
	assert_int_equal(chdir("m"), 0);
	assert_int_equal(spawn("bench j.fio -t fs:ext4,size=32m -t fs:ext4,mount=noatime,size=32m -n 2 --no-results"),
	                 0);
	fails_with("bench j.fio -t fs:ext4,size=32m -t fs:ext4,size=33m", "room for");
	assert_int_equal(chdir(".."), 0);
	assert_int_equal(shell("umount m && rmdir m"), 0);
	assert_int_equal(spawn_loops_left(), 0);
}

static const char *fact(json_t *of, const char *key)
{
	const char *value = json_string_value(json_object_get(json_object_get(of, "drive"), key));

	return value ? value : "";
}

static const char *floor_of(json_t *run, size_t target)
{
	return json_string_value(json_object_get(json_array_get(json_object_get(run, "targets"), target), "floor_of"));
}

/*
 * What makes two sides unlike is in the results: what lies below, how it is mounted, copies, what the device read and
 * wrote, and the flushes of the drive behind a loop device. Those that lie on one device have one floor.
 */
static void what_sides_differ_by_is_recorded(void **state)
{
	static const char *const type[] = { "ext4", "btrfs", "btrfs" }, *const copies[] = { "", "dup", "single" };
	json_t *run, *b;

	need_loops();
	spawn_file("j.fio", "[a]\nrw=randwrite\nsize=1m\nnumber_ios=40\nfsync=1\n");
	run = run_json("bench j.fio -t fs:ext4,size=128m -t fs:btrfs,size=128m -t fs:btrfs,size=128m,mkfs=-msingle "
	               "-t path:. -t postfix@file:d.img,size=64m -t postfix@ram:64m -t prefix@ram:64m "
	               "-n 1 --no-results --no-kernel-waits -j -");
	for (size_t i = 0; i < 3; i++) {
		b = json_object_get(trial(run, i), "barriers");
		assert_string_equal(fact(trial(run, i), "filesystem"), type[i]);
		assert_string_equal(fact(trial(run, i), "metadata"), copies[i]);
		assert_memory_equal(fact(trial(run, i), "fs_options"), "rw", 2);
		assert_true(json_integer_value(json_object_get(b, "written_bytes")) >= 40 * 4096);
		assert_non_null(json_object_get(b, "reads"));
		/* The image is an ordinary file: a flush of its device is an fsync of it. */
		if (json_object_get(b, "drive"))
			assert_true(json_integer_value(json_object_get(b, "drive_flushes")) >= 39);
		assert_true(json_real_value(json_object_get(trial(run, i), "meta_bytes_per_sync")) > 0);
		assert_string_equal(floor_of(run, i), floor_of(run, 0));
	}
	/* A copy more of each block of the log, and of nothing else. */
	assert_true(json_real_value(json_object_get(trial(run, 1), "meta_bytes_per_sync")) >
	            1.5 * json_real_value(json_object_get(trial(run, 2), "meta_bytes_per_sync")));
	assert_string_equal(floor_of(run, 3), floor_of(run, 4));
	assert_string_equal(floor_of(run, 5), floor_of(run, 6));
	assert_string_not_equal(floor_of(run, 0), floor_of(run, 3));
	assert_string_not_equal(floor_of(run, 4), floor_of(run, 5));
	assert_string_equal(fact(trial(run, 3), "filesystem"), fact(trial(run, 4), "filesystem"));
	assert_true(fact(trial(run, 3), "filesystem")[0]);
	json_decref(run);
	unlink("j.fio");
	assert_int_equal(spawn_left(), 0);
}

static const char *image_of(json_t *run, size_t target)
{
	return fact(trial(run, target), "backing_file");
}

/* The very same: drive, image, floor; whichever is named first, in whatever folder. */
static void a_design_and_a_file_system_on_one_device(void **state)
{
	static const struct {
		const char *targets, *name; /* of the image; "" when it has none */
		size_t n;
	} of[] = {
		{ "-t postfix@image,size=128m -t fs:btrfs,size=128m,mount=ssd,noatime", "", 2 },
		{ "-t fs:ext4,size=128m -t prefix@image,size=128m,metadata=single -t modern@image,size=128m", "", 3 },
		{ "-t postfix@image:named.img,size=64m -t fs:ext4:named.img,size=64m", "named.img", 2 },
	};

	need_loops();
	spawn_file("j.fio", "[a]\nrw=randwrite\nsize=1m\nnumber_ios=20\nfsync=1\n");
	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		char args[512], drive[64];
		json_t *run;

		snprintf(args, sizeof(args), "bench j.fio -n 2 --no-results --no-kernel-waits -j - %s", of[i].targets);
		run = run_json(args);
		snprintf(drive, sizeof(drive), "%s", fact(trial(run, 0), "drive"));
		assert_memory_equal(drive, "loop", 4);
		for (size_t t = 0; t < 2 * of[i].n; t++) {
			assert_int_equal(count_of(trial(run, t), "fsync"), 19);
			assert_string_equal(fact(trial(run, t), "drive"), drive);
			assert_string_equal(image_of(run, t), image_of(run, 0));
			assert_non_null(strstr(image_of(run, t), of[i].name));
			assert_string_equal(floor_of(run, t % of[i].n), floor_of(run, 0));
		}
		json_decref(run);
		assert_int_equal(spawn_left(), 1);
		assert_int_equal(spawn_loops_left(), 0);
	}
	fails_with("bench j.fio -t postfix@image,sise=1g", "expected image[:PATH][,size=SIZE]");
	fails_with("bench j.fio -t postfix@image:,size=1g", "expected image[:PATH][,size=SIZE]");
	fails_with("bench j.fio -t postfix@image,size=lots", "size: whole MiB");
	fails_with("bench j.fio -t postfix@image,size=100t", "there is room for");
	fails_with("bench j.fio -t postfix@image:j.fio,size=64m", "j.fio is there already");
	unlink("j.fio");
	assert_int_equal(spawn_left(), 0);
	assert_int_equal(spawn_loops_left(), 0);
}

/* An image lies beside what it is compared with, and the first lines say where. */
static void an_image_lies_beside_what_it_is_compared_with(void **state)
{
	static const struct {
		const char *targets, *folder;
		size_t fs;
	} of[] = {
		{ "-t fs:ext4,size=32m", "the current folder", 0 },
		{ "-t fs:ext4,size=32m -t path:m/sub", "m/sub", 0 },
		{ "-t postfix@file:m/d.img,size=64m -t fs:ext4,size=32m", "m", 1 },
		{ "-t postfix@file:m/d.img,size=64m -t fs:ext4,size=32m -t path:m/sub", "m/sub", 1 },
		{ "-t postfix@file:d.img,size=64m -t fs:ext4,size=32m", "the current folder", 1 },
	};

	need_loops();
	assert_int_equal(shell("mkdir -p m/sub"), 0);
	spawn_file("j.fio", "[a]\nrw=write\nsize=1m\nnumber_ios=5\nfsync=1\n");
	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		char args[512], folder[PATH_MAX], says[300];
		json_t *run;

		snprintf(args, sizeof(args), "bench j.fio -n 1 --no-results --no-kernel-waits -j - %s", of[i].targets);
		run = run_json(args);
		if (!strcmp(of[i].folder, "the current folder"))
			snprintf(folder, sizeof(folder), "%s/#", spawn_folder);
		else
			snprintf(folder, sizeof(folder), "%s/%s/#", spawn_folder, of[i].folder);
		if (strncmp(image_of(run, of[i].fs), folder, strlen(folder)))
			fail_msg("%s: the image is %s", of[i].targets, image_of(run, of[i].fs));
		json_decref(run);
		snprintf(args, sizeof(args), "bench j.fio -n 1 --no-results --no-kernel-waits %s", of[i].targets);
		assert_int_equal(spawn(args), 0);
		snprintf(says, sizeof(says), "its image in %s, ", of[i].folder);
		assert_non_null(strstr(spawn_out, says));
	}
	assert_int_equal(shell("rm -r m j.fio"), 0);
	assert_int_equal(spawn_left(), 0);
}

/* The negative control of the check: this file system's fsync sends no flush. */
static void an_fsync_that_is_a_no_op_is_told(void **state)
{
	json_t *run, *t;

	need_loops();
	assert_int_equal(
		shell("truncate -s 96m img && mkfs.ext4 -q -F img && mkdir m && mount -o loop,nobarrier img m"), 0);
	spawn_file("j.fio", "[a]\nrw=randwrite\nsize=1m\nnumber_ios=50\nfsync=1\n");
	run = run_json("bench j.fio -t path:m -t postfix@file:m/d.img,size=32m -n 1 --no-results --no-kernel-waits "
	               "-j -");
	for (size_t i = 0; i < 2; i++) {
		t = trial(run, i);
		if (i && !json_integer_value(json_object_get(json_object_get(t, "counters"), "fsyncs")))
			continue; /* a build that does not count cannot know */
		assert_true(json_is_true(json_object_get(json_object_get(t, "barriers"), "too_few")));
		assert_non_null(strstr(json_string_value(json_object_get(t, "notice")), "made nothing durable"));
	}
	json_decref(run);
	assert_int_equal(shell("umount m && rm -r m img j.fio"), 0);
}

static void what_was_measured_comes_with_a_sync_mode(void **state)
{
	json_t *run;

	spawn_file("j.fio", "[a]\nrw=randwrite\nsize=1m\nnumber_ios=10\nsync=dsync\n");
	run = run_json("bench j.fio -t path:. -t postfix@ram:64m -n 1 --no-results -j -");
	assert_int_equal(count_of(trial(run, 0), "write"), 10);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(trial(run, 0), "barriers"), "promised")),
	                 10);
	if (json_integer_value(json_object_get(json_object_get(trial(run, 1), "counters"), "meta_bytes")))
		assert_true(json_integer_value(json_object_get(json_object_get(trial(run, 1), "counters"), "fsyncs")) >=
		            10);
	json_decref(run);
	unlink("j.fio");
}

/* ---- what is wrong ---- */

static void bad_targets_are_one_line(void **state)
{
	spawn_file("j.fio", "[a]\nrw=write\nsize=1m\nnumber_ios=10\n");
	spawn_file("mapped.fio", "[a]\nrw=write\nsize=1m\nnumber_ios=10\nioengine=mmap\n");
	spawn_file("theirs.img", "somebody's");
	spawn_file("huge.fio", "[a]\nrw=write\nsize=1000t\nnumber_ios=10\n");
	fails_with("bench j.fio -t path:", "no folder");
	fails_with("bench j.fio -t path:nosuch", "cannot make a folder in nosuch");
	fails_with("bench j.fio -t path:/proc", "cannot make a folder in /proc");
	fails_with("bench j.fio -t pth:.", "did you mean path?");
	fails_with("bench j.fio -t fs:ext5", "did you mean ext4?");
	fails_with("bench j.fio -t fs:xfs,size=16m", "300m");
	fails_with("bench j.fio -t fs:ext4,size=lots", "size=lots: whole MiB from 16m are expected for ext4");
	fails_with("bench j.fio -t fs:ext4,size", "no key is called `size`: mkfs=, mount= or size= is expected");
	fails_with("bench j.fio -t fs:ext4,mkfs=", "mkfs=: 1 to 255 letters are expected");
	fails_with("bench j.fio -t fs:ext4,mount=,size=32m", "mount=: 1 to 255 letters are expected");
	fails_with("bench j.fio -t fs:ext4,mount=ro", "`ro` is not an option");
	fails_with("bench j.fio -t fs:ext4,mkfs=theirs.img", "`theirs.img` is there");
	fails_with("bench j.fio -t fs:xfs,mkfs=-llogdev=theirs.img", "`theirs.img` is there");
	fails_with("bench j.fio -t fs:ext4,size=100m,bogus=1", "no key is called `bogus`");
	fails_with("bench j.fio -t fs:ext4,bogus", "no key is called `bogus`");
	fails_with("bench j.fio -t fs:ext4:new.img,sise=32m", "no key is called `sise`");
	fails_with("bench j.fio -t path:nosuch,size=1g", "path: takes no keys: leave `,size=1g` out");
	fails_with("bench huge.fio -t path:.", "there is room for");
	fails_with("bench mapped.fio -t path:. --driver own", "ioengine=mmap");
	if (loops) {
		fails_with("bench j.fio -t fs:ext4:theirs.img", "theirs.img is there already");
		fails_with("bench j.fio -t fs:ext4:nosuch/img", "nosuch/img");
		fails_with("bench j.fio -t fs:ext4,size=32m,mkfs=-Z", "mkfs.ext4 failed");
		fails_with("bench j.fio -t fs:ext4,size=32m,mount=noatime,bogus=1", "takes no mount options `bogus=1`");
		fails_with("bench j.fio -t fs:ext4,mount=data=all,size=32m", "takes no mount options `data=all`");
		fails_with("bench j.fio -t fs:xfs,size=300m,mount=bogus", "takes no mount options `bogus`");
		fails_with("bench j.fio -t fs:btrfs,size=128m,mount=bogus", "mount");
		spawn_file("big.fio", "[a]\nrw=write\nsize=64m\nnumber_ios=10\n");
		fails_with("bench big.fio -t fs:ext4,size=32m", "there is room for");
		unlink("big.fio");
	}
	unlink("j.fio");
	unlink("huge.fio");
	unlink("mapped.fio");
	unlink("theirs.img");
	assert_int_equal(spawn_left(), 0);
	assert_int_equal(spawn_loops_left(), 0);
}

static void a_read_only_folder_is_one_line(void **state)
{
	need_loops();
	spawn_file("j.fio", "[a]\nrw=write\nsize=1m\nnumber_ios=10\n");
	assert_int_equal(shell("mkdir m && mount -t tmpfs -o ro none m"), 0);
	fails_with("bench j.fio -t path:m", "Read-only file system");
	assert_int_equal(shell("umount m && rmdir m && rm j.fio"), 0);
}

static void a_folder_may_have_any_name(void **state)
{
	spawn_file("j.fio", "[a]\nrw=write\nsize=1m\nnumber_ios=10\n");
	assert_int_equal(mkdir("d,size=1g", 0700), 0);
	assert_int_equal(spawn("bench j.fio -t path:d,size=1g -n 1 --no-results"), 0);
	assert_int_equal(rmdir("d,size=1g"), 0);
	unlink("j.fio");
}

/* A loop device over a new file img, open: it ends with this process, however the test does. */
static int loop_device(char *path, size_t size)
{
	char detach[256];
	FILE *f = popen("truncate -s 32m img && losetup -f --show img", "r");
	int fd;

	assert_non_null(f);
	assert_non_null(fgets(path, (int)size, f));
	pclose(f);
	path[strcspn(path, "\n")] = '\0';
	fd = open(path, O_RDONLY | O_CLOEXEC);
	snprintf(detach, sizeof(detach), "losetup -d %s", path);
	assert_int_equal(shell(detach), 0);
	return fd;
}

static void a_block_device_is_taken_as_a_whole(void **state)
{
	char device[128], args[256];
	int fd;

	need_loops();
	spawn_file("j.fio", "[a]\nrw=write\nsize=1m\nnumber_ios=10\n");
	fd = loop_device(device, sizeof(device));
	snprintf(args, sizeof(args), "bench j.fio -t fs:ext4:%s,size=16m --force", device);
	fails_with(args, "taken as a whole: leave size= out");
	snprintf(args, sizeof(args), "bench j.fio -t fs:ext4:%s --force -n 1 --no-results", device);
	assert_int_equal(spawn(args), 0);
	close(fd);
	assert_int_equal(shell("rm img j.fio"), 0);
	assert_int_equal(spawn_loops_left(), 0);
}

static void a_mounted_device_is_refused(void **state)
{
	char args[256], line[128] = "";
	FILE *f;

	need_loops();
	spawn_file("j.fio", "[a]\nrw=write\nsize=1m\nnumber_ios=10\n");
	assert_int_equal(shell("truncate -s 96m img && mkfs.ext4 -q -F img && mkdir m && mount -o loop img m"), 0);
	f = popen("findmnt -n -o SOURCE m", "r");
	assert_non_null(f);
	assert_non_null(fgets(line, sizeof(line), f));
	pclose(f);
	line[strcspn(line, "\n")] = '\0';
	snprintf(args, sizeof(args), "bench j.fio -t fs:ext4:%s --force", line);
	fails_with(args, "never written to");
	assert_int_equal(shell("umount m && rm -r m img j.fio"), 0);
}

/* ---- how it ends ---- */

/* Starts the program and waits until the path, a pattern, is there (`proc`: below its folder in /proc); its pid. */
static pid_t start(const char *job, const char *target, const char *pattern, bool proc)
{
	char *argv[] = { spawn_program, "bench", (char *)job, "-t", (char *)target, "-n", "1", "-o", "kept", NULL };
	pid_t pid = fork();
	siginfo_t info;
	glob_t g;

	if (!pid) {
		int fd = open("said", O_WRONLY | O_CREAT | O_TRUNC, 0600);
		dup2(fd, 1);
		dup2(fd, 2);
		execv(spawn_program, argv);
		_exit(127);
	}
	for (;;) {
		char path[256];

		if (proc)
			snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, pattern);
		else
			snprintf(path, sizeof(path), "%s", pattern);
		info.si_pid = 0;
		if (!glob(path, 0, NULL, &g)) {
			globfree(&g);
			return pid;
		}
		if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) || info.si_pid)
			return pid;
		sched_yield();
	}
}

static int end_of(pid_t pid)
{
	int status;

	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static const char forever[] = "[a]\nrw=randwrite\nsize=1m\nfsync=1\ntime_based\nruntime=1h\n";

static void an_interrupt_leaves_nothing(void **state)
{
	static const int signals[] = { SIGINT, SIGTERM };
	pid_t pid;

	spawn_file("j.fio", forever);
	for (size_t i = 0; i < 2; i++) {
		pid = start("j.fio", "path:.", "fsyncstorm-*/a.0.0", false);
		kill(pid, signals[i]);
		assert_int_equal(end_of(pid), 128 + signals[i]);
		assert_int_equal(shell("rm -rf kept said"), 0);
		assert_int_equal(spawn_left(), 1); /* the job */
	}
	unlink("j.fio");
}

/* Ctrl-C and even a kill: the mount and the loop device go with the process. */
static void a_made_file_system_ends_with_its_process(void **state)
{
	static const int signals[] = { SIGINT, SIGKILL };
	pid_t pid;

	need_loops();
	spawn_file("j.fio", forever);
	for (size_t i = 0; i < 2; i++) {
		pid = start("j.fio", "fs:ext4,size=32m", "fd/*/fsyncstorm-*/a.0.0", true);
		kill(pid, signals[i]);
		assert_int_equal(end_of(pid), signals[i] == SIGINT ? 128 + SIGINT : -SIGKILL);
		assert_int_equal(spawn_loops_left(), 0);
		assert_int_equal(shell("rm -rf kept said .new-*"), 0);
		assert_int_equal(spawn_left(), 1);
	}
	unlink("j.fio");
}

static void a_disk_that_fills_up_is_one_line(void **state)
{
	char said[512] = "";
	pid_t pid;
	int fd;

	need_loops();
	assert_int_equal(shell("truncate -s 64m img && mkfs.ext4 -q -F img && mkdir m && mount -o loop img m"), 0);
	/* Slowly, so that somebody else takes the space first. */
	spawn_file("j.fio",
	           "[a]\nrw=write\nbs=64k\nsize=32m\nfallocate=none\nrate_iops=50\nfsync=1\ntime_based\nruntime=1h\n");
	pid = start("j.fio", "path:m", "m/fsyncstorm-*/a.0.0", false);
	assert_int_not_equal(shell("dd if=/dev/zero of=m/theirs bs=64k 2> /dev/null"), 0);
	assert_int_equal(end_of(pid), 2);
	fd = open("said", O_RDONLY);
	spawn_slurp(fd, said, sizeof(said));
	if (!strstr(said, "No space left on device") || strchr(said, '\n') != said + strlen(said) - 1)
		fail_msg("said: %s", said);
	assert_int_equal(access("kept", F_OK), -1);
	assert_int_equal(shell("rm m/theirs said && rmdir m/lost+found && test -z \"$(ls m)\""), 0);
	assert_int_equal(shell("umount m && rm -r m img j.fio"), 0);
	assert_int_equal(spawn_left(), 0);
}

static int begin(void **state)
{
	loops = !geteuid() && !access("/dev/loop-control", R_OK | W_OK) && !unshare(CLONE_NEWNS) &&
		!mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
	return spawn_begin(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_call_has_latencies_of_its_own),
		cmocka_unit_test(folders_and_designs_do_the_same_job),
		cmocka_unit_test(without_a_device_it_says_so),
		cmocka_unit_test(each_file_system_beside_a_design),
		cmocka_unit_test(it_is_made_and_mounted_as_one_says),
		cmocka_unit_test(images_without_a_name_are_one_image),
		cmocka_unit_test(what_sides_differ_by_is_recorded),
		cmocka_unit_test(an_image_lies_beside_what_it_is_compared_with),
		cmocka_unit_test(a_design_and_a_file_system_on_one_device),
		cmocka_unit_test(an_fsync_that_is_a_no_op_is_told),
		cmocka_unit_test(what_was_measured_comes_with_a_sync_mode),
		cmocka_unit_test(bad_targets_are_one_line),
		cmocka_unit_test(a_read_only_folder_is_one_line),
		cmocka_unit_test(a_folder_may_have_any_name),
		cmocka_unit_test(a_block_device_is_taken_as_a_whole),
		cmocka_unit_test(a_mounted_device_is_refused),
		cmocka_unit_test(an_interrupt_leaves_nothing),
		cmocka_unit_test(a_made_file_system_ends_with_its_process),
		cmocka_unit_test(a_disk_that_fills_up_is_one_line),
	};
	return cmocka_run_group_tests(tests, begin, spawn_end);
}
