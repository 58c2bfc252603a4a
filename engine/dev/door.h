/*
 * door.h: the inner side of the device's door: what a back end calls. Nobody outside engine/dev
 * includes it.
 *
 * A back end gets bios one stage at a time (bio->stage): a read, a flush or a write, never a flush
 * and a write at once. It reports each with door_complete(), from any task, also from inside its
 * submit(); the door then starts the next stage or calls done().
 */
#ifndef DEV_DOOR_H
#define DEV_DOOR_H

#include "dev/dev.h"

/* The stage is done; err 0 or -errno (bio->fault when that is set). The bio may be gone on return. */
void door_complete(struct bio *bio, int err);

/*
 * The device reads the write's bytes now. While recording, bio->media is the log's copy; if the
 * submitter changed its buffer in flight, what is there now is what the media gets.
 */
void door_take(struct bio *bio);

/* d->lock, but not in controlled runs (see struct dev). */
void door_lock(struct dev *d);
void door_unlock(struct dev *d);

/* A device of `size` bytes with nothing opened yet: all fields initialised. Freed by door_free(). */
struct dev *door_new(const struct dev_ops *ops, const char *spec, uint64_t size);
void door_free(struct dev *d);

/* Starts and ends the background reaper (reap.c). No effect on a device without reap(). */
void reap_start(struct dev *d);
void reap_stop(struct dev *d);
/* After queued went up: the background reaper looks again if it had gone to sleep. */
void reap_kick(struct dev *d);

/* The back ends, by the first word of a spec. */
extern const struct dev_ops ram_ops, file_ops, uring_ops, slow_ops;
/* slow.c: its profiles, one a row. */
void slow_describe(FILE *out);

struct arena;
struct layer;
/* ram.c: the memory of d, or of the ram device behind it; NULL when there is none. */
uint8_t *ram_memory(struct dev *d);
/*
 * From now on writes go to the layer and the memory stays as it is; NULL: to the memory again. What
 * is written then must stay in place while the layer does (the log's copies do); memory for mixed
 * blocks comes from a.
 */
void ram_overlay(struct dev *d, struct layer *over, struct arena *a);

#endif
