/* item_check.c: see item_check.h. One function a kind of item, in the order of item.h. */
#include "item/item_check.h"

#include <errno.h>
#include <string.h>

#include "item/names.h"

#define wrong(why, ...) why_set(why, -EIO, __VA_ARGS__)

static unsigned long ul(uint64_t n)
{
	return (unsigned long)n;
}

static int check_ino(uint64_t ino, struct why *why)
{
	if (ino < FIRST_FILE_INO || ino >= INO_MAX)
		return wrong(why, "%lu is no number of an inode", ul(ino));
	return 0;
}

static int check_len(const struct item_view *it, size_t len, struct why *why)
{
	return it->len == len ? 0 : wrong(why, "%u bytes instead of %zu", it->len, len);
}

static int check_root(uint64_t owner, uint64_t generation, const struct item_view *it, struct why *why)
{
	struct root_item r;
	uint64_t id = it->key->objectid;
	bool subvol = id >= FIRST_SUBVOL_ID && id - FIRST_SUBVOL_ID < SUBVOLS_MAX;

	if (check_len(it, sizeof(r), why))
		return -EIO;
	memcpy(&r, it->data, sizeof(r));
	if ((!subvol && (owner == LOG_TREE_ID || id != CSUM_TREE_ID)) || it->key->offset)
		return wrong(why, "the root of a tree that does not exist");
	if (r.generation > generation)
		return wrong(why, "a root of generation %lu, which is later than its own", ul(r.generation));
	if (r.level >= TREE_LEVELS)
		return wrong(why, "a root of level %lu", ul(r.level));
	if (subvol && owner == ROOT_TREE_ID && (r.next_ino < FIRST_FILE_INO || r.next_ino > INO_MAX))
		return wrong(why, "%lu cannot be the next inode's number", ul(r.next_ino));
	return 0; /* its address: tree_open() */
}

static int check_inode(uint64_t owner, uint64_t generation, const struct item_view *it, struct why *why)
{
	struct inode_item i;

	if (check_len(it, sizeof(i), why) || check_ino(it->key->objectid, why))
		return -EIO;
	memcpy(&i, it->data, sizeof(i));
	if (it->key->offset)
		return wrong(why, "an inode at an offset");
	if (i.transid > generation || i.generation > i.transid)
		return wrong(why, "made in transaction %lu, changed in %lu, but written in %lu", ul(i.generation),
			     ul(i.transid), ul(generation));
	if (i.flags & ~(INODE_ITEM_FLAGS | (owner == LOG_TREE_ID ? INODE_ITEM_EXISTS : 0)))
		return wrong(why, "flags %x", i.flags);
	if (i.size > FILE_SIZE_MAX)
		return wrong(why, "a file of %lu bytes", ul(i.size));
	if (i.nlink > LINKS_MAX)
		return wrong(why, "%u links", i.nlink);
	return 0;
}

static int check_name(const char *name, struct why *why)
{
	size_t n = strnlen(name, FS_NAME_MAX);

	if (n == FS_NAME_MAX)
		return wrong(why, "a name without an end");
	return n && !memchr(name, '/', n) ? 0 : wrong(why, "a name that is empty or has a /");
}

static int check_inode_ref(const struct item_view *it, struct why *why)
{
	uint32_t n = it->len / FS_NAME_MAX;

	if (!n || n > LINKS_MAX || it->len % FS_NAME_MAX)
		return wrong(why, "names in %u bytes", it->len);
	if (check_ino(it->key->objectid, why))
		return -EIO;
	if (it->key->offset != DIR_INO)
		return wrong(why, "a name that is in no directory");
	for (uint32_t i = 0; i < n; i++) {
		const char *name = (const char *)it->data + i * FS_NAME_MAX;
		if (check_name(name, why))
			return -EIO;
		for (uint32_t k = 0; k < i; k++)
			if (!strcmp(name, (const char *)it->data + k * FS_NAME_MAX))
				return wrong(why, "one name twice");
	}
	return 0;
}

static int check_dir(const struct item_view *it, struct why *why)
{
	struct dir_item d;

	if (check_len(it, sizeof(d), why))
		return -EIO;
	memcpy(&d, it->data, sizeof(d));
	if (it->key->objectid != DIR_INO)
		return wrong(why, "a name that is in no directory");
	if (check_name(d.name, why) || check_ino(d.ino, why))
		return -EIO;
	return name_hash(d.name) == it->key->offset ? 0 : wrong(why, "not under the hash of its name");
}

static int check_dir_log(const struct item_view *it, struct why *why)
{
	struct dir_log_item d;

	if (check_len(it, sizeof(d), why))
		return -EIO;
	memcpy(&d, it->data, sizeof(d));
	if (it->key->objectid != DIR_INO || d.last < it->key->offset)
		return wrong(why, "no range of names");
	return 0;
}

static int check_orphan(const struct item_view *it, struct why *why)
{
	if (check_len(it, 0, why) || check_ino(it->key->offset, why))
		return -EIO;
	return it->key->objectid == ORPHAN_INO ? 0 : wrong(why, "an orphan mark in the wrong place");
}

