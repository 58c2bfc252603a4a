/*
 * doctor_test.c: each check says how it is and, where something is missing, what to do.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <sched.h>
#include <sys/mount.h>

#include "kit/spawn_test.h"

static const char *text(json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static json_t *check_of(json_t *list, const char *name)
{
	json_t *o;
	size_t i;

	json_array_foreach(list, i, o)
		if (!strcmp(text(o, "name"), name))
			return o;
	fail_msg("no check is called %s", name);
	return NULL;
}

static void what_is_missing_comes_with_advice(void **state)
{
	json_error_t e;
	json_t *list, *o;
	size_t i;

	assert_int_equal(spawn("doctor --json"), 0);
	list = json_loads(spawn_out, 0, &e);
	assert_true(json_array_size(list) >= 10);
	json_array_foreach(list, i, o) {
		assert_true(strlen(text(o, "found")) > 0);
		assert_int_equal(!strcmp(text(o, "state"), "ok"), !*text(o, "advice"));
	}
	assert_string_equal(text(check_of(list, "root"), "state"), geteuid() ? "limited" : "ok");
	json_decref(list);
	assert_int_equal(spawn("doctor"), 0);
	assert_non_null(strstr(spawn_out, "PMU"));
	assert_int_equal(spawn_left(), 0);
}

static void a_folder_without_a_device_is_told(void **state)
{
	json_error_t e;
	json_t *list;

	if (access("/dev/shm", W_OK))
		skip();
	assert_int_equal(spawn("doctor /dev/shm --json"), 0);
	list = json_loads(spawn_out, 0, &e);
	assert_string_equal(text(check_of(list, "device"), "state"), "no");
	json_decref(list);
	assert_int_equal(spawn("doctor /proc --json"), 0);
	list = json_loads(spawn_out, 0, &e);
	assert_string_equal(text(check_of(list, "O_DIRECT"), "state"), "no");
	json_decref(list);
}

/* The check's state and what it says of a folder on an image that is made and mounted so. */
static void told_of(const char *mkfs, const char *options, const char *rotational, const char *check,
                    const char *state_, const char *says)
{
	char command[1024];
	json_t *list, *o;

	snprintf(command, sizeof(command),
	         "{ truncate -s 160m img && %s img && mkdir -p m && dev=$(losetup -f --show img) && "
	         "echo %s > /sys/block/${dev#/dev/}/queue/rotational && mount -o %s $dev m; losetup -d $dev; } 2>&1",
	         mkfs, rotational, options);
	assert_int_equal(system(command), 0);
	assert_int_equal(spawn("doctor m --json"), 0);
	assert_int_equal(system("umount m && rm -r img m"), 0);
	list = json_loads(spawn_out, 0, NULL);
	o = check_of(list, check);
	if (strcmp(text(o, "state"), state_) || !strstr(text(o, "found"), says))
		fail_msg("%s of %s: %s: %s", check, options, text(o, "state"), text(o, "found"));
	json_decref(list);
}

static void what_a_mount_does_to_the_figures_is_told(void **state)
{
	if (geteuid() || access("/dev/loop-control", W_OK) || unshare(CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		skip();
	told_of("mkfs.ext4 -q -F", "barrier", "0", "mount", "ok", "ext4: rw");
	told_of("mkfs.ext4 -q -F", "nobarrier", "0", "mount", "limited", "flush nothing");
	told_of("mkfs.ext4 -q -F", "data=journal", "0", "mount", "limited", "data=journal");
	told_of("mkfs.ext4 -q -F", "data=writeback", "0", "mount", "limited", "data=writeback");
	told_of("mkfs.ext4 -q -F", "noatime", "1", "rotational", "limited", "a btrfs on it sleeps a tick");
	told_of("mkfs.ext4 -q -F", "noatime", "1", "drive", "limited", "a flush is an fsync of /");
	told_of("mkfs.btrfs -q -f", "noatime", "1", "rotational", "limited", "this btrfs sleeps a tick");
	told_of("mkfs.btrfs -q -f", "ssd", "1", "rotational", "ok", "it does not sleep");
	told_of("mkfs.btrfs -q -f", "noatime", "0", "rotational", "ok", "says that it is not");
	assert_int_equal(system("mkdir low up work m && mount -t overlay -o lowerdir=low,upperdir=up,workdir=work o m"
	                        " 2>/dev/null || mount -t tmpfs none m"), 0);
	assert_int_equal(spawn("doctor m"), 0);
	assert_true(strstr(spawn_out, "overlayfs: the file system below it") || !strstr(spawn_out, "overlay"));
	assert_int_equal(system("umount m && rm -r low up work m"), 0);
}

static void mistakes_are_one_line(void **state)
{
	assert_int_equal(spawn("doctor nosuch"), 2);
	assert_non_null(strstr(spawn_err, "nosuch: No such file"));
	assert_int_equal(spawn("doctor . ."), 2);
	assert_non_null(strstr(spawn_err, "one folder"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_missing_comes_with_advice),
		cmocka_unit_test(a_folder_without_a_device_is_told),
		cmocka_unit_test(what_a_mount_does_to_the_figures_is_told),
		cmocka_unit_test(mistakes_are_one_line),
	};
	return cmocka_run_group_tests(tests, spawn_begin, spawn_end);
}
