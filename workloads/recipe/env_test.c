/*
 * env_test.c: what a run records of what is under a target: options of the mount and of the super block, of btrfs and
 * its subvolumes too, and the real file under a loop device. As root, with loop devices; else that is skipped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "recipe/env.h"

static char folder[] = "/tmp/fss-env-test-XXXXXX";

static int setup(void **state)
{
	return mkdtemp(folder) && !chdir(folder) ? 0 : -1;
}

static int teardown(void **state)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return chdir("/") || system(command) ? -1 : 0;
}

static const char *text(const json_t *o, const char *key)
{
	const char *value = json_string_value(json_object_get(o, key));

	return value ? value : "";
}

/* Each of the words is one of the options. */
static void has_options(const json_t *o, const char *key, const char *words)
{
	char options[600], copy[200], *save;

	snprintf(options, sizeof(options), ",%s,", text(o, key));
	snprintf(copy, sizeof(copy), "%s", words);
	for (char *w = strtok_r(copy, ",", &save); w; w = strtok_r(NULL, ",", &save)) {
		char one[64];

		snprintf(one, sizeof(one), ",%s,", w);
		if (!strstr(options, one))
			fail_msg("%s: no %s in %s", text(o, "path"), w, options);
	}
}

/* Makes and mounts it on "at", over a loop device; false where that is not to be had. */
static bool mount_one(const char *mkfs, const char *options)
{
	char command[1024];

	snprintf(command, sizeof(command),
	         "{ truncate -s 320m image && %s image && mkdir -p at && mount -o loop,%s image at; } >/dev/null 2>&1",
	         mkfs, options);
	return !geteuid() && !access("/dev/loop-control", F_OK) && !system(command);
}

static void unmount(void)
{
	assert_int_equal(system("umount at && rm image"), 0);
}

static void the_real_file_is_told(const json_t *o)
{
	const json_t *under = json_object_get(o, "under");
	char image[64], place[512];

	snprintf(image, sizeof(image), "%s/image", folder);
	assert_memory_equal(text(o, "drive"), "loop", 4);
	assert_non_null(under);
	assert_string_equal(text(under, "path"), image);
	assert_string_not_equal(text(under, "filesystem"), "unknown");
	assert_true(text(under, "fs_options")[0]);
	env_place(o, place, sizeof(place));
	assert_non_null(strstr(place, " on loop"));
	assert_non_null(strstr(place, image));
}

static void options_of_the_super_block_are_told(void **state)
{
	static const struct {
		const char *mkfs, *mount, *type, *fs_options;
	} of[] = {
		{ "mkfs.ext4 -q -F", "nobarrier,commit=7,data=journal,noatime", "ext4",
		  "nobarrier,commit=7,data=journal" },
		{ "mkfs.xfs -q -f", "logbufs=4,noatime", "xfs", "logbufs=4" },
		{ "mkfs.btrfs -q -f", "ssd,commit=9,noatime", "btrfs", "ssd,commit=9" },
	};
	unsigned told = 0;

	for (unsigned i = 0; i < 3; i++) {
		if (!mount_one(of[i].mkfs, of[i].mount))
			continue;
		json_t *o = env_backing("at/file-that-is-to-be-made");
		assert_string_equal(text(o, "filesystem"), of[i].type);
		has_options(o, "fs_options", of[i].fs_options);
		has_options(o, "mount_options", "rw,noatime");
		the_real_file_is_told(o);
		json_decref(o);
		unmount();
		told++;
	}
	if (!told)
		skip();
}

/* Its files have a device number that is in no table of mounts. */
static void a_subvolume_is_found_too(void **state)
{
	if (!mount_one("mkfs.btrfs -q -f", "commit=9"))
		skip();
	if (!system("btrfs subvolume create at/sub >/dev/null 2>&1")) {
		json_t *o = env_backing("at/sub");
		assert_string_equal(text(o, "filesystem"), "btrfs");
		has_options(o, "fs_options", "commit=9");
		the_real_file_is_told(o);
		json_decref(o);
	}
	unmount();
}

static void what_is_nowhere_is_unknown(void **state)
{
	json_t *o = env_backing("/no/such/folder/file");

	assert_string_equal(text(o, "filesystem"), "unknown");
	assert_null(json_object_get(o, "under"));
	json_decref(o);
	o = env_backing("/proc/version");
	assert_string_equal(text(o, "filesystem"), "proc");
	assert_null(json_object_get(o, "drive"));
	json_decref(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_of_the_super_block_are_told),
		cmocka_unit_test(a_subvolume_is_found_too),
		cmocka_unit_test(what_is_nowhere_is_unknown),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
