/* fs_options.c: see fs_options.h. */
#include "target/fs_options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "kit/program.h"

#define MIB      (1ull << 20)
#define ARGS_MAX 32

/* ---- its text ---- */

static const char *const keys[] = { "mkfs", "mount", "size" };
#define NKEYS (sizeof(keys) / sizeof(keys[0]))

/* "key=": the value's begin, or NULL. */
static const char *value_of(const char *text, const char *key)
{
	size_t n = strlen(key);

	return strncmp(text, key, n) || text[n] != '=' ? NULL : text + n + 1;
}

/* Up to the comma after which the next key stands, or the text's end; a size has no comma of its own. */
static size_t value_length(const char *key, const char *value)
{
	if (!strcmp(key, "size"))
		return strcspn(value, ",");
	for (const char *p = strchr(value, ','); p; p = strchr(p + 1, ','))
		for (size_t k = 0; k < NKEYS; k++)
			if (value_of(p + 1, keys[k]))
				return (size_t)(p - value);
	return strlen(value);
}

static int take_size(const char *word, const struct fs_sizes *sizes, struct fs_options *out, struct why *why)
{
	char most[32] = "";

	if (!text_size(word, &out->size) && out->size >= sizes->least && (!sizes->most || out->size <= sizes->most) &&
	    !(out->size % MIB))
		return 0;
	if (sizes->most)
		snprintf(most, sizeof(most), " to %llum", (unsigned long long)(sizes->most / MIB));
	return why_set(why, -EINVAL, "size=%.40s: whole MiB from %llum%s are expected for %s", word,
	               (unsigned long long)(sizes->least / MIB), most, sizes->type);
}

/* What a mount of a file system that is to be measured, or cut, cannot be. */
static int check_mount(const char *options, struct why *why)
{
	char copy[FS_OPTIONS_TEXT], *save;

	strcpy(copy, options);
	for (char *word = strtok_r(copy, ",", &save); word; word = strtok_r(NULL, ",", &save))
		if (!strcmp(word, "ro") || !strcmp(word, "loop") || !strcmp(word, "remount"))
			return why_set(why, -EINVAL, "mount=: `%s` is not an option of a file system that is made to "
			               "be written to: leave it out", word);
	return 0;
}

/* (fs_options.1) Each part of each argument: "-d", "name", "/dev/sda". */
static int check_mkfs(const char *arguments, struct why *why)
{
	char copy[FS_OPTIONS_TEXT], *save;
	struct stat st;

	strcpy(copy, arguments);
	for (char *part = strtok_r(copy, " =,", &save); part; part = strtok_r(NULL, " =,", &save))
		if (!stat(part, &st) && !S_ISDIR(st.st_mode))
			return why_set(why, -EINVAL, "mkfs=: `%.100s` is there, and nothing but the target's own "
			               "device is written to: leave it out", part);
	return 0;
}

static int take_key(const char *key, const char *text, const struct fs_sizes *sizes, struct fs_options *out,
                    struct why *why)
{
	char value[FS_OPTIONS_TEXT];
	size_t n = value_length(key, text);

	if (!n || n >= sizeof(value))
		return why_set(why, -EINVAL, "%s=: 1 to %u letters are expected", key, FS_OPTIONS_TEXT - 1);
	snprintf(value, sizeof(value), "%.*s", (int)n, text);
	if (!strcmp(key, "size"))
		return take_size(value, sizes, out, why);
	if (!strcmp(key, "mkfs")) {
		strcpy(out->mkfs, value);
		return check_mkfs(value, why);
	}
	strcpy(out->mount, value);
	return check_mount(value, why);
}

int fs_options_parse(const char *text, const struct fs_sizes *sizes, struct fs_options *out, struct why *why)
{
	*out = (struct fs_options){ .size = 0 };
	while (*text) {
		const char *value = NULL;
		size_t k = 0;

		text += *text == ',';
		while (k < NKEYS && !(value = value_of(text, keys[k])))
			k++;
		if (!value)
			return why_set(why, -EINVAL, "no key is called `%.*s`: mkfs=, mount= or size= is expected",
			               (int)strcspn(text, "=,"), text);
		if (take_key(keys[k], value, sizes, out, why))
			return -EINVAL;
		text = value + value_length(keys[k], value);
	}
	return 0;
}

