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
#include "target/disk.h"
#include "target/scratch.h"
#include "machine/mem.h"

#define CHUNK (1u << 20) /* the largest write, too */
#define LEAST 5          /* times, however slow */
#define REACH (1u << 20) /* bytes of a device of ours that are written over: its end, away from its mark */

static void explain(char *err, const char *path, int ret)
{
	snprintf(err, FLOOR_ERR_MAX, "%.150s: %s", path, strerror(-ret));
}

/* floor.1 */
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
static int open_in_folder(struct floor *f, const char *folder, uint64_t size, char *err)
{
	int ret;

	f->fd = scratch_open(folder); /* floor.2 */
	if (f->fd < 0) {
		explain(err, folder, f->fd);
		return f->fd;
	}
	f->size = size;
	ret = fill(f);
	if (ret) {
		close(f->fd);
		explain(err, folder, ret);
		return ret;
	}
	f->direct = !fcntl(f->fd, F_SETFL, O_DIRECT);
	return 0;
}

int floor_open_device(struct floor *f, const char *path, uint64_t size, char *err)
{
	uint64_t have = 0;
	int ret;

	*f = (struct floor){ .direct = true };
	f->fd = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
	if (f->fd < 0) {
		explain(err, path, -errno);
		return f->fd;
	}
	if (ioctl(f->fd, BLKGETSIZE64, &have) || have < size) {
		close(f->fd);
		snprintf(err, FLOOR_ERR_MAX, "%.150s: has %llu bytes, at least %llu are needed", path, (unsigned long long)have,
		         (unsigned long long)size);
		return -EINVAL;
	}
	f->size = size;
	make_data(f);
	ret = fill(f);
	if (!ret)
		return 0;
	floor_close(f);
	explain(err, path, ret);
	return ret;
}

int floor_open(struct floor *f, const char *path, uint64_t size, bool force, char *err)
{
	struct stat st;
	int ret;

	if (stat(path, &st)) {
		explain(err, path, -errno);
		return -ENOENT;
	}
	if (S_ISDIR(st.st_mode)) {
		*f = (struct floor){ .fd = -1 };
		make_data(f);
		ret = open_in_folder(f, path, size, err);
		if (ret)
			free(f->data);
		return ret;
	}
	if (!S_ISBLK(st.st_mode)) {
		snprintf(err, FLOOR_ERR_MAX, "%.150s: neither a folder nor a block device", path);
		return -EINVAL;
	}
	if (disk_in_use(path)) {
		snprintf(err, FLOOR_ERR_MAX, "%.150s is mounted or in use: never written to", path);
		return -EBUSY;
	}
	if (!force) {
		snprintf(err, FLOOR_ERR_MAX, "%.150s is a block device: what is on it would be lost; --force if that is meant",
		         path);
		return -EPERM;
	}
	return floor_open_device(f, path, size, err);
}

/* 0 or -errno (F1). */
static int begin_on(struct floor *f, struct dev *d)
{
	int ret;

	*f = (struct floor){ .dev = d, .fd = -1, .size = d->size / 2 < REACH ? d->size / 2 / DEV_BLOCK * DEV_BLOCK : REACH };
	f->begin = d->size - f->size;
	make_data(f);
	ret = dev_write(d, f->begin, f->data, (uint32_t)f->size, 0);
	return ret ? ret : dev_flush(d);
}

int floor_open_spec(struct floor *f, const char *spec, uint64_t least, bool force, char *err)
{
	struct why why;
	char path[PATH_MAX];
	bool made;
	struct dev *d;
	int ret;

	disk_spec_path(spec, path, sizeof(path));
	made = path[0] && access(path, F_OK);
	ret = dev_open(spec, force, &d, &why);
	if (ret) {
		snprintf(err, FLOOR_ERR_MAX, "%.255s", why.text);
		return ret;
	}
	if (made)
		unlink(path); /* F2 */
	if (d->size < least) {
		snprintf(err, FLOOR_ERR_MAX, "%.150s: has %llu bytes, at least %llu are needed", spec, (unsigned long long)d->size,
		         (unsigned long long)least);
		dev_close(d);
		return -EINVAL;
	}
	ret = begin_on(f, d);
	if (!ret)
		return 0;
	floor_close(f);
	explain(err, spec, ret);
	return ret;
}

void floor_close(struct floor *f)
{
	if (f->dev)
		dev_close(f->dev);
	else
		close(f->fd);
	free(f->data);
}

static int by_door(struct floor *f, uint32_t bytes)
{
	int ret = dev_write(f->dev, f->begin + f->at, f->data, bytes, BIO_SYNC);

	return ret ? ret : dev_flush(f->dev);
}

static int by_calls(struct floor *f, uint32_t bytes)
{
	ssize_t did = pwrite(f->fd, f->data, bytes, (off_t)(f->begin + f->at));

	if (did != (ssize_t)bytes)
		return did < 0 ? -errno : -EIO;
	return fdatasync(f->fd) ? -errno : 0;
}

static int write_flush(struct floor *f, uint32_t bytes, struct hist *h)
{
	uint64_t begin = rt_now();
	int ret;

	if (f->at + bytes > f->size)
		f->at = 0;
	ret = f->dev ? by_door(f, bytes) : by_calls(f, bytes);
	if (ret)
		return ret;
	hist_add(h, rt_now() - begin);
	f->at += bytes;
	return 0;
}

int floor_write_flush(struct floor *f, uint32_t bytes, uint64_t length_ns, struct hist *h)
{
	uint64_t begin = rt_now();
	int ret = 0;

	for (unsigned i = 0; !ret && !stop_asked() && (i < LEAST || rt_now() - begin < length_ns); i++) {
		++*(uint64_t *)f->data;
		ret = write_flush(f, bytes, h);
	}
	return ret;
}

void floor_beside(const char *path, bool device, uint64_t length_ns, struct hist *h)
{
	char err[FLOOR_ERR_MAX];
	struct floor f;

	if (device ? floor_open_device(&f, path, FLOOR_SIZE, err) : floor_open(&f, path, FLOOR_SIZE, false, err))
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
