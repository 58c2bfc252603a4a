/*
 * cut_test.c: `fsyncstorm cut` as a program: what it says of wrong input, what a run says, and what is left behind
 * after Ctrl-C and after a kill: nothing. What needs root is skipped without it.
 *
 * The devices of a run are told from those of others by their size.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <glob.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>

#include "cut/dmlog.h"
#include "cut/test_rig.h"
#include "kit/spawn_test.h"
#include "rt/rt.h"

#define DEADLINE 60000000000ull
#define OURS     "fs:ext4,size=37m"
#define SECTORS  (37ul << 11)

static void need_root(void)
{
	if (geteuid())
		skip();
}

/* ---- what is wrong ---- */

static void wrong_input_is_one_line_and_leaves_nothing(void **state)
{
	static const struct {
		const char *args, *says;
	} bad[] = {
		{ "cut", "--target" },
		{ "cut --target", "needs a value" },
		{ "cut --target foo", "fs:ext4, fs:xfs or fs:btrfs is expected" },
		{ "cut --target fs:ext5", "did you mean ext4?" },
		{ "cut --target fs:ext4 --target fs:xfs", "one is expected" },
		{ "cut --target fs:ext4,foo=1", "mkfs=, mount= or size= is expected" },
		{ "cut --target fs:ext4,size=1m", "from 16m" },
		{ "cut --target fs:ext4,size=abc", "whole MiB" },
		{ "cut --target fs:ext4,size=33554433", "whole MiB" },
		{ "cut --target fs:ext4,size=1t", "whole MiB" },
		{ "cut --target fs:ext4,mkfs=", "letters are expected" },
		{ "cut --target fs:ext4 --states 0", "--states" },
		{ "cut --target fs:ext4 --states many", "--states" },
		{ "cut --target fs:ext4 --rounds 0", "from 1" },
		{ "cut --target fs:ext4 --per-round 0", "from 1" },
		{ "cut --target fs:ext4 --holds 4", "from 0 to 3" },
		{ "cut --target fs:ext4 --holds two", "from 0 to 3" },
		{ "cut --target fs:ext4 --tear 1k", "4k or 512" },
		{ "cut --target fs:ext4 --jobs 0", "from 1" },
		{ "cut --target fs:ext4 --jobs 99", "to 16" },
		{ "cut --target fs:ext4 --seed x", "--seed" },
		{ "cut --target fs:ext4 --check x", "--check" },
		{ "cut --target fs:ext4 --aim writer", "THREAD:N" },
		{ "cut --target fs:ext4 --aim writer:0", "from 1 on" },
		{ "cut --target fs:ext4 --aim writer:1:thrown", "kept, lost or between" },
		{ "cut --target fs:ext4 --aim nobody:1 seed", "no thread `nobody`" },
		{ "cut --target fs:ext4 --control another", "one-syncer" },
		{ "cut --target fs:ext4 --control fs:zfs", "no file system" },
		{ "cut --target fs:ext4 --via usb", "auto, fuse, nbd or ublk is expected" },
		{ "cut --target fs:ext4 fsync_twise_least", "did you mean fsync_twice_least?" },
		{ "cut --target fs:ext4 missing.scn", "missing.scn" },
		{ "cut --target fs:ext4 missing.fio", "missing.fio" },
		{ "cut --target fs:ext4 bad.scn", "bad.scn:2" },
		{ "cut --target fs:ext4 bad.fio", "bad.fio:2" },
		{ "cut --target fs:ext4 read.fio", "read.fio" },
		{ "cut --target fs:ext4 --out bad.scn seed", "no folder" },
		{ "cut --target fs:ext4 --json nowhere/x.json seed", "nowhere" },
		{ "cut --target fs:ext4 --stats 5 seed", "did you mean --states?" },
		{ "cut --target fs:ext4,mkfs=--nonsense seed", "mkfs.ext4 failed: mkfs.ext4: invalid option" },
		{ "cut --target fs:ext4,mount=nonsense seed", "takes no mount options" },
		{ "cut --target fs:btrfs,mount=nonsense seed", "takes no mount options" },
		{ "cut --target fs:ext4 --record kept", "one job or scenario" },
		{ "cut --target fs:ext4 --record kept seed shared", "one job or scenario" },
		{ "cut --target fs:ext4 --record kept --states 5 seed", "--states N is for `cut judge`" },
		{ "cut --target fs:ext4 --record kept --json x seed", "--json is for `cut judge`" },
		{ "cut --target fs:ext4 --record bad.scn seed", "File exists" },
		{ "cut --target fs:ext4 --record nowhere/kept seed", "No such file" },
		{ "cut --kernel", "needs a value" },
		{ "cut --kernel 6.1 seed", "--target" },
		{ "cut --kernel 6.1 --target fs:ext4 fsync_twise_least", "did you mean fsync_twice_least?" },
		{ "cut --kernel ../x --target fs:ext4 seed", "../x: no such file" },
		{ "cut --kernel ./bad.scn --target fs:ext4 seed", "./bad.scn: neither a .deb nor a vmlinuz-VERSION" },
		{ "cut --kernel nowhere/vmlinuz-6.1 --target fs:ext4 seed", "nowhere/vmlinuz-6.1: no such file" },
		{ "cut --kernel x.deb --target fs:ext4 seed", "x.deb: no such file" },
		{ "cut --kernel a;b --target fs:ext4 seed", "a;b: no name of a kernel" },
		{ "cut --kernel= --target fs:ext4 seed", "a kernel is expected" },
		{ "cut --kernel nowhere/vmlinuz-6.1 --target fs:ext4 --record kept seed", "no such file" },
		{ "cut --target fs:ext4 --control kernel: seed", "a second kernel as kernel:6.12" },
		{ "cut --target fs:ext4 --record kept --control kernel:6.1 seed", "--control is for `cut judge`" },
		{ "cut judge", "the folder of one --record" },
		{ "cut judge a b", "the folder of one --record" },
		{ "cut judge nowhere", "nowhere/control-alone.zst: No such file" },
		{ "cut judge --rounds 2 nowhere", "not a known option" },
		{ "cut replay", "the folder of one finding" },
		{ "cut replay nowhere", "nowhere" },
		{ "cut replay .", "cut.json" },
		{ "cut replay a b", "the folder of one finding" },
		{ "cut shrink nowhere", "nowhere" },
		{ "cut shrink", "the folder of one finding" },
		{ "cut shrink a b", "the folder of one finding" },
		{ "cut shrink --all", "not a known option" },
		{ "cut shrink --time soon a", "--time: `soon`: a time as 60s" },
		{ "cut shrink --tries 0 a", "--tries: `0`: a number from 1" },
		{ "cut export nowhere", "a file to write" },
		{ "cut export nowhere out", "nowhere" },
		{ "cut replay --foo", "cut replay: --foo: not a known option" },
		{ "cut replay a b", "the folder of one finding is expected" },
		{ "cut export --foo", "cut export: --foo: not a known option" },
		{ "cut judge --foo kept", "cut judge: --foo: not a known option" },
		{ "cut import", "a log and a folder to make" },
		{ "cut import a b c", "a log and a folder to make" },
		{ "cut import bad.scn rec", "--device" },
		{ "cut import --device bad.fio nowhere rec", "nowhere: No such file" },
		{ "cut import --device nowhere bad.scn rec", "nowhere: No such file" },
		{ "cut import --device bad.fio bad.scn rec", "whole sectors, up to 1024 MiB" },
		{ "cut import --device zeros bad.scn rec", "bad.scn: no log of dm-log-writes" },
		{ "cut import --device zeros bad.scn bad.fio", "bad.fio: it is there already" },
		{ "cut import --device zeros --frmo x bad.scn rec", "did you mean --from?" },
	};
	unsigned before;

	need_root();
	spawn_file("bad.scn", "[setup]\nfile\n[thread a]\na fsync\n");
	spawn_file("bad.fio", "[a]\nnonsense=1\n");
	spawn_file("read.fio", "[a]\nrw=read\nsize=1m\n");
	spawn_file("zeros", "");
	if (truncate("zeros", 16 << 20))
		fail();
	before = spawn_left();
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int status = spawn(bad[i].args);
		if (status != 2 || !strstr(spawn_err, bad[i].says))
			fail_msg("`%s`: status %d, said: %s", bad[i].args, status, spawn_err);
		if (strchr(spawn_err, '\n') != spawn_err + strlen(spawn_err) - 1)
			fail_msg("`%s`: not one line: %s", bad[i].args, spawn_err);
		if (spawn_left() != before)
			fail_msg("`%s`: it left a file", bad[i].args);
	}
}

