/*
 * replay.h: the log is brought back into the trees, in memory: see replay.c. mount.c calls these in
 * the order in which they stand here.
 */
#ifndef FS_REPLAY_H
#define FS_REPLAY_H

#include "fs/state.h"
#include "fs/stream.h"

struct disk_range {
	uint64_t bytenr, len;
};

struct replay {
	struct fs *fs;                /* the caller's, with generation of the open transaction */
	uint64_t generation;
	struct stream_log stream;     /* n > 0: the logs are made of it */
	struct tree root_tree;
	bool opened;
	struct replay_log *logs;
	uint32_t n;
	struct disk_range *stale;     /* taken away from files (replay.1) */
	uint32_t nstale, cap_stale;
	struct inode_ref *named;      /* inodes whose names have changed (replay.2) */
	uint32_t nnamed, cap_named;
};

int replay_log(struct replay *r);
/* After data space has been accounted from the trees as they are now. */
int replay_drop_stale_csums(struct replay *r);
/* Their blocks are pinned until the commit that follows. */
int replay_give_up_logs(struct replay *r);
void replay_free(struct replay *r);

#endif
