/*
 * fs.h: the public door of the file system: what workloads, races and the oracle may call.
 *
 * A file system of subvolumes, each a flat directory of regular files, on one device. Any number of
 * tasks may call any of this at once. Errors are -errno. Many file systems may be mounted in one
 * process (the oracle mounts crash images).
 */
#ifndef FS_FS_H
#define FS_FS_H

#include "dev/dev.h"
#include "item/geometry.h"
#include "item/mkfs.h"

struct fs;
struct root;
struct inode;
struct file; /* an open file: one inode, and which write errors it has been told of */

struct sync;      /* one call of fsync, as a score sees it (state.h) */
struct fs_events; /* the verbs of events that a score does not call (state.h) */

/*
 * A design of fsync: a score over the verbs of engine/fs (fsync.c), and the events (designs.c) in which it differs
 * from postfix otherwise.
 */
struct design {
	const char *name, *what;
	int (*fsync)(struct sync *s);
	const struct fs_events *on; /* where it, or a member of it, is NULL: as postfix */
	bool any_race; /* its mistake shows in races of all kinds: a verdict is due only where a race names it */
};
extern const struct design *const fs_designs[]; /* NULL-terminated */
const struct design *fs_design_find(const char *name);

struct mount_options {
	const struct design *design;  /* NULL: postfix */
	bool compress;                /* zstd, as btrfs's compress-force */
	uint32_t inline_max;          /* inline extents up to this many bytes; 0: none */
	uint32_t endio_workers;       /* completion tasks; 0: 1 */
	uint32_t compress_workers;    /* 0: 2 */
	uint64_t log_wait_ns;         /* the leader of a log commit waits at most so long until the tasks that the
	                               * last commit woke are back; 0: not at all, as btrfs -o ssd. On a rotational
	                               * disk btrfs waits for a jiffy. */
	bool direct_buffered;         /* direct writes of files with checksums go through the page cache
	                               * (968f19c5b1b7: the caller's memory may change while it is written) */
	bool no_background;           /* no flusher task, no periodic commit: races bring their own */
	bool read_only;               /* for judges: replays in memory, never writes; no task is started */
	uint64_t dirty_age_ns;        /* flusher: writes pages dirty for longer; 0: 5 s */
	uint64_t dirty_limit;         /* with more bytes dirty the flusher works at once, and with twice as many
	                               * writers help; 0: 64 MiB */
	uint64_t commit_interval_ns;  /* 0: 30 s, as btrfs */
	uint64_t memory_limit;        /* with more cached pages and extent maps together memory is short, and each one
	                               * that comes then lets a task drop what may go (reclaim.c); 0: it never is */
	int (*log_memory)(void *arg); /* asked before each change of a log's tree: 0, or -ENOMEM, and no memory can be
	                               * had for it. For races and tests. NULL: there is always some */
	void *log_memory_arg;
	uint64_t data_piece;          /* no extent is longer, as if free space lay in pieces of so many bytes, where it
	                               * need not be in one piece; 0: they may be */
	int (*space)(void *arg, bool data); /* asked before space is taken, for data or for a tree's block: 0, or
	                               * -ENOSPC, and there is none. For races and tests. NULL: what is free is there */
	void *space_arg;
};
/* Mounts; replays the log when there is one. -EINVAL or -EIO, with why. */
int fs_mount(struct dev *dev, const struct mount_options *o, struct fs **out, struct why *why);
/* Writes everything and commits; 0 or the first error. The fs is gone either way. All files are closed by then. */
int fs_unmount(struct fs *fs);
/* Drops everything in memory and writes nothing more (waits for what is in flight): a crash, seen from inside. */
void fs_abandon(struct fs *fs);

uint32_t fs_nsubvols(struct fs *fs);
struct root *fs_subvol(struct fs *fs, uint32_t i);

/* create: -EEXIST when there (never truncates). open: -ENOENT. */
int fs_create(struct root *root, const char *name, struct file **out);
int fs_open(struct root *root, const char *name, struct file **out);
void fs_close(struct file *f);
/* Takes the name away. The file goes with its last name, or when it is closed for the last time after that. */
int fs_unlink(struct root *root, const char *name);
/* Another name for the file. -ENOENT: no `old`; -EEXIST: there is a `new`; -EMLINK: it has too many names. *ino (may be
 * NULL): the number of the file. */
int fs_link(struct root *root, const char *old, const char *new, uint64_t *ino);
/*
 * The file has the name `new` in place of `old`; a file that had `new` loses it. Nobody sees a moment in between, and
 * nor does a crash. *ino (may be NULL): the number of the file that was moved; 0: both were names of one file, and
 * nothing happened.
 */
int fs_rename(struct root *root, const char *old, const char *new, uint64_t *ino);
/* 0: every change of a name in the subvolume that was acknowledged before the call began survives any crash. */
int fs_fsync_dir(struct root *root);
/* Calls fn for each name; fn may not change the directory. */
int fs_readdir(struct root *root, int (*fn)(void *arg, const char *name, uint64_t ino), void *arg);

