/* reads.c: see reads.h. */
#include "cut/reads.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dev/dev.h"
#include "kwait/cpus.h"
#include "kwait/tracefs.h"
#include "machine/mem.h"

#define POINT      "block/block_bio_queue"
#define IN_A_BLOCK (DEV_BLOCK / 512)

struct reads {
	struct cpus *cpus;
	unsigned letters, sector, count; /* where they stand in a record */
	uint64_t blocks, words, lost;
	uint64_t *read;
};

static void take(void *arg, const struct cpus_record *record)
{
	struct reads *r = arg;
	uint64_t sector;
	uint32_t count;

	if (record->raw[r->letters] != 'R')
		return;
	memcpy(&sector, record->raw + r->sector, sizeof(sector));
	memcpy(&count, record->raw + r->count, sizeof(count));
	for (uint64_t b = sector / IN_A_BLOCK; b * IN_A_BLOCK < sector + count && b < r->blocks; b++)
		r->read[b / 64] |= 1ull << b % 64;
}

static int begin(struct reads *r, const char *device, struct why *why)
{
	char filter[64];
	int ret = tracefs_device_filter(device, filter, sizeof(filter));

	if (ret)
		return why_set(why, ret, "%s is not known to sysfs", device);
	int fd = tracefs_open(why);
	if (fd < 0)
		return fd;
	const struct cpus_point point = { .number = tracefs_number(fd, POINT), .filter = filter };
	r->letters = tracefs_offset(fd, POINT, " rwbs[");
	r->sector = tracefs_offset(fd, POINT, " sector;");
	r->count = tracefs_offset(fd, POINT, " nr_sector;");
	close(fd);
	if (!point.number || !r->letters || !r->sector || !r->count)
		return why_set(why, -ENOENT, "this kernel has no tracepoint of block I/O");
	r->cpus = cpus_begin(&point, 1, take, r, why);
	return r->cpus ? 0 : -EPERM;
}

struct reads *reads_begin(const char *device, uint64_t blocks, struct why *why)
{
	struct reads *r = mem_zalloc(sizeof(*r));

	r->blocks = blocks;
	r->words = blocks / 64 + 1;
	r->read = mem_zalloc(r->words * sizeof(*r->read));
	if (!begin(r, device, why))
		return r;
	free(r->read);
	free(r);
	return NULL;
}

void reads_end(struct reads *r)
{
	cpus_end(r->cpus);
	free(r->read);
	free(r);
}

void reads_clear(struct reads *r)
{
	cpus_drain(r->cpus);
	r->lost = cpus_lost(r->cpus);
	memset(r->read, 0, r->words * sizeof(*r->read));
}

uint64_t *reads_taken(struct reads *r)
{
	uint64_t *out = mem_alloc(r->words * sizeof(*out));

	cpus_drain(r->cpus);
	memcpy(out, r->read, r->words * sizeof(*out));
	if (cpus_lost(r->cpus) != r->lost)
		memset(out, 0xff, r->words * sizeof(*out));
	return out;
}
