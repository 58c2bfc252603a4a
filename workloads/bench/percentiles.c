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

static void print_row(const struct bench *b, unsigned tasks, unsigned target, const char *op, const struct hist *h,
                      FILE *out)
{
	fprintf(out, "%7u  %-18.18s %-16s", tasks, b->label[target], op);
	for (unsigned i = 0; i < b->opt.npercentiles; i++)
		if (is_known(h, b->opt.percentile[i]))
			fprintf(out, " %10.1f", (double)hist_percentile(h, b->opt.percentile[i]) / 1e3);
		else
			fprintf(out, " %10s", "-");
	fputc('\n', out);
}

void bench_print_percentiles(const struct bench *b, FILE *out)
{
	char name[32];

	if (!b->opt.npercentiles)
		return;
	fprintf(out, "\npercentiles in us\n%7s  %-18s %-16s", "threads", "target", "operation");
	for (unsigned i = 0; i < b->opt.npercentiles; i++) {
		snprintf(name, sizeof(name), "p%.7g", b->opt.percentile[i]);
		fprintf(out, " %10s", name);
	}
	fputc('\n', out);
	for (unsigned l = 0; l < b->nlevels; l++)
		for (unsigned t = 0; t < b->opt.ntargets; t++) {
			struct driver_result *sum = bench_sum(b, &b->level[l], t);
			const struct hist *h;
			const char *op;

			for (unsigned i = 0; sum && (h = bench_hist(sum, i, &op)); i++)
				if (h->n)
					print_row(b, b->level[l].n, t, op, h, out);
			driver_free(sum);
		}
}
