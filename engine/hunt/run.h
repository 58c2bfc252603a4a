/*
 * run.h: one schedule of a hunt's race, run: by a picker, or again from its recording. Nothing is judged here.
 *
 * The device's record and the model's history of a run stay until the next run: judge.h, the story and tests read them.
 */
#ifndef HUNT_RUN_H
#define HUNT_RUN_H

#include "hunt/hunt.h"

/* Runs one schedule, whose length and end are in h->result, its decisions in h->schedule. */
void hunt_run(struct hunt *h, const struct picker *picker, void *state, uint64_t seed);
/* Runs v's schedule again, strictly or tolerantly (rt/schedule.h). */
void hunt_again(struct hunt *h, const struct violation *v, bool strict);

/* The seed of run number i (from 1) of all those that a search, or a stress, makes from one seed. */
uint64_t hunt_seed(uint64_t search_seed, uint64_t i);

/*
 * The parts of a run, for stress.c, which runs the tasks on threads. An error in them ends the program: each has
 * worked when the first content was made.
 */
void hunt_rewind(struct hunt *h, uint64_t seed); /* device and model go back to the first content */
void hunt_mount(struct hunt *h);                 /* mounts, and opens the race's files */
void hunt_abandon(struct hunt *h);               /* closes the files and drops the mount, with nothing written */

#endif
