/* race.c: see race.h. */
#include "hunt/race.h"

#include <string.h>

const char *const verdict_name[] = { [VERDICT_HOLDS] = "holds", [VERDICT_BREAKS] = "breaks",
	                                   [VERDICT_ANY] = "any" };

bool race_knows(const struct race *race, const char *design)
{
	return !race->bare || race->bare->knows(design);
}

enum verdict race_expect(const struct race *race, const char *design)
{
	for (unsigned i = 0; i < RACE_DESIGNS && race->expect[i].design; i++)
		if (!strcmp(race->expect[i].design, design))
			return race->expect[i].verdict;
	const struct design *d = fs_design_find(design);
	return d && d->any_race ? VERDICT_ANY : VERDICT_HOLDS;
}

bool race_as_due(enum verdict due, bool broken)
{
	return due == VERDICT_ANY || (due == VERDICT_BREAKS) == broken;
}
