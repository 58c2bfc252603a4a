/*
 * look_file.h: between look.c, which goes through the trees of an image, and look_file.c, which puts the items of one
 * subvolume together again and holds them against one another.
 */
#ifndef FS_LOOK_FILE_H
#define FS_LOOK_FILE_H

#include "item/item.h"
#include "fs/look.h"

/* Checksums, in the order of their addresses. */
struct sum_run {
	uint64_t bytenr;
	uint32_t n, first; /* the first one's place in sums[] */
};

struct sums {
	struct sum_run *run;
	uint32_t nruns, runs_cap;
	uint32_t *sum;
	uint64_t n, cap;
};

void sums_add(struct sums *s, uint64_t bytenr, const void *data, uint32_t len);
/* The checksum of the block at bytenr; NULL: there is none. */
const uint32_t *sums_find(const struct sums *s, uint64_t bytenr);
void sums_free(struct sums *s);

/* One compressed extent, as the first of its items says. */
struct packed {
	uint64_t bytenr, disk_len, ram_bytes;
};

/* One look: the image, what it has used so far, and who is told. */
struct look {
	struct dev *dev;
	bool data;
	const struct look_ops *ops;
	void *arg;
	const char *when;     /* put before what is told as damage: "" or "after replay: " */
	struct alloc *alloc;  /* who owns what; made anew for the state after replay */
	struct sums sums;
	struct packed *packed;
	uint32_t npacked, packed_cap;
};

__attribute__((format(printf, 2, 3))) void look_damage(struct look *l, const char *fmt, ...);

struct volume_inode {
	uint64_t ino;
	bool has_item, orphan;
	struct inode_item item;
	uint32_t first_ref, nrefs; /* what the inode says that its names are: in volume->ref[] */
	const char *name;         /* what the directory says; NULL: nothing */
	uint32_t names;           /* how often it does */
	const char *unsaid;       /* one of those that the inode does not say; NULL: none */
	uint32_t first, nextents; /* in volume->extent[] */
};

struct volume_extent {
	uint64_t start;
	struct extent_item it;
};

/* The items of a subvolume's tree, or of its log. */
struct volume {
	uint64_t id;
	struct volume_inode *inode; /* by number */
	uint32_t ninodes, inodes_cap;
	struct volume_extent *extent;
	uint32_t nextents, extents_cap;
	struct dir_item *name;
	uint32_t nnames, names_cap;
	char (*ref)[FS_NAME_MAX];
	uint32_t nrefs, refs_cap;
	uint64_t *orphan;
	uint32_t norphans, orphans_cap;
};

/* Items come in the order of their keys; those of other kinds are passed over. */
void volume_add(struct volume *v, const struct key *k, const void *data, uint32_t len);
struct volume_inode *volume_find(const struct volume *v, uint64_t ino);
/* All items are there: names and orphan marks find their inodes; what does not fit together is told. */
void volume_check(struct look *l, struct volume *v, uint64_t next_ino);
void volume_tell(struct look *l, const struct volume *v);
/* log: of the same subvolume; v: as it is committed. */
void volume_tell_replay(struct look *l, const struct volume *v, const struct volume *log);
void volume_free(struct volume *v);

#endif
