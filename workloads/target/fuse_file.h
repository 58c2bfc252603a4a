/*
 * fuse_file.h: a kernel block device that a process of ours serves: a loop device over the one file of a FUSE mount.
 * Root only.
 *
 * Nothing is left behind, however the program ends: the mount is in no folder, the loop device goes with its last
 * user, and with it the file, the mount and the process. The process ignores Ctrl-C: its users are to be done first.
 *
 * Called by slow_image.c and cut/recorder.c, which answer reads, writes and fsyncs.
 */
#ifndef TARGET_FUSE_FILE_H
#define TARGET_FUSE_FILE_H

#define FUSE_USE_VERSION 314
#include <fuse3/fuse_lowlevel.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/why.h"

struct fuse_file {
	char path[64]; /* of the block device */
	int loop;
	bool direct;   /* its I/O goes past the page cache of the file */
	pid_t server;
};

/* How it is served, all in the server's process. fuse_req_userdata() of a request is `arg`. */
struct fuse_file_ops {
	void (*begin)(void *arg); /* before the first request; may start tasks. NULL: nothing to do */
	void (*read)(fuse_req_t req, fuse_ino_t ino, size_t len, off_t off, struct fuse_file_info *fi);
	void (*write)(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t len, off_t off,
	              struct fuse_file_info *fi);
	void (*fsync)(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi);
};

/*
 * 0, or -errno with why. Forks, so the program has one thread. past_cache: the file is opened for direct I/O, so
 * that several writes may be in flight, also while an fsync is.
 */
int fuse_file_open(struct fuse_file *f, uint64_t size, bool past_cache, const struct fuse_file_ops *ops, void *arg,
                   struct why *why);
/* Nobody uses the device any more. */
void fuse_file_close(struct fuse_file *f);

#endif
