/*
 * dpor_foot.c: what steps did (their "feet"), and which steps commute: two that touch no object in ways that conflict.
 * The table below is the one of rt.h (enum point_kind), with the kinds of dpor.h.
 */
#include <stdlib.h>

#include "base/check.h"
#include "pick/dpor.h"

bool dpor_conflict(unsigned a, unsigned b)
{
	static const uint16_t with[] = {
		[POINT_READ] = 1 << POINT_WRITE | 1 << POINT_LOCK | 1 << POINT_GIVE | 1 << POINT_UNLOCK |
			       1 << DPOR_UNSHARED,
		[POINT_WRITE] = 1 << POINT_READ | 1 << POINT_WRITE | 1 << POINT_LOCK | 1 << POINT_SHARED |
				1 << POINT_GIVE | 1 << POINT_WAITED | 1 << DPOR_BLOCKED,
		[POINT_LOCK] = 1 << POINT_READ | 1 << POINT_WRITE | 1 << POINT_LOCK | 1 << POINT_SHARED |
			       1 << POINT_WAITED,
		[POINT_SHARED] = 1 << POINT_WRITE | 1 << POINT_LOCK,
		[POINT_GIVE] = 1 << POINT_READ | 1 << POINT_WRITE | 1 << DPOR_BLOCKED,
		[POINT_UNLOCK] = 1 << POINT_READ | 1 << DPOR_BLOCKED,
		[DPOR_UNSHARED] = 1 << POINT_READ,
		[POINT_WAITED] = 1 << POINT_WRITE | 1 << POINT_LOCK,
		[DPOR_BLOCKED] = 1 << POINT_WRITE | 1 << POINT_GIVE | 1 << POINT_UNLOCK,
	};

	return a < sizeof(with) / sizeof(with[0]) && with[a] >> b & 1;
}

void dpor_foot_add(struct dpor_foot *f, struct dpor_access a)
{
	if (f->n == f->cap) {
		f->cap = f->cap ? f->cap * 2 : 8;
		f->a = realloc(f->a, f->cap * sizeof(*f->a));
		CHECK(f->a);
	}
	f->a[f->n++] = a;
}

bool dpor_foot_has(const struct dpor_foot *f, struct dpor_access a)
{
	for (uint32_t i = 0; i < f->n; i++)
		if (f->a[i].obj == a.obj && f->a[i].kind == a.kind)
			return true;
	return false;
}

void dpor_foot_join(struct dpor_foot *f, const struct dpor_foot *g)
{
	for (uint32_t i = 0; i < g->n; i++)
		if (g->a[i].kind != DPOR_BLOCKED && !dpor_foot_has(f, g->a[i]))
			dpor_foot_add(f, g->a[i]);
}

static bool conflict(struct dpor_access a, struct dpor_access b)
{
	return (a.obj == b.obj || a.obj == COOP_ANY || b.obj == COOP_ANY) && dpor_conflict(a.kind, b.kind);
}

bool dpor_feet_commute(const struct dpor_foot *f, const struct dpor_foot *g)
{
	for (uint32_t i = 0; i < f->n; i++) {
		if (f->a[i].kind == DPOR_OPEN)
			return false;
		for (uint32_t k = 0; k < g->n; k++)
			if (conflict(f->a[i], g->a[k]))
				return false;
	}
	return true;
}
