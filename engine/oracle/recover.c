/* recover.c: mounts an image, reads all of it, and compares two readings: see recover.h. */
#include "oracle/recover.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dev/powercut.h"
#include "machine/mem.h"

#define BLOCKS_MAX 16384u /* where a damaged size says more, the rest is not read: such a size is never legal */

/* ---- reading ---- */

static uint32_t sectors_in(const struct recovered_file *rf, uint32_t block)
{
	uint64_t left = rf->size - (uint64_t)block * FS_BLOCK;

	return left >= FS_BLOCK ? BLOCK_SECTORS : (uint32_t)((left + ORACLE_SECTOR - 1) / ORACLE_SECTOR);
}

/* s, the sector i places after `first`, is of the same write, in its own place. */
static bool follows(const struct seen *first, const struct seen *s, uint32_t i)
{
	return s->kind == first->kind && s->stamp.file == first->stamp.file &&
	       s->stamp.version == first->stamp.version && s->stamp.writer == first->stamp.writer &&
	       s->stamp.sector == first->stamp.sector + (s->kind == SEEN_VERSION ? i : 0);
}

void recovered_identify(struct recovered_block *b, const uint8_t *data, uint32_t nsectors, bool keep_raw)
{
	struct seen each[BLOCK_SECTORS] = { 0 };
	bool uniform = true, garbage = false;

	for (uint32_t i = 0; i < nsectors; i++) {
		each[i] = block_identify(data + i * ORACLE_SECTOR);
		uniform &= follows(&each[0], &each[i], i);
		garbage |= each[i].kind == SEEN_GARBAGE;
	}
	b->first = each[0];
	if (garbage && keep_raw) {
		b->raw = mem_alloc(nsectors * ORACLE_SECTOR);
		memcpy(b->raw, data, nsectors * ORACLE_SECTOR);
	}
	if (uniform)
		return;
	b->each = mem_alloc(sizeof(each));
	memcpy(b->each, each, sizeof(each));
}

static void read_blocks(struct recovered_file *rf, struct file *f)
{
	static _Thread_local _Alignas(4096) uint8_t buf[FS_BLOCK];

	rf->size = fs_size(f);
	rf->nlink = fs_nlink(f);
	uint64_t n = (rf->size + FS_BLOCK - 1) / FS_BLOCK;
	rf->nblocks = n < BLOCKS_MAX ? (uint32_t)n : BLOCKS_MAX;
	rf->block = mem_zalloc((rf->nblocks + 1) * sizeof(*rf->block));
	for (uint32_t i = 0; i < rf->nblocks; i++) {
		int ret = fs_read(f, (uint64_t)i * FS_BLOCK, buf, FS_BLOCK);
		if (ret < 0)
			rf->block[i].err = ret;
		else
			recovered_identify(&rf->block[i], buf, sectors_in(rf, i), false);
	}
}

struct listing {
	struct recovered *r;
	uint32_t subvol;
};

struct recovered_file *recovered_add(struct recovered *r, uint32_t subvol, const char *name, uint64_t ino)
{
	if (r->nfiles == r->cap) {
		r->cap = r->cap ? 2 * r->cap : 4;
		r->file = realloc(r->file, r->cap * sizeof(*r->file));
		CHECK(r->file);
	}
	struct recovered_file *rf = &r->file[r->nfiles++];
	*rf = (struct recovered_file){ .subvol = subvol, .ino = ino };
	strncpy(rf->name, name, FS_NAME_MAX - 1);
	return rf;
}

static int add_name(void *arg, const char *name, uint64_t ino)
{
	struct listing *l = arg;

	recovered_add(l->r, l->subvol, name, ino);
	return 0;
}

static void read_file(struct fs *fs, struct recovered_file *rf)
{
	struct file *f;

	rf->err = fs_open(fs_subvol(fs, rf->subvol), rf->name, &f);
	if (rf->err)
		return;
	read_blocks(rf, f);
	fs_close(f);
}

struct recovered *recover_mounted(struct fs *fs)
{
	struct recovered *r = mem_zalloc(sizeof(*r));

