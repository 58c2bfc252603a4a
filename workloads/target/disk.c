/* disk.c: see disk.h. All of it is read from sysfs and from the table of mounts. */
#include "target/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "dev/mounts.h"

#define SYS_MAX (PATH_MAX - 300) /* a folder of sysfs, with room for a name */

static bool has(const char *folder, const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return !access(path, F_OK);
}

/* The first word or line of folder/name; "" when it cannot be read. */
static void read_fact(const char *folder, const char *name, char *out, int size)
{
	char path[PATH_MAX];
	FILE *in;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	in = fopen(path, "re");
	out[0] = '\0';
	if (!in)
		return;
	if (!fgets(out, size, in))
		out[0] = '\0';
	out[strcspn(out, "\n")] = '\0';
	fclose(in);
}

/* folder becomes that of the first device below it; false when there is none. */
static bool go_below(char *folder)
{
	char path[PATH_MAX], real[PATH_MAX];
	struct dirent *e;
	bool found = false;
	DIR *d;

	snprintf(path, sizeof(path), "%s/slaves", folder);
	d = opendir(path);
	while (d && !found && (e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/slaves/%.250s", folder, e->d_name);
		found = realpath(path, real) && strlen(real) < SYS_MAX;
	}
	if (found)
		strcpy(folder, real);
	if (d)
		closedir(d);
	return found;
}

/* The folder in sysfs of the disk that does the I/O (disk.1). */
static int find_folder(dev_t rdev, char *folder)
{
	char path[64], real[PATH_MAX];

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u", major(rdev), minor(rdev));
	if (!realpath(path, real) || strlen(real) >= SYS_MAX)
		return -ENOENT;
	strcpy(folder, real);
	do {
		if (has(folder, "partition"))
			*strrchr(folder, '/') = '\0';
	} while (go_below(folder));
	return 0;
}

void disk_of(dev_t rdev, struct disk *out)
{
	char folder[PATH_MAX], cache[32], fua[8];

	*out = (struct disk){ .name = "" };
	if (find_folder(rdev, folder)) {
		snprintf(out->why, sizeof(out->why), "it is not known to sysfs");
		return;
	}
	snprintf(out->name, sizeof(out->name), "%.63s", strrchr(folder, '/') + 1);
	read_fact(folder, "queue/write_cache", cache, sizeof(cache));
	read_fact(folder, "queue/fua", fua, sizeof(fua));
	out->write_back = !strcmp(cache, "write back");
	out->fua = !strcmp(fua, "1");
	if (!out->write_back)
		snprintf(out->why, sizeof(out->why), "%s says that it has no volatile cache: no flush is needed",
		         out->name);
	else if (!has(folder, "mq")) /* only request queues count their flushes */
		snprintf(out->why, sizeof(out->why), "%s does not count its flushes", out->name);
}

void disk_under(int fd, struct disk *out)
{
	struct mounted m = { .type = "this file system" };
	struct stat st;

	*out = (struct disk){ .why = "it cannot be looked at" };
	if (fstat(fd, &st))
		return;
	if (S_ISBLK(st.st_mode))
		disk_of(st.st_rdev, out);
	else if (major(st.st_dev))
		disk_of(st.st_dev, out);
	else if (mounts_find_fd(fd, &m) && m.source[0] == '/' && !stat(m.source, &st) && S_ISBLK(st.st_mode))
		disk_of(st.st_rdev, out); /* btrfs has a device number of its own; its mount names the device */
	else
		snprintf(out->why, sizeof(out->why), "%s has no block device of its own", m.type);
}

/* That of file:PATH or uring:PATH, which may stand behind slow:PROFILE/. */
void disk_spec_path(const char *spec, char *path, size_t size)
{
	static const char *const back_end[] = { "file:", "uring:" };

	path[0] = '\0';
	for (unsigned i = 0; i < 2; i++) {
		const char *from = strstr(spec, back_end[i]);

		if (!from || (from != spec && from[-1] != '/'))
			continue;
		from += strlen(back_end[i]);
		snprintf(path, size, "%.*s", (int)strcspn(from, ","), from);
	}
}

int disk_flushes(const struct disk *d, uint64_t *out)
{
	unsigned long long flushes;
	char folder[96], line[512];

	if (!d->name[0] || d->why[0])
		return -ENOENT;
	snprintf(folder, sizeof(folder), "/sys/block/%s", d->name);
	read_fact(folder, "stat", line, sizeof(line));
	/* the 16th of 17 numbers, since Linux 5.5 */
	if (sscanf(line, "%*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %llu", &flushes) != 1)
		return -ENOENT;
	*out = flushes;
	return 0;
}

int disk_traffic(const struct disk *d, uint64_t *reads, uint64_t *written)
{
	unsigned long long r, sectors;
	char folder[96], line[512];

	if (!d->name[0])
		return -ENOENT;
	snprintf(folder, sizeof(folder), "/sys/block/%s", d->name);
	read_fact(folder, "stat", line, sizeof(line));
	if (sscanf(line, "%llu %*u %*u %*u %*u %*u %llu", &r, &sectors) != 2)
		return -ENOENT;
	*reads = r;
	*written = sectors * 512; /* whatever the disk's own sectors are */
	return 0;
}

/* A file whose name is gone has " (deleted)" at its end: its folder will do. */
void disk_behind(const struct disk *loop, struct disk *out)
{
	char folder[96], path[PATH_MAX];
	int fd;

	*out = (struct disk){ .name = "" };
	if (!loop->name[0])
		return;
	snprintf(folder, sizeof(folder), "/sys/block/%s", loop->name);
	read_fact(folder, "loop/backing_file", path, sizeof(path));
	if (!path[0])
		return;
	fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0 && strrchr(path, '/')) {
		*strrchr(path, '/') = '\0';
		fd = open(path[0] ? path : "/", O_PATH | O_CLOEXEC);
	}
	if (fd < 0)
		return;
	disk_under(fd, out);
	close(fd);
}

bool disk_in_use(const char *path)
{
	int fd = open(path, O_RDONLY | O_EXCL | O_CLOEXEC);

	if (fd >= 0)
		close(fd);
	return fd < 0 && errno == EBUSY;
}
