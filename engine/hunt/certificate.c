/* certificate.c: see certificate.h. */
#include "hunt/certificate.h"

#include <math.h>

#include "pick/pct.h"
#include "pick/pickers.h"

#define CLAIM  0.99  /* a larger probability of missing is no claim */
#define WANTED 1000u /* a good claim misses once in so many searches */

static struct certificate_line *line_of(struct certificate *c, uint32_t d, uint32_t steps)
{
	for (uint32_t i = 0; i < c->nlines; i++)
		if (c->line[i].d == d && c->line[i].steps == steps)
			return &c->line[i];
	if (c->nlines == CERTIFICATE_LINES)
		return NULL; /* a run that is not counted weakens the claim, and never makes it wrong */
	c->line[c->nlines] = (struct certificate_line){ d, steps, 0 };
	return &c->line[c->nlines++];
}

void certificate_add(struct certificate *c, const struct picker *picker, const void *state,
                     const struct coop_result *run)
{
	struct certificate_line *l;
	struct pct_drawn drawn;
	bool first = !c->longest;

	if (picker != &pick_pct || run->end != COOP_FINISHED)
		return;
	if (run->steps > c->longest)
		c->longest = run->steps;
	if (first)
		return;
	pct_drawn(state, &drawn);
	if (drawn.tasks > c->tasks)
		c->tasks = drawn.tasks;
	l = line_of(c, drawn.d, drawn.steps);
	if (l)
		l->runs++;
}

void certificate_merge(struct certificate *c, const struct certificate *other)
{
	if (other->longest > c->longest)
		c->longest = other->longest;
	if (other->tasks > c->tasks)
		c->tasks = other->tasks;
	for (uint32_t i = 0; i < other->nlines; i++) {
		struct certificate_line *l = line_of(c, other->line[i].d, other->line[i].steps);
		if (l)
			l->runs += other->line[i].runs;
	}
}

/* (certificate.1) */
static bool counts(const struct certificate *c, const struct certificate_line *l, uint32_t d)
{
	return l->d == d && l->steps >= c->longest;
}

uint64_t certificate_runs(const struct certificate *c, uint32_t d)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < c->nlines; i++)
		if (counts(c, &c->line[i], d))
			n += c->line[i].runs;
	return n;
}

double certificate_miss(const struct certificate *c, uint32_t d)
{
	double log_miss = 0;

	for (uint32_t i = 0; i < c->nlines; i++)
		if (counts(c, &c->line[i], d))
			log_miss += (double)c->line[i].runs * log1p(-1 / (c->tasks * pow(c->line[i].steps, d - 1)));
	return exp(log_miss);
}

uint32_t certificate_steps(const struct certificate *c)
{
	uint32_t most = c->longest;

	for (uint32_t i = 0; i < c->nlines; i++)
		if (c->line[i].steps > most)
			most = c->line[i].steps;
	return most;
}

static void print_depths(const struct certificate *c, FILE *out)
{
	uint32_t nothing = 0; /* the first depth of which nothing is claimed */

	fprintf(out, "  certificate: n = %u tasks, k = %u steps with a choice at most "
	        "(pct's longest schedule had %u)\n", c->tasks, certificate_steps(c), c->longest);
	for (uint32_t d = 2; d < CERTIFICATE_DEPTHS; d++) {
		unsigned long runs = certificate_runs(c, d);
		if (runs && certificate_miss(c, d) < CLAIM)
			fprintf(out, "    a bug of depth %u is missed with probability at most %.3g "
			        "(N = %lu schedules of pct with d = %u)\n", d, certificate_miss(c, d), runs, d);
		else if (!nothing)
			nothing = d;
	}
	fprintf(out, "    of bugs of depth %u%s they say nothing: to miss one of depth %u once in %u it takes "
	        "%.2g of pct with d = %u\n", nothing, nothing + 1 < CERTIFICATE_DEPTHS ? " and more" : "", nothing,
	        WANTED, log(WANTED) * c->tasks * pow(certificate_steps(c), nothing - 1), nothing);
}

void certificate_print(const struct certificate *c, FILE *out)
{
	bool any = false;

	for (uint32_t d = 2; d < CERTIFICATE_DEPTHS; d++)
		any |= certificate_miss(c, d) < CLAIM;
	if (any)
		print_depths(c, out);
	else
		fprintf(out, "  no certificate: it takes more schedules of pct (--picker portfolio or pct)\n");
	fprintf(out, "  outside of the claim: processors that reorder memory accesses (all is sequentially consistent "
	        "here), power\n  cuts other than those modelled, and every other workload than this one\n");
}
