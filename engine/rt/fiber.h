/*
 * fiber.h: a stack of its own and the switch to it. AddressSanitizer and valgrind are told of both. Called by the coop
 * files only, all on one thread.
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

/* Makes its stack, once. */
void fiber_make(struct fiber *f);
/* The next switch to it calls fn. Any number of times, also when it was abandoned: what its frames held is lost. */
void fiber_start(struct fiber *f, void (*fn)(void));
/* Goes on in `to` and returns when somebody switches back to `from`: never, if `from` ends here. */
void fiber_switch(struct fiber *from, struct fiber *to, bool from_ends);

#endif
