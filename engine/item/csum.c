/* csum.c: see csum.h. kernel: btrfs_csum_file_blocks(), btrfs_del_csums(), btrfs_lookup_csums_range(). */
#include "item/csum.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/crc32c.h"

struct csum_item { /* one item, copied out */
	uint64_t start; /* disk address */
	uint32_t n;
	uint32_t sums[CSUM_ITEM_MAX];
};

uint32_t csum_of_block(const void *data)
{
	return crc32c(0, data, FS_BLOCK);
}

static uint64_t csum_item_end(const struct csum_item *it)
{
	return it->start + (uint64_t)it->n * FS_BLOCK;
}

static int csum_item_read(const struct key *k, uint32_t len, struct csum_item *it)
{
	if (k->objectid != CSUM_OBJECTID || k->type != ITEM_CSUM)
		return -ENOENT;
	CHECK(len && len % 4 == 0 && len <= sizeof(it->sums)); /* item_check.1 */
	it->start = k->offset;
	it->n = len / 4;
	return 0;
}

/* The first item that ends after bytenr. */
static int csum_item_at(struct tree *t, uint64_t bytenr, struct csum_item *it)
{
	struct key k = { CSUM_OBJECTID, ITEM_CSUM, bytenr };
	uint32_t len = 0;

	int ret = tree_prev(t, &k, it->sums, sizeof(it->sums), &len);
	if (!ret)
		ret = csum_item_read(&k, len, it);
	if (!ret && csum_item_end(it) > bytenr)
		return 0;
	if (ret && ret != -ENOENT)
		return ret;
	k = (struct key){ CSUM_OBJECTID, ITEM_CSUM, bytenr };
	ret = tree_next(t, &k, it->sums, sizeof(it->sums), &len);
	return ret ? ret : csum_item_read(&k, len, it);
}

static int csum_insert(struct tree *t, uint64_t generation, uint64_t bytenr, const uint32_t *sums, uint32_t n)
{
	uint32_t per_item = tree_item_max(t) / 4;

	if (per_item > CSUM_ITEM_MAX)
		per_item = CSUM_ITEM_MAX;
	for (uint32_t done = 0; done < n;) {
		uint32_t nr = n - done < per_item ? n - done : per_item;
		struct key k = { CSUM_OBJECTID, ITEM_CSUM, bytenr + (uint64_t)done * FS_BLOCK };
		int ret = tree_insert(t, generation, &k, sums + done, nr * 4);
		if (ret)
			return ret == -EEXIST ? -EIO : ret; /* a damaged tree: csum.1 does not hold in it */
		done += nr;
	}
	return 0;
}

int csum_delete(struct tree *t, uint64_t generation, uint64_t bytenr, uint32_t n)
{
	uint64_t end = bytenr + (uint64_t)n * FS_BLOCK;
	struct csum_item it;

	for (;;) {
		int ret = csum_item_at(t, bytenr, &it);
		if (ret == -ENOENT || (!ret && it.start >= end))
			return 0;
		if (ret)
			return ret;
		struct key k = { CSUM_OBJECTID, ITEM_CSUM, it.start };
		ret = tree_delete(t, generation, &k);
		if (!ret && it.start < bytenr)
			ret = csum_insert(t, generation, it.start, it.sums, (uint32_t)((bytenr - it.start) / FS_BLOCK));
		if (!ret && csum_item_end(&it) > end) {
			uint32_t skip = (uint32_t)((end - it.start) / FS_BLOCK);
			ret = csum_insert(t, generation, end, it.sums + skip, it.n - skip);
		}
		if (ret)
			return ret;
	}
}

int csum_put(struct tree *t, uint64_t generation, uint64_t bytenr, const uint32_t *sums, uint32_t n)
{
	int ret = csum_delete(t, generation, bytenr, n);

	return ret ? ret : csum_insert(t, generation, bytenr, sums, n);
}

int csum_lookup(struct tree *t, uint64_t bytenr, uint32_t *sums, uint32_t n)
{
	struct csum_item it;

	for (uint32_t done = 0; done < n;) {
		uint64_t at = bytenr + (uint64_t)done * FS_BLOCK;
		int ret = csum_item_at(t, at, &it);
		if (ret)
			return ret;
		if (it.start > at)
			return -ENOENT;
		uint32_t skip = (uint32_t)((at - it.start) / FS_BLOCK);
		uint32_t nr = it.n - skip < n - done ? it.n - skip : n - done;
		memcpy(sums + done, it.sums + skip, nr * 4);
		done += nr;
	}
	return 0;
}
