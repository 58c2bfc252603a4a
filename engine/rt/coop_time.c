/*
 * coop_time.c: the clock of a controlled run. It is never the real one.
 *
 * Searching, there is one clock, which goes on by a fixed step at each point. Timeouts come in any order, because a
 * picker may take a task that waits for one at any time. In virtual time each task has a clock of its own, as if it had
 * a processor of its own, and the picker takes the task with the lowest one (pick/clock.c).
 *
 * Called through rt.h: rt_now(), rt_work(), rt->sleep().
 */
#include "rt/coop_state.h"

uint64_t coop_now(void)
{
	return coop.config->virtual_time ? coop_current()->clock : coop.search_now;
}

void coop_advance_to(uint64_t ns)
{
	uint64_t *now = coop.config->virtual_time ? &coop_current()->clock : &coop.search_now;

	if (*now < ns)
		*now = ns;
	coop.view.clock[coop.view.current] = coop_current()->clock;
}

void coop_stop_until(uint64_t deadline)
{
	uint32_t id = coop.view.current;

	CHECK(id < COOP_TASKS_MAX);
	coop.task[id].deadline = deadline;
	coop.view.clock[id] = deadline;
	coop.view.timed |= BIT(id);
	coop.view.kind[id] = POINT_YIELD;
	coop_go_on(false);
	coop.view.timed &= ~BIT(id);
}

void coop_work(uint64_t ns)
{
	coop_advance_to(coop_now() + ns);
	if (coop.config->virtual_time)
		coop_go_on(false); /* tasks whose time comes before the end of this work run first */
}

void coop_sleep(uint64_t ns)
{
	uint64_t end = coop_now() + ns;

	coop_stop_until(end);
	coop_advance_to(end);
}
