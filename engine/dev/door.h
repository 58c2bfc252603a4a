/*
 * door.h: the inner side of the device's door: what a back end calls. Only engine/dev includes it.
 *
 * A back end gets bios one stage at a time (bio->stage): a read, a flush or a write, never a flush and a write at
 * once. It reports each stage once with door_complete(), from any task, also from inside its submit(); the door
 * then starts the next stage or calls done().
 */
#ifndef DEV_DOOR_H
#define DEV_DOOR_H

#include "dev/dev.h"

/*
 * The stage is done; err is 0 or -errno, and bio->fault when that is set. The bio is the submitter's again when
 * this is its last stage: the back end must not touch it after the call.
 */
void door_complete(struct bio *bio, int err);

/*
 * The device reads the bytes of a write now. While recording, bio->media is the log's copy; when the submitter has
 * changed its buffer since, the copy is brought up to date: these bytes are what the media gets.
 */
void door_take(struct bio *bio);

/* d->lock, but not in controlled runs (see struct dev). */
void door_lock(struct dev *d);
void door_unlock(struct dev *d);

/* A device of `size` bytes, all fields initialised; the back end is not opened yet. Free with door_free(). */
struct dev *door_new(const struct dev_ops *ops, const char *spec, uint64_t size);
void door_free(struct dev *d);

/* Starts and ends the background reaper (reap.c). No effect on a device without reap(). */
void reap_start(struct dev *d);
void reap_stop(struct dev *d);
/* To be called after d->queued was incremented: wakes the background reaper if it sleeps. */
void reap_kick(struct dev *d);

/* The back ends, by the first word of a spec. */
extern const struct dev_ops ram_ops, file_ops, uring_ops, slow_ops;
/* slow_profile.c: its profiles, one a row. */
void slow_describe(FILE *out);

struct arena;
struct layer;
/* ram.c: the memory of d, or of the ram device behind it; NULL when there is none. */
uint8_t *ram_memory(struct dev *d);
/*
 * From now on writes go to the layer, and the memory stays as it is; with NULL they go to the memory again. The layer
 * points to what is written (bio->media), so that must stay in place while the layer is used: the log's copies do.
 * Blocks of which a write covers only a part get memory from a.
 */
void ram_overlay(struct dev *d, struct layer *over, struct arena *a);

#endif
