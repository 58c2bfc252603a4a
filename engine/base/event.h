/*
 * event.h: what a trace can tell: one list of events, as COUNTERS is one of counters. An event has an id, a text, and
 * arguments, and each argument has a role: which file, which place of the device, which transaction. A reader of the
 * trace asks for an event by its id and for an argument by its role. So a text may be reworded, and the same is found.
 *
 * event.1: An event has each role at most once. A name in braces in its text is the name of one of its roles, or
 *     `blocks`, which is `start` and `len` together, as numbers of blocks.
 *
 * Called by rt/trace.h, which records events, and by engine/story, which reads them.
 */
#ifndef BASE_EVENT_H
#define BASE_EVENT_H

#include <stdbool.h>
#include <stdint.h>

/* id, name, what the argument is. X(id) is ROLE_id. */
#define ROLES(X)                                                                                              \
	X(FILE, "file", "the file: the id of its subvolume's root << 32 | its inode number")                  \
	X(START, "start", "offset in the file, in bytes")                                                     \
	X(LEN, "len", "length in the file, in bytes")                                                         \
	X(DISK, "disk", "offset on the device, in bytes")                                                     \
	X(BYTES, "bytes", "length on the device")                                                             \
	X(BLOCK, "block", "number of a block in its file")                                                    \
	X(INODE, "inode", "inode number in its subvolume")                                                    \
	X(TRANS, "trans", "number of the transaction")                                                        \
	X(STATE, "state", "enum trans_state")                                                                 \
	X(ROOT, "root", "id of the root of a subvolume")                                                      \
	X(LOG_ROOT, "log_root", "offset on the device of the root block of the tree of log roots")            \
	X(ERROR, "error", "0 or -errno")                                                                      \
	X(CALL, "call", "number of the model's operation")                                                    \
	X(PAGE, "page", "number of a page, in a race without a file system")                                  \
	X(VERSION, "version", "version of that page")                                                         \
	X(COUNT, "count", "how many")

enum role {
	ROLE_NONE,
#define X(id, name, what) ROLE_##id,
	ROLES(X)
#undef X
	ROLE_NR
};

#define EVENT_ARGS 4u /* at most */

