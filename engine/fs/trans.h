/*
 * trans.h: transactions: which handles may be opened in which state, and the commit.
 *
 * States: RUNNING -> COMMIT_START (START handles wait) -> COMMIT_DOING (JOIN handles wait too) ->
 * UNBLOCKED (the next transaction runs while this one is written) -> SUPER_COMMITTED (on the media) -> COMPLETED
 * (the space that it has given up is free again).
 *
 * trans.1: Nothing of transaction N changes after COMMIT_DOING with one writer left: N's blocks are then
 *      taken for writing, and N+1 copies them on write.
 * trans.2: A commit waits for every ordered extent that was logged in its transaction (50d9aa99bd35):
 *      it deletes the log, so what only the log knows must be in the trees by then.
 * trans.3: tree_log_mutex is held from the moment super_for_commit names N's trees until N's super is on
 *      the media; making the first log of N+1 takes it, or in some designs the writing of that log's super
 *      (log_make_at_once()): no log's super can name trees not written.
 * trans.4: A super is never written over an error (165ea85f1483, 656f30dba7ab).
 *
 * Callers: everything in engine/fs that changes a tree.
 */
#ifndef FS_TRANS_H
#define FS_TRANS_H

#include "fs/state.h"

/* Opens a handle on the running transaction, or a new one. -EROFS after an abort. The handle is owed
 * (L_TRANS_EXT for START, L_TRANS_WRITERS): only what is below may be taken or waited for until trans_end(). */
int trans_start(struct fs *fs, enum trans_type type, struct handle *h);
void trans_end(struct handle *h);
/* Ends the handle by committing its transaction, or by waiting for the task that commits it already. 0 or the
 * commit's error. */
int trans_commit(struct handle *h);
/* The same; where another task commits it already, waits until the transaction is in state `until`:
 * TRANS_SUPER_COMMITTED (for designs that tell of it: trans_tell_super()) or TRANS_COMPLETED. */
int trans_commit_until(struct handle *h, enum trans_state until);
/*
 * A START handle on the transaction that runs, if it still takes such handles. -ENOENT: none does; then what has begun
 * to commit is COMPLETED on return, and its error is returned instead if it has one. One that fails and is gone before
 * it is looked for leaves -ENOENT, too: the caller asks for the error. No handle is held. kernel:
 * btrfs_attach_transaction_barrier().
 */
int trans_attach_barrier(struct fs *fs, struct handle *h);
/* Commits transaction `id` if it is still running, waits until it is on the media. No handle is held. */
int trans_commit_id(struct fs *fs, uint64_t id);
/* Commits whatever runs and has been written to; nothing to do: 0. */
int trans_commit_running(struct fs *fs);
/* Drops the running transaction's memory: unmount, when no task is left. */
void trans_forget(struct fs *fs);
/* The file system cannot go on: read-only from now on. */
void trans_abort(struct fs *fs, int err);

/* Ordered extent `o` has been logged in h's transaction and is not COMPLETE yet (trans.2). inode->ordered_lock held. */
void trans_add_pending(struct handle *h, struct ordered *o);
/* What a commit does about the ordered extents that were logged in it (fs_events.commit_logged): it waits for them
 * (trans.2), or it does not look at them, which is the fault of a design. */
void trans_wait_pending(struct trans *t);
void trans_leave_pending(struct trans *t);
/* The event super_committed: nobody is told before COMPLETED; or those who wait for SUPER_COMMITTED are. */
void trans_tell_completed(struct trans *t);
void trans_tell_super(struct trans *t);
/* One that was pending in t is COMPLETE. Takes the reference that o->pending_in was; the caller has cleared that under
 * inode->ordered_lock. */
void trans_pending_done(struct trans *t);

/* Marks transaction `id` as not to be logged any more. */
void trans_no_log(struct fs *fs, uint64_t id);
bool trans_is_no_log(struct fs *fs, uint64_t id);

#endif
