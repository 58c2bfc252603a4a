/* image.c: see image.h. */
#include "target/image.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "target/loop.h"

#define WORD   "image"
#define EXPECT "expected " WORD "[:PATH][,size=SIZE]"

int image_wanted(const struct target_spec *spec, struct why *why)
{
	size_t n = strlen(WORD);
	const char *rest = spec->device + n, *size;

	if (spec->target != &target_engine || strncmp(spec->device, WORD, n) || !strchr(":,", *rest))
		return 0;
	size = strchr(rest, ',');
	if ((*rest == ':' && (!rest[1] || rest + 1 == size)) || (size && strncmp(size, ",size=", 6)))
		return why_set(why, -EINVAL, EXPECT " in `%.200s`", spec->text);
	return 1;
}

/* The fs: target that has the image which this design wants. */
static int as_fs(const struct target_spec *of, struct target_spec *out, struct why *why)
{
	const char *rest = of->device + strlen(WORD), *size = strchr(rest, ',');

	*out = (struct target_spec){ .target = &target_fs, .keep = of->keep, .force = of->force };
	strcpy(out->folder, of->folder);
	if (*rest == ':')
		snprintf(out->path, sizeof(out->path), "%.*s", (int)strcspn(rest + 1, ","), rest + 1);
	if (size && (text_size(size + 6, &out->fs.size) || !out->fs.size || out->fs.size % (1u << 20)))
		return why_set(why, -EINVAL, "size: whole MiB are expected in `%.200s`", of->text);
	return 0;
}

static void use(struct target_spec *s, const char *device)
{
	snprintf(s->path, sizeof(s->path), "%s", device);
	if (s->target == &target_engine)
		snprintf(s->device, sizeof(s->device), "file:%s", device);
	s->fs.size = 0;
	s->force = true;
}

/* `first` wants it; whichever of the n targets has the same image is to use it, too. */
static int make_one(struct target_spec *spec, unsigned n, const struct target_spec *first, struct why *why)
{
	struct target_spec image, other;
	char device[64];
	bool direct;
	int fd = as_fs(first, &image, why);

	if (!fd)
		fd = target_fs_image(&image, why);
	if (fd < 0)
		return fd;
	fd = loop_attach(fd, device, sizeof(device), &direct); /* open until the process ends */
	if (fd < 0)
		return why_set(why, fd, "no loop device: %s", strerror(-fd));
	for (unsigned i = 0; i < n; i++) {
		int wants = image_wanted(&spec[i], NULL);

		if (wants > 0 && as_fs(&spec[i], &other, why))
			return -EINVAL;
		if (wants <= 0)
			other = spec[i];
		if (other.target == &target_fs && target_fs_same_image(&image, &other))
			use(&spec[i], device);
	}
	return 0;
}

int image_use(struct target_spec *spec, unsigned n, struct why *why)
{
	struct why of;

	for (unsigned i = 0; i < n; i++) {
		if (image_wanted(&spec[i], NULL) <= 0)
			continue;
		if (geteuid())
			return why_set(why, -EPERM, "%.100s: a loop device needs root; file:PATH needs none",
			               spec[i].text);
		int ret = make_one(spec, n, &spec[i], &of);
		if (ret)
			return why_set(why, ret, "%.100s: %s", spec[i].text, of.text);
	}
	return 0;
}
