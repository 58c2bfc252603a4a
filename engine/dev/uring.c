/*
 * uring.c: a file or a block device through io_uring. In this it differs from file.c:
 *
 * Writes and reads that nobody waits for at once go through one ring that all tasks share, with the file registered. A
 * write with BIO_MORE is only put into the queue; the next write without it, or the reaper, hands all of them to the
 * kernel in one call. A flush and a FUA write are done in the way that uring_tune() found fastest on this device: a way
 * through the ring costs a worker of the kernel, which is not everywhere more than a system call.
 *
 * The queue's tail is moved under the ring's lock, and the call that makes the kernel look at it is made outside: a
 * submitter does not wait until another one's I/O is set up. The kernel takes whatever is there, so it does not matter
 * whose call takes whose entry.
 *
 * uring.1: Writes from dev->buffers, which are registered, are fixed ones: tree blocks, and data that is written in
 *      runs or compressed. All other memory is sent as it is. Measured, O_DIRECT on a virtio disk, CPU time of a
 *      write when 8 go together: 4.6 us plain, 4.1 fixed, 4.6 copied into a registered buffer and fixed; of 16 KiB
 *      5.5, 4.6 and 6.5 us: a copy is not worth it. A lone page of a file stays in its task's memory: the node that
 *      it lies on counts for more.
 * uring.2: dev->queued counts the bios in the queue or with the kernel, as in file.c. It never exceeds the
 *      completion queue, so no completion is lost. Only the reaper touches the completion side (reap.1).
 *
 * Where memory cannot be registered (RLIMIT_MEMLOCK), the notice says so, and all writes are plain ones. Where
 * io_uring is not permitted or not there, the device is a file: device, and its notice says so.
 */
#include "dev/uring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "dev/buffers.h"
#include "dev/door.h"
#include "dev/facts.h"
#include "dev/file.h"
#include "machine/mem.h"
#include "rt/sanitize.h"

#define DEPTH         256u
#define REAP_AT_ONCE  32
#define BLOCK_AT_MOST 500000 /* ns that a reaper blocks (reap.2) */

/* ---- the submission queue ---- */

/* Makes all entries of the queue visible to the kernel. Returns how many it has not taken yet. */
static unsigned publish(struct io_uring *ring)
{
	struct io_uring_sq *sq = &ring->sq;

	io_uring_smp_store_release(sq->ktail, sq->sqe_tail);
	return sq->sqe_tail - io_uring_smp_load_acquire(sq->khead);
}

/* (uring.1) */
static void prepare_write(struct uring *u, struct io_uring_sqe *sqe, const struct bio *bio)
{
	bool fixed = buffers_have(bio->dev->buffers, bio->media, bio->len);

	if (fixed)
		io_uring_prep_write_fixed(sqe, URING_FILE, bio->media, bio->len, bio->off, URING_BUFFERS);
	else
		io_uring_prep_write(sqe, URING_FILE, bio->media, bio->len, bio->off);
	sqe->rw_flags = bio->flags & BIO_FUA ? RWF_DSYNC : 0;
	u->writes++;
	u->from_buffers += fixed;
}

static void prepare(struct uring *u, struct io_uring_sqe *sqe, const struct bio *bio)
{
	if (bio->stage == STAGE_FLUSH)
		io_uring_prep_fsync(sqe, URING_FILE, IORING_FSYNC_DATASYNC);
	else if (bio->stage == STAGE_READ)
		io_uring_prep_read(sqe, URING_FILE, bio->buf, bio->len, bio->off);
	else
		prepare_write(u, sqe, bio);
	sqe->flags |= IOSQE_FIXED_FILE;
	io_uring_sqe_set_data(sqe, (void *)bio);
	kernel_give((void *)bio);
}

/*
 * Puts the bio into the queue; false when that is full. *publishable: how many entries to hand to the kernel now; 0
 * when the bio has BIO_MORE.
 */
static bool put(struct uring *u, struct bio *bio, unsigned *publishable)
{
	struct io_uring_sqe *sqe;
	bool more = bio->flags & BIO_MORE;

	spin_lock(&u->lock);
	sqe = io_uring_get_sqe(&u->ring);
	if (sqe)
		prepare(u, sqe, bio);
	*publishable = sqe && more ? 0 : publish(&u->ring);
	spin_unlock(&u->lock);
	return sqe;
}

/*
 * Hands n entries to the kernel. An error is the call's, not an entry's: what was not taken waits for the reaper's
 * call.
 */
static void enter(struct uring *u, unsigned n)
{
	int ret = io_uring_enter(u->ring.ring_fd, n, 0, 0, NULL);

	CHECK(ret >= 0 || ret == -EINTR || ret == -EAGAIN || ret == -EBUSY || ret == -ENOMEM);
}

