/* readonly.c: see readonly.h. One pread a bio, done when submit returns. */
#include "dev/readonly.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dev/door.h"

static void readonly_submit(struct dev *d, struct bio *bio)
{
	int fd = (int)(intptr_t)d->private, err = bio->fault;
	uint32_t done = 0;

	if (!err && bio->stage != STAGE_READ)
		err = -EROFS;
	while (!err && done < bio->len) {
		ssize_t n = pread(fd, (uint8_t *)bio->buf + done, bio->len - done, (off_t)(bio->off + done));

		if (n > 0)
			done += (uint32_t)n;
		else if (n == 0 || errno != EINTR)
			err = n ? -errno : -EIO; /* 0: it has become shorter */
	}
	door_complete(bio, err);
}

static void readonly_close(struct dev *d)
{
	close((int)(intptr_t)d->private);
}

static const struct dev_ops readonly_ops = { .name = "readonly", .submit = readonly_submit, .close = readonly_close };

int dev_open_readonly(const char *path, struct dev **out, struct why *why)
{
	struct stat st;
	uint64_t size;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO is refused below, not waited for */

	if (fd < 0)
		return why_set(why, -errno, "%s: %s", path, strerror(errno));
	if (fstat(fd, &st) || (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))) {
		close(fd);
		return why_set(why, -EINVAL, "%s: neither a file nor a block device", path);
	}
	size = (uint64_t)st.st_size;
	if (S_ISBLK(st.st_mode) && ioctl(fd, BLKGETSIZE64, &size)) {
		int ret = why_set(why, -errno, "%s: its size cannot be told: %s", path, strerror(errno));
		close(fd);
		return ret;
	}
	if (size < 1u << 20) {
		close(fd);
		return why_set(why, -EINVAL, "%s: %lu bytes are too few for a file system of ours", path,
			       (unsigned long)size);
	}
	*out = door_new(&readonly_ops, path, size - size % DEV_BLOCK);
	(*out)->private = (void *)(intptr_t)fd;
	reap_start(*out);
	return 0;
}
