/*
 * uring_tune.c: which way of flushing, and of writing durably, is fastest on this device. It depends on kernel,
 * drive and file system by a factor of two either way, so it is measured, not known.
 *
 * The ways take turns, forwards and backwards: a drift of the machine, and what one way leaves behind for the next,
 * meets all alike. The device's contents do not change: its last block is written over with what it holds.
 *
 * uring_tune.1: A way other than the system call is taken only if it is better by MARGIN, at the median and at the
 *      lower quartile (which a busy machine disturbs less). So where it makes no difference, the choice is the same
 *      every time.
 *
 * Called by uring.c when a device is opened.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/order.h"
#include "dev/facts.h"
#include "dev/uring.h"
#include "machine/mem.h"

#define ROUNDS_MAX  24u
#define ROUNDS_MIN  4u
#define ENOUGH_NS   150000000u
#define MARGIN      0.95
#define KNOWN_MAX   64u

const char *const flush_way_name[FLUSH_WAYS] = {"fdatasync", "ring fsync"};
const char *const fua_way_name[FUA_WAYS] = {"pwritev2 RWF_DSYNC", "ring write RWF_DSYNC", "pwrite + fdatasync"};

struct probe {
	struct uring *u;
	void *block;
	uint64_t off;
};

/* ---- one try of each way: 0 or -errno ---- */

static int one_through_ring(struct uring *u, struct io_uring_sqe *sqe, int expected)
{
	struct io_uring_cqe *cqe;
	int ret;

	sqe->flags |= IOSQE_FIXED_FILE;
	ret = io_uring_submit_and_wait(&u->ring, 1);
	if (ret >= 0)
		ret = io_uring_wait_cqe(&u->ring, &cqe);
	if (ret < 0)
		return ret;
	ret = cqe->res;
	io_uring_cqe_seen(&u->ring, cqe);
	return ret < 0 ? ret : ret == expected ? 0 : -EIO;
}

static int write_by_call(struct probe *p, int flags)
{
	struct iovec iov = {.iov_base = p->block, .iov_len = DEV_BLOCK};

	ssize_t did = pwritev2(p->u->fd, &iov, 1, (off_t)p->off, flags);

	return did < 0 ? -errno : did == DEV_BLOCK ? 0 : -EIO;
}

static int fdatasync_call(struct probe *p)
{
	return fdatasync(p->u->fd) ? -errno : 0;
}

static int try_flush(struct probe *p, unsigned way)
{
	struct io_uring_sqe *sqe;

	if (way == FLUSH_FDATASYNC)
		return fdatasync_call(p);
	sqe = io_uring_get_sqe(&p->u->ring);
	io_uring_prep_fsync(sqe, URING_FILE, IORING_FSYNC_DATASYNC);
	return one_through_ring(p->u, sqe, 0);
}

static int try_fua(struct probe *p, unsigned way)
{
	struct io_uring_sqe *sqe;
	int ret;

	switch (way) {
	case FUA_DSYNC:
		return write_by_call(p, RWF_DSYNC);
	case FUA_WRITE_FDATASYNC:
		ret = write_by_call(p, 0);
		return ret ? ret : fdatasync_call(p);
	}
	sqe = io_uring_get_sqe(&p->u->ring);
	io_uring_prep_write(sqe, URING_FILE, p->block, DEV_BLOCK, p->off);
	sqe->rw_flags = RWF_DSYNC;
	return one_through_ring(p->u, sqe, DEV_BLOCK);
}

/* ---- turns ---- */

/* A ring that polls takes no fsync; whether it takes RWF_DSYNC is not certain, so that is not tried either. */
static bool is_possible(const struct probe *p, bool ring)
{
	return !ring || !p->u->poll;
}

struct quartiles {
	uint64_t low, median; /* 0: not tried */
};

static int one_turn(struct probe *p, int (*try)(struct probe *, unsigned), unsigned way, bool dirty, uint64_t *ns)
{
	int ret = dirty ? write_by_call(p, 0) : 0;
	uint64_t since = rt_now();

	if (!ret)
		ret = try(p, way);
	*ns = rt_now() - since;
	return ret;
}

/*
 * The ways take turns. ring: the way that needs the ring; dirty: a write before each try gives a flush something to
 * flush. 0 or -errno.
 */
static int measure(struct probe *p, int (*try)(struct probe *, unsigned), unsigned ways, unsigned ring, bool dirty,
		   struct quartiles *out)
{
	uint64_t ns[FUA_WAYS][ROUNDS_MAX], start = rt_now();
	unsigned rounds = 0;

