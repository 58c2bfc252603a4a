/*
 * mem_node.c: see mem_node.h. An arena's extent hook maps fresh memory and binds it to the arena's node before anything
 * touches it, so every page that malloc ever hands out from it lives there.
 *
 * mem_node.1: jemalloc may be missing from the link (sanitizers bring their own malloc). Therefore mallctl is a weak
 * reference; without it memory is not placed, and the notice says so.
 * mem_node.2: Nothing is unmapped. jemalloc 5.3, which keeps what it has mapped, tells the extents of two arenas apart
 * by the first extent of each mapping. Were that one unmapped and its place mapped for another arena, jemalloc would
 * take the rest of the old mapping for a part of the new one, and damage the lists of both.
 */
#include "machine/mem_node.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define ARENAS_MAX 80
#define PAGE       4096

int mallctl(const char *name, void *old, size_t *oldlen, void *new, size_t newlen) __attribute__((weak));

/* jemalloc's documented extent_hooks_t: unused hooks are NULL, which opts out of the operation. */
struct extent_hooks {
	void *(*alloc)(struct extent_hooks *, void *, size_t, size_t, bool *, bool *, unsigned);
	bool (*dalloc)(struct extent_hooks *, void *, size_t, bool, unsigned);
	void (*destroy)(struct extent_hooks *, void *, size_t, bool, unsigned);
	bool (*commit)(struct extent_hooks *, void *, size_t, size_t, size_t, unsigned);
	bool (*decommit)(struct extent_hooks *, void *, size_t, size_t, size_t, unsigned);
	bool (*purge_lazy)(struct extent_hooks *, void *, size_t, size_t, size_t, unsigned);
	bool (*purge_forced)(struct extent_hooks *, void *, size_t, size_t, size_t, unsigned);
	bool (*split)(struct extent_hooks *, void *, size_t, size_t, size_t, bool, unsigned);
	bool (*merge)(struct extent_hooks *, void *, size_t, void *, size_t, bool, unsigned);
};

struct placed_arena {
	struct extent_hooks hooks; /* first: the hook finds its policy by it */
	enum place_memory policy;
	char nodes[64];
	unsigned arena;
};

static pthread_mutex_t arenas_lock = PTHREAD_MUTEX_INITIALIZER;
/* arenas_lock guards these; an arena never changes or moves: jemalloc keeps the address of its hooks */
static struct placed_arena arenas[ARENAS_MAX];
static unsigned narenas;
static bool placing; /* there are nodes to place on, and it works */
static _Atomic int bind_error; /* an errno of a bind that was refused */
static char notice[200];

