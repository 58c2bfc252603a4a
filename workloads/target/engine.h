/*
 * engine.h: what only a target that is a design can do: record the I/O of its device. For bench/shape.c.
 */
#ifndef TARGET_ENGINE_H
#define TARGET_ENGINE_H

#include "dev/tape.h"

/* The same as tape_start(), tape_mark() and tape_stop() on the device of `instance`, which is one of target_engine. */
void engine_tape_start(void *instance, struct tape *t, uint32_t cap);
void engine_tape_mark(void *instance);
void engine_tape_stop(void *instance);

#endif