/* False when the queue is full. The bio may be reaped and gone before this returns. */
static bool queue(struct dev *d, struct bio *bio)
{
	struct uring *u = d->private;
	unsigned n;
	bool queued;

	if (atomic_fetch_add(&d->queued, 1) >= DEPTH) { /* uring.2 */
		atomic_fetch_sub(&d->queued, 1);
		return false;
	}
	queued = put(u, bio, &n);
	if (!queued)
		atomic_fetch_sub(&d->queued, 1);
	if (n)
		enter(u, n);
	if (queued)
		reap_kick(d);
	return queued;
}

/* ---- the door's side ---- */

static bool through_ring(const struct uring *u, const struct bio *bio)
{
	if (bio->fault || bio->len > u->largest)
		return false;
	if (bio->stage == STAGE_FLUSH)
		return u->tuning.flush == FLUSH_RING;
	if (bio->flags & BIO_FUA)
		return u->tuning.fua == FUA_RING_DSYNC;
	return !(bio->flags & BIO_SYNC);
}

static void uring_submit(struct dev *d, struct bio *bio)
{
	struct uring *u = d->private;

	if (through_ring(u, bio) && queue(d, bio))
		return;
	if (bio->stage == STAGE_WRITE && bio->flags & BIO_FUA && u->tuning.fua == FUA_WRITE_FDATASYNC)
		door_complete(bio, file_fua_by_flush(u->fd, bio));
	else
		door_complete(bio, file_io_now(u->fd, bio));
}

/* ---- completions ---- */

static void complete(struct dev *d, struct bio *bio, int res)
{
	int expected;

	kernel_take(bio);
	expected = bio->stage == STAGE_FLUSH ? 0 : (int)bio->len;
	atomic_fetch_sub(&d->queued, 1);
	door_complete(bio, res < 0 ? res : res == expected ? 0 : -EIO);
}

static int complete_ready(struct dev *d, struct uring *u)
{
	struct io_uring_cqe *cqe[REAP_AT_ONCE];
	struct {
		struct bio *bio;
		int res;
	} done[REAP_AT_ONCE];
	unsigned n = io_uring_peek_batch_cqe(&u->ring, cqe, REAP_AT_ONCE);

	for (unsigned i = 0; i < n; i++) {
		done[i].bio = io_uring_cqe_get_data(cqe[i]);
		done[i].res = cqe[i]->res;
	}
	io_uring_cq_advance(&u->ring, n); /* first: a completion may submit */
	for (unsigned i = 0; i < n; i++)
		complete(d, done[i].bio, done[i].res);
	return (int)n;
}

static void ask_kernel(struct uring *u, unsigned unpublished, bool block)
{
	struct __kernel_timespec at_most = {.tv_nsec = BLOCK_AT_MOST};
	struct io_uring_getevents_arg arg = {.ts = (uintptr_t)&at_most};
	int ret;

	ret = io_uring_enter2(u->ring.ring_fd, unpublished, block, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG,
			      (sigset_t *)&arg, sizeof(arg));
	CHECK(ret >= 0 || ret == -ETIME || ret == -EINTR || ret == -EAGAIN || ret == -EBUSY || ret == -ENOMEM);
}

static int uring_reap(struct dev *d, bool block)
{
	struct uring *u = d->private;
	unsigned left;
	int n;

	spin_lock(&u->lock);
	left = publish(&u->ring);
	spin_unlock(&u->lock);
	n = left ? 0 : complete_ready(d, u);
	if (n)
		return n;
	ask_kernel(u, left, block);
	return complete_ready(d, u);
}

/* ---- open and close ---- */

/*
 * The largest write that the drive takes as one request, with a page a segment; 0: not known. A polled write that
 * would have to be split is tried again by the kernel for ever (seen with Linux 6.1: neither the ring nor the
 * worker may split it).
 */
static uint32_t one_request(const struct dev_facts *facts)
{
	long kib = atol(facts_get(facts, "max_sectors_kb")), segments = atol(facts_get(facts, "max_segments"));
	long pages = (segments - 1) * 4;

	if (kib <= 0 || segments < 2)
		return 0;
	return (uint32_t)(kib < pages ? kib : pages) * 1024;
}

/*
 * Completions can be polled for on a block device whose drive has polled queues. A file on some file systems could be
 * polled for too: that was not tried.
 */
static void find_polling(struct uring *u)
{
	struct dev_facts facts = {.n = 0};
	struct stat st;

	u->largest = UINT32_MAX;
	if (fstat(u->fd, &st) || !S_ISBLK(st.st_mode))
		return;
	facts_of_fd(u->fd, &facts);
	u->poll = !strcmp(facts_get(&facts, "io_poll"), "1") && one_request(&facts);
	if (u->poll)
		u->largest = one_request(&facts);
}

/*
 * When the kernel refuses, the device does without, and says so. Pinned memory counts against the user's
 * RLIMIT_MEMLOCK.
 */
