/*
 * faults.h: what fails in a run (race->fail): of each kind the one whose turn it is, in the order in which the schedule
 * brings them. So which one fails is a choice of the schedule, though its number is the race's.
 *
 * Nothing fails before the run's tasks start, nor in a crash image.
 *
 * Called by hunt.c, run.c and judge.c.
 */
#ifndef HUNT_FAULTS_H
#define HUNT_FAULTS_H

#include "hunt/hunt.h"

/* The hunt's device is open: those of its bios that are due fail from now on, when a run has been started. */
void faults_open(struct hunt *h);
/* Changes of the logs of this mount, and who takes space of it, go one by one past the hunt. */
void faults_mount(struct hunt *h, struct mount_options *o);
/* A run is about to be mounted: nothing fails, and nothing has. */
void faults_rewind(struct hunt *h);
/* Its tasks start. */
void faults_start(struct hunt *h);
/* Has the one that is due to fail failed, in the last run? */
bool faults_met(const struct hunt *h, enum race_fault kind);

#endif
