/*
 * fio.c: our own harness on a path: target against real fio with the same job in the same folder, in turns,
 * as bench --with-fio does it: median and rate of fsync must be the same.
 */
#include <stdio.h>
#include <stdlib.h>

#include "figures/figures.h"
#include "figures/trial.h"
#include "figures/turns.h"

#define P50      "fsync p50, path: / fio"
#define RATE     "fsyncs/s, path: / fio"
#define BLOCKS   11
#define TRIAL_NS 500000000ull

static const char job_text[] = "[fio]\nbs=4k\nrw=randwrite\noverwrite=1\nsize=4m\nfsync=1\n";

/* Both figures are of the same trials. */
struct side {
	struct trial trial;
	double rate[BLOCKS];
	unsigned n;
};

static double one(void *arg)
{
	struct side *side = arg;
	struct driver_result *r = trial_run(&side->trial);
	double p50 = r ? (double)hist_percentile(&r->sync, 50) : 0;

	side->rate[side->n++] = r ? driver_rate(r, &r->sync) : 0;
	if (r)
		driver_free(r);
	return p50;
}

static void compare(struct self *s, struct side side[2])
{
	struct turn p50[2] = { { one, &side[0], NULL }, { one, &side[1], NULL } };
	struct turn rate[2] = { { .value = side[0].rate }, { .value = side[1].rate } };

	turns_run(p50, 2, BLOCKS);
	if (side[0].trial.why->text[0]) {
		self_missing(s, P50, "%s", side[0].trial.why->text);
		self_missing(s, RATE, "%s", side[0].trial.why->text);
	} else {
		self_figure(s, P50, turns_ratio(&p50[0], &p50[1], BLOCKS), NEAR, 1, "x");
		self_figure(s, RATE, turns_ratio(&rate[0], &rate[1], BLOCKS), NEAR, 1, "x");
		self_info(s, "fsync of a file on this disk: p50 %.1f us, fio %.1f us; %.0f a second, fio %.0f",
		          median(p50[0].value, BLOCKS) / 1e3, median(p50[1].value, BLOCKS) / 1e3,
		          median(rate[0].value, BLOCKS), median(rate[1].value, BLOCKS));
	}
	turns_free(p50, 2);
}

void self_fio(struct self *s)
{
	struct side side[2] = { 0 };
	struct why refused, why = WHY_NONE;
	char text[PATH_MAX + 8];
	struct job_file job;
	int ret = trial_job(s, job_text, &job, &refused);

	snprintf(text, sizeof(text), "path:%s", s->dir);
	for (unsigned i = 0; i < 2 && !ret; i++) {
		side[i].trial =
			(struct trial){ .job = &job, .tasks = 1, .seconds_ns = TRIAL_NS, .fio = i, .why = &why };
		ret = trial_target(&side[i].trial, text, &refused);
	}
	if (ret) {
		self_missing(s, P50, "%s", refused.text);
		self_missing(s, RATE, "%s", refused.text);
		return;
	}
	compare(s, side);
	job_free(&job);
}
