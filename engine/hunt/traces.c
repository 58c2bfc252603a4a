/* traces.c: see traces.h. */
#include "hunt/traces.h"

#include <stdio.h>
#include <stdlib.h>

#include "machine/mem.h"

#define SLOTS_MIN 4096u

void traces_init(struct traces *t)
{
	*t = (struct traces){ .slot = mem_zalloc(SLOTS_MIN * sizeof(*t->slot)), .nslots = SLOTS_MIN };
}

void traces_free(struct traces *t)
{
	free(t->slot);
}

/* Where a hash is, or goes. */
static uint64_t *slot_of(const struct traces *t, uint64_t hash)
{
	uint64_t mask = t->nslots - 1, i = hash & mask;

	while (t->slot[i] && t->slot[i] != hash)
		i = (i + 1) & mask;
	return &t->slot[i];
}

/* Never more than half full. It starts small: most searches see few traces, and a small table stays in the cache. */
static void grow(struct traces *t)
{
	struct traces larger = { .slot = mem_zalloc(t->nslots * 4 * sizeof(*t->slot)), .nslots = t->nslots * 4,
		                 .n = t->n };

	for (uint64_t i = 0; i < t->nslots; i++)
		if (t->slot[i])
			*slot_of(&larger, t->slot[i]) = t->slot[i];
	free(t->slot);
	*t = larger;
}

void traces_add(struct traces *t, uint64_t hash)
{
	uint64_t *slot;

	hash |= !hash;
	slot = slot_of(t, hash);
	if (*slot || t->n == TRACES_MAX)
		return;
	*slot = hash;
	if (++t->n * 2 > t->nslots)
		grow(t);
}

void traces_copy(const struct traces *t, uint64_t *out)
{
	for (uint64_t i = 0; i < t->nslots; i++)
		if (t->slot[i])
			*out++ = t->slot[i];
}

enum counted traces_counted(const struct traces *t)
{
	return t->n == TRACES_MAX ? COUNTED_AT_LEAST : COUNTED;
}

const char *traces_text(uint64_t n, enum counted counted, char *buf)
{
	snprintf(buf, TRACES_TEXT, "%s%lu%s", counted == COUNTED_AT_MOST ? "at most " : "", (unsigned long)n,
	         counted == COUNTED_AT_LEAST ? " or more" : "");
	return buf;
}
