/*
 * controls.c: the device model is tested before it judges anything. As a positive control, a device whose flush
 * lies must be seen to lose a flushed write. As negative controls, an honest flush must lose none, and a write that
 * completes after the flush was submitted must not count as flushed.
 *
 * Called by the hunter before it hunts, and by tests.
 */
#include <errno.h>
#include <string.h>

#include "dev/door.h"
#include "dev/record.h"

#define FLUSHED_AT 0
#define LATER_AT   DEV_BLOCK

struct verdict {
	struct dev *d;
	uint64_t off; /* the block in question */
	unsigned images, without;
};

/*
 * Counts the image, and whether the block in question reads as at the start there: the first byte is 0, or 1 as
 * written.
 */
static int look(void *arg, const struct cut *c)
{
	struct verdict *v = arg;
	_Alignas(DEV_BLOCK) uint8_t buf[DEV_BLOCK];
	struct dev *image;
	int ret = powercut_image(v->d, c, &image);

	if (ret)
		return ret;
	ret = dev_read(image, v->off, buf, sizeof(buf));
	v->images++;
	v->without += buf[0] == 0;
	dev_close(image);
	return ret;
}

/* v->without: the number of images of a crash now in which the block at off was not written. 0 or -errno. */
static int count_without(struct dev *d, uint64_t off, struct verdict *v)
{
	const struct cut_budget all = {.all_up_to = 10};
	struct epoch e;

	*v = (struct verdict){.d = d, .off = off};
	powercut_epoch_at(d, powercut_position(d), &e);
	return powercut_cuts(d, &e, &all, look, v);
}

/* A write, a flush, another write; in how many images is each missing? */
static int write_flush_write(struct dev *d, unsigned *flushed_lost, unsigned *later_lost)
{
	_Alignas(DEV_BLOCK) uint8_t buf[DEV_BLOCK];
	struct verdict v = {0};
	int ret;

	memset(buf, 1, sizeof(buf));
	powercut_rewind(d);
	ret = dev_write(d, FLUSHED_AT, buf, sizeof(buf), 0);
	if (!ret)
		ret = dev_flush(d);
	if (!ret)
		ret = dev_write(d, LATER_AT, buf, sizeof(buf), 0);
	if (!ret)
		ret = count_without(d, FLUSHED_AT, &v);
	*flushed_lost = v.without;
	if (!ret)
		ret = count_without(d, LATER_AT, &v);
	*later_lost = v.without;
	return ret;
}

/* A write that is in flight while a flush is submitted and completed is not durable. */
static int write_around_flush(struct dev *d, unsigned *lost)
{
	_Alignas(DEV_BLOCK) uint8_t buf[DEV_BLOCK];
	struct bio write = {.len = DEV_BLOCK, .flags = BIO_WRITE, .buf = buf, .dev = d, .stage = STAGE_WRITE};
	struct verdict v = {0};
	int ret;

	memset(buf, 1, sizeof(buf));
	powercut_rewind(d);
	record_submit(d, &write);
	ret = dev_flush(d);
	record_complete(d, &write, 0);
	if (!ret)
		ret = count_without(d, 0, &v);
	*lost = v.without;
	return ret;
}

static int judge(struct dev *d)
{
	struct dev_faults liar = {.lying_flush = true};
	unsigned honest_lost, later_lost, in_flight_lost = 0, lied_lost = 0, unused;
	int ret;

	ret = write_flush_write(d, &honest_lost, &later_lost);
	if (!ret)
		ret = write_around_flush(d, &in_flight_lost);
	d->faults = &liar;
	if (!ret)
		ret = write_flush_write(d, &lied_lost, &unused);
	d->faults = NULL;
	powercut_rewind(d);
	if (!ret && (honest_lost || !later_lost || !in_flight_lost || !lied_lost))
		ret = -EIO;
	return ret;
}

int powercut_controls(void)
{
	struct dev *d;
	int ret = ram_open(1 << 20, &d);

	if (ret)
		return ret;
	powercut_start(d);
	ret = judge(d);
	dev_close(d);
	return ret;
}
