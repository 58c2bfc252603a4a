/*
 * analysis.c: `fsyncstorm report`, `compare` and `merge`, and the end of a bench: all are analysis/, in Python, which
 * parses its own options and tells its own mistakes as this program does: one line, exit status 2.
 */
#include "cmd/analysis.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/stop.h"
#include "cmd/cmd.h"
#include "machine/mem.h"
#include "recipe/ours.h"

/* The distribution's, that has its numpy and matplotlib; another may come first in PATH */
#define PYTHON "/usr/bin/python3"
#define NOT_THERE 127

static const char missing_analysis[] = "analysis/ does not lie beside the program; run it where it was built";

/* The folder of the analysis that came with this program (ours.1). 0 or -ENOENT. */
static int find_analysis(char *folder)
{
	int ret = ours_beside("analysis/__main__.py", folder);

	if (!ret)
		*strrchr(folder, '/') = '\0';
	return ret;
}

/* Returns only when Python cannot be started. */
static int become(const char *name, int argc, char **argv)
{
	char folder[PATH_MAX], **args;
	int error;

	if (find_analysis(folder))
		return cmd_error(name, "%s", missing_analysis);
	args = mem_zalloc(sizeof(*args) * (argc + 3));
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

int cmd_merge(int argc, char **argv)
{
	return become("merge", argc, argv);
}

static void say_missing(bool quiet, const char *what)
{
	if (!quiet)
		printf("notice: ratios with their intervals, doubts and the meaning of the words are not told: %s\n",
		       what);
}

/* run.json as a file without a name, to be read from its beginning. -1 when there is no room for it. */
static int run_in_memory(const json_t *run)
{
	int fd = memfd_create("run.json", MFD_CLOEXEC);

	if (fd < 0)
		return -1;
	if (!json_dumpfd(run, fd, JSON_COMPACT) && !lseek(fd, 0, SEEK_SET))
		return fd;
	close(fd);
	return -1;
}

void analysis_finish(const char *folder, const json_t *run, bool quiet)
{
	char analysis[PATH_MAX];
	char *args[] = { PYTHON, analysis, "finish", folder ? (char *)folder : "-", NULL, NULL };
	int in, status = 0;
	pid_t parent = getpid(), pid;

	quiet |= !cmd_flush(); /* nobody would read it */
	args[4] = quiet ? "--quiet" : NULL;
	if (find_analysis(analysis))
		return say_missing(quiet, missing_analysis);
	in = folder ? open("/dev/null", O_RDONLY | O_CLOEXEC) : run_in_memory(run);
	pid = in < 0 ? -1 : fork();
	if (!pid) {
		end_with(parent);
		dup2(in, 0);
		setenv("FSYNCSTORM_PROGRAM", "fsyncstorm", 1);
		execv(PYTHON, args);
		_exit(NOT_THERE);
	}
	if (pid < 0)
		say_missing(quiet, strerror(errno));
	if (in >= 0)
		close(in);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_THERE)
		say_missing(quiet, PYTHON " cannot be started; `scripts/deps` installs it");
}
