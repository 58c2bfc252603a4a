/* recorder.c: see recorder.h. The upper half runs in the server's process, the lower half in the one that drives. */
#include "cut/recorder.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <linux/fs.h>

#include "base/check.h"
#include "base/rng.h"
#include "machine/mem.h"
#include "rt/rt.h"

#define NOT_YET     UINT32_MAX
#define BEYOND      (UINT32_MAX - 2) /* (recorder.2) less than POSITION_NEVER */
#define LATE_NS     300000u          /* a completion that is late by time */
#define LATE_MAX    1024u            /* completions that are owed at once */
#define IDLE_NS     1000000000u

/* Shared by the two processes. The server writes what is below `mode`, while requests are served. */
struct recording {
	_Atomic uint32_t position; /* of the next event; BEYOND: (recorder.2) */
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

/* ---- the server ---- */

/* An answer that is owed. */
struct late {
	fuse_req_t req;
	uint32_t pos;      /* of the submission */
	uint32_t len;
	uint64_t due_ns;
	unsigned flushes;  /* or after so many flushes; 0: by time alone */
	bool is_flush;
};

static struct server {
	struct recording *s;
	pthread_mutex_t lock; /* of all below, and of the log */
	struct late late[LATE_MAX + 1]; /* a flush goes through it at once when it is full */
	unsigned nlate;
	struct task *releaser;
} server = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* The next event of the log, NULL when it is full. Its position is told with publish(). */
static struct dev_event *log_event(struct recording *s, enum dev_event_kind kind)
{
	struct dev_event *e = &s->event[s->n];

