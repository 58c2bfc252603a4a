/*
 * abandoned.h: temporary folders that a killed run has left behind: the next run in the same place names them.
 *
 * A folder that is in use has a lock, which goes with the process. One without a lock is nobody's any more. Nothing is
 * removed: there may be results in it.
 *
 * Called by recipe/results.c, target/kernel_fs.c, cmd/cut_finding.c and cmd/cut_kernel.c, which make such folders;
 * analysis/merge.py locks its own.
 */
#ifndef KIT_ABANDONED_H
#define KIT_ABANDONED_H

/* Locks the folder. A descriptor that has the lock until it is closed, or -1: then the folder has none. */
int abandoned_lock(const char *folder);
/*
 * `own` is such a folder, made just now by mkdtemp(): its parent, `prefix` and six characters (by Python, eight). One
 * line on stderr for each folder beside it with such a name that nobody has locked. Once for each in a process.
 */
void abandoned_tell(const char *own, const char *prefix);
/* The folder goes with all that is in it, after Ctrl-C too, which ends programs that we call; and so does its lock. */
void abandoned_remove(const char *folder, int lock);

#endif
