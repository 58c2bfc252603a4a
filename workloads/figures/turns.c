/* turns.c: see turns.h. */
#include "figures/turns.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/order.h"
#include "machine/mem.h"

void turns_run(struct turn *turn, unsigned n, unsigned blocks)
{
	for (unsigned i = 0; i < n; i++)
		turn[i].value = mem_alloc(blocks * sizeof(double));
	for (unsigned b = 0; b < blocks; b++)
		for (unsigned i = 0; i < n; i++) {
			struct turn *t = &turn[b % 2 ? n - 1 - i : i];
			t->value[b] = t->measure(t->arg);
		}
}

void turns_free(struct turn *turn, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		free(turn[i].value);
}

double median(const double *x, unsigned n)
{
	double *sorted = mem_alloc(n * sizeof(*sorted)), middle;

	CHECK(n > 0);
	memcpy(sorted, x, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), order_double);
	middle = (sorted[n / 2] + sorted[(n - 1) / 2]) / 2;
	free(sorted);
	return middle;
}

/* How many of n values are below the median is binomial: n / 2, give or take 1.96 times half the root of n. */
void median_interval(const double *x, unsigned n, double *low, double *high)
{
	double *sorted = mem_alloc(n * sizeof(*sorted));
	unsigned rank;

	CHECK(n > 5);
	rank = (unsigned)floor((n - 1.96 * sqrt(n)) / 2);
	memcpy(sorted, x, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), order_double);
	rank -= rank > 0;
	*low = sorted[rank];
	*high = sorted[n - 1 - rank];
	free(sorted);
}

double turns_ratio(const struct turn *b, const struct turn *a, unsigned blocks)
{
	double *ratio = mem_alloc(blocks * sizeof(*ratio)), middle;

	for (unsigned i = 0; i < blocks; i++)
		ratio[i] = b->value[i] / a->value[i];
	middle = median(ratio, blocks);
	free(ratio);
	return middle;
}
