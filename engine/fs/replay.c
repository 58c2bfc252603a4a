/*
 * replay.c: log replay at mount, in stages over all logs: inodes and names that are gone, names in the directory,
 * names of inodes, link counts, then extents with their checksums (kernel: btrfs_recover_log_trees(),
 * replay_one_extent()). In memory; mount.c commits.
 *
 * - Replay allocates metadata only, and the logs' own blocks are marked as used before it starts. So its own
 *   blocks take no place that a log names, and no data is written at all.
 * replay.1: Space that replay takes from a file is not given up at once: another item of the log may name
 *      it again. What nobody names in the end loses its checksums (replay_drop_stale_csums).
 * replay.2: What the log says of names holds against the committed tree (log_name.h): a name goes to whom the log gives
 *      it, and whoever else had it loses it; an inode whose names are logged has those and no other. Each inode that
 *      has got or lost one gets a new link count in the end, and one that has none left an orphan mark, for mount.c.
 * - Replaying twice gives what replaying once gives: each stage puts what the log says in place of what is there, and
 *   an extent that is there already is left alone.
 * - Stages go over all logs, since space and checksums are common to all subvolumes. Items have been looked at when
 *   their leaf was read (item_check.1).
 *
 * Caller: mount.c.
 */
#include <stdlib.h>

#include "item/csum.h"
#include "fs/extent_item.h"
#include "item/group.h"
#include "fs/inode.h"
#include "item/item_check.h"
#include "fs/mount.h"
#include "item/names.h"
#include "fs/replay.h"
#include "fs/trans.h"
#include "fs/verify.h"

struct replay_item {
	struct key key;
	uint32_t len;
	size_t at; /* where its bytes are: item_data() */
};

struct inode_ref {
	struct root *root;
	uint64_t ino;
};

struct replay_log { /* one subvolume's log, read whole */
	struct root *root;
	struct tree tree;
	struct replay_item *items;
	uint32_t n, cap;
	uint8_t *bytes; /* of the items, one after the other */
	size_t nbytes, cap_bytes;
};

static const uint8_t *item_data(const struct replay_log *log, const struct replay_item *it)
{
	return log->bytes + it->at;
}

/* ---- reading the logs ---- */

static int gather_item(void *arg, const struct key *k, const void *data, uint32_t len)
{
	struct replay_log *log = arg;

	if (k->type == ITEM_CSUM)
		return 0;
	CHECK(len <= sizeof(struct extent_item) + EXTENT_INLINE_MAX); /* item_check.1 */
	if (log->nbytes + len > log->cap_bytes) {
		log->cap_bytes = 2 * (log->cap_bytes + len);
		log->bytes = realloc(log->bytes, log->cap_bytes);
		CHECK(log->bytes);
	}
	if (log->n == log->cap) {
		log->cap = log->cap ? log->cap * 2 : 8;
		log->items = realloc(log->items, log->cap * sizeof(*log->items));
		CHECK(log->items);
	}
	CHECK(log->n < log->cap);
	struct replay_item *it = &log->items[log->n++];
	*it = (struct replay_item){ *k, len, log->nbytes };
	memcpy(log->bytes + log->nbytes, data, len);
	log->nbytes += len;
	return 0;
}

static int mark_block(void *arg, uint64_t bytenr, uint64_t generation, uint8_t level)
{
	struct fs *fs = arg;

	if (!alloc_mark(fs->alloc, ALLOC_META, bytenr, blocks_nodesize(fs->blocks)))
		return 0;
	return mount_damage(fs, "block %lu is used twice, by a log too", (unsigned long)bytenr);
}

static int log_open(struct replay *r, uint64_t id, const struct root_item *item)
{
	struct replay_log *log = &r->logs[r->n];
	struct tree_ptr ptr = { item->bytenr, item->generation, (uint8_t)item->level };
	struct key from = { 0, 0, 0 }, to = { UINT64_MAX, UINT8_MAX, UINT64_MAX };

	log->root = fs_root_by_id(r->fs, id);
	if (!log->root)
		return 0; /* the subvolume is gone: so is what was fsynced in it */
	int ret = tree_open(&log->tree, r->fs->blocks, LOG_TREE_ID, &ptr);
	if (ret)
		return ret;
	r->n++; /* from here on replay_free() closes it */
	ret = tree_walk_blocks(&log->tree, mark_block, r->fs);
	return ret ? ret : tree_scan(&log->tree, &from, &to, 0, gather_item, log);
}