/* Bytes written: all of len, or -errno (nothing, or a part, was written). */
int fs_write(struct file *f, uint64_t off, const void *buf, uint32_t len);
/*
 * A direct write: past the page cache, from `buf` to the disk, and waits until its data is there; durable it is after
 * an fsync. What is not of whole blocks is written through the page cache. As fs_write() otherwise.
 */
int fs_write_direct(struct file *f, uint64_t off, const void *buf, uint32_t len);
/*
 * The same, but returns when the write is on its way. 0, and *out, which fs_direct_wait() ends; or -errno and nothing
 * was done. `buf` stays as it is until then, and the file system is not unmounted.
 */
struct fs_direct;
int fs_write_direct_start(struct file *f, uint64_t off, const void *buf, uint32_t len, struct fs_direct **out);
/* Sleeps until the data is on the disk; what fs_write_direct() returns. */
int fs_direct_wait(struct fs_direct *io);
/*
 * fs_write_direct() with O_DSYNC, in two calls: bytes written, and *out, with which fs_direct_sync() makes them durable
 * and returns what fs_fsync_range() does; or -errno, and *out is NULL. In between the file may be locked.
 */
int fs_write_direct_dsync(struct file *f, uint64_t off, const void *buf, uint32_t len, struct fs_direct **out);
int fs_direct_sync(struct fs_direct *io);
/*
 * Maps the file: from now on it can be stored to. 0.
 */
int fs_mmap(struct file *f);
/*
 * Stores through the mapping, inside the file. Each sector (512 bytes) is stored to at once; between two, anything may
 * happen. Bytes stored: all of len; or -errno after a part: -EFAULT where the file ends, or when it is not mapped;
 * -EIO. msync() is fs_fsync_range().
 */
int fs_mmap_store(struct file *f, uint64_t off, const void *buf, uint32_t len);
/* Bytes read (short at the end of the file), or -EIO: a block whose checksum is missing or wrong. */
int fs_read(struct file *f, uint64_t off, void *buf, uint32_t len);
/* How many extents the file has, as the trees tell: what is dirty, or on its way, is not among them. Or -EIO. */
int fs_fiemap(struct file *f);
/*
 * Takes space for [off, off + len) where the file has none: it reads as zeros until it is written, and a write of it
 * goes there. Without keep_size the file reaches at least to off + len then. 0; -EINVAL (no length), -EFBIG, -ENOSPC
 * (some of it may have been taken), -EROFS.
 */
int fs_fallocate(struct file *f, uint64_t off, uint64_t len, bool keep_size);
/* Gives up the blocks that lie in [off, off + len), and makes zeros of what it covers of others. The size stays. 0, or
 * -errno: -EIO when a write failed. */
int fs_punch(struct file *f, uint64_t off, uint64_t len);
/* Of a file that is empty, once: its data have no checksums; and its data are written over in place (chattr +C), which
 * implies the first. -EINVAL. */
enum fs_file_flags { FS_NODATASUM = 1, FS_NODATACOW = 2 };
int fs_set_flags(struct file *f, uint32_t flags);
/* 0, or -errno, and the file has its old size: -EIO when what it zeroes in the last block may not be on the disk. */
int fs_truncate(struct file *f, uint64_t size);
uint64_t fs_size(struct file *f);
uint64_t fs_ino(struct file *f);
uint32_t fs_nlink(struct file *f); /* how many names it has */

/* Calls the mounted design. 0: everything that was acknowledged before the call began survives any crash. */
int fs_fsync(struct file *f);
int fs_fdatasync(struct file *f);
/* The same for [off, off + len) alone, as O_SYNC and msync() ask for it. What is outside may go to the media too, or
 * not. */
int fs_fsync_range(struct file *f, uint64_t off, uint64_t len);
/* Starts writeback of the range and, with wait, waits until its pages are written. No promise about a crash. */
int fs_sync_range(struct file *f, uint64_t off, uint64_t len, bool wait);
/* Commits the running transaction, all data included (sync(2)). 0, or an error: of the commit, or of a write of data
 * that no sync has told of. */
int fs_sync(struct fs *fs);
/* Commits the running transaction as the commit task does: no data is flushed for it. */
int fs_commit(struct fs *fs);
/* One pass of the flusher over one file: starts writeback of every dirty page, waits for nothing. For races. */
int fs_flush_pass(struct file *f);

/* Memory is short. Clean pages of the file leave the cache, and extent maps that no fsync needs go with them. 0. */
int fs_release(struct file *f);
/* Extent maps of all files go, but for those that are on their way to the disk; files that a fast fsync cannot log any
 * more need a full one. 0. */
int fs_shrink_maps(struct fs *fs);
/* Inodes go that nobody has open and that have nothing to write. How many. */
int fs_evict(struct fs *fs);

/* The state of a mounted file system, for results. */
struct fs_info {
	uint64_t generation, last_committed;
	uint64_t data_free, meta_free, data_pinned, meta_pinned;
	uint32_t nodesize;
	bool dup, replayed; /* replayed: this mount found a log */
	int error;          /* non-zero: aborted, read-only from then on */
};
void fs_info(struct fs *fs, struct fs_info *out);

#endif
