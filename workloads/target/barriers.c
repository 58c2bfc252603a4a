/* barriers.c: see barriers.h. */
#include "target/barriers.h"

#include <stdio.h>
#include <string.h>

void barriers_begin(struct barriers *b)
{
	b->counted = !disk_flushes(&b->disk, &b->flushes);
}

void barriers_end(const struct barriers *b, struct target_barriers *out)
{
	uint64_t now;

	strcpy(out->device, b->disk.name);
	strcpy(out->why, b->disk.why);
	out->none_needed = b->disk.name[0] && !b->disk.write_back;
	if (!b->counted || disk_flushes(&b->disk, &now)) {
		if (!out->why[0])
			snprintf(out->why, sizeof(out->why), "%s does not count its flushes", b->disk.name);
		return;
	}
	out->flushes = now - b->flushes;
}
