/*
 * coop_trace.c: per object a running hash of its writes, each with the sum of the reads before it: a
 * sum, because the order of reads does not matter. Over the objects a sum again.
 *
 * (F1) `touched` names the objects of this run, so a run resets what the last one used and no more.
 */
#include "rt/coop_trace.h"

#include "rt/coop.h"

#define OBJECTS 65536u /* numbers above it share an entry: a coarser order of accesses, never a wrong one */
#define SLOTS   (OBJECTS + COOP_TASKS_MAX)

struct history {
	uint64_t writes;
	uint64_t reads; /* since the last write */
	bool touched;
};

static struct history histories[SLOTS];
static uint32_t touched[SLOTS];
static uint32_t ntouched;

static inline uint64_t mix(uint64_t x)
{
	x = (x ^ (x >> 32)) * 0xd6e8feb86659fd93ull;
	x = (x ^ (x >> 32)) * 0xd6e8feb86659fd93ull;
	return x ^ (x >> 32);
}

static inline struct history *history_of(uint32_t slot)
{
	struct history *h = &histories[slot];

	if (__builtin_expect(!h->touched, 0)) {
		h->touched = true;
		touched[ntouched++] = slot;
	}
	return h;
}

void coop_trace_begin(void)
{
	for (uint32_t i = 0; i < ntouched; i++)
		histories[touched[i]] = (struct history){ 0 };
	ntouched = 0;
}

static inline void add_write(struct history *h, uint64_t who)
{
	h->writes = mix(h->writes + h->reads * 3 + who);
	h->reads = 0;
}

void coop_trace_access(uint32_t task, uint32_t obj, bool write)
{
	struct history *h = history_of(obj % OBJECTS);

	if (write)
		add_write(h, task + 1);
	else
		h->reads += mix(task + 1);
}

void coop_trace_choice(uint32_t task, uint32_t value)
{
	add_write(history_of(OBJECTS + task), (uint64_t)value + 1);
}

uint64_t coop_trace_hash(void)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < ntouched; i++) {
		const struct history *h = &histories[touched[i]];
		sum += mix(mix(h->writes + h->reads * 3) + touched[i] + 1);
	}
	return sum;
}