/* ---- made ---- */

int fs_options_make(const char *const *mkfs, const char *more, const char *package, const char *device,
                    struct why *why)
{
	char *argv[ARGS_MAX + 1], copy[2 * FS_OPTIONS_TEXT], *save;
	size_t n = 0;
	int ret;

	for (; mkfs[n]; n++)
		argv[n] = (char *)mkfs[n];
	snprintf(copy, sizeof(copy), "%s", more);
	for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		if (n == ARGS_MAX - 1)
			return why_set(why, -EINVAL, "mkfs=: more than %d arguments", ARGS_MAX);
		argv[n++] = word;
	}
	argv[n++] = (char *)device;
	argv[n] = NULL;
	ret = program_run(argv, NULL, why);
	return ret == -ENOENT ? why_set(why, ret, "%s: install the package %s", why->text, package) : ret;
}

/* ---- mounted ---- */

/* Options of a mount, and not of its file system: fsmount() takes them. */
static const struct attribute {
	const char *name;
	unsigned value;
} attributes[] = {
	{ "noatime", MOUNT_ATTR_NOATIME },
	{ "nodiratime", MOUNT_ATTR_NODIRATIME },
	{ "relatime", MOUNT_ATTR_RELATIME },
	{ "strictatime", MOUNT_ATTR_STRICTATIME },
	{ "nodev", MOUNT_ATTR_NODEV },
	{ "noexec", MOUNT_ATTR_NOEXEC },
	{ "nosuid", MOUNT_ATTR_NOSUID },
};

static bool take_attribute(const char *word, unsigned *attr)
{
	for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++)
		if (!strcmp(attributes[i].name, word)) {
			*attr |= attributes[i].value;
			return true;
		}
	return false;
}

/* 0, or -1 as fsconfig(), and `bad` is the option that it does not take. */
static int set_options(int context, const char *options, unsigned *attr, char *bad)
{
	char copy[FS_OPTIONS_TEXT], *save;

	snprintf(copy, sizeof(copy), "%s", options ? options : "");
	for (char *word = strtok_r(copy, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
		char *value = strchr(word, '=');

		if (take_attribute(word, attr))
			continue;
		strcpy(bad, word);
		if (value)
			*value++ = '\0';
		if (fsconfig(context, value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, word, value, 0))
			return -1;
	}
	bad[0] = '\0';
	return 0;
}

/* What the kernel has said of the mount, in `said`; "" when nothing. */
static void mount_log(int context, char *said, size_t size)
{
	char line[512];
	ssize_t n;

	said[0] = '\0';
	while ((n = read(context, line, sizeof(line) - 1)) > 0) {
		line[n] = '\0';
		line[strcspn(line, "\n")] = '\0';
		if (line[0] == 'e')
			snprintf(said, size, ": %.*s", (int)size - 3, line + 2);
	}
}

int fs_options_mount(const char *type, const char *device, const char *const options[3], struct why *why)
{
	int context = fsopen(type, FSOPEN_CLOEXEC), fd = -1, ret;
	char said[WHY_MAX / 3] = "", bad[FS_OPTIONS_TEXT] = "";
	unsigned attr = 0;

	if (context < 0)
		return why_set(why, -errno, errno == ENODEV ? "this kernel has no %s" : "cannot mount %s", type);
	bool set = !fsconfig(context, FSCONFIG_SET_STRING, "source", device, 0);
	for (unsigned i = 0; i < 3 && set; i++)
		set = !set_options(context, options[i], &attr, bad);
	if (set && !fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		fd = fsmount(context, FSMOUNT_CLOEXEC, attr);
	ret = -errno;
	if (fd < 0)
		mount_log(context, said, sizeof(said));
	close(context);
	if (fd >= 0)
		return fd;
	if (bad[0])
		return why_set(why, ret, "%s takes no mount options `%.80s`%s", type, bad, said);
	return why_set(why, ret, "cannot mount %s on %s: %s%s", type, device, strerror(-ret), said);
}
