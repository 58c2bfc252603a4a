/*
 * fiber.h: a stack of its own and the switch to it, with what AddressSanitizer and valgrind want to
 * be told. Only coop.c uses it.
 */
#ifndef RT_FIBER_H
#define RT_FIBER_H

#include <stdbool.h>
#include <stddef.h>

struct fiber {
	void *sp;         /* where it stopped; or its ucontext */
	char *stack;      /* NULL: the stack of the thread itself */
	size_t stack_size;
	void *fake_stack; /* AddressSanitizer's */
	void (*fn)(void); /* must not return */
};

/* Makes its stack, once; the fiber can be started any number of times, also when an earlier run was left. */
void fiber_make(struct fiber *f);
void fiber_start(struct fiber *f, void (*fn)(void));
/* Goes on in `to` and returns when somebody switches back to `from`: never, if `from` ends here. */
void fiber_switch(struct fiber *from, struct fiber *to, bool from_ends);

#endif
