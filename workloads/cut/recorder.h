/*
 * recorder.h: a kernel block device with a volatile cache that records all it is asked to do, as the event log of
 * dev/powercut.h. Any file system of the running kernel may be made on it and mounted.
 *
 * It is served by a process of ours from shared memory, through one of several front ends (enum recorder_via): a
 * direct-I/O loop device over a FUSE file, which any kernel has, a network block device, or a ublk device.
 *
 * The completion of a write or a flush is in the log before the kernel hears of it, and its submission is in the log
 * before the device acts on it. So a write whose completion comes before a flush's submission had completed before that
 * flush was submitted.
 *
 * recorder.1: While it records, completions are late, by its own chance: at once, after some time, or held until 1 to
 *      `holds` flushes have completed; but never longer than HELD_MAX_NS, for the file system may wait for the write
 *      before it flushes. Writes that come while a call that promises something is under way are held more often.
 * recorder.2: When the log is full, or recording has ended, the position is beyond all cuts: calls that end then
 *      promise nothing, and calls that begin then have not begun.
 *
 * Called by cut/world.c. One task of one process drives it; recorder_position() and recorder_syncs() are for any task.
 */
#ifndef CUT_RECORDER_H
#define CUT_RECORDER_H

#include <sys/types.h>

#include "base/why.h"
#include "dev/powercut.h"

#define HELD_MAX_NS      3000000u
#define RECORDER_EVENTS  65536u       /* room for so many events of one recording, */
#define RECORDER_BYTES   (192u << 20) /* and so many bytes written */

struct recording;

/* FUA is a flush after the write in the first, and itself in the others. `auto` takes the last that is there. */
enum recorder_via { VIA_FUSE, VIA_NBD, VIA_UBLK };

struct recorder {
	char path[64];    /* of the device */
	int block;        /* its open descriptor */
	int life;         /* a device with a keeper ends when it is closed (keeper.h) */
	pid_t server;
	enum recorder_via via;
	uint64_t size;
	struct recording *shared;
};

/* Is it one of those names, whatever this kernel has? 0, or -EINVAL with why. */
int recorder_find(const char *name, struct why *why);
/*
 * Of all recorders that are opened from now on: "fuse", "nbd", "ublk", or "auto": the best that this kernel has. 0, or
 * -errno with why: there is no such.
 */
int recorder_choose(const char *name, struct why *why);
/* The name of the chosen one; and what one of this name can see, in a sentence. */
const char *recorder_name(void);
const char *recorder_sees(const char *name);

struct recorder_ways {
	uint64_t seed;
	unsigned holds; /* 0: no completion is late */
};

/* A device of `size` bytes, all zeros. 0, or -errno with why. Forks. */
int recorder_open(struct recorder *r, uint64_t size, struct why *why);
/* Nobody uses the device any more. */
void recorder_close(struct recorder *r);

/* The content of the device now, to be read, or changed with recorder_restore(), while nobody uses it. */
const uint8_t *recorder_bytes(const struct recorder *r);
/* Puts back what was written since the last call (or since recorder_open()): `base` was the content then. */
void recorder_restore(struct recorder *r, const uint8_t *base);
/* The block has been written since recorder_keep(), or recorder_open(). */
bool recorder_wrote(const struct recorder *r, uint64_t blk);
/* The content now is what recorder_restore() will put back. */
void recorder_keep(struct recorder *r);

/* Records from now on, from an empty log. Nothing is in flight. */
void recorder_begin(struct recorder *r, const struct recorder_ways *ways);
/* Ends it. Waits until nothing is in flight. 0; -EIO when the server was killed: the record is worth nothing. */
int recorder_end(struct recorder *r);
/* The server was killed, or is ending: whatever failed on the device is no wonder. */
bool recorder_is_gone(struct recorder *r);
/* For model_positions(). */
uint32_t recorder_position(void *recorder);
/* A call that promises something begins (+1) or has returned (-1). */
void recorder_syncs(struct recorder *r, int change);

struct recorded {
	const struct dev_event *event; /* until the next recorder_begin() */
	uint32_t n;
	bool full;                     /* the log was too small (recorder.2) */
	uint32_t flushes, beside;      /* flushes, and those that came while a write was in flight */
	uint32_t in_flight_max;        /* writes */
	uint32_t held;                 /* writes whose completion had waited for that of a flush (recorder.1) */
};
void recorder_log(const struct recorder *r, struct recorded *out);

#endif
