/*
 * minimise_crash.c: the last stage of minimise.c. Of the crashes of one run that break the same kind of promise it
 * takes one that keeps the fewest pending writes; of these, the earliest.
 */
#include <stdlib.h>
#include <string.h>

#include "hunt/judge.h"
#include "hunt/minimise_stages.h"
#include "machine/mem.h"

struct crash_search {
	struct hunt *h;
	struct violation *v;
	struct crash best;
	bool found;
};

static int fewest_kept(void *arg, const struct cut *c)
{
	struct crash_search *x = arg;
	struct broken_list list = { .n = 0 };
	uint32_t kept = 0;

	if (!judge_cut(x->h->judge, c, &list) || list.b[0].kind != x->v->broken.kind)
		return 0;
	for (uint32_t i = 0; i < c->npending; i++)
		kept += c->keep[i / 64] >> i % 64 & 1;
	if (kept > CRASH_KEPT_MAX || (x->found && kept >= x->best.nkept))
		return 0;
	x->best = (struct crash){ .pos = c->pos, .npending = c->npending };
	for (uint32_t i = 0; i < c->npending; i++)
		if (c->keep[i / 64] >> i % 64 & 1)
			x->best.kept[x->best.nkept++] = c->pending[i];
	x->found = true;
	return 0;
}

void minimise_crash(struct hunt *h, struct violation *v)
{
	struct crash_search x = { .h = h, .v = v };
	uint32_t end = powercut_position(h->dev);

	for (uint32_t pos = 0; pos <= end && !(x.found && x.best.nkept == 0); pos++) {
		struct epoch e;
		powercut_epoch_at(h->dev, pos, &e);
		uint32_t *pending = mem_alloc((e.npending + 1) * sizeof(*pending));
		if (e.npending)
			memcpy(pending, e.pending, e.npending * sizeof(*pending));
		e.pending = pending;
		powercut_cuts(h->dev, &e, &h->budget, fewest_kept, &x);
		free(pending);
	}
	if (x.found)
		hunt_judge_crash(h, &x.best, v);
}
