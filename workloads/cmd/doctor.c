/*
 * doctor.c: `fsyncstorm doctor [DIR]`: what this machine can measure and what it cannot, and what to
 * do about each. One check a function, one row a check; nothing is changed and nothing is left behind.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <linux/perf_event.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "dev/facts.h"
#include "target/disk.h"
#include "machine/place.h"
#include "rt/rt.h"

#define STEAL_LOOK_NS 200000000u

enum state { OK, LIMITED, NO };

struct finding {
	enum state state;
	char what[200], advice[200]; /* advice: "" when there is nothing to be done */
};

static void found(struct finding *f, enum state state, const char *advice, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

static void found(struct finding *f, enum state state, const char *advice, const char *fmt, ...)
{
	va_list ap;

	f->state = state;
	snprintf(f->advice, sizeof(f->advice), "%s", advice);
	va_start(ap, fmt);
	vsnprintf(f->what, sizeof(f->what), fmt, ap);
	va_end(ap);
}

/* The first line of a file; "" when it cannot be read. */
static void first_line(const char *path, char *out, int size)
{
	FILE *in = fopen(path, "re");

	out[0] = '\0';
	if (!in)
		return;
	if (!fgets(out, size, in))
		out[0] = '\0';
	out[strcspn(out, "\n")] = '\0';
	fclose(in);
}

/* ---- the checks ---- */

static void check_root(const char *dir, struct finding *f)
{
	if (geteuid())
		found(f, LIMITED, "run as root for fs: targets; path: and design targets need none", "not root");
	else
		found(f, OK, "", "root");
}

static void check_loop(const char *dir, struct finding *f)
{
	int fd = open("/dev/loop-control", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		found(f, NO, "modprobe loop, as root; or give fs: a block device in place of an image",
		      "no loop devices: %s", strerror(errno));
	else
		found(f, OK, "", "file systems can be made on images");
	if (fd >= 0)
		close(fd);
}

static void check_direct(const char *dir, struct finding *f)
{
	int fd = open(dir, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);

	if (fd < 0)
		found(f, NO, "name a folder in which files can be made", "no file can be made in %.100s: %s", dir,
		      strerror(errno));
	else if (fcntl(fd, F_SETFL, O_DIRECT))
		found(f, LIMITED, "name a folder on a disk: here a design's device goes through the page cache",
		      "O_DIRECT is refused in %.100s: %s", dir, strerror(errno));
	else
		found(f, OK, "", "O_DIRECT in %.150s", dir);
	if (fd >= 0)
		close(fd);
}

static void check_device(const char *dir, struct finding *f)
{
	int fd = open(dir, O_RDONLY | O_CLOEXEC);
	struct disk d = { .why = "it cannot be opened" };
	uint64_t flushes;

	if (fd >= 0) {
		disk_under(fd, &d);
		close(fd);
	}
	if (!d.name[0])
		found(f, NO, "name a folder on a disk: an fsync here reaches none", "%.150s", d.why);
	else if (!d.write_back)
		found(f, LIMITED,
		      "nothing: its fsyncs are fast because no flush is needed; do not compare them with others'",
		      "%s has no volatile write cache", d.name);
	else if (disk_flushes(&d, &flushes))
		found(f, LIMITED, "nothing: whether an fsync was a no-op cannot be told on this device",
		      "%s has a write cache and does not count its flushes", d.name);
	else
		found(f, OK, "", "%s has a write cache, %s FUA, and counts its flushes", d.name,
		      d.fua ? "with" : "without");
}

/* What is known of the drive and the file system under the folder. */
static void look_below(const char *dir, struct dev_facts *out)
{
	int fd = facts_open(dir);

	*out = (struct dev_facts){ .n = 0 };
	if (fd < 0)
		return;
	facts_of_fd(fd, out);
	facts_of_mount(fd, out);
	close(fd);
}

static bool has_option(const struct dev_facts *f, const char *option)
{
	const char *at = facts_get(f, "fs_options");
	size_t n = strlen(option);

	while (at && *at) {
		if (!strncmp(at, option, n) && (at[n] == ',' || !at[n] || (at[n] == '=' && !strchr(option, '='))))
			return true;
		at = strchr(at, ',');
		if (at)
			at++;
	}
	return false;
}

/* What btrfs makes of it: the same drive, and another latency. */
static void check_rotational(const char *dir, struct finding *f)
{
	struct dev_facts below;
	bool btrfs, ssd;

	look_below(dir, &below);
	btrfs = !strcmp(facts_get(&below, "filesystem"), "btrfs");
	ssd = has_option(&below, "ssd") || has_option(&below, "ssd_spread");
	if (strcmp(facts_get(&below, "rotational"), "1"))
		found(f, OK, "", "%s", facts_get(&below, "rotational")[0] ? "the drive says that it is not" :
		      "no drive");
	else if (btrfs && ssd)
		found(f, OK, "", "%s says that it is, and btrfs is mounted with ssd: it does not sleep",
		      facts_get(&below, "drive"));
	else
		found(f, LIMITED,
		      "mount btrfs with -o ssd (fs:btrfs,mount=ssd), or write 0 into the device's queue/rotational",
		      "%s says that it is rotational: %s sleeps a tick of the kernel's clock in each log commit of "
		      "several fsyncers", facts_get(&below, "drive"), btrfs ? "this btrfs" : "a btrfs on it");
}

/* Options by which an fsync is another thing than it is elsewhere. */
static void check_mount(const char *dir, struct finding *f)
{
	struct dev_facts below;
	const char *type;

	look_below(dir, &below);
	type = facts_get(&below, "filesystem");
	if (has_option(&below, "nobarrier") || has_option(&below, "barrier=0"))
		found(f, LIMITED, "mount it with barriers: what fsync acknowledges here is lost in a power cut",
		      "%s is mounted without barriers: its fsyncs flush nothing, and nor does the floor", type);
	else if (has_option(&below, "data=journal"))
		found(f, LIMITED, "compare it with data=ordered, the default",
		      "%s with data=journal: an fsync writes data into the journal, and they are written again later",
		      type);
	else if (has_option(&below, "data=writeback"))
		found(f, LIMITED, "compare it with data=ordered, the default",
		      "%s with data=writeback: after a power cut a file may hold others' old blocks", type);
	else if (!strcmp(type, "overlay"))
		found(f, LIMITED, "name a folder on a volume",
		      "overlayfs: the file system below it, which does the syncs, cannot be seen");
	else if (!type[0])
		found(f, LIMITED, "name a folder of a mount that is in /proc/self/mountinfo",
		      "how it is mounted is not known");
	else
		found(f, OK, "", "%.20s: %.150s", type, facts_get(&below, "fs_options"));
}

/* A drive that is somebody's file or memory. */
static void check_virtual(const char *dir, struct finding *f)
{
	struct dev_facts below;
	const char *drive;

	look_below(dir, &below);
	drive = facts_get(&below, "drive");
	if (facts_get(&below, "backing_file")[0])
		found(f, LIMITED, "compare with targets on the same device",
		      "%s is a loop device%s: a flush is an fsync of %.60s", drive,
		      strcmp(facts_get(&below, "direct_io"), "1") ? " that writes through the page cache" : "",
		      facts_get(&below, "backing_file"));
	else if (!strncmp(drive, "vd", 2) || strstr(facts_get(&below, "model"), "QEMU") ||
	         strstr(facts_get(&below, "model"), "Virtual"))
		found(f, LIMITED, "look at the host: cache=none passes flushes on, cache=unsafe drops them",
		      "%s is a virtual disk, cache %s: what a flush costs, and whether it reaches media, is the host's",
		      drive, facts_get(&below, "write_cache"));
	else
		found(f, OK, "", "%s", drive[0] ? drive : "no drive");
}

static void check_uring(const char *dir, struct finding *f)
{
	char params[256] = { 0 }, disabled[16];
	long fd = syscall(SYS_io_uring_setup, 1, params);

	first_line("/proc/sys/kernel/io_uring_disabled", disabled, sizeof(disabled));
	if (fd >= 0) {
		found(f, OK, "", "io_uring");
		close((int)fd);
	} else if (errno == EPERM && disabled[0] && disabled[0] != '0') {
		found(f, NO, "sysctl kernel.io_uring_disabled=0; file: works without", "io_uring is disabled (%s)",
		      disabled);
	} else {
		found(f, NO, "a kernel (or container) that allows io_uring; file: works without", "no io_uring: %s",
		      strerror(errno));
	}
}

static void check_pmu(const char *dir, struct finding *f)
{
	struct perf_event_attr a = { .type = PERF_TYPE_HARDWARE, .size = sizeof(a), .config = PERF_COUNT_HW_CPU_CYCLES,
		                     .disabled = 1, .exclude_kernel = 1, .exclude_hv = 1 };
	long fd = syscall(SYS_perf_event_open, &a, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);

	if (fd >= 0) {
		found(f, OK, "", "the processor's counters (--events)");
		close((int)fd);
	} else if (errno == EACCES || errno == EPERM) {
		found(f, NO, "sysctl kernel.perf_event_paranoid=1, or run as root", "counters are not allowed");
	} else {
		found(f, NO,
		      "real hardware, or a virtual machine with a virtual PMU; the kernel's own events are there",
		      "no hardware counters: %s", strerror(errno));
	}
}

static void check_numa(const char *dir, struct finding *f)
{
	const struct place_topology *t;

	if (place_init()) {
		found(f, NO, "look at `lstopo`", "the topology cannot be read");
		return;
	}
	t = place_topology();
	if (!t->real)
		found(f, LIMITED, "unset HWLOC_SYNTHETIC",
		      "%u CPUs on %u nodes of a synthetic topology: nothing is bound", t->pus, t->nodes);
	else if (t->nodes < 2)
		found(f, LIMITED, "a machine with two nodes; HWLOC_SYNTHETIC shows the plans of one that is not there",
		      "%u CPUs on one node: near and far cannot be told apart", t->pus);
	else
		found(f, OK, "", "%u CPUs on %u nodes", t->pus, t->nodes);
}

static void check_governor(const char *dir, struct finding *f)
{
	char name[64];

	first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", name, sizeof(name));
	if (!name[0])
		found(f, LIMITED, "nothing, in a virtual machine: compare only within a run",
		      "the CPU's frequency is not ours to see");
	else if (strcmp(name, "performance"))
		found(f, LIMITED, "cpupower frequency-set -g performance",
		      "governor %s: the first fsyncs after a pause are slow", name);
	else
		found(f, OK, "", "governor performance");
}

/* Of /proc/stat, in ticks of all processors: what they wanted to run, and of it what the host took. */
struct wanted {
	unsigned long long all, stolen;
};

static struct wanted time_wanted(void)
{
	enum { USER, NICE, SYSTEM, IDLE, IOWAIT, IRQ, SOFTIRQ, STEAL, N };
	unsigned long long v[N] = { 0 };
	char line[512];

	first_line("/proc/stat", line, sizeof(line));
	sscanf(line, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6],
	       &v[7]);
	return (struct wanted){ v[USER] + v[NICE] + v[SYSTEM] + v[IRQ] + v[SOFTIRQ] + v[STEAL], v[STEAL] };
}

static double stolen_share(struct wanted from, struct wanted to)
{
	return to.all > from.all ? 100.0 * (double)(to.stolen - from.stolen) / (double)(to.all - from.all) : 0;
}

/* Nothing is stolen from who does not want to run: so it runs for a while, and looks. */
static void check_steal(const char *dir, struct finding *f)
{
	struct wanted before = time_wanted(), now;
	double share, ever;

	for (uint64_t end = rt_now() + STEAL_LOOK_NS; rt_now() < end;)
		;
	now = time_wanted();
	share = stolen_share(before, now);
	ever = stolen_share((struct wanted){ 0 }, now);
	if (share >= 1 || ever >= 1)
		found(f, LIMITED, "a quieter host; else more trials: they take turns, so ratios stay true",
		      "the host took %.1f %% of the time that was wanted just now, %.1f %% since the start", share,
		      ever);
	else
		found(f, OK, "", "the host took %.1f %% of the time that was wanted just now, %.1f %% since the start",
		      share, ever);
}

static void check_load(const char *dir, struct finding *f)
{
	char line[128];
	double load;

	first_line("/proc/loadavg", line, sizeof(line));
	load = strtod(line, NULL);
	if (load > rt_cpus() / 4.0)
		found(f, LIMITED, "stop what else runs; else more trials",
		      "load %.1f on %u CPUs: percentiles are others' too", load, rt_cpus());
	else
		found(f, OK, "", "load %.1f on %u CPUs", load, rt_cpus());
}

static bool in_path(const char *program)
{
	static const char *const folders[] = { "/usr/local/sbin", "/usr/sbin", "/sbin",
		                               "/usr/local/bin",  "/usr/bin",  "/bin" };
	char path[128];

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", folders[i], program);
		if (!access(path, X_OK))
			return true;
	}
	return false;
}

