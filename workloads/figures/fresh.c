/* fresh.c: see fresh.h. */
#include "figures/fresh.h"

int fresh_search_jobs(const struct race *race, const char *design, const char *strategy, uint32_t jobs,
                      struct search *s, struct why *why)
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
	if (jobs > 1)
		ret = hunt_search_jobs(h, s, jobs, &v, why);
	else
		hunt_search(h, s, &v);
	violation_fini(&v);
	s->strategy = NULL;
	strategy_close(&t);
close_hunt:
	hunt_close(h);
	return ret;
}

int fresh_search(const struct race *race, const char *design, const char *strategy, struct search *s, struct why *why)
{
	return fresh_search_jobs(race, design, strategy, 1, s, why);
}
