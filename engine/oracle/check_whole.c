/*
 * check_whole.c: what no history has to say of a crash image (rules.14): does all of it fit together, and can it be
 * lived with? Five looks, and the first that finds something is told:
 *
 * 1. the whole image (fs/look.h): each block has one owner, each file's data have their checksums and there are no
 *    others, names and link counts agree;
 * 2. mounted for writing it holds what it held; its files are made longer, over what may be left there, by a
 *    truncation, a write behind a gap, a direct one, or a preallocation, and are written to; one is made; all are
 *    synced: then everything in memory is lost, and what was synced is there;
 * 3. mounted once more, a file is made, synced, written over, cut and removed: when all of it is committed there is as
 *    much free space as after the next mount, which counts it from the trees: none is lost. Then the whole image again;
 * 4. in another image, one copy of the super block is lost: it can be mounted, and what is there can be read;
 * 5. in one of two, a write that may be lost is torn into sectors (check_torn.c).
 *
 * All of it in the image itself, which is a layer over the record, so that it costs what is written. Nothing that was
 * written is lost by the second crash: it asks what replay has left, and not what a device may lose.
 *
 * As check_replay.c, in controlled runs of their own without choices.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/look.h"
#include "machine/mem.h"
#include "oracle/check.h"
#include "pick/pickers.h"
#include "rt/coop.h"
#include "tree/super.h"

#define LIVED_MAX  6u          /* files */
#define LIVED_SIZE (256u << 10) /* none larger is lived with */
#define MADE       "made-after"

/* A file as it was when it was synced last. */
struct lived {
	uint32_t subvol;
	char name[FS_NAME_MAX];
	uint32_t size;
	uint8_t *data;
};

/* How a file is made longer. */
enum { TRUNCATED, WRITTEN, WRITTEN_DIRECT, ALLOCATED, WAYS };

struct whole {
	struct dev *image;
	uint32_t way; /* of its first file, by its fingerprint; the next file has the next one */
	const struct recovered *first;
	struct fs *fs;
	struct lived lived[LIVED_MAX + 1];
	uint32_t nlived;
	uint64_t data_free, meta_free; /* when all was committed */
	bool unmounted;             /* by whoever had it mounted for writing */
	bool full;                  /* no space: it is no fault of the image */
	struct why wrong;           /* text "": nothing is */
};

__attribute__((format(printf, 2, 3))) static void wrong(struct whole *w, const char *fmt, ...)
{
	va_list ap;

	if (w->wrong.text[0])
		return;
	va_start(ap, fmt);
	vsnprintf(w->wrong.text, sizeof(w->wrong.text), fmt, ap);
	va_end(ap);
}

/* ---- all of it fits together ---- */

static void tell_damage(void *arg, const char *line)
{
	struct whole *w = arg;

	wrong(w, "%s", line);
}

static void tell_file(void *arg, const struct look_file *f)
{
	struct whole *w = arg;

	if (w->unmounted && f->orphan)
		wrong(w, "inode %lu has no name, nobody has it open, and it is there after an unmount",
		      (unsigned long)f->ino);
}

static void look(struct whole *w)
{
	static const struct look_ops ops = { .file = tell_file, .damage = tell_damage };
	struct why why;

	if (!w->wrong.text[0] && look_image(w->image, true, &ops, w, &why))
		wrong(w, "%s", why.text);
}

/* ---- a life after it ---- */

/* A call's result, which is to be `due`. */
static bool went(struct whole *w, const char *call, const char *name, int ret, int due)
{
	if (ret == due)
		return true;
	if (ret == -ENOSPC)
		w->full = true;
	else
		wrong(w, "mounted for writing: %s of %s returned %d in place of %d", call, name, ret, due);
	return false;
}

static bool read_all(struct whole *w, struct file *f, const char *name, uint8_t *buf, uint32_t size)
{
	return went(w, "a read", name, fs_read(f, 0, buf, size), (int)size);
}

