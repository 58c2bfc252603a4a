/*
 * inode.h: inodes. Those that were opened stay in memory until somebody wants their memory (reclaim.2); then their
 * fsync bookkeeping, which is on no disk (logged_trans and the like), goes with them.
 *
 * inode.1: A new inode needs a full sync: its item is in no log and in no committed tree.
 * inode.2: An inode stamps last_trans and last_sub_trans when it changes; last_log_commit falls behind
 *      last_sub_trans at that moment (bc0939fcfab0), so a log commit that began earlier cannot cover it. (A design may
 *      do without: inode_touch_torn().)
 * inode.3: Whoever has a handle stamps last_trans with its transaction; such stamps come in the order of transactions.
 *      A write has none: it stamps the transaction that it expects, and no lock is held between its look at the newest
 *      one and the stamp. Meanwhile its data may have completed in a newer one, and the expected one may be on the
 *      media. So its stamp never takes last_trans back.
 */
#ifndef FS_INODE_H
#define FS_INODE_H

#include "fs/state.h"

/* Stamps a change made in transaction `transid` (inode.2), which the caller has a handle of. */
void inode_touch(struct inode *inode, uint64_t transid);
/* The event wrote: the same for a caller without a handle (inode.3). To call inode_touch() there is the fault of a
 * design. */
void inode_touch_if_newer(struct inode *inode, uint64_t transid);
/* The event wrote, too: last_sub_trans alone, as in Linux since 3a8b36f37806. kernel:
 * btrfs_set_inode_last_sub_trans(). */
void inode_touch_sub(struct inode *inode, uint64_t transid);
/* The event changed: as inode_touch(), but last_log_commit becomes the number of the last log commit, which may end
 * between the reading of the one number and the other (before bc0939fcfab0). The fault of a design. */
void inode_touch_torn(struct inode *inode, uint64_t transid);
/* Writes the inode item of the subvolume's tree, and stamps. */
int inode_update(struct inode *inode, struct handle *h);
struct inode_item inode_make_item(struct inode *inode, uint64_t transid, uint64_t size);

/* Loads or finds the inode; dir_lock held. */
int inode_get(struct root *root, uint64_t ino, struct inode **out);
/* The inode after `prev` (NULL: the first) of those in memory; NULL at the end. A walk goes to the end: the inode that
 * it has come to stays until the next one is asked for. */
struct inode *inode_next(struct root *root, struct inode *prev);
/* Something that outlives the caller's hold on the inode refers to it; and does not any more: the last thing that it
 * does. */
void inode_ref(struct inode *inode);
void inode_unref(struct inode *inode);
/* Frees the inodes that are in use by nobody (reclaim.2); how many. */
int inode_evict_idle(struct root *root);
void inode_free(struct inode *inode);
/* Deletes every item of an unlinked inode and its orphan mark. */
int inode_delete_items(struct root *root, uint64_t ino);

#endif
