/* task.c: see task.h. */
#include "kwait/task.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "kwait/ksyms.h"
#include "kwait/ring.h"
#include "kwait/tracefs.h"
#include "machine/mem.h"
#include "rt/clock.h"

#define PAGES      64u       /* of a ring: some hundred switches */
#define KEEP_MAX   (1u << 20) /* sleeps of a task, and calls */
#define STACKS_MAX 4096u      /* different ones of a task */
#define SLOTS      (2 * STACKS_MAX)

/*
 * Of a watched thread: each call when it begins and when it ends. The other two are of some of the same calls, and wake
 * who polls. Either of a pair may be in the ring first, and who was woken sees that one alone: so both say the same.
 */
enum { POINT_ENTER, POINT_EXIT, POINT_SYNC, POINT_OPENED, POINTS };

struct kwait_task {
	pid_t tid;
	struct ring ring;
	struct kwait_sleep *sleep;
	size_t nsleeps, sleep_room;
	struct kwait_call *call;
	size_t ncalls, call_room;
	struct kwait_stack *stack;
	uint32_t nstacks, stack_room, slot[SLOTS]; /* slot: 1 + the number of a stack, by its hash */
	struct kwait_sleep open;                   /* out, not yet in */
	bool is_out, has_stack;
	uint64_t lost;
	/* of a watched thread */
	struct point {
		uint64_t id;        /* the event's: in each of its samples */
		int fd;
	} point[POINTS];            /* POINT_ENTER: ... */
	unsigned npoints;
	struct kwait_call inside;
	bool is_inside;
};

const char *const kwait_kind_name[KWAIT_KINDS] = {
#define X(id, name) #name,
	KWAIT_SYNCS(X) KWAIT_URING(X) KWAIT_OTHERS(X)
#undef X
};

/* The numbers of the system calls; several open a descriptor, several begin a task. */
static const struct {
	long number;
	enum kwait_kind kind;
} calls[] = {
#define X(id, name) { SYS_##name, KWAIT_##id },
	KWAIT_SYNCS(X) KWAIT_OTHERS(X)
#undef X
	{ SYS_openat2, KWAIT_OPENAT },
	{ SYS_dup, KWAIT_OPENAT },
	{ SYS_dup3, KWAIT_OPENAT },
	{ SYS_clone3, KWAIT_CLONE },
#ifdef SYS_open
	{ SYS_open, KWAIT_OPENAT },
	{ SYS_creat, KWAIT_OPENAT },
	{ SYS_dup2, KWAIT_OPENAT },
	{ SYS_fork, KWAIT_CLONE },
	{ SYS_vfork, KWAIT_CLONE },
#endif
};

uint64_t kwait_now(void)
{
	return clock_library_ns(); /* rt_now() may be the counter's own, which drifts from the kernel's */
}

/* ---- opening ---- */

static int open_ring(struct ring *r, pid_t tid, unsigned pages)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_CONTEXT_SWITCHES,
		.sample_period = 1,
		.sample_type = PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_CALLCHAIN,
		.exclude_callchain_user = 1,
		.context_switch = 1,
		.sample_id_all = 1,
		.watermark = 1,
		.wakeup_watermark = UINT32_MAX / 2, /* nobody polls it */
	};

	return ring_open(r, &attr, tid, -1, pages);
}

int kwait_allowed(struct why *why)
{
	struct ring r;
	char text[256];
	int ret = open_ring(&r, 0, 1);

	if (ret) {
		ring_explain(ret, text, sizeof(text));
		return why_set(why, ret, "%s", text);
	}
	ring_close(&r);
	return ksyms_load(why);
}

struct kwait_task *kwait_task_open(pid_t tid, struct why *why)
{
	struct kwait_task *t = mem_zalloc(sizeof(*t));
	char text[256];
	int ret = open_ring(&t->ring, tid, PAGES);

	t->tid = tid ? tid : gettid();
	if (!ret)
		return t;
	ring_explain(ret, text, sizeof(text));
	why_set(why, ret, "%s", text);
	free(t);
	return NULL;
}

/* ---- system calls of others ---- */

