/*
 * scores.h: the scores of the designs: one fsync of a file from its first step to its last, as each kernel has it.
 * 0 or -errno. The caller holds no lock. Called through the table of designs.c, by the public door (fsync.c).
 */
#ifndef FS_SCORES_H
#define FS_SCORES_H

#include "fs/state.h"

int fsync_prefix(struct sync *s);
int fsync_postfix(struct sync *s);
int fsync_ordered_first(struct sync *s);
int fsync_collect_twice(struct sync *s);
int fsync_beside_faults(struct sync *s);
int fsync_flush_twice_early(struct sync *s);
int fsync_trusts_stamp(struct sync *s);
int fsync_looks_late(struct sync *s);
int fsync_complete_4_19(struct sync *s);
int fsync_complete_flushed_once(struct sync *s);
int fsync_complete_repaired(struct sync *s);
int fsync_modern(struct sync *s);
int fsync_modern_repaired(struct sync *s);
int fsync_trusts_collected(struct sync *s);
int fsync_covers_change(struct sync *s);
int fsync_commits_with_handle(struct sync *s);
int fsync_skips_collected(struct sync *s);
int fsync_oneflush(struct sync *s);
int fsync_trusts_clean(struct sync *s);

#endif
