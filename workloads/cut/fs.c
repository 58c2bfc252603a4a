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
#define SIZE_MAX_ (1024 * MIB)
#define ARGS_MAX  32
#define SUBVOL    "fsyncstorm-subvolume-"

struct cut_fs_type {
	const char *name, *package;
	const char *mkfs[10];   /* without the device */
	const char *check[6];   /* the same of its checker */
	const char *mount;      /* options that a recorded mount has: nothing is discarded */
	uint64_t size, least;
	bool in_place, reuses_inodes, has_subvols;
};

static const struct cut_fs_type types[] = {
	{ "ext4", "e2fsprogs",
	  { "mkfs.ext4", "-q", "-F", "-b", "4096", "-E", "nodiscard,lazy_itable_init=0,lazy_journal_init=0" },
	  { "fsck.ext4", "-f", "-n" }, "", 32 * MIB, 16 * MIB, true, true, false },
	{ "xfs", "xfsprogs", { "mkfs.xfs", "-q", "-f", "-K" }, { "xfs_repair", "-n" }, "", 300 * MIB, 300 * MIB, true,
	  true, false },
	{ "btrfs", "btrfs-progs", { "mkfs.btrfs", "-q", "-f", "-K" }, { "btrfs", "check", "--readonly" }, "nodiscard",
	  128 * MIB, 109 * MIB, false, false, true },
};
#define NTYPES (sizeof(types) / sizeof(types[0]))

/* ---- its text ---- */

/* "key=": the value's begin, or NULL. */
static const char *value_of(const char *text, const char *key)
{
	size_t n = strlen(key);

	return strncmp(text, key, n) || text[n] != '=' ? NULL : text + n + 1;
}

static const char *const keys[] = { "mkfs", "mount", "size" };
#define NKEYS (sizeof(keys) / sizeof(keys[0]))

/* The comma after which the next key stands, or the text's end: a value may have commas of its own. */
static size_t value_length(const char *value)
{
	for (const char *p = strchr(value, ','); p; p = strchr(p + 1, ','))
		for (size_t k = 0; k < NKEYS; k++)
			if (value_of(p + 1, keys[k]))
				return (size_t)(p - value);
	return strlen(value);
}

static int take_size(const char *word, struct cut_fs *out, struct why *why)
{
	if (text_size(word, &out->size) || out->size < out->type->least || out->size > SIZE_MAX_ || out->size % MIB)
		return why_set(why, -EINVAL, "size=%.40s: whole MiB from %lum to %lum are expected for %s", word,
		               (unsigned long)(out->type->least / MIB), (unsigned long)(SIZE_MAX_ / MIB),
		               out->type->name);
	return 0;
}

static int take_key(const char *key, const char *text, struct cut_fs *out, struct why *why)
{
	char value[CUT_FS_TEXT];
	size_t n = value_length(text);

	if (!n || n >= sizeof(value))
		return why_set(why, -EINVAL, "%s=: 1 to %u letters are expected", key, CUT_FS_TEXT - 1);
	snprintf(value, sizeof(value), "%.*s", (int)n, text);
	if (!strcmp(key, "size"))
		return take_size(value, out, why);
	strcpy(!strcmp(key, "mkfs") ? out->mkfs : out->mount, value);
	return 0;
}

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
	out->size = out->type->size;
	for (text += len; *text == ',';) {
		const char *value = NULL;
		size_t k = 0;
		text++;
		while (k < NKEYS && !(value = value_of(text, keys[k])))
			k++;
		if (!value)
			return why_set(why, -EINVAL, "`%.40s`: mkfs=, mount= or size= is expected", text);
		if (take_key(keys[k], value, out, why))
			return -EINVAL;
		text = value + value_length(value);
	}
	return 0;
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
	char *argv[ARGS_MAX + 1], more[CUT_FS_TEXT], *save;
	size_t n = 0;

	for (; fs->type->mkfs[n]; n++)
		argv[n] = (char *)fs->type->mkfs[n];
	strcpy(more, fs->mkfs);
	for (char *word = strtok_r(more, " ", &save); word && n < ARGS_MAX - 1; word = strtok_r(NULL, " ", &save))
		argv[n++] = word;
	argv[n++] = (char *)device;
	argv[n] = NULL;
	int ret = program_run(argv, NULL, why);
	return ret == -ENOENT ? why_set(why, ret, "%s: install the package %s", why->text, fs->type->package) : ret;
}

/* What the kernel has said of the mount, in `said`; "" when nothing. */
static void mount_log(int context, char *said, size_t size)
{
	char line[512];
	ssize_t n;

	said[0] = '\0';
	while ((n = read(context, line, sizeof(line) - 1)) > 0) {
		line[n] = '\0';
		if (line[0] == 'e')
			snprintf(said, size, ": %.*s", (int)size - 3, line + 2);
	}
}

static int set_options(int context, const char *options)
{
	char copy[2 * CUT_FS_TEXT], *save;
	int ret = 0;

	snprintf(copy, sizeof(copy), "%s", options);
	for (char *word = strtok_r(copy, ",", &save); word && !ret; word = strtok_r(NULL, ",", &save)) {
		char *value = strchr(word, '=');
		if (value)
			*value++ = '\0';
		ret = fsconfig(context, value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, word, value, 0);
	}
	return ret;
}

int cut_fs_mount(const struct cut_fs *fs, const char *device, const char *more, struct why *why)
{
	int context = fsopen(fs->type->name, FSOPEN_CLOEXEC), fd = -1, ret;
	char said[WHY_MAX / 2] = "";

	if (context < 0)
		return why_set(why, -errno, errno == ENODEV ? "this kernel has no %s" : "cannot mount %s",
		               fs->type->name);
	bool set = !fsconfig(context, FSCONFIG_SET_STRING, "source", device, 0) &&
		   !set_options(context, fs->type->mount) && !set_options(context, fs->mount) &&
		   !set_options(context, more);
	if (set && !fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		fd = fsmount(context, FSMOUNT_CLOEXEC, 0);
	ret = -errno;
	if (fd < 0)
		mount_log(context, said, sizeof(said));
	close(context);
	if (fd >= 0)
		return fd;
	if (!set)
		return why_set(why, ret, "%s takes no mount options `%s`%s", fs->type->name, fs->mount, said);
	return why_set(why, ret, "%s does not mount: %s%s", fs->type->name, strerror(-ret), said);
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
