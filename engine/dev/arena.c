/*
 * arena.c: see arena.h. Chunks are in a list in the order in which they were first needed. A schedule that asks for the
 * same pieces as the one before gets the same memory, which is warm in the cache.
 */
#include "dev/arena.h"

#include <stdlib.h>

#include "machine/mem.h"

#define CHUNK_SIZE ((size_t)256 << 10)

struct arena_chunk {
	struct arena_chunk *next;
	size_t size;
	_Alignas(64) char data[];
};

void arena_init(struct arena *a)
{
	a->first = NULL;
	a->now = NULL;
	a->used = 0;
}

void arena_fini(struct arena *a)
{
	struct arena_chunk *c = a->first;

	while (c) {
		struct arena_chunk *next = c->next;

		free(c);
		c = next;
	}
	arena_init(a);
}

static struct arena_chunk *chunk_new(size_t n)
{
	size_t size = n > CHUNK_SIZE ? n : CHUNK_SIZE;
	size_t whole = (sizeof(struct arena_chunk) + size + 4095) & ~(size_t)4095;
	struct arena_chunk *c = mem_alloc_pages(whole);

	c->next = NULL;
	c->size = size;
	return c;
}

/* Goes to the next chunk; one that is too small for n is skipped over until the reset. */
static void next_chunk(struct arena *a, size_t n)
{
	struct arena_chunk **link = a->now ? &a->now->next : &a->first;

	while (*link && (*link)->size < n)
		link = &(*link)->next;
	if (!*link)
		*link = chunk_new(n);
	a->now = *link;
	a->used = 0;
}

void *arena_get(struct arena *a, size_t n)
{
	void *p;

	n = (n + 63) & ~(size_t)63;
	if (!a->now || a->used + n > a->now->size)
		next_chunk(a, n);
	p = a->now->data + a->used;
	a->used += n;
	return p;
}

void arena_reset(struct arena *a)
{
	a->now = NULL;
	a->used = 0;
}
