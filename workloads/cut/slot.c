/* slot.c: see slot.h. */
#include "cut/slot.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cut/foreign.h"
#include "machine/mem.h"
#include "rt/rt.h"
#include "target/loop.h"

#define BLOCKS_MAX 16384u     /* where a damaged size says more, the rest is not read: such a size is never legal */
#define PIECE      (64u << 10)

/* What no image is to blame for: a file system tells of damage by other numbers. */
static bool is_of_world(int err)
{
	return err == -ENOMEM || err == -EMFILE || err == -ENFILE || err == -EINTR || err == -ENODEV || err == -ENXIO ||
	       err == -EPERM || err == -EACCES || err == -EBUSY;
}

static void note(struct slot *s, int err, const char *what)
{
	if (!s->failed && is_of_world(err))
		s->failed = why_set(&s->why, err, "%s: %s", what, strerror(-err));
}

/* ---- the memory ---- */

static bool has(const struct slot *s, uint64_t blk)
{
	return s->has[blk / 64] >> blk % 64 & 1;
}

/* Most of the base stays zeros: where nothing is, huge pages need few faults to say so. */
static void fill(struct slot *s)
{
	madvise((void *)s->base, s->fs->size, MADV_HUGEPAGE);
	for (uint64_t blk = 0; blk < s->fs->size / DEV_BLOCK; blk++) {
		const uint8_t *from = s->base + blk * DEV_BLOCK;
		if (base_is_zeros(from))
			continue;
		s->has[blk / 64] |= 1ull << blk % 64;
		memcpy(s->map + blk * DEV_BLOCK, from, DEV_BLOCK);
	}
	madvise((void *)s->base, s->fs->size, MADV_NOHUGEPAGE);
}

int slot_open(struct slot *s, const struct cut_fs *fs, const uint8_t *base, unsigned subvols, struct why *why)
{
	bool direct;

	*s = (struct slot){ .fs = fs, .base = base, .subvols = subvols, .loop = -1 };
	s->memory = memfd_create("fsyncstorm", MFD_CLOEXEC);
	if (s->memory < 0 || ftruncate(s->memory, (off_t)fs->size))
		return why_set(why, -errno, "no memory for an image: %s", strerror(errno));
	s->map = mmap(NULL, fs->size, PROT_READ | PROT_WRITE, MAP_SHARED, s->memory, 0);
	if (s->map == MAP_FAILED) {
		close(s->memory);
		return why_set(why, -ENOMEM, "no memory for an image of %lu MiB", (unsigned long)(fs->size >> 20));
	}
	s->has = mem_zalloc((fs->size / DEV_BLOCK / 64 + 1) * sizeof(*s->has));
	fill(s);
	s->loop = loop_attach(s->memory, s->path, sizeof(s->path), &direct);
	if (s->loop >= 0)
		return 0;
	int ret = why_set(why, s->loop, "no loop device: %s", strerror(-s->loop));
	slot_close(s);
	return ret;
}

bool slot_watch_reads(struct slot *s)
{
	if (!s->reads)
		s->reads = reads_begin(s->path + strlen("/dev/"), s->fs->size / DEV_BLOCK, NULL);
	return s->reads;
}

void slot_close(struct slot *s)
{
	if (s->reads)
		reads_end(s->reads);
	if (s->loop >= 0)
		loop_detach(s->loop, s->path);
	munmap(s->map, s->fs->size);
	close(s->memory);
	free(s->has);
}

/* The blocks from `from` on, which have memory, are as in the base again. */
static void restore_range(struct slot *s, uint64_t from, uint64_t to)
{
	for (uint64_t blk = from; blk < to; blk++) {
		uint8_t *p = s->map + blk * DEV_BLOCK;
		if (has(s, blk)) {
			if (memcmp(p, s->base + blk * DEV_BLOCK, DEV_BLOCK))
				memcpy(p, s->base + blk * DEV_BLOCK, DEV_BLOCK);
			continue;
		}
		uint64_t n = 1;
		while (blk + n < to && !has(s, blk + n))
			n++;
		fallocate(s->memory, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)(blk * DEV_BLOCK),
		          (off_t)(n * DEV_BLOCK));
		blk += n - 1;
	}
}

static void restore(struct slot *s)
{
	off_t end = (off_t)s->fs->size, from = 0, to;

	while (from < end && (from = lseek(s->memory, from, SEEK_DATA)) >= 0) {
		to = lseek(s->memory, from, SEEK_HOLE);
		if (to < 0)
			to = end;
		restore_range(s, (uint64_t)from / DEV_BLOCK, ((uint64_t)to + DEV_BLOCK - 1) / DEV_BLOCK);
		from = to;
	}
}

static void put_block(void *arg, uint32_t blk, const uint8_t *data)
{
	struct slot *s = arg;

	/* not through the map: most of these blocks are taken away again, and then no page table needs a flush */
	if (pwrite(s->memory, data, DEV_BLOCK, (off_t)blk * DEV_BLOCK) != DEV_BLOCK)
		note(s, -ENOMEM, "memory for an image");
}

void slot_put(struct slot *s, const struct dev *image)
{
	uint64_t since = rt_now();

	restore(s);
	if (image)
		powercut_image_blocks(image, put_block, s);
	ioctl(s->loop, BLKFLSBUF); /* what the kernel has cached of the image before */
	s->took.put_ns += rt_now() - since;
}

