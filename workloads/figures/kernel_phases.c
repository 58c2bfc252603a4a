/*
 * kernel_phases.c: how much of the time of fsyncs of the kernel's own file systems is in a phase with a name
 * (kwait/phases.h), with 1, 4 and 16 fsyncers. What no row of the table knows is told with its functions.
 *
 * That the phases sum to the mean is checked in each trial: else the figure is not measured.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "figures/figures.h"
#include "figures/trial.h"
#include "kwait/task.h"

#define TRIAL_NS 1000000000ull

static const char *const type[] = { "ext4", "xfs", "btrfs" };
static const unsigned fsyncers[] = { 1, 4, 16 };
static const char job_text[] = "[fsyncer]\nbs=4k\nrw=randwrite\noverwrite=1\nsize=4m\nfsync=1\n";

static void report(struct self *s, const char *name, struct kwait_sum *sum)
{
	uint64_t all = 0;

	for (unsigned p = 0; p < KW_NR; p++)
		all += sum->phase_ns[p];
	if (!sum->syncs || all != sum->sync_ns) {
		self_missing(s, name, "phases of %llu ns, syncs of %llu", (unsigned long long)all,
		             (unsigned long long)sum->sync_ns);
		return;
	}
	self_figure(s, name, 100 * kwait_sum_named(sum), AT_LEAST, 95, "%");
	kwait_sum_sort(sum);
	for (unsigned i = 0, told = 0; i < sum->nsites && told < 3; i++)
		if (sum->site[i].phase == PH_OTHER && ++told)
			self_info(s, "%s: %.2f %% in %s", name, 100.0 * (double)sum->site[i].ns / (double)sum->sync_ns,
			          sum->site[i].function);
}

static void measure(struct self *s, const char *fs, unsigned tasks, const struct job_file *job, struct why *why)
{
	struct trial t = { .job = job, .tasks = tasks, .seconds_ns = TRIAL_NS, .kwaits = true, .why = why };
	char name[40], image[PATH_MAX], text[PATH_MAX + 64];
	struct driver_result *r = NULL;

	snprintf(name, sizeof(name), "%s, named phases, %u fsyncer%s", fs, tasks, tasks > 1 ? "s" : "");
	self_scratch(s, "bench-self-phases.img", image, sizeof(image));
	snprintf(text, sizeof(text), "fs:%s:%s,size=320m", fs, image);
	if (!why->text[0] && !trial_target(&t, text, why))
		r = trial_run(&t);
	unlink(image);
	if (!r) {
		self_missing(s, name, "%.200s", why->text);
		return;
	}
	report(s, name, r->kwaits);
	driver_free(r);
}

void self_kernel_phases(struct self *s)
{
	struct why why = WHY_NONE;
	struct job_file job;
	int ret = geteuid() ? why_set(&why, -EPERM, "making and mounting a file system needs root") :
	                      kwait_allowed(&why);

	if (!ret)
		ret = trial_job(s, job_text, &job, &why);
	for (unsigned i = 0; i < 9; i++) {
		struct why one = why;

		measure(s, type[i / 3], fsyncers[i % 3], &job, &one);
	}
	if (!ret)
		job_free(&job);
}
