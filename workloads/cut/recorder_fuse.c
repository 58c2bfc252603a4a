/*
 * recorder_fuse.c: the recorded device as a direct-I/O loop device over a FUSE file: see recorder.h, recording.h. A
 * REQ_PREFLUSH reaches it as a flush before the write; a REQ_FUA as a flush after the write, for the loop device has no
 * FUA.
 */
#include <errno.h>
#include <string.h>

#include "cut/recording.h"
#include "rt/rt.h"
#include "target/fuse_file.h"

static struct task *releaser; /* of the server */

static void give(const struct request *r)
{
	if (r->is_flush)
		fuse_reply_err(r->of, 0);
	else
		fuse_reply_write(r->of, r->len);
}

static void wake_releaser(void)
{
	rt->wake(releaser);
}

static void releaser_main(void *arg)
{
	for (;;)
		rt->park(recording_release() + 1);
}

static void server_begin(void *arg)
{
	recording_serve(arg, give, wake_releaser);
	releaser = rt_spawn("releaser", releaser_main, NULL, NULL);
}

static void server_read(fuse_req_t req, fuse_ino_t ino, size_t len, off_t off, struct fuse_file_info *fi)
{
	const struct recording *s = fuse_req_userdata(req);

	if (off >= 0 && recording_has(s, (uint64_t)off, len))
		fuse_reply_buf(req, (const char *)s->bytes + off, len);
	else
		fuse_reply_err(req, EIO);
}

static void server_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t len, off_t off,
                         struct fuse_file_info *fi)
{
	if (off >= 0 && len && recording_has(fuse_req_userdata(req), (uint64_t)off, len))
		recording_write(req, (uint64_t)off, (uint32_t)len, buf, false);
	else
		fuse_reply_err(req, EIO);
}

static void server_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	recording_flush(req);
}

int recorder_fuse_open(struct recorder *r, struct why *why)
{
	static const struct fuse_file_ops ops = { server_begin, server_read, server_write, server_fsync };
	struct fuse_file file;
	int ret = fuse_file_open(&file, r->size, true, &ops, r->shared, why);

	if (!ret && !file.direct) {
		fuse_file_close(&file);
		ret = why_set(why, -EOPNOTSUPP, "this kernel's loop device has no direct I/O over FUSE: no write would "
		              "be in flight during a flush");
	}
	if (ret)
		return ret;
	r->block = file.loop;
	r->server = file.server;
	memcpy(r->path, file.path, sizeof(r->path));
	return 0;
}

void recorder_fuse_close(struct recorder *r)
{
	struct fuse_file file = { .loop = r->block, .server = r->server };

	memcpy(file.path, r->path, sizeof(file.path));
	fuse_file_close(&file);
}
