/* trial.c: see trial.h. */
#include "figures/trial.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/fio_run.h"

int trial_job(struct self *s, const char *text, struct job_file *out, char *err)
{
	static unsigned made;
	char path[PATH_MAX], name[40];
	FILE *f;

	snprintf(name, sizeof(name), "bench-self-%u.fio", ++made);
	self_scratch(s, name, path, sizeof(path));
	f = fopen(path, "we");
	if (!f) {
		snprintf(err, JOB_ERR_MAX, "%.200s: %s", path, strerror(errno));
		return -errno;
	}
	fputs(text, f);
	fclose(f);
	return job_load(path, out, err);
}

int trial_target(struct trial *t, const char *text, char *err)
{
	int ret = target_parse(text, &t->spec, err);

	t->spec.force = true;
	return ret;
}

static int run(struct trial *t, struct driver_result **r, char *err)
{
	unsigned n;
	struct job_clone *clones = job_clones(t->job, t->tasks, &n);
	struct driver_config cfg = { .spec = &t->spec, .clones = clones, .n = n, .seconds_ns = t->seconds_ns, .seed = 1 };
	struct fio_request fio = { .job = t->job, .clones = clones, .n = n, .numjobs = t->tasks, .seconds_ns = t->seconds_ns,
		                   .spec = &t->spec };
	int ret = t->fio ? fio_run(&fio, r, err) : driver_run(&cfg, r, err);

	if (!ret && (*r)->error) {
		snprintf(err, TARGET_ERR_MAX, "%s", strerror(-(*r)->error));
		ret = (*r)->error;
		driver_free(*r);
	}
	free(clones);
	return ret;
}

struct driver_result *trial_run(struct trial *t)
{
	struct driver_result *r = NULL;
	char err[TARGET_ERR_MAX];
	int ret;

	if (t->err[0])
		return NULL;
	self_in_trial(true);
	ret = run(t, &r, err);
	self_in_trial(false);
	if (!ret)
		return r;
	snprintf(t->err, SELF_WHY_MAX, "%.50s: %.180s", t->spec.text, err);
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
