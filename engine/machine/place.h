/*
 * place.h: named placements over any hwloc topology: which processing unit and NUMA node each of N tasks goes to, and
 * where its memory comes from. A plan depends on the topology alone (HWLOC_SYNTHETIC describes one for tests). A thread
 * is bound when it starts; whether that worked is told.
 *
 * Called by the commands that plan, by rt/threads.c, and by mem_node.c.
 */
#ifndef MACHINE_PLACE_H
#define MACHINE_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Where memory comes from: the node that the task runs on, or as the kernel's policies of these names. */
enum place_memory { PLACE_LOCAL, PLACE_PREFER, PLACE_BIND, PLACE_INTERLEAVE };

struct placement {
	int pu;    /* OS index of the processing unit; -1 = any of the node */
	int node;  /* OS index of the NUMA node; -1 = any */
	const char *cpus; /* a Linux cpu list that overrides pu, e.g. "0-3,8"; NULL = none */
	const char *nodes; /* any processor of these NUMA nodes, "0-1" or "all"; overrides pu; NULL = none */
	enum place_memory memory;
	const char *memory_nodes; /* "0-1" or "all"; only with PREFER, BIND, INTERLEAVE */
};

/* What a plan has to know. */
struct place_request {
	unsigned n;
	const bool *second; /* one a task, for split: it goes to the second node; NULL: every other one does */
	int home;           /* the drive's node (OS index), for near and far; -1: not known */
};

struct place_topology {
	unsigned pus, cores, packages, nodes;
	bool real; /* false: synthetic, binding does nothing */
};

/* Loads the topology, once. 0 or -errno: -EINVAL when HWLOC_SYNTHETIC is set and cannot be read. */
int place_init(void);
const struct place_topology *place_topology(void);

/*
 * Fills out[0..n) by the named plan: "compact" (fill a node's cores before the next), "scatter" (round robin over
 * nodes, then cores), "node:N", "split" (the first kind of task on the first node, the second kind on the last; there
 * must be two), "near" (the drive's node), "far" (round robin over the nodes that are farthest from the drive's).
 * 0, or -EINVAL with one clear line in err (at most 160 bytes).
 */
int place_plan(const char *plan, const struct place_request *req, struct placement *out, char *err);
/* What the plans are called, for help. */
#define PLACE_PLANS "compact, scatter, split, near, far or node:N"
/* Parses "0-3,8" / "all" style lists of CPUs or nodes against the topology; -EINVAL with a line in err. */
int place_check_cpus(const char *list, char *err);
int place_check_nodes(const char *list, char *err);

/* The result of binding where the topology is synthetic: nothing was done. */
#define PLACE_SYNTHETIC 1

/* Binds the calling thread. 0, -errno or PLACE_SYNTHETIC: the caller reports it. 0 when p is NULL or names no place. */
int place_bind_self(const struct placement *p);
/* That result in words: "bound", or why not. */
const char *place_bound(int result);

/*
 * The NUMA nodes that these tasks run on, all together, as a list such as "0-1" (at most size - 1 letters).
 * "" when one of the tasks may run anywhere.
 */
void place_nodes_of(const struct placement *p, unsigned n, char *out, size_t size);

/*
 * Gives memory that nothing has touched yet a policy over nodes ("0-1" or "all"). 0 or -errno; does nothing on a
 * synthetic topology.
 */
int place_bind_memory(void *p, size_t size, enum place_memory policy, const char *nodes);
/* The node (OS index) of a CPU of this machine; -1 where there is one node, or no topology is loaded. */
int place_node_of_cpu(int cpu);
/* The NUMA node (OS index) after `node` in the topology's order, the first one after -1; -1 at the end. */
int place_next_node(int node);

/* Prints the plan, one line a task, and whether binds worked (bound[i]: as place_bind_self(); NULL: only a plan). */
void place_print(FILE *out, const struct placement *p, unsigned n, const int *bound);

#endif
