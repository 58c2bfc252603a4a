/* fs.c: see fs.h. */
#include "cut/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "kit/program.h"

#define MIB       (1ull << 20)
#define SUBVOL    "fsyncstorm-subvolume-"

struct cut_fs_type {
	const char *name, *package;
	const char *mkfs[10];   /* without the device */
	const char *check[6];   /* the same of its checker */
	const char *mount;      /* options that a recorded mount has: nothing is discarded */
	uint64_t size, least;
	struct { unsigned at; const char *is; } magic; /* by which it is known */
	bool in_place, reuses_inodes, has_subvols;
};

static const struct cut_fs_type types[] = {
	{ "ext4", "e2fsprogs",
	  { "mkfs.ext4", "-q", "-F", "-b", "4096", "-E", "nodiscard,lazy_itable_init=0,lazy_journal_init=0" },
	  { "fsck.ext4", "-f", "-n" }, "", 32 * MIB, 16 * MIB, { 1080, "\x53\xef" },
	  true, true, false },
	{ "xfs", "xfsprogs", { "mkfs.xfs", "-q", "-f", "-K" }, { "xfs_repair", "-n" }, "", 300 * MIB, 300 * MIB,
	  { 0, "XFSB" }, true, true, false },
	{ "btrfs", "btrfs-progs", { "mkfs.btrfs", "-q", "-f", "-K" }, { "btrfs", "check", "--readonly" }, "nodiscard",
	  128 * MIB, 109 * MIB, { 0x10040, "_BHRfS_M" }, false, false, true },
};
#define NTYPES (sizeof(types) / sizeof(types[0]))

/* ---- its text ---- */

int cut_fs_parse(const char *text, struct cut_fs *out, struct why *why)
{
	size_t n = strlen("fs:"), len;
	char name[32], hint[80];

	*out = (struct cut_fs){ 0 };
	if (strlen(text) >= sizeof(out->text))
		return why_set(why, -EINVAL, "%.60s...: it is too long", text);
	strcpy(out->text, text);
	if (strncmp(text, "fs:", n))
		return why_set(why, -EINVAL, "%.60s: fs:ext4, fs:xfs or fs:btrfs is expected", text);
	text += n;
	len = strcspn(text, ",");
	snprintf(name, sizeof(name), "%.*s", (int)len, text);
	for (size_t i = 0; i < NTYPES; i++)
		if (!strcmp(types[i].name, name))
			out->type = &types[i];
	if (!out->type)
		return why_set(why, -EINVAL, "no file system is called `%s`%s", name,
		               text_did_you_mean(hint, sizeof(hint), text_nearest(name, types, NTYPES,
		                                                                  sizeof(types[0]))));
	struct fs_sizes sizes = { out->type->name, out->type->least, CUT_FS_SIZE_MAX };
	if (fs_options_parse(text + len, &sizes, &out->options, why))
		return -EINVAL;
	out->size = out->options.size ? out->options.size : out->type->size;
	return 0;
}

int cut_fs_find(const uint8_t *content, uint64_t size, char *out, size_t room, struct why *why)
{
	for (size_t i = 0; i < NTYPES; i++) {
		const struct cut_fs_type *t = &types[i];
		size_t n = strlen(t->magic.is);
		if (size < t->magic.at + n || memcmp(content + t->magic.at, t->magic.is, n))
			continue;
		uint64_t mib = ((size > t->least ? size : t->least) + MIB - 1) / MIB;
		snprintf(out, room, "fs:%s,size=%lum", t->name, (unsigned long)mib);
		return 0;
	}
	return why_set(why, -EINVAL, "neither ext4, xfs nor btrfs lies there");
}

const char *cut_fs_name(const struct cut_fs *fs)
{
	return fs->type->name;
}

bool cut_fs_in_place(const struct cut_fs *fs)
{
	return fs->type->in_place;
}

bool cut_fs_reuses_inodes(const struct cut_fs *fs)
{
	return fs->type->reuses_inodes;
}

/* ---- made, mounted, checked ---- */

int cut_fs_make(const struct cut_fs *fs, const char *device, struct why *why)
{
	return fs_options_make(fs->type->mkfs, fs->options.mkfs, fs->type->package, device, why);
}

int cut_fs_mount(const struct cut_fs *fs, const char *device, const char *more, struct why *why)
{
	const char *const options[3] = { fs->type->mount, fs->options.mount, more };

	return fs_options_mount(fs->type->name, device, options, why);
}

int cut_fs_check(const struct cut_fs *fs, const char *device, struct why *why)
{
	char *argv[8];
	size_t n = 0;

	for (; fs->type->check[n]; n++)
		argv[n] = (char *)fs->type->check[n];
	argv[n++] = (char *)device;
	argv[n] = NULL;
	int ret = program_run(argv, NULL, why);
	return ret == -EIO ? 1 : ret;
}

/* ---- what is particular of one ---- */

static void subvol_name(unsigned nr, char *name, size_t size)
{
	snprintf(name, size, SUBVOL "%u", nr);
}

int cut_fs_subvol_make(const struct cut_fs *fs, int root, unsigned nr)
{
	struct btrfs_ioctl_vol_args args = { .fd = 0 };

	if (!nr)
		return 0;
	subvol_name(nr, args.name, sizeof(args.name));
	if (!fs->type->has_subvols)
		return mkdirat(root, args.name, 0755) ? -errno : 0;
	int dir = cut_fs_subvol_open(root, 0), ret; /* the mount's own descriptor takes no ioctl */
	if (dir < 0)
		return dir;
	ret = ioctl(dir, BTRFS_IOC_SUBVOL_CREATE, &args) ? -errno : 0;
	close(dir);
	return ret;
}

int cut_fs_subvol_open(int root, unsigned nr)
{
	char name[64] = ".";

	if (nr)
		subvol_name(nr, name, sizeof(name));
	int fd = openat(root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

bool cut_fs_is_own_name(const char *name)
{
	return !strcmp(name, ".") || !strcmp(name, "..") || !strcmp(name, "lost+found") ||
	       !strncmp(name, SUBVOL, strlen(SUBVOL));
}

void cut_fs_commit(const struct cut_fs *fs, int dir)
{
	uint64_t transid = 0;

	if (!fs->type->has_subvols)
		fsync(dir);
	else if (!ioctl(dir, BTRFS_IOC_START_SYNC, &transid))
		ioctl(dir, BTRFS_IOC_WAIT_SYNC, &transid);
}

uint64_t cut_fs_file_id(const struct cut_fs *fs, int fd)
{
	int generation = 0;
	struct stat st;

	if (fstat(fd, &st))
		return 0;
	if (fs->type->reuses_inodes && ioctl(fd, FS_IOC_GETVERSION, &generation))
		return 0;
	return (uint64_t)st.st_ino | (uint64_t)(uint32_t)generation << 32;
}

int cut_fs_set_in_place(const struct cut_fs *fs, int fd)
{
	int flags = 0;

	if (fs->type->in_place)
		return 0;
	if (ioctl(fd, FS_IOC_GETFLAGS, &flags))
		return -errno;
	flags |= FS_NOCOW_FL;
	return ioctl(fd, FS_IOC_SETFLAGS, &flags) ? -errno : 0;
}
