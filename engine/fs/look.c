/*
 * look.c: see look.h: the super blocks, each tree block by block, the files; then the logs; then the state that a mount
 * would bring about. look_file.c judges a subvolume's items.
 *
 * Trees are read through a block cache of their own, with the checks of a mount (node_check.c, item_check.c), but
 * without its end at the first error.
 */
#include "fs/look.h"

#include <stdlib.h>
#include <string.h>

#include "item/item_check.h"
#include "fs/look_file.h"
#include "fs/state.h"

struct known_root {
	uint64_t id;
	struct root_item item;
};

struct roots {
	struct known_root *root;
	uint32_t n, cap;
};

/* One tree on its way through tree_survey(). */
struct survey {
	struct look *l;
	struct look_tree tree;
	uint32_t nodesize;
	bool may_lack_copies;    /* its blocks may be under way still, and a mount has found one copy of each */
	struct roots *roots;     /* where its items go: one of these, or none */
	struct sums *sums;
	struct volume *volume;
};

static void survey_block(void *arg, uint64_t bytenr, uint8_t level, uint32_t copy, const struct why *bad)
{
	struct survey *s = arg;

	if (bad && !s->may_lack_copies)
		look_damage(s->l, "copy %u: %s", copy, bad->text);
	if (copy)
		return;
	s->tree.blocks++;
	if (alloc_mark(s->l->alloc, ALLOC_META, bytenr, s->nodesize))
		look_damage(s->l, "block %lu of tree %lu is used twice", (unsigned long)bytenr,
			    (unsigned long)s->tree.id);
}

static void survey_item(void *arg, const struct key *k, const void *data, uint32_t len)
{
	struct survey *s = arg;

	s->tree.items++;
	if (s->roots && k->type == ITEM_ROOT) {
		struct roots *r = s->roots;
		if (r->n == r->cap) {
			r->cap = r->cap ? r->cap * 2 : 16;
			r->root = realloc(r->root, r->cap * sizeof(*r->root));
			CHECK(r->root);
		}
		r->root[r->n].id = k->objectid;
		memcpy(&r->root[r->n++].item, data, sizeof(struct root_item));
	}
	if (s->sums && k->type == ITEM_CSUM)
		sums_add(s->sums, k->offset, data, len);
	if (s->volume)
		volume_add(s->volume, k, data, len);
}

static void look_tree(struct survey *s, struct blocks *bl, uint64_t owner, const struct tree_ptr *root)
{
	struct tree_survey fn = { .block = survey_block, .item = survey_item, .arg = s };

	s->tree.root = *root;
	s->nodesize = blocks_nodesize(bl);
	tree_survey(bl, owner, root, &fn);
	if (s->l->ops->tree)
		s->l->ops->tree(s->l->arg, &s->tree);
}

static const struct root_item *root_of(const struct roots *r, uint64_t id)
{
	for (uint32_t i = 0; i < r->n; i++)
		if (r->root[i].id == id)
			return &r->root[i].item;
	return NULL;
}

static struct tree_ptr ptr_of(const struct root_item *item)
{
	return (struct tree_ptr){ item->bytenr, item->generation, (uint8_t)item->level };
}

/* Checksums of what nobody owns: the space would be given out with them. */
static void look_stale_sums(struct look *l)
{
	for (uint32_t r = 0; r < l->sums.nruns; r++)
		for (uint32_t i = 0; i < l->sums.run[r].n; i++) {
			uint64_t at = l->sums.run[r].bytenr + (uint64_t)i * FS_BLOCK;
			if (!alloc_in_use(l->alloc, ALLOC_DATA, at))
				look_damage(l, "a checksum of the data at %lu, which no file has", (unsigned long)at);
		}
}

/* The subvolumes as they were committed: an array of n, to be freed with its members. */
static struct volume *look_committed(struct look *l, struct blocks *bl, const struct super *s, uint32_t n)
{
	struct survey top = { .l = l, .tree = { .id = ROOT_TREE_ID } };
	struct volume *v = mem_zalloc((n + 1) * sizeof(*v));
	struct roots roots = { 0 };

	top.roots = &roots;
	look_tree(&top, bl, ROOT_TREE_ID, &s->root_tree);
	const struct root_item *item = root_of(&roots, CSUM_TREE_ID);
	if (item) {
		struct survey sv = { .l = l, .tree = { .id = CSUM_TREE_ID }, .sums = &l->sums };
		struct tree_ptr ptr = ptr_of(item);
		look_tree(&sv, bl, CSUM_TREE_ID, &ptr);
	} else {
		look_damage(l, "the tree of roots does not know the tree of checksums");
	}
	for (uint32_t i = 0; i < n; i++) {
		struct survey sv = { .l = l, .tree = { .id = FIRST_SUBVOL_ID + i }, .volume = &v[i] };
		v[i].id = FIRST_SUBVOL_ID + i;
		item = root_of(&roots, v[i].id);
		if (!item) {
			look_damage(l, "the tree of roots does not know subvolume %lu", (unsigned long)v[i].id);
			continue;
		}
		struct tree_ptr ptr = ptr_of(item);
		look_tree(&sv, bl, v[i].id, &ptr);
		volume_check(l, &v[i], item->next_ino);
		volume_tell(l, &v[i]);
	}
	look_stale_sums(l);
	free(roots.root);
	return v;
}

