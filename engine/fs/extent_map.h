/*
 * extent_map.h: what memory knows of where a file's ranges are, and the modified list: what changed
 * since the inode was last logged. inode->em_lock guards both; every function here takes it.
 *
 * extent_map.1: A map whose write is in flight is PINNED with generation = max: it counts as newer than any
 *      transaction, so a fast fsync logs it.
 * extent_map.2: Unpinning does not put a map back on the modified list (a28046956c71): it may be in the log already.
 * extent_map.3: No two maps of an inode overlap. Splits of a modified map are modified (cef7820d6abf).
 */
#ifndef FS_EXTENT_MAP_H
#define FS_EXTENT_MAP_H

#include "fs/state.h"

/* Puts a new map in the tree and on the modified list, in place of whatever overlaps it. Copies *m. */
void em_add(struct inode *inode, const struct extent_map *m);
/* Forgets what overlaps [start, end); parts outside stay. */
void em_drop(struct inode *inode, uint64_t start, uint64_t end);
/* Memory is short: drops the maps that overlap [start, end), but for those in flight, and those on the modified list
 * that are of `generation` or newer, which a fast fsync needs. With `all` the latter go, too, and the inode needs a
 * full sync from before that. */
void em_release(struct inode *inode, uint64_t start, uint64_t end, uint64_t generation, bool all);
/* The event unpin_maps: the write of [start, start+len) is in the trees since `generation`. em_unpin_relist(): what is
 * not on the modified list comes back to it (extent_map.2), which is the fault of a design. */
void em_unpin(struct inode *inode, uint64_t start, uint64_t len, uint64_t generation);
void em_unpin_relist(struct inode *inode, uint64_t start, uint64_t len, uint64_t generation);
/* A copy of the map that covers `off`; false when memory knows of none. */
bool em_lookup(struct inode *inode, uint64_t off, struct extent_map *out);
bool em_modified_empty(struct inode *inode);

/*
 * Takes what overlaps [start, end) off the modified list: copies of the maps newer than `committed`, sorted by start,
 * in *out (malloced, *n of them); older ones just leave the list. -EFBIG: too many. Copies, because completion may
 * unpin a map while it is being logged; the kernel pins the map itself with a flag (EXTENT_FLAG_LOGGING).
 */
int em_take_modified(struct inode *inode, uint64_t start, uint64_t end, uint64_t committed, struct extent_map **out,
                     uint32_t *n);
/* After a full log, for which [start, end) was flushed: what lies in there and is not in flight leaves the modified
 * list. em_forget_all(): everything leaves it, also what the log has not seen, which is the fault of a design. */
void em_forget_range(struct inode *inode, uint64_t start, uint64_t end);
void em_forget_all(struct inode *inode, uint64_t start, uint64_t end);
void em_free_all(struct inode *inode);

#endif