static int logs_open(struct replay *r)
{
	struct fs *fs = r->fs;
	struct key k = { 0, 0, 0 };
	struct root_item item;
	uint32_t len = 0;

	CHECK(!r->opened && fs->super.log_root.bytenr);
	int ret = tree_open(&r->root_tree, fs->blocks, LOG_TREE_ID, &fs->super.log_root);
	if (ret)
		return ret;
	r->opened = true;
	CHECK(!r->logs && !r->n);
	r->logs = mem_zalloc((fs->nsubvols + 1) * sizeof(*r->logs));
	ret = tree_walk_blocks(&r->root_tree, mark_block, fs);
	for (; !ret; k.objectid++) {
		ret = tree_next(&r->root_tree, &k, &item, sizeof(item), &len);
		if (ret == -ENOENT)
			return 0;
		if (!ret && k.type != ITEM_ROOT)
			ret = mount_damage(fs, "the tree of log roots has an item that is no root");
		if (!ret)
			ret = log_open(r, k.objectid, &item);
	}
	return ret;
}

/* ---- making them, from a stream ---- */

/* The log of a subvolume, in memory, made by the first record that is of it. NULL: the subvolume is gone. */
static int log_of_stream(struct replay *r, uint64_t id, struct replay_log **out)
{
	struct root *root = fs_root_by_id(r->fs, id);

	*out = NULL;
	if (!root)
		return 0;
	for (uint32_t i = 0; i < r->n; i++)
		if (r->logs[i].root == root)
			*out = &r->logs[i];
	if (*out)
		return 0;
	struct replay_log *log = &r->logs[r->n];
	int ret = tree_create(&log->tree, r->fs->blocks, LOG_TREE_ID, r->generation);
	if (ret)
		return ret;
	log->root = root;
	r->n++; /* from here on replay_free() closes it */
	*out = log;
	return 0;
}

/* The change that it tells of, made again. What comes from the device is looked at here (item_check.1). */
static int redo_record(void *arg, const struct record *rec)
{
	const struct item_view view = { &rec->key, rec->data, rec->len };
	struct replay *r = arg;
	struct replay_log *log;
	struct why why;

	if (rec->kind == RECORD_DATA)
		return 0;
	int ret = log_of_stream(r, rec->root, &log);
	if (ret || !log)
		return ret;
	if (rec->kind == RECORD_CUT)
		ret = tree_delete(&log->tree, r->generation, &rec->key);
	else if (rec->len > tree_item_max(&log->tree))
		ret = mount_damage(r->fs, "an item of %u bytes in the stream", rec->len);
	else if (item_check(&r->fs->super, LOG_TREE_ID, r->generation, &view, NULL, &why))
		ret = mount_damage(r->fs, "an item in the stream: %s", why.text);
	else
		ret = tree_put(&log->tree, r->generation, &rec->key, rec->data, rec->len);
	return ret == -ENOENT ? mount_damage(r->fs, "the stream takes away what is not there") : ret;
}

static int logs_make(struct replay *r)
{
	struct key from = { 0, 0, 0 }, to = { UINT64_MAX, UINT8_MAX, UINT64_MAX };
	int ret = 0;

	r->logs = mem_zalloc((r->fs->nsubvols + 1) * sizeof(*r->logs));
	for (uint32_t i = 0; i < r->stream.n && !ret; i++)
		ret = group_each(r->stream.group[i].records, r->stream.group[i].len, redo_record, r);
	for (uint32_t i = 0; i < r->n && !ret; i++)
		ret = tree_scan(&r->logs[i].tree, &from, &to, 0, gather_item, &r->logs[i]);
	return ret;
}

/* ---- stages ---- */

