/*
 * slot.h: a place in which the kernel mounts crash images, one after the other: a loop device over memory.
 *
 * An image differs from the base in few blocks. So the memory stays: what the image before has left is found and put
 * back, and the blocks of the next one are put in. Memory that is all zeros in the base is a hole, so finding what a
 * mount has written takes time in proportion to what the file system uses, not to its size.
 *
 * Nothing is left behind, however the program ends: the memory has no name, the loop device goes with its last user.
 *
 * Called by cut/evidence.c, which opens it, and by cut/choose.c and cut/verdict.c, which look at images.
 */
#ifndef CUT_SLOT_H
#define CUT_SLOT_H

#include <string.h>

#include "cut/fs.h"
#include "cut/reads.h"
#include "dev/powercut.h"
#include "oracle/recover.h"

/* Where time goes. check_ns is the checker's; the mount before it counts as any. */
struct slot_times {
	uint64_t put_ns, mount_ns, read_ns, umount_ns, check_ns;
};

struct slot {
	const struct cut_fs *fs;
	const uint8_t *base; /* the caller's */
	unsigned subvols;
	bool foreign;        /* others have made its files: read by foreign.h. The caller sets it */
	int failed;          /* -errno, with why: what a mount held is not known, for the world failed (verdict.1) */
	struct why why;
	struct reads *reads; /* NULL: slot_watch_reads() was not called, or could not */
	int memory, loop;
	char path[64];       /* of the device */
	uint8_t *map;
	uint64_t *has;       /* a bit for each block of the base that is not all zeros */
	struct slot_times took;
};

/* A block of a base, of DEV_BLOCK bytes. */
static inline bool base_is_zeros(const uint8_t *block)
{
	return !block[0] && !memcmp(block, block + 1, DEV_BLOCK - 1);
}

/* `base`: fs->size bytes, which stay as they are. 0, or -errno with why. */
int slot_open(struct slot *s, const struct cut_fs *fs, const uint8_t *base, unsigned subvols, struct why *why);
void slot_close(struct slot *s);
/* From now on slot_look() says which blocks were read (->read), if this kernel can tell: true. */
bool slot_watch_reads(struct slot *s);

/* The image lies in the slot, and nothing is mounted. NULL: the base itself. */
void slot_put(struct slot *s, const struct dev *image);
/*
 * Mounts what lies there (its log is replayed), reads every name, size and block, and unmounts it. To be freed with
 * recovered_free(). An image that does not mount is a result, too: ->err.
 */
struct recovered *slot_look(struct slot *s);
/*
 * Mounts what slot_look() has left for writing, reads it again, unmounts it, and lets its checker look at it. *again is
 * what the second mount holds; where it does not mount (->err) the checker does not look. 0; 1 with why: the checker
 * complains; -errno with why: it could not be run.
 */
int slot_check(struct slot *s, struct recovered **again, struct why *why);

#endif
