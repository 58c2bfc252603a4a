/* trial.c: see trial.h. */
#include "figures/trial.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/fio_run.h"

int trial_job(struct self *s, const char *text, struct job_file *out, struct why *why)
{
	static unsigned made;
	char path[PATH_MAX], name[40];
	int ret;

	snprintf(name, sizeof(name), "bench-self-%u.fio", ++made);
	ret = self_scratch_text(s, name, text, path, sizeof(path), why);
	return ret ? ret : job_load(path, out, why);
}

int trial_target(struct trial *t, const char *text, struct why *why)
{
	int ret = target_parse(text, &t->spec, why);

	t->spec.force = true;
	return ret;
}

static int run(struct trial *t, struct driver_result **r, struct why *why)
{
	unsigned n;
	struct job_clone *clones = job_clones(t->job, t->tasks, &n);
	struct driver_config cfg = {
		.spec = &t->spec, .clones = clones, .n = n, .seconds_ns = t->seconds_ns, .seed = 1,
		.kwaits = t->kwaits,
	};
	struct fio_request fio = { .job = t->job,
		                   .clones = clones,
		                   .n = n,
		                   .numjobs = t->tasks,
		                   .seconds_ns = t->seconds_ns,
		                   .beside = true,
		                   .spec = &t->spec };
	int ret = t->fio ? fio_run(&fio, r, why) : driver_run(&cfg, r, why);

	if (!ret && (*r)->error) {
		ret = why_set(why, (*r)->error, "%s", strerror(-(*r)->error));
		driver_free(*r);
	}
	free(clones);
	return ret;
}

struct driver_result *trial_run(struct trial *t)
{
	struct driver_result *r = NULL;
	struct why why;
	int ret;

	if (t->why->text[0])
		return NULL;
	self_in_trial(true);
	ret = run(t, &r, &why);
	self_in_trial(false);
	if (!ret)
		return r;
	why_set(t->why, ret, "%s: %s", t->spec.text, why.text);
	return NULL;
}

static double figure(void *trial, double (*of)(const struct driver_result *r))
{
	struct driver_result *r = trial_run(trial);
	double value = r ? of(r) : 0;

	if (r)
		driver_free(r);
	return value;
}

static double p50_of_both(const struct driver_result *r)
{
	return (double)hist_percentile(&r->sync, 50) + (double)hist_percentile(&r->op[OP_WRITE], 50);
}

static double rate_of(const struct driver_result *r)
{
	return driver_rate(r, &r->sync);
}

double trial_write_fsync_p50(void *trial)
{
	return figure(trial, p50_of_both);
}

double trial_fsync_rate(void *trial)
{
	return figure(trial, rate_of);
}
