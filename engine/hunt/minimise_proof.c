/*
 * minimise_proof.c: is there a schedule with fewer preemptions that fails in the same way? One of each order of
 * accesses is tried (pick/dpor.h): the stage of minimise.c that proves a number of preemptions minimal.
 */
#include <errno.h>

#include "hunt/hunt.h"
#include "pick/dpor.h"

/* As the tolerant replay makes data choices: always the first. */
static struct dpor *within(uint32_t preemptions)
{
	struct dpor *d = dpor_new(DPOR_RACES);

	d->preemptions = preemptions;
	d->first_values = true;
	return d;
}

int minimise_bounded(struct hunt *h, struct violation *v, uint32_t preemptions, struct effort *e)
{
	struct dpor *d = within(preemptions);
	struct violation c;
	int ret = 0;

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
	if (ret > 0) {
		struct violation was = *v;
		*v = c;
		c = was;
	}
	violation_fini(&c);
	pick_dpor.destroy(d);
	return ret;
}