/* A regular extent: whole blocks of the data region, and a part of them. */
static int check_on_disk(const struct super *s, const struct extent_item *x, struct why *why)
{
	uint64_t data = super_data_start(s), end = data + (s->dev_size - data) / FS_BLOCK * FS_BLOCK;
	uint64_t whole = x->compress ? x->ram_bytes : x->disk_len;

	if ((x->disk_bytenr | x->disk_len | x->ram_bytes | x->offset) % FS_BLOCK)
		return wrong(why, "an extent that is not of whole blocks");
	if (x->disk_len == 0 || x->disk_len > EXTENT_LEN_MAX || whole == 0 || whole > EXTENT_LEN_MAX)
		return wrong(why, "an extent of %lu bytes on the disk and %lu in the file", ul(x->disk_len), ul(whole));
	if (x->disk_bytenr < data || x->disk_bytenr > end || x->disk_len > end - x->disk_bytenr)
		return wrong(why, "an extent at %lu+%lu, outside of the data", ul(x->disk_bytenr), ul(x->disk_len));
	if (x->offset > whole || x->len > whole - x->offset)
		return wrong(why, "%lu+%lu of an extent of %lu bytes", ul(x->offset), ul(x->len), ul(whole));
	return 0;
}

static int check_extent(const struct super *s, uint64_t owner, uint64_t generation, const struct item_view *it,
                        const struct item_view *before, struct why *why)
{
	uint64_t start = it->key->offset;
	struct extent_item x;

	if (check_ino(it->key->objectid, why))
		return -EIO;
	if (it->len < sizeof(x))
		return wrong(why, "cut short at %u bytes", it->len);
	memcpy(&x, it->data, sizeof(x));
	if (x.generation > generation)
		return wrong(why, "written in transaction %lu, which is later than its own", ul(x.generation));
	if ((start | x.len) % FS_BLOCK || !x.len || start > FILE_SIZE_MAX || x.len > FILE_SIZE_MAX - start)
		return wrong(why, "it covers %lu+%lu of the file", ul(start), ul(x.len));
	if (x.compress != COMPRESS_NONE && x.compress != COMPRESS_ZSTD)
		return wrong(why, "compression of kind %u", x.compress);
	if (before && before->key->objectid == it->key->objectid && before->key->type == ITEM_EXTENT) {
		struct extent_item b;
		memcpy(&b, before->data, sizeof(b)); /* it passed, so it is long enough and ends somewhere */
		if (before->key->offset + b.len > start)
			return wrong(why, "the extent before it covers a part of it");
	}
	if (x.kind == EXTENT_INLINE) {
		uint32_t n = it->len - (uint32_t)sizeof(x);
		if (start || x.len != FS_BLOCK || x.compress || n > EXTENT_INLINE_MAX)
			return wrong(why, "%u bytes in the tree for %lu+%lu of the file", n, ul(start), ul(x.len));
		return 0;
	}
	if (x.kind != EXTENT_REG && x.kind != EXTENT_PREALLOC)
		return wrong(why, "an extent of kind %u", x.kind);
	if (x.kind == EXTENT_PREALLOC && (x.compress || !x.disk_bytenr))
		return wrong(why, "preallocated space that is compressed, or nowhere");
	if (check_len(it, sizeof(x), why))
		return -EIO;
	if (x.disk_bytenr)
		return check_on_disk(s, &x, why);
	return owner == LOG_TREE_ID ? 0 : wrong(why, "a hole outside of a log");
}

static int check_csum(const struct super *s, const struct item_view *it, const struct item_view *before,
                      struct why *why)
{
	uint64_t data = super_data_start(s), end = data + (s->dev_size - data) / FS_BLOCK * FS_BLOCK;
	uint64_t at = it->key->offset, len = (uint64_t)it->len / 4 * FS_BLOCK;

	if (it->key->objectid != CSUM_OBJECTID)
		return wrong(why, "checksums in the wrong place");
	if (!it->len || it->len % 4 || it->len / 4 > CSUM_ITEM_MAX)
		return wrong(why, "checksums in %u bytes", it->len);
	if (at % FS_BLOCK || at < data || at > end || len > end - at)
		return wrong(why, "checksums of %lu+%lu, outside of the data", ul(at), ul(len));
	if (before && before->key->type == ITEM_CSUM &&
	    before->key->offset + (uint64_t)before->len / 4 * FS_BLOCK > at)
		return wrong(why, "the checksums before it are of the same blocks");
	return 0;
}

/* Which kinds of items a tree has. */
static bool may_have(uint64_t owner, uint8_t type)
{
	bool file = type == ITEM_INODE || type == ITEM_INODE_REF || type == ITEM_EXTENT;

	if (owner == ROOT_TREE_ID)
		return type == ITEM_ROOT;
	if (owner == CSUM_TREE_ID)
		return type == ITEM_CSUM;
	if (owner == LOG_TREE_ID)
		return file || type == ITEM_DIR || type == ITEM_DIR_LOG || type == ITEM_CSUM || type == ITEM_ROOT;
	return file || type == ITEM_DIR || type == ITEM_ORPHAN;
}

int item_check(const void *super, uint64_t owner, uint64_t generation, const struct item_view *it,
               const struct item_view *before, struct why *why)
{
	if (!may_have(owner, it->key->type))
		return wrong(why, "an item of a kind that this tree does not have");
	switch (it->key->type) {
	case ITEM_ROOT:
		return check_root(owner, generation, it, why);
	case ITEM_INODE:
		return check_inode(owner, generation, it, why);
	case ITEM_INODE_REF:
		return check_inode_ref(it, why);
	case ITEM_DIR:
		return check_dir(it, why);
	case ITEM_DIR_LOG:
		return check_dir_log(it, why);
	case ITEM_ORPHAN:
		return check_orphan(it, why);
	case ITEM_EXTENT:
		return check_extent(super, owner, generation, it, before, why);
	default:
		return check_csum(super, it, before, why);
	}
}
