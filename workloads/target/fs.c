/*
 * fs.c: a real file system of its own: fs:ext4|xfs|btrfs[:IMAGE][,mkfs=ARGUMENTS][,mount=OPTIONS][,size=SIZE]. For each
 * trial it is made anew on a loop device over an image, or on a block device, and mounted.
 *
 * Nothing is left behind, however the program ends: the mount is in no folder and goes with its file descriptor, the
 * loop device goes with its last user, and the image has no name (unless it is to be kept).
 *
 * The image is written in full, once for all trials, and nothing discards a part of it: a write never has to allocate
 * space in the file system below. Targets of one size whose image has no name take turns on one image: what differs
 * between them is not where their blocks lie.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/text.h"
#include "dev/claim.h"
#include "machine/mem.h"
#include "target/floor.h"
#include "target/kernel_fs.h"
#include "target/loop.h"
#include "target/mounted_as.h"
#include "target/scratch.h"

#define MIB         (1u << 20)
#define IMAGES_MAX  16
#define MKFS_MAX    10
#define JOURNAL_MIB 64 /* of ext4: what mkfs chooses for disks of 2 GiB and more */
#define MADE_MAX    1280
#define SIZE        (512ull << 20) /* of an image, when none is given */

static const struct fs_type {
	const char *name, *package;
	const char *mkfs[MKFS_MAX];  /* without the device */
	const char *option;          /* of mount; NULL */
	uint64_t least;              /* bytes that mkfs wants */
} types[] = {
	{ "ext4", "e2fsprogs",
	  { "mkfs.ext4", "-q", "-F", "-b", "4096", "-E", "nodiscard,lazy_itable_init=0,lazy_journal_init=0" }, NULL,
	  16ull << 20 },
	{ "xfs", "xfsprogs", { "mkfs.xfs", "-q", "-f", "-K" }, NULL, 300ull << 20 },
	{ "btrfs", "btrfs-progs", { "mkfs.btrfs", "-q", "-f", "-K" }, "nodiscard", 128ull << 20 },
};
#define NTYPES (sizeof(types) / sizeof(types[0]))

/* The images of this process: open until it ends, so that each is written once. */
static struct image {
	char path[TARGET_TEXT_MAX]; /* "" when it has no name */
	uint64_t size;              /* 0: of no image yet */
	int fd;
} images[IMAGES_MAX];

struct made_fs {
	struct kernel_fs k; /* first: kernel_*() take it */
	const struct fs_type *type;
	char options[FS_OPTIONS_TEXT * 2]; /* of its super block, as the kernel says; else those that were given */
	int mount;    /* -1: unmounted, by fs_look() */
	char device[PATH_MAX];
	char made[MADE_MAX];
};

static const struct fs_type *find_type(const char *name)
{
	for (size_t i = 0; i < NTYPES; i++)
		if (!strcmp(types[i].name, name))
			return &types[i];
	return NULL;
}

/* ---- the image ---- */

static int open_named(const struct target_spec *spec, struct why *why)
{
	int fd = open(spec->path, O_RDWR | O_CREAT | O_CLOEXEC | (spec->force ? 0 : O_EXCL), 0600), ret;

	if (fd < 0 && errno == EEXIST)
		return why_set(why, -EEXIST, "%s is there already: it would be lost; --force if that is meant",
		               spec->path);
	if (fd < 0)
		return why_set(why, -errno, "%s: %s", spec->path, strerror(errno));
	ret = claim(spec->path, true, why);
	if (!ret && ftruncate(fd, 0))
		ret = why_set(why, -errno, "%s: %s", spec->path, strerror(errno));
	if (!ret)
		return fd;
	close(fd);
	return ret;
}

static uint64_t image_size(const struct target_spec *spec)
{
	return spec->fs.size ? spec->fs.size : SIZE;
}

/* Writes the image. One that does not fit is refused before the disk is full. */
static int fill_image(int fd, uint64_t size, struct why *why)
{
	struct statvfs s;
	uint64_t room = fstatvfs(fd, &s) ? UINT64_MAX : (uint64_t)s.f_bavail * s.f_frsize;
	int ret;

	if (size > room)
		return why_set(why, -ENOSPC, "the image takes %llu MiB, and there is room for %llu MiB: give a "
		               "smaller size=, or free some", (unsigned long long)(size >> 20),
		               (unsigned long long)(room >> 20));
	ret = scratch_fill(fd, size, 1);
	if (!ret && fdatasync(fd))
		ret = -errno;
	if (ret)
		why_set(why, ret, "cannot write an image of %llu MiB: %s", (unsigned long long)(size >> 20),
		        strerror(-ret));
	return ret;
}

