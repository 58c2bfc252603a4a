/*
 * ordered.h: ordered extents: data on its way to the disk, and then into the trees, in that order.
 *
 * ordered.1: IO_DONE is set when every byte is written; then page writeback ends; then a worker inserts the
 *      file extent item, unpins the extent map, inserts the checksums, and only then is it COMPLETE
 *      (kernel: btrfs_finish_ordered_io()). So "page writeback has ended" does not mean "in the trees".
 * ordered.2: A failed write drops its extent map before the ordered extent leaves the tree, so a fast fsync
 *      that finds no ordered extent finds no map either (f13e01b89daf), and its error is counted on
 *      the inode before anyone can see it COMPLETE (b38ef71cb102).
 * ordered.3: What a failed write leaves is a hole that no extent map tells of; where a truncation had cut a block off,
 *      the committed tree may still have the old one. So the inode needs a full sync, which logs holes, from before the
 *      map is dropped; a fast log looks for that once it has taken maps and ordered extents.
 *
 * Callers: writeback.c and compress.c make them; log_item.c collects them; log_sync.c waits.
 */
#ifndef FS_ORDERED_H
#define FS_ORDERED_H

#include "fs/state.h"

/* Adds one to the inode's tree: from now on fsync can collect it. Its I/O has yet to be submitted. */
struct ordered *ordered_add(struct inode *inode, const struct ordered_spec *s);
/*
 * Submits its data: `data` has disk_len bytes and is stable until IO_DONE; checksums are computed here. `buf`, when not
 * NULL, is of dev_buffer_get() and given back afterwards. `pages` (owned from now on) end their writeback when the I/O
 * ends.
 */
void ordered_submit(struct ordered *o, const void *data, void *buf, struct page **pages, uint32_t npages);
/* The same for one whose data go out as a part of another write: all but the submission. And when that write ends,
 * which the caller tells, with its error. */
void ordered_prepare(struct ordered *o, const void *data, void *buf, struct page **pages, uint32_t npages);
void ordered_io_ended(struct ordered *o, int err);

void ordered_get(struct ordered *o);
void ordered_put(struct ordered *o);

/* Puts each one that overlaps [start, end) and is on no log's list yet onto `list` (by log_link), in file order,
 * with a reference. A point. */
void ordered_collect(struct inode *inode, uint64_t start, uint64_t end, struct list *list);
/* The same, but those of these n maps alone, and those that have none (nocow.2). */
void ordered_collect_of(struct inode *inode, const struct extent_map *ems, uint32_t n, struct list *list);
/* Puts each one that no log has a map of yet (ORDERED_LOGGED) onto `list`, in file order, with a reference. A score
 * keeps that list for itself, under inode->lock: on_log is not used. kernel:
 * btrfs_get_ordered_extents_for_logging(). */
void ordered_collect_unlogged(struct inode *inode, struct list *list);
/* Takes such a list apart and drops the references. kernel: btrfs_release_log_ctx_extents(). */
void ordered_release_list(struct list *list);
/* The one of the list whose extent begins at this address of the disk; NULL. */
struct ordered *ordered_on_list(struct list *list, uint64_t disk_bytenr);
/* Takes the list apart and drops the references. */
void ordered_drop_list(struct list *list);

void ordered_wait_csums(struct ordered *o);
/*
 * The event sums_made: an ordered extent's checksums are computed, and its I/O is about to begin.
 * ordered_show_sums(): a log may copy them from here on. ordered_leave_sums(): those of a direct write are there when
 * a completion worker has it, as if that one had computed them. (In the kernel before e917ff56c8e7 the I/O began after
 * a worker's sums, and nobody waited for the I/O of a direct write. A repaired modern does.)
 * ordered_protect_late(): only now are stores kept out of its pages, as far as writeback has left them writable.
 */
void ordered_show_sums(struct ordered *o);
void ordered_leave_sums(struct ordered *o);
void ordered_protect_late(struct ordered *o);
/* Sleeps until every byte is written; -EIO when it was not. */
int ordered_wait_io(struct ordered *o);
/* The same, but an error is not noticed: always 0. The fault of a design. */
int ordered_wait_io_blindly(struct ordered *o);
/* Sleeps until all that overlap [start, end) are COMPLETE (all, even after an error: e75fd33b3f74). 0, or -EIO when
 * one of them failed. */
int ordered_wait_range(struct inode *inode, uint64_t start, uint64_t end);
/* How far the size on disk may advance, as before 9ddc959e802b: from `disk` to the first write that is still under way,
 * also when its block is in the trees already (disk_size.1). One whose items are in the trees is not under way.
 * inode->ordered_lock held. The fault of a design. kernel: btrfs_ordered_update_i_size(). */
uint64_t ordered_first_below(struct inode *inode, uint64_t disk, uint64_t size);
bool ordered_any(struct inode *inode);
bool ordered_overlaps(struct inode *inode, uint64_t start, uint64_t end);
/* Is there one that a log of the running transaction has, and no tree yet? */
bool ordered_any_pending(struct inode *inode);

/* Counts a write error of the inode: each open file is told of it once. err < 0. Its pages' map is not dropped yet. */
void inode_write_error(struct inode *inode, int err);
/*
 * The event io_failed: a worker is going to count the error on the inode, before the map goes (ordered.2); or it is
 * counted now, before anyone can see the pages' writeback end, and the first task that waits for that meets it
 * (inode->unwaited_error; kernel: mapping_set_error()). With the flag INODE_COW_WRITE_ERROR besides, a task that meets
 * no error knows of maps that are about to go (f13e01b89daf).
 */
void ordered_tell_later(struct ordered *o);
void ordered_tell_at_once(struct ordered *o);
void ordered_tell_and_flag(struct ordered *o);
/* The event write_failed: the inode needs a full sync (ordered.3); or nothing, which is the fault of a design. */
void inode_needs_holes(struct inode *inode);
void inode_needs_nothing(struct inode *inode);

#endif
