/*
 * log.h: the tree log: what fsync writes instead of committing the transaction. One log tree per
 * subvolume, and one tree that holds the roots of them all; the super block names the latter.
 *
 * Sub-transactions: log_transid numbers the log commits of one log. All items that are written into the log
 * while `id` runs are covered by the commit of `id`. There are two slots (id % 2): while one is on its way to
 * the media the next one collects.
 *
 * log.1: An fsync that joined sub-transaction id returns only when id is on the media, and the data of
 *      every ordered extent that was logged in id too: its own data as well as its leader's (9dba8cf128ef).
 * log.2: The root item of a log is put into the tree of log roots under that tree's log_mutex, in the
 *      order in which the commits write it (4203e9689470, 06989c799f04).
 * log.3: An error of a log marks the transaction as not to be logged; every fsync that the log was to cover
 *      commits the transaction instead.
 * log.4: Committing the transaction frees all logs (log_free_all): nothing lives in a log alone by then (trans.2).
 *
 * log_item.c: what is logged for an inode. log_written.c: the same for designs that wait for the data first.
 * log_name.c: names. log_sync.c: the group commit. Callers: fsync.c, dir.c, trans.c.
 */
#ifndef FS_LOG_H
#define FS_LOG_H

#include "fs/state.h"

struct extent;

#define LOG_NEED_COMMIT 1 /* not an error: this fsync must commit the transaction instead */
#define LOG_NO_SYNC     2 /* not an error: there is nothing to log, and no log commit to wait for */
#define LOG_FLUSH_FIRST 3 /* not an error: dirty pages are to be written first (stream.h) */

void log_init(struct log *log, bool is_root);

/* ---- log_sync.c ---- */

/* Joins the running sub-transaction as a writer: ctx->transid is its id. unsummed: with data that have no checksums.
 * -EAGAIN: not to be logged. kernel: start_log_trans(). */
int log_start(struct root *root, struct handle *h, struct log_ctx *ctx, bool unsummed);
/* The same without a stake in a commit of its own: for a log that goes into the stream, and is committed there. */
int log_start_group(struct root *root, struct handle *h);
/* An empty log, for make_log. root->log.mutex held. 0 or an error. */
int log_create(struct log *log, struct fs *fs, uint64_t trans);
/* The caller is a writer of whatever log there is or will be, without a stake in its commit, until log_end(). kernel:
 * btrfs_pin_log_trans(). */
void log_write_begin(struct root *root);
/* The same if there is a log of h's transaction. kernel: join_running_log_trans(). */
bool log_join(struct root *root, struct handle *h);
/* The caller is no writer any more. kernel: btrfs_end_log_trans(). */
void log_end(struct root *root);
/* Takes ctx off its list, after an error between log_start() and log_end(). */
void log_forget_ctx(struct root *root, struct log_ctx *ctx);
/* Somebody new takes an interest in the next commit of this log: its leader waits for them a little. */
void log_interest(struct root *root);
/* Returns when sub-transaction ctx->transid is on the media (log.1), by leading its commit or by waiting for its
 * leader. 0, or an error: the caller commits the transaction. kernel: btrfs_sync_log(). */
int log_sync(struct root *root, struct handle *h, struct log_ctx *ctx);
/* One log commit on its way to the media, for the events of the designs (struct fs_events). */
struct log_commit;
/* put_log_root: puts the root item into the tree of log roots, under that tree's mutex (log.2) or after it was
 * dropped, which is the fault of a design; then leads that tree's commit, or joins it. */
int log_sync_parent(struct log_commit *c, const struct tree_ptr *ptr);
int log_sync_parent_unlocked(struct log_commit *c, const struct tree_ptr *ptr);
/*
 * The super goes out together with the blocks and the data that it names, and one flush follows for all of it: replay
 * takes the log if all has arrived, and else the one before (enum log_trust). Where there are data without checksums
 * it is log_sync_parent(). Then with a fault each: the super does not name the log before; it says that its log is
 * written; the flush does not wait for the data; data without checksums are no exception.
 */
int log_sync_parent_in_flight(struct log_commit *c, const struct tree_ptr *ptr);
int log_sync_parent_forgets_before(struct log_commit *c, const struct tree_ptr *ptr);
int log_sync_parent_claims_written(struct log_commit *c, const struct tree_ptr *ptr);
int log_sync_parent_flushes_early(struct log_commit *c, const struct tree_ptr *ptr);
int log_sync_parent_takes_unsummed(struct log_commit *c, const struct tree_ptr *ptr);
/* joined_log_root: waits for the log's own blocks and for the data of what was logged (log.1), or for its blocks
 * alone. 0 or the first error. */
int log_wait_own(struct log_commit *c);
int log_wait_own_blocks(struct log_commit *c);

/* The same two steps as the kernel takes them since data is waited for before it is logged (4.19, and 5.11 on): see
 * log_sync.c. And with what hunts have shown to be wrong there made right. */
int log_sync_parent_written(struct log_commit *c, const struct tree_ptr *ptr);
int log_sync_parent_repaired(struct log_commit *c, const struct tree_ptr *ptr);
/* The latter, but the super is written over an error, which is the fault of a design. */
int log_sync_parent_over_error(struct log_commit *c, const struct tree_ptr *ptr);

/*
 * make_log: makes the log of a subvolume, and the tree of log roots when there is none yet. root->log.mutex held. Not
 * before the super of the previous transaction is on the media (trans.3); or at once, and then it is the super of a log
 * that waits for that one (47876f7ceffa). 0 or an error.
 */
