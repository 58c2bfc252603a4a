/*
 * state.h: what a mounted file system holds in memory, and which lock guards which fields. The
 * nouns are Btrfs's; the verbs stand in the file that a field's comment names.
 *
 * Included by the files of engine/fs alone; everybody above sees fs.h.
 */
#ifndef FS_STATE_H
#define FS_STATE_H

#include <bsd/sys/tree.h>
#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "dev/dev.h"
#include "fs/fs.h"
#include "item/item.h"
#include "rt/lock.h"
#include "machine/mem.h"
#include "rt/trace.h"
#include "tree/alloc.h"
#include "tree/cache.h"
#include "tree/super.h"
#include "tree/tree.h"

/* ---- pages (page.c) ---- */

enum page_flags {
	PG_LOCKED = 1,
	PG_DIRTY = 2,     /* newer than what writeback has taken; changed under the page lock */
	PG_WRITEBACK = 4, /* its I/O is in flight */
	PG_UPTODATE = 8,
	PG_WRITABLE = 16, /* stores through a mapping reach it without a fault; it is dirty (mmap.1) */
};

struct page {
	_Atomic uint32_t flags;
	uint32_t index; /* in the file, in blocks */
	_Atomic uint64_t dirtied_ns; /* read by the flusher without the page lock */
	uint32_t id;    /* its lock, for points (rt_obj_id) */
	uint32_t store_id; /* the same of stores through a mapping; 0: the file is not mapped */
	_Atomic uint32_t stores; /* that are being made: write protection waits for them */
	void *data;
};

/* ---- extent maps (extent_map.c): what a range of a file maps to, as memory knows it ---- */

#define EM_GENERATION_PINNED UINT64_MAX /* the write is in flight */

enum em_flags { EM_PINNED = 1, EM_COMPRESSED = 2, EM_PREALLOC = 4 /* not written yet: reads as zeros */ };

struct extent_map {
	RB_ENTRY(extent_map) rb;
	uint64_t start, len;      /* in the file */
	uint64_t disk_bytenr, disk_len, offset, ram_bytes;
	uint64_t generation;
	uint32_t flags;
	struct list mod_link;     /* on inode->modified: changed since it was last logged */
};
RB_HEAD(em_tree, extent_map);

/* ---- ordered extents (ordered.c): a write on its way to the disk and then into the trees ---- */

enum ordered_flags {
	ORDERED_IO_DONE = 1,  /* every byte is written (or failed) */
	ORDERED_COMPLETE = 2, /* its items are in the trees (or it failed); it is off the inode's tree */
	ORDERED_IOERR = 4,
	ORDERED_COMPRESSED = 8,
	ORDERED_LOGGED_CSUM = 16, /* its checksums are in the log */
	ORDERED_PENDING = 32,     /* the running transaction's commit waits for it */
	ORDERED_PREALLOC = 64,    /* into space that was preallocated (nocow.h) */
	ORDERED_NOCOW = 128,      /* over data that are written already (nocow.2) */
	ORDERED_LOGGED = 256,     /* a log has its map: not to be collected again (designs that wait before they log) */
	ORDERED_ERROR_TOLD = 512, /* its error was counted on the inode when its I/O ended */
};

struct log_commit;
struct ordered_spec {
	uint64_t file_off, len;           /* whole blocks of the file */
	uint64_t disk_bytenr, disk_len;
	uint64_t ram_bytes;
	bool compressed;
	uint32_t in_place;                /* 0, ORDERED_PREALLOC or ORDERED_NOCOW */
};

struct work {
	struct list link;
	void (*fn)(struct work *w);
};

