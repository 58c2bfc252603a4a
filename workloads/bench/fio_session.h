/*
 * fio_session.h: what fio drives when it drives a design: one mounted target for all of fio's threads
 * that name the same one, their files by name, and what was measured under fio's own figures.
 *
 * The first task that joins opens the session. The last one that leaves closes it, and then its report is written.
 * Everything is laid out before any task starts; the first start makes it durable and zeroes the counters. A fio_task
 * belongs to one thread from start to stop; only the session is shared.
 *
 * Called by fio_engine.c, which alone sees fio's headers; this side knows nothing of fio.
 */
#ifndef BENCH_FIO_SESSION_H
#define BENCH_FIO_SESSION_H

#include <stdint.h>

#include "base/why.h"

struct fio_session;
struct fio_task;

/* design@device as bench --target has it; report: where the JSON goes at the end, "none" for nowhere. 0, or -errno
 * with why. One thread at a time: fio's main thread, before its jobs start. */
int fio_session_join(const char *design, const char *device, const char *report, struct fio_session **out,
                     struct why *why);
/* The file of that name, made with `layout` bytes when it is new. `home` chooses its subvolume. */
int fio_session_file(struct fio_session *s, const char *name, unsigned home, uint64_t layout, void **file,
                     struct why *why);
/* The last closes all. 0, or -errno with why: the unmount's or the report's. */
int fio_session_leave(struct fio_session *s, struct why *why);

/* The calling thread is about to do I/O. NULL with why when what was laid out cannot be synced. */
struct fio_task *fio_task_start(struct fio_session *s, struct why *why);
/* Its figures go to the session. */
void fio_task_stop(struct fio_task *t);

/* 0 or -errno. */
int fio_task_write(struct fio_task *t, void *file, uint64_t off, const void *buf, uint32_t len);
int fio_task_read(struct fio_task *t, void *file, uint64_t off, void *buf, uint32_t len);
int fio_task_fsync(struct fio_task *t, void *file);
int fio_task_fdatasync(struct fio_task *t, void *file);
/* flags: sync_file_range(2)'s bits. */
int fio_task_sync_range(struct fio_task *t, void *file, uint64_t off, uint64_t len, unsigned flags);

#endif
