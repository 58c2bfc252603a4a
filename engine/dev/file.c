/*
 * file.c: a file or a block device as the device.
 *
 * A flush is fdatasync(), a FUA write pwritev2(RWF_DSYNC): the task that submits them does both itself, as it waits
 * for them anyway. Measured: a flush through a ring or AIO costs the wake-up of a worker. On a block device a FUA
 * write is a write and fdatasync(): RWF_DSYNC asks the drive for FUA there and flushes all the same, so a drive
 * without FUA would be flushed twice.
 *
 * Other writes are Linux AIO when the file is opened with O_DIRECT: many in flight, no helper thread; the task that
 * waits for them reaps them (reap.c). So are reads. What its submitter waits for at once (BIO_SYNC) is pwrite or pread,
 * and so is all that goes through the page cache, where AIO is not asynchronous.
 *
 * dev->queued counts the bios in the kernel's queue, from before they are there until they are reaped. As an atomic
 * it also carries what the submitter wrote into the bio over to the reaper. A short write is an error: -EIO.
 *
 * AIO is called by its system calls: libaio adds nothing to them.
 */
#include "dev/file.h"

#include <errno.h>
#include <linux/aio_abi.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/check.h"
#include "dev/door.h"
#include "dev/facts.h"
#include "machine/mem.h"

#define AIO_DEPTH     256
#define AIO_REAP      32
#define BLOCK_AT_MOST 500000 /* ns that a reaper blocks (reap.2) */

struct file {
	int fd;
	bool aio, block_device;
	aio_context_t ctx;
};

/* What a system call did with len bytes, as 0 or -errno; a short write or read is -EIO. */
static int result_of(ssize_t did, uint32_t len)
{
	if (did < 0)
		return -errno;
	return did == (ssize_t)len ? 0 : -EIO;
}

int file_io_now(int fd, const struct bio *bio)
{
	struct iovec iov = {.iov_base = bio->media, .iov_len = bio->len};

	if (bio->fault)
		return bio->fault;
	if (bio->stage == STAGE_READ)
		return result_of(pread(fd, bio->buf, bio->len, (off_t)bio->off), bio->len);
	if (bio->stage == STAGE_FLUSH)
		return fdatasync(fd) ? -errno : 0;
	return result_of(pwritev2(fd, &iov, 1, (off_t)bio->off, bio->flags & BIO_FUA ? RWF_DSYNC : 0), bio->len);
}

int file_fua_by_flush(int fd, const struct bio *bio)
{
	/* not a copy of the whole bio: its link on the door's list changes under the door's lock */
	struct bio plain = {.off = bio->off, .len = bio->len, .media = bio->media, .stage = bio->stage,
			    .fault = bio->fault, .flags = (uint16_t)(bio->flags & ~BIO_FUA)};
	int ret = file_io_now(fd, &plain);

	return ret ? ret : fdatasync(fd) ? -errno : 0;
}

/* False when the kernel's queue is full. The bio may be reaped and gone before this returns. */
static bool queued(struct dev *d, struct bio *bio)
{
	struct file *f = d->private;
	struct iocb cb = {
		.aio_data = (uintptr_t)bio,
		.aio_lio_opcode = bio->stage == STAGE_READ ? IOCB_CMD_PREAD : IOCB_CMD_PWRITE,
		.aio_fildes = (uint32_t)f->fd,
		.aio_buf = (uintptr_t)bio->media,
		.aio_nbytes = bio->len,
		.aio_offset = (int64_t)bio->off,
	}, *cbs = &cb;

	atomic_fetch_add(&d->queued, 1);
	if (syscall(SYS_io_submit, f->ctx, 1, &cbs) == 1) {
		reap_kick(d);
		return true;
	}
	atomic_fetch_sub(&d->queued, 1);
	return false;
}

static void file_submit(struct dev *d, struct bio *bio)
{
	struct file *f = d->private;
	bool queue = f->aio && bio->stage != STAGE_FLUSH && !bio->fault && !(bio->flags & (BIO_FUA | BIO_SYNC));

	if (queue && queued(d, bio))
		return;
	if (f->block_device && bio->stage == STAGE_WRITE && bio->flags & BIO_FUA)
		door_complete(bio, file_fua_by_flush(f->fd, bio));
	else
		door_complete(bio, file_io_now(f->fd, bio));
}

static int file_reap(struct dev *d, bool block)
{
	struct file *f = d->private;
	struct timespec at_most = {.tv_nsec = block ? BLOCK_AT_MOST : 0};
	struct io_event ev[AIO_REAP];
	long n;

	n = syscall(SYS_io_getevents, f->ctx, block ? 1 : 0, AIO_REAP, ev, &at_most);
	if (n < 0) {
		CHECK(errno == EINTR);
		return 0;
	}
	for (long i = 0; i < n; i++) {
		struct bio *bio = (struct bio *)(uintptr_t)ev[i].data;
		long long res = ev[i].res;

		atomic_fetch_sub(&d->queued, 1);
		door_complete(bio, res < 0 ? (int)res : res == bio->len ? 0 : -EIO);
	}
	return (int)n;
}

static int file_open(struct dev *d, const char *args, struct why *why)
{
	struct file *f;
	struct stat st;
	bool direct;
	int fd = file_open_path(d, args, &direct, why);

	if (fd < 0)
		return fd;
	f = mem_zalloc(sizeof(*f));
	f->fd = fd;
	f->block_device = !fstat(fd, &st) && S_ISBLK(st.st_mode);
	if (direct && !rt_controlled) {
		f->aio = syscall(SYS_io_setup, AIO_DEPTH, &f->ctx) == 0;
		if (!f->aio)
			snprintf(d->notice, sizeof(d->notice),
				 "no kernel AIO (fs.aio-max-nr?): one write at a time per task");
	}
	d->private = f;
	d->track = true;
	return 0;
}

static void file_close(struct dev *d)
{
	struct file *f = d->private;

	CHECK(d->queued == 0);
	if (f->aio)
		syscall(SYS_io_destroy, f->ctx);
	close(f->fd);
	free(f);
}

static void file_facts(struct dev *d, struct dev_facts *out)
{
	const struct file *f = d->private;

	facts_add(out, "writes", "%s", f->aio ? "kernel AIO" : "system calls");
	facts_of_fd(f->fd, out);
}

const struct dev_ops file_ops = {
	.name = "file",
	.open = file_open,
	.submit = file_submit,
	.reap = file_reap,
	.close = file_close,
	.facts = file_facts,
};
