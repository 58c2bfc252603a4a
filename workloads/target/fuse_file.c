/* fuse_file.c: see fuse_file.h. One inode in the root of a FUSE mount; one thread takes the requests. */
#include "target/fuse_file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "target/loop.h"

#define FILE_NAME  "image"
#define FILE_INO   2
#define CACHED_S   1e9 /* nothing changes behind the kernel's back */
#define IN_FLIGHT  512 /* requests that the kernel sends before it waits for answers */

/* ---- the server: a process of its own ---- */

struct served {
	void *arg;
	uint64_t size;
	bool past_cache;
};

static struct served served; /* of this process */

static struct stat stat_of(fuse_ino_t ino)
{
	if (ino != FILE_INO)
		return (struct stat){ .st_ino = ino, .st_mode = S_IFDIR | 0700, .st_nlink = 1 };
	return (struct stat){ .st_ino = ino, .st_mode = S_IFREG | 0600, .st_nlink = 1, .st_size = (off_t)served.size };
}

static void file_init(void *arg, struct fuse_conn_info *conn)
{
	conn->max_background = IN_FLIGHT;
	conn->congestion_threshold = IN_FLIGHT;
}

static void file_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	const struct fuse_entry_param e = { .ino = FILE_INO, .attr = stat_of(FILE_INO), .attr_timeout = CACHED_S,
		                            .entry_timeout = CACHED_S };

	if (strcmp(name, FILE_NAME))
		fuse_reply_err(req, ENOENT);
	else
		fuse_reply_entry(req, &e);
}

static void file_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	const struct stat st = stat_of(ino);

	fuse_reply_attr(req, &st, CACHED_S);
}

static void file_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	fi->direct_io = served.past_cache;
	fuse_reply_open(req, fi);
}

/* Serves until the mount is gone. It closes the descriptors that it inherited: else they would stay open as long. */
static int serve(int fuse, const struct fuse_file_ops *ops)
{
	const struct fuse_lowlevel_ops all = {
		.init = file_init,
		.lookup = file_lookup,
		.getattr = file_getattr,
		.open = file_open,
		.read = ops->read,
		.write = ops->write,
		.fsync = ops->fsync,
	};
	char *argv[] = { "fsyncstorm", NULL }, where[32];
	struct fuse_args args = FUSE_ARGS_INIT(1, argv);
	struct fuse_session *session;
	int ret;

	close_range(3, (unsigned)fuse - 1, 0);
	close_range((unsigned)fuse + 1, ~0u, 0);
	dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), 2); /* libfuse calls the end of a mount an error */
	if (ops->begin)
		ops->begin(served.arg);
	session = fuse_session_new(&args, &all, sizeof(all), served.arg);
	snprintf(where, sizeof(where), "/dev/fd/%d", fuse);
	if (!session || fuse_session_mount(session, where))
		return 1;
	ret = fuse_session_loop(session);
	fuse_session_destroy(session);
	return ret != 0;
}

static pid_t start_server(int fuse, const struct fuse_file_ops *ops)
{
	pid_t pid = fork();

	if (pid)
		return pid < 0 ? -errno : pid;
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	_exit(serve(fuse, ops));
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

static int attach(struct fuse_file *f, int mount, struct why *why)
{
	int file = openat(mount, FILE_NAME, O_RDWR | O_CLOEXEC);

	if (file < 0)
		return why_set(why, -errno, "the file of the image does not open: %s", strerror(errno));
	f->loop = loop_attach(file, f->path, sizeof(f->path), &f->direct);
	close(file);
	return f->loop < 0 ? why_set(why, f->loop, "no loop device: %s", strerror(-f->loop)) : 0;
}

static int serve_and_attach(struct fuse_file *f, int fuse, const struct fuse_file_ops *ops, struct why *why)
{
	int mount = mount_fuse(fuse), ret = mount;

	if (mount >= 0)
		ret = f->server = start_server(fuse, ops);
	close(fuse); /* else the mount would not end with the server */
	if (ret < 0)
		why_set(why, ret, "cannot mount a FUSE file system: %s", strerror(-ret));
	else
		ret = attach(f, mount, why);
	if (mount >= 0)
		close(mount);
	return ret;
}

int fuse_file_open(struct fuse_file *f, uint64_t size, bool past_cache, const struct fuse_file_ops *ops, void *arg,
                   struct why *why)
{
	int fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC), ret;

	f->server = 0;
	if (fuse < 0)
		return why_set(why, -errno, "/dev/fuse: %s", strerror(errno));
	served = (struct served){ .arg = arg, .size = size, .past_cache = past_cache };
	ret = serve_and_attach(f, fuse, ops, why);
	if (ret && f->server > 0) {
		kill(f->server, SIGKILL);
		waitpid(f->server, NULL, 0);
	}
	return ret;
}

void fuse_file_close(struct fuse_file *f)
{
	loop_detach(f->loop, f->path);
	waitpid(f->server, NULL, 0);
}