	if (!s->on || s->full)
		return NULL;
	if (s->n == RECORDER_EVENTS) {
		s->full = true;
		atomic_store(&s->position, BEYOND);
		return NULL;
	}
	*e = (struct dev_event){ .kind = (uint8_t)kind, .of = NOT_YET, .ns = rt_now() };
	s->n++;
	return e;
}

static void publish(struct recording *s)
{
	if (s->on && !s->full)
		atomic_store(&s->position, s->n);
}

static uint32_t log_write(struct recording *s, uint64_t off, uint32_t len, const void *buf)
{
	struct dev_event *e;

	if (s->on && !s->full && s->used + len > RECORDER_BYTES) {
		s->full = true;
		atomic_store(&s->position, BEYOND);
	}
	e = log_event(s, DEV_WSUB);
	if (!e)
		return NOT_YET;
	e->off = off;
	e->len = len;
	e->data = memcpy(s->data + s->used, buf, len);
	s->used += (len + 63) & ~63u;
	s->in_flight++;
	if (s->in_flight > s->in_flight_max)
		s->in_flight_max = s->in_flight;
	publish(s);
	return (uint32_t)(e - s->event);
}

static uint32_t log_flush(struct recording *s)
{
	struct dev_event *e = log_event(s, DEV_FSUB);

	if (!e)
		return NOT_YET;
	s->flushes++;
	s->beside += s->in_flight > 0;
	publish(s);
	return (uint32_t)(e - s->event);
}

/* What was submitted at `pos` has completed. */
static void log_done(struct recording *s, uint32_t pos, bool is_flush)
{
	struct dev_event *e;

	if (pos == NOT_YET)
		return;
	s->in_flight -= !is_flush;
	e = log_event(s, is_flush ? DEV_FCMP : DEV_WCMP);
	if (!e)
		return;
	e->of = pos;
	e->off = s->event[pos].off;
	e->len = s->event[pos].len;
	s->event[pos].of = (uint32_t)(e - s->event);
	publish(s);
}

static void answer(const struct late *l)
{
	log_done(server.s, l->pos, l->is_flush);
	if (l->is_flush)
		fuse_reply_err(l->req, 0);
	else
		fuse_reply_write(l->req, l->len);
}

static void take_out(unsigned i)
{
	const struct late l = server.late[i];

	server.late[i] = server.late[--server.nlate];
	answer(&l);
	atomic_fetch_sub(&server.s->owed, 1);
	if (!l.is_flush)
		return;
	for (unsigned k = server.nlate; k-- > 0;) /* (recorder.1) the last of their flushes has completed */
		if (server.late[k].flushes && !--server.late[k].flushes) {
			server.s->held++;
			take_out(k);
		}
}

/* How late the completion is, by the chance of the recording. False: it comes at once. */
static bool is_late(struct recording *s, struct late *l)
{
	uint64_t now = rt_now();
	unsigned held = atomic_load(&s->syncs) > 0 ? 50 : 15, slow = 30;

	if (!s->on || !s->ways.holds || server.nlate == LATE_MAX)
		return false;
	l->flushes = 0;
	l->due_ns = now + rng_below(&s->rng, LATE_NS);
	if (l->is_flush)
		return rng_below(&s->rng, 2);
	if (rng_below(&s->rng, 100) >= held)
		return rng_below(&s->rng, 100) < slow;
	l->flushes = 1 + (unsigned)rng_below(&s->rng, s->ways.holds);
	l->due_ns = now + HELD_MAX_NS / 3 + rng_below(&s->rng, HELD_MAX_NS / 3 * 2);
	return true;
}

/* The lock is held; it is dropped. */
static void answer_or_owe(struct late *l)
{
	bool late = is_late(server.s, l);

	if (late) {
		atomic_fetch_add(&server.s->owed, 1);
		server.late[server.nlate++] = *l;
	} else if (l->is_flush) { /* through the list, for those that wait for it */
		l->flushes = 0;
		atomic_fetch_add(&server.s->owed, 1);
		server.late[server.nlate++] = *l;
		take_out(server.nlate - 1);
	} else {
		answer(l);
	}
	pthread_mutex_unlock(&server.lock);
	if (late)
		rt->wake(server.releaser);
}

/* Answers what is due; when the next one is due. */
static uint64_t release_due(void)
{
	uint64_t now = rt_now(), next = now + IDLE_NS;

	for (bool again = true; again;) {
		again = false;
		for (unsigned i = 0; i < server.nlate && !again; i++)
			if (server.late[i].due_ns <= now) {
				take_out(i);
				again = true;
			}
	}
	for (unsigned i = 0; i < server.nlate; i++)
		if (server.late[i].due_ns < next)
			next = server.late[i].due_ns;
	return next - now;
}

static void releaser_main(void *arg)
{
	for (;;) {
		pthread_mutex_lock(&server.lock);
		uint64_t wait = release_due();
		pthread_mutex_unlock(&server.lock);
		rt->park(wait + 1);
	}
}

static void server_begin(void *arg)
{
	server.s = arg;
	server.releaser = rt_spawn("releaser", releaser_main, NULL, NULL);
}

static bool is_inside(const struct recording *s, off_t off, size_t len)
{
	return off >= 0 && (uint64_t)off <= s->size && len <= s->size - (uint64_t)off;
}

static void server_read(fuse_req_t req, fuse_ino_t ino, size_t len, off_t off, struct fuse_file_info *fi)
{
	const struct recording *s = server.s;

	if (is_inside(s, off, len))
		fuse_reply_buf(req, (const char *)s->bytes + off, len);
	else
		fuse_reply_err(req, EIO);
}

static void server_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t len, off_t off,
                         struct fuse_file_info *fi)
{
	struct late l = { .req = req, .len = (uint32_t)len };
	struct recording *s = server.s;

	if (!is_inside(s, off, len) || !len) {
		fuse_reply_err(req, EIO);
		return;
	}
	pthread_mutex_lock(&server.lock);
	l.pos = log_write(s, (uint64_t)off, (uint32_t)len, buf);
	memcpy(s->bytes + off, buf, len);
	for (uint64_t b = (uint64_t)off / DEV_BLOCK; b <= ((uint64_t)off + len - 1) / DEV_BLOCK; b++)
		s->written[b / 64] |= 1ull << b % 64;
	answer_or_owe(&l);
}

static void server_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	struct late l = { .req = req, .is_flush = true };

	pthread_mutex_lock(&server.lock);
	l.pos = log_flush(server.s);
	answer_or_owe(&l);
}

/* ---- the driver's side ---- */

