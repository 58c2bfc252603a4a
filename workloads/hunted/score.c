/* score.c: see score.h. */
#include "hunted/score.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/order.h"
#include "base/stop.h"
#include "hunt/search.h"
#include "machine/mem.h"

/* Nearest rank: the smallest value that at least `percent` of them do not exceed. */
static uint64_t rank(const uint64_t *sorted, uint32_t n, uint32_t percent)
{
	return n ? sorted[((uint64_t)n * percent + 99) / 100 - 1] : 0;
}

/*
 * A result is above the median or not, like a coin: k of n are not with chance C(n, k) / 2^n. The interval misses the
 * median when fewer than l are below it, or fewer than l above.
 */
uint32_t score_rank_low(uint32_t n)
{
	double miss = 0;
	uint32_t l = 0;

	for (;; l++) {
		miss += exp(lgamma(n + 1.) - lgamma(l + 1.) - lgamma(n - l + 1.) - n * log(2));
		if (miss > 0.025 || l >= n)
			return l;
	}
}

/* One seed's search, with a strategy that has learnt nothing yet. */
static int search_once(const struct score *s, struct hunt *h, uint32_t i, struct score_row *row, uint64_t *at,
                       struct why *why)
{
	struct search search = { .seed = rng_mix(s->seed) + i, .schedules = s->cap };
	struct strategy strategy;
	struct violation v;

	int ret = strategy_open(&strategy, row->strategy, why);
	if (ret)
		return ret;
	search.strategy = &strategy;
	violation_init(&v);
	hunt_search(h, &search, &v);
	violation_fini(&v);
	strategy_close(&strategy);
	row->schedules += search.run;
	if (stop_asked())
		return 0;
	*at = search.found_at ? search.found_at : s->cap + 1;
	row->searches++;
	row->found += search.found_at != 0;
	return 0;
}

/* A strategy that does not draw makes the same search of every seed. */
static bool is_enumerating(const char *text)
{
	struct strategy s;

	bool is = !strategy_open(&s, text, NULL) && strategy_enumerates(&s);
	strategy_close(&s);
	return is;
}

int score_run(const struct score *s, const struct race *race, const struct design *design, const char *strategy,
              struct score_row *out, struct why *why)
{
	enum verdict due = race_expect(race, design->name);
	uint32_t searches = due == VERDICT_BREAKS && !is_enumerating(strategy) ? s->seeds : 1;
	uint64_t *at, begin = rt_cpu_ns();
	struct hunt *h;

	*out = (struct score_row){ .race = race, .design = design, .due = due };
	snprintf(out->strategy, sizeof(out->strategy), "%s", strategy);
	int ret = hunt_open(race, design, &h, why);
	if (ret)
		return ret;
	if (s->granularity > h->granularity)
		h->granularity = s->granularity;
	at = mem_zalloc(searches * sizeof(*at));
	for (uint32_t i = 0; i < searches && !ret && !stop_asked(); i++)
		ret = search_once(s, h, i, out, &at[out->searches], why);
	qsort(at, out->searches, sizeof(*at), order_u64);
	out->median = rank(at, out->searches, 50);
	out->p95 = rank(at, out->searches, 95);
	uint32_t low = score_rank_low(out->searches);
	if (low) {
		out->low = at[low - 1];
		out->high = at[out->searches - low];
	}
	if (s->first && out->searches)
		memcpy(s->first, at, out->searches * sizeof(*at));
	out->seconds = (double)(rt_cpu_ns() - begin) / 1e9;
	free(at);
	hunt_close(h);
	return ret;
}

bool score_as_due(const struct score_row *row, uint32_t n)
{
	uint32_t found = 0;

	for (uint32_t i = 0; i < n; i++)
		found += row[i].found;
	return race_as_due(row[0].due, found);
}

static bool is_sooner(const struct score_row *a, const struct score_row *b)
{
	if (a->median != b->median)
		return a->median < b->median;
	return a->schedules < b->schedules;
}

void score_order(const struct score_row *row, uint32_t n, uint32_t *order)
{
	for (uint32_t i = 0; i < n; i++) {
		uint32_t at = i;
		for (; at && is_sooner(&row[i], &row[order[at - 1]]); at--)
			order[at] = order[at - 1];
		order[at] = i;
	}
}