/* ---- a run ---- */

/* Where its time went: the parts of judging are no more than judging, and all of it no more than its processes had. */
static void assert_times(const json_t *r, unsigned jobs, bool recorded)
{
	static const char *const part[] = { "image_ns", "mount_ns", "read_ns", "unmount_ns", "check_ns" };
	json_int_t judge = json_integer_value(json_object_get(r, "judge_ns")), parts = 0;
	json_int_t record = json_integer_value(json_object_get(r, "record_ns"));
	json_int_t opened = json_integer_value(json_object_get(r, "open_ns"));

	for (unsigned i = 0; i < 5; i++) {
		json_int_t ns = json_integer_value(json_object_get(r, part[i]));
		if (ns <= 0 && (recorded || i < 4))
			fail_msg("%s: %lld", part[i], (long long)ns);
		parts += ns;
	}
	assert_true(parts <= judge);
	assert_true(recorded ? record > 0 && opened > 0 : !record && !opened);
	assert_true((double)(opened + record + judge) <= json_real_value(json_object_get(r, "seconds")) * 1e9 * jobs);
}

static void a_run_tells_what_it_judged(void **state)
{
	json_error_t error;
	json_t *j, *r;

	need_root();
	int status = spawn("cut --target " OURS " --states 30 --jobs 1 --check 10 --json - --out found fsync_in_turn "
	                   "shared");
	if (status)
		fail_msg("status %d: %s", status, spawn_err);
	j = json_loads(spawn_out, 0, &error);
	assert_non_null(j);
	r = json_array_get(json_object_get(j, "results"), 0);
	assert_int_equal(json_array_size(json_object_get(j, "results")), 2);
	assert_true(json_integer_value(json_object_get(r, "states")) >= 30);
	assert_int_equal(json_integer_value(json_object_get(r, "broken")), 0);
	assert_true(json_integer_value(json_object_get(r, "mounted")) > 0);
	assert_true(json_integer_value(json_object_get(r, "checked")) > 0);
	assert_times(r, 1, true);
	assert_true(json_integer_value(json_object_get(r, "syncs")) > 0);
	assert_true(json_integer_value(json_object_get(json_object_get(j, "controls"), "lying_broken")) > 0);
	json_decref(j);
	assert_int_not_equal(access("found", F_OK), 0); /* no finding, no folder */
	assert_non_null(strstr(spawn_err, "made smaller"));
}

