/* cut_kernel.c: see cut_kernel.h. */
#include "cmd/cut_kernel.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/stop.h"
#include "cmd/cmd.h"
#include "kit/abandoned.h"
#include "kit/program.h"
#include "recipe/ours.h"
#include "rt/rt.h"

#define CMD      "cut"
#define SCRIPT   "scripts/cut-vm"
#define FOLDER   "fsyncstorm-guest-"
#define ARGS_MAX 256u
#define POLL_NS  20000000u

/* Becomes the script. */
static void become(char *const argv[], bool quiet, double seconds, pid_t parent)
{
	char program[PATH_MAX], limit[32];
	ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 1);

	prctl(PR_SET_PDEATHSIG, SIGTERM); /* it ends its machine then */
	if (n < 0 || getppid() != parent)
		_exit(2);
	program[n] = '\0';
	setenv("FSYNCSTORM", program, 1);
	snprintf(limit, sizeof(limit), "%.0f", seconds);
	setenv("LIMIT", limit, 0);
	if (quiet)
		dup2(STDERR_FILENO, STDOUT_FILENO);
	execv(argv[0], argv);
	fprintf(stderr, "fsyncstorm cut: %s: %s\n", argv[0], strerror(errno));
	_exit(2);
}

/* The exit status of the script, 2 when it was stopped. */
static int run_script(char *const argv[], const struct cut_guest *g)
{
	pid_t parent = getpid(), pid;
	bool told = false;
	int status;

	fflush(NULL);
	pid = fork();
	if (!pid)
		become(argv, g->quiet, g->seconds, parent);
	if (pid < 0)
		return cmd_error(CMD, "no process to be had: %s", strerror(errno));
	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (stop_asked() && !told) {
			kill(pid, SIGTERM);
			told = true;
		}
		rt->sleep(POLL_NS);
	}
	if (told)
		return cmd_error(CMD, "stopped: what the guest had judged is lost");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 2;
}

/* A folder of the results, when it is there. */
static int bring(const char *folder, const char *name, const char *to)
{
	char from[PATH_MAX], all[PATH_MAX + 4];
	char *argv[] = { "cp", "-r", all, (char *)to, NULL };
	struct why why;

	snprintf(from, sizeof(from), "%s/%s", folder, name);
	snprintf(all, sizeof(all), "%s/.", from);
	if (access(from, F_OK) || !program_run(argv, NULL, &why))
		return 0;
	return cmd_error(CMD, "%.300s: %s", to, why.text);
}

static int take_results(const struct cut_guest *g, const char *folder, int status, json_t **result)
{
	char path[PATH_MAX];
	json_error_t error;

	if (status > 1)
		return status;
	if (g->records)
		return bring(folder, "records", g->out) ? 2 : status;
	snprintf(path, sizeof(path), "%s/cut.json", folder);
	*result = json_load_file(path, 0, &error);
	if (!*result)
		return cmd_error(CMD, "what the guest has brought back cannot be read: %s", error.text);
	return bring(folder, "findings", g->out) ? 2 : status;
}

int cut_guest_run(const struct cut_guest *g, json_t **result)
{
	char script[PATH_MAX], folder[] = "/tmp/" FOLDER "XXXXXX", results[sizeof(folder) + 8];
	char *argv[ARGS_MAX] = { "/bin/bash", script, "-n", "-k", (char *)g->kernel, "-o", results };
	unsigned n = 7;

	*result = NULL;
	if (ours_beside(SCRIPT, script))
		return cmd_error(CMD, "--kernel: " SCRIPT " does not lie beside the program; run it where it was built "
		                 "or installed");
	if (!mkdtemp(folder))
		return cmd_error(CMD, "%s: %s", folder, strerror(errno));
	int lock = abandoned_lock(folder);
	snprintf(results, sizeof(results), "%s/results", folder);
	if (g->records)
		argv[n++] = "-r";
	for (unsigned i = 0; g->args[i] && n < ARGS_MAX - 1; i++)
		argv[n++] = (char *)g->args[i];
	int ret = take_results(g, results, run_script(argv, g), result);
	if (ret != CMD_ERROR) /* else one line says what was wrong */
		abandoned_tell(folder, FOLDER);
	abandoned_remove(folder, lock);
	return ret;
}
