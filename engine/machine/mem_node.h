/*
 * mem_node.h: memory per NUMA node. There is one jemalloc arena for each node, and one for each other policy that a
 * task asks for; its extents are bound by hwloc.
 *
 * A thread switches its arena once, when it starts, and from then on plain malloc and free are local. (A flag per
 * call, the other way to choose an arena, was measured to be 2.7 to 3 times dearer.) Without a second node, or where
 * the bind is refused, the default arena serves and mem_notice() says so.
 *
 * Called by rt/threads.c for each thread that is placed, and by the bench for what it allocates itself.
 */
#ifndef MACHINE_MEM_NODE_H
#define MACHINE_MEM_NODE_H

#include "machine/place.h"

/* Makes the arenas for the loaded topology. 0, or -errno (then the default arena serves). */
int mem_init(void);
/* The calling thread allocates from this node's arena from now on; node -1: from the default one. 0 or -errno. */
int mem_use_node(int node);
/* The same for a task that is placed so: by its memory policy, else by its node; without either nothing changes. */
int mem_use_placement(const struct placement *p);
/* What was not available, in words for the user; "" when all was. */
const char *mem_notice(void);

#endif
