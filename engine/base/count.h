/*
 * count.h: event counters. count(C_LOG_JOINED) in rt/rt.h is one plain increment in the running task's own array; the
 * arrays are added up when a run is over (rt_totals()). Each counter has its name and its meaning in this one list, and
 * results print all of the list.
 */
#ifndef BASE_COUNT_H
#define BASE_COUNT_H

#define COUNTERS(X)                                                                                \
	X(FSYNC, "fsyncs", "calls of fsync or fdatasync")                                          \
	X(FSYNC_FAST, "fsync_fast", "fsyncs that logged from the modified extent maps")            \
	X(FSYNC_FULL, "fsync_full", "fsyncs that copied the inode's items from the tree")          \
	X(FSYNC_SKIPPED, "fsync_skipped", "fsyncs that found their inode already in the log")      \
	X(FSYNC_COMMIT, "fsync_commit", "fsyncs that fell back to a full commit")                  \
	X(LOG_LED, "log_led", "log commits led")                                                   \
	X(LOG_JOINED, "log_joined", "fsyncs whose log commit another task did")                    \
	X(LOG_ROOT_JOINED, "log_root_joined", "log commits whose log-root commit another task did")\
	X(TRANS_COMMIT, "trans_commits", "full transaction commits")                               \
	X(DATA_BYTES, "data_bytes", "bytes of file data written to the device")                    \
	X(META_BYTES, "meta_bytes", "bytes of tree blocks and super blocks written")               \
	X(DEV_WRITE, "dev_writes", "write bios submitted")                                         \
	X(DEV_READ, "dev_reads", "read bios submitted")                                            \
	X(DEV_FLUSH, "dev_flushes", "flushes: PREFLUSH and, as on a device without FUA, FUA")      \
	X(ORDERED, "ordered_extents", "ordered extents created")                                   \
	X(EXTENT_COMPRESSED, "extents_compressed", "extents written compressed")                   \
	X(NODE_COW, "node_cow", "tree blocks copied on write")

enum counter {
#define X(id, name, what) C_##id,
	COUNTERS(X)
#undef X
	C_NR
};

/* One row a counter: its name in JSON and tables, and what it counts. */
struct counter_info {
	const char *name, *what;
};
extern const struct counter_info counter_info[C_NR];

#endif