/* What one kernel has recorded, a second run judges; with each mistake in what lies there. */
static void what_is_recorded_is_judged_later(void **state)
{
	json_error_t error;
	json_t *j, *r;

	need_root();
	if (spawn("cut --target " OURS " --record kept --rounds 3 --jobs 1 fsync_in_turn"))
		fail_msg("%s", spawn_err);
	assert_non_null(strstr(spawn_out, "3 rounds are in kept"));
	if (spawn("cut judge --per-round 10 --jobs 2 --json - kept"))
		fail_msg("%s", spawn_err);
	j = json_loads(spawn_out, 0, &error);
	assert_non_null(j);
	r = json_array_get(json_object_get(j, "results"), 0);
	assert_int_equal(json_integer_value(json_object_get(r, "rounds")), 3);
	assert_int_equal(json_integer_value(json_object_get(r, "states")), 30);
	assert_int_equal(json_integer_value(json_object_get(r, "broken")), 0);
	assert_times(r, 2, false);
	assert_true(json_integer_value(json_object_get(r, "syncs")) > 0);
	assert_true(json_integer_value(json_object_get(json_object_get(j, "controls"), "flushes_beside_a_write")) > 0);
	assert_true(json_integer_value(json_object_get(json_object_get(j, "controls"), "lying_broken")) > 0);
	assert_non_null(json_object_get(j, "recorded_on"));
	json_decref(j);
	if (spawn("cut --target fs:ext4,size=38m --record other --rounds 1 --jobs 1 fsync_in_turn") ||
	    system("mv other/round-00001.zst kept/round-00002.zst && rm -r other"))
		fail_msg("%s", spawn_err);
	assert_int_equal(spawn("cut judge kept"), 2);
	assert_non_null(strstr(spawn_err, "kept/round-00002.zst: a record of fs:ext4,size=38m among those of " OURS));
	spawn_file("kept/round-00002.zst", "no record");
	assert_int_equal(spawn("cut judge kept"), 2);
	assert_non_null(strstr(spawn_err, "kept/round-00002.zst: no record of a cut"));
	if (system("rm kept/round-*"))
		fail();
	assert_int_equal(spawn("cut judge kept"), 2);
	assert_non_null(strstr(spawn_err, "no round-*.zst is there"));
	if (system("rm -r kept"))
		fail();
}

