/*
 * uring.h: syncs that go through io_uring, of whoever submits them: IORING_OP_FSYNC and IORING_OP_SYNC_FILE_RANGE, from
 * their submission to their completion, by the kernel's own tracepoints.
 *
 * A worker of io_uring does them: a thread of the process that submitted. Since Linux 6.3 that is so for each; its
 * tracepoints are called otherwise than those before.
 *
 * Not told by the tracepoints, and so not seen: whether a write through io_uring is O_DSYNC or RWF_DSYNC; whether an
 * fsync is an fdatasync; which of a ring's registered files is meant; a request's end where it asks for no completion
 * (IOSQE_CQE_SKIP_SUCCESS).
 *
 * Called by watch/threads.c.
 */
#ifndef KWAIT_URING_H
#define KWAIT_URING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/why.h"

#define URING_FD_UNKNOWN    (-2) /* -1 is a call without a descriptor */
#define URING_FD_REGISTERED (-3) /* a file of the ring, by its number there */

struct uring;

struct uring_sync {
	uint64_t request;    /* while it is under way no other has that number */
	uint64_t submit_ns, end_ns;
	uint64_t start_ns;   /* when a worker looked for its file; 0: not seen */
	pid_t submitter, worker; /* worker: 0: not known */
	int fd, ret;
	bool is_range;       /* sync_file_range, else fsync or fdatasync */
	unsigned note;       /* the caller's; UINT_MAX at first */
};

/* Of all processors. NULL with why: this kernel's tracepoints do not tell it, or they are not allowed. */
struct uring *uring_begin(struct why *why);
/* Takes over what happened before that time, which is not later than now. */
void uring_drain(struct uring *u, uint64_t until_ns);
/* What has ended since uring_forget(), in the order of ends; what is under way. */
struct uring_sync *uring_ended(struct uring *u, size_t *n);
struct uring_sync *uring_pending(struct uring *u, size_t *n);
void uring_forget(struct uring *u);
/* To be polled: it can be read when a sync was handed to the workers. */
int uring_fd(const struct uring *u);
/* Whether that wakes who polls, as it does at first. */
void uring_wake(struct uring *u, bool on);
/* Records that were dropped. */
uint64_t uring_lost(const struct uring *u);
void uring_end(struct uring *u);

/* ---- for tests: what the above is made of ---- */

enum uring_point { URING_SUBMIT, URING_QUEUE, URING_FILE, URING_COMPLETE, URING_POINTS };

struct uring_event {
	uint64_t ns, request;
	enum uring_point point;
	pid_t tid;
	int value;          /* of submit: the opcode; of file: the descriptor; of completion: what it returned */
	bool registered;    /* of submit */
};

struct uring *uring_new(void);
void uring_add(struct uring *u, const struct uring_event *e);
/* As uring_drain(), of what was added. */
void uring_settle(struct uring *u, uint64_t until_ns);

#endif
