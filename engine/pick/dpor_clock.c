/*
 * dpor_clock.c: the happens-before order of the run that has ended, and what it says of who could begin another one.
 */
#include "pick/dpor_clock.h"

#define BIT(id) (1ull << (id))

struct dpor_clock dpor_clocks[DPOR_EVENTS + 1];
uint32_t dpor_ncolumns;

/* A task that is spawned after e is none of them: the task that spawns it comes first. */
uint64_t dpor_initials(const struct dpor_event *x, const struct dpor_clock *past, bool itself, uint32_t e)
{
	uint32_t first[DPOR_LIVES], column[DPOR_LIVES], n = 0;
	uint64_t initial = 0;

	for (uint32_t k = e + 1; k < x->at + itself; k++) {
		bool last = k == x->at;
		uint32_t col = last ? x->column : dpor_column_of(x->d, k), i = 0;
		const struct dpor_clock *c = last ? &x->clock : &dpor_clocks[k];
		if (!last && (dpor_before(x->d, e, c) || (past && past->t[col] <= k)))
			continue;
		while (i < n && column[i] != col && c->t[column[i]] <= first[i])
			i++;
		if (i < n) /* it has been seen, or comes after one that has */
			continue;
		column[n] = col;
		first[n++] = k;
		initial |= BIT(last ? x->task : x->d->node[k]->pick);
	}
	return initial;
}