/* ---- what a mount of it holds ---- */

static uint32_t sectors_in(uint64_t size, uint64_t block)
{
	uint64_t left = size - block * FS_BLOCK;

	return left >= FS_BLOCK ? BLOCK_SECTORS : (uint32_t)((left + ORACLE_SECTOR - 1) / ORACLE_SECTOR);
}

/* Reads n blocks from `first` on, together where that can be done. */
static void read_piece(struct recovered_file *rf, int fd, uint32_t first, uint32_t n, uint8_t *buf)
{
	uint64_t off = (uint64_t)first * FS_BLOCK, left = rf->size - off, want = (uint64_t)n * FS_BLOCK;

	if (want > left)
		want = left;
	memset(buf, 0, PIECE);
	ssize_t got = pread(fd, buf, want, (off_t)off);
	if (got != (ssize_t)want && n > 1) {
		for (uint32_t i = 0; i < n; i++)
			read_piece(rf, fd, first + i, 1, buf);
		return;
	}
	if (got != (ssize_t)want) {
		rf->block[first].err = got < 0 ? -errno : -EIO;
		return;
	}
	for (uint32_t i = 0; i < n; i++)
		recovered_identify(&rf->block[first + i], buf + (uint64_t)i * FS_BLOCK, sectors_in(rf->size, first + i),
		                   true);
}

static void read_blocks(struct recovered_file *rf, int fd)
{
	static _Thread_local uint8_t buf[PIECE];
	uint64_t n = (rf->size + FS_BLOCK - 1) / FS_BLOCK;

	rf->nblocks = n < BLOCKS_MAX ? (uint32_t)n : BLOCKS_MAX;
	rf->block = mem_zalloc((rf->nblocks + 1) * sizeof(*rf->block));
	for (uint32_t i = 0; i < rf->nblocks; i += PIECE / FS_BLOCK) {
		uint32_t left = rf->nblocks - i;
		read_piece(rf, fd, i, left < PIECE / FS_BLOCK ? left : PIECE / FS_BLOCK, buf);
	}
}

static void read_file(struct slot *s, struct recovered *r, int dir, unsigned subvol, const char *name)
{
	struct recovered_file *rf = recovered_add(r, subvol, name, 0);
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st)) {
		rf->err = -errno;
		if (fd >= 0)
			close(fd);
		return;
	}
	rf->ino = cut_fs_file_id(s->fs, fd);
	rf->nlink = (uint32_t)st.st_nlink;
	rf->size = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
	if (S_ISREG(st.st_mode))
		read_blocks(rf, fd);
	else
		rf->err = -EISDIR; /* nobody has made such */
	close(fd);
}

static int read_dir(struct slot *s, struct recovered *r, int root, unsigned subvol)
{
	int fd = cut_fs_subvol_open(root, subvol), ret;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (fd < 0)
		return fd;
	if (!d) {
		ret = -errno;
		close(fd);
		return ret;
	}
	errno = 0;
	for (struct dirent *e = readdir(d); e; errno = 0, e = readdir(d))
		if (!cut_fs_is_own_name(e->d_name))
			read_file(s, r, fd, subvol, e->d_name);
	ret = -errno;
	closedir(d);
	return ret;
}

static void note_world(struct slot *s, const struct recovered *r)
{
	note(s, r->err, r->why.text);
	note(s, r->list_err, "a folder");
	for (uint32_t i = 0; i < r->nfiles; i++) {
		const struct recovered_file *rf = &r->file[i];
		note(s, rf->err, rf->name);
		for (uint32_t k = 0; k < rf->nblocks; k++)
			note(s, rf->block[k].err, rf->name);
	}
}

static struct recovered *mount_and_read(struct slot *s, const char *how)
{
	struct recovered *r = mem_zalloc(sizeof(*r));
	uint64_t since = rt_now(), now;
	int root = cut_fs_mount(s->fs, s->path, how, &r->why);

	s->took.mount_ns += (now = rt_now()) - since;
	if (root < 0) {
		r->err = root;
		note_world(s, r);
		return r;
	}
	if (s->foreign)
		foreign_read(root, r);
	for (unsigned i = 0; i < s->subvols && !s->foreign; i++) {
		int ret = read_dir(s, r, root, i);
		if (ret && !r->list_err)
			r->list_err = ret;
	}
	note_world(s, r);
	s->took.read_ns += rt_now() - now;
	since = rt_now();
	close(root);
	s->took.umount_ns += rt_now() - since;
	return r;
}

struct recovered *slot_look(struct slot *s)
{
	if (s->reads)
		reads_clear(s->reads);
	struct recovered *r = mount_and_read(s, "ro");
	if (s->reads)
		r->read = reads_taken(s->reads);
	return r;
}

int slot_check(struct slot *s, struct recovered **again, struct why *why)
{
	*again = mount_and_read(s, "rw");
	ioctl(s->loop, BLKFLSBUF);
	if ((*again)->err)
		return 0;
	uint64_t since = rt_now();
	int ret = cut_fs_check(s->fs, s->path, why);
	s->took.check_ns += rt_now() - since;
	return ret;
}
