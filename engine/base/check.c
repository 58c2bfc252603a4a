/*
 * check.c: how the program stops when a CHECK() fails: it prints the broken condition, then the recipe to see it again
 * (check_hook), and aborts, so that a debugger or a core file shows the place. How it ends where the world has no more.
 */
#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void (*check_hook)(void);

void check_failed(const char *file, int line, const char *func, const char *cond)
{
	void (*hook)(void) = check_hook;

	fflush(stdout);
	fprintf(stderr, "%s:%d: %s(): CHECK failed: %s\n", file, line, func, cond);
	/* cleared: when the hook itself fails a CHECK(), it is not called again */
	check_hook = NULL;
	if (hook)
		hook();
	fflush(stderr);
	abort();
}

void out_of(const char *what, int error, const char *hint)
{
	fflush(stdout);
	fprintf(stderr, "fsyncstorm: no more %s: %s; %s\n", what, strerror(error), hint);
	_exit(2);
}