static void check_programs(const char *dir, struct finding *f)
{
	static const char *const wanted[] = { "fio", "mkfs.ext4", "mkfs.xfs", "mkfs.btrfs" };
	char missing[128] = "";

	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		if (!in_path(wanted[i]))
			snprintf(missing + strlen(missing), sizeof(missing) - strlen(missing), " %s", wanted[i]);
	if (missing[0])
		found(f, LIMITED, "scripts/deps installs them", "not installed:%s", missing);
	else
		found(f, OK, "", "fio, mkfs of ext4, xfs and btrfs");
}

static void check_clock(const char *dir, struct finding *f)
{
	if (strcmp(rt_clock_name(), "tsc"))
		found(f, LIMITED, "nothing: the harness costs some tens of ns more an operation", "the clock is %s",
		      rt_clock_name());
	else
		found(f, OK, "", "the processor's time stamp counter");
}

static const struct check {
	const char *name, *what;
	void (*run)(const char *dir, struct finding *f);
} checks[] = {
	{ "root", "making and mounting file systems", check_root },
	{ "loop", "images as devices", check_loop },
	{ "O_DIRECT", "a design's device without the page cache", check_direct },
	{ "device", "whether an fsync reaches the media", check_device },
	{ "drive", "whose flush it is", check_virtual },
	{ "rotational", "btrfs without a sleep", check_rotational },
	{ "mount", "an fsync that is one", check_mount },
	{ "io_uring", "uring: devices", check_uring },
	{ "PMU", "cycles, cache misses", check_pmu },
	{ "NUMA", "local against remote", check_numa },
	{ "governor", "a steady clock rate", check_governor },
	{ "steal", "a processor of one's own", check_steal },
	{ "load", "a machine of one's own", check_load },
	{ "clock", "cheap time", check_clock },
	{ "programs", "real file systems, fio beside us", check_programs },
};
#define NCHECKS (sizeof(checks) / sizeof(checks[0]))

