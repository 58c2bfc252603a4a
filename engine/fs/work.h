/*
 * work.h: tasks that work for the file system: pools with a queue each (completion of ordered
 * extents, compression), the flusher (age and dirty limit), and the periodic commit.
 *
 * Callers: mount.c starts and stops them; ordered.c and writeback.c queue work.
 */
#ifndef FS_WORK_H
#define FS_WORK_H

#include "fs/state.h"

void workers_start(struct workers *w, const char *name, uint32_t ntasks);
/* Never blocks: called at I/O completion. */
void workers_queue(struct workers *w, struct work *work);
/* Lets the queue drain, then ends the tasks. */
void workers_stop(struct workers *w);

void background_start(struct fs *fs);
void background_stop(struct fs *fs);
/* A writer made pages dirty: wakes the flusher over the limit; over twice the limit writes the inode itself. */
void background_balance(struct inode *inode);
/* Before a call that will need space, no lock held: commits when most of what is not free is pinned. */
void background_make_space(struct fs *fs);

#endif