int kwait_tracepoints(struct kwait_tracepoints *out, struct why *why)
{
	int fd = tracefs_open(why);

	memset(out, 0, sizeof(*out));
	if (fd < 0)
		return fd;
	out->enter = tracefs_number(fd, "raw_syscalls/sys_enter");
	out->exit = tracefs_number(fd, "raw_syscalls/sys_exit");
	close(fd);
	if (out->enter && out->exit)
		return 0;
	return why_set(why, -ENOENT, "this kernel has no tracepoints of system calls");
}

static bool has_descriptor(enum kwait_kind kind)
{
	return kind != KWAIT_MSYNC && kind < KWAIT_OPENAT;
}

static bool makes_durable(enum kwait_kind kind)
{
	return kind < KWAIT_WRITE;
}

static bool is_of(unsigned point, enum kwait_kind kind)
{
	return point == POINT_SYNC ? makes_durable(kind) : point == POINT_OPENED ? kind >= KWAIT_OPENAT : true;
}

/* "(id == 74 || id == 75)": the kernel drops what is of another call. */
static void say_filter(unsigned point, char *out, size_t size)
{
	size_t at = 0;

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]) && at < size; i++)
		if (is_of(point, calls[i].kind))
			at += (size_t)snprintf(out + at, size - at, "%sid == %ld", at ? " || " : "(", calls[i].number);
	if (at < size)
		snprintf(out + at, size - at, point == POINT_OPENED ? ") && ret >= 0" : ")");
}

/* The event's samples go into the thread's ring. 0 or -errno. */
static int add_point(struct kwait_task *t, pid_t tid, uint64_t number, unsigned point)
{
	bool wakes = point >= POINT_SYNC;
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.type = PERF_TYPE_TRACEPOINT,
		.config = number,
		.disabled = 1,
		.sample_period = 1,
		.sample_type = PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_RAW,
		.sample_id_all = 1,
		.use_clockid = 1,
		.clockid = CLOCK_MONOTONIC,
		.watermark = !wakes,
		.wakeup_watermark = wakes ? 1 : UINT32_MAX / 2, /* one event, or so many bytes */
	};
	struct point *p = &t->point[point];
	char filter[512];
	int ret;

	say_filter(point, filter, sizeof(filter));
	p->fd = (int)syscall(SYS_perf_event_open, &attr, tid, -1, -1, PERF_FLAG_FD_CLOEXEC);
	if (p->fd < 0)
		return -errno;
	t->npoints++; /* kwait_task_stop() closes it */
	if (ioctl(p->fd, PERF_EVENT_IOC_SET_OUTPUT, t->ring.fd) || ioctl(p->fd, PERF_EVENT_IOC_ID, &p->id) ||
	    ioctl(p->fd, PERF_EVENT_IOC_SET_FILTER, filter) || ioctl(p->fd, PERF_EVENT_IOC_ENABLE, 0)) {
		ret = -errno;
		return ret;
	}
	return 0;
}

struct kwait_task *kwait_task_watch(pid_t tid, const struct kwait_tracepoints *points, struct why *why)
{
	struct kwait_task *t = kwait_task_open(tid, why);
	int ret = 0;

	for (unsigned k = 0; t && k < POINTS && !ret; k++)
		ret = add_point(t, tid, k == POINT_ENTER || k == POINT_SYNC ? points->enter : points->exit, k);
	if (!ret)
		return t;
	why_set(why, ret, "thread %d cannot be watched: %s%s", (int)tid, strerror(-ret),
	        ret == -EMFILE ? " (ulimit -n)" : "");
	kwait_task_close(t);
	return NULL;
}

void kwait_task_wake(struct kwait_task *t, bool at_syncs)
{
	if (t->npoints > POINT_SYNC)
		ioctl(t->point[POINT_SYNC].fd, at_syncs ? PERF_EVENT_IOC_ENABLE : PERF_EVENT_IOC_DISABLE, 0);
}

pid_t kwait_task_tid(const struct kwait_task *t)
{
	return t->tid;
}

int kwait_task_fd(const struct kwait_task *t)
{
	return t->ring.fd;
}

const struct kwait_call *kwait_task_inside(const struct kwait_task *t)
{
	return t->is_inside ? &t->inside : NULL;
}

void kwait_task_stop(struct kwait_task *t)
{
	if (t->ring.fd < 0)
		return;
	kwait_task_drain(t);
	for (unsigned i = 0; i < t->npoints; i++)
		close(t->point[i].fd);
	t->npoints = 0;
	t->lost += ring_lost(&t->ring);
	ring_close(&t->ring);
}

