/*
 * extent_item.c: see extent_item.h. kernel: __btrfs_drop_extents(), insert_reserved_file_extent().
 *
 * An item that comes out of a tree can be believed (item_check.1), and so can extent_item.1 once the image is mounted.
 * Replay works before mount.c has looked at the latter: in a damaged image it may find two items that overlap, and
 * gives -EIO.
 */
#include <stdlib.h>
#include <zstd.h>

#include "item/csum.h"
#include "fs/extent_item.h"

#define COMPRESSED_BUCKETS 256u

/* A compressed extent and how many items of subvolume trees refer to it; none: it is not in the table. */
struct compressed_extent {
	struct list link;
	uint64_t bytenr;
	uint64_t disk_len, ram_bytes; /* as the first item said that the mount has met; 0: it was made since */
	int refs;
};

void compressed_init(struct fs *fs)
{
	mutex_init(&fs->compressed_lock, L_COMPRESSED, 0);
	fs->compressed = NULL;
}

void compressed_fini(struct fs *fs)
{
	struct list *pos, *tmp;

	for (uint32_t b = 0; fs->compressed && b < COMPRESSED_BUCKETS; b++)
		list_for_each_safe(pos, tmp, &fs->compressed[b])
			free(list_entry(pos, struct compressed_extent, link));
	free(fs->compressed);
}

/* compressed_lock held. */
static struct compressed_extent *compressed_find(struct fs *fs, uint64_t bytenr)
{
	struct list *pos, *head = &fs->compressed[bytenr / FS_BLOCK % COMPRESSED_BUCKETS];

	CHECK(mutex_held(&fs->compressed_lock));
	list_for_each(pos, head) {
		struct compressed_extent *c = list_entry(pos, struct compressed_extent, link);
		if (c->bytenr == bytenr)
			return c;
	}
	return NULL;
}

/* Found, or made with no reference. The table itself is made by the first compressed extent. compressed_lock held. */
static struct compressed_extent *compressed_get(struct fs *fs, uint64_t bytenr)
{
	if (!fs->compressed) {
		fs->compressed = mem_alloc(COMPRESSED_BUCKETS * sizeof(*fs->compressed));
		for (uint32_t b = 0; b < COMPRESSED_BUCKETS; b++)
			list_init(&fs->compressed[b]);
	}
	struct compressed_extent *c = compressed_find(fs, bytenr);
	if (!c) {
		c = mem_zalloc(sizeof(*c));
		c->bytenr = bytenr;
		list_add(&c->link, &fs->compressed[bytenr / FS_BLOCK % COMPRESSED_BUCKETS]);
	}
	return c;
}

int compressed_unpack(const struct extent_item *it, const void *in, void *raw)
{
	unsigned long long framed = ZSTD_getFrameContentSize(in, it->disk_len);
	size_t size = ZSTD_findFrameCompressedSize(in, it->disk_len);

	if (framed != it->ram_bytes || ZSTD_isError(size) ||
	    ZSTD_decompress(raw, it->ram_bytes, in, size) != it->ram_bytes)
		return -EIO;
	return 0;
}

bool compressed_in_use(struct fs *fs, uint64_t bytenr)
{
	mutex_lock_quiet(&fs->compressed_lock);
	bool used = fs->compressed && compressed_find(fs, bytenr);
	mutex_unlock(&fs->compressed_lock);
	return used;
}

bool compressed_meet(struct fs *fs, const struct extent_item *it, bool *first)
{
	mutex_lock_quiet(&fs->compressed_lock);
	struct compressed_extent *c = compressed_get(fs, it->disk_bytenr);
	*first = !c->refs;
	if (*first) {
		c->disk_len = it->disk_len;
		c->ram_bytes = it->ram_bytes;
	}
	bool same = c->disk_len == it->disk_len && c->ram_bytes == it->ram_bytes;
	c->refs++;
	mutex_unlock(&fs->compressed_lock);
	return same;
}

bool compressed_ref(struct fs *fs, uint64_t bytenr, int n)
{
	mutex_lock_quiet(&fs->compressed_lock);
	struct compressed_extent *c = compressed_get(fs, bytenr);
	CHECK(n && c->refs + n >= 0); /* nobody gives back what nobody has */
	c->refs += n;
	bool gone = c->refs == 0;
	if (gone) {
		list_del(&c->link);
		free(c);
	}
	mutex_unlock(&fs->compressed_lock);
	return gone;
}

/* The item at *k as an extent of ino; -ENOENT when it is something else. */
static int extent_read(const struct key *k, const uint8_t *buf, uint32_t len, uint64_t ino, struct extent *e)
{
	if (k->objectid != ino || k->type != ITEM_EXTENT)
		return -ENOENT;
	CHECK(len >= sizeof(e->item) && len <= sizeof(e->item) + EXTENT_INLINE_MAX); /* item_check.1 */
	e->start = k->offset;
	memcpy(&e->item, buf, sizeof(e->item));
	e->inline_len = len - (uint32_t)sizeof(e->item);
	memcpy(e->inline_data, buf + sizeof(e->item), e->inline_len);
	return 0;
}

