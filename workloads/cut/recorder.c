/* recorder.c: see recorder.h. What drives; the servers are in recording.c and the front ends. */
#include "cut/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/fs.h>

#include "base/check.h"
#include "cut/recording.h"
#include "machine/mem.h"
#include "rt/rt.h"

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

static enum recorder_via chosen = VIA_FUSE;

static const struct front {
	const char *name, *sees, *module;
	bool (*is_there)(void);
	int (*open)(struct recorder *r, struct why *why);
	void (*close)(struct recorder *r);
} front[] = {
	[VIA_FUSE] = { "fuse", "FUSE under a direct-I/O loop device. It sees every flush as a flush, FUA as a flush "
	               "after the write, several writes in flight, and one flush at a time.", NULL, NULL,
	               recorder_fuse_open, recorder_fuse_close },
	[VIA_NBD] = { "nbd", "a network block device with a connection a processor, up to 4. It sees every flush as a "
	              "flush, FUA as FUA, several writes in flight, and one flush of each connection at a time.", "nbd",
	              recorder_nbd_is_there, recorder_nbd_open, recorder_nbd_close },
	[VIA_UBLK] = { "ublk", "a ublk device with a queue a processor, up to 4. It sees every flush as a flush, FUA "
	               "as FUA, several writes in flight, and one flush of each queue at a time.", "ublk_drv",
	               recorder_ublk_is_there, recorder_ublk_open, recorder_ublk_close },
};

#define FRONTS (sizeof(front) / sizeof(front[0]))

int recorder_find(const char *name, struct why *why)
{
	for (size_t i = 0; i < FRONTS; i++)
		if (!strcmp(name, front[i].name) || !strcmp(name, "auto"))
			return 0;
	return why_set(why, -EINVAL, "`%.40s`: auto, fuse, nbd or ublk is expected", name);
}

int recorder_choose(const char *name, struct why *why)
{
	bool any = !strcmp(name, "auto");
	int ret = recorder_find(name, why);

	for (size_t i = FRONTS; !ret && i-- > 0;) {
		const struct front *f = &front[i];
		if (!any && strcmp(name, f->name))
			continue;
		if (!f->is_there || f->is_there()) {
			chosen = (enum recorder_via)i;
			return 0;
		}
		if (!any)
			return why_set(why, -ENODEV, "this kernel has no %s here: modprobe %s, or --via auto", f->name,
			               f->module);
	}
	return ret;
}

const char *recorder_name(void)
{
	return front[chosen].name;
}

const char *recorder_sees(const char *name)
{
	for (size_t i = 0; i < FRONTS; i++)
		if (!strcmp(front[i].name, name))
			return front[i].sees;
	return "unknown";
}

int recorder_open(struct recorder *r, uint64_t size, struct why *why)
{
	struct recording *s = shared_memory(sizeof(*s));

	*r = (struct recorder){ .size = size, .shared = s, .via = chosen, .block = -1 };
	if (s) {
		s->size = size;
		s->data = shared_memory(RECORDER_BYTES);
		s->bytes = shared_memory(size);
		s->written = shared_memory(bitmap_size(size));
		atomic_store(&s->position, RECORDING_BEYOND);
	}
	if (!s || !s->data || !s->bytes || !s->written) {
		unshare_memory(s);
		return why_set(why, -ENOMEM, "no memory for a device of %lu MiB", (unsigned long)(size >> 20));
	}
	int ret = front[r->via].open(r, why);
	if (ret)
		unshare_memory(s);
	return ret;
}

void recorder_close(struct recorder *r)
{
	front[r->via].close(r);
	unshare_memory(r->shared);
}

const uint8_t *recorder_bytes(const struct recorder *r)
{
	return r->shared->bytes;
}

bool recorder_wrote(const struct recorder *r, uint64_t blk)
{
	return r->shared->written[blk / 64] >> blk % 64 & 1;
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
	ioctl(r->block, BLKFLSBUF); /* what the kernel has cached of the device is old now */
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

/*
 * A server that is killed gives its device up before it can be waited for. Its device, which gives no errors, fails
 * every request then. (A second look at a server that has ended finds none to wait for.)
 */
bool recorder_is_gone(struct recorder *r)
{
	if (waitpid(r->server, NULL, WNOHANG))
		return true;
	int fd = open(r->path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	void *block = mem_alloc_pages(DEV_BLOCK);
	bool gone = fd < 0 || pread(fd, block, DEV_BLOCK, 0) != (ssize_t)DEV_BLOCK;

	free(block);
	if (fd >= 0)
		close(fd);
	return gone;
}

int recorder_end(struct recorder *r)
{
	struct recording *s = r->shared;
	bool gone = false;

	atomic_store(&s->position, RECORDING_BEYOND);
	while (atomic_load(&s->owed) && !(gone = recorder_is_gone(r)))
		rt->sleep(100000);
	atomic_store(&s->on, false);
	atomic_store(&s->position, RECORDING_BEYOND);
	return gone || recorder_is_gone(r) ? -EIO : 0;
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
