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

static int path_open(const struct target_spec *spec, void **instance, struct why *why)
{
	struct kernel_fs *k = mem_zalloc(sizeof(*k));
	const char *key = strchr(spec->path, ',');
	int ret;

	hist_init(&k->floor);
	k->look_ns = spec->floor_ns;
	if (spec->floor_ns)
		floor_beside(spec->path, false, spec->floor_ns, &k->floor);
	ret = kernel_fs_open(k, spec->path, why);
	/* A folder may have a comma in its name; one that is not there was rather meant to have a key, as others do. */
	if (ret == -ENOENT && key && strchr(key, '='))
		why_set(why, ret, "no folder is called so, and path: takes no keys: leave `%s` out", key);
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
