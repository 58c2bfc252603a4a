/* race.c: the table of races: see race.h. */
#include "race.h"

#include <string.h>

#include "base/text.h"

const struct race *const races[] = {
	&race_seed, &race_seed_smallest, &race_seed_compressed, &race_commit, &race_data_error, &race_early_error, &race_join, &race_log_root,
	&race_log_reuse, &race_ranged, &race_supers, &race_mixed, &race_protocol, NULL
};

const char *const verdict_name[] = { [VERDICT_HOLDS] = "holds", [VERDICT_BREAKS] = "breaks" };

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

bool race_knows(const struct race *race, const char *design)
{
	return !race->bare || race->bare->knows(design);
}

enum verdict race_expect(const struct race *race, const char *design)
{
	for (unsigned i = 0; i < RACE_DESIGNS && race->expect[i].design; i++)
		if (!strcmp(race->expect[i].design, design))
			return race->expect[i].verdict;
	return VERDICT_HOLDS;
}