static void collect_range(void *arg, uint64_t bytenr, uint64_t len)
{
	struct replay *r = arg;

	if (r->nstale == r->cap_stale) {
		r->cap_stale = r->cap_stale ? r->cap_stale * 2 : 8;
		r->stale = realloc(r->stale, r->cap_stale * sizeof(*r->stale));
		CHECK(r->stale);
	}
	r->stale[r->nstale++] = (struct disk_range){ bytenr, len };
}

static struct extent_drop drop_of(struct replay *r, struct replay_log *log, uint64_t ino)
{
	return (struct extent_drop){ .fs = r->fs, .tree = &log->root->tree, .generation = r->generation, .ino = ino,
				     .how = DROP_COLLECT, .collect = collect_range, .arg = r };
}

/* The inode has got or lost a name, or may have a wrong link count in the log. */
static void names_changed(struct replay *r, struct root *root, uint64_t ino)
{
	for (uint32_t i = 0; i < r->nnamed; i++)
		if (r->named[i].root == root && r->named[i].ino == ino)
			return;
	if (r->nnamed == r->cap_named) {
		r->cap_named = r->cap_named ? r->cap_named * 2 : 8;
		r->named = realloc(r->named, r->cap_named * sizeof(*r->named));
		CHECK(r->named);
	}
	r->named[r->nnamed++] = (struct inode_ref){ root, ino };
}

/* Stage 1: the inode item as logged; nothing beyond its size stays. */
static int replay_inode(struct replay *r, struct replay_log *log, const struct replay_item *it)
{
	struct extent_drop drop = drop_of(r, log, it->key.objectid);
	struct inode_item item;

	memcpy(&item, item_data(log, it), sizeof(item));
	if (it->key.objectid >= log->root->next_ino)
		log->root->next_ino = it->key.objectid + 1;
	names_changed(r, log->root, it->key.objectid);
	if (item.flags & INODE_ITEM_EXISTS) {
		item.flags &= ~INODE_ITEM_EXISTS;
		int there = tree_insert(&log->root->tree, r->generation, &it->key, &item, sizeof(item));
		return there == -EEXIST ? 0 : there;
	}
	int ret = tree_put(&log->root->tree, r->generation, &it->key, &item, sizeof(item));
	return ret ? ret : extent_drop(&drop, round_up_block(item.size), UINT64_MAX);
}

/* A name goes from whoever has it. */
static int take_name(struct replay *r, struct root *root, uint64_t ino, const char *name)
{
	names_changed(r, root, ino);
	return name_remove(&root->tree, r->generation, ino, name);
}

static int give_name(struct replay *r, struct root *root, uint64_t ino, const char *name)
{
	uint64_t had;
	int ret = name_lookup(&root->tree, name, &had);

	if (!ret && had == ino)
		return 0;
	if (!ret)
		ret = take_name(r, root, had, name);
	if (ret && ret != -ENOENT)
		return ret;
	names_changed(r, root, ino);
	return name_add(&root->tree, r->generation, ino, name);
}

static bool log_has_entry(const struct replay_log *log, uint64_t hash)
{
	for (uint32_t i = 0; i < log->n; i++)
		if (log->items[i].key.type == ITEM_DIR && log->items[i].key.offset == hash)
			return true;
	return false;
}

/* Stage 1, too: names that are gone. kernel: replay_dir_deletes(). */
static int replay_gone(struct replay *r, struct replay_log *log, const struct replay_item *it)
{
	struct key k = { DIR_INO, ITEM_DIR, it->key.offset };
	struct dir_log_item range;
	struct dir_item d;
	int ret = 0;

	memcpy(&range, item_data(log, it), sizeof(range));
	while (!ret && !(ret = tree_next(&log->root->tree, &k, &d, sizeof(d), NULL))) {
		if (k.objectid != DIR_INO || k.type != ITEM_DIR || k.offset > range.last)
			return 0;
		if (!log_has_entry(log, k.offset))
			ret = take_name(r, log->root, d.ino, d.name);
		if (++k.offset == 0)
			return ret;
	}
	return ret == -ENOENT ? 0 : ret;
}

static int inode_is_there(struct root *root, uint64_t ino)
{
	struct key k = { ino, ITEM_INODE, 0 };

	return tree_lookup(&root->tree, &k, NULL, 0, NULL);
}

/* Stage 2: a name in the directory. One that stands for an inode that neither tree knows is left out. kernel:
 * replay_one_name(). */
