/*
 * writeback.h: dirty pages become extents and ordered extents, and their I/O starts.
 *
 * The order of events is that of the kernel's cow_file_range(), because the races live in it: pages
 * locked; range locked; space; extent map on the modified list, em_lock dropped; *then* the ordered
 * extent, under another lock (a design may do these two in the other order); range unlocked; pages under
 * writeback; checksums; submit; pages unlocked.
 *
 * Callers: fsync.c (the scores), flusher, sync_range, the race scenarios.
 */
#ifndef FS_WRITEBACK_H
#define FS_WRITEBACK_H

#include "fs/state.h"

/* Starts writeback of every tagged page of [start, end); waits for no I/O, but sleeps on pages that others have locked.
 * With compression, some may be in workers' hands on return: INODE_HAS_ASYNC is set then. */
void writeback_start(struct inode *inode, uint64_t start, uint64_t end);
/* As fsync needs it: every page of [start, end) dirty at entry has its ordered extent on return (kernel:
 * start_ordered_ops(), which starts twice when compression is in play: the second pass sleeps on the page locks that
 * the workers hold). */
void writeback_start_ordered(struct inode *inode, uint64_t start, uint64_t end);
/* Waits until pages of [start, end) that are under writeback are written. */
void writeback_wait(struct inode *inode, uint64_t start, uint64_t end);
/* The same for the whole file, in a time that depends on how many there are. kernel: filemap_fdatawait(). */
void writeback_wait_all(struct inode *inode);
/* Every inode whose oldest dirty page is older than min_age_ns. */
void writeback_all(struct fs *fs, uint64_t min_age_ns);

/* ---- between writeback.c and compress.c ---- */

/* A run of locked pages whose dirty bits were taken; contiguous in the file. */
struct run {
	struct inode *inode;
	uint32_t first, n;
	struct page **pages; /* malloced */
};
/* The uncompressed way for a run: extents, ordered extents, I/O; unlocks the pages and frees run->pages. */
void writeback_cow_range(struct run *run);
/* Pages that could not be written: error on the inode, pages unlocked, not dirty. */
void writeback_fail_range(struct run *run, int err);
/* Both orders of an extent's two halves (fs_events.add_extent): cow_file_range()'s, and the safe one. Either way
 * neither lock is held between the two, and fsync can see one without the other. */
struct ordered *writeback_map_first(struct inode *inode, const struct extent_map *em, const struct ordered_spec *s);
struct ordered *writeback_ordered_first(struct inode *inode, const struct extent_map *em, const struct ordered_spec *s);
/* Makes a new extent's map and ordered extent, by one of these two. */
typedef struct ordered *(*add_extent_fn)(struct inode *, const struct extent_map *, const struct ordered_spec *);
/* Where a piece of [off, end) goes, as much of it as there is in one piece: s->len, s->disk_bytenr and so on;
 * s->file_off is the caller's. The range is locked. 0, -ENOSPC or -EIO. */
int writeback_space(struct inode *inode, uint64_t off, uint64_t end, struct ordered_spec *s);
struct ordered *writeback_add_extent(struct inode *inode, add_extent_fn add, const struct ordered_spec *s);
/* Queues the run to the compression workers; the pages stay locked, and theirs. */
void compress_queue(struct run *run);

#endif
