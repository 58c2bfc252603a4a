/*
 * cmd.h: the commands of fsyncstorm, and what each of them needs of its options: one clear line on
 * stderr for what is wrong, exit status 2, nothing half done.
 *
 * Exit statuses: 0 held; 1 a promise was broken; 2 the user's or the world's error.
 */
#ifndef CMD_H
#define CMD_H

#include <argp.h>
#include <stdbool.h>

#define CMD_ERROR 2

struct command {
	const char *name, *what;
	int (*run)(int argc, char **argv); /* argv[0] is "fsyncstorm NAME"; the exit status */
};
extern const struct command cmd_table[]; /* ends with a NULL name */

/* Runs the command that argv names. */
int cmd_dispatch(int argc, char **argv);

int cmd_bench(int argc, char **argv);
int cmd_merge(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_compare(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_floor(int argc, char **argv);
int cmd_list(int argc, char **argv);
int cmd_topo(int argc, char **argv);
int cmd_help(int argc, char **argv);
/* By others; a program without them does without them. */
__attribute__((weak)) int cmd_race(int argc, char **argv);
__attribute__((weak)) int cmd_bench_race(int argc, char **argv);
__attribute__((weak)) int cmd_bench_self(int argc, char **argv);

/*
 * Parses the options by argp's table, after checking that each is known and has its value, so that
 * every mistake is one line. The argp parser function reports a wrong value with cmd_error() and
 * returns EINVAL. 0, or CMD_ERROR. --help prints and exits with 0.
 */
int cmd_options(const struct argp *argp, int argc, char **argv, void *input);

/* Prints "fsyncstorm NAME: ..." as one line on stderr; CMD_ERROR. `name` NULL: the program itself. */
__attribute__((format(printf, 2, 3))) int cmd_error(const char *name, const char *fmt, ...);

#endif