static void all_states_of_a_small_run_are_judged(void **state)
{
	need_root();
	assert_int_equal(spawn("cut --target " OURS " --states exhaustive --jobs 1 --check 0 fsync_in_turn"), 0);
	assert_non_null(strstr(spawn_out, "held: 0 of"));
}

static json_int_t states_of_all(const char *jobs)
{
	char args[200];
	json_error_t error;

	snprintf(args, sizeof(args), "cut judge --states exhaustive --check 0 --jobs %s --json - whole", jobs);
	if (spawn(args))
		fail_msg("%s", spawn_err);
	json_t *j = json_loads(spawn_out, 0, &error);
	assert_non_null(j);
	json_t *r = json_array_get(json_object_get(j, "results"), 0);
	assert_int_equal(json_integer_value(json_object_get(r, "rounds")), 1);
	json_int_t states = json_integer_value(json_object_get(r, "states"));
	json_decref(j);
	return states;
}

/* With torn writes every choice is mounted, so that their number is the record's alone. */
static void processes_share_the_states_of_a_run(void **state)
{
	need_root();
	if (spawn("cut --target " OURS " --record whole --rounds 1 --jobs 1 --tear 512 fsync_in_turn"))
		fail_msg("%s", spawn_err);
	json_int_t alone = states_of_all("1");
	assert_true(alone > 8);
	assert_int_equal(states_of_all("3"), alone);
	if (system("rm -r whole"))
		fail();
}

static void a_finding_is_replayed_and_made_simpler(void **state)
{
	struct broken first;

	need_root();
	make_finding("finding", &first);
	assert_int_equal(spawn("cut replay finding"), 1);
	assert_non_null(strstr(spawn_out, first.text));
	assert_non_null(strstr(spawn_out, "the power goes"));
	if (spawn("cut shrink --time 0 finding"))
		fail_msg("%s", spawn_err);
	assert_int_equal(spawn("cut replay finding"), 1);
	spawn_file("finding/cut.json", "{\"schema_version\": 1, \"position\": 0, \"kept\": []}");
	assert_int_equal(spawn("cut replay finding"), 0);
	assert_non_null(strstr(spawn_out, "holds what was promised"));
	spawn_file("finding/cut.json", "{\"position\": 0, \"kept\": [77]}");
	assert_int_equal(spawn("cut replay finding"), 2);
	if (system("rm -r finding"))
		fail();
}

/* Where no flush is sent, an fsync keeps nothing: two lines of one thread show that. */
static void operations_that_are_not_needed_go(void **state)
{
	struct broken first;

	need_root();
	make_finding_of("finding", "fs:ext4,mount=nobarrier",
	                "[setup]\nfile a 16k\nfile b 8k\n[thread other]\nrepeat 3\nb pwrite 0 4k\nb truncate 8k\n"
	                "[thread writer]\na pwrite 0 8k\nmark written\na fsync\na sync_range 0 4k\n"
	                "[thread third]\nat written\nb fadvise -d\n", false, &first);
	assert_int_equal(mkdir("finding.smaller-Abc1_2", 0700), 0); /* of one that was killed */
	poll(NULL, 0, 3000); /* what is younger may be about to be used */
	if (spawn("cut shrink --time 10m --tries 4 finding"))
		fail_msg("%s", spawn_err);
	assert_non_null(strstr(spawn_err, "finding.smaller-Abc1_2 was left behind by a run that was killed"));
	assert_int_equal(rmdir("finding.smaller-Abc1_2"), 0);
	if (!strstr(spawn_out, "2 lines of 9 are left in the threads"))
		fail_msg("%s", spawn_out);
	if (system("grep -qx 'a pwrite 0 8k' finding/written.scn && grep -qx 'a fsync' finding/written.scn && "
	           "[ $(grep -c '^.thread' finding/written.scn) = 1 ] && ! ls | grep smaller"))
		fail_msg("%s", spawn_out);
	assert_int_equal(spawn("cut replay finding"), 1);
	if (system("rm -r finding"))
		fail();
}