struct ordered {
	RB_ENTRY(ordered) rb;        /* in inode->ordered, guarded by inode->ordered_lock, as is on_log */
	bool on_log;                 /* some log's list has it, by log_link, which belongs to that list's owner */
	bool in_trees;               /* its items are in the trees: it does not hold back the size on disk */
	struct inode *inode;
	uint64_t file_off, len;      /* in the file, whole blocks */
	uint64_t ram_bytes;          /* uncompressed size of the extent */
	uint64_t disk_bytenr, disk_len;
	_Atomic uint32_t flags;
	_Atomic int32_t refs;
	_Atomic uint32_t csum_left;  /* blocks whose checksum is not yet there */
	uint32_t *csums;             /* disk_len / FS_BLOCK of them; NULL: the file has none */
	uint64_t *hashes;            /* as many; NULL: the log does not want them (stream.5) */
	bool carried;                /* its data are written as a part of a group of the stream */
	struct list log_link;        /* on the list of the fsync, then of the sub-transaction, that waits for it */
	struct waitq csum_wait, io_wait, done_wait;
	struct trans *pending_in;    /* with ORDERED_PENDING; guarded by inode->ordered_lock */
	struct bio bio;
	void *buf;                   /* bounce buffer or compressed bytes; NULL: the page's own */
	struct page **pages;
	uint32_t npages;
	struct work work;
};
RB_HEAD(ordered_tree, ordered);

/* ---- ranges of a file that are locked (range.c; the kernel's io_tree locks) ---- */

struct range {
	struct list link;
	uint64_t start, end;
	struct task *owner;
};

/* ---- inode ---- */

enum inode_flags {
	INODE_NEEDS_FULL_SYNC = 1, /* the modified extent maps do not tell all: copy from the tree */
	INODE_HAS_ASYNC = 2,       /* compressed writeback may be in the hands of workers */
	INODE_NEW = 4,             /* its name is not in a committed tree yet */
	INODE_COW_WRITE_ERROR = 8, /* a write has failed, and its map may not have been dropped yet */
};

struct inode {
	struct root *root;
	uint64_t ino;
	uint64_t generation;          /* transaction that created it; read only */
	struct list link;             /* root->inodes, guarded by root->dir_lock */
	_Atomic uint32_t attrs;       /* flags of its item; changed under lock, before what they tell of is there */
	_Atomic int32_t refs;         /* ordered extents, and runs in the hands of workers */
	int32_t pins;                 /* guarded by root->dir_lock: walks of root->inodes that have come to it */
	int32_t opens;                /* guarded by root->dir_lock */
	_Atomic uint32_t nlink;       /* its names; changed under dir_lock and lock */
	_Atomic bool unlinked;        /* nlink has come to 0, and stays there */
	struct list lost_names;       /* name_changes; guarded by root->names.lock */

	_Atomic bool direct;          /* a direct write was here; set with `lock` held, read with it held for writing */
	struct rwsem lock;            /* i_mutex: writes, truncate, its names, and all of logging; shared by direct
	                               * writes; sub: ino */
	struct rwsem mmap_lock;       /* i_mmap_lock: faults have it shared; taken for files that are mapped only */
	bool mapped;                  /* set once, with lock and pages_lock held */
	_Atomic uint64_t size;        /* changed under lock */
	uint64_t logged_size;         /* guarded by lock: size at the last log; maps have told of each page below it */
	_Atomic uint64_t disk_size;   /* what the inode item says; changed under ordered_lock (disk_size.1) */
	_Atomic uint32_t flags;
	uint32_t flags_id;            /* rt_obj_id of flags and write errors, which are also used without a lock */
	uint32_t stamps_id;           /* the same of the sizes, and of the stamps below */

	_Atomic uint64_t last_trans;      /* transaction of the last change, or of one to come (inode.3) */
	_Atomic uint64_t logged_trans;    /* transaction in which it was last logged; written under log_mutex */
	_Atomic int64_t last_sub_trans;   /* root's log_transid at the last change */
	_Atomic int64_t last_log_commit;  /* sub-transaction up to which the log covers it; of a stream: the number of
	                                   * the group that has it, -1 since it has changed */
	_Atomic uint64_t last_unlink_trans; /* transaction in which its names changed; changed under lock */

	struct mutex log_mutex;       /* one task logs this inode at a time */
	struct mutex items_lock;      /* extent items of this inode in the subvol tree: drop and insert as one */

	struct rwsem em_lock;         /* guards: */
	struct em_tree ems;
	struct list modified;

	struct spin ordered_lock;     /* guards: */
	struct ordered_tree ordered;
	struct list unwritten;        /* ranges: new blocks of which no write has ended (disk_size.1) */
	_Atomic uint32_t nordered;

