/*
 * coop_trace.c: for each object a running hash of its writes. Into each write go the accesses since the last one; those
 * that commute are summed, because their order does not matter. The run's hash is a sum over the objects.
 *
 * `touched` names the objects of this run, so a run resets what the last one used and no more. Of `reads` and `gives`
 * one is zero: they do not commute, so a change from one to the other is hashed like a write.
 */
#include "rt/coop_trace.h"

#include "rt/picker.h"

#define OBJECTS 65536u /* numbers above it share an entry: a coarser order of accesses, never a wrong one */
#define SLOTS   (OBJECTS + COOP_TASKS_MAX)

struct history {
	uint64_t name;   /* 0: its number is its name */
	uint64_t writes;
	uint64_t reads, gives; /* since the last write */
	uint64_t waited; /* since the last write; commutes with both */
	bool touched;
};

static struct history histories[SLOTS];
static uint32_t touched[SLOTS];
static uint32_t ntouched;

static struct {
	uint64_t name, made, who; /* who: what its accesses are hashed with */
} names[COOP_TASKS_MAX];

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
	names[0].name = names[0].made = names[0].who = 0;
}

static uint64_t next_name(uint32_t by)
{
	return mix(names[by].name * 31 + ++names[by].made);
}

void coop_trace_task(uint32_t task, uint32_t by)
{
	names[task].name = next_name(by);
	names[task].made = 0;
	names[task].who = mix(names[task].name + 1);
}

void coop_trace_serve(uint32_t task, uint32_t by)
{
	next_name(by); /* the wait queue that a spawn makes */
	coop_trace_task(task, by);
}

void coop_trace_object(uint32_t obj, uint32_t by)
{
	history_of(obj % OBJECTS)->name = next_name(by);
}

/* The accesses since the last write become one with it: what comes next does not commute with them. */
static inline void close_group(struct history *h, uint64_t who)
{
	h->writes = mix(h->writes + h->reads * 3 + h->gives * 5 + who);
	h->reads = h->gives = 0;
}

static inline void add_write(struct history *h, uint64_t who)
{
	close_group(h, h->waited * 7 + who);
	h->waited = 0;
}

void coop_trace_access(uint32_t task, uint32_t obj, enum point_kind kind)
{
	struct history *h = history_of(obj % OBJECTS);
	uint64_t who = names[task].who;

	if (kind == POINT_READ || kind == POINT_SHARED) {
		if (h->gives)
			close_group(h, 0);
		h->reads += who;
	} else if (kind == POINT_GIVE) {
		if (h->reads)
			close_group(h, 0);
		h->gives += who;
	} else if (kind == POINT_WAITED) {
		h->waited += who;
	} else {
		add_write(h, who);
	}
}

void coop_trace_choice(uint32_t task, uint32_t value)
{
	struct history *h = history_of(OBJECTS + task);

	h->name = names[task].name;
	add_write(h, (uint64_t)value + 1);
}

uint64_t coop_trace_hash(void)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < ntouched; i++) {
		const struct history *h = &histories[touched[i]];
		uint64_t all = h->writes + h->reads * 3 + h->gives * 5 + h->waited * 7;
		if (all)
			sum += mix(mix(all) + (h->name ? h->name : touched[i]) + 1);
	}
	return sum;
}
