/*
 * recording.h: what all front ends of the recorder share: the log, and when an answer is due. A front end
 * (recorder_*.c) is a server in a process of its own, which hears the kernel's requests and gives the answers.
 *
 * Called by cut/recorder.c, which drives, and by the front ends, which serve. The functions of a server take its lock,
 * and may be called by any task of it.
 */
#ifndef CUT_RECORDING_H
#define CUT_RECORDING_H

#include <stdatomic.h>

#include "base/rng.h"
#include "cut/recorder.h"

/* Shared by the two processes. The server writes what is below `mode`, while requests are served. */
struct recording {
	_Atomic uint32_t position; /* of the next event; beyond all cuts: (recorder.2) */
	_Atomic int syncs;         /* calls under way that promise something */
	_Atomic bool on;
	_Atomic uint32_t owed;     /* requests whose answer is late */
	struct recorder_ways ways;
	/* the log */
	uint32_t n;
	bool full;
	uint32_t flushes, beside, in_flight, in_flight_max, held;
	uint64_t used;
	struct rng rng;
	struct dev_event event[RECORDER_EVENTS];
	uint8_t *data;             /* RECORDER_BYTES */
	/* the device */
	uint64_t size;
	uint8_t *bytes;
	uint64_t *written;         /* a bit for each block since recorder_keep() */
};

#define RECORDING_BEYOND (UINT32_MAX - 2) /* (recorder.2) less than POSITION_NEVER */

/* ---- a front end ---- */

/* A request, until it is answered. */
struct request {
	void *of;          /* the front end's */
	uint32_t pos;      /* of the submission */
	uint32_t len;
	uint64_t due_ns;
	unsigned flushes;  /* or after so many flushes; 0: by time alone */
	bool is_flush;
};

/*
 * In the server, before the first request. answer() gives a good answer to the kernel, and is called with the lock
 * held; wake() makes some task call recording_release() anew, NULL: the front end does so after each request.
 */
void recording_serve(struct recording *s, void (*answer)(const struct request *r), void (*wake)(void));
/* The range is one of the device. */
bool recording_has(const struct recording *s, uint64_t off, uint64_t len);
/* A write inside the device, or a flush, has come: it is logged and done, and answered now or later. */
void recording_write(void *of, uint64_t off, uint32_t len, const void *buf, bool fua);
void recording_flush(void *of);
/* Answers what is due; in so many ns the next answer will be. */
uint64_t recording_release(void);

/* ---- the fronts ---- */

/* Sets r->path, r->block and r->server. 0, or -errno with why. Forks. */
int recorder_fuse_open(struct recorder *r, struct why *why);
void recorder_fuse_close(struct recorder *r);
int recorder_nbd_open(struct recorder *r, struct why *why);
void recorder_nbd_close(struct recorder *r);
int recorder_ublk_open(struct recorder *r, struct why *why);
void recorder_ublk_close(struct recorder *r);
/* The kernel has it, and we may use it. */
bool recorder_nbd_is_there(void);
bool recorder_ublk_is_there(void);

#endif
