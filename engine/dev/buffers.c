/*
 * buffers.c: see buffers.h. Pages in a bitmap, given out next-fit.
 *
 * buffers.1: The length of a piece is kept at its first page, so buffers_put() need not be told.
 * buffers.2: The largest users come first and stay: tree blocks are not given back before unmount. When they have
 *      filled the memory, everything else is plain memory, and asking costs one comparison.
 *
 * Called by dev.c for dev_buffer_get() and dev_buffer_put(), by uring.c for the rest.
 */
#include "dev/buffers.h"

#include <stdlib.h>

#include "base/check.h"
#include "dev/dev.h"
#include "machine/mem.h"

#define PAGES (BUFFERS_SIZE / DEV_BLOCK)

struct buffers {
	uint8_t *mem;           /* set when made */
	struct spin lock;       /* L_BUFFERS guards these: */
	uint64_t used[PAGES / 64];
	uint16_t length[PAGES]; /* in pages (buffers.1) */
	uint32_t next, nfree;   /* next: the page after the last piece given out */
};

struct buffers *buffers_new(void)
{
	struct buffers *b = mem_zalloc(sizeof(*b));

	b->mem = mem_alloc_pages(BUFFERS_SIZE);
	b->nfree = PAGES;
	spin_init(&b->lock, L_BUFFERS);
	return b;
}

void buffers_free(struct buffers *b)
{
	if (!b)
		return;
	CHECK(b->nfree == PAGES);
	free(b->mem);
	free(b);
}

void *buffers_memory(const struct buffers *b)
{
	return b->mem;
}

bool buffers_have(const struct buffers *b, const void *p, size_t n)
{
	return b && (const uint8_t *)p >= b->mem && (const uint8_t *)p + n <= b->mem + BUFFERS_SIZE;
}

static bool is_used(const struct buffers *b, uint32_t page)
{
	return b->used[page / 64] >> (page % 64) & 1;
}

/* The first of n free pages in a row from `from` up to `to`; `to` when there are none. */
static uint32_t find_between(const struct buffers *b, uint32_t from, uint32_t to, uint32_t n)
{
	uint32_t run = 0;

	for (uint32_t i = from; i < to; i++) {
		run = is_used(b, i) ? 0 : run + 1;
		if (run == n)
			return i + 1 - n;
		if (i % 64 == 0 && b->used[i / 64] == UINT64_MAX)
			i += 63;
	}
	return to;
}

static void mark(struct buffers *b, uint32_t first, uint32_t n, bool used)
{
	for (uint32_t i = first; i < first + n; i++) {
		CHECK(is_used(b, i) != used);
		b->used[i / 64] ^= 1ull << (i % 64);
	}
	b->nfree += used ? -n : n;
}

void *buffers_get(struct buffers *b, size_t n)
{
	uint32_t want = (uint32_t)((n + DEV_BLOCK - 1) / DEV_BLOCK), at = PAGES;

	CHECK(n);
	spin_lock_quiet(&b->lock);
	if (want <= b->nfree) { /* buffers.2 */
		at = find_between(b, b->next, PAGES, want);
		if (at == PAGES)
			at = find_between(b, 0, PAGES, want);
	}
	if (at < PAGES) {
		mark(b, at, want, true);
		b->length[at] = (uint16_t)want;
		b->next = at + want;
	}
	spin_unlock(&b->lock);
	return at < PAGES ? b->mem + (size_t)at * DEV_BLOCK : NULL;
}

void buffers_put(struct buffers *b, void *p)
{
	uint32_t at = (uint32_t)((size_t)((uint8_t *)p - b->mem) / DEV_BLOCK);

	spin_lock_quiet(&b->lock);
	CHECK(is_used(b, at) && b->length[at]);
	mark(b, at, b->length[at], false);
	b->length[at] = 0;
	spin_unlock(&b->lock);
}
