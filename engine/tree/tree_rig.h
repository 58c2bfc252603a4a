/*
 * tree_rig.h: what the tests of engine/tree stand on: a RAM device with one tree on it, a commit, a
 * reopen from disk, and a model of what the tree must hold. Only *_test.c include it.
 */
#ifndef TREE_TREE_RIG_H
#define TREE_TREE_RIG_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "tree/cache.h"
#include "tree/node.h"
#include "tree/super.h"

#define RIG_OWNER 5u
#define RIG_KEYS  3000u

struct rig {
	uint32_t nodesize;
	bool dup;
	uint64_t meta_len, generation;
	struct dev *dev;
	struct alloc *alloc;
	struct blocks *bl;
	struct tree tree;
};

/* What the tree must hold: a row for each key that may be there, in the order of the keys. */
struct model_row {
	bool there;
	uint32_t len;
	uint64_t seed;       /* what its bytes are */
	uint64_t generation; /* of its last change */
};

struct model {
	struct model_row row[RIG_KEYS];
};

static inline struct key rig_key(uint32_t i)
{
	return (struct key){ i / 16, (uint8_t)(i / 4 % 4 * 80), i % 4 * (1ull << 60) };
}

static inline uint32_t rig_index(const struct key *k)
{
	return (uint32_t)(k->objectid * 16 + k->type / 80 * 4 + k->offset / (1ull << 60));
}

static inline void rig_fill(uint8_t *buf, uint32_t len, uint64_t seed)
{
	for (uint32_t i = 0; i < len; i++)
		buf[i] = (uint8_t)(rng_mix(seed + i / 8) >> i % 8 * 8);
}

static inline void rig_mount(struct rig *r)
{
	uint64_t data = SUPER_END + r->meta_len * (r->dup ? 2 : 1);

	r->alloc = alloc_open(SUPER_END, r->meta_len, data, 0);
	r->bl = blocks_open(r->dev, r->alloc, r->nodesize, r->dup, r->meta_len);
	blocks_set_fsid(r->bl, 77);
}

static inline void rig_open(struct rig *r, uint32_t nodesize, bool dup, uint64_t meta_len)
{
	*r = (struct rig){ .nodesize = nodesize, .dup = dup, .meta_len = meta_len, .generation = 1 };
	assert_int_equal(ram_open(SUPER_END + 2 * meta_len, &r->dev), 0);
	rig_mount(r);
	assert_int_equal(tree_create(&r->tree, r->bl, RIG_OWNER, r->generation), 0);
}

static inline void rig_unmount(struct rig *r)
{
	tree_close(&r->tree);
	blocks_close(r->bl);
	alloc_close(r->alloc);
}

static inline void rig_close(struct rig *r)
{
	rig_unmount(r);
	dev_close(r->dev);
}

/* Writes what changed; the pins of the last generation stay until rig_release(). */
static inline int rig_write(struct rig *r, struct tree_ptr *ptr)
{
	struct list list;
	struct batch b;

	list_init(&list);
	batch_init(&b, r->dev);
	tree_take_dirty(&r->tree, &list);
	tree_write_list(r->bl, &list, &b);
	assert_true(list_empty(&list));
	*ptr = tree_root_ptr(&r->tree);
	r->generation++;
	return batch_wait(&b);
}

static inline void rig_release(struct rig *r)
{
	alloc_commit_pins(r->alloc);
	alloc_release_pins(r->alloc);
}

static inline struct tree_ptr rig_commit(struct rig *r)
{
	struct tree_ptr ptr;

	assert_int_equal(rig_write(r, &ptr), 0);
	rig_release(r);
	return ptr;
}

static inline int rig_mark(void *arg, uint64_t bytenr, uint64_t generation, uint8_t level)
{
	struct rig *r = arg;

	return alloc_mark(r->alloc, ALLOC_META, bytenr, r->nodesize);
}

