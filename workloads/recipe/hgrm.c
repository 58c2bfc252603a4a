/*
 * hgrm.c: see hgrm.h. The rows are those of HdrHistogram's own percentile iterator: five to each halving of
 * what is left to 100 %, so the tail is as finely drawn as the middle.
 */
#include "recipe/hgrm.h"

#include <math.h>
#include <stdlib.h>

#define TICKS_PER_HALF 5

/* Of what lies in or below bucket i. */
struct cursor {
	unsigned i;
	uint64_t below;
};

static void go_to(struct cursor *c, const struct hist *h, double percentile)
{
	uint64_t want = (uint64_t)ceil(percentile / 100 * (double)h->n);

	while (c->i < HIST_BUCKETS && (c->below < want || !c->below))
		c->below += h->bucket[c->i++];
}

static double value_us(const struct cursor *c, const struct hist *h)
{
	uint64_t v = hist_bucket_value(c->i - 1);

	v = v < h->min ? h->min : v > h->max || c->below == h->n ? h->max : v;
	return (double)v / 1000;
}

static double deviation_us(const struct hist *h)
{
	double mean = hist_mean(h), sum = 0;

	for (unsigned i = 0; i < HIST_BUCKETS; i++)
		if (h->bucket[i])
			sum += pow((double)hist_bucket_value(i) - mean, 2) * (double)h->bucket[i];
	return h->n ? sqrt(sum / (double)h->n) / 1000 : 0;
}

static void print_rows(const struct hist *h, FILE *out)
{
	struct cursor c = { 0 };
	double p = 0;

	for (;;) {
		go_to(&c, h, p);
		if (c.below == h->n)
			break;
		fprintf(out, "%12.3f %2.12f %10llu %14.2f\n", value_us(&c, h), p / 100, (unsigned long long)c.below,
		        1 / (1 - p / 100));
		double half = pow(2, floor(log2(100 / (100 - p))) + 1);
		p += 100 / (TICKS_PER_HALF * half);
	}
	fprintf(out, "%12.3f %2.12f %10llu\n", value_us(&c, h), 1.0, (unsigned long long)h->n);
}

void hgrm_print(const struct hist *h, FILE *out)
{
	fprintf(out, "%12s %14s %10s %14s\n\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)");
	if (h->n)
		print_rows(h, out);
	fprintf(out, "#[Mean    = %12.3f, StdDeviation   = %12.3f]\n", hist_mean(h) / 1000, deviation_us(h));
	fprintf(out, "#[Max     = %12.3f, Total count    = %12llu]\n", h->n ? (double)h->max / 1000 : 0,
	        (unsigned long long)h->n);
	fprintf(out, "#[Buckets = %12d, SubBuckets     = %12d]\n", HIST_OCTAVES, 1 << HIST_SUB_BITS);
}

char *hgrm_text(const struct hist *h)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	hgrm_print(h, out);
	fclose(out);
	return text;
}
