/*
 * heat.c: latency over time. See heat.h.
 */
#include "bench/heat.h"

#include <string.h>

void heat_init(struct heat *h)
{
	memset(h, 0, sizeof(*h));
	h->slice_ns = HEAT_SLICE_NS;
}

static void add_slice(struct heat *into, unsigned to, const struct heat *from, unsigned slice)
{
	for (unsigned row = 0; row < HEAT_ROWS; row++)
		into->n[to][row] += from->n[slice][row];
	if (from->max_ns[slice] > into->max_ns[to])
		into->max_ns[to] = from->max_ns[slice];
}

/* heat.1 */
static void fold(struct heat *h)
{
	for (unsigned i = 0; i < HEAT_SLICES / 2; i++) {
		if (i) {
			memcpy(h->n[i], h->n[2 * i], sizeof(h->n[i]));
			h->max_ns[i] = h->max_ns[2 * i];
		}
		add_slice(h, i, h, 2 * i + 1);
	}
	memset(h->n[HEAT_SLICES / 2], 0, sizeof(h->n) / 2);
	memset(&h->max_ns[HEAT_SLICES / 2], 0, sizeof(h->max_ns) / 2);
	h->slice_ns *= 2;
}

void heat_add(struct heat *h, uint64_t at_ns, uint64_t latency_ns)
{
	uint64_t slice = at_ns / h->slice_ns;

	while (slice >= HEAT_SLICES) {
		fold(h);
		slice = at_ns / h->slice_ns;
	}
	h->n[slice][hist_bucket_of(latency_ns) >> HEAT_ROW_BITS]++;
	if (latency_ns > h->max_ns[slice])
		h->max_ns[slice] = latency_ns;
}

/* Slices are a power of two times HEAT_SLICE_NS, so the finer ones lie whole in the coarser. */
void heat_merge(struct heat *into, const struct heat *from)
{
	while (into->slice_ns < from->slice_ns)
		fold(into);
	for (unsigned i = 0; i < HEAT_SLICES; i++)
		add_slice(into, i * from->slice_ns / into->slice_ns, from, i);
}

uint64_t heat_row_ns(unsigned row)
{
	return hist_bucket_value(row << HEAT_ROW_BITS);
}
