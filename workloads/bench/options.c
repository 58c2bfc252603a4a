/*
 * options.c: the options of `fsyncstorm bench`, each checked as it is read.
 */
#include "bench/options.h"

#include <errno.h>
#include <string.h>

#include "kit/options.h"
#include "base/text.h"

#define SECOND_NS 1000000000ull

enum {
	KEY_SEED = 0x100, KEY_KEEP, KEY_FORCE, KEY_NO_RESULTS, KEY_WITH_FIO, KEY_PERCENTILES, KEY_DRY_RUN, KEY_SIZE,
	KEY_DRIVER, KEY_NO_KERNEL_WAITS
};

static const struct argp_option table[] = {
	{ "target", 't', "TARGET", 0, "DESIGN@DEVICE[,key=value...], path:DIR, fs:TYPE[,mkfs=ARGUMENTS]"
	  "[,mount=OPTIONS], null; repeat it to compare", 0 },
	{ "threads", 'T', "LIST", 0, "numjobs of every section, a run for each: 1,2,4,8 (the job's own)", 0 },
	{ "trials", 'n', "N", 0, "Trials of each target, taking turns (5)", 0 },
	{ "seconds", 's', "TIME", 0, "Each trial takes this long, whatever limits the job has: 2 or 500ms", 0 },
	{ "size", KEY_SIZE, "SIZE", 0, "Size of each section of JOB that gives none", 0 },
	{ "placement", 'P', "PLAN", 0, PLACE_PLANS " (as the job says)", 0 },
	{ "events", 'e', "LIST", 0, "Count these too, by libpfm4's names: cycles,instructions,LLC-misses", 0 },
	{ "percentile-list", KEY_PERCENTILES, "LIST", 0, "These percentiles of every operation, too: 50,99,99.99", 0 },
	{ "json", 'j', "FILE", 0, "Also write the results to this file; - writes them to stdout in place of the tables",
	  0 },
	{ "out", 'o', "FOLDER", 0, "Folder of this run (results/DATE-HOST-JOB)", 0 },
	{ "no-results", KEY_NO_RESULTS, NULL, 0, "Keep no folder of this run", 0 },
	{ "with-fio", KEY_WITH_FIO, NULL, 0, "fio takes turns, too, with the same job on each path: and fs: target",
	  0 },
	{ "driver", KEY_DRIVER, "WHO", 0, "own, fio, or auto: fio itself where our own driver cannot do the job (auto)",
	  0 },
	{ "no-kernel-waits", KEY_NO_KERNEL_WAITS, NULL, 0,
	  "Do not look where a real file system's syncs wait: no trials for that", 0 },
	{ "verbose", 'v', NULL, 0, "All tables: phases, waits, counters, ratios; drives; what the words mean", 0 },
	{ "dry-run", KEY_DRY_RUN, NULL, 0, "Say what JOB would do, and what each of its keys does here; run nothing",
	  0 },
	{ "seed", KEY_SEED, "N", 0, "Seed of all chance (1)", 0 },
	{ "keep", KEY_KEEP, NULL, 0, "Keep device files that were made", 0 },
	{ "force", KEY_FORCE, NULL, 0, "Overwrite a block device or a file that is not ours", 0 },
	{ 0 },
};

static const char doc[] =
	"Measures JOB (a fio job file, or the name of one of ours: `fsyncstorm list`) on each target. Several "
	"jobs take turns, too, and are compared by their durable writes.\v"
	"A device is ram:SIZE, file:PATH[,size=SIZE], or slow:PROFILE/DEVICE; `fsyncstorm list` tells more.\n\n"
	"In place of JOB, fio's own options can stand after --:\n"
	"  fsyncstorm bench -t path:DIR -- --name=a --rw=write --fdatasync=1 --size=22m --bs=2300\n\n"
	"Example:\n"
	"  fsyncstorm bench dwsl -t prefix@file:build/a.img,size=1g -t postfix@file:build/a.img,size=1g -T 1,2,4,8\n"
	"fdatasync, or O_DSYNC?\n"
	"  fsyncstorm bench pg-wal-fdatasync pg-wal-datasync -t path:DIR";

static int wrong(const char *option, const char *expected, const char *value)
{
	cmd_error("bench", "--%s: expected %s, not `%.100s`", option, expected, value);
	return EINVAL;
}

static int set_threads(struct bench_options *o, const char *arg)
{
	if (text_list(arg, o->threads, BENCH_LEVELS_MAX, &o->nthreads))
		return wrong("threads", "numbers such as 1,2,4,8", arg);
	for (unsigned i = 0; i < o->nthreads; i++) {
		if (!o->threads[i] || o->threads[i] > JOB_CLONES_MAX)
			return wrong("threads", "numbers from 1 to 1024", arg);
		for (unsigned k = 0; k < i; k++)
			if (o->threads[k] == o->threads[i])
				return wrong("threads", "each number once", arg);
	}
	return 0;
}

