/*
 * prove.c: see prove.h. One run of each order of accesses that matters (rt/dpor.h). Bounds are deepened 0, 1, 2, ...:
 * most bugs need few preemptions, so what breaks is found early and with the fewest. Without a bound there is one pass.
 *
 * A checkpoint is text: what is proved, in which part, how far, and the branch on which the search stands.
 */
#include "prove.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rt/mem.h"
#include "schedule_file.h"

#define PROGRESS_EVERY   1024u
#define CHECKPOINT_EVERY 200000u
#define MAGIC            "fsyncstorm-proof 2"

struct proving {
	struct hunt *h;
	struct proof *p;
	struct violation *v;
	struct traces traces;
	uint32_t limit;    /* of the pass under way */
	uint64_t since_ns, runs;
	double took_before;
	char *err;
};

static uint32_t first_limit(const struct proof *p)
{
	return p->preemptions == DPOR_NO_BOUND ? DPOR_NO_BOUND : 0;
}

/* ---- checkpoints ---- */

static int save(const struct proving *g, const struct dpor *d)
{
	const struct proof *p = g->p;
	char tmp[4096];

	snprintf(tmp, sizeof(tmp), "%s.new", p->checkpoint);
	FILE *out = fopen(tmp, "w");
	if (!out)
		goto fail;
	fprintf(out, MAGIC "\nrace %s design %s hash %016lx preemptions %u pass %u\nsoFar %lu %lu %.3f\n", g->h->race->name,
	        g->h->design->name, (unsigned long)schedule_config(g->h->race, g->h->design), p->preemptions, g->limit,
	        (unsigned long)p->executions, (unsigned long)p->cut, p->took);
	dpor_save(d, out);
	int bad = ferror(out);
	if (fclose(out) || bad || rename(tmp, p->checkpoint)) {
		unlink(tmp);
		goto fail;
	}
	return 0;
fail:
	snprintf(g->err, PROVE_ERR_MAX, "--checkpoint %.100s: cannot be written: %s", p->checkpoint, strerror(errno));
	return -EIO;
}

static int wrong(const struct proving *g, const char *what)
{
	snprintf(g->err, PROVE_ERR_MAX, "--checkpoint %.80s: %s; remove it, or name another file", g->p->checkpoint, what);
	return -EINVAL;
}

static int read_head(struct proving *g, FILE *in)
{
	char magic[64] = "", race[64], design[64];
	unsigned long hash, executions, cut;
	struct proof *p = g->p;
	uint32_t preemptions;

	if (!fgets(magic, sizeof(magic), in) || strcmp(magic, MAGIC "\n"))
		return wrong(g, "not a checkpoint of this version");
	if (fscanf(in, "race %63s design %63s hash %lx preemptions %u pass %u\nsoFar %lu %lu %lf\n", race, design, &hash,
	           &preemptions, &g->limit, &executions, &cut, &g->took_before) != 8)
		return wrong(g, "damaged");
	if (strcmp(race, g->h->race->name) || strcmp(design, g->h->design->name) || preemptions != p->preemptions)
		return wrong(g, "of another proof");
	if (hash != schedule_config(g->h->race, g->h->design))
		return wrong(g, "of another version of this race or design");
	p->executions = executions;
	p->cut = cut;
	return 0;
}

static struct dpor *begin_pass(const struct proving *g)
{
	struct dpor *d = dpor_new(DPOR_RACES);

	d->preemptions = g->limit;
	d->part = g->p->part;
	d->parts = g->p->parts;
	return d;
}

/* Takes up what is there. 1: a branch was read; 0: there is no checkpoint; or -errno. */
static int resume(struct proving *g, struct dpor **d)
{
	FILE *in = g->p->checkpoint ? fopen(g->p->checkpoint, "r") : NULL;
	int ret;

	if (!in)
		return g->p->checkpoint && errno != ENOENT ? wrong(g, strerror(errno)) : 0;
	ret = read_head(g, in);
	if (!ret) {
		*d = begin_pass(g);
		ret = dpor_load(*d, in) ? wrong(g, "damaged, or of another part") : 1;
	}
	fclose(in);
	return ret;
}

/* ---- a pass ---- */

static bool over(struct proving *g)
{
	struct proof *p = g->p;

	p->took = g->took_before + (double)(rt_now() - g->since_ns) / 1e9;
	return (p->stop && *p->stop) || (p->seconds > 0 && p->took - g->took_before >= p->seconds);
}

static void run_one(struct proving *g, struct dpor *d)
{
	hunt_run(g->h, &pick_dpor, d, 1);
	g->runs++;
	if (g->h->result.cut) {
		g->p->cut++;
		return;
	}
	g->p->executions++;
	traces_add(&g->traces, g->h->result.trace_hash);
	g->p->found = hunt_judge(g->h, g->v) != VIOLATION_NONE;
}

/* 1: stopped before its end; 0: through, or found; or -errno. */
static int run_pass(struct proving *g, struct dpor *d)
{
	struct proof *p = g->p;
	int ret = 0;

	while (!p->found && !ret && pick_dpor.more(d)) {
		run_one(g, d);
		if (g->runs % PROGRESS_EVERY == 0 && p->progress)
			p->progress(p, p->arg);
		bool stop = over(g);
		if (p->checkpoint && !p->found && (stop || g->runs % CHECKPOINT_EVERY == 0))
			ret = save(g, d);
		if (stop && !p->found && !ret)
			return 1;
	}
	p->too_long |= d->too_long;
	return ret;
}

/* All passes, from the one that a checkpoint was in: d, or NULL. */
static int run_passes(struct proving *g, struct dpor *d)
{
	struct proof *p = g->p;
	int ret = 0;

	for (;; g->limit++) {
		if (!d)
			d = begin_pass(g);
		ret = run_pass(g, d);
		pick_dpor.destroy(d);
		d = NULL;
		if (ret || p->found || p->too_long)
			return ret;
		p->reached = g->limit;
		if (g->limit == p->preemptions)
			break;
	}
	p->complete = true;
	return 0;
}

int prove(struct hunt *h, struct proof *p, struct violation *v, char *err)
{
	struct proving g = { .h = h, .p = p, .v = v, .limit = first_limit(p), .since_ns = rt_now(), .err = err };
	struct dpor *d = NULL;
	int ret;

	if (!p->parts)
		p->parts = 1;
	p->executions = p->cut = 0;
	p->complete = p->found = p->too_long = false;
	p->reached = DPOR_NO_BOUND;
	ret = resume(&g, &d);
	if (ret < 0) {
		if (d)
			pick_dpor.destroy(d);
		return ret;
	}
	p->resumed = ret > 0;
	traces_init(&g.traces);
	ret = run_passes(&g, d);
	over(&g);
	p->distinct = g.traces.n;
	traces_free(&g.traces);
	if (!ret && p->complete && p->checkpoint)
		unlink(p->checkpoint);
	return ret < 0 ? ret : 0;
}
