/*
 * test_fs.h: what the tests of engine/fs stand on: a device with a file system, files whose bytes are a
 * function of a seed and the position, a crash seen from inside, and a watch over what reaches the device.
 * Only *_test.c include it.
 *
 * Everything here is checked by CHECK(), not by cmocka's asserts: it is called from tasks and fibers too.
 */
#ifndef FS_TEST_FS_H
#define FS_TEST_FS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/rng.h"
#include "fs/fs.h"
#include "fs/state.h"
#include "rt/coop.h"
#include "tree/node.h"

/* ---- file systems ---- */

static inline struct dev *test_dev(const char *spec, const struct mkfs_options *o)
{
	struct dev *dev;
	struct why why = WHY_NONE;

	int ret = dev_open(spec, true, &dev, &why);
	if (!ret)
		ret = fs_mkfs(dev, o, &why);
	if (ret)
		print_error("%s: %s\n", spec, why.text);
	CHECK(ret == 0);
	return dev;
}

static inline struct fs *test_mount(struct dev *dev, const struct mount_options *o)
{
	struct fs *fs = NULL;
	struct why why = WHY_NONE;

	int ret = fs_mount(dev, o, &fs, &why);
	if (ret)
		print_error("mount: %s\n", why.text);
	CHECK(ret == 0);
	return fs;
}

/* A crash that keeps everything written so far, and the mount after it. */
static inline struct fs *test_crash(struct fs *fs, const struct mount_options *o)
{
	struct dev *dev = fs->dev;

	fs_abandon(fs);
	return test_mount(dev, o);
}

static inline void test_end(struct fs *fs, bool unmount)
{
	struct dev *dev = fs->dev;

	if (unmount)
		CHECK(fs_unmount(fs) == 0);
	else
		fs_abandon(fs);
	dev_close(dev);
}

/* ---- files: byte `pos` of a file written with `seed` ---- */

static inline uint8_t test_byte(uint64_t pos, uint64_t seed)
{
	return (uint8_t)(rng_mix(pos / 64 + (seed << 32)) >> 8);
}

static inline void test_fill(uint8_t *buf, uint64_t off, uint32_t len, uint64_t seed)
{
	for (uint32_t i = 0; i < len; i++)
		buf[i] = test_byte(off + i, seed);
}

/* Opens the file, making it when it is not there. */
static inline struct file *test_open(struct root *root, const char *name)
{
	struct file *f;
	int ret = fs_open(root, name, &f);

	if (ret == -ENOENT)
		ret = fs_create(root, name, &f);
	CHECK(ret == 0);
	return f;
}

static inline void test_write(struct file *f, uint64_t off, uint32_t len, uint64_t seed)
{
	uint8_t *buf = malloc(len);

	test_fill(buf, off, len, seed);
	CHECK(fs_write(f, off, buf, len) == (int)len);
	free(buf);
}

/* What [off, off+len) of the file is: 0: as written with the seed; -EIO and so on; 1: something else, or short. */
static inline int test_read(struct file *f, uint64_t off, uint32_t len, uint64_t seed)
{
	uint8_t *buf = malloc(len + 1);
	int ret = fs_read(f, off, buf, len);
	bool same = ret == (int)len;

	for (uint32_t i = 0; i < len && same; i++)
		same = buf[i] == test_byte(off + i, seed);
	free(buf);
	return ret < 0 ? ret : !same;
}

/* The same for zeros. */
static inline int test_read_zeros(struct file *f, uint64_t off, uint32_t len)
{
	uint8_t *buf = malloc(len + 1);
	int ret = fs_read(f, off, buf, len);
	bool same = ret == (int)len;

	for (uint32_t i = 0; i < len && same; i++)
		same = buf[i] == 0;
	free(buf);
	return ret < 0 ? ret : !same;
}

/* By name: a whole file of `size` bytes of one seed. */
static inline void test_put(struct root *root, const char *name, uint32_t size, uint64_t seed)
{
	struct file *f = test_open(root, name);

	test_write(f, 0, size, seed);
	fs_close(f);
}

static inline bool test_is(struct root *root, const char *name, uint32_t size, uint64_t seed)
{
	struct file *f;

	if (fs_open(root, name, &f))
		return false;
	bool is = fs_size(f) == size && test_read(f, 0, size, seed) == 0;
	fs_close(f);
	return is;
}

static inline bool test_exists(struct root *root, const char *name)
{
	struct file *f;
	int ret = fs_open(root, name, &f);

	CHECK(ret == 0 || ret == -ENOENT);
	if (!ret)
		fs_close(f);
	return !ret;
}

/* ---- a watch over the device: counts what is submitted, and fails what it is told to ---- */

enum watch_kind { WATCH_DATA, WATCH_TREE, WATCH_LOG, WATCH_SUPER, WATCH_FLUSH, WATCH_READ, WATCH_NR };

struct watch {
	struct dev_faults faults;
	_Atomic uint32_t seen[WATCH_NR], fua;
	uint32_t skip[WATCH_NR]; /* the first so many pass; */
	uint32_t fail[WATCH_NR]; /* then so many fail with err; */
	int err;
};

static inline enum watch_kind watch_kind_of(const struct bio *bio)
{
	if (!(bio->flags & BIO_WRITE))
		return WATCH_READ;
	if (!bio->len)
		return WATCH_FLUSH;
	if (bio->off == SUPER_COPY_0 || bio->off == SUPER_COPY_1)
		return WATCH_SUPER;
	if (!(bio->flags & BIO_META))
		return WATCH_DATA;
	return ((const struct node_header *)bio->buf)->owner == LOG_TREE_ID ? WATCH_LOG : WATCH_TREE;
}

static inline int watch_bio(void *arg, const struct bio *bio)
{
	struct watch *w = arg;
	enum watch_kind kind = watch_kind_of(bio);
	uint32_t nth = atomic_fetch_add(&w->seen[kind], 1);

	if (bio->flags & BIO_FUA)
		atomic_fetch_add(&w->fua, 1);
	return nth >= w->skip[kind] && nth - w->skip[kind] < w->fail[kind] ? w->err : 0;
}

/* Starts watching; counts from zero, fails nothing. */
static inline void watch_start(struct watch *w, struct dev *dev)
{
	*w = (struct watch){ .faults = { .fail = watch_bio, .arg = w }, .err = -EIO };
	dev->faults = &w->faults;
}

static inline uint32_t watch_writes(const struct watch *w)
{
	return w->seen[WATCH_DATA] + w->seen[WATCH_TREE] + w->seen[WATCH_LOG] + w->seen[WATCH_SUPER];
}

static inline void watch_reset(struct watch *w)
{
	for (int i = 0; i < WATCH_NR; i++)
		atomic_store(&w->seen[i], 0);
}

#endif
