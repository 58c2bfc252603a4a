/*
 * dev.h: THE DEVICE SEAM. Asynchronous bios over a range of bytes, with a volatile write cache.
 *
 * What is promised (the block layer's rules):
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

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/hist.h"
#include "base/list.h"
#include "base/stop.h"
#include "base/why.h"
#include "rt/lock.h"

#define DEV_BLOCK 4096u /* the tear unit by default: a physical block */

enum bio_flags {
	BIO_READ = 0,
	BIO_WRITE = 1,
	BIO_PREFLUSH = 2, /* with no length: a pure flush (BIO_WRITE is set too) */
	BIO_FUA = 4,
	BIO_META = 8,     /* tree or super block: for the counters and for "metadata without data" cuts */
	BIO_SYNC = 16,    /* the submitter waits for it at once: a back end may do it before submit returns */
	BIO_MORE = 32,    /* the submitter submits another at once: a back end may begin this one with that one */
};

/* Where a bio is. A PREFLUSH bio with a length is submitted to the back end twice: as a flush, then as a write (D4). */
enum bio_stage { STAGE_READ, STAGE_FLUSH, STAGE_WRITE };

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
	struct list link;        /* on dev->inflight when tracked */
	bool tracked;
	uint8_t stage;           /* enum bio_stage */
	int fault;               /* the error with which the back end completes it, without doing it */
	uint32_t event;          /* its WSUB/FSUB in the event log; or its place on a tape */
	struct tape *taped;      /* the tape that it is on */
	uint64_t submit_ns;
	void *media;             /* what the back end writes: buf, or the event log's copy of it */
	/* the back end's */
	struct list queue;
	uint64_t due_ns;
};

struct dev;
struct dev_facts;

struct dev_ops {
	const char *name;
	/* args: the spec after "name:". 0, or -errno and why. */
	int (*open)(struct dev *d, const char *args, struct why *why);
	/* Does what bio->stage says, now or later, then door_complete() (door.h). */
	void (*submit)(struct dev *d, struct bio *bio);
	/* Completes what is ready; block: waits for at least one of what is in flight. Number completed. NULL: nothing to reap. */
	int (*reap)(struct dev *d, bool block);
	/* Nothing is in flight: ends the tasks that it made in this run (abandoned: they went with a run that did
	 * not finish; it forgets them and what they had in hand). NULL: it makes none. */
	void (*halt)(struct dev *d, bool abandoned);
	void (*close)(struct dev *d);
	/* How it does its work, for results (facts.h). NULL: nothing to say. */
	void (*facts)(struct dev *d, struct dev_facts *out);
};

struct dev_log;    /* powercut.h: the event log, NULL when not recording */
struct tape;       /* tape.h: what was asked, without data */

struct dev_stats { /* device-wide, for results; per-task counts are in count.h */
	struct hist write, flush, fua, read; /* submit to completion; on ram of one write or flush in 31 */
};

struct dev {
	/* set at open, then read only */
	const struct dev_ops *ops;
	char spec[256];          /* as given, for the recipe */
	char notice[200];        /* what was not available ("O_DIRECT refused: ..."), "" when nothing */
	uint64_t size;
	uint32_t id;             /* what points name; an access: what is durable */
	uint32_t completed_id;   /* an access: which writes have completed */
	bool force;              /* as given to dev_open */
	bool track;              /* bios outlive submit: keep them on the inflight list */
	bool quiet;              /* behind another device, or a crash image: not counted, no points, not tracked */
	void *private;           /* the back end's */
	struct dev *below;       /* slow: what it wraps */
	struct buffers *buffers; /* registered with the kernel; NULL: this back end has none */
	/* set by the user while nothing is in flight */
	uint32_t tear;           /* DEV_BLOCK; 512 in strict mode */
	bool async;              /* ram, in controlled runs: completions come from tasks of their own, in any order */
	struct dev_log *log;     /* powercut_start(); NULL when not recording */
	struct dev_faults *faults;
	struct dev_stats *stats; /* NULL unless measuring */
	/*
	 * lock (L_DEV_LOG) guards these, the log, the tape and the stats. Not taken in controlled runs: there
	 * nothing else runs between two points (R3), and it would be a point on every bio.
	 */
	struct spin lock;
	struct tape *tape;       /* NULL: nobody records */
	struct list inflight;
	uint32_t ninflight;
	/* reaping: one task at a time asks the back end for completions, the others sleep until theirs is done (reap.c) */
	struct task *reaper;
	struct list waiters;
	_Atomic uint32_t queued; /* bios that a reap will deliver; kept by the back end */
	struct task *background; /* reaps what nobody waits for */
	struct waitq background_wq;
	_Atomic bool background_parked, closing;
	struct waitq idle;       /* nothing is in flight */
};

/*
 * Opens a device by its spec:
 *   ram:SIZE[,node=N]        memory, e.g. ram:64m; of that NUMA node
 *   file:PATH[,size=SIZE][,buffered]   O_DIRECT + AIO, fdatasync as flush, RWF_DSYNC as FUA; made when
 *                            it is not there and size is given; refuses what is not a fsyncstorm file
 *                            or is a block device without `force`, and a mounted device always. Ours
 *                            begins with a mark: who overwrites the first 8 bytes gives it up
 *   uring:PATH[,size=SIZE][,buffered]  the same file through io_uring, in the ways found fastest here
 *   (SIZE: bytes, or with a suffix k, m or g; a multiple of 4096, at least 1m)
 *   slow:PROFILE[,key=val...]/SPEC     latency in front of any of them: profiles nvme, nvme-plp, sata, hdd;
 *                            keys write=NS flush=NS fua=NS qd=N jitter=PERCENT seed=N. E.g. slow:nvme/ram:1g
 * 0, or -errno and why (may be NULL).
 */
int dev_open(const char *spec, bool force, struct dev **out, struct why *why);
/* Whether it begins with a back end and a colon, as a spec does and a path hardly: then dev_open() has the word. */
bool dev_is_spec(const char *text);
/* Waits for what is in flight, then closes. */
void dev_close(struct dev *d);
/*
 * Waits until nothing is in flight, and ends the tasks that the device made. Whoever keeps a device
 * open across controlled runs calls it last in each run: a task cannot outlive its run.
 */
void dev_drain(struct dev *d);
/* Forgets what was in flight in a controlled run that did not finish. Called between runs (powercut_rewind() does it). */
void dev_abandon(struct dev *d);
/* Reads "64m": 0, or -EINVAL and why (may be NULL). */
int dev_parse_size(const char *text, uint64_t *size, struct why *why);
/* One row per profile and per back end, for `fsyncstorm list`. */
void dev_describe(FILE *out);

/*
 * Memory for bios, n > 0 bytes aligned to 4096, never NULL: from what the back end has registered with the
 * kernel while there is room, which makes each write from it cheaper; else plain memory. Only for what this
 * device will read or write often; it is given back before the device is closed. put: NULL is nothing.
 */
void *dev_buffer_get(struct dev *d, size_t n);
void dev_buffer_put(struct dev *d, void *buf);

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
/*
 * The same for a bio whose submitter has a done() of its own: join before dev_submit(), leave as the
 * last thing in done() (the batch and what its waiter frees may be gone then).
 */
void batch_join(struct batch *b);
void batch_leave(struct batch *b, int err);
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
