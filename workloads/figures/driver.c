/*
 * driver.c: what the bench driver itself costs per operation: the job dwsl (write, fsync) on
 * the target that does nothing. Processor time of the driver's task, as the bench command reports it.
 */
#include <stdlib.h>

#include "figures/figures.h"
#include "figures/turns.h"
#include "bench/driver.h"

#define TRIALS   15
#define TRIAL_NS 100000000ull

static const char job_text[] = "[driver]\nbs=4k\nrw=randwrite\nsize=4m\nfsync=1\n";

struct null_bench {
	struct driver_config cfg;
	struct why why;
};

static double ns_per_operation(void *arg)
{
	struct null_bench *b = arg;
	struct driver_result *r;
	double ns;

	if (driver_run(&b->cfg, &r, &b->why))
		return 0;
	ns = (double)r->cpu_ns / (double)(r->op[OP_WRITE].n + r->op[OP_FSYNC].n);
	driver_free(r);
	return ns;
}

static void measure(struct self *s, struct null_bench *b)
{
	struct turn turn = { ns_per_operation, b, NULL };

	turns_run(&turn, 1, TRIALS);
	if (b->why.text[0])
		self_missing(s, "driver, per operation", "%s", b->why.text);
	else
		self_figure(s, "driver, per operation", median(turn.value, TRIALS), AT_MOST, 150, "ns");
	turns_free(&turn, 1);
}

void self_driver(struct self *s)
{
	struct null_bench b = { .cfg = { .n = 1, .seconds_ns = TRIAL_NS, .seed = 1 } };
	struct target_spec spec = { 0 };
	struct job_file job;
	struct why why;

	if (job_parse("driver", job_text, &job, &why) || target_parse("null", &spec, &why)) {
		self_missing(s, "driver, per operation", "%s", why.text);
		return;
	}
	b.cfg.spec = &spec;
	b.cfg.clones = job_clones(&job, 0, &b.cfg.n);
	measure(s, &b);
	free((void *)b.cfg.clones);
	job_free(&job);
}
