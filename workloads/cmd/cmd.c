/* cmd.c: finds a command and runs it. See cmd.h. */
#include "cmd/cmd.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "kit/interrupt.h"
#include "base/screen.h"
#include "base/text.h"
#include "recipe/env.h"

#define STACK (1u << 20) /* of the first thread */

const struct command cmd_table[] = {
#define ROW(name, run, what) { name, what, run },
	COMMANDS(ROW)
#undef ROW
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

/* The exit status: the command's, unless what it printed could not be written. */
static int end_output(const char *name, int status)
{
	if (cmd_flush())
		return status;
	if (reader_is_gone()) /* the status of a program that SIGPIPE has ended */
		return status ? status : 128 + SIGPIPE;
	return cmd_error(name, "stdout: %s", output_error ? strerror(output_error) : "not all of it could be written");
}

/* The limit is raised to what is needed. Where that is refused, it is told now: a full stack ends the program. */
static int check_stack(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_STACK, &l) || l.rlim_cur >= STACK)
		return 0;
	l.rlim_cur = STACK;
	if (l.rlim_max < STACK)
		l.rlim_max = STACK; /* root may */
	return setrlimit(RLIMIT_STACK, &l) ? cmd_error(NULL, "the stack may not have %u KiB, which are needed: "
	                                               "`ulimit -s` gives less", STACK >> 10) : 0;
}

/* What people come for, each a line to paste. */
static void say_first_words(void)
{
	screen_say(stdout, "", "fsyncstorm: what an fsync costs, and whether it keeps what it promises.");
	screen_say(stdout, "", "\nWhat it costs in the current folder, against a model of Btrfs's on the same disk:");
	printf("  fsyncstorm bench dwsl -t path:. -t postfix@file:storm.img,size=256m\n");
	screen_say(stdout, "", "\nYour own fio job, or two of them compared (`fsyncstorm list` names ours):");
	printf("  fsyncstorm bench pg-wal-fdatasync pg-wal-datasync -t path:.\n");
	screen_say(stdout, "", "\nThe interleaving and the power cut with which an fsync loses data:");
	printf("  fsyncstorm race hunt seed --design prefix\n");
	screen_say(stdout, "", "\nAll commands: fsyncstorm help");
}

int cmd_dispatch(int argc, char **argv)
{
	char title[64], hint[64];
	size_t n = 0;

	fail_writes_at_limit();
	if (check_stack())
		return CMD_ERROR;
	if (argc < 2) {
		say_first_words();
		return end_output(NULL, 0);
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		printf("fsyncstorm %s (commit %s)\n", env_version(), env_commit());
		return end_output(NULL, 0);
	}
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