int extent_at(struct tree *t, uint64_t ino, uint64_t off, struct extent *e)
{
	uint8_t buf[sizeof(struct extent_item) + EXTENT_INLINE_MAX];
	struct key k = { ino, ITEM_EXTENT, off };
	uint32_t len = 0;

	/* items do not overlap (extent_item.1), so only the last one that begins at or before `off` can cover it */
	int ret = tree_prev(t, &k, buf, sizeof(buf), &len);
	if (!ret)
		ret = extent_read(&k, buf, len, ino, e);
	if (!ret && extent_end(e) > off)
		return 0;
	if (ret && ret != -ENOENT)
		return ret;
	k = (struct key){ ino, ITEM_EXTENT, off };
	ret = tree_next(t, &k, buf, sizeof(buf), &len);
	return ret ? ret : extent_read(&k, buf, len, ino, e);
}

int extent_insert(struct fs *fs, struct tree *t, uint64_t generation, uint64_t ino, const struct extent *e, bool own)
{
	uint8_t buf[sizeof(struct extent_item) + EXTENT_INLINE_MAX];
	struct key k = { ino, ITEM_EXTENT, e->start };

	CHECK(e->inline_len <= EXTENT_INLINE_MAX);
	CHECK(!own || t->owner != LOG_TREE_ID); /* extent_item.2 */
	memcpy(buf, &e->item, sizeof(e->item));
	memcpy(buf + sizeof(e->item), e->inline_data, e->inline_len);
	int ret = tree_insert(t, generation, &k, buf, (uint32_t)sizeof(e->item) + e->inline_len);
	if (ret == -EEXIST)
		return -EIO; /* two items of a damaged image overlap (extent_item.1) */
	if (!ret && own && e->item.compress && e->item.kind == EXTENT_REG)
		compressed_ref(fs, e->item.disk_bytenr, 1);
	return ret;
}

/* No item of a subvolume tree names this part of the disk any more. Pinned, not free: the trees of the last commit
 * still name it (alloc.1). Its checksums go in the same transaction. */
static int space_release(const struct extent_drop *d, uint64_t bytenr, uint64_t len)
{
	CHECK(d->how != DROP_IN_LOG && d->tree->owner != LOG_TREE_ID); /* extent_item.2 */
	if (d->how == DROP_COLLECT) {
		d->collect(d->arg, bytenr, len);
		return 0;
	}
	d->fs->on.give_up_data(d->fs->alloc, ALLOC_DATA, bytenr, len);
	mutex_lock(&d->fs->csum_lock);
	int ret = csum_delete(&d->fs->csum_tree, d->generation, bytenr, (uint32_t)(len / FS_BLOCK));
	mutex_unlock(&d->fs->csum_lock);
	return ret;
}

/* The part [from, to) of item `e` is no longer in the tree; its other parts have been put back. */
static int extent_let_go(const struct extent_drop *d, const struct extent *e, uint64_t from, uint64_t to)
{
	const struct extent_item *it = &e->item;

	CHECK(e->start <= from && from < to && to <= extent_end(e));
	if (d->how == DROP_IN_LOG || d->how == DROP_IN_PLACE || it->kind == EXTENT_INLINE || it->disk_bytenr == 0)
		return 0;
	if (!it->compress)
		return space_release(d, it->disk_bytenr + it->offset + (from - e->start), to - from);
	if (d->how == DROP_COLLECT || compressed_ref(d->fs, it->disk_bytenr, -1))
		return space_release(d, it->disk_bytenr, it->disk_len);
	return 0;
}

/* The part [from, to) of an item that was taken out goes back in: it names the same extent on disk, further in. */
static int extent_put_part(const struct extent_drop *d, const struct extent *e, uint64_t from, uint64_t to)
{
	struct extent part = *e;

	CHECK(e->start <= from && from < to && to <= extent_end(e));
	part.start = from;
	part.item.len = to - from;
	part.item.offset += from - e->start;
	return extent_insert(d->fs, d->tree, d->generation, d->ino, &part, d->how == DROP_RELEASE);
}

int extent_drop(const struct extent_drop *d, uint64_t start, uint64_t end)
{
	struct extent e;

	for (;;) {
		int ret = extent_at(d->tree, d->ino, start, &e);
		if (ret == -ENOENT || (!ret && e.start >= end))
			return 0;
		if (ret)
			return ret;
		uint64_t from = e.start > start ? e.start : start;
		uint64_t to = extent_end(&e) < end ? extent_end(&e) : end;
		CHECK(from < to);
		struct key k = { d->ino, ITEM_EXTENT, e.start };
		/*
		 * From here until its parts are back, the item is away: readers look under the same lock as the caller
		 * holds. A compressed extent has its parts counted before the whole is let go, so that the count does
		 * not touch 0 on the way (extent_item.3).
		 */
		ret = tree_delete(d->tree, d->generation, &k);
		if (!ret && e.start < from)
			ret = extent_put_part(d, &e, e.start, from);
		if (!ret && extent_end(&e) > to)
			ret = extent_put_part(d, &e, to, extent_end(&e));
		if (!ret)
			ret = extent_let_go(d, &e, from, to);
		if (ret)
			return ret;
	}
}
