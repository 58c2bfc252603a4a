/*
 * check.h: CHECK(): when our own code reaches a state that it must not, the program stops and says which condition was
 * broken and how to see it again.
 *
 * Errors that the world can cause (a device error, a bad option, a damaged image) are returned as -errno (why.h),
 * and broken promises are returned by the oracle as a list. CHECK() is for neither. It tells the reader what holds,
 * in a sentence that cannot go stale, and it stops the searches that drive the code into a state where it does not
 * hold. It is on in every build. What is out_of() memory or threads has no caller that could do without.
 */
#ifndef BASE_CHECK_H
#define BASE_CHECK_H

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (__builtin_expect(!(cond), 0))                                                  \
			check_failed(__FILE__, __LINE__, __func__, #cond);                         \
	} while (0)

/*
 * The world has no more of what nothing goes on without: memory, threads. One line on stderr that says what may be done
 * (`hint`), exit status 2. What the run leaves behind is what it would leave when killed.
 */
_Noreturn void out_of(const char *what, int error, const char *hint);

/* Prints the broken condition, then what check_hook prints (seed, schedule, replay line), then aborts. */
_Noreturn void check_failed(const char *file, int line, const char *func, const char *cond);

/* Set by whoever runs a schedule: prints the recipe to see the failure again. NULL: nothing more to say. */
extern void (*check_hook)(void);

#endif
