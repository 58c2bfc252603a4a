/*
 * mem.h: memory per NUMA node: one jemalloc arena a node (and one for each other policy that a task asks
 * for), its extents bound to the node by hwloc.
 * A thread switches arena once, when it starts (thread.arena), and then plain malloc and free are
 * local; no flags per call (ANCHORS: 2.7 to 3 times dearer). Without a second node, or where the
 * bind is refused, the default arena is used and mem_notice() says so.
 */
#ifndef MACHINE_MEM_H
#define MACHINE_MEM_H

#include <stddef.h>

#include "machine/place.h"

/* Makes the arenas for the loaded topology. 0, or -errno (then the default arena serves). */
int mem_init(void);
/* The calling thread allocates from this node's arena from now on; node -1: the default one. 0 or -errno. */
int mem_use_node(int node);
/* The same from memory with this policy over nodes ("0-1"), an arena of its own. */
int mem_use_policy(enum place_memory policy, const char *nodes);
/* As a task that is placed so: its policy, else its node; nothing changes when it has neither. 0 or -errno. */
int mem_use_placement(const struct placement *p);
/* What was not available, in words for the user; "" when all was. */
const char *mem_notice(void);
/* Bytes resident now, and at most so far (from the kernel), for the results. */
size_t mem_resident_bytes(void);
size_t mem_peak_bytes(void);

/* malloc that never fails: CHECKs. mem_zalloc zeroes. Free with free(). */
void *mem_alloc(size_t n);
void *mem_zalloc(size_t n);
/* Aligned for O_DIRECT (4096). Free with free(). */
void *mem_alloc_pages(size_t n);

#endif