int log_make_after_super(struct root *root, uint64_t trans);
int log_make_at_once(struct root *root, uint64_t trans);
/* log_made: the numbers of sub-transactions go on from the log of the transaction before; or begin at 0, with 0 as the
 * number of the last log commit, as in the kernel. */
void log_numbers_run_on(struct log *log);
void log_numbers_restart(struct log *log);

/* No handle is open but the committer's: forgets every log, gives up its blocks. */
int log_free_all(struct fs *fs);
/* Without giving up blocks: unmount, abort. */
void log_close_all(struct fs *fs);

/* ---- log_item.c ---- */

/* What a fast log looks at first: all ordered extents there are, and then the modified maps; or the maps, and then
 * the ordered extents of those: with writeback_ordered_first(), the ordered extent of a map that is seen exists; or the
 * ordered extents, the maps, and once more the ordered extents. */
enum log_first { LOG_ORDERED_FIRST, LOG_MAPS_FIRST, LOG_ORDERED_TWICE };

/*
 * What is wanted of a log of an inode: what was changed in [start, end), which the score has flushed. A fast log has
 * that, and leaves everything else for the next; a full one has all that is in the tree.
 */
struct log_what {
	enum log_first first;
	uint64_t start, end;
};

/* Logs the inode, and its name when that is new. 0, LOG_NEED_COMMIT, or an error (commit too). inode->lock held.
 * kernel: btrfs_log_inode_parent(). */
int log_inode_parent(struct inode *inode, struct handle *h, struct log_ctx *ctx, const struct log_what *what);
/* Logs the inode alone: the caller is a writer of sub-transaction `transid`. 0, LOG_NEED_COMMIT, or an error.
 * inode->lock held. kernel: btrfs_log_inode(). */
int log_inode(struct inode *inode, struct handle *h, int64_t transid, const struct log_what *what);
/* True when everything of the inode is in a log that is on the media. kernel: btrfs_inode_in_log(). */
bool log_has_inode(struct inode *inode);
/* log_lacks: does the inode have data that is on its way to where it lies already? No map tells of it (nocow.2), so its
 * log may lack it. Or the question is not asked. */
bool log_lacks_in_place(struct inode *inode);
bool log_lacks_nothing(struct inode *inode);
/* full_log_drops: a full log takes the place of all that the log has of an inode, and is made from the trees. After a
 * full fsync of a range there may be an extent outside of it that the log has, and no tree yet. Is there one? Or the
 * question is not asked. */
bool log_drops_pending(struct inode *inode);
bool log_drops_nothing(struct inode *inode);

/* ---- log_written.c: logging data that is written already ---- */

/* What designs that wait before they log differ in. */
struct log_rules {
	/* Is everything of the inode in a log of transaction `generation`, and on the media? */
	bool (*has)(struct inode *inode, uint64_t generation);
	/* The inode has been logged in sub-transaction `sub` of its log: up to which one is it covered now?
	 * inode->ordered_lock held. */
	int64_t (*covers)(struct inode *inode, int64_t sub);
	/* Maps of what is in the trees of an older transaction, which is not on the media yet, are logged, too (before
	 * 5f96bfb7633c). */
	bool logs_committing;
	/* After an error the maps that were taken off the modified list are missed by no later log: the inode needs a
	 * full sync. And a map that a failed write takes away is. */
	bool misses_nothing;
	/* An fsync that falls back to a commit waits for its data with the handle open (before bf7ba8ee759b). */
	bool holds_handle;
	/* With no transaction to commit all is on the media; or one has failed meanwhile, which is asked. */
	bool asks_failed;
};

/* has: as the kernel compares since 209ecbb8585b, and before, when the modified list had to be empty, too. Or: the
 * sub-transaction that it was logged in has to be on the media, not only the one in which it changed. */
bool log_has_changes(struct inode *inode, uint64_t generation);
bool log_has_changes_and_maps(struct inode *inode, uint64_t generation);
bool log_has_logged(struct inode *inode, uint64_t generation);
/* covers: the sub-transaction in which it last changed, as in the kernel; or the one in which it was logged. */
int64_t log_covers_change(struct inode *inode, int64_t sub);
int64_t log_covers_logged(struct inode *inode, int64_t sub);

/*
 * Logs the inode, and its name when that is new. Its data in [start, end) is written, which the score has waited for;
 * of what is not in the trees yet `ordered` has the ordered extents. 0; LOG_NEED_COMMIT, also after an error, which
 * has marked the transaction (log.3); or LOG_NO_SYNC. inode->lock held. kernel: btrfs_log_inode_parent() of 4.19
 * and of 5.10 on.
 */
int log_inode_written(struct inode *inode, struct handle *h, struct log_ctx *ctx, const struct log_rules *rules,
                      uint64_t start, uint64_t end, struct list *ordered);

/* ---- between log_item.c and log_written.c ---- */

int log_extent_item(struct inode *inode, struct tree *log, uint64_t generation, const struct extent_map *em,
                    struct extent *e);
int log_csums_from_tree(struct fs *fs, struct tree *log, uint64_t generation, const struct extent_item *it, bool must);
/* A fast log: the space that is preallocated beyond the size, also before this transaction. Replay takes away what
 * lies there, and what it needs to put there again is in no map that is left (471d557afed1, f135cea30de5). */
int log_prealloc_beyond(struct inode *inode, struct tree *log, uint64_t generation);
int log_inode_item(struct inode *inode, struct tree *log, uint64_t generation);
int log_full(struct inode *inode, struct tree *log, uint64_t generation, uint64_t start, uint64_t end);

#endif