	for (uint32_t i = 0; i < fs_nsubvols(fs); i++) {
		struct listing l = { r, i };
		int ret = fs_readdir(fs_subvol(fs, i), add_name, &l);
		if (ret && !r->list_err)
			r->list_err = ret;
	}
	for (uint32_t i = 0; i < r->nfiles; i++)
		read_file(fs, &r->file[i]);
	return r;
}

static struct recovered *recover(struct dev *image)
{
	struct mount_options o = { .read_only = true, .no_background = true };
	struct why why;
	struct fs *fs;

	int ret = fs_mount(image, &o, &fs, &why);
	if (ret) {
		struct recovered *r = mem_zalloc(sizeof(*r));
		r->err = ret;
		r->why = why;
		return r;
	}
	struct recovered *r = recover_mounted(fs);
	fs_abandon(fs);
	return r;
}

struct recovered *recover_image(struct dev *image)
{
	struct recovered *r = recover(image);
	uint32_t words;
	const uint64_t *read = powercut_image_reads(image, &words);

	if (!read)
		return r;
	r->read = mem_alloc(words * sizeof(*r->read));
	memcpy(r->read, read, words * sizeof(*r->read));
	return r;
}

void recovered_free(struct recovered *r)
{
	for (uint32_t i = 0; i < r->nfiles; i++) {
		for (uint32_t k = 0; k < r->file[i].nblocks; k++) {
			free(r->file[i].block[k].each);
			free(r->file[i].block[k].raw);
		}
		free(r->file[i].block);
	}
	free(r->file);
	free(r->damage);
	free(r->read);
	free(r);
}

/* ---- looking ---- */

struct seen recovered_sector(const struct recovered_block *b, uint32_t i)
{
	struct seen s = b->first;

	if (b->each)
		return b->each[i];
	if (s.kind == SEEN_VERSION)
		s.stamp.sector += i;
	return s;
}

struct recovered_file *recovered_find(const struct recovered *r, uint32_t subvol, const char *name)
{
	for (uint32_t i = 0; i < r->nfiles; i++)
		if (r->file[i].subvol == subvol && !strcmp(r->file[i].name, name))
			return &r->file[i];
	return NULL;
}

static bool same_block(const struct recovered_block *a, const struct recovered_block *b)
{
	if (a->err != b->err)
		return false;
	for (uint32_t i = 0; i < BLOCK_SECTORS; i++) {
		struct seen x = recovered_sector(a, i), y = recovered_sector(b, i);
		if (x.kind != y.kind || x.stamp.file != y.stamp.file || x.stamp.version != y.stamp.version ||
		    x.stamp.sector != y.stamp.sector)
			return false;
	}
	return true;
}

/* b: the other mount's file of that name, NULL when it has none. */
static bool same_file(const struct recovered_file *a, const struct recovered_file *b, char *how, unsigned size)
{
	if (!b || a->ino != b->ino || a->err != b->err) {
		snprintf(how, size, "file %s: %s", a->name,
		         b ? "another inode, or another error" : "only one mount has it");
		return false;
	}
	if (a->nlink != b->nlink) {
		snprintf(how, size, "file %s: link count %u, then %u", a->name, a->nlink, b->nlink);
		return false;
	}
	if (a->size != b->size) {
		snprintf(how, size, "file %s: size %lu, then %lu", a->name, (unsigned long)a->size,
		         (unsigned long)b->size);
		return false;
	}
	for (uint32_t i = 0; i < a->nblocks; i++)
		if (!same_block(&a->block[i], &b->block[i])) {
			snprintf(how, size, "file %s: block %u reads differently", a->name, i);
			return false;
		}
	return true;
}

bool recovered_same(const struct recovered *a, const struct recovered *b, char *how, unsigned size)
{
	if (a->err != b->err || a->list_err != b->list_err || a->nfiles != b->nfiles) {
		snprintf(how, size, "mount %s, then %s; %u names, then %u", a->err ? a->why.text : "good",
		         b->err ? b->why.text : "good", a->nfiles, b->nfiles);
		return false;
	}
	for (uint32_t i = 0; i < a->nfiles; i++)
		if (!same_file(&a->file[i], recovered_find(b, a->file[i].subvol, a->file[i].name), how, size))
			return false;
	return true;
}
