/*
 * compare.c: a ratio with its interval, from interleaved trials. See compare.h.
 */
#include "bench/compare.h"

#include <math.h>
#include <stdlib.h>

#include "base/rng.h"
#include "machine/mem.h"

#define RESAMPLES 2000

/* Student's t, 97.5 %, by degrees of freedom. */
static double student(unsigned df)
{
	static const double t[] = { 0, 12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
		                    2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086 };

	return df < sizeof(t) / sizeof(t[0]) ? t[df] : 1.96 + 2.5 / df;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* S2; sorts x. */
static double centre(double *x, unsigned n)
{
	unsigned cut = n < 10 ? 0 : n / 5;
	double sum = 0;

	qsort(x, n, sizeof(*x), by_value);
	for (unsigned i = cut; i < n - cut; i++)
		sum += x[i];
	return sum / (n - 2 * cut);
}

static void bootstrap(const double *x, unsigned n, uint64_t seed, double *low, double *high)
{
	double *centres = mem_alloc(sizeof(*centres) * (RESAMPLES + n)), *drawn = centres + RESAMPLES;
	struct rng rng;

	rng_seed(&rng, seed);
	for (unsigned i = 0; i < RESAMPLES; i++) {
		for (unsigned k = 0; k < n; k++)
			drawn[k] = x[rng_below(&rng, n)];
		centres[i] = centre(drawn, n);
	}
	qsort(centres, RESAMPLES, sizeof(*centres), by_value);
	*low = centres[RESAMPLES * 25 / 1000];
	*high = centres[RESAMPLES * 975 / 1000];
	free(centres);
}

void compare(const double *a, const double *b, unsigned blocks, uint64_t seed, struct comparison *out)
{
	double *log_ratio, middle, low, high, widen;

	*out = (struct comparison){ .blocks = blocks };
	for (unsigned i = 0; i < blocks; i++)
		if (!(a[i] > 0) || !(b[i] > 0))
			return;
	if (!blocks)
		return;
	log_ratio = mem_alloc(sizeof(*log_ratio) * blocks);
	for (unsigned i = 0; i < blocks; i++)
		log_ratio[i] = log(b[i] / a[i]);
	middle = centre(log_ratio, blocks);
	out->ratio = exp(middle);
	if (blocks >= COMPARE_BLOCKS_MIN) {
		bootstrap(log_ratio, blocks, seed, &low, &high);
		/* S3: a resample's spread is that of n, not of n - 1, and the normal's tails are thinner than t's. */
		widen = student(blocks - 1) / 1.96 * sqrt((double)blocks / (blocks - 1));
		out->low = exp(middle + (low - middle) * widen);
		out->high = exp(middle + (high - middle) * widen);
		out->valid = true;
		out->different = out->low > 1 || out->high < 1;
		out->detectable = exp((log(out->high) - log(out->low)) / 2) - 1;
	}
	free(log_ratio);
}
