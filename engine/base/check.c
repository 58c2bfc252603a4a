/*
 * check.c: how the program stops when a CHECK() fails: the broken condition, then the recipe to see
 * it again (check_hook), then an abort, so that a debugger or a core file has the place.
 */
#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

void (*check_hook)(void);

void check_failed(const char *file, int line, const char *func, const char *cond)
{
	void (*hook)(void) = check_hook;

	fflush(stdout);
	fprintf(stderr, "%s:%d: %s(): CHECK failed: %s\n", file, line, func, cond);
	/* once: a hook that fails a CHECK itself must not come back here for ever */
	check_hook = NULL;
	if (hook)
		hook();
	fflush(stderr);
	abort();
}