	for (; rounds < ROUNDS_MAX && (rounds < ROUNDS_MIN || rt_now() - start < ENOUGH_NS); rounds++)
		for (unsigned i = 0; i < ways; i++) {
			unsigned way = rounds % 2 ? ways - 1 - i : i;
			int ret = is_possible(p, way == ring) ? one_turn(p, try, way, dirty, &ns[way][rounds]) : 0;

			if (ret)
				return ret;
		}
	for (unsigned way = 0; way < ways; way++) {
		if (!is_possible(p, way == ring))
			continue;
		qsort(ns[way], rounds, sizeof(ns[way][0]), order_u64);
		out[way] = (struct quartiles){.low = ns[way][rounds / 4], .median = ns[way][rounds / 2]};
	}
	return 0;
}

static bool is_better(const struct quartiles *a, const struct quartiles *b)
{
	return a->median && (double)a->median < MARGIN * (double)b->median && (double)a->low < MARGIN * (double)b->low;
}

/* (uring_tune.1) */
static unsigned best_of(const struct quartiles *q, unsigned ways, uint64_t *median)
{
	unsigned best = 0;

	for (unsigned way = 0; way < ways; way++) {
		median[way] = q[way].median;
		if (is_better(&q[way], &q[0]) && (!best || q[way].median < q[best].median))
			best = way;
	}
	return best;
}

static int measure_all(struct uring *u, uint64_t size, struct uring_tuning *t)
{
	struct probe p = {.u = u, .block = mem_alloc_pages(DEV_BLOCK), .off = size - DEV_BLOCK};
	struct quartiles flush[FLUSH_WAYS] = {0}, fua[FUA_WAYS] = {0};
	ssize_t did = pread(u->fd, p.block, DEV_BLOCK, (off_t)p.off);
	int ret = did == DEV_BLOCK ? 0 : did < 0 ? -errno : -EIO;

	if (!ret)
		ret = fdatasync_call(&p); /* what others left to flush is not ours to pay for */
	if (!ret)
		ret = measure(&p, try_flush, FLUSH_WAYS, FLUSH_RING, true, flush);
	if (!ret)
		ret = measure(&p, try_fua, FUA_WAYS, FUA_RING_DSYNC, false, fua);
	free(p.block);
	t->flush = best_of(flush, FLUSH_WAYS, t->flush_ns);
	t->fua = best_of(fua, FUA_WAYS, t->fua_ns);
	t->fua_is_cheaper = is_better(&fua[t->fua], &fua[FUA_WRITE_FDATASYNC]);
	return ret;
}

/* ---- once a process ---- */

struct known {
	dev_t dev;
	bool poll;
	struct uring_tuning tuning;
};

static pthread_mutex_t known_lock = PTHREAD_MUTEX_INITIALIZER; /* guards these */
static struct known known[KNOWN_MAX];
static unsigned nknown;

static struct known *find_known(const struct known *k)
{
	for (unsigned i = 0; i < nknown; i++)
		if (known[i].dev == k->dev && known[i].poll == k->poll)
			return &known[i];
	return NULL;
}

/* A file is known by the device that it lies on, a block device by its own number. */
static int name_of(const struct uring *u, dev_t *out)
{
	struct stat st;

	if (fstat(u->fd, &st))
		return -errno;
	*out = S_ISBLK(st.st_mode) ? st.st_rdev : st.st_dev;
	return 0;
}

int uring_tune(struct uring *u, uint64_t size)
{
	struct known k = {.poll = u->poll}, *old;
	int ret = name_of(u, &k.dev);

	if (ret)
		return ret;
	pthread_mutex_lock(&known_lock);
	old = find_known(&k);
	if (!old) {
		ret = measure_all(u, size, &k.tuning);
		if (!ret && nknown < KNOWN_MAX)
			known[nknown++] = k;
	}
	u->tuning = old ? old->tuning : k.tuning;
	pthread_mutex_unlock(&known_lock);
	return ret;
}

/* ---- for results ---- */

static void describe(struct dev_facts *out, const char *key, const char *const *name, const uint64_t *ns, unsigned ways,
		     unsigned chosen)
{
	char text[sizeof(out->fact[0].value)];
	int len = snprintf(text, sizeof(text), "%s; p50 us:", name[chosen]);

	for (unsigned way = 0; way < ways; way++)
		if (ns[way] && len < (int)sizeof(text))
			len += snprintf(text + len, sizeof(text) - (size_t)len, "%s %s %.1f", way ? "," : "", name[way],
					(double)ns[way] / 1000);
	facts_add(out, key, "%s", text);
}

void uring_tuning_facts(const struct uring_tuning *t, struct dev_facts *out)
{
	describe(out, "flush", flush_way_name, t->flush_ns, FLUSH_WAYS, t->flush);
	describe(out, "fua_write", fua_way_name, t->fua_ns, FUA_WAYS, t->fua);
}
