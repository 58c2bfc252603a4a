/*
 * interrupt.h: Ctrl-C and its like end a measurement cleanly: driver_stop is set, and the command's exit
 * status is 128 + the signal.
 */
#ifndef INTERRUPT_H
#define INTERRUPT_H

/* From now on. A second signal ends the program: the first may have met something that hangs. */
void watch_interrupts(void);
/* The exit status, or 0 when there was no signal. */
int interrupted(void);

#endif
