/*
 * interrupt.h: SIGINT (Ctrl-C), SIGTERM and SIGHUP set the stop flag (base/stop.h), so that a measurement ends cleanly;
 * the command's exit status is then 128 + the signal. If the reader of stdout goes away, the command goes on: files are
 * kept or removed as always, and the exit status says that output was lost (cmd_dispatch()).
 *
 * Called by the commands.
 */
#ifndef KIT_INTERRUPT_H
#define KIT_INTERRUPT_H

#include <stdbool.h>

/* From now on. A second signal of one kind ends the program: the first may have met something that hangs. */
void watch_interrupts(void);
/*
 * For a search, which ends with what it has found so far. From now on Ctrl-C or SIGTERM to it, or to any process forked
 * later, stops all of them. A second signal changes nothing, for `timeout` sends two.
 */
void stop_searches_at_interrupt(void);
/* A write beyond the limit on the size of a file (ulimit -f) fails with EFBIG, and does not end the program. */
void fail_writes_at_limit(void);
/* The exit status, or 0 when there was no signal. */
int interrupted(void);
/* Somebody closed a pipe that we wrote to. */
bool reader_is_gone(void);

#endif
