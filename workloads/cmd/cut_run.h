/*
 * cut_run.h: what `cut` and `cut judge` have in common around a run.
 *
 * Called by cmd/cut.c, which has it, and cmd/cut_judge.c.
 */
#ifndef CMD_CUT_RUN_H
#define CMD_CUT_RUN_H

#include "cmd/cut_options.h"

/* Where text goes, whether there is progress, and what Ctrl-C does. */
void cut_run_begin(struct cut_options *o);
/* 0, or the exit status of what has been said: controls that do not hold, or Ctrl-C. */
int cut_run_check_controls(struct cut_options *o, const struct cut_plan *plan, struct controls *c);
/* Writes the JSON unless `ret`, and frees `results` and o->arms. The exit status. */
int cut_run_end(struct cut_options *o, const struct controls *c, json_t *results, int ret, bool broken);

/* `cut judge`; the exit status. (cmd/cut_judge.c) */
int cut_judge_command(int argc, char **argv);

#endif
