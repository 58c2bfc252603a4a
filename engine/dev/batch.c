/*
 * batch.c: bios that are waited for together, and the synchronous helpers made of it.
 *
 * pending counts the bios under way, and one for the waiter until batch_wait(): so only a completion after that is the
 * last one, and wakes.
 *
 * batch.1: When pending is 0, no completion touches the batch any more, and the waiter may free it. BATCH_WAKING says
 *      that all bios are done and the last completion is still waking the waiter.
 */
#include "base/check.h"
#include "dev/door.h"

#define BATCH_WAKING (-1)

void batch_init(struct batch *b, struct dev *d)
{
	b->pending = 1;
	b->err = 0;
	b->dev = d;
	waitq_init(&b->wq, L_BIO);
}

/* One less to wait for; the last one wakes the waiter (batch.1). */
static void batch_drop(struct batch *b)
{
	int32_t old = atomic_load(&b->pending);

	CHECK(old > 0);
	while (!atomic_compare_exchange_weak(&b->pending, &old, old == 1 ? BATCH_WAKING : old - 1))
		;
	wait_give(&b->wq, old == 1);
	if (old == 1)
		atomic_store(&b->pending, 0);
}

void batch_join(struct batch *b)
{
	atomic_fetch_add(&b->pending, 1);
}

void batch_leave(struct batch *b, int err)
{
	int none = 0;

	if (err)
		atomic_compare_exchange_strong(&b->err, &none, err);
	batch_drop(b);
}

static void batch_done(struct bio *bio)
{
	batch_leave(bio->private, bio->err);
}

void batch_submit(struct batch *b, struct bio *bio)
{
	bio->done = batch_done;
	bio->private = b;
	batch_join(b);
	dev_submit(b->dev, bio);
}

static bool batch_is_done(void *arg)
{
	struct batch *b = arg;

	return atomic_load(&b->pending) <= 0;
}

static bool waker_is_through(void *arg)
{
	struct batch *b = arg;

	return atomic_load(&b->pending) == 0;
}

/*
 * The last completion has a few instructions left to do (batch.1); it may have lost its processor meanwhile. A search
 * may leave it there for ever, so there this is a wait.
 */
static void wait_for_waker(struct batch *b)
{
	const struct rt_wait w = { .obj = b->wq.id, .kind = POINT_LOCK, .ready = waker_is_through, .arg = b };

	if (rt_searching && !waker_is_through(b))
		rt_await(&w);
	for (unsigned spins = 0; atomic_load(&b->pending) != 0; spins++)
		if (spins > 1000)
			rt->sleep(1000);
}

int batch_wait(struct batch *b)
{
	int ret;

	if (atomic_fetch_sub(&b->pending, 1) != 1) {
		dev_wait_until(b->dev, &b->wq, batch_is_done, b);
		wait_for_waker(b);
	}
	ret = b->err;
	b->pending = 1;
	b->err = 0;
	return ret;
}

static int submit_and_wait(struct dev *d, uint64_t off, void *buf, uint32_t len, unsigned flags)
{
	struct bio bio = {.off = off, .len = len, .flags = flags | BIO_SYNC, .buf = buf};
	struct batch b;

	batch_init(&b, d);
	batch_submit(&b, &bio);
	return batch_wait(&b);
}

int dev_read(struct dev *d, uint64_t off, void *buf, uint32_t len)
{
	return submit_and_wait(d, off, buf, len, BIO_READ);
}

int dev_write(struct dev *d, uint64_t off, const void *buf, uint32_t len, unsigned flags)
{
	return submit_and_wait(d, off, (void *)buf, len, flags | BIO_WRITE);
}

int dev_flush(struct dev *d)
{
	return submit_and_wait(d, 0, NULL, 0, BIO_WRITE | BIO_PREFLUSH);
}
