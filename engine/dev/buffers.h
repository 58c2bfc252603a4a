/*
 * buffers.h: memory that a back end has registered with the kernel once, handed out for bios: for a write from
 * there, the kernel need not look up and pin the pages each time.
 *
 * Only engine/dev includes it; the floors above call dev_buffer_get() and dev_buffer_put() of dev.h.
 */
#ifndef DEV_BUFFERS_H
#define DEV_BUFFERS_H

#include <stdbool.h>
#include <stddef.h>

#define BUFFERS_SIZE (16u << 20)

struct buffers;

/* BUFFERS_SIZE bytes from the memory of the calling task's node (machine/mem.h); nothing is handed out yet. */
struct buffers *buffers_new(void);
/* All pieces have been given back. NULL: does nothing. */
void buffers_free(struct buffers *b);
/* Where it begins, to be registered: BUFFERS_SIZE bytes. */
void *buffers_memory(const struct buffers *b);
/* True when all of [p, p + n) lies in this memory; false when b is NULL. */
bool buffers_have(const struct buffers *b, const void *p, size_t n);

/* n bytes, aligned to 4096; NULL when no room of that length is left. */
void *buffers_get(struct buffers *b, size_t n);
/* Gives p, from buffers_get(), back. */
void buffers_put(struct buffers *b, void *p);

#endif
