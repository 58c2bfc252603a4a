/* targets.c: the table of what is fuzzed: see targets.h. */
#include "fuzz/targets.h"

const struct fuzz_target fuzz_targets[] = {
	{ "job", "a job file is parsed, and its operations are drawn", fuzz_job, 4096 },
	{ "scenario", "a scenario is parsed, and so are its other forms", fuzz_scenario, 4096 },
	{ "schedule", "a schedule's file is read, its sum made right", fuzz_schedule, 8192 },
	{ "image", "a damaged image with right checksums is mounted read-only, read and checked", fuzz_image, 256 },
	{ "image-write", "the same, mounted read-write, written to, synced, truncated", fuzz_image_write, 256 },
	{ NULL, NULL, NULL, 0 },
};