static bool all_zeros(const uint8_t *p, uint32_t n)
{
	while (n && !*p)
		p++, n--;
	return !n;
}

/* The file becomes longer, in the way that is its own; *zeros: up to there it is to have zeros behind its old
 * end. */
static bool make_longer(struct whole *w, struct lived *l, struct file *f, uint32_t *zeros)
{
	static const _Alignas(FS_BLOCK) uint8_t block[FS_BLOCK] = { [0 ... FS_BLOCK - 1] = 0x5a };
	uint32_t old = (uint32_t)fs_size(f), last = l->size - FS_BLOCK;
	uint32_t way = (w->way + (uint32_t)(l - w->lived)) % WAYS;

	*zeros = way == WRITTEN || way == WRITTEN_DIRECT ? last : l->size;
	switch (way) {
	case WRITTEN:
		return went(w, "a write", l->name, fs_write(f, last, block, FS_BLOCK), FS_BLOCK);
	case WRITTEN_DIRECT:
		return went(w, "a direct write", l->name, fs_write_direct(f, last, block, FS_BLOCK), FS_BLOCK);
	case ALLOCATED:
		return went(w, "a fallocate", l->name, fs_fallocate(f, old, l->size - old, false), 0);
	default:
		return went(w, "a truncation", l->name, fs_truncate(f, l->size), 0);
	}
}

/* Three blocks longer: what is there must read as zeros, whatever the crash left beyond the end. Then a part is
 * written, in what was there and behind it. */
static bool change(struct whole *w, struct lived *l, struct file *f)
{
	static const uint8_t bytes[700] = { [0 ... 699] = 0xa5 };
	uint32_t old = (uint32_t)fs_size(f), from = old > 300 ? old - 300 : 0, zeros;

	l->size = (uint32_t)round_up_block(old) + 3 * FS_BLOCK;
	l->data = mem_zalloc(l->size);
	if (!make_longer(w, l, f, &zeros) || !read_all(w, f, l->name, l->data, l->size))
		return false;
	if (!all_zeros(l->data + old, zeros - old))
		wrong(w, "mounted for writing: %s was %u bytes long, and has something behind them when it is longer",
		      l->name, old);
	memcpy(l->data + from, bytes, sizeof(bytes));
	return went(w, "a write", l->name, fs_write(f, from, bytes, sizeof(bytes)), (int)sizeof(bytes)) &&
	       went(w, "an fsync", l->name, fs_fsync(f), 0);
}

static bool live_with(struct whole *w, uint32_t subvol, const char *name, bool made)
{
	struct lived *l = &w->lived[w->nlived++];
	struct root *root = fs_subvol(w->fs, subvol);
	struct file *f;

	*l = (struct lived){ .subvol = subvol };
	snprintf(l->name, sizeof(l->name), "%s", name);
	if (!went(w, made ? "a creation" : "an open", name, made ? fs_create(root, name, &f) : fs_open(root, name, &f),
	          0))
		return false;
	bool good = change(w, l, f);
	fs_close(f);
	return good;
}

/* Only one of a file's names: with the next its content is no longer that of the first. */
static bool is_first_name(const struct recovered *r, uint32_t i)
{
	for (uint32_t k = 0; k < i; k++)
		if (r->file[k].subvol == r->file[i].subvol && r->file[k].ino == r->file[i].ino)
			return false;
	return true;
}

/* Can the file be changed and read? One that cannot be read is for the rules, which know what was promised of it. */
static bool is_sound(const struct recovered_file *f)
{
	bool sound = !f->err && f->size <= LIVED_SIZE && strcmp(f->name, MADE);

	for (uint32_t i = 0; i < f->nblocks; i++)
		sound = sound && !f->block[i].err;
	return sound;
}

static bool mount(struct whole *w)
{
	struct mount_options o = { .no_background = true };
	struct why why;

	if (!fs_mount(w->image, &o, &w->fs, &why))
		return true;
	wrong(w, "it cannot be mounted for writing: %s", why.text);
	return false;
}

