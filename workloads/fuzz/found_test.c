/*
 * found_test.c: the inputs that once hung or aborted a mount for writing, each with what is right: the mount is
 * refused, and the line says what the image holds that cannot be.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fuzz/targets.h"
#include "rt/sanitize.h"

static const struct found {
	const char *name, *was, *is;
} found[] = {
	{ "crash-1256dcb8", "alloc.c: space is given up that is not in use",
	  "block 303104 of tree -6: item 4 (259 108 0): an extent of kind 255" },
	{ "crash-2233f613", "extent_item.c: a compressed extent has fewer items than are let go",
	  "block 274432 of tree 256: item 4 (257 108 0): compression of kind 102" },
	{ "crash-25e76098", "the same",
	  "block 303104 of tree -6: item 4 (259 108 0): compression of kind 255" },
	{ "crash-262f0e01", "the same",
	  "block 274432 of tree 256: item 4 (257 108 0): compression of kind 153" },
	{ "crash-c3c2d049", "the same",
	  "block 274432 of tree 256: item 3 (257 12 256): a name that is empty or has a /" },
	{ "crash-f42ebba5", "the same",
	  "block 274432 of tree 256: item 4 (257 108 0): compression of kind 229" },
	{ "hang-44e16cd1", "replay walks an extent of 2^63 bytes",
	  "block 274432 of tree 256: item 4 (257 108 0): it covers 0+16927342149425442816 of the file" },
	{ "hang-6186680a", "the same",
	  "block 274432 of tree 256: item 4 (257 108 0): it covers 0+2088263930253148160 of the file" },
	{ "hang-a9ba38f3", "the same",
	  "block 274432 of tree 256: item 4 (257 108 0): it covers 0+7414895311488823296 of the file" },
};

static void each_is_refused_in_words(void **state)
{
	static const char said[] = "ram:1m: cannot be mounted: ";
	unsigned wrong = 0;

	if (RT_TSAN)
		skip();
	for (size_t i = 0; i < sizeof(found) / sizeof(found[0]); i++) {
		uint8_t data[256];
		char path[128];
		struct why why;
		snprintf(path, sizeof(path), "workloads/fuzz/corpus/image-write/%s", found[i].name);
		FILE *in = fopen(path, "rb");
		assert_non_null(in);
		size_t n = fread(data, 1, sizeof(data), in);
		fclose(in);
		for (int write = 0; write < 2; write++) {
			(write ? fuzz_image_write : fuzz_image)(data, n);
			int ret = fuzz_image_mounted(&why);
			if (ret == -EIO && !strncmp(why.text, said, strlen(said)) &&
			    !strcmp(why.text + strlen(said), found[i].is))
				continue;
			print_error("%s (%s): %d \"%s\", not \"%s\"\n", found[i].name, found[i].was, ret, why.text,
				    found[i].is);
			wrong++;
		}
	}
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_refused_in_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
