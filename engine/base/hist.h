/*
 * hist.h: a log-linear latency histogram: 64 buckets an octave, so a percentile is within 1 % of the value (as in
 * HdrHistogram). Values are nanoseconds by convention, 0 to HIST_MAX; a larger one is counted as HIST_MAX.
 *
 * Always: bucket[] sums to n, and n, sum, min and max are exact for values up to HIST_MAX.
 *
 * No lock: its task alone writes to it, and histograms are merged when the run is over.
 */
#ifndef BASE_HIST_H
#define BASE_HIST_H

#include <stdint.h>

#define HIST_SUB_BITS 6
#define HIST_OCTAVES  37 /* up to 2^42 ns, a little over an hour */
#define HIST_BUCKETS  ((HIST_OCTAVES + 1) << HIST_SUB_BITS)
#define HIST_MAX      ((1ull << (HIST_SUB_BITS + HIST_OCTAVES)) - 1)

struct hist {
	uint64_t n, sum, min, max; /* exact; min is UINT64_MAX while n == 0 */
	uint64_t bucket[HIST_BUCKETS];
};

/* Empty. */
void hist_init(struct hist *h);
void hist_add(struct hist *h, uint64_t value);
/* Adds all values of `from`. Nobody writes to either meanwhile. */
void hist_merge(struct hist *into, const struct hist *from);

/* The value at percentile p (0..100) within 1 %; 0 when empty. p=100 is the exact maximum. */
uint64_t hist_percentile(const struct hist *h, double p);
/* The same for a person; 0 where there are too few values to tell: ten in all, and one beyond the percentile. */
uint64_t hist_told(const struct hist *h, double p);
/* 0 when empty. */
double hist_mean(const struct hist *h);

/* Middle value of bucket i, for printing and for JSON. */
uint64_t hist_bucket_value(unsigned i);
/* The bucket that a value is counted in. */
unsigned hist_bucket_of(uint64_t value);

#endif