static void live(void *arg)
{
	struct whole *w = arg;
	char how[200];
	bool good = true;

	if (!mount(w))
		return;
	struct recovered *now = recover_mounted(w->fs);
	if (!recovered_same(w->first, now, how, sizeof(how)))
		wrong(w, "mounted for writing it differs: %s", how);
	recovered_free(now);
	for (uint32_t i = 0; i < w->first->nfiles && w->nlived < LIVED_MAX && good; i++)
		if (is_first_name(w->first, i) && is_sound(&w->first->file[i]))
			good = live_with(w, w->first->file[i].subvol, w->first->file[i].name, false);
	if (good)
		live_with(w, 0, MADE, true);
	fs_abandon(w->fs);
	dev_drain(w->image);
}

/* What takes space and gives it up again, in files and in logs. False: no space. */
static bool use_space(struct fs *fs, struct root *root)
{
	static const uint8_t bytes[3 * FS_BLOCK] = { 1 };
	struct file *f;
	int ret = fs_create(root, MADE "-too", &f);

	if (ret)
		return false;
	for (uint32_t i = 0; i < 3 && ret >= 0; i++) {
		ret = fs_write(f, i * FS_BLOCK, bytes, sizeof(bytes));
		if (ret >= 0)
			ret = fs_fsync(f);
	}
	if (ret >= 0)
		ret = fs_truncate(f, FS_BLOCK + 100);
	if (ret >= 0)
		ret = fs_fsync(f);
	if (ret >= 0)
		ret = fs_unlink(root, MADE "-too");
	fs_close(f);
	return ret >= 0 && !fs_fsync_dir(root);
}

static void mount_once_more(void *arg)
{
	struct whole *w = arg;
	struct fs_info info;

	if (!mount(w))
		return;
	bool used = use_space(w->fs, fs_subvol(w->fs, 0));
	/* what was given up in a transaction is free when that is committed, and what a commit gives up after the next
	 * one: none of it is kept back then */
	for (unsigned i = 0; i < 2 && used; i++) {
		struct file *f;
		used = !fs_open(fs_subvol(w->fs, 0), MADE, &f) && fs_write(f, 0, "x", 1) == 1 && !fs_sync(w->fs);
		if (used)
			fs_close(f);
	}
	fs_info(w->fs, &info);
	if (used) {
		w->data_free = info.data_free;
		w->meta_free = info.meta_free;
	}
	int ret = fs_unmount(w->fs);
	if (ret && ret != -ENOSPC)
		wrong(w, "after the crash: an unmount returned %d", ret);
	w->unmounted = !ret;
	dev_drain(w->image);
}

/* Everything was committed, so what the next mount counts is what there was. */
static void check_space(struct whole *w)
{
	struct mount_options o = { .read_only = true, .no_background = true };
	struct fs_info info;
	struct why why;

	if (!w->data_free || w->wrong.text[0] || fs_mount(w->image, &o, &w->fs, &why))
		return; /* look() tells why */
	fs_info(w->fs, &info);
	fs_abandon(w->fs);
	if (info.data_free != w->data_free || info.meta_free != w->meta_free)
		wrong(w, "after the crash: %lu bytes of data and %lu of metadata were free, and the next mount finds "
		      "%lu and %lu", (unsigned long)w->data_free, (unsigned long)w->meta_free,
		      (unsigned long)info.data_free, (unsigned long)info.meta_free);
}

static void check_lived(struct whole *w, struct fs *fs, const struct lived *l)
{
	uint8_t *buf = mem_alloc(l->size + 1);
	struct file *f;

	if (fs_open(fs_subvol(fs, l->subvol), l->name, &f)) {
		wrong(w, "%s was synced after the crash, and is gone after the next one", l->name);
		free(buf);
		return;
	}
	if (fs_size(f) != l->size)
		wrong(w, "%s was synced after the crash, with size %u; after the next one it has %lu", l->name, l->size,
		      (unsigned long)fs_size(f));
	else if (fs_read(f, 0, buf, l->size) != (int)l->size)
		wrong(w, "%s was synced after the crash, and cannot be read after the next one", l->name);
	else if (memcmp(buf, l->data, l->size))
		wrong(w, "%s was synced after the crash, and holds something else after the next one", l->name);
	fs_close(f);
	free(buf);
}

