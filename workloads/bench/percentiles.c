/*
 * percentiles.c: the percentiles that the user names (--percentile-list), of every operation, over all trials of a
 * target. A percentile is shown when at least one operation lies beyond it: otherwise it is not known.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"

int bench_parse_percentiles(const char *text, struct bench_options *o)
{
	const char *at = text;

	for (o->npercentiles = 0; o->npercentiles < BENCH_PERCENTILES_MAX; at++) {
		char *end;
		double p = strtod(at, &end);
		if (end == at || !(p > 0) || p > 100 || !strchr(",:", *end))
			return -EINVAL;
		o->percentile[o->npercentiles++] = p;
		if (!*end)
			return 0;
		at = end;
	}
	return -EINVAL;
}

static bool is_known(const struct hist *h, double p)
{
	return h->n && (p >= 100 || (double)h->n * (100 - p) >= 100 - 1e-6); /* 100 - 99.9 is not quite 0.1 */
}

static void put_row(struct screen_table *table, const struct bench *b, unsigned tasks, unsigned target, const char *op,
                    const struct hist *h)
{
	bench_row(table, b, tasks, target);
	screen_cell(table, "%s", op);
	for (unsigned i = 0; i < b->opt.npercentiles; i++)
		if (is_known(h, b->opt.percentile[i]))
			screen_cell(table, "%.1f", (double)hist_percentile(h, b->opt.percentile[i]) / 1e3);
		else
			screen_cell(table, "-");
}

void bench_print_percentiles(const struct bench *b, FILE *out)
{
	struct screen_table *table;
	char name[32];

	if (!b->opt.npercentiles)
		return;
	table = bench_rows();
	screen_column(table, "operation", true);
	for (unsigned i = 0; i < b->opt.npercentiles; i++) {
		snprintf(name, sizeof(name), "p%.7g", b->opt.percentile[i]);
		screen_column(table, name, false);
	}
	for (unsigned l = 0; l < b->nlevels; l++)
		for (unsigned t = 0; t < b->opt.ntargets; t++) {
			struct driver_result *sum = bench_sum(b, &b->level[l], t);
			const struct hist *h;
			const char *op;

			for (unsigned i = 0; sum && (h = bench_hist(sum, i, &op)); i++)
				if (h->n)
					put_row(table, b, bench_tasks(b, &b->level[l], t), t, op, h);
			driver_free(sum);
		}
	bench_put_table(table, "percentiles in us", out);
}
