/* registry.c: the table of races: see registry.h. */
#include "race/registry.h"

#include <string.h>

#include "base/text.h"
#include "race/job.h"

const struct race *const races[] = {
	&race_seed, &race_seed_smallest, &race_seed_compressed, &race_commit, &race_data_error, &race_early_error,
	&race_join, &race_log_root, &race_log_reuse, &race_ranged, &race_supers, &race_size_held, &race_size_late,
	&race_direct, &race_direct_prealloc, &race_direct_async, &race_mapped, &race_punch, &race_stamp,
	&race_lost_hole, &race_tail_error, &race_sync_error, &race_unlinked, &race_mixed, &race_protocol,
	NULL
};

const struct race *race_find(const char *name)
{
	if (!strncmp(name, "race_", 5))
		name += 5;
	for (const struct race *const *r = races; *r; r++)
		if (!strcmp((*r)->name, name))
			return *r;
	return NULL;
}

const char *race_nearest(const char *name, char *buf, unsigned size)
{
	const char *names[sizeof(races) / sizeof(races[0])];
	size_t n = 0;

	for (const struct race *const *r = races; *r; r++)
		names[n++] = (*r)->name;
	return text_did_you_mean(buf, size, text_nearest(name, names, n, sizeof(names[0])));
}

const struct race_source race_registry = {
	.find = race_find,
	.nearest = race_nearest,
	.from_job = race_job_from_text,
};
