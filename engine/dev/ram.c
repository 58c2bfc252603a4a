/*
 * ram.c: the device in memory. On threads a bio is done when submit returns. In controlled runs, with dev->async, each
 * write and each flush is completed by an io task, so the picker chooses when it completes, and after which others.
 *
 * An io task holds one bio at a time, and its completion is one choice of the picker. With at most IO_TASKS bios in
 * flight every order of completions is possible; beyond that the device is like one with a queue of IO_TASKS: the
 * other bios are taken up in the order of submission. io tasks are made when needed, reused, and end in halt():
 * bios do not use up the 64 tasks of a controlled run. Reads are done at once: nobody reads what is being written.
 *
 * While recording, writes go to the record's layer (record.1).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/check.h"
#include "dev/door.h"
#include "dev/layer.h"
#include "machine/mem.h"
#include "machine/place.h"

#define IO_TASKS 16

struct io {
	struct dev *d;
	struct task *task;
	struct bio *bio;
	bool parked; /* it was parked when it got the bio */
	struct list idle;
};

struct ram {
	uint8_t *mem;
	/* set while recording; door_lock guards them and what they point to */
	struct layer *over;
	struct arena *mixed;
	/* controlled runs only, where nothing else runs between two points */
	struct io io[IO_TASKS];
	uint32_t nio;
	bool halting;
	struct list idle, queue;
};

static void ram_read(struct dev *d, struct bio *bio)
{
	struct ram *ram = d->private;

	if (!ram->over) {
		memcpy(bio->buf, ram->mem + bio->off, bio->len);
		return;
	}
	door_lock(d);
	layer_read(ram->over, bio->off, bio->buf, bio->len);
	door_unlock(d);
}

static void ram_write(struct dev *d, struct bio *bio)
{
	struct ram *ram = d->private;

	door_take(bio);
	if (!ram->over) {
		memcpy(ram->mem + bio->off, bio->media, bio->len);
		return;
	}
	door_lock(d);
	layer_write(ram->over, ram->mixed, bio->off, bio->media, bio->len, true);
	door_unlock(d);
}

static void ram_do(struct dev *d, struct bio *bio)
{
	if (!bio->fault && bio->stage == STAGE_READ)
		ram_read(d, bio);
	else if (!bio->fault && bio->stage == STAGE_WRITE)
		ram_write(d, bio);
	door_complete(bio, bio->fault);
}

/* Parks until it is given a bio, or halt() ends it. */
static void io_idle(struct io *io)
{
	struct ram *ram = io->d->private;

	rt_access(io->d->id, POINT_WAIT);
	list_add(&io->idle, &ram->idle);
	while (!io->bio && !ram->halting)
		rt->park(0);
}

/*
 * Completes its bio, then those that have queued up, then parks. When the picker lets a parked io task go on, that is
 * already the choice that its bio completes now: a point on top would only double the choices.
 */
static void io_task(void *arg)
{
	struct io *io = arg;
	struct ram *ram = io->d->private;

	while (io->bio) {
		struct bio *bio = io->bio;

		if (!io->parked)
			rt_point(io->d->id, POINT_COMPLETE);
		io->bio = NULL;
		io->parked = false;
		ram_do(io->d, bio);
		if (!list_empty(&ram->queue)) {
			io->bio = list_first(&ram->queue, struct bio, queue);
			list_del(&io->bio->queue);
		} else {
			io_idle(io);
			io->parked = true;
		}
	}
}

/* Hands the bio to an io task: an idle one, a new one, or whichever comes to it in the queue. */
static void ram_later(struct dev *d, struct bio *bio)
{
	struct ram *ram = d->private;
	struct io *io;

	CHECK(!ram->halting);
	if (!list_empty(&ram->idle)) {
		io = list_first(&ram->idle, struct io, idle);
		list_del(&io->idle);
		io->bio = bio;
		rt_serve(io->task);
		rt->wake(io->task);
	} else if (ram->nio < IO_TASKS) {
		io = &ram->io[ram->nio++];
		io->d = d;
		io->bio = bio;
		io->parked = false;
		list_init(&io->idle);
		io->task = rt_spawn("io", io_task, io, NULL);
	} else {
		list_add_tail(&bio->queue, &ram->queue);
	}
}

static void ram_submit(struct dev *d, struct bio *bio)
{
	if (d->async && rt_controlled && bio->stage != STAGE_READ)
		ram_later(d, bio);
	else
		ram_do(d, bio);
}

static void ram_halt(struct dev *d, bool abandoned)
{
	struct ram *ram = d->private;

	if (!abandoned) {
		ram->halting = true;
		for (uint32_t i = 0; i < ram->nio; i++)
			rt->wake(ram->io[i].task);
		for (uint32_t i = 0; i < ram->nio; i++)
			rt_join(ram->io[i].task);
		ram->halting = false;
	}
	ram->nio = 0;
	list_init(&ram->idle);
	list_init(&ram->queue);
}

/* option: ",node=N". Binds the memory to that NUMA node, as a drive is attached to one. */
static int bind_to_node(struct dev *d, void *mem, const char *option, struct why *why)
{
	const char *node = option + strlen(",node=");
	char err[160];
	int ret;

	if (strncmp(option, ",node=", strlen(",node=")))
		return why_set(why, -EINVAL, "ram: unknown option '%s': want node=N", option + 1);
	if (place_check_nodes(node, err))
		return why_set(why, -EINVAL, "ram: node=: %s", err);
	ret = place_bind_memory(mem, d->size, PLACE_BIND, node);
	return ret ? why_set(why, ret, "ram: node=%s: %s", node, strerror(-ret)) : 0;
}

static int ram_open_args(struct dev *d, const char *args, struct why *why)
{
	struct ram *ram;
	char size[64];
	void *mem;
	int ret;

	snprintf(size, sizeof(size), "%.*s", (int)strcspn(args, ","), args);
	ret = dev_parse_size(size, &d->size, why);
	if (ret)
		return ret;
	mem = mmap(NULL, d->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (mem == MAP_FAILED)
		return why_set(why, -errno, "ram:%s: no address space for it", args);
	ret = args[strlen(size)] ? bind_to_node(d, mem, args + strlen(size), why) : 0;
	if (ret) {
		munmap(mem, d->size);
		return ret;
	}
	ram = mem_zalloc(sizeof(*ram));
	ram->mem = mem;
	list_init(&ram->idle);
	list_init(&ram->queue);
	d->private = ram;
	return 0;
}

static void ram_close(struct dev *d)
{
	struct ram *ram = d->private;

	munmap(ram->mem, d->size);
	free(ram);
}

const struct dev_ops ram_ops = {
	.name = "ram",
	.open = ram_open_args,
	.submit = ram_submit,
	.halt = ram_halt,
	.close = ram_close,
};

/* The ram device at the back, d or behind d; NULL when another device is there. */
static struct dev *ram_below(struct dev *d)
{
	while (d->below)
		d = d->below;
	return d->ops == &ram_ops ? d : NULL;
}

uint8_t *ram_memory(struct dev *d)
{
	struct dev *bottom = ram_below(d);

	return bottom ? ((struct ram *)bottom->private)->mem : NULL;
}

void ram_overlay(struct dev *d, struct layer *over, struct arena *a)
{
	struct ram *ram = ram_below(d)->private;

	ram->over = over;
	ram->mixed = a;
}

int ram_open(uint64_t size, struct dev **out)
{
	char spec[40];

	snprintf(spec, sizeof(spec), "ram:%llu", (unsigned long long)size);
	return dev_open(spec, false, out, NULL);
}