void kwait_task_close(struct kwait_task *t)
{
	if (!t)
		return;
	kwait_task_stop(t);
	free(t->sleep);
	free(t->call);
	free(t->stack);
	free(t);
}

/* ---- what is kept ---- */

/* Room for one more of an array; false when it may not grow. */
static bool grow(void **array, size_t *room, size_t n, size_t each, size_t most)
{
	size_t larger = *room ? 2 * *room : 1024;
	void *more;

	if (n < *room)
		return true;
	if (n >= most)
		return false;
	more = realloc(*array, larger * each);
	if (!more)
		return false;
	*array = more;
	*room = larger;
	return true;
}

static uint32_t hash_of(const uint64_t *ip, unsigned n)
{
	uint64_t h = n;

	for (unsigned i = 0; i < n; i++)
		h = (h ^ ip[i]) * 0x9e3779b97f4a7c15ull;
	return (uint32_t)(h >> 32);
}

static int add_stack(struct kwait_task *t, const uint64_t *ip, unsigned n)
{
	if (t->nstacks == t->stack_room) {
		uint32_t room = t->stack_room ? 2 * t->stack_room : 64;
		struct kwait_stack *more = room > STACKS_MAX ? NULL : realloc(t->stack, room * sizeof(*more));

		if (!more)
			return -ENOMEM;
		t->stack = more;
		t->stack_room = room;
	}
	CHECK(t->stack && t->nstacks < t->stack_room);
	t->stack[t->nstacks].n = n;
	memcpy(t->stack[t->nstacks].ip, ip, n * sizeof(*ip));
	return (int)t->nstacks++;
}

/* The number of a stack, a new one if it was never seen; -ENOMEM when there are too many. */
static int stack_number(struct kwait_task *t, const uint64_t *ip, unsigned n)
{
	for (uint32_t at = hash_of(ip, n) % SLOTS;; at = (at + 1) % SLOTS) {
		const struct kwait_stack *s = t->slot[at] ? &t->stack[t->slot[at] - 1] : NULL;
		int added;

		if (s && (s->n != n || memcmp(s->ip, ip, n * sizeof(*ip))))
			continue;
		if (s)
			return (int)t->slot[at] - 1;
		added = add_stack(t, ip, n);
		if (added >= 0)
			t->slot[at] = 1 + (uint32_t)added;
		return added;
	}
}

/* ---- records ---- */

static void add_call(struct kwait_task *t, const struct kwait_call *c)
{
	void *array = t->call;

	if (!grow(&array, &t->call_room, t->ncalls, sizeof(*t->call), KEEP_MAX)) {
		t->lost++;
		return;
	}
	t->call = array;
	t->call[t->ncalls++] = *c;
}

static bool kind_of(uint64_t number, enum kwait_kind *kind)
{
	size_t i = 0;

	while (i < sizeof(calls) / sizeof(calls[0]) && (uint64_t)calls[i].number != number)
		i++;
	if (i == sizeof(calls) / sizeof(calls[0]))
		return false;
	*kind = calls[i].kind;
	return true;
}

/*
 * struct { header; u64 id; u32 pid, tid; u64 time; u32 size; char raw[size]; }. Raw is 8 bytes that all tracepoints
 * have, the number of the call, and its arguments; of an exit what it returned in place of these; each of 8.
 */
static void take_point(struct kwait_task *t, const struct perf_event_header *h, unsigned point)
{
	const unsigned char *at = (const unsigned char *)(h + 1);
	uint64_t now, word[7] = { 0 };
	enum kwait_kind kind;
	uint32_t size;
	int fd;

	memcpy(&now, at + 16, sizeof(now));
	memcpy(&size, at + 24, sizeof(size));
	if (size < 24)
		return;
	memcpy(word, at + 28 + 8, size - 8 < sizeof(word) ? size - 8 : sizeof(word));
	if (!kind_of(word[0], &kind))
		return;
	if (point == POINT_ENTER || point == POINT_SYNC) {
		fd = has_descriptor(kind) ? (int)word[1] : -1;
		if (t->is_inside && t->inside.kind == kind && t->inside.fd == fd)
			return; /* the other one of the two */
		t->is_inside = true;
		t->inside = (struct kwait_call){ .begin_ns = now, .kind = kind, .fd = fd,
		                                 .off = kind == KWAIT_PWRITE ? word[4] : 0 };
		return;
	}
	if (!t->is_inside || t->inside.kind != kind)
		return; /* it began before we came; or it is the other one of two */
	t->is_inside = false;
	t->inside.end_ns = now;
	t->inside.ret = (int64_t)word[1];
	add_call(t, &t->inside);
}

