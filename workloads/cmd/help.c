/*
 * help.c: `fsyncstorm help [COMMAND|race COMMAND|cut COMMAND]`: the list of commands, or a command's own help.
 */
#include "cmd/cmd.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* `race hunt` and `cut judge` are commands of a command. */
struct help {
	char *command, *sub;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct help *h = state->input;

	if (key != ARGP_KEY_ARG)
		return ARGP_ERR_UNKNOWN;
	if (!h->command) {
		h->command = arg;
	} else if (!h->sub && (!strcmp(h->command, "race") || !strcmp(h->command, "cut"))) {
		h->sub = arg;
	} else {
		cmd_error("help", "%s: one command at most is expected", arg);
		return EINVAL;
	}
	return 0;
}

int cmd_help(int argc, char **argv)
{
	static const struct argp_option none[] = { { 0 } };
	static const struct argp argp = {
		.options = none, .parser = parse, .args_doc = "[COMMAND|race COMMAND|cut COMMAND]",
		.doc = "What fsyncstorm can do, or the help of one command.",
	};
	struct help h = { NULL, NULL };
	int ret = cmd_options(&argp, argc, argv, &h);

	if (ret)
		return ret;
	if (h.command && strcmp(h.command, "help")) {
		char *again[] = { "fsyncstorm", h.command, h.sub ? h.sub : "--help", h.sub ? "--help" : NULL, NULL };
		return cmd_dispatch(h.sub ? 4 : 3, again);
	}
	printf("usage: fsyncstorm COMMAND [OPTIONS]\n\n"
	       "A performance benchmark and concurrency stress suite for the fsync path of a file system.\n\n");
	for (const struct command *c = cmd_table; c->name; c++)
		printf("  %-11s %s\n", c->name, c->what);
	printf("\nfsyncstorm COMMAND --help tells more.\n"
	       "Exit status: 0 held; 1 a promise was broken; 2 a wrong option, file or device; 3 could not be told.\n");
	return 0;
}
