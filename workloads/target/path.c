/*
 * path.c: a folder of a mounted file system, whatever it is: path:DIR. A trial has a folder of
 * its own in it, which is removed with its files.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "target/floor.h"
#include "target/kernel_fs.h"
#include "machine/mem.h"

/* A folder may be called so; one that is not there was rather meant to have a key, as other targets do. */
static void say_no_keys(const char *dir, char *err)
{
	const char *key = strchr(dir, ',');

	if (key && strchr(key, '='))
		snprintf(err, TARGET_ERR_MAX, "no folder is called so, and path: takes no keys: leave `%.100s` out", key);
}

static int path_open(const struct target_spec *spec, void **instance, char *err)
{
	struct kernel_fs *k = mem_zalloc(sizeof(*k));
	int ret;

	hist_init(&k->floor);
	k->look_ns = spec->floor_ns;
	if (spec->floor_ns)
		floor_beside(spec->path, false, spec->floor_ns, &k->floor);
	ret = kernel_fs_open(k, spec->path, err);
	if (ret == -ENOENT)
		say_no_keys(spec->path, err);
	if (ret)
		free(k);
	else
		*instance = k;
	return ret;
}

static void path_look(void *instance, struct hist *h)
{
	const struct kernel_fs *k = instance;

	if (k->look_ns)
		floor_beside(k->path, false, k->look_ns, h);
}

static int path_close(void *instance)
{
	kernel_fs_close(instance);
	free(instance);
	return 0;
}

const struct target target_path = {
	.name = "path",
	.what = "a folder of a mounted file system, by ordinary system calls: path:DIR",
	.kernel = true,
	.open = path_open,
	.settle = kernel_settle,
	.close = path_close,
	.files = &kernel_files,
	.view = {
		.begin = kernel_begin,
		.facts = kernel_facts,
		.look = path_look,
		.folder = kernel_folder,
		.room = kernel_room,
	},
};
