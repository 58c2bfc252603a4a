/*
 * prove.c: see prove.h. Preemption bounds are deepened 0, 1, 2, ...: most bugs need few, so what breaks is
 * found early and with the fewest preemptions. Without a bound there is one pass.
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

#define STATES           (1ull << 23)
#define PROGRESS_EVERY   1024u
#define CHECKPOINT_EVERY 200000u
#define MAGIC            "fsyncstorm-proof 1"

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
	return p->preemptions == BOUND_NONE ? BOUND_NONE : 0;
}

/* ---- checkpoints ---- */

static int save(const struct proving *g, const struct bound *b)
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
	bound_save(b, out);
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

/* Takes up what is there. 1: a branch was read; 0: there is no checkpoint; or -errno. */
static int resume(struct proving *g, struct bound **b)
{
	FILE *in = g->p->checkpoint ? fopen(g->p->checkpoint, "r") : NULL;
	int ret;

	if (!in)
		return g->p->checkpoint && errno != ENOENT ? wrong(g, strerror(errno)) : 0;
	ret = read_head(g, in);
	if (!ret) {
		*b = bound_new(g->h, g->limit, STATES, true);
		bound_take_part(*b, g->p->part, g->p->parts);
		ret = bound_load(*b, in) ? wrong(g, "damaged, or of another part") : 1;
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

static void run_one(struct proving *g, struct bound *b)
{
	hunt_run(g->h, &pick_bound, b, 1);
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
static int run_pass(struct proving *g, struct bound *b, bool resumed)
{
	bool more = !resumed || pick_bound.more(b);
	int ret = 0;

	while (more && !g->p->found && !ret) {
		run_one(g, b);
		if (g->runs % PROGRESS_EVERY == 0 && g->p->progress)
			g->p->progress(g->p, g->p->arg);
		bool stop = over(g);
		if (g->p->checkpoint && !g->p->found && (stop || g->runs % CHECKPOINT_EVERY == 0))
			ret = save(g, b);
		if (stop && !g->p->found && !ret)
			return 1;
		more = !g->p->found && pick_bound.more(b);
	}
	return ret;
}

/* All passes, from the one that a checkpoint was in. */
static int run_passes(struct proving *g, struct bound *b)
{
	struct proof *p = g->p;
	bool resumed = b != NULL;
	int ret = 0;

	for (;; g->limit++, resumed = false) {
		if (!b) {
			b = bound_new(g->h, g->limit, STATES, true);
			bound_take_part(b, p->part, p->parts);
		}
		ret = run_pass(g, b, resumed);
		p->states_forgotten |= bound_is_full(b);
		bound_free(b);
		b = NULL;
		if (ret || p->found)
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
	struct bound *b = NULL;
	int ret;

	if (!p->parts)
		p->parts = 1;
	p->executions = p->cut = 0;
	p->complete = p->found = p->states_forgotten = false;
	p->reached = BOUND_NONE;
	ret = resume(&g, &b);
	if (ret < 0) {
		if (b)
			bound_free(b);
		return ret;
	}
	traces_init(&g.traces);
	ret = run_passes(&g, b);
	over(&g);
	p->distinct = g.traces.n;
	traces_free(&g.traces);
	if (!ret && p->complete && p->checkpoint)
		unlink(p->checkpoint);
	return ret < 0 ? ret : 0;
}