static void look_logs(struct look *l, struct blocks *bl, const struct super *s, bool in_flight, const struct volume *v,
                      uint32_t n)
{
	struct roots roots = { 0 };
	struct survey top = { .l = l, .tree = { .log = true }, .may_lack_copies = in_flight, .roots = &roots };

	look_tree(&top, bl, LOG_TREE_ID, &s->log_root);
	for (uint32_t i = 0; i < roots.n; i++) {
		struct volume log = { .id = roots.root[i].id };
		struct survey sv = { .l = l, .tree = { .id = log.id, .log = true }, .may_lack_copies = in_flight,
			             .volume = &log };
		struct tree_ptr ptr = ptr_of(&roots.root[i].item);
		uint64_t k = log.id - FIRST_SUBVOL_ID;
		look_tree(&sv, bl, LOG_TREE_ID, &ptr);
		volume_tell_replay(l, k < n ? &v[k] : NULL, &log);
		volume_free(&log);
	}
	free(roots.root);
}

/* ---- the state after a mount ---- */

static struct alloc *alloc_of(const struct super *s)
{
	uint64_t data = super_data_start(s);

	return alloc_open(SUPER_END, s->meta_len, data, (s->dev_size - data) / ALLOC_UNIT * ALLOC_UNIT);
}

static int scan_item(void *arg, const struct key *k, const void *data, uint32_t len)
{
	survey_item(arg, k, data, len);
	return 0;
}

/* Of the two logs that a super may name, the one that a mount takes; none when it says so. *in_flight: it is the one of
 * which the super does not say that it was written. */
static struct tree_ptr log_that_counts(struct look *l, const struct super *s, bool *in_flight)
{
	struct mount_options o = { .read_only = true };
	struct tree_ptr log = s->log_root;
	struct why why;
	struct fs *fs;

	if (s->log_trust == LOG_IN_FLIGHT && !fs_mount(l->dev, &o, &fs, &why)) {
		log = fs->super.log_root;
		fs_abandon(fs);
		*in_flight = log.bytenr && log.bytenr == s->log_root.bytenr;
	}
	return log;
}

/* Mounts it read-only, so that a log is replayed in memory; what comes out has to fit together as well. */
static void look_mounted(struct look *l, const struct super *s)
{
	struct key from = { 0, 0, 0 }, to = { UINT64_MAX, UINT8_MAX, UINT64_MAX };
	struct mount_options o = { .read_only = true };
	struct survey sv = { .l = l, .sums = &l->sums };
	struct why why;
	struct fs *fs;

	if (fs_mount(l->dev, &o, &fs, &why)) {
		look_damage(l, "%s", why.text);
		return;
	}
	if (!fs->replayed)
		goto abandon; /* these are the trees that were looked at */
	l->when = "after replay: ";
	sums_free(&l->sums);
	l->npacked = 0;
	alloc_close(l->alloc);
	l->alloc = alloc_of(s);
	if (tree_scan(&fs->csum_tree, &from, &to, 0, scan_item, &sv))
		goto abandon; /* a block that cannot be read: told when it was surveyed */
	for (uint32_t i = 0; i < fs->nsubvols; i++) {
		struct volume v = { .id = fs->subvols[i].id };
		struct survey in = { .l = l, .volume = &v };
		if (!tree_scan(&fs->subvols[i].tree, &from, &to, 0, scan_item, &in))
			volume_check(l, &v, fs->subvols[i].next_ino);
		volume_free(&v);
	}
abandon:
	fs_abandon(fs);
}

int look_image(struct dev *dev, bool data, const struct look_ops *ops, void *arg, struct why *why)
{
	struct look l = { .dev = dev, .data = data, .ops = ops, .arg = arg, .when = "" };
	struct super s, copy;
	int ret = super_read(dev, &s, why);

	if (ret)
		return ret;
	for (unsigned i = 0; i < 2; i++) {
		struct why bad;
		ret = super_read_copy(dev, i, &copy, &bad);
		if (ops->super)
			ops->super(arg, i, ret ? NULL : &copy, ret ? bad.text : NULL);
		if (ret)
			look_damage(&l, "super block copy %u: %s", i, bad.text);
	}
	uint64_t n = s.next_subvol - FIRST_SUBVOL_ID;
	if (s.next_subvol < FIRST_SUBVOL_ID || n > SUBVOLS_MAX)
		n = 0; /* the mount tells */
	l.alloc = alloc_of(&s);
	struct blocks *bl = blocks_open(dev, l.alloc, s.nodesize, s.dup, s.meta_len);
	blocks_set_fsid(bl, s.fsid);
	blocks_set_item_check(bl, item_check, &s);
	struct volume *v = look_committed(&l, bl, &s, (uint32_t)n);
	bool in_flight = false;
	s.log_root = log_that_counts(&l, &s, &in_flight);
	if (s.log_root.bytenr)
		look_logs(&l, bl, &s, in_flight, v, (uint32_t)n);
	blocks_close(bl);
	look_mounted(&l, &s);
	for (uint64_t i = 0; i < n; i++)
		volume_free(&v[i]);
	free(v);
	sums_free(&l.sums);
	free(l.packed);
	alloc_close(l.alloc);
	return 0;
}
