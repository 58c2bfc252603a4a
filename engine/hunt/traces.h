/*
 * traces.h: a set of distinct traces, by their hashes, and how exactly a number of traces is known. It stays within
 * TRACES_MAX: a search that sees more says "so many or more".
 *
 * Filled by searches and proofs; written to a file by hunted/traces_file.c.
 */
#ifndef HUNT_TRACES_H
#define HUNT_TRACES_H

#include <stdint.h>

#define TRACES_MAX (1u << 21)
struct traces {
	uint64_t *slot; /* open addressing, 0 is free */
	uint64_t nslots, n;
};

void traces_init(struct traces *t);
void traces_free(struct traces *t);
void traces_add(struct traces *t, uint64_t hash);
/* All of them, in no order, to out[t->n]. */
void traces_copy(const struct traces *t, uint64_t *out);

/* What kind of number it is. COUNTED_AT_MOST: the sum of shards' counts, whose traces may overlap. */
enum counted { COUNTED, COUNTED_AT_MOST, COUNTED_AT_LEAST };
enum counted traces_counted(const struct traces *t);
#define TRACES_TEXT 48u
/* "152", "at most 177", "2097152 or more". Returns buf[TRACES_TEXT]. */
const char *traces_text(uint64_t n, enum counted counted, char *buf);

#endif