	struct spin range_lock;       /* guards: */
	struct list ranges;
	struct waitq range_wait;

	struct spin pages_lock;       /* guards: */
	struct page **pages;
	uint64_t *tagged;             /* bitmap, by index (page.1; kernel: TAG_DIRTY) */
	uint64_t *writing;            /* bitmap: those under writeback are among them (page.4; TAG_WRITEBACK) */
	_Atomic uint32_t npages_cap; /* only grows; read without the lock too */
	_Atomic uint32_t nr_tagged;

	_Atomic uint32_t wb_errors;   /* counts write errors: each open file is told once (kernel: errseq) */
	_Atomic int wb_error;
	_Atomic int unwaited_error;   /* met by the first task that waits for its pages, and gone then (AS_EIO) */
};

struct file {
	struct inode *inode;
	_Atomic uint32_t seen_errors;
	_Atomic bool sync_skips_lock; /* the fault of a design (direct_sync_marked) */
};

/* ---- the log (log_item.c, log_sync.c): one per subvolume, and one for the tree of log roots ---- */

/* One fsync's stake in a log commit: the committer leaves the result here. */
struct log_ctx {
	struct list link;
	int64_t transid;
	bool unsummed; /* there are data without checksums in what it covers */
	int ret;
};

struct log {
	bool is_root;                 /* the tree of log roots: read only */
	struct mutex mutex;           /* log_mutex, guards all down to the blank line: */
	_Atomic bool exists;          /* also read without the mutex (log_make_at_once) */
	uint64_t trans;               /* transaction that `exists` is about */
	int64_t transid;              /* the sub-transaction that runs now */
	int64_t transid_committed;
	bool commit[2];               /* slot id % 2 is committing; also read by waiters without the mutex */
	struct list ctxs[2];          /* waiters' contexts of sub-transaction id % 2 */
	uint32_t due;                 /* contexts of the commit that ended last, and of the one collecting meanwhile */
	bool in_parent;               /* this log's root item is in the tree of log roots */

	struct tree tree;
	_Atomic int64_t running_transid; /* == transid, for tasks that stamp inodes and do not have the mutex */
	_Atomic int64_t last_commit;
	_Atomic uint32_t joined;      /* contexts of this sub-transaction */
	_Atomic int32_t writers;      /* tasks that write items into this sub-transaction */
	_Atomic uint32_t batch;       /* moves when a task shows interest in the next commit (log_interest) */
	uint32_t numbers_id;          /* rt_obj_id: running_transid, last_commit */
	uint32_t batch_id;            /* rt_obj_id: batch */
	struct waitq commit_wait[2];
	struct waitq writers_wait;
	struct spin ordered_lock;     /* guards: */
	struct list ordered[2];       /* ordered extents that sub-transaction id % 2 must see written */
};

/* What of a directory has changed, and is in its log (log_name.c). */
struct name_change;
RB_HEAD(name_changes, name_change);

struct dir_names {
	struct mutex lock;            /* guards: */
	struct name_changes by_hash;
	struct list changes;          /* the same, in the order of the transactions that they were made in */
	uint64_t last_trans;          /* as those of an inode */
	uint64_t logged_trans;
	int64_t last_sub_trans;
	int64_t last_log_commit;
};

struct root {
	struct fs *fs;
	uint64_t id;
	struct tree tree;
	struct log log;
	struct mutex dir_lock;        /* guards inodes, next_ino, and which name is whose */
	struct list inodes;
	uint64_t next_ino;
	struct dir_names names;
};

/* ---- transactions (trans.c) ---- */

enum trans_state {
	TRANS_RUNNING, TRANS_COMMIT_START, TRANS_COMMIT_DOING, TRANS_UNBLOCKED, TRANS_SUPER_COMMITTED, TRANS_COMPLETED
};

/* How a handle may come in: START waits for a commit that has begun, JOIN only for its last stage. */
enum trans_type { TRANS_START, TRANS_JOIN };

struct trans {
	struct fs *fs;
	uint64_t id;
	_Atomic int state;            /* changed under fs->trans_lock */
	_Atomic int32_t refs;
	_Atomic int32_t writers, ext_writers;
	_Atomic int32_t pending_ordered; /* logged in it, not COMPLETE yet: its commit waits */
	int error;                    /* valid when COMPLETED */
	struct waitq writers_wait, ext_wait, pending_wait, start_wait, join_wait, done_wait;
};

