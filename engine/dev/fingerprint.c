/*
 * fingerprint.c: adds up a fingerprint from the parts (blocks) of pending writes: see fingerprint.h.
 */
#include "dev/fingerprint.h"

#include <stdlib.h>
#include <string.h>

#include "base/order.h"

static int part_cmp(const void *a, const void *b)
{
	const struct part *p = a, *q = b;

	return p->blk != q->blk ? ORDER(p->blk, q->blk) : ORDER(p->of, q->of);
}

static struct dev_event *pending_event(const struct fingerprint *f, uint32_t i)
{
	return &f->walk->log->event[f->cut->pending[i]];
}

static void collect_parts(struct fingerprint *f, struct arena *a)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < f->cut->npending; i++)
		n += write_last(pending_event(f, i)) - write_first(pending_event(f, i)) + 1;
	f->part = arena_get(a, n * sizeof(*f->part));
	f->nparts = 0;
	for (uint32_t i = 0; i < f->cut->npending; i++)
		for (uint32_t blk = write_first(pending_event(f, i)); blk <= write_last(pending_event(f, i)); blk++)
			f->part[f->nparts++] = (struct part){.blk = blk, .of = i};
	if (n > 1)
		qsort(f->part, n, sizeof(*f->part), part_cmp);
}

static void find_shared(struct fingerprint *f)
{
	uint32_t n = f->nparts;

	f->shared = false;
	for (uint32_t i = 0; i < n; i++) {
		f->part[i].alone = (i == 0 || f->part[i - 1].blk != f->part[i].blk) &&
				   (i + 1 == n || f->part[i + 1].blk != f->part[i].blk);
		f->shared |= !f->part[i].alone;
	}
}

/*
 * Applies the sectors in mask of part p to its block. *data and *hash are the block's bytes and hash before and
 * after (0: not known); mixed has room for a block.
 */
static void add_part(struct fingerprint *f, const struct part *p, unsigned mask, const uint8_t **data, uint64_t *hash,
		     uint8_t *mixed)
{
	struct dev_event *e = pending_event(f, p->of);
	const uint8_t *written = write_data(e, p->blk);

	if (mask == ALL_SECTORS) {
		*data = written;
		*hash = write_hash(e, p->blk);
		return;
	}
	if (*data != mixed)
		memcpy(mixed, *data, DEV_BLOCK);
	for (unsigned s = 0; s < DEV_BLOCK / SECTOR; s++)
		if (mask & 1u << s)
			memcpy(mixed + s * SECTOR, written + s * SECTOR, SECTOR);
	*data = mixed;
	*hash = 0;
}

/*
 * By how much the fingerprint changes with the kept ones of part[from, to), which are all of one block. all: each
 * of them counts as kept.
 */
static uint64_t parts_delta(struct fingerprint *f, uint32_t from, uint32_t to, bool all)
{
	struct layer *durable = &f->walk->durable;
	uint32_t blk = f->part[from].blk;
	const uint8_t *data = layer_at(durable, blk);
	uint64_t hash = layer_hash_at(durable, blk), old = hash;
	uint8_t mixed[DEV_BLOCK];

	for (uint32_t i = from; i < to; i++) {
		uint32_t of = f->part[i].of;
		unsigned mask = cut_sectors(f->walk, f->cut, of, blk, f->tear);

		if (mask && (all || bit_of(f->cut->keep, of)))
			add_part(f, &f->part[i], mask, &data, &hash, mixed);
	}
	if (!hash)
		hash = hash_block(data);
	return hash_at(blk, hash) - hash_at(blk, old);
}

void fingerprint_init(struct fingerprint *f, struct walk *w, const struct cut *c, uint32_t tear, struct arena *a)
{
	f->walk = w;
	f->cut = c;
	f->tear = tear;
	f->durable = layer_fingerprint(&w->durable);
	collect_parts(f, a);
	find_shared(f);
	f->delta = arena_get(a, c->npending * sizeof(*f->delta));
	for (uint32_t i = 0; i < c->npending; i++)
		f->delta[i] = 0;
	for (uint32_t i = 0; i < f->nparts; i++)
		if (f->part[i].alone)
			f->delta[f->part[i].of] += parts_delta(f, i, i + 1, true);
}

/* The index after the last part that is of the same block as part[i]. */
static uint32_t block_end(const struct fingerprint *f, uint32_t i)
{
	uint32_t end = i + 1;

	while (end < f->nparts && f->part[end].blk == f->part[i].blk)
		end++;
	return end;
}

uint64_t fingerprint_of(struct fingerprint *f)
{
	const struct cut *c = f->cut;
	uint64_t sum = f->durable;
	uint32_t end;

	for (uint32_t i = 0; i < c->npending; i++)
		if (bit_of(c->keep, i) && !(c->torn_units && c->torn == i))
			sum += f->delta[i];
	if (!f->shared && !c->torn_units)
		return sum;
	for (uint32_t i = 0; i < f->nparts; i = end) {
		bool torn = c->torn_units && f->part[i].of == c->torn;

		end = block_end(f, i);
		if (!f->part[i].alone || torn)
			sum += parts_delta(f, i, end, false);
	}
	return sum;
}
