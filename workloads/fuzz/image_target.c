/*
 * image_target.c: a small image that is damaged behind its checksums: the input says which bytes of which blocks become
 * what; then the sum of each block that was touched is made right, so that the damage comes through the door.
 *
 * An input is a byte of bits (enum bits) and any number of pokes: which block (one after the last: super copy 0), where
 * in it (two bytes, 12 bits, and enum poke above them), how many bytes (one, 1 to 16), the bytes. What is mounted is
 * used, as far as the target is allowed to, in a controlled run with a clock, so that an input does the same each time.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/crc32c.h"
#include "fs/fs.h"
#include "fs/look.h"
#include "fuzz/targets.h"
#include "machine/mem.h"
#include "pick/pickers.h"
#include "rt/coop.h"
#include "tree/node.h"
#include "tree/super.h"

enum bits {
	FIX_SUPER = 1,
	TRUNCATE = 4, /* of a mount for writing: files are truncated, and it is unmounted */
	BUSY = 8,     /* the other base image */
};

/* In the second byte of the place. */
enum poke {
	PLACE = 0x0f,  /* its upper bits */
	DENSE = 0x10,  /* the place is counted over what is in use of the block: its headers, then its data */
	SPLICE = 0x20, /* the bytes are those at a place of the undamaged image: a block, two bytes of a dense place */
	ADD = 0x40,    /* eight bytes: the number there, plus a signed byte times 1, 512, 4096 or 2^40 */
};

#define NODESIZE   4096u
#define BLOCKS_MAX 250u

/* An image before it is damaged. */
struct base {
	uint8_t *mem;
	uint32_t block[BLOCKS_MAX], nblocks; /* those of the metadata that something was written to */
};

static struct dev *dev; /* the one that all inputs use */
static struct base bases[2];
static int mounted;            /* how the last mount ended, and why */
static struct why mounted_why;

/* ---- the images ---- */

static void put(struct fs *fs, const char *name, uint32_t off, uint32_t len, uint8_t byte, bool sync)
{
	uint8_t *buf = mem_alloc(len);
	struct file *f;
	int ret = fs_open(fs_subvol(fs, 0), name, &f);

	if (ret == -ENOENT)
		ret = fs_create(fs_subvol(fs, 0), name, &f);
	CHECK(!ret);
	for (uint32_t i = 0; i < len; i++)
		buf[i] = (uint8_t)(byte + i / 512);
	CHECK(fs_write(f, off, buf, len) == (int)len);
	CHECK(!sync || !fs_fsync(f));
	fs_close(f);
	free(buf);
}

/* Two files, one inline; then both of two files are in the log, one with a new name. */
static void write_few(struct fs *fs)
{
	put(fs, "a", 0, 9000, 1, false);
	put(fs, "tiny", 0, 500, 3, false);
	CHECK(!fs_sync(fs));
	put(fs, "a", 0, 9000, 2, true);
	put(fs, "new", 0, 9000, 4, true);
}

/* Trees of two levels, compressed extents, extents in parts, holes, an unlinked file that is open, two subvolumes. */
static void write_many(struct fs *fs)
{
	struct file *open[2];
	char name[16];

	for (unsigned i = 0; i < 30; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		put(fs, name, i % 3 * 8192, 4096 + i % 5 * 4096, (uint8_t)i, false);
	}
	CHECK(!fs_create(fs_subvol(fs, 1), "other", &open[0]) && !fs_create(fs_subvol(fs, 0), "gone", &open[1]));
	for (unsigned i = 0; i < 2; i++)
		CHECK(fs_write(open[i], 0, "twelve bytes", 12) == 12);
	CHECK(!fs_sync(fs) && !fs_unlink(fs_subvol(fs, 0), "gone") && !fs_sync(fs));
	put(fs, "f4", 8192, 4096, 90, false); /* in the middle of a compressed extent */
	CHECK(!fs_sync(fs));
	put(fs, "f5", 0, 30000, 91, true);
	put(fs, "f6", 40960, 9000, 92, true);
	put(fs, "logged", 0, 20000, 93, true);
	CHECK(!fs_write(open[0], 0, "", 0) && fs_write(open[0], 5000, "twelve bytes", 12) == 12);
	CHECK(!fs_fsync(open[0]));
	for (unsigned i = 0; i < 2; i++)
		fs_close(open[i]);
}

