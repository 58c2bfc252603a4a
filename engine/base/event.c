/* event.c: the events and the roles of their arguments, as tables. See event.h. */
#include "base/event.h"

const struct event_info event_info[EV_NR] = {
#define X(id, a, b, c, d, told) \
	[EV_##id] = { .name = #id, .text = told, .role = { ROLE_##a, ROLE_##b, ROLE_##c, ROLE_##d } },
	EVENTS(X)
#undef X
};

const struct role_info role_info[ROLE_NR] = {
	[ROLE_NONE] = { "none", "no argument" },
#define X(id, role_name, meaning) [ROLE_##id] = { .name = role_name, .what = meaning },
	ROLES(X)
#undef X
};

int event_position(enum event event, enum role role)
{
	for (unsigned i = 0; i < EVENT_ARGS; i++)
		if (role != ROLE_NONE && event_info[event].role[i] == role)
			return (int)i;
	return -1;
}
