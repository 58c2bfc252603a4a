/* player.c: see player.h. */
#include "figures/player.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/rng.h"
#include "machine/mem.h"

#define BURST 64

/* One write of the tape while it is played, or one flush. */
struct played {
	uint32_t index;        /* on the tape */
	_Atomic bool done;
	struct bio bio;        /* on a device */
	struct iocb cb;        /* by system calls */
	struct player *player;
};

struct player {
	const struct tape *tape;
	int (*submit)(struct player *p, const struct tape_event *e, struct played *w);
	int (*flush_burst)(struct player *p); /* gives the kernel what was held back; may be NULL */
	int (*wait)(struct player *p, struct played *w);
	uint8_t *data;         /* what every write writes; its bytes do not matter */
	struct played slot[BURST];
	_Atomic int err;
	/* on a device */
	struct dev *dev;
	struct waitq wq;
	/* by system calls */
	int fd;
	aio_context_t ctx;
	struct iocb *burst[BURST];
	unsigned nburst;
};

/* ---- through the door ---- */

static void door_done(struct bio *bio)
{
	struct played *w = bio->private;
	struct player *p = w->player;

	if (bio->err)
		p->err = bio->err;
	atomic_store(&w->done, true);
	wake_all(&p->wq);
}

static int door_submit(struct player *p, const struct tape_event *e, struct played *w)
{
	unsigned flags = BIO_WRITE | (e->kind == TAPE_FLUSH ? BIO_PREFLUSH : 0) | (e->fua ? BIO_FUA : 0) |
			 (e->alone ? BIO_SYNC : 0);

	w->bio = (struct bio){
		.off = e->off, .len = e->len, .flags = (uint16_t)flags, .buf = p->data, .done = door_done, .private = w
	};
	dev_submit(p->dev, &w->bio);
	return 0;
}

static bool is_done(void *arg)
{
	return atomic_load(&((struct played *)arg)->done);
}

static int door_wait(struct player *p, struct played *w)
{
	dev_wait_until(p->dev, &p->wq, is_done, w);
	return p->err;
}

/* ---- by system calls ---- */

static int call_result(ssize_t did, uint32_t len)
{
	return did < 0 ? -errno : did == (ssize_t)len ? 0 : -EIO;
}

static int call_now(struct player *p, const struct tape_event *e, struct played *w)
{
	struct iovec iov = { p->data, e->len };

	w->done = true;
	if (e->kind == TAPE_FLUSH)
		return fdatasync(p->fd) ? -errno : 0;
	return call_result(pwritev2(p->fd, &iov, 1, (off_t)e->off, e->fua ? RWF_DSYNC : 0), e->len);
}

static int call_flush_burst(struct player *p)
{
	unsigned n = p->nburst;

	p->nburst = 0;
	return n && syscall(SYS_io_submit, p->ctx, n, p->burst) != (long)n ? -EIO : 0;
}

static int call_submit(struct player *p, const struct tape_event *e, struct played *w)
{
	if (e->kind == TAPE_FLUSH || e->fua || e->alone) {
		int ret = call_flush_burst(p);
		return ret ? ret : call_now(p, e, w);
	}
	w->cb = (struct iocb){
		.aio_data = (uintptr_t)w, .aio_lio_opcode = IOCB_CMD_PWRITE, .aio_fildes = (uint32_t)p->fd,
		.aio_buf = (uintptr_t)p->data, .aio_nbytes = e->len, .aio_offset = (int64_t)e->off,
	};
	p->burst[p->nburst++] = &w->cb;
	return 0;
}

static int call_wait(struct player *p, struct played *w)
{
	struct io_event ev[BURST];
	int ret = 0;

	while (!w->done && !ret) {
		long n = syscall(SYS_io_getevents, p->ctx, 1, BURST, ev, NULL);
		if (n < 0 && errno != EINTR)
			return -errno;
		for (long i = 0; i < n; i++) {
			struct played *did = (struct played *)(uintptr_t)ev[i].data;
			did->done = true;
			if (ev[i].res != (int64_t)did->cb.aio_nbytes)
				ret = -EIO;
		}
	}
	return ret;
}

/* ---- either ---- */

static struct played *find_played(struct player *p, uint32_t index)
{
	struct played *w = &p->slot[index % BURST];

	return w->index == index ? w : NULL;
}

/* (player.1) A completion is waited for when something is submitted after it, or when the operation ends. */
static int play_one(struct player *p, uint32_t i)
{
	const struct tape_event *e = &p->tape->event[i];
	struct played *w;
	int ret = 0;

	if (e->kind == TAPE_READ)
		return 0;
	if (e->kind == TAPE_DONE) {
		w = find_played(p, e->of);
		if (!w)
			return 0;
		if (p->flush_burst)
			ret = p->flush_burst(p);
		return ret ? ret : p->wait(p, w);
	}
	w = &p->slot[i % BURST];
	w->index = i;
	w->done = false;
	w->player = p;
	return p->submit(p, e, w);
}

int player_play(struct player *p, uint32_t *at)
{
	int ret = 0;

	while (*at < p->tape->n && !ret) {
		uint32_t i = (*at)++;
		if (p->tape->event[i].kind == TAPE_MARK)
			return 0;
		ret = play_one(p, i);
	}
	return ret ? ret : -ENODATA;
}

static struct player *player_new(const struct tape *t)
{
	struct player *p = mem_zalloc(sizeof(*p));
	uint32_t max = 0;
	struct rng rng;

	for (uint32_t i = 0; i < t->n; i++)
		if (t->event[i].len > max)
			max = t->event[i].len;
	p->tape = t;
	p->fd = -1;
	p->data = mem_alloc_pages(max + DEV_BLOCK);
	rng_seed(&rng, 1);
	for (uint32_t i = 0; i < max / sizeof(uint64_t); i++)
		((uint64_t *)p->data)[i] = rng_next(&rng);
	for (unsigned i = 0; i < BURST; i++)
		p->slot[i].index = UINT32_MAX;
	return p;
}

struct player *player_on_dev(struct dev *d, const struct tape *t)
{
	struct player *p = player_new(t);

	p->submit = door_submit;
	p->wait = door_wait;
	p->dev = d;
	waitq_init(&p->wq, L_BIO);
	return p;
}

struct player *player_on_file(const char *path, bool direct, const struct tape *t)
{
	struct player *p = player_new(t);

	p->submit = call_submit;
	p->flush_burst = call_flush_burst;
	p->wait = call_wait;
	p->fd = open(path, O_RDWR | O_CLOEXEC | (direct ? O_DIRECT : 0));
	if (p->fd < 0 || syscall(SYS_io_setup, BURST, &p->ctx)) {
		player_free(p);
		return NULL;
	}
	return p;
}

void player_free(struct player *p)
{
	int err = errno;

	if (p->ctx)
		syscall(SYS_io_destroy, p->ctx);
	if (p->fd >= 0)
		close(p->fd);
	free(p->data);
	free(p);
	errno = err;
}
