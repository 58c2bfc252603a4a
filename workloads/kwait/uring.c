/* uring.c: see uring.h. */
#include "kwait/uring.h"

#include <errno.h>
#include <limits.h>
#include <linux/io_uring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "kwait/cpus.h"
#include "kwait/tracefs.h"
#include "machine/mem.h"

/* Of a request's flags, whose first are those of its submission. */
#define FIXED_FILE IOSQE_FIXED_FILE
#define NO_END     IOSQE_CQE_SKIP_SUCCESS

struct list {
	struct uring_sync *at;
	size_t n, room;
};

struct uring {
	struct cpus *cpus;
	unsigned request_at[URING_POINTS], value_at[URING_POINTS], flags_at;
	struct uring_event *event; /* not settled yet */
	size_t n, room;
	struct list pending, ended;
};

/* ---- records ---- */

static void *grown(void *array, size_t n, size_t *room, size_t each)
{
	if (n == *room) {
		*room = *room ? 2 * *room : 256;
		array = realloc(array, *room * each);
		CHECK(array);
	}
	return array;
}

void uring_add(struct uring *u, const struct uring_event *e)
{
	u->event = grown(u->event, u->n, &u->room, sizeof(*e));
	u->event[u->n++] = *e;
}

static void take(void *arg, const struct cpus_record *r)
{
	struct uring *u = arg;
	struct uring_event e = { .ns = r->ns, .point = r->point, .tid = r->tid };

	if (r->point == URING_QUEUE) /* it wakes us, and says nothing new */
		return;
	if (r->size < u->request_at[r->point] + sizeof(e.request) || r->size < u->value_at[r->point] + sizeof(e.value))
		return;
	memcpy(&e.request, r->raw + u->request_at[r->point], sizeof(e.request));
	if (r->point == URING_SUBMIT) {
		e.value = r->raw[u->value_at[r->point]];
		e.registered = u->flags_at < r->size && r->raw[u->flags_at] & FIXED_FILE;
		if (u->flags_at < r->size && r->raw[u->flags_at] & NO_END)
			return;
	} else {
		memcpy(&e.value, r->raw + u->value_at[r->point], sizeof(e.value));
	}
	uring_add(u, &e);
}

/* ---- from submission to completion ---- */

static struct uring_sync *pending(struct uring *u, uint64_t request)
{
	size_t i = 0;

	while (i < u->pending.n && u->pending.at[i].request != request)
		i++;
	return i < u->pending.n ? &u->pending.at[i] : NULL;
}

static void append(struct list *l, const struct uring_sync *s)
{
	l->at = grown(l->at, l->n, &l->room, sizeof(*s));
	l->at[l->n++] = *s;
}

static void submitted(struct uring *u, const struct uring_event *e)
{
	struct uring_sync new = { .request = e->request, .submit_ns = e->ns, .submitter = e->tid, .note = UINT_MAX,
		                  .is_range = e->value == IORING_OP_SYNC_FILE_RANGE,
		                  .fd = e->registered ? URING_FD_REGISTERED : URING_FD_UNKNOWN };
	struct uring_sync *again = pending(u, e->request);

	if (again)
		*again = new; /* how the one before ended was not told */
	else
		append(&u->pending, &new);
}

static void step(struct uring *u, const struct uring_event *e)
{
	struct uring_sync *s;

	if (e->point == URING_SUBMIT) {
		submitted(u, e);
		return;
	}
	s = pending(u, e->request);
	if (!s)
		return; /* of another kind, or it was submitted before we came */
	if (!s->worker && e->tid != s->submitter)
		s->worker = e->tid;
	if (e->point == URING_FILE) {
		s->fd = e->value;
		s->start_ns = e->tid != s->submitter ? e->ns : 0;
		return;
	}
	s->end_ns = e->ns;
	s->ret = e->value;
	append(&u->ended, s);
	*s = u->pending.at[--u->pending.n];
}

static int by_time(const void *a, const void *b)
{
	const struct uring_event *x = a, *y = b;

	if (x->ns != y->ns)
		return x->ns < y->ns ? -1 : 1;
	return x->point < y->point ? -1 : x->point > y->point;
}

