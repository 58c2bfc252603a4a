/*
 * item.h: what the items of our trees hold, on disk: fixed-width, little endian, copied in and out
 * by memcpy. Btrfs's nouns, a format of our own. What each may hold is in item_check.c; what was read has passed it.
 *
 *   root tree     (subvol id, ROOT, 0) -> root_item       the csum tree has one too
 *   subvol tree   (ino, INODE, 0) -> inode_item           (ino, INODE_REF, DIR_INO) -> all of its names
 *                 (DIR_INO, DIR, hash(name)) -> dir_item  (ino, EXTENT, file offset) -> extent_item [+ inline bytes]
 *                 (ORPHAN_INO, ORPHAN, ino) -> nothing    an unlinked inode that was still open
 *   csum tree     (CSUM_OBJECTID, CSUM, disk bytenr) -> crc32c of each 4 KiB
 *   log tree      the items of a subvol tree and of the csum tree, for what was fsynced since the last commit; and
 *                 (DIR_INO, DIR_LOG, first hash) -> dir_log_item
 *   log-root tree (subvol id, ROOT, 0) -> root_item of that subvolume's log tree
 */
#ifndef ITEM_ITEM_H
#define ITEM_ITEM_H

#include <stdint.h>

#include "item/geometry.h"
#include "tree/tree.h"

enum item_type {
	ITEM_INODE = 1,
	ITEM_INODE_REF = 12,
	ITEM_ORPHAN = 48,
	ITEM_DIR_LOG = 60,
	ITEM_DIR = 84,
	ITEM_EXTENT = 108,
	ITEM_CSUM = 128,
	ITEM_ROOT = 132,
};

#define ROOT_TREE_ID    1ull
#define CSUM_TREE_ID    7ull
#define LOG_TREE_ID     0xfffffffffffffffaull /* owner of log trees and of the log-root tree */
#define FIRST_SUBVOL_ID 256ull
#define SUBVOLS_MAX     65536u /* a table of them is made at mount */
#define DIR_INO         256ull
#define FIRST_FILE_INO  257ull
#define ORPHAN_INO      0xfffffffffffffffbull
#define CSUM_OBJECTID   0xfffffffffffffff6ull

enum extent_kind { EXTENT_INLINE = 0, EXTENT_REG = 1, EXTENT_PREALLOC = 2 /* space that reads as zeros */ };
enum { COMPRESS_NONE = 0, COMPRESS_ZSTD = 3 };

#define INODE_ITEM_NODATASUM 1u /* its data have no checksums */
#define INODE_ITEM_NODATACOW 2u /* its data are written over where they lie; they have no checksums either */
#define INODE_ITEM_PREALLOC  4u /* it has, or has had, preallocated extents */
#define INODE_ITEM_FLAGS     7u
#define INODE_ITEM_EXISTS    8u /* in logs only: it says no more than that there is such an inode (log_name.c) */

struct inode_item {
	uint64_t generation; /* transaction that created it */
	uint64_t transid;    /* transaction that changed it last */
	uint64_t size;
	uint32_t nlink;
	uint32_t flags;      /* INODE_ITEM_... */
};

struct extent_item {
	uint64_t generation;
	uint64_t disk_bytenr; /* 0: a hole (in logs only) */
	uint64_t disk_len;    /* whole extent on disk */
	uint64_t offset;      /* of this item in the uncompressed extent */
	uint64_t len;         /* bytes of the file that it covers */
	uint64_t ram_bytes;   /* uncompressed size of the whole extent */
	uint8_t kind;
	uint8_t compress;
	uint8_t pad[6];
};

struct root_item {
	uint64_t bytenr, generation;
	uint64_t level;
	uint64_t next_ino;
};

struct dir_item {
	uint64_t ino;
	char name[FS_NAME_MAX];
};

/* Of the names whose hashes are in [key.offset, last] the directory has those that the log has, and no other. */
struct dir_log_item {
	uint64_t last;
};

#define EXTENT_INLINE_MAX 2048u
#define EXTENT_LEN_MAX    (128ull << 20) /* of a whole extent, on disk and in the file; as in Btrfs */
#define CSUM_ITEM_MAX     256u           /* checksums an item: 1 MiB of data */
#define LINKS_MAX         14u            /* names of an inode: they are in one item, a quarter of a leaf at most */
#define INO_MAX           (1ull << 48)   /* numbers of inodes are below it */
#define FILE_SIZE_MAX     (1ull << 36) /* the table of the pages of a sparse file must stay a size that memory has */

#endif
