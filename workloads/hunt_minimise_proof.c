/*
 * hunt_minimise_proof.c: is there a schedule with fewer preemptions that fails in the same way? All are tried
 * (hunt_bound.h): the stage of hunt_minimise.c that proves a number of preemptions minimal.
 */
#include <errno.h>

#include "hunt_bound.h"

#define STATES (1u << 18)

int minimise_bounded(struct hunt *h, struct violation *v, uint32_t preemptions, struct effort *e)
{
	struct bound *b = bound_new(h, preemptions, STATES, false);
	struct violation c;
	int ret = 0;

	violation_init(&c);
	h->absent = v->absent;
	do {
		if (!e->decisions_left)
			ret = -E2BIG;
		if (ret)
			break;
		hunt_run(h, &pick_bound, b, v->seed);
		e->schedules++;
		e->decisions_left -= h->result.steps < e->decisions_left ? h->result.steps : e->decisions_left;
		ret = !h->result.cut && hunt_judge(h, &c) && violation_same(&c, v);
	} while (ret || pick_bound.more(b));
	if (ret > 0) {
		struct violation was = *v;
		*v = c;
		c = was;
	}
	violation_fini(&c);
	bound_free(b);
	return ret;
}
