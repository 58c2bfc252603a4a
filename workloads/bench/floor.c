/*
 * floor.c: what a trial took against the floor of its device, and whether that can be trusted.
 *
 * (L1) The floor is the least that the device takes: of the looks before and after a trial the one with
 *      the lower p50 counts. The other one was disturbed, and would make a ratio too good.
 * (L2) Looks further apart than MOVED are told. Of memory and of a model of a drive two of them differ
 *      by a tenth at most, so twice is the device and not the look; and a ratio that may as well be half
 *      of what it says is no figure any more.
 * (L3) So is a ratio below 1: a sync that is durable cannot take less than a write and a flush.
 */
#include "bench/bench.h"

#define MOVED 2

static uint64_t p50(const struct hist *h)
{
	return hist_percentile(h, 50);
}

/* (L1) */
const struct hist *bench_floor(const struct driver_result *r)
{
	bool after = r->floor_after.n && (!r->floor.n || p50(&r->floor_after) < p50(&r->floor));

	return after ? &r->floor_after : &r->floor;
}

double bench_floor_ratio(const struct driver_result *r)
{
	const struct hist *floor = bench_floor(r);

	return floor->n && r->promised && !r->syncs_unknown ? bench_request_ns(r) / (double)p50(floor) : 0;
}

/* The lowest and the highest p50 of all looks; 0 when there was none. */
static void find_range(const struct bench *b, const struct bench_level *l, unsigned target, uint64_t *low, uint64_t *high)
{
	*low = *high = 0;
	for (unsigned i = 0; i < b->opt.trials; i++) {
		const struct driver_result *r = l->trial[target][i];
		const struct hist *look[] = { r ? &r->floor : NULL, r ? &r->floor_after : NULL };

		for (unsigned k = 0; r && k < 2; k++) {
			if (!look[k]->n)
				continue;
			*low = !*low || p50(look[k]) < *low ? p50(look[k]) : *low;
			*high = p50(look[k]) > *high ? p50(look[k]) : *high;
		}
	}
}

static void print_row(const struct bench *b, const struct bench_level *l, unsigned target, const struct driver_result *r,
                      FILE *out)
{
	double ratio = bench_floor_ratio(r);
	uint64_t low, high;

	find_range(b, l, target, &low, &high);
	if (high > low * MOVED) /* L2 */
		fprintf(out, "notice: %s, %u task%s: the device's floor moved meanwhile, looks at it say %.1f to %.1f us: x floor is "
		        "rough\n", b->label[target], l->n, l->n == 1 ? "" : "s", (double)low / 1e3, (double)high / 1e3);
	if (ratio > 0 && ratio < 1) /* L3 */
		fprintf(out, "notice: %s, %u task%s: x floor is %.2f, and below 1 nothing stands on that floor: it moved meanwhile, or "
		        "half of the syncs had nothing to flush\n",
		        b->label[target], l->n, l->n == 1 ? "" : "s", ratio);
}

void bench_print_floor(const struct bench *b, const struct driver_result *const *sum, FILE *out)
{
	for (unsigned l = 0; l < b->nlevels; l++)
		for (unsigned t = 0; t < b->opt.ntargets; t++)
			if (sum[l * b->opt.ntargets + t])
				print_row(b, &b->level[l], t, sum[l * b->opt.ntargets + t], out);
}
