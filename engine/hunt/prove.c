/*
 * prove.c: see prove.h. One run of each order of accesses that matters (pick/dpor.h). Bounds are deepened 0, 1, 2, ...:
 * most bugs need few preemptions, so a violation is found early and with the fewest. Without a bound there is one pass.
 *
 * A checkpoint is text: what is proved, which part of it, how far, the branch on which the search stands, and the
 * traces so far.
 */
#include "hunt/prove.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/replace.h"
#include "base/stop.h"
#include "hunt/judge.h"
#include "hunt/run.h"
#include "hunt/schedule_file.h"
#include "machine/mem.h"

#define PROGRESS_EVERY   1024u
#define CHECKPOINT_EVERY 200000u
#define MAGIC            "fsyncstorm-proof 3"

struct proving {
	struct hunt *h;
	struct proof *p;
	struct violation *v;
	struct traces *traces;
	struct dpor *d;
	uint64_t since_ns, runs;
	double took_before;
	struct why *why;
};

/* ---- checkpoints ---- */

static void save_traces(const struct traces *t, FILE *out)
{
	uint64_t *all = mem_alloc((t->n + 1) * sizeof(*all));

	traces_copy(t, all);
	fprintf(out, "traces %lu\n", (unsigned long)t->n);
	for (uint64_t i = 0; i < t->n; i++)
		fprintf(out, "%lx\n", (unsigned long)all[i]);
	fprintf(out, "end\n");
	free(all);
}

static int load_traces(struct traces *t, FILE *in)
{
	unsigned long n, hash;
	char end[8] = "";

	if (fscanf(in, " traces %lu", &n) != 1)
		return -EINVAL;
	for (unsigned long i = 0; i < n; i++) {
		if (fscanf(in, "%lx", &hash) != 1)
			return -EINVAL;
		traces_add(t, hash);
	}
	return fscanf(in, " %7s", end) == 1 && !strcmp(end, "end") && t->n == n ? 0 : -EINVAL;
}

static void put_state(const struct proving *g, FILE *out)
{
	const struct proof *p = g->p;
	unsigned long hash = schedule_config(g->h->race, g->h->design);

	fprintf(out, MAGIC "\npart %u of %u jobs %u\n", p->part + 1, p->parts, p->jobs);
	fprintf(out, "race %s design %s hash %016lx preemptions %u\nsoFar %lu %lu %.3f\n", g->h->race->name,
	        g->h->design->name, hash, p->preemptions, (unsigned long)p->executions, (unsigned long)p->cut, p->took);
	dpor_save(g->d, out);
	save_traces(g->traces, out);
}

static int save(const struct proving *g)
{
	const struct proof *p = g->p;
	struct replace file;
	int ret = replace_begin(&file, p->checkpoint);

	if (!ret) {
		put_state(g, file.out);
		ret = replace_end(&file, true);
	}
	if (ret)
		why_set(g->why, ret, "--checkpoint %.100s: cannot be written: %s", p->checkpoint, strerror(-ret));
	return ret;
}

static int wrong(const struct proving *g, const char *what)
{
	return why_set(g->why, -EINVAL, "--checkpoint %.80s: %s; remove it, or name another file", g->p->checkpoint,
	               what);
}

/* The part of a proof that a checkpoint is of; `part` counts from 1. */
struct part {
	uint32_t part, parts, jobs;
};

static bool read_part(FILE *in, struct part *is)
{
	return fscanf(in, "part %u of %u jobs %u\n", &is->part, &is->parts, &is->jobs) == 3 && is->part &&
	       is->part <= is->parts && is->jobs;
}

static bool read_magic(FILE *in)
{
	char magic[64] = "";

	return fgets(magic, sizeof(magic), in) && !strcmp(magic, MAGIC "\n");
}

/* Process i of `jobs` of shard s of n has part s + i * n of jobs * n. */
static int check_part(const struct proving *g, const struct part *is)
{
	uint32_t shards = g->p->parts / g->p->jobs, their_shards = is->parts / is->jobs;
	char what[120];

	if (is->part == g->p->part + 1 && is->parts == g->p->parts && is->jobs == g->p->jobs)
		return 0;
	snprintf(what, sizeof(what), "of --shard %u/%u --jobs %u, and this is --shard %u/%u --jobs %u",
	         (is->part - 1) % their_shards + 1, their_shards, is->jobs, g->p->part % shards + 1, shards,
	         g->p->jobs);
	return wrong(g, what);
}

static int read_head(struct proving *g, FILE *in)
{
	char race[64], design[64];
	unsigned long hash, executions, cut;
	struct proof *p = g->p;
	struct part is;
	uint32_t preemptions;

	if (!read_magic(in))
		return wrong(g, "not a checkpoint of this version");
	if (!read_part(in, &is) || is.jobs > is.parts)
		return wrong(g, "damaged");
	int ret = check_part(g, &is);
	if (ret)
		return ret;
	if (fscanf(in, "race %63s design %63s hash %lx preemptions %u\nsoFar %lu %lu %lf\n", race, design, &hash,
	           &preemptions, &executions, &cut, &g->took_before) != 7)
		return wrong(g, "damaged");
	if (strcmp(race, g->h->race->name) || strcmp(design, g->h->design->name) || preemptions != p->preemptions)
		return wrong(g, "of another proof");
	if (hash != schedule_config(g->h->race, g->h->design))
		return wrong(g, "of another version of this race or design");
	p->executions = executions;
	p->cut = cut;
	return 0;
}

