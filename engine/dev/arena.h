/*
 * arena.h: memory that is given out piece by piece and taken back all at once. Pieces do not move, and
 * arena_reset() keeps the memory: after the first few schedules of a hunt, a schedule allocates nothing.
 *
 * Called by the power cut's files. An arena has one owner, and no lock.
 */
#ifndef DEV_ARENA_H
#define DEV_ARENA_H

#include <stddef.h>

struct arena_chunk;

struct arena {
	struct arena_chunk *first, *now; /* chunks in a row; those after `now` are empty */
	size_t used;                     /* bytes of `now` */
};

void arena_init(struct arena *a);
void arena_fini(struct arena *a);
/* n bytes, aligned to 64, not cleared. Never fails. */
void *arena_get(struct arena *a, size_t n);
/* Takes all pieces back. */
void arena_reset(struct arena *a);

#endif
