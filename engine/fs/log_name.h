/*
 * log_name.h: names in the log: what an fsync says of them, and what calls that change them do to a log that has told
 * of them already.
 *
 * The log tells of the names of an inode (its item, as a whole), of names in the directory (an entry), and of names
 * that are gone from it (a range of hashes). All three are believed by replay, in place of what the committed tree says
 * (replay.c).
 *
 * log_name.1: Who logs names marks that first (logged_trans of the inode, names.logged_trans of the directory), and
 *      then reads them. Who changes names asks for the mark after the change. So a change that a log has missed is
 *      brought into that log by who made it.
 * log_name.2: A rename is a writer of the log from before it touches an entry until both names are in the log as they
 *      are now (rename_pinned()): no commit of the log comes in between, and none shows a file with neither name.
 * log_name.3: When a name that the log is to give to an inode was taken from another inode that lives, replay would
 *      take it from that one, whose other names are in no log: it would be lost. So there is no log then, nor when a
 *      name that the inode has lost is another's now: the log would say that it is gone, and not whose it is.
 *
 * Callers: dir.c, log_item.c.
 */
#ifndef FS_LOG_NAME_H
#define FS_LOG_NAME_H

#include "fs/log.h"
#include "fs/state.h"

void names_init(struct root *root);
void names_free(struct root *root);
/* Lets go of inodes whose changes of names are in a committed tree by now. */
void names_prune(struct root *root);

/* ---- a change of a name: dir_lock and the inode's lock held, a handle open ---- */

/* Gives the name to the inode, in the tree, and notes that; or takes it. 0 or an error, which is to abort. */
int name_give(struct root *root, struct handle *h, struct inode *inode, const char *name);
int name_take(struct root *root, struct handle *h, struct inode *inode, const char *name);

/* The log, if it has told of it, is to forget that the inode has this name, which name_take() has taken: it says that
 * the name is gone. kernel: btrfs_del_inode_ref_in_log(), btrfs_del_dir_entries_in_log(). */
void log_forget_name(struct inode *inode, struct handle *h, const char *name);
/* The inode has got a name: if the log has told of it, or of the directory, it is told the names as they are now; and
 * if it says that this name is gone, which may have been true for no moment. Nothing is written to the media for it.
 * kernel: btrfs_log_new_name(), which does not know the last reason. */
void log_new_name(struct inode *inode, struct handle *h, const char *name);

/* ---- an fsync ---- */

/* The names of the inode, as they are, are in no committed tree. The inode's lock is held. */
bool names_are_new(struct inode *inode);
/* names_decline: an fsync finds that: must it commit? It must when one of them is another's loss (log_name.3). */
bool names_are_taken(struct inode *inode);
/* It need not: who logs them logs the others too (log_names_of_parent()). */
bool names_go_with_others(struct inode *inode);
/* log_names: the same fsync is a writer of sub-transaction `transid`, and has logged the inode. 0, LOG_NEED_COMMIT, or
 * an error. The names of this inode alone; or all changes in its directory, and the inodes that those concern. */
int log_own_names(struct inode *inode, struct handle *h, int64_t transid);
int log_names_of_parent(struct inode *inode, struct handle *h, int64_t transid);

/* inode_logged: a call has changed names, and asks for the mark of log_name.1. Or it asks the log where there is no
 * mark, and leaves one, which may take another's place: the fault of a design. */
bool inode_is_logged(struct inode *inode, struct handle *h);
bool inode_is_logged_torn(struct inode *inode, struct handle *h);
/* logged_exists: an inode's names are in the log, and the rest of it is not, by this call. Everything else that it has
 * changed is still to be logged; or counts as logged, which is the fault of a design. */
void inode_logged_names(struct inode *inode, uint64_t generation, int64_t transid);
void inode_logged_all(struct inode *inode, uint64_t generation, int64_t transid);

/* An fsync of the directory: everything in it that has changed since the last commit, and the new inodes that have a
 * name in it. dir_lock held, the caller is a writer of `transid`. */
int log_dir(struct root *root, struct handle *h, int64_t transid);
/* Nothing of the directory is to be logged or committed. dir_lock held. */
bool dir_is_durable(struct root *root);
/* The same with a stream: all of it is in the group *lsn, or before it. */
bool dir_in_group(struct root *root, uint64_t *lsn);

#endif