void uring_settle(struct uring *u, uint64_t until_ns)
{
	size_t n = 0;

	if (u->n)
		qsort(u->event, u->n, sizeof(*u->event), by_time);
	while (n < u->n && u->event[n].ns < until_ns)
		step(u, &u->event[n++]);
	if (n)
		memmove(u->event, u->event + n, (u->n - n) * sizeof(*u->event));
	u->n -= n;
}

void uring_drain(struct uring *u, uint64_t until_ns)
{
	cpus_drain(u->cpus);
	uring_settle(u, until_ns);
}

struct uring_sync *uring_ended(struct uring *u, size_t *n)
{
	*n = u->ended.n;
	return u->ended.at;
}

struct uring_sync *uring_pending(struct uring *u, size_t *n)
{
	*n = u->pending.n;
	return u->pending.at;
}

void uring_forget(struct uring *u)
{
	u->ended.n = 0;
}

int uring_fd(const struct uring *u)
{
	return cpus_fd(u->cpus);
}

void uring_wake(struct uring *u, bool on)
{
	cpus_switch(u->cpus, URING_QUEUE, on);
}

/* ---- beginning and ending ---- */

/*
 * Others' requests must cost little: what is no sync is dropped in the kernel where it can be told. A completion has
 * no kind; that of a sync returns no more than 0. Who looks for a file is a worker, since Linux 6.3; before that it is
 * whoever submits.
 */
static int find_points(struct uring *u, struct cpus_point point[URING_POINTS], char *syncs, size_t size)
{
	static const char *const name[URING_POINTS] = { "io_uring/io_uring_submit_req",
		                                        "io_uring/io_uring_queue_async_work",
		                                        "io_uring/io_uring_file_get",
		                                        "io_uring/io_uring_complete" };
	static const char *const value[URING_POINTS] = { " opcode;", " opcode;", " fd;", " res;" };
	const char *before = "io_uring/io_uring_submit_sqe", *filter[URING_POINTS] = { syncs, syncs,
		                                                                       "comm ~ \"iou-wrk-*\"",
		                                                                       "res <= 0" };
	struct why why;
	int fd = tracefs_open(&why);

	if (fd < 0)
		return fd;
	snprintf(syncs, size, "opcode == %d || opcode == %d", IORING_OP_FSYNC, IORING_OP_SYNC_FILE_RANGE);
	for (unsigned i = 0; i < URING_POINTS; i++) {
		const char *called = name[i];

		point[i] = (struct cpus_point){ tracefs_number(fd, called), filter[i], i == URING_QUEUE };
		if (i == URING_SUBMIT && !point[i].number) {
			called = before;
			filter[URING_FILE] = NULL;
			point[i].number = tracefs_number(fd, called);
		}
		u->request_at[i] = tracefs_offset(fd, called, " req;");
		u->value_at[i] = tracefs_offset(fd, called, value[i]);
		if (i == URING_SUBMIT)
			u->flags_at = tracefs_offset(fd, called, " flags;");
	}
	close(fd);
	for (unsigned i = 0; i < URING_POINTS; i++)
		if (!point[i].number || !u->request_at[i] || !u->value_at[i])
			return -ENOENT;
	return 0;
}

struct uring *uring_new(void)
{
	return mem_zalloc(sizeof(struct uring));
}

struct uring *uring_begin(struct why *why)
{
	struct cpus_point point[URING_POINTS];
	struct uring *u = uring_new();
	char syncs[64];

	if (find_points(u, point, syncs, sizeof(syncs)))
		why_set(why, -ENOENT, "this kernel has no tracepoints of io_uring that tell one request from another");
	else
		u->cpus = cpus_begin(point, URING_POINTS, take, u, why);
	if (u->cpus)
		return u;
	uring_end(u);
	return NULL;
}

uint64_t uring_lost(const struct uring *u)
{
	return cpus_lost(u->cpus);
}

void uring_end(struct uring *u)
{
	if (u->cpus)
		cpus_end(u->cpus);
	free(u->event);
	free(u->pending.at);
	free(u->ended.at);
	free(u);
}
