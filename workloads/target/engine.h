/*
 * engine.h: what a target that is a design can do besides: its device's tape. For bench/shape.c.
 */
#ifndef TARGET_ENGINE_H
#define TARGET_ENGINE_H

#include "dev/tape.h"

/* See tape.h; `instance` is of target_engine. */
void engine_tape_start(void *instance, struct tape *t, uint32_t cap);
void engine_tape_mark(void *instance);
void engine_tape_stop(void *instance);

#endif
