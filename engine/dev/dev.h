/*
 * dev.h: THE DEVICE SEAM. Asynchronous bios over a range of bytes, with a volatile write cache.
 *
 * What is promised (the block layer's rules; CRASH.md 4):
 * (D1) A write is in the device's cache when its bio completes; it is durable only by (D2) or (D3).
 * (D2) A flush makes durable exactly the writes whose completion came before the flush was submitted.
 * (D3) A write with BIO_FUA is durable when it completes.
 * (D4) A bio with BIO_PREFLUSH does a flush first, then its own write (if it has a length).
 * (D5) done() is called once, from any task or from inside dev_submit(); it must not block. Before it,
 *      bio->err is 0 or -EIO and so on.
 * (D6) Two writes in flight never overlap: a file-system bug of its own, caught by the door.
 *
 * dev.c is the door: it checks, counts, times, logs the events for the power cut, injects faults,
 * then calls the back end. Back ends neither count nor time.
 */
#ifndef DEV_DEV_H
#define DEV_DEV_H

#include <stdint.h>
#include <stdio.h>

#include "base/hist.h"
#include "base/list.h"
#include "rt/lock.h"

#define DEV_BLOCK 4096u /* the tear unit by default: a physical block */

enum bio_flags {
	BIO_READ = 0,
	BIO_WRITE = 1,
	BIO_PREFLUSH = 2, /* with no length: a pure flush (BIO_WRITE is set too) */
	BIO_FUA = 4,
	BIO_META = 8,     /* tree or super block: for the counters and for "metadata without data" cuts */
};

struct bio {
	uint64_t off;
	uint32_t len;            /* both multiples of 512 */
	uint16_t flags;
	int err;                 /* valid in done() and after */
	void *buf;               /* stable until done(); 4096-aligned for O_DIRECT back ends */
	void (*done)(struct bio *bio);
	void *private;           /* the submitter's */
	/* the door's */
	struct dev *dev;
	struct list link;
	uint32_t event;          /* its WSUB/FSUB in the event log */
	uint64_t submit_ns;
	void *backend;
};

struct dev;

struct dev_ops {
	const char *name;
	int (*open)(struct dev *d, const char *args);
	void (*submit)(struct dev *d, struct bio *bio);
	/* Completes what is ready; block: waits for at least one of what is in flight. Number completed. NULL: nothing to reap. */
	int (*reap)(struct dev *d, bool block);
	void (*close)(struct dev *d);
};

struct dev_log;    /* powercut.h: the event log, NULL when not recording */

struct dev_stats { /* device-wide, for results; per-task counts are in count.h */
	struct hist write, flush, fua, read; /* submit to completion */
};

struct dev {
	const struct dev_ops *ops;
	char spec[256];          /* as given, for the recipe */
	char notice[160];        /* what was not available ("O_DIRECT refused: ..."), "" when nothing */
	uint64_t size;
	uint32_t tear;           /* DEV_BLOCK; 512 in strict mode */
	bool async;              /* completions come from tasks of their own (controlled runs); else when the back end says */
	void *private;           /* the back end's */
	struct dev *below;       /* slow: what it wraps */
	struct dev_log *log;
	struct dev_faults *faults;
	struct dev_stats *stats; /* NULL unless measuring */
	/* reaping: one task at a time asks the back end for completions, the others sleep until theirs is done */
	struct spin lock;        /* L_DEV_LOG class: guards reaper, inflight list */
	struct task *reaper;
	struct list waiters;
	struct list inflight;
	uint32_t ninflight;
};

/*
 * Opens a device by its spec:
 *   ram:SIZE                 memory, e.g. ram:64m
 *   file:PATH[,size=SIZE][,buffered]   O_DIRECT + AIO, fdatasync as flush, RWF_DSYNC as FUA; made when
 *                            it is not there and size is given; refuses what is not a fsyncstorm file
 *                            or is a block device without `force`, and a mounted device always
 *   slow:PROFILE[,key=val...]/SPEC     latency in front of any of them: profiles nvme, nvme-plp, sata, hdd;
 *                            keys write=NS flush=NS fua=NS qd=N jitter=PERCENT seed=N. E.g. slow:nvme/ram:1g
 * 0, or -errno with one clear line in err (at most 200 bytes).
 */
int dev_open(const char *spec, bool force, struct dev **out, char *err);
void dev_close(struct dev *d);
/* One row per profile and per back end, for `fsyncstorm list`. */
void dev_describe(FILE *out);

/* Submits; returns at once (or after completion, as the back end likes). Never fails: errors come in done(). */
void dev_submit(struct dev *d, struct bio *bio);

/*
 * Sleeps until cond(arg), where what makes it true is a completion of this device (or what follows
 * from one). The caller becomes the reaper when there is none: a lone fsyncer handles its own
 * completions, no thread is woken for it. Wakes of wq end the sleep too. Order-checked and counted as wq's class.
 */
void dev_wait_until(struct dev *d, struct waitq *wq, bool (*cond)(void *arg), void *arg);

/* A set of bios waited for together. Errors: the first one. */
struct batch {
	_Atomic int32_t pending;
	_Atomic int err;
	struct dev *dev;
	struct waitq wq;
};
void batch_init(struct batch *b, struct dev *d);
/* Submits bio as a part of b; takes bio->done and bio->private for itself. */
void batch_submit(struct batch *b, struct bio *bio);
/* Waits for all; 0 or the first error. */
int batch_wait(struct batch *b);

/* Synchronous helpers: 0 or -errno. buf must be 4096-aligned. */
int dev_read(struct dev *d, uint64_t off, void *buf, uint32_t len);
int dev_write(struct dev *d, uint64_t off, const void *buf, uint32_t len, unsigned flags);
int dev_flush(struct dev *d);

/* ---- faults, for tests and races: decided at the door, so every back end has them ---- */

struct dev_faults {
	/* Called for each bio at submission; returns 0, or the error with which it completes without being done. */
	int (*fail)(void *arg, const struct bio *bio);
	void *arg;
	bool lying_flush; /* flushes return success and make nothing durable (negative control) */
};

/* ---- the ram device, for floors above and tests: its memory ---- */
int ram_open(uint64_t size, struct dev **out);

#endif
