/* cmd.c: the table of commands: see cmd.h. */
#include "cmd/cmd.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "figures/race.h"
#include "figures/self.h"
#include "kit/interrupt.h"
#include "base/text.h"

const struct command cmd_table[] = {
	{ "bench", "measure a job on one or more designs, interleaved, and compare them", cmd_bench },
	{ "merge", "several runs of one job on the same targets as one", cmd_merge },
	{ "floor", "the least that an fsync can cost on a device or in a folder", cmd_floor },
	{ "race", "find the interleaving and the crash that break a design, and replay it", cmd_race },
	{ "report", "one HTML file that tells what a run found: the answer, plots, tables", cmd_report },
	{ "compare", "two runs, or the targets of one, as sentences; exit status 1 when --fail-if is met",
	  cmd_compare },
	{ "list", "what there is: designs, devices, jobs, races", cmd_list },
	{ "doctor", "what this machine can measure, what it cannot, and what to do about it", cmd_doctor },
	{ "topo", "this machine's processors and nodes, and where a placement puts tasks", cmd_topo },
	{ "bench-race", "the figures that the finding of races must reach, each beside its bound", cmd_bench_race },
	{ "bench-self", "the figures that fsyncstorm itself must reach, each beside its bound", cmd_bench_self },
	{ "help", "this list, or the help of one command", cmd_help },
	{ NULL, NULL, NULL },
};

static int output_error; /* of the first flush that failed: a later one does not fail again */

bool cmd_flush(void)
{
	errno = 0;
	if (fflush(stdout) && !output_error)
		output_error = errno;
	return !ferror(stdout);
}

/* What was printed must have got there, or the exit status says that it did not. */
static int end_output(const char *name, int status)
{
	if (cmd_flush())
		return status;
	if (reader_is_gone()) /* as if the signal had ended us */
		return status ? status : 128 + SIGPIPE;
	return cmd_error(name, "stdout: %s", output_error ? strerror(output_error) : "not all of it could be written");
}

int cmd_dispatch(int argc, char **argv)
{
	char title[64], hint[64];
	size_t n = 0;

	if (argc < 2)
		return cmd_error(NULL, "no command; try `fsyncstorm help`");
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		argv[1] = "help";
	for (; cmd_table[n].name; n++) {
		if (strcmp(cmd_table[n].name, argv[1]))
			continue;
		snprintf(title, sizeof(title), "fsyncstorm %s", argv[1]);
		argv[1] = title;
		return end_output(cmd_table[n].name, cmd_table[n].run(argc - 1, argv + 1));
	}
	return cmd_error(NULL, "%.100s: not a command%s", argv[1],
	                 text_did_you_mean(hint, sizeof(hint),
	                                   text_nearest(argv[1], cmd_table, n, sizeof(cmd_table[0]))));
}