static void make_base(void *arg)
{
	bool busy = arg == &bases[1];
	struct mkfs_options mk = { .nodesize = NODESIZE, .single = true, .fsid = 7, .subvols = busy ? 2 : 1 };
	struct mount_options o = { .no_background = true, .inline_max = 2048, .compress = busy };
	struct base *b = arg;
	struct why why;
	struct fs *fs;

	CHECK(!fs_mkfs(dev, &mk, &why) && !fs_mount(dev, &o, &fs, &why));
	(busy ? write_many : write_few)(fs);
	fs_abandon(fs);
	b->mem = mem_alloc_pages(dev->size);
	CHECK(!dev_read(dev, 0, b->mem, (uint32_t)dev->size));
	struct super s;
	CHECK(!super_read(dev, &s, &why) && s.log_root.bytenr);
	for (uint64_t at = SUPER_END; at < SUPER_END + s.meta_len && b->nblocks < BLOCKS_MAX; at += NODESIZE)
		if (((const struct node_header *)(b->mem + at))->magic == NODE_MAGIC)
			b->block[b->nblocks++] = (uint32_t)at;
}

static void run(void (*fn)(void *), void *arg)
{
	struct coop_config cfg = { .picker = &pick_clock, .virtual_time = true };
	const char *err = NULL;
	struct coop_result res;

	cfg.picker_state = cfg.picker->create("", &err);
	coop_run(&cfg, fn, arg, &res);
	cfg.picker->destroy(cfg.picker_state);
	if (res.end != COOP_FINISHED)
		fprintf(stderr, "it does not end: %s\n", res.why);
	CHECK(res.end == COOP_FINISHED);
}

/* ---- the damage ---- */

static uint32_t crc_of(const uint8_t *block, uint32_t from, uint32_t to)
{
	return crc32c(0, block + from, to - from);
}

static const uint8_t *block_of(const struct base *b, uint32_t k)
{
	return b->mem + (k < b->nblocks ? b->block[k] : SUPER_COPY_0);
}

/* The off-th byte of the block that is in use, wrapped around. Bytes of the super block: 160 are. */
static uint32_t dense(const struct base *b, uint32_t k, uint32_t off)
{
	const struct node_header *h = (const void *)block_of(b, k);
	const struct disk_item *item = (const void *)(h + 1);

	if (k == b->nblocks)
		return off % 160;
	uint32_t slot = h->level ? sizeof(struct disk_ptr) : sizeof(*item);
	uint32_t head = (uint32_t)sizeof(*h) + h->nritems * slot;
	uint32_t data = h->level || !h->nritems ? NODESIZE : item[h->nritems - 1].at;
	off %= head + NODESIZE - data;
	return off < head ? off : data + off - head;
}

/* One poke into `block`; p: what follows its place, n bytes. Returns how many of them it took. */
static uint32_t poke(const struct base *b, uint8_t *block, uint32_t off, uint8_t how, const uint8_t *p, uint32_t n)
{
	static const uint64_t unit[] = { 1, 512, 4096, 1ull << 40 };
	uint32_t len = *p % 16 + 1;
	uint64_t number;

	if (how & ADD)
		len = sizeof(number);
	else if (!(how & SPLICE) && len > n - 1)
		len = n - 1;
	if (off + len > NODESIZE)
		off = NODESIZE - len;
	if (how & ADD && n >= 2) {
		memcpy(&number, block + off, sizeof(number));
		number += (uint64_t)(int64_t)(int8_t)p[1] * unit[*p % 4];
		memcpy(block + off, &number, sizeof(number));
		return 2;
	}
	if (how & SPLICE && n >= 4) {
		uint32_t k = p[1] % (b->nblocks + 1), from = dense(b, k, p[2] | (p[3] & PLACE) << 8);
		memcpy(block + off, block_of(b, k) + (from + len > NODESIZE ? NODESIZE - len : from), len);
		return 4;
	}
	if (how & (ADD | SPLICE))
		return n;
	memcpy(block + off, p + 1, len);
	return 1 + len;
}

static void damage(const struct base *b, const uint8_t *d, size_t n)
{
	static uint8_t work[BLOCKS_MAX + 1][NODESIZE];
	bool touched[BLOCKS_MAX + 1] = { 0 };

	CHECK(!dev_write(dev, 0, b->mem, (uint32_t)dev->size, 0));
	for (size_t i = 1; i + 4 <= n;) {
		uint32_t k = d[i] % (b->nblocks + 1), off = d[i + 1] | (d[i + 2] & PLACE) << 8;
		uint8_t how = d[i + 2];
		if (!touched[k])
			memcpy(work[k], block_of(b, k), NODESIZE);
		touched[k] = true;
		i += 3;
		i += poke(b, work[k], how & DENSE ? dense(b, k, off) : off, how, d + i, (uint32_t)(n - i));
	}
	for (uint32_t k = 0; k <= b->nblocks; k++) {
		bool super = k == b->nblocks;
		uint32_t crc, at = super ? 8 : 0; /* a super block begins with its magic; the sum is of what follows */
		if (!touched[k])
			continue;
		crc = crc_of(work[k], at + 4, NODESIZE);
		if (!super || d[0] & FIX_SUPER)
			memcpy(work[k] + at, &crc, sizeof(crc));
		CHECK(!dev_write(dev, super ? SUPER_COPY_0 : b->block[k], work[k], NODESIZE, 0));
	}
}

