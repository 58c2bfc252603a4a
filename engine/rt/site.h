/*
 * site.h: which line of the source a task stands on. Return addresses are taken while a run is shown, and
 * made into file, line and function afterwards, from the program's own debug information: what is hunted
 * or measured pays nothing.
 *
 * (S1) The line is the innermost one outside engine/rt and engine/pick: who takes a lock is told, not how a lock is taken
 *      or the next task is picked. Inlined calls are followed.
 *
 * Called by pick/watch.c, and by who prints what it saw.
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

/* Of the caller. The first call of a process is made outside of fibers: it takes more stack than they have. */
void site_take(struct site_stack *s);
/* False when there is no debug information (a stripped program), or all of it is in those two rooms. */
bool site_find(const struct site_stack *s, struct site *out);
/* Forgets the debug information that site_find() has read. */
void site_close(void);

#endif