/* Reads the checkpoint. 1: the search goes on from it; 0: there is none; or -errno and why. */
static int resume(struct proving *g)
{
	FILE *in = g->p->checkpoint ? fopen(g->p->checkpoint, "r") : NULL;
	int ret;

	if (!in)
		return g->p->checkpoint && errno != ENOENT ? wrong(g, strerror(errno)) : 0;
	ret = read_head(g, in);
	if (!ret)
		ret = dpor_load(g->d, in) || load_traces(g->traces, in) ? wrong(g, "damaged") : 1;
	fclose(in);
	return ret;
}

/* The number of processes of the checkpoint in this file; 0: there is none. resume() says what the file is instead. */
static uint32_t jobs_of(const char *path)
{
	FILE *in = fopen(path, "r");
	struct part is = { .jobs = 0 };

	if (!in)
		return 0;
	if (read_magic(in) && !read_part(in, &is))
		is.jobs = 0;
	fclose(in);
	return is.jobs;
}

int prove_check_jobs(const struct proof *p, uint32_t jobs, struct why *why)
{
	char path[4096];

	for (uint32_t i = 0; i <= PROVE_JOBS_MAX && p->checkpoint; i++) {
		snprintf(path, sizeof(path), i ? "%s.%u" : "%s", p->checkpoint, i);
		uint32_t is = jobs_of(path);
		if (is && is != jobs)
			return why_set(why, -EINVAL, "--checkpoint %.80s: %.80s is of a proof with --jobs %u, and this "
			               "is one with --jobs %u: go on with --jobs %u, or remove that file",
			               p->checkpoint, path, is, jobs, is);
	}
	return 0;
}

/* ---- the search ---- */

static bool over(struct proving *g)
{
	struct proof *p = g->p;

	p->took = g->took_before + (double)(rt_now() - g->since_ns) / 1e9;
	return stop_asked() || (p->found_elsewhere && *p->found_elsewhere) ||
	       (p->seconds > 0 && p->took - g->took_before >= p->seconds);
}

static void run_one(struct proving *g)
{
	hunt_run(g->h, &pick_dpor, g->d, 1);
	g->runs++;
	if (g->h->result.cut) {
		g->p->cut++;
		return;
	}
	g->p->executions++;
	traces_add(g->traces, g->h->result.trace_hash);
	g->p->found = hunt_judge(g->h, g->v) != VIOLATION_NONE;
}

/* Until all schedules were tried, or one fails, or it is stopped. 0, or -errno and why. */
static int search(struct proving *g)
{
	struct proof *p = g->p;
	bool stop = false;
	int ret = 0;

	while (!p->found && !stop && !ret && pick_dpor.more(g->d)) {
		run_one(g);
		if (g->runs % PROGRESS_EVERY == 0 && p->progress)
			p->progress(p, p->arg);
		stop = over(g);
		if (p->checkpoint && !p->found && (stop || g->runs % CHECKPOINT_EVERY == 0))
			ret = save(g);
	}
	return ret;
}

static void conclude(struct proving *g)
{
	const struct dpor *d = g->d;
	struct proof *p = g->p;

	over(g);
	p->too_long = d->too_long;
	p->complete = d->finished && !d->too_long;
	p->all = p->complete && !d->limited;
	if (p->preemptions != DPOR_NO_BOUND && !d->too_long)
		p->reached = p->complete ? p->preemptions : d->preemptions ? d->preemptions - 1 : DPOR_NO_BOUND;
	p->distinct = g->traces->n;
	p->counted = traces_counted(g->traces);
	if (p->complete && p->checkpoint)
		unlink(p->checkpoint);
}

int prove(struct hunt *h, struct proof *p, struct violation *v, struct why *why)
{
	struct traces own, *traces = p->traces ? p->traces : &own;
	struct proving g = { .h = h, .p = p, .v = v, .traces = traces, .since_ns = rt_now(), .why = why };
	int ret;

	if (!p->parts)
		p->parts = 1;
	if (!p->jobs)
		p->jobs = 1;
	p->executions = p->cut = 0;
	p->complete = p->found = p->all = p->too_long = false;
	p->reached = DPOR_NO_BOUND;
	if (!p->traces)
		traces_init(&own);
	g.d = dpor_new(DPOR_RACES);
	if (p->preemptions != DPOR_NO_BOUND)
		dpor_deepen(g.d, p->preemptions);
	g.d->part = p->part;
	g.d->parts = p->parts;
	ret = resume(&g);
	if (ret >= 0)
		ret = search(&g);
	if (!ret)
		conclude(&g);
	pick_dpor.destroy(g.d);
	if (!p->traces)
		traces_free(&own);
	return ret;
}