static void check_all_lived(struct whole *w)
{
	struct mount_options o = { .read_only = true, .no_background = true };
	struct why why;
	struct fs *fs;

	if (fs_mount(w->image, &o, &fs, &why)) {
		wrong(w, "after a second crash it cannot be mounted: %s", why.text);
		return;
	}
	for (uint32_t i = 0; i < w->nlived; i++)
		check_lived(w, fs, &w->lived[i]);
	fs_abandon(fs);
}

/* Unless something is wrong already. */
static void run(struct whole *w, void (*main)(void *))
{
	struct coop_config cfg = { .picker = &pick_random };
	struct coop_result res;
	const char *err = NULL;

	if (w->wrong.text[0])
		return;
	cfg.picker_state = pick_random.create("", &err);
	coop_run(&cfg, main, w, &res);
	pick_random.destroy(cfg.picker_state);
	if (res.end != COOP_FINISHED)
		wrong(w, "after the crash: %s", res.why);
}

/* ---- a copy of the super block is lost ---- */

/* The first thing that cannot be read; NULL: nothing is. */
static const char *unreadable(const struct recovered *r)
{
	if (r->list_err)
		return "a directory";
	for (uint32_t i = 0; i < r->nfiles; i++) {
		if (r->file[i].err)
			return r->file[i].name;
		for (uint32_t k = 0; k < r->file[i].nblocks; k++)
			if (r->file[i].block[k].err)
				return r->file[i].name;
	}
	return NULL;
}

/*
 * The first copy is the only one that log commits write. Without it the file system is as some commit has left it, and
 * all of that is there: what it is made of is not used again before both copies name what comes after. Without the
 * second one nothing is missing.
 */
static void lose_super(struct whole *w, struct judge *j, const struct cut *c, unsigned copy)
{
	static _Alignas(FS_BLOCK) uint8_t nothing[SUPER_SIZE];
	struct dev *image;
	char how[200];

	int ret = powercut_image(j->dev, c, &image);
	CHECK(!ret);
	ret = dev_write(image, copy ? SUPER_COPY_1 : SUPER_COPY_0, nothing, sizeof(nothing), BIO_WRITE | BIO_META);
	CHECK(!ret);
	struct recovered *now = recover_image(image);
	dev_close(image);
	if (now->err)
		wrong(w, "with copy %u of the super block lost it cannot be mounted: %s", copy, now->why.text);
	else if (copy && !recovered_same(w->first, now, how, sizeof(how)))
		wrong(w, "with copy 1 of the super block lost it differs: %s", how);
	else if (!copy && !unreadable(w->first) && unreadable(now))
		wrong(w, "with copy 0 of the super block lost, %s cannot be read", unreadable(now));
	recovered_free(now);
}

char *judge_whole(struct judge *j, const struct cut *c, const struct recovered *r)
{
	struct whole w = { .first = r, .way = (uint32_t)(rng_mix(c->hash) % WAYS) };

	if (r->err)
		return NULL;
	int ret = powercut_image(j->dev, c, &w.image);
	CHECK(!ret);
	look(&w);
	lose_super(&w, j, c, w.way & 1);
	if (!w.wrong.text[0] && w.way & 2) {
		char *torn = judge_torn(j, c);
		if (torn)
			wrong(&w, "%s", torn);
		free(torn);
	}
	run(&w, live);
	if (!w.wrong.text[0] && !w.full)
		check_all_lived(&w);
	run(&w, mount_once_more);
	check_space(&w);
	look(&w);
	dev_close(w.image);
	for (uint32_t i = 0; i < w.nlived; i++)
		free(w.lived[i].data);
	return w.wrong.text[0] ? strdup(w.wrong.text) : NULL;
}
