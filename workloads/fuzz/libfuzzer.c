/*
 * libfuzzer.c: libFuzzer's door to the targets. The program is linked once; the name that it is called by says which
 * target it runs (make fuzz makes a link for each).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/targets.h"
#include "machine/mem.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const struct fuzz_target *target = fuzz_targets;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *slash = strrchr((*argv)[0], '/'), *name = slash ? slash + 1 : (*argv)[0];

	while (target->name && strcmp(name, target->name))
		target++;
	if (!target->name) {
		fprintf(stderr, "%s: called by the name of no target\n", name);
		exit(2);
	}
	/* its options are parsed after this: the longest input that makes sense is one of them */
	static char max[32];
	char **args = mem_zalloc((size_t)(*argc + 2) * sizeof(*args));
	memcpy(args, *argv, (size_t)*argc * sizeof(*args));
	snprintf(max, sizeof(max), "-max_len=%u", target->max);
	args[(*argc)++] = max;
	*argv = args;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	if (n <= target->max)
		target->one(data, n);
	return 0;
}
