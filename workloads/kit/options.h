/*
 * options.h: what every command needs of its options: one clear line on stderr for what is wrong, exit status 2,
 * nothing half done.
 *
 * Called by all that reads a command line or what it names.
 */
#ifndef KIT_OPTIONS_H
#define KIT_OPTIONS_H

#include <argp.h>
#include <stdbool.h>

#define CMD_ERROR 2 /* the exit status: the user's or the world's error */

/*
 * Parses the options by argp's table, after checking that each is known and has its value, so that
 * every mistake is one line. The argp parser function reports a wrong value with cmd_error() and
 * returns EINVAL. 0, or CMD_ERROR. --help and -h print and exit with 0.
 */
int cmd_options(const struct argp *argp, int argc, char **argv, void *input);

/* Prints "fsyncstorm NAME: ..." as one line on stderr; CMD_ERROR. `name` NULL: the program itself. */
__attribute__((format(printf, 2, 3))) int cmd_error(const char *name, const char *fmt, ...);
#ifdef __clang_analyzer__ /* it looks into one file at a time, and so does not know what is returned */
#define cmd_error(...) ((void)cmd_error(__VA_ARGS__), CMD_ERROR)
#endif

#endif
