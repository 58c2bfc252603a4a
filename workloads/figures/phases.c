/*
 * phases.c: how much of an fsync's time is in a phase with a name, and not in `other`: of the worst fsync in a hundred.
 * Measured on memory, where an fsync is shortest and what has no name weighs most; with one fsyncer and with several.
 *
 * The phases of an fsync sum to its latency (driver.2), so `other` is all that has no name.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/order.h"
#include "figures/rig.h"
#include "figures/figures.h"
#include "machine/mem.h"

#define OPS 20000u /* of each task */

static double named_share(struct rig *g, unsigned file)
{
	const struct task *t = rt_self();
	uint64_t other = t->phase_ns[PH_OTHER], begin;

	phase(PH_OTHER);
	begin = t->phase_since_ns;
	rig_fsync(g, file);
	phase(PH_IDLE);
	return 1 - (double)(t->phase_ns[PH_OTHER] - other) / (double)(t->phase_since_ns - begin);
}

/* arg: OPS shares of each file, in [0, 1]. */
static void fsync_often(struct rig *g, unsigned file, void *arg)
{
	double *share = arg;

	for (unsigned i = 0; i < OPS; i++) {
		phase(PH_IDLE);
		rig_write(g, file);
		share[file * OPS + i] = named_share(g, file);
	}
}

static void report(struct self *s, const char *name, unsigned tasks, double *share)
{
	unsigned n = tasks * OPS;
	double sum = 0;

	qsort(share, n, sizeof(*share), order_double);
	for (unsigned i = 0; i < n; i++)
		sum += share[i];
	self_figure(s, name, 100 * share[n / 100], AT_LEAST, 98, "%");
	self_info(s,
	          "share of an fsync in named phases, %u fsyncer%s: mean %.2f %%, p50 %.2f %%, p01 %.2f %%, p0.1 %.2f "
	          "%%, the least of %u %.2f %%",
	          tasks, tasks > 1 ? "s" : "", 100 * sum / n, 100 * share[n / 2], 100 * share[n / 100],
	          100 * share[n / 1000], n, 100 * share[0]);
}

static void measure(struct self *s, unsigned tasks)
{
	const struct rig_spec spec = { .device = "ram:512m", .design = "postfix", .files = tasks, .file_blocks = 1024 };
	double *share = mem_alloc(tasks * OPS * sizeof(*share));
	struct why why;
	char name[40];
	struct rig rig;

	snprintf(name, sizeof(name), "named phases, p01 of %u fsyncer%s", tasks, tasks > 1 ? "s" : "");
	if (rig_open(&rig, &spec, &why)) {
		self_missing(s, name, "%.200s", why.text);
		goto free_share;
	}
	rig_each_file(&rig, fsync_often, share);
	rig_close(&rig);
	report(s, name, tasks, share);
free_share:
	free(share);
}

void self_phases(struct self *s)
{
	measure(s, 1);
	measure(s, RIG_FILES_MAX);
}
