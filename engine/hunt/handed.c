/* handed.c: see handed.h. */
#include "hunt/handed.h"

#include <string.h>

#include "base/check.h"
#include "hunt/judge.h"
#include "hunt/run.h"

void violation_hand_over(struct handed *to, const struct violation *v)
{
	CHECK(v->schedule.n <= HANDED_MAX);
	to->seed = v->seed;
	to->n = v->schedule.n;
	memcpy(to->decision, v->schedule.d, v->schedule.n * sizeof(*to->decision));
}

void violation_take(struct hunt *h, const struct handed *from, struct violation *v)
{
	struct violation recorded;

	violation_init(&recorded);
	recorded.seed = from->seed;
	for (uint32_t i = 0; i < from->n; i++)
		schedule_add(&recorded.schedule, from->decision[i]);
	hunt_again(h, &recorded, true);
	CHECK(hunt_judge(h, v)); /* the same run breaks the same promise (hunt.2) */
	violation_fini(&recorded);
}
