/* names.c: see names.h. kernel: btrfs_insert_inode_ref(), btrfs_insert_dir_item() and what takes them back. */
#include "item/names.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"

uint64_t name_hash(const char *name)
{
	uint64_t h = 0xcbf29ce484222325ull; /* FNV-1a */

	for (; *name; name++)
		h = (h ^ (uint8_t)*name) * 0x100000001b3ull;
	return h;
}

int name_lookup(struct tree *t, const char *name, uint64_t *ino)
{
	struct key k = { DIR_INO, ITEM_DIR, name_hash(name) };
	struct dir_item d;
	uint32_t len = 0;

	int ret = tree_lookup(t, &k, &d, sizeof(d), &len);
	if (ret)
		return ret;
	CHECK(len == sizeof(d)); /* item_check.1 */
	*ino = d.ino;
	return strcmp(d.name, name) ? -EEXIST : 0;
}

/* ---- the names of an inode ---- */

int names_get(struct tree *t, uint64_t ino, struct names *out)
{
	struct key k = { ino, ITEM_INODE_REF, DIR_INO };
	uint32_t len = 0;

	int ret = tree_lookup(t, &k, out->name, sizeof(out->name), &len);
	CHECK(len <= sizeof(out->name) && len % FS_NAME_MAX == 0); /* item_check.1 */
	out->n = ret ? 0 : len / FS_NAME_MAX;
	return ret == -ENOENT ? 0 : ret;
}

int names_put(struct tree *t, uint64_t generation, uint64_t ino, const struct names *names)
{
	struct key k = { ino, ITEM_INODE_REF, DIR_INO };

	if (names->n)
		return tree_put(t, generation, &k, names->name, names->n * FS_NAME_MAX);
	int ret = tree_delete(t, generation, &k);
	return ret == -ENOENT ? 0 : ret;
}

uint32_t names_find(const struct names *names, const char *name)
{
	uint32_t i = 0;

	while (i < names->n && strcmp(names->name[i], name))
		i++;
	return i;
}

void names_cut(struct names *names, uint32_t i)
{
	CHECK(i < names->n);
	names->n--;
	memmove(names->name[i], names->name[i + 1], (names->n - i) * FS_NAME_MAX);
}

/* ---- both ---- */

int name_add(struct tree *t, uint64_t generation, uint64_t ino, const char *name)
{
	struct key k = { DIR_INO, ITEM_DIR, name_hash(name) };
	struct dir_item d = { .ino = ino };
	struct names names;

	int ret = names_get(t, ino, &names);
	if (ret)
		return ret;
	if (names.n == LINKS_MAX)
		return -EMLINK;
	strncpy(d.name, name, FS_NAME_MAX - 1);
	ret = tree_insert(t, generation, &k, &d, sizeof(d));
	if (ret)
		return ret;
	memcpy(names.name[names.n++], d.name, FS_NAME_MAX);
	return names_put(t, generation, ino, &names);
}

int name_remove(struct tree *t, uint64_t generation, uint64_t ino, const char *name)
{
	struct key k = { DIR_INO, ITEM_DIR, name_hash(name) };
	struct names names;

	int ret = names_get(t, ino, &names);
	if (ret)
		return ret;
	uint32_t i = names_find(&names, name);
	ret = i == names.n ? -ENOENT : tree_delete(t, generation, &k);
	if (ret)
		return ret == -ENOENT ? -EIO : ret;
	names_cut(&names, i);
	return names_put(t, generation, ino, &names);
}
