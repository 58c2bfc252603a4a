/*
 * analysis.c: `fsyncstorm report`, `compare` and `merge`, the end of a bench, and the pictures of a story: all are
 * analysis/, in Python, which parses its own options and tells its own mistakes as this program does: one line, exit
 * status 2.
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

/* The distribution's, that has its numpy and matplotlib; another may come first in PATH. */
#define PYTHON "/usr/bin/python3"
#define NOT_THERE 127

static const char missing_analysis[] =
	"analysis/ does not lie beside the program; run it where it was built or installed";
static const char no_python[] = PYTHON " cannot be started; `scripts/deps` installs it";

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

/* It, as a file without a name, to be read from its beginning. -1 when there is no room for it. */
static int json_in_memory(const json_t *json)
{
	int fd = memfd_create("json", MFD_CLOEXEC);

	if (fd < 0)
		return -1;
	if (!json_dumpfd(json, fd, JSON_COMPACT) && !lseek(fd, 0, SEEK_SET))
		return fd;
	close(fd);
	return -1;
}

/*
 * Runs Python with `in` as its standard input, and closes that. Its exit status, NOT_THERE when it cannot be started,
 * -errno when there is no `in` (it is -1) or no process to be had.
 */
static int run_python(char *const args[], int in)
{
	pid_t parent = getpid(), pid = in < 0 ? -1 : fork();
	int status = 0, error = errno;

	if (!pid) {
		end_with(parent);
		dup2(in, 0);
		setenv("FSYNCSTORM_PROGRAM", "fsyncstorm", 1);
		execv(PYTHON, args);
		_exit(NOT_THERE);
	}
	if (in >= 0)
		close(in);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (pid < 0)
		return -error;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void analysis_finish(const char *folder, const json_t *run, enum analysis_told told)
{
	char analysis[PATH_MAX];
	char *args[] = { PYTHON, analysis, "finish", folder ? (char *)folder : "-", NULL, NULL };
	bool quiet = !cmd_flush() || told == ANALYSIS_QUIET; /* nobody would read it */
	int ret;

	args[4] = quiet ? "--quiet" : told == ANALYSIS_ALL ? "--verbose" : NULL;
	if (find_analysis(analysis))
		return say_missing(quiet, missing_analysis);
	ret = run_python(args, folder ? open("/dev/null", O_RDONLY | O_CLOEXEC) : json_in_memory(run));
	if (ret < 0)
		say_missing(quiet, strerror(-ret));
	else if (ret == NOT_THERE)
		say_missing(quiet, no_python);
}

int analysis_draw(const char *cmd, const json_t *story, const char *svg, const char *html)
{
	char analysis[PATH_MAX], picture[PATH_MAX + 8], page[PATH_MAX + 8];
	char *args[4 + 2 + 1] = { PYTHON, analysis, "story", "-" };
	unsigned n = 4;

	if (svg) {
		snprintf(picture, sizeof(picture), "--svg=%s", svg);
		args[n++] = picture;
	}
	if (html) {
		snprintf(page, sizeof(page), "--html=%s", html);
		args[n++] = page;
	}
	const char *missing = missing_analysis;
	if (!find_analysis(analysis)) {
		int ret = run_python(args, json_in_memory(story));
		if (!ret)
			return 0;
		missing = ret < 0 ? strerror(-ret) : ret == NOT_THERE ? no_python : "analysis/ could not draw it";
	}
	return cmd_error(cmd, "no picture was drawn: %s; --json writes the story without Python", missing);
}
