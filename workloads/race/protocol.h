/*
 * protocol.h: the seed's race with no file system under it: fsync tasks, writers, flushers and the I/O that they
 * start, over the runtime's own locks, points and wait queues, and nothing else. It is the fixed benchmark of the
 * controlled scheduler: what a schedule costs, how rare a race is for each strategy, how large a whole search is.
 *
 * protocol.1: Everything that tasks share is named by a point or guarded by a lock, and each step touches one object.
 *             So two runs with the same order of accesses have the same verdict.
 * protocol.2: Objects and tasks have the same numbers in every run of a shape, in whatever order things happen. So
 *             equal trace hashes mean equal traces, and the other way round.
 *
 * Called through the registry (race_protocol), by bench-race and by tests.
 */
#ifndef RACE_PROTOCOL_H
#define RACE_PROTOCOL_H

#include "rt/coop.h"

#define PROTOCOL_PAGES   8u
#define PROTOCOL_TASKS   16u /* of one kind */
#define PROTOCOL_EXTENTS 32u /* writes in all: each can become an extent */

struct protocol_shape {
	const char *name;
	uint32_t pages, writers, writes /* of each */, fsyncs, flushers, passes /* of each */;
	/*
	 * Steps that do not matter: before a write; before a page is flushed; in an fsync before its flush, before its
	 * lock, and before it collects. Each is on an object of the task's own, or all are on one object (pad_shared).
	 */
	uint32_t pad_writer, pad_flusher, pad_fsync;
	bool pad_shared;
};

#define PROTOCOL_SHAPES  12u
#define PROTOCOL_CONFIGS 7u
/* The race hidden among steps that do not matter, in different ways; the first is the base shape, with none. */
extern const struct protocol_shape protocol_shapes[PROTOCOL_SHAPES];
/* For whole searches: A (the base shape) to G. */
extern const struct protocol_shape protocol_configs[PROTOCOL_CONFIGS];

/* The designs: prefix, postfix, ordered_first, flush_twice_early. */
struct protocol_design;
const struct protocol_design *protocol_design_find(const char *name);
/* NULL at the end of the table. */
const struct protocol_design *protocol_design_at(unsigned i);
const char *protocol_design_name(const struct protocol_design *d);
/* Does it keep every promise? */
bool protocol_design_safe(const struct protocol_design *d);

struct protocol *protocol_open(const struct protocol_shape *shape, const struct protocol_design *design);
void protocol_close(struct protocol *p);
/* One run, as the main of coop_run(): `protocol` is a struct protocol. */
void protocol_main(void *protocol);
/* What the last run broke, as a sentence; NULL when it finished and all promises were kept, or did not finish. */
const char *protocol_broken(const struct protocol *p);

#endif