struct handle {
	struct trans *trans;
	enum trans_type type;
};

/* ---- tasks that work for the file system (work.c) ---- */

struct workers {
	const char *name;
	struct spin lock;             /* guards queue */
	struct list queue;
	_Atomic uint32_t queued;
	_Atomic bool stop;
	struct waitq wait;
	struct task *task[8];
	uint32_t ntasks;
};

/* ---- fsync (fsync.c): what a score is given, and what a design does at events that no score calls ---- */

struct sync {
	struct file *file;
	struct inode *inode;
	uint64_t start, end; /* whole blocks; 0 and UINT64_MAX unless fs_fsync_range() was called */
	bool locked;         /* the caller has inode->lock already, maybe shared, and keeps it (direct_sync_locked) */
	struct list ordered; /* what the score has collected before it waited, each with a reference */
};

/*
 * One verb an event. Of the verbs named, the first is what postfix does. Read through fs->on, which
 * mount.c fills; each is named for what it does, and stands where its event is.
 *
 * What it costs: an fsync of one new extent that leads its log commit makes 10 calls through pointers. One is the
 * score. The others are these events: add_extent, unpin_maps, changed, logged_io, put_log_root, give_up_log_block (of a
 * block of the log, and of one of the tree of log roots), write_super, fsync_returns. One would do if designs differed
 * in scores alone, but each known bug of the corpus needs an event that can be replaced.
 */
struct change; /* of names: dir.c */
struct stream; /* stream.c */

