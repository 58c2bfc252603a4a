/*
 * phases.h: which function of the kernel, on the stack of a sleep, means which phase of a sync. The table is data: a
 * row for each thing that a file system waits for.
 *
 * A phase that the engine has, too, is the engine's own: the same number, the same name. Rows are tried in their
 * order, and the first that matches decides: a row matches a stack that has its function in any frame and, if it names
 * an inner function, that one further in. So what is more special comes first, and inlining of a function in between
 * does not matter.
 *
 * Called by sum.c, by tables and by tests.
 */
#ifndef KWAIT_PHASES_H
#define KWAIT_PHASES_H

#include "rt/rt.h"

/* Beyond the engine's. */
enum kwait_phase {
	KW_JIFFY = PH_NR,
	KW_META,
	KW_LOCK,
	KW_MEMORY,
	KW_WORKER,
	KW_ON_CPU,
	KW_PREEMPTED,
	KW_NR
};

struct kwait_row {
	const char *fs;       /* "" is any */
	const char *function;
	const char *inner;    /* NULL: none is asked for */
	unsigned phase;       /* enum phase or enum kwait_phase */
	const char *what;     /* in words, of the caller of fsync */
	const char *seen;     /* versions of Linux on which the row was seen to match; "" is none: by reading alone */
};

/* NULL past the end. */
const struct kwait_row *kwait_row(unsigned i);
/* Of a stack's function names, the innermost first. NULL: no row knows it. */
const struct kwait_row *kwait_find(const char *const *frame, unsigned n);
/* The name of a phase, and what it means. */
const char *kwait_phase_name(unsigned phase);
const char *kwait_phase_what(unsigned phase);
/* The stack is of a worker of io_uring that has nothing to do. */
bool kwait_is_idle_worker(const char *const *frame, unsigned n);
/* A frame of the scheduler or of perf itself, which says nothing of what was waited for. */
bool kwait_is_scheduler(const char *function);

#endif