/* What only the checker finds, only the checker can find again. */
static void a_finding_of_the_checker_is_replayed(void **state)
{
	need_root();
	make_checker_finding("finding");
	assert_int_equal(spawn("cut replay finding"), 1);
	assert_non_null(strstr(spawn_out, "fsck.ext4 failed"));
	if (spawn("cut shrink --time 0 finding"))
		fail_msg("%s", spawn_err);
	assert_non_null(strstr(spawn_out, "fsck.ext4 failed"));
	assert_int_equal(spawn("cut replay finding"), 1);
	if (system("grep -q '^fsck: fsck.ext4 failed' finding/check.txt && rm -r finding"))
		fail();
}

/* The log has one entry more: a mark. */
static void add_mark(const char *path, const char *text)
{
	uint8_t sector[DMLOG_SECTOR] = { 0 };
	struct dmlog_entry mark = { .flags = DMLOG_MARK, .data_len = strlen(text) };
	struct dmlog_super s;
	FILE *f = fopen(path, "r+");

	assert_non_null(f);
	assert_int_equal(fread(&s, sizeof(s), 1, f), 1);
	s.entries++;
	rewind(f);
	fwrite(&s, sizeof(s), 1, f);
	memcpy(sector, &mark, sizeof(mark));
	memcpy(sector + sizeof(mark), text, strlen(text));
	fseek(f, 0, SEEK_END);
	fwrite(sector, sizeof(sector), 1, f);
	fclose(f);
}

static void export_a_round(const char *path)
{
	struct saved_cut end = { .torn = UINT32_MAX };
	struct cut_fs fs = fs_of("fs:ext4");
	struct work work;
	struct world w;
	struct why why;

	open_world(&w, &fs, &work);
	powercut_events(w.e.dev, &end.pos);
	if (dmlog_export(&w.e, &end, path, &why))
		fail_msg("%s", why.text);
	world_close(&w);
	work_close(&work);
}

/* A log of others is sound; and with a promise that is not kept it is a finding, which can be judged again. */
static void a_log_of_others_is_judged(void **state)
{
	json_error_t error;
	json_t *j, *r;

	need_root();
	export_a_round("log");
	spawn_file("zeros", "");
	if (truncate("zeros", 32 << 20) || spawn("cut import log --device zeros --from base imported"))
		fail_msg("%s", spawn_err);
	assert_non_null(strstr(spawn_out, "judged cannot be: "));
	assert_non_null(strstr(spawn_out, "judge them: fsyncstorm cut judge imported"));
	if (spawn("cut judge --json - imported"))
		fail_msg("%s", spawn_err);
	assert_non_null(strstr(spawn_err, "dm-log-writes"));
	j = json_loads(spawn_out, 0, &error);
	assert_non_null(j);
	r = json_array_get(json_object_get(j, "results"), 0);
	assert_int_equal(json_integer_value(json_object_get(r, "states")), 40);
	assert_int_equal(json_integer_value(json_object_get(r, "broken")), 0);
	assert_true(json_integer_value(json_object_get(r, "mounted")) > 0);
	assert_int_equal(json_integer_value(json_object_get(r, "checked")),
	                 json_integer_value(json_object_get(r, "mounted")));
	assert_string_equal(json_string_value(json_object_get(j, "recorder")), "dm-log-writes");
	json_decref(j);
	add_mark("log", "holds:a:0000000000000000");
	if (spawn("cut import log --device zeros --from base promised"))
		fail_msg("%s", spawn_err);
	assert_non_null(strstr(spawn_out, "the promises of 1 marks"));
	assert_int_equal(spawn("cut judge --out found promised"), 1);
	assert_non_null(strstr(spawn_out, "a mark promises 0000000000000000"));
	assert_int_equal(spawn("cut replay found/ext4-dmlog-1"), 1);
	assert_non_null(strstr(spawn_out, "holds:a:0000000000000000"));
	assert_int_equal(spawn("cut shrink --time 0 found/ext4-dmlog-1"), 0);
	if (system("rm -r found imported promised log"))
		fail();
}

/* ---- what is left behind ---- */

