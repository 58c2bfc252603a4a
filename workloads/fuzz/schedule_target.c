/*
 * schedule_target.c: any bytes as a schedule's file (hunt/schedule_file.h). Its sum is made right, so that what is
 * behind it is reached, unless the first byte is a '!': what follows that is the file as it is.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/check.h"
#include "base/crc32c.h"
#include "fuzz/targets.h"
#include "hunt/schedule_file.h"
#include "hunt/schedule_text.h"
#include "machine/mem.h"
#include "race/registry.h"

/* Whole lines, wrapped ones undone, and the last line that such a text has to have. Returns the length. */
static size_t seal(char *text, size_t n)
{
	text[n] = 0;
	if (strlen(text) != n)
		return n; /* refused before its sum is looked at */
	schedule_unwrap(text);
	n = strlen(text);
	if (n && text[n - 1] != '\n')
		text[n++] = '\n';
	return n + (size_t)sprintf(text + n, SCHEDULE_END "%08x\n", crc32c(0, text, n));
}

void fuzz_schedule(const uint8_t *data, size_t n)
{
	bool plain = n && data[0] == '!';
	char *text = mem_alloc(n + 64), path[64];
	const struct race *race = NULL;
	const struct design *design = NULL;
	struct violation v;
	struct why why = WHY_NONE;

	memcpy(text, data + plain, n - plain);
	n = plain ? n - 1 : seal(text, n);
	int fd = memfd_create("schedule", MFD_CLOEXEC);
	CHECK(fd >= 0 && write(fd, text, n) == (ssize_t)n);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	for (int tolerant = 0; tolerant < 2; tolerant++) {
		int ret = schedule_file_read(path, tolerant, &race_registry, &race, &design, &v, &why);
		CHECK(ret <= 0 && (!ret || why.text[0]));
		if (!ret)
			CHECK(race && design && race_knows(race, design->name));
		violation_fini(&v);
	}
	close(fd);
	free(text);
}
