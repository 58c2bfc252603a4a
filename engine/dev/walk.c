/*
 * walk.c: goes over the record one event at a time and keeps what is durable and what is pending: see walk.h.
 */
#include "dev/walk.h"

#include <stdlib.h>

#include "base/check.h"
#include "machine/mem.h"

static void positions_add(struct positions *p, uint32_t pos)
{
	if (p->n == p->cap) {
		p->cap = p->cap ? 2 * p->cap : 64;
		p->pos = realloc(p->pos, p->cap * sizeof(*p->pos));
		CHECK(p->pos);
	}
	p->pos[p->n++] = pos;
}

struct walk *walk_new(struct dev_log *l)
{
	struct walk *w = mem_zalloc(sizeof(*w));

	w->log = l;
	layer_init(&w->durable, &l->base, true);
	arena_init(&w->mixed);
	return w;
}

void walk_free(struct walk *w)
{
	layer_fini(&w->durable);
	arena_fini(&w->mixed);
	free(w->pending.pos);
	free(w->fua.pos);
	free(w);
}

void walk_reset(struct walk *w)
{
	w->at = 0;
	layer_clear(&w->durable);
	/* open images may stand on mixed blocks */
	if (!w->log->images_open)
		arena_reset(&w->mixed);
	w->pending.n = 0;
	w->fua.n = 0;
}

unsigned walk_sectors(const struct walk *w, uint32_t pos, uint32_t blk)
{
	const struct dev_event *event = w->log->event, *e = &event[pos];
	unsigned mask = sectors_of(e->off, e->len, blk);

	for (uint32_t i = w->fua.n; i-- > 0 && w->fua.pos[i] > pos;) {
		const struct dev_event *newer = &event[w->fua.pos[i]];

		mask &= ~sectors_of(newer->off, newer->len, blk);
	}
	return mask;
}

/* The sectors of write `pos` that no newer durable write covers are durable now. */
static void make_durable(struct walk *w, uint32_t pos)
{
	struct dev_event *e = &w->log->event[pos];

	for (uint32_t blk = write_first(e); blk <= write_last(e); blk++) {
		unsigned mask = walk_sectors(w, pos, blk);

		if (mask)
			layer_patch(&w->durable, &w->mixed, blk, write_data(e, blk), write_hash(e, blk), mask);
	}
}

static bool all_superseded(const struct walk *w, uint32_t pos)
{
	const struct dev_event *e = &w->log->event[pos];

	for (uint32_t blk = write_first(e); blk <= write_last(e); blk++)
		if (walk_sectors(w, pos, blk))
			return false;
	return true;
}

/* Completed before the flush at fsub was submitted (dev.2). */
static bool covered_by_flush(const struct walk *w, uint32_t pos, uint32_t fsub)
{
	return w->log->event[pos].of < fsub;
}

/* A durable FUA write matters only while a write older than it is pending. Both lists are in order of submission. */
static void drop_old_fua(struct walk *w)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < w->fua.n; i++)
		if (w->pending.n && w->fua.pos[i] > w->pending.pos[0])
			w->fua.pos[kept++] = w->fua.pos[i];
	w->fua.n = kept;
}

/* The flush submitted at fsub completes. */
static void commit_flush(struct walk *w, uint32_t fsub)
{
	struct positions *p = &w->pending;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < p->n; i++) {
		if (covered_by_flush(w, p->pos[i], fsub))
			make_durable(w, p->pos[i]);
		else
			p->pos[kept++] = p->pos[i];
	}
	p->n = kept;
	drop_old_fua(w);
}

/* In order of submission, whatever the order of completion: walk_sectors() relies on it. */
static void add_fua(struct walk *w, uint32_t pos)
{
	struct positions *f = &w->fua;
	uint32_t i;

	positions_add(f, pos);
	for (i = f->n - 1; i > 0 && f->pos[i - 1] > pos; i--)
		f->pos[i] = f->pos[i - 1];
	f->pos[i] = pos;
}

/* The FUA write submitted at wsub completes (dev.3); older writes that it covers whole are pending no longer. */
static void commit_fua(struct walk *w, uint32_t wsub)
{
	struct positions *p = &w->pending;
	uint32_t kept = 0;

	make_durable(w, wsub);
	add_fua(w, wsub);
	for (uint32_t i = 0; i < p->n; i++)
		if (p->pos[i] != wsub && !(p->pos[i] < wsub && all_superseded(w, p->pos[i])))
			p->pos[kept++] = p->pos[i];
	p->n = kept;
	drop_old_fua(w);
}

bool walk_commits_next(const struct walk *w)
{
	const struct dev_event *e = &w->log->event[w->at];

	if (w->at >= w->log->n || e->failed)
		return false;
	if (e->kind == DEV_WCMP)
		return e->fua;
	if (e->kind != DEV_FCMP)
		return false;
	for (uint32_t i = 0; i < w->pending.n; i++)
		if (covered_by_flush(w, w->pending.pos[i], e->of))
			return true;
	return false;
}

static void step(struct walk *w)
{
	const struct dev_event *e = &w->log->event[w->at++];

	if (e->failed)
		return;
	if (e->kind == DEV_WSUB) /* not durable by its completion alone (dev.1) */
		positions_add(&w->pending, w->at - 1);
	else if (e->kind == DEV_FCMP)
		commit_flush(w, e->of);
	else if (e->kind == DEV_WCMP && e->fua)
		commit_fua(w, e->of);
}

void walk_to(struct walk *w, uint32_t pos)
{
	CHECK(pos <= w->log->n);
	if (pos < w->at)
		walk_reset(w);
	while (w->at < pos)
		step(w);
}
