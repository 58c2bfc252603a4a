/*
 * minimise_proof.c: is there a schedule with fewer preemptions that fails in the same way? One of each order of
 * accesses is tried (pick/dpor.h). It is the stage of minimise.c that proves a number of preemptions minimal.
 */
#include <errno.h>

#include "hunt/judge.h"
#include "hunt/minimise_stages.h"
#include "hunt/run.h"
#include "pick/dpor.h"

int minimise_bounded(struct hunt *h, struct violation *v, uint32_t preemptions, struct effort *e)
{
	struct dpor *d = dpor_new(DPOR_RACES);
	struct violation c;
	int ret = 0;

	d->preemptions = preemptions;
	d->first_values = true; /* data choices as the tolerant replay makes them: always the first */
	violation_init(&c);
	h->absent = v->absent;
	while (!ret && pick_dpor.more(d)) {
		hunt_run(h, &pick_dpor, d, v->seed);
		e->schedules++;
		e->decisions_left -= h->result.steps < e->decisions_left ? h->result.steps : e->decisions_left;
		ret = !h->result.cut && hunt_judge(h, &c) && violation_same(&c, v);
		if (!ret && (!e->decisions_left || d->too_long))
			ret = -E2BIG;
	}
	if (ret > 0)
		violation_swap(v, &c);
	violation_fini(&c);
	pick_dpor.destroy(d);
	return ret;
}