/* Everything in memory goes; the tree comes back from the device. */
static inline void rig_reopen(struct rig *r, const struct tree_ptr *ptr)
{
	rig_unmount(r);
	rig_mount(r);
	assert_int_equal(tree_open(&r->tree, r->bl, RIG_OWNER, ptr), 0);
	assert_int_equal(tree_walk_blocks(&r->tree, rig_mark, r), 0);
}

static inline int rig_count(void *arg, uint64_t bytenr, uint64_t generation, uint8_t level)
{
	++*(uint32_t *)arg;
	return 0;
}

static inline uint32_t rig_blocks(struct rig *r)
{
	uint32_t n = 0;

	assert_int_equal(tree_walk_blocks(&r->tree, rig_count, &n), 0);
	return n;
}

/* Whether the item is what the row says. */
static inline void rig_expect(const struct model_row *row, const uint8_t *data, uint32_t len)
{
	uint8_t want[NODE_SIZE_MAX / 4];

	assert_true(row->there);
	assert_int_equal(len, row->len);
	rig_fill(want, len, row->seed);
	assert_memory_equal(data, want, len);
}

/* One random change of key i: the tree must say what the model says. */
static inline void rig_change(struct rig *r, struct model *m, struct rng *rng, uint32_t i, unsigned what)
{
	struct model_row *row = &m->row[i];
	struct key k = rig_key(i);
	uint8_t data[NODE_SIZE_MAX / 4];
	uint32_t len = (uint32_t)rng_below(rng, tree_item_max(&r->tree) + 1);
	uint64_t seed = rng_next(rng);
	int ret;

	if (rng_below(rng, 4))
		len %= 100;
	rig_fill(data, len, seed);
	switch (what) {
	case 0:
		ret = tree_insert(&r->tree, r->generation, &k, data, len);
		assert_int_equal(ret, row->there ? -EEXIST : 0);
		break;
	case 1:
		ret = tree_put(&r->tree, r->generation, &k, data, len);
		assert_int_equal(ret, 0);
		break;
	case 2:
		ret = tree_update(&r->tree, r->generation, &k, data, len);
		assert_int_equal(ret, row->there ? 0 : -ENOENT);
		break;
	default:
		ret = tree_delete(&r->tree, r->generation, &k);
		assert_int_equal(ret, row->there ? 0 : -ENOENT);
		if (!ret)
			row->there = false;
		return;
	}
	if (!ret)
		*row = (struct model_row){ true, len, seed, r->generation };
}

/* Every key of the model, by lookup. */
static inline void rig_compare(struct tree *t, const struct model *m)
{
	for (uint32_t i = 0; i < RIG_KEYS; i++) {
		struct key k = rig_key(i);
		uint8_t data[NODE_SIZE_MAX / 4];
		uint32_t len;
		int ret = tree_lookup(t, &k, data, sizeof(data), &len);

		assert_int_equal(ret, m->row[i].there ? 0 : -ENOENT);
		if (!ret)
			rig_expect(&m->row[i], data, len);
	}
	assert_int_equal(tree_check(t), 0);
}

/* Every block of the tree is one that is in use, and no other is: nothing leaks, nothing is shared. */
static inline void rig_expect_no_leak(struct rig *r)
{
	struct alloc_space s = alloc_space(r->alloc, ALLOC_META);

	assert_int_equal(s.total - s.free - s.pinned, (uint64_t)rig_blocks(r) * r->nodesize);
}

/* Puts keys [from, to), each with a content of this length. */
static inline void rig_put(struct rig *r, struct model *m, uint32_t from, uint32_t to, uint32_t len)
{
	uint8_t data[1024];

	for (uint32_t i = from; i < to; i++) {
		struct key k = rig_key(i);

		m->row[i] = (struct model_row){ true, len, i + r->generation, r->generation };
		rig_fill(data, len, i + r->generation);
		assert_int_equal(tree_put(&r->tree, r->generation, &k, data, len), 0);
	}
}

#endif
