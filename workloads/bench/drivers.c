/*
 * drivers.c: who drives a job: our own driver, or fio itself, which knows every key of its language. A folder is driven
 * by fio as it is, a design through the external engine (fio_engine.c), which lies beside the program.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "bench/fio_run.h"
#include "kit/program.h"

static bool fio_is_there(struct why *why)
{
	static char *const argv[] = { "fio", "--version", NULL };

	return !program_run(argv, NULL, why);
}

/* A mapping of a file is a design's, or fio's. */
static bool maps_kernel_files(const struct bench *b)
{
	bool mapped = false, kernel = b->opt.ntargets > 0;

	for (unsigned k = 0; k < b->njobs; k++)
		for (unsigned i = 0; i < b->job[k].file.n; i++)
			mapped |= b->job[k].file.job[i].mapped;
	for (unsigned t = 0; t < b->opt.ntargets; t++)
		kernel &= b->spec[t].target->kernel;
	return mapped && kernel;
}

/* The engine takes the place of the job's ioengine: one that does something else than reads and writes is lost. */
static const struct job_said *odd_engine(const struct bench *b)
{
	const struct job_file *jf = &b->job[0].file;

	for (unsigned i = 0; i < jf->nsaid; i++)
		if (!strcmp(jf->said[i].key, "ioengine") && jf->said[i].answer == JOB_CANNOT)
			return &jf->said[i];
	return NULL;
}

static int check_target(const struct bench *b, const struct target_spec *s, struct why *why)
{
	const struct job_said *odd = odd_engine(b);
	char engine[PATH_MAX];

	if (s->target->view.folder)
		return 0;
	if (s->target != &target_engine)
		return why_set(why, -EINVAL, "--target %.60s: fio can drive a folder or a design", s->text);
	if (s->keep || s->force)
		return why_set(why, -EINVAL, "--%s: not with a design that fio drives", s->keep ? "keep" : "force");
	if (odd)
		return why_set(why, -EINVAL, "--target %.60s: ioengine=%s has no meaning on a design: only on path: "
		               "and fs:", s->text, odd->value);
	if (fio_engine_path(engine))
		return why_set(why, -EINVAL, "--target %.60s: for fio to drive a design, fsyncstorm-fio.so must lie "
		               "beside the program; `make fio-engine` builds it", s->text);
	return 0;
}

/* Of all jobs. */
static int refused(const struct bench *b, bool by_fio, struct why *why)
{
	int ret = 0;

	for (unsigned i = 0; i < b->njobs && !ret; i++)
		ret = job_refused(&b->job[i].file, by_fio, why);
	return ret;
}

static int check_fio(struct bench *b, struct why *why)
{
	int ret = refused(b, true, why);

	if (!ret && b->njobs > 1)
		ret = why_set(why, -EINVAL, "several jobs are compared by their durable writes, which fio does not "
		              "measure");
	if (!ret && b->opt.with_fio)
		ret = why_set(why, -EINVAL, "--with-fio: fio drives all targets already");
	for (unsigned t = 0; t < b->opt.ntargets && !ret; t++)
		ret = check_target(b, &b->spec[t], why);
	return ret;
}

int bench_choose_driver(struct bench *b, struct why *why)
{
	int own = refused(b, false, why);
	struct why fios;

	if (!own && maps_kernel_files(b))
		own = why_set(why, -EINVAL, "ioengine=mmap: on a real file system that is fio's");
	if (b->opt.driver == BENCH_OWN || (b->opt.driver == BENCH_AUTO && !own))
		return own;
	if (b->opt.driver == BENCH_AUTO) {
		if (refused(b, true, &fios))
			return own; /* with all keys */
		snprintf(b->why_fio, sizeof(b->why_fio), "%s", why->text);
	}
	if (check_fio(b, &fios) || !fio_is_there(&fios))
		return why_set(why, -EINVAL, "%s%s%s", b->why_fio, b->why_fio[0] ? "; and by fio: " : "", fios.text);
	b->by_fio = true;
	for (unsigned t = 0; t < b->opt.ntargets; t++)
		b->spec[t].fio = true;
	return 0;
}