static int set_trials(struct bench_options *o, const char *arg)
{
	uint64_t n;

	if (text_number(arg, &n) || !n || n > BENCH_TRIALS_MAX)
		return wrong("trials", "a number from 1 to 1000", arg);
	o->trials = n;
	return 0;
}

static int add_target(struct bench_options *o, const char *arg)
{
	if (o->ntargets == BENCH_TARGETS_MAX)
		return wrong("target", "8 targets at most", arg);
	o->target[o->ntargets++] = arg;
	return 0;
}

static int set_job(struct bench_options *o, const char *arg)
{
	if (o->njobs == BENCH_JOBS_MAX) {
		cmd_error("bench", "%.100s: %d jobs at most are compared", arg, BENCH_JOBS_MAX);
		return EINVAL;
	}
	o->job[o->njobs++] = arg;
	return 0;
}

/* fio's options, after --: all that is left. */
static int set_fio_options(struct bench_options *o, struct argp_state *state)
{
	if (o->njobs) {
		cmd_error("bench", "%.100s: a job is there already: %.100s", state->argv[state->next - 1], o->job[0]);
		return EINVAL;
	}
	o->fio_argv = &state->argv[state->next - 1];
	o->fio_argc = state->argc - (state->next - 1);
	o->job[o->njobs++] = "options";
	state->next = state->argc;
	return 0;
}

static int set_driver(struct bench_options *o, const char *arg)
{
	static const char *const names[] = { [BENCH_AUTO] = "auto", [BENCH_OWN] = "own", [BENCH_FIO] = "fio" };

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(arg, names[i])) {
			o->driver = i;
			return 0;
		}
	return wrong("driver", "own, fio or auto", arg);
}

static int set_seconds(struct bench_options *o, const char *arg)
{
	if (text_time(arg, SECOND_NS, &o->seconds_ns) || !o->seconds_ns)
		return wrong("seconds", "a time above 0 such as 2, 500ms or 1m", arg);
	return 0;
}

static int at_end(const struct bench_options *o)
{
	if (!o->njobs)
		cmd_error("bench", "no job; expected a fio job file or a name from `fsyncstorm list`");
	else if (!o->ntargets && !o->dry_run)
		cmd_error("bench", "--target: missing, expected DESIGN@DEVICE (such as postfix@ram:64m), path:DIR "
		          "or null");
	else
		return 0;
	return EINVAL;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct bench_options *o = state->input;

	switch (key) {
	case 't':
		return add_target(o, arg);
	case 'T':
		return set_threads(o, arg);
	case 'n':
		return set_trials(o, arg);
	case 's':
		return set_seconds(o, arg);
	case 'P':
		o->placement = arg;
		return 0;
	case 'e':
		o->events = arg;
		return 0;
	case 'j':
		o->json = arg;
		return *arg ? 0 : wrong("json", "a file or -", arg);
	case 'o':
		o->out = arg;
		return *arg ? 0 : wrong("out", "a folder that is not there yet", arg);
	case KEY_DRIVER:
		return set_driver(o, arg);
	case KEY_SIZE:
		o->size = arg;
		return 0;
	case KEY_SEED:
		return text_number(arg, &o->seed) ? wrong("seed", "a number", arg) : 0;
	case KEY_WITH_FIO:
		o->with_fio = true;
		return 0;
	case KEY_PERCENTILES:
		if (!bench_parse_percentiles(arg, o))
			return 0;
		return wrong("percentile-list", "up to 16 numbers above 0, 100 at most, such as 50,99,99.99", arg);
	case 'v':
		o->verbose = true;
		return 0;
	case KEY_NO_KERNEL_WAITS:
		o->no_kernel_waits = true;
		return 0;
	case KEY_KEEP:
		o->keep = true;
		return 0;
	case KEY_FORCE:
		o->force = true;
		return 0;
	case KEY_NO_RESULTS:
		o->no_results = true;
		return 0;
	case KEY_DRY_RUN:
		o->dry_run = true;
		return 0;
	case ARGP_KEY_ARG:
		return !strncmp(arg, "--", 2) ? set_fio_options(o, state) : set_job(o, arg);
	case ARGP_KEY_END:
		return at_end(o);
	}
	return ARGP_ERR_UNKNOWN;
}

const struct argp bench_argp = { table, parse, "JOB...\n-- FIO-OPTIONS", doc, NULL, NULL, NULL };
