/* slow_image.c: see slow_image.h. The file: one inode in the root of a FUSE mount, served by one thread. */
#include "target/slow_image.h"

#define FUSE_USE_VERSION 314
#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse_lowlevel.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "target/loop.h"
#include "machine/mem.h"
#include "rt/rt.h"

#define FILE_NAME  "image"
#define FILE_INO   2
#define CACHED_S   1e9 /* nothing changes behind the kernel's back */

/* ---- the server: a process of its own ---- */

struct image {
	uint8_t *bytes;
	uint64_t size, flush_ns;
};

static struct stat stat_of(fuse_req_t req, fuse_ino_t ino)
{
	const struct image *im = fuse_req_userdata(req);

	if (ino != FILE_INO)
		return (struct stat){ .st_ino = ino, .st_mode = S_IFDIR | 0700, .st_nlink = 1 };
	return (struct stat){ .st_ino = ino, .st_mode = S_IFREG | 0600, .st_nlink = 1, .st_size = (off_t)im->size };
}

static void image_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	const struct fuse_entry_param e = { .ino = FILE_INO, .attr = stat_of(req, FILE_INO), .attr_timeout = CACHED_S,
		                            .entry_timeout = CACHED_S };

	if (strcmp(name, FILE_NAME))
		fuse_reply_err(req, ENOENT);
	else
		fuse_reply_entry(req, &e);
}

static void image_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	const struct stat st = stat_of(req, ino);

	fuse_reply_attr(req, &st, CACHED_S);
}

static void image_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	fuse_reply_open(req, fi);
}

static bool is_inside(const struct image *im, off_t off, size_t len)
{
	return off >= 0 && (uint64_t)off <= im->size && len <= im->size - (uint64_t)off;
}

static void image_read(fuse_req_t req, fuse_ino_t ino, size_t len, off_t off, struct fuse_file_info *fi)
{
	const struct image *im = fuse_req_userdata(req);

	if (is_inside(im, off, len))
		fuse_reply_buf(req, (const char *)im->bytes + off, len);
	else
		fuse_reply_err(req, EIO);
}

static void image_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t len, off_t off,
                        struct fuse_file_info *fi)
{
	const struct image *im = fuse_req_userdata(req);

	if (!is_inside(im, off, len)) {
		fuse_reply_err(req, EIO);
		return;
	}
	memcpy(im->bytes + off, buf, len);
	fuse_reply_write(req, len);
}

static void image_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	const struct image *im = fuse_req_userdata(req);

	rt->sleep(im->flush_ns);
	fuse_reply_err(req, 0);
}

/* Serves until the mount is gone. It closes the descriptors that it inherited: else they would stay open as long. */
static int serve(int fuse, uint64_t size, uint64_t flush_ns)
{
	static const struct fuse_lowlevel_ops ops = {
		.lookup = image_lookup,
		.getattr = image_getattr,
		.open = image_open,
		.read = image_read,
		.write = image_write,
		.fsync = image_fsync,
	};
	struct image im = { .size = size, .flush_ns = flush_ns, .bytes = mem_alloc_pages(size) };
	char *argv[] = { "fsyncstorm", NULL }, where[32];
	struct fuse_args args = FUSE_ARGS_INIT(1, argv);
	struct fuse_session *session;
	int ret;

	close_range(3, (unsigned)fuse - 1, 0);
	close_range((unsigned)fuse + 1, ~0u, 0);
	memset(im.bytes, 0, size);
	dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), 2); /* libfuse calls the end of a mount an error */
	session = fuse_session_new(&args, &ops, sizeof(ops), &im);
	snprintf(where, sizeof(where), "/dev/fd/%d", fuse);
	if (!session || fuse_session_mount(session, where))
		return 1;
	ret = fuse_session_loop(session);
	fuse_session_destroy(session);
	return ret != 0;
}

static pid_t start_server(int fuse, uint64_t size, uint64_t flush_ns)
{
	pid_t pid = fork();

	if (pid)
		return pid < 0 ? -errno : pid;
	signal(SIGINT, SIG_IGN); /* the end is the end of the mount: its users are to be done first */
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	_exit(serve(fuse, size, flush_ns));
}

/* ---- the mount, and the loop device over its file ---- */

/* Returns the mount's descriptor. The server is started after this, so nothing here may need an answer from it. */
static int mount_fuse(int fuse)
{
	int context = fsopen("fuse", FSOPEN_CLOEXEC), mount, ret;
	char nr[16];

	if (context < 0)
		return -errno;
	snprintf(nr, sizeof(nr), "%d", fuse);
	if (fsconfig(context, FSCONFIG_SET_STRING, "source", "fsyncstorm", 0) ||
	    fsconfig(context, FSCONFIG_SET_STRING, "fd", nr, 0) ||
	    fsconfig(context, FSCONFIG_SET_STRING, "rootmode", "40000", 0) ||
	    fsconfig(context, FSCONFIG_SET_STRING, "user_id", "0", 0) ||
	    fsconfig(context, FSCONFIG_SET_STRING, "group_id", "0", 0) ||
	    fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0)) {
		ret = -errno;
		close(context);
		return ret;
	}
	mount = fsmount(context, FSMOUNT_CLOEXEC, 0);
	ret = mount < 0 ? -errno : mount;
	close(context);
	return ret;
}

static int attach(struct slow_image *im, int mount, struct why *why)
{
	int file = openat(mount, FILE_NAME, O_RDWR | O_CLOEXEC);
	bool direct;

	if (file < 0)
		return why_set(why, -errno, "the file of the slow image does not open: %s", strerror(errno));
	im->loop = loop_attach(file, im->path, sizeof(im->path), &direct);
	close(file);
	return im->loop < 0 ? why_set(why, im->loop, "no loop device: %s", strerror(-im->loop)) : 0;
}

static int serve_and_attach(struct slow_image *im, int fuse, uint64_t size, uint64_t flush_ns, struct why *why)
{
	int mount = mount_fuse(fuse), ret = mount;

	if (mount >= 0)
		ret = im->server = start_server(fuse, size, flush_ns);
	close(fuse); /* else the mount would not end with the server */
	if (ret < 0)
		why_set(why, ret, "cannot mount a FUSE file system: %s", strerror(-ret));
	else
		ret = attach(im, mount, why);
	if (mount >= 0)
		close(mount);
	return ret;
}

int slow_image_open(struct slow_image *im, uint64_t size, uint64_t flush_ns, struct why *why)
{
	int fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC), ret;

	im->server = 0;
	if (fuse < 0)
		return why_set(why, -errno, "/dev/fuse: %s", strerror(errno));
	ret = serve_and_attach(im, fuse, size, flush_ns, why);
	if (ret && im->server > 0) {
		kill(im->server, SIGKILL);
		waitpid(im->server, NULL, 0);
	}
	return ret;
}

void slow_image_close(struct slow_image *im)
{
	loop_detach(im->loop, im->path);
	waitpid(im->server, NULL, 0);
}