/* ---- what is done with it ---- */

struct input {
	uint8_t bits;
	bool write;
};

struct names {
	char name[16][FS_NAME_MAX + 1];
	uint32_t n;
};

static int take_name(void *arg, const char *name, uint64_t ino)
{
	struct names *m = arg;

	if (m->n < 16)
		snprintf(m->name[m->n++], sizeof(m->name[0]), "%s", name);
	return 0;
}

static void use_file(struct file *f, const struct input *in, bool whole)
{
	static uint8_t buf[65536];
	uint64_t size = fs_size(f), end = size < sizeof(buf) ? size : sizeof(buf);
	int ret = fs_read(f, 0, buf, sizeof(buf));

	CHECK((ret == -EIO && !whole) || (ret >= 0 && (uint64_t)ret == end));
	if (size > sizeof(buf)) {
		ret = fs_read(f, size - 5000, buf, 5000);
		CHECK((ret == -EIO && !whole) || ret == 5000);
	}
	if (!in->write)
		return;
	ret = fs_write(f, 0, buf, 5000);
	CHECK(ret == 5000 || ret == -EIO || ret == -EROFS || ret == -ENOSPC);
	ret = fs_fsync(f);
	CHECK(ret == 0 || ret == -EIO || ret == -EROFS || ret == -ENOSPC);
	if (in->bits & TRUNCATE)
		ret = fs_truncate(f, 100);
	CHECK(ret <= 0);
}

static void note_damage(void *arg, const char *line)
{
	CHECK(line[0] && !strchr(line, '\n'));
	++*(unsigned *)arg;
}

/* How much of it is damaged: 0 when a mount has to succeed, and all reads (look.1). */
static unsigned look(void)
{
	static const struct look_ops ops = { .damage = note_damage };
	unsigned damages = 0;
	struct why why = WHY_NONE;

	if (look_image(dev, true, &ops, &damages, &why)) {
		CHECK(why.text[0]);
		return 1;
	}
	return damages;
}

static void use_image(void *arg)
{
	struct input *in = arg;
	struct mount_options o = { .read_only = !in->write, .no_background = true };
	struct why why = WHY_NONE;
	struct fs *fs;
	bool whole = !look();
	int ret = fs_mount(dev, &o, &fs, &why);

	mounted = ret;
	mounted_why = why;
	if (ret) {
		CHECK(!whole || ret == -ENOSPC);
		CHECK(ret == -EIO || ret == -EINVAL || ret == -ENOSPC);
		CHECK(why.text[0] && !strchr(why.text, '\n'));
		return;
	}
	for (uint32_t v = 0; v < fs_nsubvols(fs) && v < 4; v++) {
		struct names m = { .n = 0 };
		ret = fs_readdir(fs_subvol(fs, v), take_name, &m);
		CHECK(ret == 0 || (ret == -EIO && !whole));
		for (uint32_t i = 0; i < m.n; i++) {
			struct file *f;
			ret = fs_open(fs_subvol(fs, v), m.name[i], &f);
			CHECK(ret == 0 || (ret == -EIO && !whole));
			if (ret)
				continue;
			use_file(f, in, whole);
			fs_close(f);
		}
	}
	if (in->write && in->bits & TRUNCATE)
		fs_unmount(fs);
	else
		fs_abandon(fs);
}

static void image(const uint8_t *data, size_t n, bool write)
{
	struct input in = { .bits = n ? data[0] : 0, .write = write };
	struct why why;

	if (!dev) {
		CHECK(!dev_open("ram:1m", true, &dev, &why));
		for (unsigned i = 0; i < 2; i++)
			run(make_base, &bases[i]);
	}
	damage(&bases[in.bits & BUSY ? 1 : 0], data, n);
	run(use_image, &in);
}

int fuzz_image_mounted(struct why *why)
{
	*why = mounted_why;
	return mounted;
}

void fuzz_image(const uint8_t *data, size_t n)
{
	image(data, n, false);
}

void fuzz_image_write(const uint8_t *data, size_t n)
{
	image(data, n, true);
}
