/* barriers.c: see barriers.h. */
#include "target/barriers.h"

#include <stdio.h>
#include <string.h>

void barriers_begin(struct barriers *b)
{
	disk_behind(&b->disk, &b->drive);
	b->counted = !disk_flushes(&b->disk, &b->flushes);
	b->drive_counted = !disk_flushes(&b->drive, &b->drive_flushes);
	b->traffic_counted = !disk_traffic(&b->disk, &b->reads, &b->written);
}

void barriers_end(const struct barriers *b, struct target_barriers *out)
{
	uint64_t now, reads, written;

	strcpy(out->device, b->disk.name);
	strcpy(out->why, b->disk.why);
	out->none_needed = b->disk.name[0] && !b->disk.write_back;
	if (b->traffic_counted && !disk_traffic(&b->disk, &reads, &written)) {
		out->has_traffic = true;
		out->reads = reads - b->reads;
		out->written = written - b->written;
	}
	if (b->drive_counted && !disk_flushes(&b->drive, &now)) {
		strcpy(out->drive, b->drive.name);
		out->drive_flushes = now - b->drive_flushes;
	}
	if (!b->counted || disk_flushes(&b->disk, &now)) {
		if (!out->why[0])
			snprintf(out->why, sizeof(out->why), "%s does not count its flushes", b->disk.name);
		return;
	}
	out->flushes = now - b->flushes;
}