/* Loop devices of our runs. */
static unsigned devices(void)
{
	unsigned n = 0;
	glob_t g;

	if (glob("/sys/block/loop*/size", 0, NULL, &g))
		return 0;
	for (size_t i = 0; i < g.gl_pathc; i++) {
		unsigned long size = 0;
		FILE *f = fopen(g.gl_pathv[i], "r");
		if (f && fscanf(f, "%lu", &size) == 1)
			n += size == SECTORS;
		if (f)
			fclose(f);
	}
	globfree(&g);
	return n;
}

static bool ended(pid_t pid)
{
	siginfo_t info = { .si_pid = 0 };

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) || info.si_pid;
}

static void wait_for_devices(pid_t pid, unsigned n, bool exactly)
{
	uint64_t since = rt_now();

	while (exactly ? devices() != n : devices() < n) {
		if ((pid && ended(pid)) || rt_now() - since > DEADLINE) {
			if (pid)
				kill(pid, SIGKILL);
			fail_msg("%u devices are there, not %u", devices(), n);
		}
		rt->sleep(1000000);
	}
}

/* One device: a recorder is there, and mkfs or the first mount is under way. Two: images are judged. */
static void a_signal_leaves_nothing(unsigned at, int nr, int status)
{
	pid_t pid;

	need_root();
	wait_for_devices(0, 0, true);
	pid = spawn_start("cut --target " OURS " --states 1h --jobs 2 fsync_in_turn");
	wait_for_devices(pid, at, false);
	kill(pid, nr);
	int got = spawn_finish(pid);
	if (got != status)
		fail_msg("status %d: %s", got, spawn_err);
	wait_for_devices(0, 0, true);
}

static void ctrl_c_at_the_start_leaves_nothing(void **state)
{
	a_signal_leaves_nothing(1, SIGINT, 2);
}

static void ctrl_c_while_it_judges_leaves_nothing(void **state)
{
	a_signal_leaves_nothing(4, SIGINT, 0); /* with what was judged so far */
}

static void a_kill_at_the_start_leaves_nothing(void **state)
{
	a_signal_leaves_nothing(1, SIGKILL, 128 + SIGKILL);
}

static void a_kill_while_it_judges_leaves_nothing(void **state)
{
	a_signal_leaves_nothing(4, SIGKILL, 128 + SIGKILL);
}

/* The first process that this one has forked and that lives; 0: none. */
static pid_t child_of(pid_t pid)
{
	char path[64];
	int child = 0;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)pid);
	FILE *f = fopen(path, "r");
	if (f && fscanf(f, "%d", &child) != 1)
		child = 0;
	if (f)
		fclose(f);
	return child;
}

/* The process that serves the recorded device is killed in the middle, or while its file system is still being mounted:
 * no verdict comes of that. */
static void a_killed_server_ends_the_run(void **state)
{
	pid_t pid;

	need_root();
	wait_for_devices(0, 0, true);
	pid = spawn_start("cut --target " OURS " --states 1h --jobs 1 fsync_in_turn");
	wait_for_devices(pid, 2, false);
	pid_t server = child_of(child_of(pid));
	assert_true(server > 0);
	kill(server, SIGKILL);
	int got = spawn_finish(pid);
	if (got != 2 || !strstr(spawn_err, "was killed"))
		fail_msg("status %d: %s", got, spawn_err);
	wait_for_devices(0, 0, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrong_input_is_one_line_and_leaves_nothing),
		cmocka_unit_test(a_run_tells_what_it_judged),
		cmocka_unit_test(what_is_recorded_is_judged_later),
		cmocka_unit_test(all_states_of_a_small_run_are_judged),
		cmocka_unit_test(processes_share_the_states_of_a_run),
		cmocka_unit_test(a_finding_is_replayed_and_made_simpler),
		cmocka_unit_test(operations_that_are_not_needed_go),
		cmocka_unit_test(a_finding_of_the_checker_is_replayed),
		cmocka_unit_test(a_log_of_others_is_judged),
		cmocka_unit_test(ctrl_c_at_the_start_leaves_nothing),
		cmocka_unit_test(ctrl_c_while_it_judges_leaves_nothing),
		cmocka_unit_test(a_kill_at_the_start_leaves_nothing),
		cmocka_unit_test(a_kill_while_it_judges_leaves_nothing),
		cmocka_unit_test(a_killed_server_ends_the_run),
	};

	return cmocka_run_group_tests(tests, spawn_begin, spawn_end);
}
