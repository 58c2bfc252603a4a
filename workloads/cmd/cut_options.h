/*
 * cut_options.h: what `fsyncstorm cut` and `cut judge` are asked for: read, and checked before anything runs.
 *
 * Called by cmd/cut.c and cmd/cut_judge.c.
 */
#ifndef CMD_CUT_OPTIONS_H
#define CMD_CUT_OPTIONS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "cut/cut.h"

#define CUT_WORKS_MAX   128u
#define CUT_FORWARD_MAX 200u

struct cut_options {
	struct cut_plan plan;
	bool has_target, has_bound, has_check;
	const char *json, *out, *control, *record, *via;
	struct cut_fs control_fs;
	const char *work[CUT_WORKS_MAX];
	unsigned nworks;
	const char *kernel, *second_kernel; /* --kernel, --control kernel: NULL: the running one; none */
	const struct argp_option *table;    /* whose arguments may go to a guest; NULL: none do */
	char *forward[CUT_FORWARD_MAX + 1];     /* the arguments as a guest gets them, ended by NULL */
	unsigned nforward;
	FILE *text;
	json_t *arms; /* what works with two arms say together */
};

/*
 * Reads and checks the arguments of `cut`. 0, or the exit status of what has been said. cut_options_free() in any case.
 */
int cut_options_read(int argc, char **argv, struct cut_options *out);
void cut_options_free(struct cut_options *o);
/* Reads those of `cut judge`. Where findings go is chosen when the file system is known: cut_options_out(). */
int cut_judge_options_read(int argc, char **argv, struct cut_options *out);
/* Sets plan.findings. 0, or the exit status of what has been said. */
int cut_options_out(struct cut_options *o);

#endif
