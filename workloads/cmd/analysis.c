/*
 * analysis.c: `fsyncstorm report` and `fsyncstorm compare`: both are analysis/, in Python, which parses its own options
 * and tells its own mistakes as this program does: one line, exit status 2.
 */
#include "cmd/cmd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "recipe/ours.h"
#include "machine/mem.h"

#define PYTHON "/usr/bin/python3" /* the distribution's, that has its numpy and matplotlib; another may come first in PATH */

/* Returns only when Python cannot be started. */
static int become(const char *name, int argc, char **argv)
{
	char folder[PATH_MAX], **args = mem_zalloc(sizeof(*args) * (argc + 3));
	int error;

	if (ours_find("analysis/__main__.py", folder)) {
		free(args);
		return cmd_error(name, "analysis/: not found here nor beside the program; run it in the repository");
	}
	*strrchr(folder, '/') = '\0';
	args[0] = PYTHON;
	args[1] = folder;
	args[2] = (char *)name;
	memcpy(args + 3, argv + 1, sizeof(*args) * (argc - 1));
	setenv("FSYNCSTORM_PROGRAM", "fsyncstorm", 1);
	execv(PYTHON, args);
	error = errno;
	free(args);
	return cmd_error(name, PYTHON ": %s; `scripts/deps` installs what is missing", strerror(error));
}

int cmd_report(int argc, char **argv)
{
	return become("report", argc, argv);
}

int cmd_compare(int argc, char **argv)
{
	return become("compare", argc, argv);
}