/* id, the roles of its arguments in their order (NONE: no more), the text. X(id, ...) is EV_id. */
#define EVENTS(X)                                                                                              \
	/* the device: engine/dev/dev.c */                                                                     \
	X(WRITE_SUBMITTED, DISK, BYTES, NONE, NONE, "write submitted {disk}+{bytes}")                          \
	X(WRITE_COMPLETED, DISK, BYTES, NONE, NONE, "write completed {disk}+{bytes}")                          \
	X(WRITE_FAILED, DISK, BYTES, NONE, NONE, "write failed {disk}+{bytes}")                                \
	X(FLUSH_SUBMITTED, NONE, NONE, NONE, NONE, "flush submitted")                                          \
	X(FLUSH_COMPLETED, NONE, NONE, NONE, NONE, "flush completed")                                          \
	X(FLUSH_FAILED, NONE, NONE, NONE, NONE, "flush failed")                                                \
	/* data: engine/fs */                                                                                  \
	X(BLOCK_DIRTY, BLOCK, INODE, NONE, NONE, "block {block} of inode {inode} is dirty")                    \
	X(EXTENT_MAP_ADDED, FILE, START, LEN, DISK, "extent map of {blocks} added (data @{disk})")             \
	X(ORDERED_ADDED, FILE, START, LEN, DISK, "ordered extent of {blocks} added")                           \
	X(ORDERED_COLLECTED, FILE, START, LEN, NONE, "ordered extent of {blocks} collected")                   \
	X(EXTENT_IN_TREES, FILE, START, LEN, TRANS, "{blocks} put into the trees of transaction {trans}")      \
	X(ORDERED_COMPLETE, FILE, START, LEN, NONE, "ordered extent of {blocks} complete")                     \
	X(INODE_WRITE_ERROR, INODE, ERROR, NONE, NONE, "inode {inode}: write error {error}")                   \
	X(FSYNC_RETURNS, INODE, ERROR, NONE, NONE, "fsync of inode {inode} returned {error}")                  \
	/* the log: engine/fs */                                                                               \
	X(EXTENT_LOGGED, FILE, START, LEN, DISK, "LOGS {blocks} (data @{disk})")                               \
	X(SUMS_MISSED, FILE, START, LEN, DISK, "has no checksums of {blocks} to log: none are there yet")      \
	X(FILE_LOGGED, FILE, INODE, NONE, NONE, "inode {inode}: all of it that is in the trees is logged")     \
	X(NAME_TAKEN, FILE, INODE, NONE, NONE, "inode {inode} loses a name")                                   \
	X(NAME_GIVEN, FILE, INODE, NONE, NONE, "inode {inode} gets a name")                                    \
	X(NAMES_LOGGED, FILE, INODE, COUNT, NONE, "LOGS the names of inode {inode}: {count}")                  \
	X(MARK_OVERWRITTEN, FILE, INODE, NONE, NONE, "notes that inode {inode} is in no log, which it is now") \
	X(DIR_LOGGED, ROOT, COUNT, NONE, NONE, "LOGS the directory of root {root}: {count} changed names")     \
	X(LOG_IN_PARENT, ROOT, NONE, NONE, NONE, "log of root {root} put into the tree of log roots")          \
	X(SUPER_NAMES_LOG, LOG_ROOT, NONE, NONE, NONE, "the super is to name the log root @{log_root}")        \
	X(LOG_SUPER_WRITTEN, ERROR, NONE, NONE, NONE,                                                          \
	  "log super written (error {error}): what this log names must be durable now")                        \
	/* transactions: engine/fs/trans.c */                                                                  \
	X(TRANS_STATE, TRANS, STATE, NONE, NONE, "transaction {trans}: state {state}")                         \
	X(TRANS_COMMIT_STARTED, TRANS, NONE, NONE, NONE, "transaction {trans}: commit started")                \
	X(TRANS_UNBLOCKED, TRANS, NONE, NONE, NONE, "transaction {trans}: unblocked")                          \
	X(TRANS_ON_MEDIA, TRANS, ERROR, NONE, NONE, "transaction {trans}: on the media (error {error})")       \
	/* calls of a race's tasks: engine/oracle/model.c */                                                   \
	X(CALL_BEGINS, CALL, NONE, NONE, NONE, "call {call} begins")                                           \
	X(CALL_RETURNS, CALL, ERROR, NONE, NONE, "call {call} returns {error}")                                \
	/* a race without a file system: pages stand for extents */                                            \
	X(PAGE_WRITTEN, PAGE, VERSION, NONE, NONE, "writes page {page}, version {version}")                    \
	X(PAGE_MAP_ADDED, PAGE, VERSION, NONE, NONE, "adds the map of page {page}, version {version}")         \
	X(PAGE_ORDERED_ADDED, PAGE, VERSION, NONE, NONE,                                                       \
	  "adds its ordered extent: page {page}, version {version}")                                           \
	X(PAGE_ON_DISK, PAGE, VERSION, NONE, NONE, "page {page}, version {version} is on disk")                \
	X(PAGES_COLLECTED, COUNT, NONE, NONE, NONE, "collects ordered extents: {count}")                       \
	X(PAGE_LOGGED, PAGE, VERSION, NONE, NONE, "logs page {page}, version {version}")                       \
	X(LOG_COMMITTED, NONE, NONE, NONE, NONE, "commits the log")                                            \
	/* memory is short: engine/fs/extent_map.c */                                                          \
	X(MAP_RELEASED, FILE, START, LEN, NONE, "releases the extent map of {blocks}, which no log has")

enum event {
#define X(id, a, b, c, d, text) EV_##id,
	EVENTS(X)
#undef X
	EV_NR
};

/* For the compiler: how many arguments EV_id has, and which roles, a bit each. */
enum {
#define X(id, a, b, c, d, text)                                                                                        \
	EV_##id##_ARGS = !!ROLE_##a + !!ROLE_##b + !!ROLE_##c + !!ROLE_##d,                                            \
	EV_##id##_ROLES = (1 << ROLE_##a | 1 << ROLE_##b | 1 << ROLE_##c | 1 << ROLE_##d) & ~(1 << ROLE_NONE),
	EVENTS(X)
#undef X
};

struct event_info {
	const char *name; /* "EXTENT_LOGGED" */
	const char *text;
	uint8_t role[EVENT_ARGS];
};
extern const struct event_info event_info[EV_NR];

struct role_info {
	const char *name, *what;
};
extern const struct role_info role_info[ROLE_NR];

/* Where the argument of this role stands among the event's; -1: it has none. */
int event_position(enum event event, enum role role);

#endif
