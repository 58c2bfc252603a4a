/*
 * writeback.c: see writeback.h. kernel: extent_write_cache_pages(), cow_file_range().
 *
 * A run owns its pages: each is locked by whoever has the run, and its dirty bit was taken. The pages are given back,
 * one way or the other, by piece_submit(), run_end() or the compression workers; run->pages, the array, is freed then.
 */
#include <stdlib.h>

#include "fs/disk_size.h"
#include "fs/extent_item.h"
#include "fs/extent_map.h"
#include "fs/inode.h"
#include "fs/nocow.h"
#include "fs/ordered.h"
#include "fs/page.h"
#include "fs/range.h"
#include "fs/trans.h"
#include "fs/writeback.h"

#define RUN_PAGES          256u /* 1 MiB an extent at most */
#define RUN_PAGES_COMPRESS 32u  /* 128 KiB, as btrfs */

/* ---- from tagged pages to runs ---- */

/* The page at index joins the run if it is dirty still and nobody holds it. */
static bool run_extend(struct run *run, uint32_t index)
{
	struct page *p = page_find(run->inode, index);

	if (!p || !page_trylock_dirty(run->inode, p))
		return false;
	bool dirty = run->inode->root->fs->on.take_dirty(run->inode, p);
	CHECK(dirty);
	run->pages[run->n++] = p;
	return true;
}

/* A run that starts with the page at `first`, which was tagged. n == 0: another task took it, and by the time that
 * its lock was free had an ordered extent for it (page.1). */
static void run_collect(struct run *run, struct inode *inode, uint32_t first, uint32_t end)
{
	uint32_t max = inode->root->fs->opt.compress ? RUN_PAGES_COMPRESS : RUN_PAGES;
	struct page *p = page_find(inode, first);

	*run = (struct run){ .inode = inode, .first = first };
	if (!p)
		return;
	page_lock(inode, p);
	if (!inode->root->fs->on.take_dirty(inode, p)) {
		page_unlock(inode, p);
		return;
	}
	run->pages = mem_alloc(max * sizeof(*run->pages));
	run->pages[run->n++] = p;
	while (run->n < max && first + run->n < end && run_extend(run, first + run->n))
		;
}

/* ---- inline extents: a small file's only block goes straight into the tree ---- */

/* The length of the file when it fits, else 0. Read once: a writer may make the file longer meanwhile. */
static uint32_t run_inline_len(struct run *run)
{
	uint64_t size = atomic_load(&run->inode->size);
	uint32_t max = run->inode->root->fs->opt.inline_max;
	uint32_t item = tree_item_max(&run->inode->root->tree) - (uint32_t)sizeof(struct extent_item);

	if (max > EXTENT_INLINE_MAX)
		max = EXTENT_INLINE_MAX;
	if (run->inode->attrs) /* in place, without checksums, or with space of its own */
		return 0;
	return run->first == 0 && run->n == 1 && size <= max && size <= item ? (uint32_t)size : 0;
}

/* kernel: cow_file_range_inline(). No extent map, no ordered extent: so only a full log can see it. */
static int writeback_inline(struct run *run, uint32_t len)
{
	struct inode *inode = run->inode;
	struct fs *fs = inode->root->fs;
	struct extent e = { .start = 0, .inline_len = len };
	struct handle h;

	CHECK(run->first == 0 && run->n == 1 && len <= EXTENT_INLINE_MAX);
	int ret = trans_start(fs, TRANS_JOIN, &h);
	if (ret)
		return ret;
	struct extent_drop drop = { .fs = fs, .tree = &inode->root->tree, .generation = h.trans->id, .ino = inode->ino,
				    .how = DROP_RELEASE };
	e.item = (struct extent_item){ .generation = h.trans->id, .len = FS_BLOCK, .ram_bytes = e.inline_len,
				       .kind = EXTENT_INLINE };
	memcpy(e.inline_data, run->pages[0]->data, e.inline_len);
	mutex_lock(&inode->items_lock);
	ret = extent_drop(&drop, 0, FS_BLOCK);
	if (!ret)
		ret = extent_insert(fs, drop.tree, drop.generation, inode->ino, &e, true);
	mutex_unlock(&inode->items_lock);
	inode_set_flag(inode, INODE_NEEDS_FULL_SYNC); /* before the map goes: a fast log looks for it after maps */
	em_drop(inode, 0, FS_BLOCK);
	if (!ret) {
		disk_size_written(inode, 0, FS_BLOCK, NULL);
		ret = inode_update(inode, &h);
	}
	if (ret)
		trans_abort(fs, ret);
	trans_end(&h);
	return ret;
}

