/*
 * site.h: which line of the source a task stands on. While a run is shown, return addresses are taken; afterwards
 * they are turned into file, line and function, from the program's own debug information. A hunt and a measurement
 * take none.
 *
 * site.1: The line is the innermost one outside engine/rt and engine/pick: the line that takes a lock, not a line of
 * how locks work or of how the next task is picked. Inlined calls are followed.
 *
 * Called by trace.c and pick/watch.c, which take addresses, and by the rooms that print them.
 */
#ifndef RT_SITE_H
#define RT_SITE_H

#include <stdbool.h>
#include <stdint.h>

#define SITE_DEPTH 16u

/* Return addresses, innermost first. */
struct site_stack {
	uint32_t n;
	void *pc[SITE_DEPTH];
};

struct site {
	char file[72];     /* as it was compiled: "engine/fs/ordered.c" */
	char function[56];
	uint32_t line;
};

/* The caller's stack. The first call of a process must not be made on a fiber: it takes more stack than they have. */
void site_take(struct site_stack *s);
/* False when there is no debug information (a stripped program), or all of it is in those two rooms. */
bool site_find(const struct site_stack *s, struct site *out);
/* Forgets the debug information that site_find() has read. */
void site_close(void);

#endif
