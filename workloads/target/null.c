/*
 * null.c: a target that does nothing: what a job then costs is the driver's own.
 */
#include "target/target.h"

static char nothing;

static int null_open(const struct target_spec *spec, void **instance, struct why *why)
{
	*instance = &nothing;
	return 0;
}

static int null_file_make(void *instance, const struct target_file *want)
{
	return 0;
}

static int null_file_open(void *instance, const struct target_file *want, void **file)
{
	*file = &nothing;
	return 0;
}

static int null_done(void *instance_or_file)
{
	return 0;
}

static int null_write(void *file, uint64_t off, const void *buf, uint32_t len)
{
	return 0;
}

static int null_read(void *file, uint64_t off, void *buf, uint32_t len)
{
	return 0;
}

static int null_sync_range(void *file, uint64_t off, uint64_t len, unsigned flags)
{
	return 0;
}

static void null_facts(void *instance, struct target_facts *out)
{
	*out = (struct target_facts){ .device = NULL };
}

static void null_file_close(void *file)
{
}

static const struct target_files null_files = {
	.make = null_file_make,
	.open = null_file_open,
	.unlink = null_file_make,
	.write = null_write,
	.read = null_read,
	.fsync = null_done,
	.fdatasync = null_done,
	.sync_range = null_sync_range,
	.close = null_file_close,
};

const struct target target_null = {
	.name = "null",
	.what = "nothing: measures the driver",
	.open = null_open,
	.settle = null_done,
	.close = null_done,
	.files = &null_files,
	.view = { .facts = null_facts },
};
