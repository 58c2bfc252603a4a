/*
 * facts.c: what the kernel and libblkid know of the drive under a device. Nothing here fails: what is not known is left
 * out.
 *
 * facts.1: The drive of a file is that of its file system. Where a file system has a device number of its own
 *      (btrfs), it is the drive that the file system was mounted from.
 * facts.2: The facts of a partition are those of the whole drive.
 */
#include "dev/facts.h"

#include <blkid/blkid.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "dev/mounts.h"

void facts_add(struct dev_facts *f, const char *key, const char *fmt, ...)
{
	struct fact *to = &f->fact[f->n];
	va_list ap;

	if (f->n == FACTS_MAX)
		return;
	snprintf(to->key, sizeof(to->key), "%s", key);
	va_start(ap, fmt);
	vsnprintf(to->value, sizeof(to->value), fmt, ap);
	va_end(ap);
	if (to->value[0])
		f->n++;
}

const char *facts_get(const struct dev_facts *f, const char *key)
{
	for (unsigned i = 0; i < f->n; i++)
		if (!strcmp(f->fact[i].key, key))
			return f->fact[i].value;
	return "";
}

void dev_facts(struct dev *d, struct dev_facts *out)
{
	if (d->ops->facts)
		d->ops->facts(d, out);
	if (d->below)
		dev_facts(d->below, out);
}

/* ---- which drive ---- */

/* The drive's folder in sysfs; false when there is none. */
static bool drive_folder(dev_t dev, char *out)
{
	char path[64], partition[PATH_MAX + 16];

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u", major(dev), minor(dev));
	if (!realpath(path, out))
		return false;
	snprintf(partition, sizeof(partition), "%s/partition", out);
	if (!access(partition, F_OK))
		*strrchr(out, '/') = '\0'; /* facts.2 */
	return true;
}

/* fd: of the file, or -1. */
static bool drive_of(const struct stat *st, int fd, char *folder)
{
	dev_t dev = S_ISBLK(st->st_mode) ? st->st_rdev : st->st_dev;
	struct mounted m;
	struct stat from;

	if (drive_folder(dev, folder))
		return true;
	/*
	 * (facts.1) A number that the file system has made up: it was mounted from a block device, or from none. That
	 * of a btrfs subvolume is in no table, but its mount is.
	 */
	return (mounts_find(dev, &m) || (fd >= 0 && mounts_find_fd(fd, &m))) && !stat(m.source, &from) &&
	       S_ISBLK(from.st_mode) && drive_folder(from.st_rdev, folder);
}

/* ---- what the kernel says of it ---- */

/* The first line of the first file that the pattern names; "" when there is none. */
static void read_first(const char *pattern, char *out, int size)
{
	FILE *in = NULL;
	glob_t g;

	out[0] = '\0';
	if (glob(pattern, 0, NULL, &g))
		return;
	in = fopen(g.gl_pathv[0], "re");
	if (!in || !fgets(out, size, in))
		out[0] = '\0';
	out[strcspn(out, "\n")] = '\0';
	for (size_t n = strlen(out); n && out[n - 1] == ' '; n--)
		out[n - 1] = '\0';
	if (in)
		fclose(in);
	globfree(&g);
}

static void add_file(struct dev_facts *out, const char *key, const char *folder, const char *name)
{
	char pattern[PATH_MAX + 64], value[128];

	snprintf(pattern, sizeof(pattern), "%s/%s", folder, name);
	read_first(pattern, value, sizeof(value));
	facts_add(out, key, "%s", value);
}

static unsigned count_paths(const char *folder, const char *name)
{
	char pattern[PATH_MAX + 64];
	unsigned n = 0;
	glob_t g;

	snprintf(pattern, sizeof(pattern), "%s/%s", folder, name);
	if (!glob(pattern, 0, NULL, &g)) {
		n = (unsigned)g.gl_pathc;
		globfree(&g);
	}
	return n;
}

/* The file lists all I/O schedulers, with the chosen one in brackets. */
static void add_scheduler(struct dev_facts *out, const char *folder)
{
	char path[PATH_MAX + 64], value[128], *chosen;

	snprintf(path, sizeof(path), "%s/queue/scheduler", folder);
	read_first(path, value, sizeof(value));
	chosen = strchr(value, '[');
	if (chosen)
		facts_add(out, "scheduler", "%.*s", (int)strcspn(chosen + 1, "]"), chosen + 1);
}

/*
 * The drive's NUMA node: of its controller, of its NVMe subsystem's controllers, or null_blk's home_node. -1: not
 * known.
 */