static void register_buffers(struct dev *d, struct uring *u)
{
	struct buffers *b = buffers_new();
	struct iovec all = {.iov_base = buffers_memory(b), .iov_len = BUFFERS_SIZE};

	u->unregistered = io_uring_register_buffers(&u->ring, &all, 1);
	if (!u->unregistered) {
		d->buffers = b;
		return;
	}
	buffers_free(b);
	snprintf(d->notice, sizeof(d->notice), "no registered buffers (%s%s): each write pins its pages anew",
		 strerror(-u->unregistered), u->unregistered == -ENOMEM ? ": RLIMIT_MEMLOCK, `ulimit -l`" : "");
}

/*
 * The kernel frees a ring some time after its exit, and holds the ring's file until then: the next open of the
 * device would find it in use. So the file is taken from it first.
 */
static void end_ring(struct dev *d, struct uring *u)
{
	if (d->buffers)
		io_uring_unregister_buffers(&u->ring);
	buffers_free(d->buffers);
	io_uring_unregister_files(&u->ring);
	io_uring_queue_exit(&u->ring);
}

static int setup_ring(struct uring *u)
{
	struct io_uring_params p = {
		.flags = IORING_SETUP_CQSIZE | (u->poll ? IORING_SETUP_IOPOLL : 0),
		.cq_entries = 2 * DEPTH,
	};
	int ret = io_uring_queue_init_params(DEPTH, &u->ring, &p);

	if (ret)
		return ret;
	if (p.features & IORING_FEAT_EXT_ARG)
		ret = io_uring_register_files(&u->ring, &u->fd, 1);
	else
		ret = -ENOSYS; /* Linux before 5.11 */
	if (ret) {
		io_uring_queue_exit(&u->ring);
		return ret;
	}
	/* entries are always used in their order, so that publish() has only the tail to move */
	for (unsigned i = 0; i < u->ring.sq.ring_entries; i++)
		u->ring.sq.array[i] = i;
	spin_init(&u->lock, L_RING);
	return 0;
}

/*
 * Opens the same file or block device by file.c, which serves it from then on. err: why io_uring is not used; 0:
 * not needed.
 */
static int be_a_file(struct dev *d, const char *args, int err, struct why *why)
{
	int ret;

	d->ops = &file_ops;
	ret = file_ops.open(d, args, why);
	if (!ret && err)
		snprintf(d->notice, sizeof(d->notice), "io_uring cannot be used (%s%s): this is a file: device",
			 strerror(-err), err == -EPERM ? ": kernel.io_uring_disabled, or a sandbox" : "");
	return ret;
}

static int open_ring(struct dev *d, struct uring *u)
{
	int ret;

	find_polling(u);
	ret = setup_ring(u);
	if (ret)
		return ret;
	ret = uring_tune(u, d->size);
	if (ret) {
		end_ring(d, u);
		return ret;
	}
	d->fua_is_cheaper = u->tuning.fua_is_cheaper;
	register_buffers(d, u);
	return 0;
}

/*
 * No ring is made for writes through the page cache, which are not asynchronous in a ring either, and in controlled
 * runs, where every bio is done at once.
 */
static int uring_open(struct dev *d, const char *args, struct why *why)
{
	struct uring *u;
	bool direct;
	int fd = file_open_path(d, args, &direct, why), ret;

	if (fd < 0)
		return fd;
	u = mem_zalloc(sizeof(*u));
	u->fd = fd;
	ret = direct && !rt_controlled ? open_ring(d, u) : 0;
	if (ret || !direct || rt_controlled) {
		close(fd);
		free(u);
		return be_a_file(d, args, ret, why);
	}
	d->private = u;
	d->track = true;
	return 0;
}

static void uring_close(struct dev *d)
{
	struct uring *u = d->private;

	CHECK(d->queued == 0);
	end_ring(d, u);
	close(u->fd);
	free(u);
}

static void uring_facts(struct dev *d, struct dev_facts *out)
{
	struct uring *u = d->private;
	uint64_t writes, from_buffers;

	spin_lock(&u->lock);
	writes = u->writes;
	from_buffers = u->from_buffers;
	spin_unlock(&u->lock);
	uring_tuning_facts(&u->tuning, out);
	facts_add(out, "writes", "io_uring, completions %s", u->poll ? "polled" : "by interrupt");
	if (u->unregistered)
		facts_add(out, "registered_buffers", "none: %s", strerror(-u->unregistered));
	else
		facts_add(out, "registered_buffers", "%u MiB; %llu of %llu writes from there", BUFFERS_SIZE >> 20,
			  (unsigned long long)from_buffers, (unsigned long long)writes);
	facts_of_fd(u->fd, out);
}

const struct dev_ops uring_ops = {
	.name = "uring",
	.open = uring_open,
	.submit = uring_submit,
	.reap = uring_reap,
	.close = uring_close,
	.facts = uring_facts,
};