/* The pages are clean without I/O of their own: their content is in the tree, or lost. */
static void run_end(struct run *run)
{
	for (uint32_t i = 0; i < run->n; i++) {
		page_start_writeback(run->inode, run->pages[i]);
		page_end_writeback(run->inode, run->pages[i]);
		page_unlock(run->inode, run->pages[i]);
	}
	free(run->pages);
}

/* ---- extents ---- */

struct ordered *writeback_map_first(struct inode *inode, const struct extent_map *em, const struct ordered_spec *s)
{
	em_add(inode, em);
	return ordered_add(inode, s);
}

struct ordered *writeback_ordered_first(struct inode *inode, const struct extent_map *em, const struct ordered_spec *s)
{
	struct ordered *o = ordered_add(inode, s);

	em_add(inode, em);
	return o;
}

int writeback_space(struct inode *inode, uint64_t off, uint64_t end, struct ordered_spec *s)
{
	struct place place;

	if (end - off > EXTENT_LEN_MAX)
		end = off + EXTENT_LEN_MAX;
	int ret = nocow_place(inode, off, end, &place);
	if (!ret && !place.in_place)
		ret = alloc_get(inode->root->fs->alloc, ALLOC_DATA, FS_BLOCK, FS_BLOCK, &place.len, &place.disk);
	s->len = s->disk_len = s->ram_bytes = place.len;
	s->disk_bytenr = place.disk;
	s->in_place = place.in_place;
	return ret;
}

struct ordered *writeback_add_extent(struct inode *inode, add_extent_fn add, const struct ordered_spec *s)
{
	CHECK(s->len && s->disk_len && (s->file_off | s->len | s->disk_bytenr | s->disk_len) % FS_BLOCK == 0);
	struct extent_map em = { .start = s->file_off, .len = s->len, .disk_bytenr = s->disk_bytenr,
				 .disk_len = s->disk_len, .ram_bytes = s->ram_bytes,
				 .generation = EM_GENERATION_PINNED,
				 .flags = EM_PINNED | (s->compressed ? EM_COMPRESSED : 0) };

	if (s->in_place == ORDERED_NOCOW)
		return ordered_add(inode, s); /* nocow.2 */
	/* cppcheck-suppress returnDanglingLifetime ; neither keeps the pointers that it is given */
	return add(inode, &em, s);
}

/* One piece of a run, its extent made: pages under writeback, submitted, unlocked. Several pages are copied into one
 * buffer; a single one is written from where it lies, which is safe since no page under writeback is written to
 * (page.2). */
static void piece_submit(struct run *run, struct ordered *o, uint32_t from, uint32_t n)
{
	CHECK(o->file_off == (uint64_t)(run->first + from) * FS_BLOCK && from + n <= run->n);
	struct page **pages = mem_alloc(n * sizeof(*pages));
	uint8_t *buf = n > 1 ? dev_buffer_get(run->inode->root->fs->dev, (size_t)n * FS_BLOCK) : NULL;

	for (uint32_t i = 0; i < n; i++) {
		pages[i] = run->pages[from + i];
		CHECK(pages[i]->index == run->first + from + i);
		page_start_writeback(run->inode, pages[i]);
		if (buf)
			memcpy(buf + (size_t)i * FS_BLOCK, pages[i]->data, FS_BLOCK);
	}
	ordered_submit(o, buf ? buf : pages[0]->data, buf, pages, n);
	for (uint32_t i = 0; i < n; i++)
		page_unlock(run->inode, run->pages[from + i]);
}

void writeback_fail_range(struct run *run, int err)
{
	uint64_t start = (uint64_t)run->first * FS_BLOCK;

	inode_write_error(run->inode, err);
	disk_size_failed(run->inode, start, start + (uint64_t)run->n * FS_BLOCK);
	run_end(run);
}

