/*
 * job.h: a fio job file as a race: each clone a task that makes its calls (job_calls.h), and a flusher
 * beside them, as a mounted file system has one. Its content goes through the model, so every crash is
 * judged like that of any other race. No verdict is due.
 *
 * (J1) race->job is the text that the race is made from, without comments: race_job_from_text() of it gives
 *      the same race again, so a schedule that carries it can be replayed without the file.
 *
 * Called by the commands that take --job, and by schedule files.
 */
#ifndef RACE_JOB_H
#define RACE_JOB_H

#include "job/job.h"
#include "hunt/race.h"

/*
 * *clamped (may be NULL): what was made smaller, in lines. 0, or -errno with one line in err (JOB_ERR_MAX bytes).
 * The race and the lines live as long as the program.
 */
int race_job_from_file(const char *what, const struct race **out, const char **clamped, char *err);
/* The same from text; `name`: the job's name, and what errors name. */
int race_job_from_text(const char *name, const char *text, const struct race **out, const char **clamped, char *err);

#endif