static int replay_entry(struct replay *r, struct replay_log *log, const struct replay_item *it)
{
	struct dir_item d;

	memcpy(&d, item_data(log, it), sizeof(d));
	int ret = inode_is_there(log->root, d.ino);
	if (ret)
		return ret == -ENOENT ? 0 : ret;
	return give_name(r, log->root, d.ino, d.name);
}

/* Stage 3: the names of an inode: these and no other. kernel: add_inode_ref(). */
static int replay_names(struct replay *r, struct replay_log *log, const struct replay_item *it)
{
	struct root *root = log->root;
	uint64_t ino = it->key.objectid;
	struct names now, due = { .n = it->len / FS_NAME_MAX };
	int ret = inode_is_there(root, ino);

	if (ret)
		return ret == -ENOENT ? 0 : ret;
	memcpy(due.name, item_data(log, it), it->len);
	ret = names_get(&root->tree, ino, &now);
	for (uint32_t i = 0; i < now.n && !ret; i++)
		if (names_find(&due, now.name[i]) == due.n)
			ret = take_name(r, root, ino, now.name[i]);
	for (uint32_t i = 0; i < due.n && !ret; i++)
		ret = give_name(r, root, ino, due.name[i]);
	return ret;
}

/* Stage 4: the link counts of all that have got or lost names. kernel: fixup_inode_link_counts(). */
static int replay_link_count(struct replay *r, const struct inode_ref *i)
{
	struct key k = { i->ino, ITEM_INODE, 0 }, ko = { ORPHAN_INO, ITEM_ORPHAN, i->ino };
	struct inode_item item;
	struct names names;

	int ret = tree_lookup(&i->root->tree, &k, &item, sizeof(item), NULL);
	if (ret)
		return ret == -ENOENT ? 0 : ret;
	ret = names_get(&i->root->tree, i->ino, &names);
	if (ret)
		return ret;
	item.nlink = names.n;
	ret = tree_put(&i->root->tree, r->generation, &k, &item, sizeof(item));
	if (ret)
		return ret;
	if (!names.n)
		return tree_put(&i->root->tree, r->generation, &ko, "", 0);
	ret = tree_delete(&i->root->tree, r->generation, &ko);
	return ret == -ENOENT ? 0 : ret;
}

static int replay_link_counts(struct replay *r)
{
	int ret = 0;

	for (uint32_t i = 0; i < r->nnamed && !ret; i++)
		ret = replay_link_count(r, &r->named[i]);
	return ret;
}

/* Checksums that the log has for the extent; one that it lacks stays lacking, and reads as an error. */
static int replay_csums(struct replay *r, struct replay_log *log, const struct extent_item *it)
{
	uint64_t at = it->compress ? it->disk_bytenr : it->disk_bytenr + it->offset;
	uint64_t end = at + (it->compress ? it->disk_len : it->len);
	uint32_t sum;
	int ret = 0;

	for (; at < end && !ret; at += FS_BLOCK) {
		ret = csum_lookup(&log->tree, at, &sum, 1);
		if (!ret)
			ret = csum_put(&r->fs->csum_tree, r->generation, at, &sum, 1);
		else if (ret == -ENOENT)
			ret = 0;
	}
	return ret;
}

/* True when the tree has this item already. The transaction that wrote it may be another. */
static bool item_is_there(const struct replay_log *log, const struct replay_item *it)
{
	struct extent_item mine, there;
	uint32_t len = 0;

	int ret = tree_lookup(&log->root->tree, &it->key, &there, sizeof(there), &len);
	if (ret || len != it->len || len != sizeof(there))
		return false;
	memcpy(&mine, item_data(log, it), sizeof(mine));
	mine.generation = there.generation;
	return !memcmp(&mine, &there, sizeof(mine));
}

