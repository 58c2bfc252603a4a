/* pickers.c: the table of pickers. See pickers.h. */
#include "pick/pickers.h"

#include <stddef.h>
#include <string.h>

static const struct picker *const pickers[] = {
	&pick_random,
	&pick_pct,
	&pick_pos,
	&pick_urw,
	&pick_surw,
	&pick_dfs,
	&pick_dpor,
	&pick_clock,
};

const struct picker *picker_at(unsigned i)
{
	return i < sizeof(pickers) / sizeof(pickers[0]) ? pickers[i] : NULL;
}

const struct picker *picker_find(const char *name)
{
	for (unsigned i = 0; picker_at(i); i++)
		if (!strcmp(picker_at(i)->name, name))
			return picker_at(i);
	return NULL;
}