static void *map_aligned(size_t size, size_t align)
{
	size_t slack = align > PAGE ? align : 0;
	char *p = mmap(NULL, size + slack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t skip;

	if (p == MAP_FAILED)
		return NULL;
	skip = slack ? (align - (uintptr_t)p % align) % align : 0;
	if (skip)
		munmap(p, skip);
	if (slack > skip)
		munmap(p + skip + size, slack - skip);
	return p + skip;
}

static void *alloc_extent(struct extent_hooks *hooks, void *at, size_t size, size_t align, bool *zero, bool *commit,
                          unsigned arena)
{
	struct placed_arena *a = (struct placed_arena *)hooks;
	void *p;
	int ret;

	if (at)
		return NULL; /* jemalloc asks again without the wish */
	p = map_aligned(size, align);
	if (!p)
		return NULL;
	ret = place_bind_memory(p, size, a->policy, a->nodes);
	if (ret)
		bind_error = -ret;
	*zero = true;
	*commit = true;
	return p;
}

/* The pages go, the addresses stay ours, and stay bound (mem_node.2). */
static bool purge_extent(struct extent_hooks *hooks, void *p, size_t size, size_t offset, size_t len, unsigned arena)
{
	return madvise((char *)p + offset, len, MADV_DONTNEED) != 0;
}

static bool split_extent(struct extent_hooks *hooks, void *p, size_t size, size_t a, size_t b, bool committed,
                         unsigned arena)
{
	return false;
}

static bool merge_extents(struct extent_hooks *hooks, void *a, size_t na, void *b, size_t nb, bool committed,
                          unsigned arena)
{
	return false;
}

static struct placed_arena *find_arena(enum place_memory policy, const char *nodes)
{
	for (unsigned i = 0; i < narenas; i++)
		if (arenas[i].policy == policy && !strcmp(arenas[i].nodes, nodes))
			return &arenas[i];
	return NULL;
}

/* Whether the kernel would take it, on a page of its own. */
static int try_bind(enum place_memory policy, const char *nodes)
{
	void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int ret;

	if (page == MAP_FAILED)
		return -errno;
	ret = place_bind_memory(page, PAGE, policy, nodes);
	munmap(page, PAGE);
	return ret;
}

/* arenas_lock is held. */
static int make_arena(enum place_memory policy, const char *nodes, struct placed_arena **out)
{
	struct placed_arena *a = &arenas[narenas];
	struct extent_hooks *hooks = &a->hooks;
	size_t len = sizeof(a->arena);
	int ret = try_bind(policy, nodes);

	if (ret)
		return ret;
	*out = find_arena(policy, nodes);
	if (*out)
		return 0;
	if (narenas == ARENAS_MAX || strlen(nodes) >= sizeof(a->nodes))
		return -E2BIG;
	a->policy = policy;
	strcpy(a->nodes, nodes);
	a->hooks = (struct extent_hooks){
		.alloc = alloc_extent, .purge_forced = purge_extent, .split = split_extent, .merge = merge_extents,
	};
	ret = mallctl("arenas.create", &a->arena, &len, &hooks, sizeof(hooks));
	if (ret)
		return -ret;
	narenas++;
	*out = a;
	return 0;
}

/* For mem_notice(). */
static void not_placed(const char *why)
{
	snprintf(notice, sizeof(notice), "memory is not placed on NUMA nodes: %s", why);
}

static int fall_back(int ret, const char *why)
{
	not_placed(why);
	placing = false;
	return ret;
}

static int make_node_arenas(void)
{
	struct placed_arena *a;
	char number[16];
	int ret = 0;

	pthread_mutex_lock(&arenas_lock);
	for (int node = place_next_node(-1); node >= 0 && !ret; node = place_next_node(node)) {
		snprintf(number, sizeof(number), "%d", node);
		ret = make_arena(PLACE_BIND, number, &a);
	}
	pthread_mutex_unlock(&arenas_lock);
	return ret;
}

int mem_init(void)
{
	int ret = place_init();

	notice[0] = 0;
	if (ret)
		return fall_back(ret, "the topology cannot be read");
	if (place_topology()->nodes < 2)
		return fall_back(0, "this machine has one");
	if (!mallctl) /* (mem_node.1) */
		return fall_back(-ENOSYS, "jemalloc is not linked in");
	bind_error = 0;
	ret = make_node_arenas();
	if (ret)
		return fall_back(ret, strerror(-ret));
	placing = true;
	if (!place_topology()->real)
		not_placed("the topology is synthetic");
	return 0;
}

/* From now on the calling thread allocates memory with this policy over nodes ("0-1"). 0 or -errno. */
static int use_policy(enum place_memory policy, const char *nodes)
{
	struct placed_arena *a;
	char err[160];
	int ret;

	if (!mallctl)
		return -ENOSYS;
	if (place_check_nodes(nodes, err))
		return -EINVAL;
	if (!placing)
		return 0;
	pthread_mutex_lock(&arenas_lock);
	ret = make_arena(policy, nodes, &a);
	pthread_mutex_unlock(&arenas_lock);
	if (!ret)
		ret = -mallctl("thread.arena", NULL, NULL, &a->arena, sizeof(a->arena));
	if (ret)
		bind_error = -ret;
	return ret;
}

int mem_use_node(int node)
{
	unsigned arena = 0;
	char number[16];

	snprintf(number, sizeof(number), "%d", node);
	if (node >= 0)
		return use_policy(PLACE_BIND, number);
	if (!mallctl)
		return -ENOSYS;
	return -mallctl("thread.arena", NULL, NULL, &arena, sizeof(arena));
}

int mem_use_placement(const struct placement *p)
{
	if (p->memory != PLACE_LOCAL)
		return use_policy(p->memory, p->memory_nodes);
	return p->node >= 0 ? mem_use_node(p->node) : 0;
}

const char *mem_notice(void)
{
	if (!notice[0] && bind_error)
		not_placed(strerror(bind_error));
	return notice;
}
