/*
 * dpor_test.h: what the tests of the exhaustive search share: the set of traces of a scenario, as one way
 * of searching sees it.
 */
#ifndef PICK_DPOR_TEST_H
#define PICK_DPOR_TEST_H

#include <stdlib.h>

#include "base/order.h"
#include "pick/dpor.h"
#include "pick/test_run.h"

struct trace_set {
	uint64_t *hash; /* sorted, each once */
	uint64_t n;
	uint64_t runs, cut, broken, stuck;
};

static void sort_once(struct trace_set *t)
{
	uint64_t n = 0;

	if (t->n)
		qsort(t->hash, t->n, sizeof(*t->hash), order_u64);
	for (uint64_t i = 0; i < t->n; i++)
		if (!i || t->hash[i] != t->hash[i - 1])
			t->hash[n++] = t->hash[i];
	t->n = n;
}

static void keep_hash(struct trace_set *t, uint64_t hash)
{
	if (!(t->n & (t->n - 1))) {
		t->hash = realloc(t->hash, (t->n ? 2 * t->n : 1) * sizeof(*t->hash));
		assert_non_null(t->hash);
	}
	t->hash[t->n++] = hash;
}

/* All traces that the search finds. broken(arg), asked after each run: is something wrong? NULL: never. */
static struct trace_set search_all(struct dpor *d,
                                   void (*run)(const struct coop_config *cfg, void *arg, struct coop_result *res),
                                   bool (*broken)(void *arg), void *arg)
{
	struct coop_config cfg = { .picker = &pick_dpor, .picker_state = d };
	struct trace_set t = { 0 };

	while (pick_dpor.more(d)) {
		struct coop_result res;
		run(&cfg, arg, &res);
		if (res.cut)
			continue;
		keep_hash(&t, res.trace_hash);
		t.stuck += res.end == COOP_STUCK;
		t.broken += res.end == COOP_STUCK || (broken && broken(arg));
	}
	assert_false(d->too_long);
	t.runs = d->runs;
	t.cut = d->cut;
	pick_dpor.destroy(d);
	sort_once(&t);
	return t;
}

/* Adds those of `part`, which is given up. */
static inline void add_traces(struct trace_set *all, struct trace_set *part)
{
	for (uint64_t i = 0; i < part->n; i++)
		keep_hash(all, part->hash[i]);
	all->runs += part->runs;
	free(part->hash);
	part->hash = NULL;
}

static inline bool same_traces(const struct trace_set *a, const struct trace_set *b)
{
	return a->n == b->n && (!a->n || !memcmp(a->hash, b->hash, a->n * sizeof(*a->hash)));
}

#endif
