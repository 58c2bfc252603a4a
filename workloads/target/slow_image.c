/* slow_image.c: see slow_image.h. */
#include "target/slow_image.h"

#include <errno.h>
#include <string.h>

#include "machine/mem.h"
#include "rt/rt.h"

struct image {
	uint8_t *bytes; /* the server's */
	uint64_t size, flush_ns;
};

static void image_begin(void *arg)
{
	struct image *im = arg;

	im->bytes = mem_alloc_pages(im->size);
	memset(im->bytes, 0, im->size);
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

int slow_image_open(struct slow_image *im, uint64_t size, uint64_t flush_ns, struct why *why)
{
	static const struct fuse_file_ops ops = { image_begin, image_read, image_write, image_fsync };
	struct image image = { .size = size, .flush_ns = flush_ns };
	int ret = fuse_file_open(&im->file, size, false, &ops, &image, why);

	if (!ret)
		strcpy(im->path, im->file.path);
	return ret;
}

void slow_image_close(struct slow_image *im)
{
	fuse_file_close(&im->file);
}
