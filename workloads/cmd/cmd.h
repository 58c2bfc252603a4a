/*
 * cmd.h: the commands of fsyncstorm. Each is one file of this room, and a row of COMMANDS.
 *
 * Exit statuses: 0 held; 1 a promise was broken; 2 the user's or the world's error.
 */
#ifndef CMD_CMD_H
#define CMD_CMD_H

#include <stdbool.h>

#include "kit/options.h"

/* The name, the function, and what it does, as `fsyncstorm help` lists them. */
#define COMMANDS(X) \
	X("bench", cmd_bench, "measure a job on one or more designs, interleaved, and compare them") \
	X("merge", cmd_merge, "several runs of one job on the same targets as one") \
	X("floor", cmd_floor, "the least that an fsync can cost on a device or in a folder") \
	X("race", cmd_race, "find the interleaving and the crash that break a design, and replay it") \
	X("cut", cmd_cut, "cut the power under a job or a scenario on a real file system, and judge what is left") \
	X("watch", cmd_watch, "where the syncs of a process that runs spend their time, file by file") \
	X("report", cmd_report, "one HTML file that tells what a run found: the answer, plots, tables") \
	X("compare", cmd_compare, \
	  "two runs, or the targets of one, as sentences; exit status 1 when --fail-if is met") \
	X("look", cmd_look, "what an image that was kept holds, what a mount would replay, and whether it is whole") \
	X("list", cmd_list, "what there is: designs, devices, jobs, races") \
	X("doctor", cmd_doctor, "what this machine can measure, what it cannot, and what to do about it") \
	X("topo", cmd_topo, "this machine's processors and nodes, and where a placement puts tasks") \
	X("bench-cut", cmd_bench_cut, "the figures that power cuts must reach, each beside its bound") \
	X("bench-race", cmd_bench_race, "the figures that a search for races must reach, each beside its bound") \
	X("bench-self", cmd_bench_self, "the figures that fsyncstorm itself must reach, each beside its bound") \
	X("help", cmd_help, "this list, or the help of one command")

#define DECLARE_COMMAND(name, run, what) int run(int argc, char **argv);
COMMANDS(DECLARE_COMMAND)

struct command {
	const char *name, *what;
	int (*run)(int argc, char **argv); /* argv[0] is "fsyncstorm NAME"; the exit status */
};
extern const struct command cmd_table[]; /* ends with a NULL name */

/* Runs the command that argv names. */
int cmd_dispatch(int argc, char **argv);
/*
 * Writes out what was printed so far. False when that failed: then cmd_dispatch() says so at the end of the command,
 * and in its exit status.
 */
bool cmd_flush(void);

#endif
