/*
 * cmd.h: the commands of fsyncstorm. Each is one file of this room, and a row of the table in cmd.c.
 *
 * Exit statuses: 0 held; 1 a promise was broken; 2 the user's or the world's error.
 */
#ifndef CMD_CMD_H
#define CMD_CMD_H

#include <stdbool.h>

#include "kit/options.h"

struct command {
	const char *name, *what;
	int (*run)(int argc, char **argv); /* argv[0] is "fsyncstorm NAME"; the exit status */
};
extern const struct command cmd_table[]; /* ends with a NULL name */

/* Runs the command that argv names. */
int cmd_dispatch(int argc, char **argv);
/* Sends out what was printed so far. False when it did not get there: cmd_dispatch() tells when the command has ended. */
bool cmd_flush(void);

int cmd_bench(int argc, char **argv);
int cmd_merge(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_compare(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_floor(int argc, char **argv);
int cmd_list(int argc, char **argv);
int cmd_topo(int argc, char **argv);
int cmd_help(int argc, char **argv);
int cmd_race(int argc, char **argv);

#endif