static int new_image(const struct target_spec *spec, struct why *why)
{
	bool was_there = spec->path[0] && !access(spec->path, F_OK);
	int fd = spec->path[0] ? open_named(spec, why) : scratch_open(spec->folder[0] ? spec->folder : "."), ret;

	if (fd < 0 && !spec->path[0])
		return why_set(why, fd, "cannot make an image in %s: %s",
		               spec->folder[0] ? spec->folder : "the current folder", strerror(-fd));
	if (fd < 0)
		return fd;
	ret = fill_image(fd, image_size(spec), why);
	if (spec->path[0] && !was_there && (ret || !spec->keep))
		unlink(spec->path);
	if (!ret)
		return fd;
	close(fd);
	return ret;
}

bool target_fs_same_image(const struct target_spec *a, const struct target_spec *b)
{
	return image_size(a) == image_size(b) && !strcmp(a->path, b->path);
}

int target_fs_image(const struct target_spec *spec, struct why *why)
{
	struct image *im = images;

	while (im->size && (im->size != image_size(spec) || strcmp(im->path, spec->path)))
		if (++im == images + IMAGES_MAX)
			return why_set(why, -ENOSPC, "more than %d images", IMAGES_MAX);
	if (!im->size) {
		im->fd = new_image(spec, why);
		if (im->fd < 0)
			return im->fd;
		strcpy(im->path, spec->path);
		im->size = image_size(spec);
	}
	return im->fd;
}

/* ---- the device ---- */

static int open_block_device(const struct target_spec *spec, struct why *why)
{
	int fd, ret = claim(spec->path, spec->force, why);

	if (ret)
		return ret;
	if (spec->fs.size)
		return why_set(why, -EINVAL, "%s is a block device, and taken as a whole: leave size= out", spec->path);
	fd = open(spec->path, O_RDWR | O_CLOEXEC);
	return fd < 0 ? why_set(why, -errno, "%s: %s", spec->path, strerror(errno)) : fd;
}

/* The device, open, with its path in `path`; in->made says what it is. */
static int open_device(const struct target_spec *spec, char *path, size_t size, struct made_fs *in, struct why *why)
{
	struct stat st;
	bool direct;
	int fd;

	if (geteuid())
		return why_set(why, -EPERM,
		               "making and mounting a file system needs root; or mount one and use path:DIR");
	if (spec->path[0] && !stat(spec->path, &st) && S_ISBLK(st.st_mode)) {
		snprintf(path, size, "%s", spec->path);
		snprintf(in->made, sizeof(in->made), "the block device %.64s", path);
		return open_block_device(spec, why);
	}
	fd = target_fs_image(spec, why);
	if (fd < 0)
		return fd;
	fd = loop_attach(fd, path, size, &direct);
	if (fd < 0)
		return why_set(why, fd, "no loop device: %s", strerror(-fd));
	snprintf(in->made, sizeof(in->made), "a loop device %s direct I/O over an image of %llu MiB written in full",
	         direct ? "with" : "without", (unsigned long long)(image_size(spec) >> 20));
	return fd;
}

/* ---- the file system ---- */

/*
 * What a small ext4 has of its own would be compared too: mkfs gives it blocks of 1 KiB and a journal of 4 MiB, which
 * is full in a moment. So it has the blocks, and where it has room the journal, of a large one.
 */
static void mkfs_options(const struct fs_type *t, int device, const char *given, char *out, size_t size)
{
	off_t bytes = lseek(device, 0, SEEK_END);
	unsigned mib = bytes > 0 ? (unsigned)(bytes / MIB / 8) : 0;

	mib = mib < 4 ? 4 : mib > JOURNAL_MIB ? JOURNAL_MIB : mib;
	if (strcmp(t->name, "ext4") || strstr(given, "-J") || strstr(given, "journal"))
		snprintf(out, size, "%s", given);
	else
		snprintf(out, size, "-J size=%u%s%s", mib, given[0] ? " " : "", given);
}

static void say_made(const struct fs_type *t, const char *more, struct made_fs *in)
{
	size_t at = strlen(in->made);

	for (size_t i = 0; i < MKFS_MAX && t->mkfs[i]; i++)
		at += (size_t)snprintf(in->made + at, sizeof(in->made) - at, "%s%s", i ? " " : "; ", t->mkfs[i]);
	snprintf(in->made + at, sizeof(in->made) - at, "%s%s", more[0] ? " " : "", more);
}

/* The options that are given to it, beside the kernel's defaults: "nodiscard,ssd"; "" for none. */
static void all_options(const struct fs_type *t, const char *more, char *out, size_t size)
{
	snprintf(out, size, "%s%s%s", t->option ? t->option : "", t->option && more[0] ? "," : "", more);
}

static void say_mounted(const struct fs_type *t, const char *more, struct made_fs *in)
{
	size_t at = strlen(in->made);
	char given[sizeof(in->options)], *as = in->options;

	all_options(t, more, given, sizeof(given));
	mounted_as(in->device, t->name, t->option, as, sizeof(in->options));
	snprintf(in->made + at, sizeof(in->made) - at, "; mounted with %s%s%s", given[0] ? given : "defaults",
	         as[0] ? ": " : "", as);
	if (!as[0])
		strcpy(as, given);
}

