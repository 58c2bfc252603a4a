/* lanes.c: who has a lane of the time line, and what stands in it at a turn. See story.h. */
#include <string.h>

#include "rt/lock.h"
#include "story/story.h"

static bool known(const struct lanes *lanes, uint32_t task)
{
	for (uint32_t i = 0; i < lanes->n; i++)
		if (lanes->task[i] == task)
			return true;
	return false;
}

/* In the order in which they first do something that is shown; the device last. */
void story_lanes(const struct story *s, bool all, struct lanes *lanes)
{
	bool device = false;

	*lanes = (struct lanes){ .device = NONE };
	for (uint32_t i = 0; i < s->crash_at && i < s->n; i++) {
		const struct line *l = &s->line[i];
		if (!all && !l->matters)
			continue;
		device |= l->device;
		if (l->device || known(lanes, l->task) || lanes->n == LANES_MAX - 1)
			continue;
		lanes->task[lanes->n] = l->task;
		lanes->name[lanes->n++] = s->task_name[l->task % COOP_TASKS_MAX];
	}
	if (!device)
		return;
	lanes->device = lanes->n;
	lanes->task[lanes->n] = COOP_TASKS_MAX;
	lanes->name[lanes->n++] = "device";
}

uint32_t lane_of(const struct lanes *lanes, const struct line *l)
{
	for (uint32_t i = 0; i < lanes->n; i++)
		if (lanes->task[i] == (l->device ? COOP_TASKS_MAX : l->task))
			return i;
	return lanes->n - 1;
}

/* The last stop of the task at or before the turn; NULL: it has not run yet. */
static const struct watch_stop *last_stop(const struct story *s, uint32_t task, uint32_t turn)
{
	for (uint32_t t = turn + 1; t > 0; t--)
		if (s->watch.turn[t - 1].stop.task == task)
			return &s->watch.turn[t - 1].stop;
	return NULL;
}

enum lane_state lane_state(const struct story *s, uint32_t task, uint32_t turn, int *class)
{
	const struct watch_stop *stop = turn < s->watch.nturns ? last_stop(s, task, turn) : NULL;
	const struct watch_turn *now = &s->watch.turn[turn];

	*class = -1;
	if (!stop || stop->ended)
		return stop || turn >= s->watch.nturns || now->task != task ? LANE_ABSENT : LANE_READY;
	if (now->task != task && !(now->enabled >> task & 1)) {
		*class = stop->wait_class;
		return LANE_WAITS;
	}
	for (uint32_t i = 0; i < stop->nheld; i++)
		if (!stop->held[i].owed) {
			*class = stop->held[i].class;
			return LANE_HOLDS;
		}
	return LANE_READY;
}