static const char *const state_name[] = { [OK] = "ok", [LIMITED] = "limited", [NO] = "no" };

/* ---- the command ---- */

struct options {
	const char *dir;
	bool json;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case 'j':
		o->json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (o->dir) {
			cmd_error("doctor", "%.100s: one folder is expected", arg);
			return EINVAL;
		}
		o->dir = arg;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static void print_finding(const struct check *c, const struct finding *f)
{
	printf("%-8s %-10s %s (for: %s)\n", state_name[f->state], c->name, f->what, c->what);
	if (f->advice[0])
		printf("%19s -> %s\n", "", f->advice);
}

int cmd_doctor(int argc, char **argv)
{
	static const struct argp_option table[] = { { "json", 'j', NULL, 0, "As JSON", 0 }, { 0 } };
	static const struct argp argp = {
		.options = table, .parser = parse, .args_doc = "[DIR]",
		.doc = "What this machine can measure, in DIR (the current folder), what it cannot, and what to do "
		       "about it.",
	};
	struct options o = { .dir = NULL };
	struct stat st;
	json_t *list;
	int ret = cmd_options(&argp, argc, argv, &o);

	if (ret)
		return ret;
	if (!o.dir)
		o.dir = ".";
	if (stat(o.dir, &st))
		return cmd_error("doctor", "%.200s: %s", o.dir, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return cmd_error("doctor", "%.200s: %s", o.dir, strerror(ENOTDIR));
	list = json_array();
	for (size_t i = 0; i < NCHECKS; i++) {
		struct finding f = { .state = OK };

		checks[i].run(o.dir, &f);
		if (!o.json)
			print_finding(&checks[i], &f);
		json_array_append_new(list,
		                      json_pack("{s:s,s:s,s:s,s:s,s:s}", "name", checks[i].name, "for", checks[i].what,
		                                "state", state_name[f.state], "found", f.what, "advice", f.advice));
	}
	if (o.json) {
		json_dumpf(list, stdout, JSON_INDENT(1) | JSON_PRESERVE_ORDER);
		putchar('\n');
	}
	json_decref(list);
	return 0;
}
