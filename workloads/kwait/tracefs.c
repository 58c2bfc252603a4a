/* tracefs.c: see tracefs.h. */
#include "kwait/tracefs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

static int mount_one(void)
{
	int context = fsopen("tracefs", FSOPEN_CLOEXEC), fd = -1, ret;

	if (context < 0)
		return -errno;
	if (!fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		fd = fsmount(context, FSMOUNT_CLOEXEC, 0);
	ret = -errno;
	close(context);
	return fd < 0 ? ret : fd;
}

int tracefs_open(struct why *why)
{
	int fd = mount_one(), ret = fd;

	if (fd >= 0)
		return fd;
	fd = open("/sys/kernel/tracing", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && !faccessat(fd, "events", X_OK, 0))
		return fd;
	if (fd >= 0)
		close(fd);
	if (ret == -ENODEV)
		return why_set(why, ret, "this kernel has no tracefs (CONFIG_TRACING)");
	return why_set(why, ret, "tracefs cannot be mounted (%s): root, or CAP_SYS_ADMIN and CAP_PERFMON, are needed",
	               strerror(-ret));
}

static ssize_t read_file(int fd, const char *tracepoint, const char *name, char *out, size_t size)
{
	char path[128];
	ssize_t n;
	int in;

	snprintf(path, sizeof(path), "events/%s/%s", tracepoint, name);
	in = openat(fd, path, O_RDONLY | O_CLOEXEC);
	if (in < 0)
		return -errno;
	n = read(in, out, size - 1);
	close(in);
	out[n > 0 ? n : 0] = '\0';
	return n;
}

uint64_t tracefs_number(int fd, const char *tracepoint)
{
	char text[32];

	return read_file(fd, tracepoint, "id", text, sizeof(text)) > 0 ? strtoull(text, NULL, 10) : 0;
}

/* "field:char rwbs[10];	offset:34;" */
unsigned tracefs_offset(int fd, const char *tracepoint, const char *field)
{
	char text[4096], *at;
	ssize_t n = read_file(fd, tracepoint, "format", text, sizeof(text));

	at = n > 0 ? strstr(text, field) : NULL;
	at = at ? strstr(at, "offset:") : NULL;
	return at ? (unsigned)strtoul(at + 7, NULL, 10) : 0;
}

int tracefs_device_filter(const char *device, char *out, size_t size)
{
	char path[128];
	unsigned major, minor;
	int n = 0;
	FILE *in;

	snprintf(path, sizeof(path), "/sys/block/%s/dev", device);
	in = fopen(path, "re");
	if (in)
		n = fscanf(in, "%u:%u", &major, &minor);
	if (in)
		fclose(in);
	snprintf(out, size, "dev == %u", n == 2 ? major << 20 | minor : 0);
	return n == 2 ? 0 : -ENODEV;
}
