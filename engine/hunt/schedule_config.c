/* schedule_config.c: the configuration's hash in a schedule's file: see schedule_file.h. */
#include <string.h>

#include "base/crc32c.h"
#include "base/rng.h"
#include "hunt/schedule_file.h"

static uint64_t add_number(uint64_t hash, uint64_t n)
{
	return rng_mix(hash ^ rng_mix(n + 1));
}

static uint64_t add_text(uint64_t hash, const char *text)
{
	return add_number(add_number(hash, strlen(text)), crc32c(0, text, strlen(text)));
}

static uint64_t add_mount(uint64_t hash, const struct mount_options *o)
{
	const uint64_t n[] = { o->compress, o->inline_max, o->endio_workers, o->compress_workers, o->log_wait_ns,
		               o->no_background, o->read_only, o->dirty_age_ns, o->dirty_limit, o->commit_interval_ns };

	for (unsigned i = 0; i < sizeof(n) / sizeof(n[0]); i++)
		hash = add_number(hash, n[i]);
	/* schedules of before these were there stay valid */
	if (o->memory_limit)
		hash = add_number(hash, o->memory_limit);
	return o->data_piece ? add_number(hash, ~o->data_piece) : hash;
}

uint64_t schedule_config(const struct race *race, const struct design *design)
{
	uint64_t hash = add_text(add_text(0, race->name), design->name);

	if (race->job)
		hash = add_text(hash, race->job);
	hash = add_number(hash, race->mkfs.nodesize);
	hash = add_number(hash, race->mkfs.single);
	hash = add_number(hash, race->mkfs.subvols);
	hash = add_number(hash, race->mkfs.fsid);
	hash = add_mount(hash, &race->mount);
	hash = add_number(hash, race->fail[FAULT_DATA_WRITE]);
	for (unsigned i = FAULT_DATA_WRITE + 1; i < RACE_FAULTS; i++)
		if (race->fail[i]) /* schedules of before it was there stay valid: hence no kind for the oldest one */
			hash = add_number(hash, (i == FAULT_TREE_WRITE ? 0 : (uint64_t)i << 32) | race->fail[i]);
	for (uint32_t i = 0; i < race->ntasks; i++)
		hash = add_text(hash, race->tasks[i].name);
	return hash;
}