static int make_and_mount(const struct target_spec *spec, struct made_fs *in, struct why *why)
{
	const struct fs_type *t = find_type(spec->design);
	struct stat st = { .st_rdev = 0 };
	const char *const options[3] = { t->option, spec->fs.mount };
	char mkfs[FS_OPTIONS_TEXT + 32];
	char *device = in->device, parent[64];
	int fd = open_device(spec, device, sizeof(in->device), in, why), ret;

	if (fd < 0)
		return fd;
	in->type = t;
	if (spec->floor_ns)
		floor_beside(device, true, spec->floor_ns, &in->k.floor);
	mkfs_options(t, fd, spec->fs.mkfs, mkfs, sizeof(mkfs));
	ret = fs_options_make(t->mkfs, mkfs, t->package, device, why);
	if (!ret) {
		say_made(t, mkfs, in);
		ret = in->mount = fs_options_mount(t->name, device, options, why);
	}
	fstat(fd, &st);
	close(fd);
	if (ret < 0)
		return ret;
	snprintf(parent, sizeof(parent), "/proc/%d/fd/%d", (int)getpid(), in->mount);
	ret = kernel_fs_open(&in->k, parent, why);
	if (ret) {
		close(in->mount);
		return ret;
	}
	disk_of(st.st_rdev, &in->k.below.disk);
	say_mounted(t, spec->fs.mount, in);
	return 0;
}

static int fs_open(const struct target_spec *spec, void **instance, struct why *why)
{
	struct made_fs *in = mem_zalloc(sizeof(*in));
	int ret;

	hist_init(&in->k.floor);
	in->k.look_ns = spec->keep ? 0 : spec->floor_ns;
	ret = make_and_mount(spec, in, why);
	if (ret)
		free(in);
	else
		*instance = in;
	return ret;
}

static void fs_facts(void *instance, struct target_facts *out)
{
	struct made_fs *in = instance;
	int fd = open(in->device, O_RDONLY | O_CLOEXEC);

	kernel_facts(&in->k, out);
	out->made = in->made;
	if (!facts_get(&out->drive, "drive")[0]) /* btrfs has a number of its own, and this mount is in no table */
		facts_of_fd(fd, &out->drive);
	if (fd >= 0)
		close(fd);
	facts_add(&out->drive, "filesystem", "%s", in->type->name);
	facts_add(&out->drive, "fs_options", "%s", in->options);
}

static void unmount(struct made_fs *in)
{
	if (in->mount < 0)
		return;
	kernel_fs_close(&in->k);
	close(in->mount);
	in->mount = -1;
}

/* The device is held open between unmount and look: a loop device goes with its last user. */
static void fs_look(void *instance, struct hist *h)
{
	struct made_fs *in = instance;
	int fd = in->k.look_ns ? open(in->device, O_RDONLY | O_CLOEXEC) : -1;

	if (fd < 0)
		return;
	unmount(in);
	if (!disk_in_use(in->device))
		floor_beside(in->device, true, in->k.look_ns, h);
	close(fd);
}

static int fs_close(void *instance)
{
	struct made_fs *in = instance;

	unmount(in);
	free(in);
	return 0;
}

/* TYPE[:IMAGE][,key=value...] */
int target_fs_parse(const char *text, struct target_spec *out, struct why *why)
{
	size_t type = strcspn(text, ":,");
	const char *image = text + type + (text[type] == ':');
	const struct fs_type *t;
	struct why of;
	char hint[64];

	out->target = &target_fs;
	snprintf(out->design, sizeof(out->design), "%.*s", (int)type, text);
	t = find_type(out->design);
	if (!t)
		return why_set(why, -EINVAL, "no file system is called `%s`%s", out->design,
			       text_did_you_mean(hint, sizeof(hint),
						 text_nearest(out->design, types, NTYPES, sizeof(types[0]))));
	snprintf(out->path, sizeof(out->path), "%.*s", (int)strcspn(image, ","), image);
	if (!fs_options_parse(image + strlen(out->path), &(struct fs_sizes){ t->name, t->least, 0 }, &out->fs, &of))
		return 0;
	return why_set(why, -EINVAL, "%s, in `%.150s`", of.text, out->text);
}

const struct target target_fs = {
	.name = "fs",
	.what = "a real file system of its own, on a loop or block device: "
	        "fs:ext4|xfs|btrfs[:IMAGE][,mkfs=ARGUMENTS][,mount=OPTIONS][,size=SIZE]",
	.kernel = true,
	.open = fs_open,
	.settle = kernel_settle,
	.close = fs_close,
	.files = &kernel_files,
	.view = {
		.begin = kernel_begin,
		.facts = fs_facts,
		.look = fs_look,
		.folder = kernel_folder,
		.room = kernel_room,
	},
};
