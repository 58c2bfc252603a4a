/*
 * count.c: the names and meanings of the event counters, as a table. The counting itself is
 * count() in rt/rt.h: it needs to know the running task.
 */
#include "base/count.h"

const struct counter_info counter_info[C_NR] = {
#define X(id, counter_name, meaning) [C_##id] = { .name = counter_name, .what = meaning },
	COUNTERS(X)
#undef X
};
