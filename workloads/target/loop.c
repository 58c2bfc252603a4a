/* loop.c: see loop.h. */
#include "target/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "dev/claim.h"

#define TRIES 64 /* others may take the free device before us */

/* The device number nr with the file behind it, or -errno. */
static int attach_to(long nr, int file, bool want_direct, char *path, size_t size)
{
	struct loop_config c = { .fd = (unsigned)file };
	int fd, ret;

	c.info.lo_flags = LO_FLAGS_AUTOCLEAR | (want_direct ? LO_FLAGS_DIRECT_IO : 0);
	snprintf(path, size, "/dev/loop%ld", nr);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (!ioctl(fd, LOOP_CONFIGURE, &c))
		return fd;
	ret = -errno;
	close(fd);
	return ret;
}

int loop_attach(int file, char *path, size_t size, bool *direct)
{
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC), fd = -EBUSY;
	struct loop_info64 info;
	bool want_direct = true;

	if (control < 0)
		return -errno;
	for (int i = 0; i < TRIES && (fd == -EBUSY || fd == -EINVAL); i++) {
		long nr = ioctl(control, LOOP_CTL_GET_FREE);

		if (nr < 0) {
			fd = -errno;
			break;
		}
		want_direct &= fd != -EINVAL; /* the file's system has no direct I/O */
		fd = attach_to(nr, file, want_direct, path, size);
	}
	close(control);
	*direct = fd >= 0 && !ioctl(fd, LOOP_GET_STATUS64, &info) && info.lo_flags & LO_FLAGS_DIRECT_IO;
	return fd;
}

void loop_detach(int fd, const char *path)
{
	unclaim(path); /* loop.1 */
	close(fd);
}
