/*
 * uring.h: between the io_uring device's two halves: uring.c (its I/O) and uring_tune.c (which way of
 * making writes durable is fastest here).
 */
#ifndef DEV_URING_H
#define DEV_URING_H

#include <liburing.h>

#include "dev/dev.h"

/* How a flush is done, and how a write that is durable when it completes. */
enum flush_way { FLUSH_FDATASYNC, FLUSH_RING, FLUSH_WAYS };
enum fua_way { FUA_DSYNC, FUA_RING_DSYNC, FUA_WRITE_FDATASYNC, FUA_WAYS };

extern const char *const flush_way_name[FLUSH_WAYS];
extern const char *const fua_way_name[FUA_WAYS];

struct uring_tuning {
	enum flush_way flush;
	enum fua_way fua;
	bool fua_is_cheaper; /* than a write and fdatasync() (uring_tune.1) */
	/* medians; 0: not tried */
	uint64_t flush_ns[FLUSH_WAYS], fua_ns[FUA_WAYS];
};

struct uring {
	struct io_uring ring;
	int fd;
	bool poll;        /* completions are polled for (IOPOLL): only writes up to `largest` go through the ring */
	uint32_t largest;
	int unregistered; /* why there are no registered buffers: -errno; 0: there are */
	/* lock guards the submission queue's tail, and these: */
	struct spin lock;
	uint64_t writes, from_buffers; /* through the ring, and those of them from registered buffers */
	struct uring_tuning tuning;
};

/* The one file of the ring, registered. */
#define URING_FILE 0
/* The one piece of memory of the ring, registered: all of dev->buffers. */
#define URING_BUFFERS 0

/*
 * Measures each way on the device itself: its last block is written over with what it holds, some
 * tens of times. Once a process for each device; later calls give the same answer. Nothing is in flight.
 */
int uring_tune(struct uring *u, uint64_t size);
struct dev_facts;
/* "flush": which way, and what each took. */
void uring_tuning_facts(const struct uring_tuning *t, struct dev_facts *out);

#endif
