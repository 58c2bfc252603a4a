/* fresh.c: see fresh.h. */
#include "figures/fresh.h"

int fresh_search(const struct race *race, const char *design, const char *strategy, struct search *s, struct why *why)
{
	struct strategy t;
	struct violation v;
	struct hunt *h;
	int ret = hunt_open(race, fs_design_find(design), &h, why);

	if (ret)
		return ret;
	ret = strategy_open(&t, strategy, why);
	if (ret)
		goto close_hunt;
	s->strategy = &t;
	violation_init(&v);
	hunt_search(h, s, &v);
	violation_fini(&v);
	s->strategy = NULL;
	strategy_close(&t);
close_hunt:
	hunt_close(h);
	return ret;
}