void writeback_cow_range(struct run *run)
{
	struct inode *inode = run->inode;
	struct ordered **pieces = mem_alloc(run->n * sizeof(struct ordered *));
	uint32_t npieces = 0, done = 0, at = 0;
	struct range r;
	int ret = 0;

	CHECK(run->n > 0);
	/* extents first, all of them: as many as the free space is in pieces */
	range_lock(inode, &r, (uint64_t)run->first * FS_BLOCK, (uint64_t)(run->first + run->n) * FS_BLOCK);
	while (done < run->n) {
		struct ordered_spec spec = { .file_off = (uint64_t)(run->first + done) * FS_BLOCK };
		ret = writeback_space(inode, spec.file_off, (uint64_t)(run->first + run->n) * FS_BLOCK, &spec);
		if (ret)
			break;
		pieces[npieces++] = writeback_add_extent(inode, inode->root->fs->on.add_extent, &spec);
		done += (uint32_t)(spec.len / FS_BLOCK);
	}
	range_unlock(inode, &r);
	/* each ordered extent is in its inode's tree by now, and ours until it is submitted: fsync may collect it,
	 * and waits for it */
	for (uint32_t i = 0; i < npieces; i++) {
		uint32_t n = (uint32_t)(pieces[i]->len / FS_BLOCK);
		piece_submit(run, pieces[i], at, n);
		at += n;
	}
	CHECK(at == done);
	if (done < run->n) { /* no space for the rest */
		struct run rest = { .inode = inode, .first = run->first + done, .n = run->n - done };
		rest.pages = mem_alloc(rest.n * sizeof(*rest.pages));
		memcpy(rest.pages, run->pages + done, rest.n * sizeof(*rest.pages));
		writeback_fail_range(&rest, ret);
	}
	free(pieces);
	free(run->pages);
}

static void run_write(struct run *run)
{
	uint32_t inline_len = run_inline_len(run);
	struct range r;
	int ret;

	if (inline_len) {
		range_lock(run->inode, &r, 0, FS_BLOCK);
		ret = writeback_inline(run, inline_len);
		range_unlock(run->inode, &r);
		if (ret)
			writeback_fail_range(run, ret);
		else
			run_end(run);
		return;
	}
	if (run->inode->root->fs->opt.compress && !run->inode->attrs)
		compress_queue(run);
	else
		writeback_cow_range(run);
}

void writeback_start(struct inode *inode, uint64_t start, uint64_t end)
{
	uint64_t max = (uint64_t)UINT32_MAX * FS_BLOCK;
	uint32_t last = end > max ? UINT32_MAX : (uint32_t)((end + FS_BLOCK - 1) / FS_BLOCK);
	uint32_t index = (uint32_t)(start / FS_BLOCK);

	while ((index = page_next_tagged(inode, index, last)) != UINT32_MAX) {
		struct run run;
		run_collect(&run, inode, index, last);
		index += run.n ? run.n : 1;
		if (run.n)
			run_write(&run);
	}
}

void writeback_start_ordered(struct inode *inode, uint64_t start, uint64_t end)
{
	writeback_start(inode, start, end);
	if (inode_flag(inode, INODE_HAS_ASYNC))
		writeback_start(inode, start, end);
}

void writeback_wait(struct inode *inode, uint64_t start, uint64_t end)
{
	uint64_t cap = (uint64_t)inode->npages_cap * FS_BLOCK;
	uint32_t last = (uint32_t)(end > cap ? inode->npages_cap : (end + FS_BLOCK - 1) / FS_BLOCK);

	for (uint32_t i = (uint32_t)(start / FS_BLOCK); i < last; i++) {
		struct page *p = page_find(inode, i);
		if (p)
			page_wait_writeback(inode, p);
	}
}

void writeback_wait_all(struct inode *inode)
{
	struct page *p = NULL;

	while ((p = page_next_writing(inode, p ? p->index + 1 : 0)))
		page_wait_writeback(inode, p);
}

/* ---- the flusher's pass ---- */

static bool inode_is_old(struct inode *inode, uint64_t min_age_ns)
{
	uint32_t index = page_next_tagged(inode, 0, UINT32_MAX);

	if (index == UINT32_MAX)
		return false;
	struct page *p = page_find(inode, index);
	return p && rt_now() - p->dirtied_ns >= min_age_ns;
}

void writeback_all(struct fs *fs, uint64_t min_age_ns)
{
	for (uint32_t i = 0; i < fs->nsubvols; i++) {
		struct root *root = &fs->subvols[i];
		for (struct inode *inode = inode_next(root, NULL); inode; inode = inode_next(root, inode))
			if (!min_age_ns || inode_is_old(inode, min_age_ns))
				writeback_start(inode, 0, UINT64_MAX);
	}
}
