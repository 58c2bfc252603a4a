/*
 * open.c: opens a device by its spec, and closes it: dev.h says what a spec is. Every wrong spec gets one clear line.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/text.h"
#include "dev/door.h"
#include "dev/powercut.h"

#define SIZE_MIN (1ull << 20)
#define SIZE_MAX_BYTES (1ull << 46)

static const struct {
	const struct dev_ops *ops;
	const char *usage, *what;
} back_end[] = {
	{&ram_ops, "ram:SIZE[,node=N]", "memory (of a NUMA node): done at once; in controlled runs in any order"},
	{&file_ops, "file:PATH[,size=SIZE][,buffered]", "a file or block device: O_DIRECT and AIO, fdatasync as flush"},
	{&uring_ops, "uring:PATH[,size=SIZE][,buffered]", "the same through io_uring; calibrates its flushes at start"},
	{&slow_ops, "slow:PROFILE[,key=val...]/SPEC", "latency and a queue in front of another device"},
};

#define NR_BACK_ENDS (sizeof(back_end) / sizeof(back_end[0]))

int dev_parse_size(const char *text, uint64_t *size, struct why *why)
{
	uint64_t n;
	int ret = text_size(text, &n);

	if (ret == -ERANGE || (!ret && n > SIZE_MAX_BYTES))
		return why_set(why, -EINVAL, "size '%s': too large", text);
	if (ret)
		return why_set(why, -EINVAL,
			       "size '%s': want a number of bytes, or one with a suffix k, m or g, as in 64m", text);
	if (n % DEV_BLOCK)
		return why_set(why, -EINVAL, "size '%s': must be a multiple of 4096", text);
	if (n < SIZE_MIN)
		return why_set(why, -EINVAL, "size '%s': must be at least 1m", text);
	*size = n;
	return 0;
}

/* The back end named before the colon; *args is what comes after it. */
static const struct dev_ops *find_back_end(const char *spec, const char **args)
{
	for (unsigned i = 0; i < NR_BACK_ENDS; i++) {
		size_t n = strlen(back_end[i].ops->name);

		if (!strncmp(spec, back_end[i].ops->name, n) && spec[n] == ':') {
			*args = spec + n + 1;
			return back_end[i].ops;
		}
	}
	return NULL;
}

bool dev_is_spec(const char *text)
{
	const char *args;

	return find_back_end(text, &args);
}

int dev_open(const char *spec, bool force, struct dev **out, struct why *why)
{
	const char *args;
	const struct dev_ops *ops = find_back_end(spec, &args);
	struct dev *d;
	int ret;

	if (!ops)
		return why_set(why, -EINVAL, "device '%s': want ram:SIZE, file:PATH, uring:PATH or slow:PROFILE/SPEC",
			       spec);
	if (strlen(spec) >= sizeof(d->spec))
		return why_set(why, -EINVAL, "device '%.60s...': longer than %zu characters", spec,
			       sizeof(d->spec) - 1);
	d = door_new(ops, spec, 0);
	d->force = force;
	ret = ops->open(d, args, why);
	if (ret) {
		door_free(d);
		return ret;
	}
	reap_start(d);
	*out = d;
	return 0;
}

/* A crash image goes back to its pool (image.c): its close() keeps the struct dev. */
void dev_close(struct dev *d)
{
	if (d->quiet && !d->ops->open) {
		d->ops->close(d);
		return;
	}
	dev_drain(d);
	if (d->log)
		powercut_stop(d);
	reap_stop(d);
	d->ops->close(d);
	/* the task that completed the last bio may still hold d->lock: wait until it has left */
	door_lock(d);
	door_unlock(d);
	door_free(d);
}

void dev_describe(FILE *out)
{
	for (unsigned i = 0; i < NR_BACK_ENDS; i++)
		fprintf(out, "  %-34s %s\n", back_end[i].usage, back_end[i].what);
	slow_describe(out);
}