static void *shared_memory(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static size_t bitmap_size(uint64_t size)
{
	return (size / DEV_BLOCK / 64 + 1) * sizeof(uint64_t);
}

static void unshare_memory(struct recording *s)
{
	if (!s)
		return;
	if (s->data)
		munmap(s->data, RECORDER_BYTES);
	if (s->bytes)
		munmap(s->bytes, s->size);
	if (s->written)
		munmap(s->written, bitmap_size(s->size));
	munmap(s, sizeof(*s));
}

int recorder_open(struct recorder *r, uint64_t size, struct why *why)
{
	static const struct fuse_file_ops ops = { server_begin, server_read, server_write, server_fsync };
	struct recording *s = shared_memory(sizeof(*s));

	*r = (struct recorder){ .size = size, .shared = s };
	if (s) {
		s->size = size;
		s->data = shared_memory(RECORDER_BYTES);
		s->bytes = shared_memory(size);
		s->written = shared_memory(bitmap_size(size));
		atomic_store(&s->position, BEYOND);
	}
	if (!s || !s->data || !s->bytes || !s->written) {
		unshare_memory(s);
		return why_set(why, -ENOMEM, "no memory for a device of %lu MiB", (unsigned long)(size >> 20));
	}
	int ret = fuse_file_open(&r->file, size, true, &ops, s, why);
	if (!ret && !r->file.direct) {
		fuse_file_close(&r->file);
		ret = why_set(why, -EOPNOTSUPP, "this kernel's loop device has no direct I/O over FUSE: no write would "
		              "be in flight during a flush");
	}
	if (ret)
		unshare_memory(s);
	return ret;
}

void recorder_close(struct recorder *r)
{
	fuse_file_close(&r->file);
	unshare_memory(r->shared);
}

const uint8_t *recorder_bytes(const struct recorder *r)
{
	return r->shared->bytes;
}

void recorder_keep(struct recorder *r)
{
	memset(r->shared->written, 0, bitmap_size(r->size));
}

void recorder_restore(struct recorder *r, const uint8_t *base)
{
	struct recording *s = r->shared;

	for (uint64_t w = 0; w <= s->size / DEV_BLOCK / 64; w++)
		for (uint64_t bits = s->written[w]; bits; bits &= bits - 1) {
			uint64_t at = (w * 64 + (uint64_t)__builtin_ctzll(bits)) * DEV_BLOCK;
			memcpy(s->bytes + at, base + at, DEV_BLOCK);
		}
	recorder_keep(r);
	ioctl(r->file.loop, BLKFLSBUF); /* what the kernel has cached of the device is old now */
}

void recorder_begin(struct recorder *r, const struct recorder_ways *ways)
{
	struct recording *s = r->shared;

	CHECK(!atomic_load(&s->owed));
	s->ways = *ways;
	rng_seed(&s->rng, ways->seed);
	s->n = s->flushes = s->beside = s->in_flight = s->in_flight_max = s->held = 0;
	s->used = 0;
	s->full = false;
	atomic_store(&s->syncs, 0);
	atomic_store(&s->position, 0);
	atomic_store(&s->on, true);
}

/* A second look at a server that has ended finds none to wait for. */
bool recorder_is_gone(struct recorder *r)
{
	return waitpid(r->file.server, NULL, WNOHANG) != 0;
}

int recorder_end(struct recorder *r)
{
	struct recording *s = r->shared;
	bool gone = false;

	atomic_store(&s->position, BEYOND);
	while (!(gone = recorder_is_gone(r)) && atomic_load(&s->owed))
		rt->sleep(100000);
	atomic_store(&s->on, false);
	atomic_store(&s->position, BEYOND);
	return gone ? -EIO : 0;
}

uint32_t recorder_position(void *recorder)
{
	return atomic_load(&((struct recorder *)recorder)->shared->position);
}

void recorder_syncs(struct recorder *r, int change)
{
	atomic_fetch_add(&r->shared->syncs, change);
}

void recorder_log(const struct recorder *r, struct recorded *out)
{
	const struct recording *s = r->shared;

	*out = (struct recorded){ .event = s->event, .n = s->n, .full = s->full, .flushes = s->flushes,
		                  .beside = s->beside, .in_flight_max = s->in_flight_max, .held = s->held };
}
