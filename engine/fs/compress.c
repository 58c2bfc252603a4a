/*
 * compress.c: compressed writeback: a run of dirty pages is handed to a worker with its pages locked;
 * the worker compresses, then makes extent map, ordered extent and I/O in the same order as the
 * uncompressed way, only later (kernel: cow_file_range_async(), submit_compressed_extents()).
 *
 * compress.1: From the hand-over until the ordered extent exists, the pages are locked and tagged: a second
 *      writeback pass over them sleeps until it does. That is all that fsync may rely on.
 *
 * Caller: writeback.c.
 */
#include <stdlib.h>
#include <zstd.h>

#include "fs/inode.h"
#include "fs/ordered.h"
#include "fs/page.h"
#include "fs/range.h"
#include "fs/work.h"
#include "fs/writeback.h"

#define ZSTD_LEVEL 3

struct async_chunk {
	struct work work;
	struct run run;
};

/* Compresses the run's pages into memory of dev_buffer_get(); *len is the padded length. NULL when it does not save
 * a block. */
static void *run_compress(struct run *run, uint64_t *len)
{
	size_t raw = (size_t)run->n * FS_BLOCK, cap = ZSTD_compressBound(raw);
	uint8_t *in = mem_alloc_pages(raw);
	struct dev *dev = run->inode->root->fs->dev;
	uint8_t *out = dev_buffer_get(dev, round_up_block(cap));

	for (uint32_t i = 0; i < run->n; i++)
		memcpy(in + (size_t)i * FS_BLOCK, run->pages[i]->data, FS_BLOCK);
	size_t got = ZSTD_compress(out, cap, in, raw, ZSTD_LEVEL);
	free(in);
	if (ZSTD_isError(got) || round_up_block(got) >= raw) {
		dev_buffer_put(dev, out);
		return NULL;
	}
	*len = round_up_block(got);
	memset(out + got, 0, *len - got);
	return out;
}

/* kernel: submit_compressed_extents(). False when there is no space in one piece. */
static bool run_submit_compressed(struct run *run, void *data, uint64_t len)
{
	struct inode *inode = run->inode;
	uint64_t start = (uint64_t)run->first * FS_BLOCK, got = len, disk;
	struct range r;

	range_lock(inode, &r, start, start + (uint64_t)run->n * FS_BLOCK);
	if (alloc_get(inode->root->fs->alloc, ALLOC_DATA, FS_BLOCK, len, &got, &disk)) {
		range_unlock(inode, &r);
		return false;
	}
	CHECK(got == len);
	const struct ordered_spec spec = { .file_off = start, .len = (uint64_t)run->n * FS_BLOCK, .disk_bytenr = disk,
					   .disk_len = len, .ram_bytes = (uint64_t)run->n * FS_BLOCK,
					   .compressed = true };
	struct ordered *o = writeback_add_extent(inode, inode->root->fs->on.add_extent, &spec);
	range_unlock(inode, &r);
	count(C_EXTENT_COMPRESSED);
	for (uint32_t i = 0; i < run->n; i++)
		page_start_writeback(inode, run->pages[i]);
	/* unlocked before the submit, as in the kernel: a task that slept on a page lock finds the ordered extent
	 * (compress.1) */
	for (uint32_t i = 0; i < run->n; i++)
		page_unlock(inode, run->pages[i]);
	ordered_submit(o, data, data, run->pages, run->n);
	return true;
}

/* A worker's, with the run and its locked pages. A run that does not shrink, or finds no space in one piece, is
 * written as it is. */
static void compress_chunk(struct work *w)
{
	struct async_chunk *c = container_of(w, struct async_chunk, work);
	uint64_t len = 0;
	void *data = run_compress(&c->run, &len);

	if (!data || !run_submit_compressed(&c->run, data, len)) {
		dev_buffer_put(c->run.inode->root->fs->dev, data);
		writeback_cow_range(&c->run);
	}
	inode_unref(c->run.inode);
	free(c);
}

void compress_queue(struct run *run)
{
	struct async_chunk *c = mem_zalloc(sizeof(*c));

	CHECK(run->n > 0);
	c->work.fn = compress_chunk;
	c->run = *run;
	inode_ref(run->inode);
	inode_set_flag(run->inode, INODE_HAS_ASYNC); /* from here on an fsync starts writeback twice */
	workers_queue(&run->inode->root->fs->delalloc, &c->work);
}
