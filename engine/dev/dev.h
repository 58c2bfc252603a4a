/*
 * dev.h: THE DEVICE SEAM. Asynchronous bios over a range of bytes, with a volatile write cache.
 *
 * What is promised (the block layer's rules):
 * dev.1: A write is in the device's cache when its bio completes; it is durable only by dev.2 or dev.3.
 * dev.2: A flush makes durable exactly the writes whose completion came before the flush was submitted.
 * dev.3: A write with BIO_FUA is durable when it completes.
 * dev.4: A bio with BIO_PREFLUSH does a flush first, then its own write (if it has a length).
 * dev.5: done() is called once, from any task or from inside dev_submit(); it must not block. By then bio->err is 0 or
 *      -errno.
 * dev.6: Two writes in flight never overlap. A file system that submits such a write has a bug: the door stops it.
 *
 * dev.c is the door: it checks, counts, times, records the events for the power cut, injects faults, then calls the
 * back end. Back ends neither count nor time.
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

#define DEV_BLOCK 4096u /* bytes of a physical block: what a power cut leaves whole (the tear unit), by default */

enum bio_flags {
	BIO_READ = 0,
	BIO_WRITE = 1,
	BIO_PREFLUSH = 2, /* with no length: a pure flush (BIO_WRITE is set too) */
	BIO_FUA = 4,
	BIO_META = 8,     /* tree or super block: for the counters and for "metadata without data" cuts */
	BIO_SYNC = 16,    /* the submitter waits for it at once: a back end may do it before submit returns */
	BIO_MORE = 32,    /* the submitter submits another one at once: a back end may start both together */
};

/*
 * Where a bio is. A PREFLUSH bio with a length is submitted to the back end twice: as a flush, then as a write
 * (dev.4).
 */
enum bio_stage { STAGE_READ, STAGE_FLUSH, STAGE_WRITE };

struct bio {
	uint64_t off;
	uint32_t len;            /* both multiples of 512 */
	uint16_t flags;
	int err;                 /* 0 or -errno, valid in done() and after */
	void *buf;               /* stable until done(); 4096-aligned for O_DIRECT back ends */
	void (*done)(struct bio *bio);
	void *private;           /* the submitter's */
	/* the door's */
	struct dev *dev;
	struct list link;        /* on dev->inflight when tracked */
	bool tracked;
	uint8_t stage;           /* enum bio_stage */
	int fault;               /* the error with which the back end completes it, without doing it */
	uint32_t event;          /* position of its WSUB or FSUB in the event log; or its index on a tape */
	struct tape *taped;      /* the tape that it is on */
	uint64_t submit_ns;
	void *media;             /* what the back end writes: buf, or the event log's copy of it while recording */
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
	/*
	 * Completes what is ready, and returns how many; block: waits a short time for at least one. NULL: the back end
	 * completes its bios by itself.
	 */
	int (*reap)(struct dev *d, bool block);
	/*
	 * Ends the tasks that the back end made in this run; nothing is in flight. abandoned: the run did not
	 * finish, and its tasks are gone; the back end forgets them and the bios that they held. NULL: it makes no
	 * tasks.
	 */
	void (*halt)(struct dev *d, bool abandoned);
	void (*close)(struct dev *d);
	/* How it does its work, for results (facts.h). NULL: nothing to say. */
	void (*facts)(struct dev *d, struct dev_facts *out);
};

struct dev_log;    /* powercut.h: the event log, NULL when not recording */
struct tape;       /* tape.h: the requests, without their data */

struct dev_stats { /* of the whole device, for results; each task's counts are in count.h */
	struct hist write, flush, fua, read; /* ns from submit to completion; on ram of one write or flush in 127 */
};

struct dev {
	/* set at open, then read only */
	const struct dev_ops *ops;
	char spec[256];          /* as given, for the recipe */
	char notice[200];        /* what was not available ("O_DIRECT refused: ..."), "" when nothing */
	uint64_t size;
	uint32_t id;             /* the object of points, and of accesses to what is durable (rt_access) */
	uint32_t completed_id;   /* the object of accesses to which writes have completed */
	bool force;              /* as given to dev_open */
	bool track;              /* bios may outlive submit: they are kept on the inflight list */
	bool quiet;              /* behind another device, or a crash image: bios not counted, not tracked, no points */
	void *private;           /* the back end's */
	struct dev *below;       /* slow: what it wraps */
	bool fua_is_cheaper;     /* than a write and a flush: so says a model, or it was measured at open */
	struct buffers *buffers; /* registered with the kernel; NULL: this back end has none */
	/* set by the user while nothing is in flight */
	uint32_t tear;           /* DEV_BLOCK; 512 in strict mode */
	bool async;              /* ram, in controlled runs: tasks of its own complete bios, in any order */
	struct dev_log *log;     /* powercut_start(); NULL when not recording */
	struct dev_faults *faults;
	struct dev_stats *stats; /* NULL unless measuring */
	/*
	 * lock (L_DEV_LOG) guards these, the log, the tape and the stats. Not taken in controlled runs: there
	 * nothing else runs between two points (rt.2), and it would be a point on every bio.
	 */
	struct spin lock;
	struct tape *tape;       /* NULL when not recording on one */
	struct list inflight;
	uint32_t ninflight;
	/* reap.c: one task at a time asks the back end for completions, the others sleep until theirs is done */
	struct task *reaper;
	struct list waiters;
	_Atomic uint32_t queued; /* bios that a reap will deliver; kept by the back end */
	struct task *background; /* reaps the bios that nobody waits for */
	struct waitq background_wq;
	_Atomic bool background_parked, closing;
	struct waitq idle;       /* woken when nothing is in flight */
};