static int node_of(const char *folder)
{
	static const char *const where[] = { "device/numa_node", "device/device/numa_node", "device/nvme*/numa_node" };
	char pattern[PATH_MAX + 64], value[32];

	for (unsigned i = 0; i < sizeof(where) / sizeof(where[0]); i++) {
		snprintf(pattern, sizeof(pattern), "%s/%s", folder, where[i]);
		read_first(pattern, value, sizeof(value));
		if (value[0])
			return atoi(value);
	}
	snprintf(pattern, sizeof(pattern), "/sys/kernel/config/nullb/%s/home_node", strrchr(folder, '/') + 1);
	read_first(pattern, value, sizeof(value));
	return value[0] ? atoi(value) : -1;
}

/* Of the file behind a loop device: what a write there has to allocate below. */
static void add_holes(struct dev_facts *out)
{
	struct stat st;

	if (!stat(facts_get(out, "backing_file"), &st) && S_ISREG(st.st_mode) && st.st_blocks * 512 < st.st_size)
		facts_add(out, "holes_mib", "%lld", (long long)(st.st_size - st.st_blocks * 512) >> 20);
}

static void add_drive(struct dev_facts *out, const char *folder)
{
	static const struct {
		const char *key, *file;
	} said[] = {
		{ "model", "device/model" },
		{ "backing_file", "loop/backing_file" },
		{ "direct_io", "loop/dio" },
		{ "write_cache", "queue/write_cache" },
		{ "fua", "queue/fua" },
		{ "rotational", "queue/rotational" },
		{ "logical_block_size", "queue/logical_block_size" },
		{ "physical_block_size", "queue/physical_block_size" },
		{ "nr_requests", "queue/nr_requests" },
		{ "io_poll", "queue/io_poll" },
		{ "max_sectors_kb", "queue/max_sectors_kb" },
		{ "max_segments", "queue/max_segments" },
	};
	unsigned queues = count_paths(folder, "mq/[0-9]*");

	facts_add(out, "drive", "%s", strrchr(folder, '/') + 1);
	for (unsigned i = 0; i < sizeof(said) / sizeof(said[0]); i++)
		add_file(out, said[i].key, folder, said[i].file);
	add_scheduler(out, folder);
	add_holes(out);
	if (queues)
		facts_add(out, "hardware_queues", "%u", queues);
	facts_add(out, "numa_node", "%d", node_of(folder));
}

void facts_of_fd(int fd, struct dev_facts *out)
{
	char folder[PATH_MAX];
	struct stat st;

	if (!fstat(fd, &st) && drive_of(&st, fd, folder))
		add_drive(out, folder);
}

void facts_of_mount(int fd, struct dev_facts *out)
{
	struct mounted m;

	if (!mounts_find_fd(fd, &m))
		return;
	facts_add(out, "filesystem", "%s", m.type);
	facts_add(out, "fs_options", "%s", m.fs_options);
}

int facts_open(const char *path)
{
	int fd = open(path, O_PATH | O_CLOEXEC);
	char folder[PATH_MAX], *slash;

	if (fd >= 0)
		return fd;
	snprintf(folder, sizeof(folder), "%s", path);
	slash = strrchr(folder, '/');
	if (slash)
		slash[slash == folder] = '\0';
	return open(slash ? folder : ".", O_PATH | O_CLOEXEC);
}

int facts_stat(const char *path, struct stat *st)
{
	int fd = facts_open(path), ret = fd < 0 ? -1 : fstat(fd, st);

	if (fd >= 0)
		close(fd);
	return ret;
}

int facts_node(const struct stat *st)
{
	char folder[PATH_MAX];

	return drive_of(st, -1, folder) ? node_of(folder) : -1;
}

/* ---- what is on it ---- */

void facts_content(const char *path, char *out, size_t size)
{
	blkid_probe probe = blkid_new_probe_from_filename(path);
	const char *type = "";

	out[0] = '\0';
	if (!probe)
		return;
	blkid_probe_enable_superblocks(probe, 1);
	blkid_probe_set_superblocks_flags(probe, BLKID_SUBLKS_TYPE);
	blkid_probe_enable_partitions(probe, 1);
	if (!blkid_do_safeprobe(probe) && (!blkid_probe_lookup_value(probe, "TYPE", &type, NULL) ||
					   !blkid_probe_lookup_value(probe, "PTTYPE", &type, NULL)))
		snprintf(out, size, "%s", type);
	blkid_free_probe(probe);
}