/* struct { header; u64 id; u32 pid, tid; u64 time; u64 nr; u64 ip[nr]; }: the task leaves a processor there. */
static void take_sample(struct kwait_task *t, const struct perf_event_header *h)
{
	const uint64_t *word = (const uint64_t *)(h + 1) + 1;
	uint64_t n, ip[KWAIT_FRAMES];
	unsigned kept = 0;
	int number;

	for (unsigned i = 0; i < t->npoints; i++)
		if (word[-1] == t->point[i].id) {
			take_point(t, h, i);
			return;
		}
	n = word[2];
	for (uint64_t i = 0; i < n && kept < KWAIT_FRAMES; i++)
		if (word[3 + i] < PERF_CONTEXT_MAX) /* else it tells user from kernel */
			ip[kept++] = word[3 + i];
	number = stack_number(t, ip, kept);
	t->has_stack = number >= 0;
	t->open = (struct kwait_sleep){ .out_ns = word[1], .stack = (uint32_t)number };
	t->lost += number < 0;
}

static void close_sleep(struct kwait_task *t, uint64_t now)
{
	void *array = t->sleep;

	t->is_out = false;
	if (!t->has_stack)
		return;
	t->has_stack = false;
	if (!grow(&array, &t->sleep_room, t->nsleeps, sizeof(*t->sleep), KEEP_MAX)) {
		t->lost++;
		return;
	}
	t->sleep = array;
	t->open.in_ns = now;
	t->sleep[t->nsleeps++] = t->open;
}

/* struct { header; u32 pid, tid; u64 time; } */
static void take_switch(struct kwait_task *t, const struct perf_event_header *h)
{
	uint64_t now = ((const uint64_t *)(h + 1))[1];

	if (!(h->misc & PERF_RECORD_MISC_SWITCH_OUT)) {
		if (t->is_out)
			close_sleep(t, now);
		return;
	}
	t->is_out = true;
	t->open.preempted = h->misc & PERF_RECORD_MISC_SWITCH_OUT_PREEMPT;
}

void kwait_task_drain(struct kwait_task *t)
{
	const struct perf_event_header *h;
	uint64_t lost = t->ring.lost;

	if (t->ring.fd < 0)
		return;
	while ((h = ring_next(&t->ring))) {
		if (t->ring.lost != lost) {
			t->is_out = t->has_stack = t->is_inside = false; /* what is between is not known */
			lost = t->ring.lost;
		}
		if (h->type == PERF_RECORD_SAMPLE)
			take_sample(t, h);
		else if (h->type == PERF_RECORD_SWITCH)
			take_switch(t, h);
	}
	ring_done(&t->ring);
}

void kwait_task_call(struct kwait_task *t, uint64_t wrote_ns, uint64_t begin_ns, uint64_t end_ns)
{
	kwait_task_drain(t);
	add_call(t, &(struct kwait_call){ .begin_ns = begin_ns, .end_ns = end_ns, .wrote_ns = wrote_ns, .fd = -1 });
}

/* ---- what was recorded ---- */

const struct kwait_call *kwait_task_calls(const struct kwait_task *t, size_t *n)
{
	*n = t->ncalls;
	return t->call;
}

const struct kwait_sleep *kwait_task_sleeps(const struct kwait_task *t, size_t *n)
{
	*n = t->nsleeps;
	return t->sleep;
}

const struct kwait_stack *kwait_task_stack(const struct kwait_task *t, uint32_t i)
{
	return &t->stack[i];
}

uint64_t kwait_task_lost(const struct kwait_task *t)
{
	return t->lost + (t->ring.fd < 0 ? 0 : ring_lost(&t->ring));
}

void kwait_task_forget(struct kwait_task *t, uint64_t before_ns)
{
	size_t n = 0;

	while (n < t->nsleeps && t->sleep[n].in_ns < before_ns)
		n++;
	if (n) /* else there may be none, and no array */
		memmove(t->sleep, t->sleep + n, (t->nsleeps - n) * sizeof(*t->sleep));
	t->nsleeps -= n;
	t->ncalls = 0;
}