struct fs_events {
	/* A mount that may write: what are its logs? stream_none(): trees; stream_open(): a stream */
	struct stream *(*open_stream)(struct fs *fs);
	/* fsync of the directory. dir_sync_log(), dir_sync_stream() */
	int (*sync_dir)(struct root *root);
	/* Writeback has space: extent map and ordered extent are made. writeback_map_first(),
	 * writeback_ordered_first() */
	struct ordered *(*add_extent)(struct inode *inode, const struct extent_map *em, const struct ordered_spec *s);
	/* The same for a direct write; where it is NULL, as add_extent. */
	struct ordered *(*add_direct_extent)(struct inode *inode, const struct extent_map *em,
	                                     const struct ordered_spec *s);
	/* The same for a direct write into preallocated space; where it is NULL, as add_direct_extent. */
	struct ordered *(*add_direct_prealloc)(struct inode *inode, const struct extent_map *em,
	                                       const struct ordered_spec *s);
	/* A direct write inside the file has its range locked: does it keep the inode lock? direct_keep_lock(),
	 * direct_drop_lock() */
	bool (*direct_has_range)(struct inode *inode);
	/* fallocate has its range locked, and begins a transaction. prealloc_join(), prealloc_start() */
	int (*prealloc_begins)(struct fs *fs, struct handle *h);
	/* A direct write with O_DSYNC, whose data is on the disk, syncs what it has written. direct_sync_unlocked(),
	 * direct_sync_locked(), direct_sync_marked() */
	int (*sync_direct)(struct fs_direct *io);
	/* Clean pages have left the cache: which of their maps go? release_unneeded(), release_all() */
	void (*release_maps)(struct inode *inode, uint64_t start, uint64_t end);
	/* An extent's item is in the trees, its checksums are not: its maps are no longer in flight. em_unpin(),
	 * em_unpin_relist() */
	void (*unpin_maps)(struct inode *inode, uint64_t start, uint64_t len, uint64_t generation);
	/* A write stamps the inode, with no handle open. inode_touch_if_newer(), inode_touch() */
	void (*wrote)(struct inode *inode, uint64_t transid);
	/* An inode changes in a transaction of which the caller has a handle. inode_touch(), inode_touch_torn() */
	void (*changed)(struct inode *inode, uint64_t transid);
	/* An extent is in the trees: how far may the size on disk go? disk_size_to_unwritten(),
	 * ordered_first_below() */
	uint64_t (*size_reaches)(struct inode *inode, uint64_t disk, uint64_t size);
	/* Writeback takes the dirty bit of a locked page. page_take_dirty(), page_take_dirty_unprotected() */
	bool (*take_dirty)(struct inode *inode, struct page *p);
	/* An ordered extent's checksums are computed, and its I/O is about to begin. ordered_show_sums(),
	 * ordered_leave_sums(), ordered_protect_late() */
	void (*sums_made)(struct ordered *o);
	/* The I/O of an ordered extent has ended with an error, and a worker has not been told yet.
	 * ordered_tell_later(), ordered_tell_at_once(), ordered_tell_and_flag() */
	void (*io_failed)(struct ordered *o);
	/* A write has failed, and its map is about to be dropped. inode_needs_holes(), inode_needs_nothing() */
	void (*write_failed)(struct inode *inode);
	/* Is there something of the inode that a log of it may lack, and no map tells of? log_lacks_in_place(),
	 * log_lacks_nothing() */
	bool (*log_lacks)(struct inode *inode);
	/* A full log is about to be made. Would it drop what only the log has? log_drops_pending(),
	 * log_drops_nothing() */
	bool (*full_log_drops)(struct inode *inode);
	/* A commit is about to delete the log. trans_wait_pending(), trans_leave_pending() */
	void (*commit_logged)(struct trans *t);
	/* A commit's super is on the media, and its transaction is not COMPLETED yet. trans_tell_completed(),
	 * trans_tell_super() */
	void (*super_committed)(struct trans *t);
	/* An fsync finds no log in its subvolume. log_make_after_super(), log_make_at_once() */
	int (*make_log)(struct root *root, uint64_t trans);
	/* A log is made: the numbers of its sub-transactions. log_numbers_run_on(), log_numbers_restart() */
	void (*log_made)(struct log *log);
	/* A log commit waits for an ordered extent that was logged. ordered_wait_io(), ordered_wait_io_blindly() */
	int (*logged_io)(struct ordered *o);
	/* A log's root item goes into the tree of log roots. log_sync_parent(), log_sync_parent_unlocked(),
	 * log_sync_parent_written(), log_sync_parent_repaired(), log_sync_parent_over_error(),
	 * log_sync_parent_in_flight() and its siblings */
	int (*put_log_root)(struct log_commit *c, const struct tree_ptr *ptr);
	/* Another task leads the commit of the tree of log roots. log_wait_own(), log_wait_own_blocks() */
	int (*joined_log_root)(struct log_commit *c);
	/* A written block of a log is copied on write; or a commit covers a group of the stream.
	 * alloc_pin(), alloc_free_written() */
	void (*give_up_log_block)(struct alloc *a, enum alloc_region r, uint64_t start, uint64_t len);
	/* A file gives up a part of the disk. alloc_pin(), alloc_free_written() */
	void (*give_up_data)(struct alloc *a, enum alloc_region r, uint64_t start, uint64_t len);
	/* All that a super names has been written. super_flush_and_write(), super_flush_before_last(),
	 * super_flush_and_write_gaps() */
	int (*write_super)(struct fs *fs, bool log);
	/* A full log of an inode is made. em_forget_range(), em_forget_all() */
	void (*logged_in_full)(struct inode *inode, uint64_t start, uint64_t end);
	/* A name moves. rename_pinned(), rename_pinned_late(), rename_unpinned() */
	int (*rename)(struct change *c, const char *old, const char *new);
	/* Names that no committed tree has are to be logged: must the transaction be committed instead?
	 * names_are_taken(), names_go_with_others() */
	bool (*names_decline)(struct inode *inode);
	/* An fsync has logged an inode with such names. log_own_names(), log_names_of_parent() */
	int (*log_names)(struct inode *inode, struct handle *h, int64_t transid);
	/* Names of an inode have changed: has the log told of it? inode_is_logged(), inode_is_logged_torn() */
	bool (*inode_logged)(struct inode *inode, struct handle *h);
	/* An inode's names have been logged, and nothing else of it. inode_logged_names(), inode_logged_all() */
	void (*logged_exists)(struct inode *inode, uint64_t generation, int64_t transid);
	/* An fsync of a file that has no name any more: is there nothing to do? unlink_is_committed(),
	 * unlinked_is_gone() */
	bool (*fsync_of_unlinked)(struct inode *inode);
	/* An fsync returns: was there a write error that it has not met? file_report_error(), file_report_nothing() */
	int (*fsync_returns)(struct file *f);
	/* A sync of the file system returns: the same. fs_report_error(), fs_report_nothing() */
	int (*sync_returns)(struct fs *fs);
};

