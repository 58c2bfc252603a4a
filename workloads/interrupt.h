/*
 * interrupt.h: Ctrl-C and its like end a measurement cleanly: driver_stop is set, and the command's exit
 * status is 128 + the signal. A reader of stdout that goes away ends nothing: what was begun is kept or
 * removed as ever, and cmd_dispatch() tells by the exit status.
 */
#ifndef INTERRUPT_H
#define INTERRUPT_H

#include <stdbool.h>
#include <sys/types.h>

/* From now on. A second signal ends the program: the first may have met something that hangs. */
void watch_interrupts(void);
/*
 * For a search, which ends with what it has found so far: what it returns is set by Ctrl-C or SIGTERM, from now on. It is shared
 * with all processes forked later: a signal to any one of them reaches all. More of them change nothing, for `timeout` sends two.
 */
bool *stop_at_interrupt(void);
/* The exit status, or 0 when there was no signal. */
int interrupted(void);
/* In a child: it is killed when `parent`, which forked it, dies, or died before this. */
void end_with(pid_t parent);
/* Somebody closed a pipe that we wrote to. */
bool reader_is_gone(void);

#endif
