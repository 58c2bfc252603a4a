/*
 * job.h: a fio job file as a race: each clone is a task that makes its calls (job_calls.h), and beside them runs a
 * flusher, as in a mounted file system. Its content goes through the model, so every crash is judged like that of any
 * other race. No verdict is due.
 *
 * A file that one task alone calls lies in a subvolume with those of every other such task: two tasks that
 * sync files of their own write two log trees. A file that tasks share lies in the first one.
 *
 * race->job is the text that the race is made from, without comments: race_job_from_text() of it gives the same race
 * again. So a schedule that carries it can be replayed without the job file.
 *
 * Called by the commands that take --job, and by the readers of schedules' files (hunt/schedule_file.h).
 */
#ifndef RACE_JOB_H
#define RACE_JOB_H

#include "hunt/race.h"
#include "job/job.h"

/*
 * Both: 0, or -errno and why. The race, and the lines of *clamped, which say what was made smaller, live as long as the
 * program. `name` is the job's name, and begins the line of an error.
 */
int race_job_from_file(const char *what, const struct race **out, const char **clamped, struct why *why);
int race_job_from_text(const char *name, const char *text, const struct race **out, struct why *why);

#endif
