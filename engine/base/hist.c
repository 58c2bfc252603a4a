/*
 * hist.c: buckets of a log-linear histogram: see hist.h.
 *
 * Values below 64 have a bucket each. Octave k (k = 0, 1, ...) holds the values [64 << k, 128 << k) in 64 buckets
 * of width 1 << k, so a bucket's middle is within 1/128 of every value in it.
 */
#include "base/hist.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#define SUB (1u << HIST_SUB_BITS)

void hist_init(struct hist *h)
{
	memset(h, 0, sizeof(*h));
	h->min = UINT64_MAX;
}

unsigned hist_bucket_of(uint64_t value)
{
	if (value > HIST_MAX)
		value = HIST_MAX;
	if (value < SUB)
		return (unsigned)value;

	unsigned octave = 63 - (unsigned)__builtin_clzll(value) - HIST_SUB_BITS;
	return octave * SUB + (unsigned)(value >> octave);
}

uint64_t hist_bucket_value(unsigned i)
{
	if (i < 2 * SUB)
		return i;

	unsigned octave = i / SUB - 1;
	uint64_t low = (uint64_t)(i - octave * SUB) << octave;
	return low + (1ull << octave) / 2;
}

void hist_add(struct hist *h, uint64_t value)
{
	if (value > HIST_MAX)
		value = HIST_MAX;
	h->n++;
	h->sum += value;
	if (value < h->min)
		h->min = value;
	if (value > h->max)
		h->max = value;
	h->bucket[hist_bucket_of(value)]++;
}

void hist_merge(struct hist *into, const struct hist *from)
{
	if (!from->n)
		return;
	into->n += from->n;
	into->sum += from->sum;
	if (from->min < into->min)
		into->min = from->min;
	if (from->max > into->max)
		into->max = from->max;
	for (unsigned i = hist_bucket_of(from->min); i <= hist_bucket_of(from->max); i++)
		into->bucket[i] += from->bucket[i];
}

uint64_t hist_percentile(const struct hist *h, double p)
{
	if (!h->n)
		return 0;
	if (p >= 100)
		return h->max;

	/* the smallest value that at least p percent of the values do not exceed */
	uint64_t rank = (uint64_t)ceil(p / 100 * (double)h->n);
	uint64_t seen = 0;

	if (rank < 1)
		rank = 1;
	for (unsigned i = hist_bucket_of(h->min); i < HIST_BUCKETS; i++) {
		uint64_t middle = hist_bucket_value(i);

		seen += h->bucket[i];
		if (seen >= rank)
			return middle < h->min ? h->min : middle > h->max ? h->max : middle;
	}
	return h->max;
}

uint64_t hist_told(const struct hist *h, double p)
{
	bool tells = h->n >= 10 && h->n * (uint64_t)lround(10 * (100 - p)) >= 1000; /* in tenths of a percent */

	return tells || (p >= 100 && h->n) ? hist_percentile(h, p) : 0;
}

double hist_mean(const struct hist *h)
{
	return h->n ? (double)h->sum / (double)h->n : 0;
}