#define FS_PAGE_WAITQS 64

struct fs {
	struct dev *dev;              /* set at mount, then read only: */
	struct mount_options opt;
	const struct design *design;
	struct fs_events on;
	struct super super;           /* geometry */
	struct blocks *blocks;
	struct alloc *alloc;
	bool replayed;

	struct tree root_tree, csum_tree;
	struct mutex csum_lock;       /* changes of csum_tree that replace or split items */
	struct root *subvols;
	uint32_t nsubvols;
	struct log log_root;
	struct stream *stream;        /* NULL: the logs are trees */

	struct spin trans_lock;       /* guards: */
	struct trans *running;
	struct trans *committing;     /* from COMMIT_START on */
	_Atomic uint64_t generation;  /* id of the newest transaction */

	_Atomic uint64_t last_trans_committed;
	_Atomic uint64_t log_full_commit; /* a transaction that is not to be logged (last_trans_log_full_commit) */
	_Atomic int error;            /* aborted */
	_Atomic uint32_t wb_errors;   /* counts write errors of all inodes: syncs are told of each once, together */
	_Atomic uint32_t synced_errors; /* those that a sync has told of */
	_Atomic int wb_error;         /* the last one */
	uint32_t numbers_id;          /* rt_obj_id: these */

	struct mutex tree_log_mutex;  /* super_for_commit, from the moment a commit fills it until it is on the media */
	struct super super_for_commit;

	struct mutex compressed_lock; /* guards: */
	struct list *compressed;      /* hash: references to compressed extents (extent_item.c) */

	_Atomic uint64_t dirty_pages;
	_Atomic uint32_t ordered_inflight;
	struct waitq ordered_drain;
	struct batch ordered_io;      /* the I/O of all ordered extents: unmount waits for ordered_io_end() */
	struct waitq page_wait[FS_PAGE_WAITQS], writeback_wait[FS_PAGE_WAITQS];

	_Atomic int64_t in_memory;    /* cached pages and extent maps; counted with opt.memory_limit alone */
	_Atomic bool reclaim_due;     /* reclaim_work is queued */
	struct work reclaim_work;

	struct workers endio, delalloc, reclaim;
	struct task *flusher, *committer;
	struct waitq flusher_wait, committer_wait;
	_Atomic bool stop, flush_now, commit_now;
};

/* The number of the newest transaction; that of the newest one on the media; the error that the file system was
 * aborted with, or 0. */
static inline uint64_t fs_generation(struct fs *fs)
{
	rt_access(fs->numbers_id, POINT_READ);
	return atomic_load(&fs->generation);
}

static inline uint64_t fs_committed(struct fs *fs)
{
	rt_access(fs->numbers_id, POINT_READ);
	return atomic_load(&fs->last_trans_committed);
}

static inline int fs_error(struct fs *fs)
{
	rt_access(fs->numbers_id, POINT_READ);
	return atomic_load(&fs->error);
}

/* Names the file in the trace: numbers of inodes are a subvolume's. */
static inline uint64_t inode_trace_id(const struct inode *i)
{
	return i->root->id << 32 | i->ino;
}

/* Does the running task sync the inode? It has it to itself; or it shares it with direct writes, and then mmap_lock
 * keeps other syncs out (direct_sync_locked). */
static inline bool inode_is_synced(struct inode *i)
{
	return write_held(&i->lock) || write_held(&i->mmap_lock);
}

static inline bool inode_flag(struct inode *i, uint32_t f)
{
	rt_access(i->flags_id, POINT_READ);
	return atomic_load(&i->flags) & f;
}

static inline void inode_set_flag(struct inode *i, uint32_t f)
{
	rt_access(i->flags_id, POINT_WRITE);
	atomic_fetch_or(&i->flags, f);
}

#endif
