/* tally.c: see tally.h. */
#include "cut/tally.h"

#include <math.h>
#include <stdio.h>

const struct cut_class_info cut_class_info[CUT_CLASSES_NR] = {
#define X(name, word, what) [CUT_##name] = { word, what },
	CUT_CLASSES(X)
#undef X
};

enum cut_class cut_class_of(const struct broken *b)
{
	static const enum cut_class class[BROKEN_NR] = {
		[BROKEN_UNMOUNTABLE] = CUT_UNMOUNTABLE, [BROKEN_LIST] = CUT_UNREADABLE, [BROKEN_NAME] = CUT_NAME,
		[BROKEN_LINKS] = CUT_LINKS, [BROKEN_SIZE] = CUT_SIZE, [BROKEN_EIO] = CUT_EIO,
		[BROKEN_ZEROS] = CUT_STALE, [BROKEN_VERSION] = CUT_STALE, [BROKEN_FOREIGN] = CUT_FOREIGN,
		[BROKEN_GARBAGE] = CUT_GARBAGE, [BROKEN_SPLICE] = CUT_SPLICE, [BROKEN_REPLAY] = CUT_REPLAY,
		[BROKEN_WHOLE] = CUT_FSCK,
	};

	return class[b->kind];
}

uint64_t tally_sample_at(unsigned i)
{
	return (i & 1 ? 3ull : 2ull) << i / 2;
}

void tally_state(struct tally *t, uint32_t classes)
{
	uint64_t n = atomic_fetch_add(&t->states, 1) + 1;

	for (unsigned i = 0; i < TALLY_SAMPLES && tally_sample_at(i) <= n; i++)
		if (tally_sample_at(i) == n)
			atomic_store(&t->distinct_at[i], atomic_load(&t->mounted));
	if (classes)
		atomic_fetch_add(&t->broken, 1);
	for (unsigned i = 0; i < CUT_CLASSES_NR; i++)
		if (classes >> i & 1)
			atomic_fetch_add(&t->by_class[i], 1);
}

void tally_first(struct tally *t, enum cut_class class, const char *text)
{
	if (!atomic_exchange(&t->telling[class], true))
		snprintf(t->first[class], sizeof(t->first[class]), "%s", text);
}

double tally_below(uint64_t n)
{
	return n > 3 ? 3.0 / (double)n : 1;
}

static double log_choose(uint64_t n, uint64_t k)
{
	return lgamma((double)n + 1) - lgamma((double)k + 1) - lgamma((double)(n - k) + 1);
}

/* The chance of x broken in the first arm, given how many are broken in both. */
static double log_chance(uint64_t x, uint64_t n, uint64_t m, uint64_t broken)
{
	return log_choose(n, x) + log_choose(m, broken - x) - log_choose(n + m, broken);
}

double tally_fisher(uint64_t a, uint64_t n, uint64_t b, uint64_t m)
{
	uint64_t broken = a + b, least = broken > m ? broken - m : 0, most = broken < n ? broken : n;
	double seen = log_chance(a, n, m, broken), p = 0;

	for (uint64_t x = least; x <= most; x++) {
		double chance = log_chance(x, n, m, broken);
		if (chance <= seen + 1e-7)
			p += exp(chance);
	}
	return p < 1 ? p : 1;
}
