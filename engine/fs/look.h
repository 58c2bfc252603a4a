/*
 * look.h: what an image holds, told part by part, and whether all of it fits together. For a person who has kept an
 * image: nothing is written to it, and damage is told and gone around where a mount gives up.
 *
 * look.1: An image in which look_image() finds nothing, with the data read too, mounts, and each of its files can be
 *      read in full; one that does not mount is told as damage. The fuzz targets hold it to that.
 *
 * Callers: `fsyncstorm look`, the fuzz targets.
 */
#ifndef FS_LOOK_H
#define FS_LOOK_H

#include "fs/fs.h"
#include "tree/super.h"

struct look_tree {
	uint64_t id;         /* of a log: the subvolume's; 0: the tree of log roots */
	bool log;
	struct tree_ptr root;
	uint64_t blocks, items; /* of the latter those in leaves that could be read */
};

struct look_extent {
	uint64_t start, len;                  /* in the file */
	uint64_t bytenr, disk_len, offset;    /* the whole extent on the disk, and where in it `start` is */
	bool in_tree, compressed;             /* in_tree: its bytes are in the item, nothing is on the disk */
};

struct look_file {
	uint64_t subvol, ino, size, generation, transid;
	const char *name;                     /* NULL: it has none; one of: */
	const char (*names)[FS_NAME_MAX];     /* what the inode says */
	uint32_t nnames;
	bool orphan;                          /* unlinked while it was open */
	const struct look_extent *extent;
	uint32_t nextents;
};

/* What replay would do to one inode. */
struct look_replay {
	uint64_t subvol, ino;
	bool is_new;                          /* no committed tree has it */
	const char (*names)[FS_NAME_MAX];     /* that it would have */
	uint32_t nnames;                      /* 0: none are logged */
	bool sized;
	uint64_t size, old_size;              /* sized: what it would be, and is now */
	uint32_t extents, holes;              /* that would be put in place of what is there */
	uint64_t bytes;                       /* that the extents cover */
};

/* Told in this order; each may be NULL. What they are given lasts as long as the call. */
struct look_ops {
	void (*super)(void *arg, unsigned copy, const struct super *s, const char *bad); /* one of s, bad is NULL */
	void (*tree)(void *arg, const struct look_tree *t);
	void (*file)(void *arg, const struct look_file *f); /* as committed, without the log */
	void (*replay)(void *arg, const struct look_replay *r);
	void (*damage)(void *arg, const char *line); /* at any time */
};

/* data: reads all data, and holds it against its checksums. 0; -EINVAL or -EIO and why: no super block can be
 * believed. */
int look_image(struct dev *dev, bool data, const struct look_ops *ops, void *arg, struct why *why);

#endif