/* With a log that may have gaps: -ENODATA when an extent's data are not there. What the file has stays, then. */
static int replay_has_gap(struct replay *r, struct replay_log *log, uint64_t ino, const struct extent *e)
{
	struct key k = { ino, ITEM_INODE, 0 };
	struct inode_item inode;

	if (r->fs->super.log_trust != LOG_HAS_GAPS || e->item.kind != EXTENT_REG || !e->item.disk_bytenr)
		return 0;
	int ret = tree_lookup(&log->root->tree, &k, &inode, sizeof(inode), NULL); /* stage 1 has put it there */
	if (ret || inode.flags & INODE_ITEM_NODATASUM)
		return ret == -ENOENT ? 0 : ret;
	return verify_extent(r->fs, &log->tree, &e->item);
}

/* Stage 5: one extent in place of what the file has there. */
static int replay_extent(struct replay *r, struct replay_log *log, const struct replay_item *it)
{
	struct extent_drop drop = drop_of(r, log, it->key.objectid);
	struct extent e = { .start = it->key.offset, .inline_len = it->len - (uint32_t)sizeof(e.item) };

	memcpy(&e.item, item_data(log, it), sizeof(e.item));
	memcpy(e.inline_data, item_data(log, it) + sizeof(e.item), e.inline_len);
	if (item_is_there(log, it))
		return 0;
	int ret = replay_has_gap(r, log, it->key.objectid, &e);
	if (ret)
		return ret == -ENODATA ? 0 : ret;
	ret = extent_drop(&drop, e.start, extent_end(&e));
	if (ret || (e.item.kind == EXTENT_REG && e.item.disk_bytenr == 0)) /* a hole: taking away was all */
		return ret;
	ret = extent_insert(r->fs, &log->root->tree, r->generation, it->key.objectid, &e, false);
	if (!ret && e.item.kind == EXTENT_REG)
		ret = replay_csums(r, log, &e.item);
	return ret;
}

static int replay_stage(struct replay *r, uint8_t type,
                        int (*fn)(struct replay *, struct replay_log *, const struct replay_item *))
{
	int ret = 0;

	for (uint32_t l = 0; l < r->n; l++)
		for (uint32_t i = 0; i < r->logs[l].n && !ret; i++)
			if (r->logs[l].items[i].key.type == type)
				ret = fn(r, &r->logs[l], &r->logs[l].items[i]);
	return ret;
}

int replay_log(struct replay *r)
{
	int ret = r->stream.n ? logs_make(r) : logs_open(r);

	if (!ret)
		ret = replay_stage(r, ITEM_INODE, replay_inode);
	if (!ret)
		ret = replay_stage(r, ITEM_DIR_LOG, replay_gone);
	if (!ret)
		ret = replay_stage(r, ITEM_DIR, replay_entry);
	if (!ret)
		ret = replay_stage(r, ITEM_INODE_REF, replay_names);
	if (!ret)
		ret = replay_link_counts(r);
	if (!ret)
		ret = replay_stage(r, ITEM_EXTENT, replay_extent);
	return ret;
}

int replay_drop_stale_csums(struct replay *r)
{
	int ret = 0;

	/* data space was accounted meanwhile: what is not in use now, no item of any subvolume names */
	for (uint32_t i = 0; i < r->nstale && !ret; i++) {
		struct disk_range d = r->stale[i];
		for (uint64_t at = d.bytenr; at < d.bytenr + d.len && !ret; at += FS_BLOCK)
			if (!alloc_in_use(r->fs->alloc, ALLOC_DATA, at))
				ret = csum_delete(&r->fs->csum_tree, r->generation, at, 1);
	}
	return ret;
}

int replay_give_up_logs(struct replay *r)
{
	int ret = 0;

	for (uint32_t l = 0; l < r->n; l++) {
		int err = tree_free_all(&r->logs[l].tree);
		if (!ret)
			ret = err;
	}
	int err = r->opened ? tree_free_all(&r->root_tree) : 0;
	r->n = 0;
	r->opened = false;
	return ret ? ret : err;
}

void replay_free(struct replay *r)
{
	for (uint32_t l = 0; l < r->n; l++)
		tree_close(&r->logs[l].tree);
	if (r->opened)
		tree_close(&r->root_tree);
	for (uint32_t l = 0; r->logs && l < r->fs->nsubvols; l++) {
		free(r->logs[l].items);
		free(r->logs[l].bytes);
	}
	free(r->logs);
	stream_log_free(&r->stream);
	free(r->stale);
	free(r->named);
}
