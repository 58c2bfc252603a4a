/*
 * branch.c: all crash images of an epoch that a reader can tell apart, and no more: see powercut_branches() in
 * powercut.h.
 *
 * Each branch has decided for some pending writes whether they are kept, and loses all others. The blocks that were
 * read of its image say which of the undecided writes matter: only for those are there further branches.
 *
 * No image is missed. A reader's next read depends only on what it has read so far. So when two images differ only
 * in blocks that were not read of the one, both are read alike, and a write of which no block was read needs no
 * branch. Of the writes that do matter, the first one (in pending order) that another subset keeps says which
 * branch has that subset. So every subset is in one branch, or is read like one that is.
 */
#include <errno.h>

#include "dev/fingerprint.h"

struct brancher {
	struct dev *dev;
	struct walk *walk;
	const struct epoch *epoch;
	int (*look)(void *arg, const struct cut *c, const uint64_t **read);
	void *arg;
	struct fingerprint fingerprint;
	uint64_t keep;
	uint32_t left; /* how many more images may be looked at */
	struct cut cut;
};

static bool was_read(const struct brancher *b, uint32_t i, const uint64_t *read)
{
	const struct dev_event *e = &b->walk->log->event[b->epoch->pending[i]];

	for (uint32_t blk = write_first(e); blk <= write_last(e); blk++)
		if (bit_of(read, blk))
			return true;
	return false;
}

/* The undecided writes that touch a block which was read of the image, as a mask. */
static uint64_t those_that_matter(const struct brancher *b, uint64_t decided, const uint64_t *read)
{
	uint64_t matter = 0;

	for (uint32_t i = 0; i < b->epoch->npending; i++)
		if (!(decided >> i & 1) && was_read(b, i, read))
			matter |= 1ull << i;
	return matter;
}

/* Looks at the image that keeps b->keep, then branches on the writes that are not in `decided`. */
static int branch(struct brancher *b, uint64_t decided)
{
	const uint64_t *read = NULL;

	if (!b->left--)
		return -E2BIG;
	b->cut.hash = fingerprint_of(&b->fingerprint);
	int ret = b->look(b->arg, &b->cut, &read);
	walk_to(b->walk, b->epoch->pos);
	if (ret)
		return ret;
	uint64_t matter = those_that_matter(b, decided, read), keep = b->keep;
	while (matter && !ret) {
		uint64_t first = matter & -matter;
		decided |= first;
		matter &= ~first;
		b->keep = keep | first;
		ret = branch(b, decided);
	}
	b->keep = keep;
	return ret;
}

int powercut_branches(struct dev *d, const struct epoch *e, uint32_t most,
                      int (*look)(void *arg, const struct cut *c, const uint64_t **read), void *arg)
{
	struct brancher b = { .dev = d, .walk = d->log->walk, .epoch = e, .look = look, .arg = arg, .left = most };

	if (e->npending > 64)
		return -E2BIG;
	walk_to(b.walk, e->pos);
	arena_reset(&d->log->cuts);
	b.cut = (struct cut){ .pos = e->pos, .pending = e->pending, .npending = e->npending, .keep = &b.keep };
	fingerprint_init(&b.fingerprint, b.walk, &b.cut, d->tear, &d->log->cuts);
	return branch(&b, 0);
}
