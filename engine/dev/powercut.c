/*
 * powercut.c: starting, rewinding and ending a recording, and its epochs: see powercut.h. The rest of that header
 * is in record.c (the log), walk.c (what is durable), cuts.c and branch.c (which images), image.c (making one) and
 * controls.c.
 */
#include "dev/powercut.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "dev/door.h"
#include "dev/image.h"
#include "machine/mem.h"

void powercut_start(struct dev *d)
{
	struct dev_log *l = mem_zalloc(sizeof(*l));
	uint8_t *mem = ram_memory(d);

	CHECK(mem);
	CHECK(!d->log);
	CHECK(d->ninflight == 0);
	base_init(&l->base, mem, d->size);
	layer_init(&l->now, &l->base, false);
	arena_init(&l->data);
	arena_init(&l->now_mixed);
	arena_init(&l->epochs);
	arena_init(&l->cuts);
	list_init(&l->images);
	l->walk = walk_new(l);
	ram_overlay(d, &l->now, &l->now_mixed);
	d->log = l;
}

/* Empties the record. What points into the log's copies (the layer, images) is empty by then; they go last. */
static void forget(struct dev_log *l)
{
	CHECK(l->images_open == 0);
	CHECK(l->now.ntouched == 0);
	l->n = 0;
	walk_reset(l->walk);
	arena_reset(&l->data);
	arena_reset(&l->now_mixed);
}

void powercut_restart(struct dev *d)
{
	struct dev_log *l = d->log;

	CHECK(d->ninflight == 0);
	walk_reset(l->walk);
	layer_fold(&l->now);
	forget(l);
}

void powercut_rewind(struct dev *d)
{
	dev_abandon(d);
	layer_clear(&d->log->now);
	forget(d->log);
}

void powercut_stop(struct dev *d)
{
	struct dev_log *l = d->log;

	powercut_restart(d);
	ram_overlay(d, NULL, NULL);
	d->log = NULL;
	images_free(l);
	walk_free(l->walk);
	layer_fini(&l->now);
	base_fini(&l->base);
	arena_fini(&l->data);
	arena_fini(&l->now_mixed);
	arena_fini(&l->epochs);
	arena_fini(&l->cuts);
	free(l->event);
	free(l);
}

void powercut_epoch_at(struct dev *d, uint32_t pos, struct epoch *e)
{
	struct walk *w = d->log->walk;

	walk_to(w, pos);
	e->pos = pos;
	e->npending = w->pending.n;
	e->pending = w->pending.pos;
	e->durable_hash = layer_fingerprint(&w->durable);
}

/* fn may move the walk, so it gets a copy of the pending list, and the walk is brought back. */
static int call_epoch(struct dev *d, uint32_t pos, int (*fn)(void *arg, const struct epoch *e), void *arg)
{
	struct epoch e;
	uint32_t *pending;
	int ret;

	powercut_epoch_at(d, pos, &e);
	pending = arena_get(&d->log->epochs, e.npending * sizeof(*pending));
	if (e.npending)
		memcpy(pending, e.pending, e.npending * sizeof(*pending));
	e.pending = pending;
	ret = fn(arg, &e);
	walk_to(d->log->walk, pos);
	return ret;
}

/* (powercut.2) An epoch ends before the event that makes something durable. */
int powercut_epochs(struct dev *d, int (*fn)(void *arg, const struct epoch *e), void *arg)
{
	struct walk *w = d->log->walk;
	uint32_t n = d->log->n;
	int ret;

	arena_reset(&d->log->epochs);
	for (uint32_t pos = 0; pos < n; pos++) {
		walk_to(w, pos);
		if (!walk_commits_next(w))
			continue;
		ret = call_epoch(d, pos, fn, arg);
		if (ret)
			return ret;
	}
	return call_epoch(d, n, fn, arg);
}
