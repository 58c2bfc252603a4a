/* floor.c: see floor.h. */
#include "target/floor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/rng.h"
#include "base/stop.h"
#include "dev/claim.h"
#include "target/disk.h"
#include "target/scratch.h"
#include "machine/mem.h"

#define CHUNK (1u << 20) /* the largest write, too */
#define TOO_SMALL "%s: has %llu bytes, at least %llu are needed"
#define LEAST 5          /* times, however slow */
#define REACH (1u << 20) /* bytes of a device of ours that are written over: its end, away from its mark */

static int explain(struct why *why, const char *path, int ret)
{
	CHECK(ret < 0);
	return why_set(why, ret, "%s: %s", path, strerror(-ret));
}

/* (floor.1) */
static int fill(struct floor *f)
{
	int ret = scratch_fill(f->fd, f->size, 1);

	return ret ? ret : fsync(f->fd) ? -errno : 0;
}

static void make_data(struct floor *f)
{
	struct rng rng;

	f->data = mem_alloc_pages(CHUNK);
	rng_seed(&rng, 1);
	for (size_t i = 0; i < CHUNK / sizeof(uint64_t); i++)
		((uint64_t *)f->data)[i] = rng_next(&rng);
}

/* Written through the page cache, then past it, where that is possible. */
static int open_in_folder(struct floor *f, const char *folder, uint64_t size, struct why *why)
{
	int ret;

	f->fd = scratch_open(folder); /* floor.2 */
	if (f->fd < 0)
		return explain(why, folder, f->fd);
	f->size = size;
	ret = fill(f);
	if (ret) {
		close(f->fd);
		return explain(why, folder, ret);
	}
	f->direct = !fcntl(f->fd, F_SETFL, O_DIRECT);
	return 0;
}

static int open_device(struct floor *f, const char *path, uint64_t size, struct why *why)
{
	uint64_t have = 0;
	int ret;

	*f = (struct floor){ .direct = true };
	f->fd = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
	if (f->fd < 0)
		return explain(why, path, -errno);
	if (ioctl(f->fd, BLKGETSIZE64, &have) || have < size) {
		close(f->fd);
		return why_set(why, -EINVAL, TOO_SMALL, path, (unsigned long long)have, (unsigned long long)size);
	}
	f->size = size;
	make_data(f);
	ret = fill(f);
	if (!ret)
		return 0;
	floor_close(f);
	return explain(why, path, ret);
}

int floor_open(struct floor *f, const char *path, uint64_t size, bool force, struct why *why)
{
	struct stat st;
	int ret;

	*f = (struct floor){ .fd = -1 };
	if (stat(path, &st))
		return explain(why, path, -errno);
	if (S_ISDIR(st.st_mode)) {
		make_data(f);
		ret = open_in_folder(f, path, size, why);
		if (ret)
			free(f->data);
		return ret;
	}
	if (!S_ISBLK(st.st_mode))
		return why_set(why, -EINVAL, "%s: neither a folder nor a block device", path);
	ret = claim(path, force, why);
	return ret ? ret : open_device(f, path, size, why);
}

/* 0 or -errno. The blocks are written once (floor.1). */
static int begin_on(struct floor *f, struct dev *d)
{
	int ret;

	*f = (struct floor){ .dev = d, .fd = -1 };
	f->size = d->size / 2 < REACH ? d->size / 2 / DEV_BLOCK * DEV_BLOCK : REACH;
	f->begin = d->size - f->size;
	make_data(f);
	ret = dev_write(d, f->begin, f->data, (uint32_t)f->size, 0);
	return ret ? ret : dev_flush(d);
}

int floor_open_spec(struct floor *f, const char *spec, uint64_t least, bool force, struct why *why)
{
	char path[PATH_MAX];
	bool made;
	struct dev *d;
	int ret;

	disk_spec_path(spec, path, sizeof(path));
	made = path[0] && access(path, F_OK);
	ret = dev_open(spec, force, &d, why);
	if (ret)
		return ret;
	if (made)
		unlink(path); /* floor.2 */
	if (d->size < least) {
		ret = why_set(why, -EINVAL, TOO_SMALL, spec, (unsigned long long)d->size, (unsigned long long)least);
		dev_close(d);
		return ret;
	}
	ret = begin_on(f, d);
	if (!ret)
		return 0;
	floor_close(f);
	return explain(why, spec, ret);
}

void floor_close(struct floor *f)
{
	if (f->dev)
		dev_close(f->dev);
	else
		close(f->fd);
	free(f->data);
}

int floor_write_flush(struct floor *f, uint32_t bytes, uint64_t length_ns, struct hist *h)
{
	uint64_t since = rt_now();
	int ret = 0;

	for (unsigned i = 0; !ret && !stop_asked() && (i < LEAST || rt_now() - since < length_ns); i++) {
		if (f->at + bytes > f->size)
			f->at = 0;
		++*(uint64_t *)f->data; /* no two writes have the same content */
		uint64_t begin = rt_now(), off = f->begin + f->at;
		if (f->dev) {
			ret = dev_write(f->dev, off, f->data, bytes, BIO_SYNC);
			if (!ret)
				ret = dev_flush(f->dev);
		} else {
			ssize_t did = pwrite(f->fd, f->data, bytes, (off_t)off);
			if (did != (ssize_t)bytes)
				ret = did < 0 ? -errno : -EIO;
			else if (fdatasync(f->fd))
				ret = -errno;
		}
		if (!ret)
			hist_add(h, rt_now() - begin);
		f->at += bytes;
	}
	return ret;
}

void floor_beside(const char *path, bool device, uint64_t length_ns, struct hist *h)
{
	struct floor f;

	if (device ? open_device(&f, path, FLOOR_SIZE, NULL) : floor_open(&f, path, FLOOR_SIZE, false, NULL))
		return;
	if (floor_write_flush(&f, 4096, length_ns, h))
		hist_init(h);
	floor_close(&f);
}

void floor_of_dev(struct dev *d, uint64_t length_ns, struct hist *h)
{
	struct floor f;

	if (begin_on(&f, d) || floor_write_flush(&f, 4096, length_ns, h))
		hist_init(h);
	free(f.data);
}
