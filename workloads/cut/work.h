/*
 * work.h: what the threads of a recorded run do: a scenario, or a fio job as one.
 *
 * Called by cut/drive.c and cmd/cut.c.
 */
#ifndef CUT_WORK_H
#define CUT_WORK_H

#include "scene/scene.h"

struct job_file;

struct work {
	char name[SCENE_NAME_MAX];
	struct scene *scene;   /* as it is to be run now: work_vary() */
	struct job_file *job;  /* NULL: it is a scenario */
	char *text;            /* of the job, or of the scenario */
	char clamped[800];     /* lines that say what of a job was made smaller; "": nothing */
};

/*
 * `what`: the name of a scenario that comes with the program, the path of one (*.scn), the path of a fio job (*.fio) or
 * the name of one of ours. 0, or -errno with why.
 */
int work_open(const char *what, struct work *out, struct why *why);
void work_close(struct work *w);
/* Another course of a job: other blocks, by its seed. A scenario stays as it is. */
void work_vary(struct work *w, uint64_t seed);
/* The same with one thread of those that sync: the others do not sync. A control arm. False: there is only one. */
bool work_one_syncer(struct work *w);
/* What is to be run now, as the text of a scenario that does the same; NULL: it came without a text. The caller's. */
char *work_program(const struct work *w);
/* Calls fn with the name of each scenario of the families that are run when none is named. */
void work_each_default(void (*fn)(const char *name, void *arg), void *arg);

#endif