/*
 * Opens a device by its spec:
 *   ram:SIZE[,node=N]        memory, e.g. ram:64m; of that NUMA node
 *   file:PATH[,size=SIZE][,buffered]   O_DIRECT + AIO, fdatasync as flush, RWF_DSYNC as FUA; made when
 *                            it is not there and size is given; refuses what is not a fsyncstorm file
 *                            or is a block device without `force`, and a mounted device always. Ours
 *                            begins with a mark of 8 bytes: after they are overwritten it takes `force`
 *   uring:PATH[,size=SIZE][,buffered]  the same file through io_uring, in the ways found fastest here
 *   (SIZE: bytes, or with a suffix k, m or g; a multiple of 4096, at least 1m)
 *   slow:PROFILE[,key=val...]/SPEC     latency in front of any of them: profiles nvme, nvme-plp, sata, hdd;
 *                            keys write=NS flush=NS fua=NS qd=N jitter=PERCENT seed=N. E.g. slow:nvme/ram:1g
 * 0, or -errno and why (may be NULL).
 */
int dev_open(const char *spec, bool force, struct dev **out, struct why *why);
/* True when text begins with the name of a back end and a colon: a spec for dev_open(), rather than a path. */
bool dev_is_spec(const char *text);
/* Waits for what is in flight, then closes. */
void dev_close(struct dev *d);
/*
 * Waits until nothing is in flight, and ends the tasks that the device made. Whoever keeps a device
 * open across controlled runs calls it last in each run: a task cannot outlive its run.
 */
void dev_drain(struct dev *d);
/*
 * Forgets what was in flight in a controlled run that did not finish. Called between runs; powercut_rewind() calls
 * it.
 */
void dev_abandon(struct dev *d);
/* Reads "64m": 0, or -EINVAL and why (may be NULL). */
int dev_parse_size(const char *text, uint64_t *size, struct why *why);
/* One row per profile and per back end, for `fsyncstorm list`. */
void dev_describe(FILE *out);

/*
 * Memory for bios: n > 0 bytes, aligned to 4096, never NULL. While there is room it is memory that the back end has
 * registered with the kernel, from which each write is cheaper; after that plain memory. It is for what this device
 * will read or write often, and is given back before the device is closed. dev_buffer_put() of NULL does nothing.
 */
void *dev_buffer_get(struct dev *d, size_t n);
void dev_buffer_put(struct dev *d, void *buf);

/*
 * Hands the bio to the device until done() is called; the bio and its buffer stay as they are until then. Returns
 * at once, or after completion, as the back end chooses. Never fails: errors come in done().
 */
void dev_submit(struct dev *d, struct bio *bio);

/*
 * Sleeps until cond(arg) is true; a completion of this device makes it true, or what follows from one. When no task
 * reaps, the caller does: a lone fsyncer handles its own completions, and no thread is woken for it. A wake of wq
 * makes it look at cond again. The wait is checked against the lock order and counted as one of wq's class.
 */
void dev_wait_until(struct dev *d, struct waitq *wq, bool (*cond)(void *arg), void *arg);

/* A set of bios that are waited for together. Its error is that of the first bio that failed. */
struct batch {
	_Atomic int32_t pending; /* its bios, and one for the waiter (batch.c) */
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
/* Waits for all: 0 or the first error. The batch is empty again then, and may be used again or freed. */
int batch_wait(struct batch *b);

/* One bio, and a wait for it: 0 or -errno. buf is aligned to 4096. flags: BIO_FUA, BIO_META, BIO_PREFLUSH. */
int dev_read(struct dev *d, uint64_t off, void *buf, uint32_t len);
int dev_write(struct dev *d, uint64_t off, const void *buf, uint32_t len, unsigned flags);
int dev_flush(struct dev *d);

/* ---- faults, for tests and races: the door injects them, so they work with every back end ---- */

struct dev_faults {
	/* Called for each bio at submission; returns 0, or the error with which it completes without being done. */
	int (*fail)(void *arg, const struct bio *bio);
	void *arg;
	bool lying_flush; /* flushes return 0 and make nothing durable: what the power cut must catch (controls.c) */
};

/* A ram device of `size` bytes, as by dev_open("ram:SIZE"). 0 or -errno. */
int ram_open(uint64_t size, struct dev **out);

#endif
