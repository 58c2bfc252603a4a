/*
 * controls.h: the rig is tested before it judges a kernel: recorder, file system, mounts of crash images and oracle
 * together. As a positive control, the record of a run whose flushes were lies must be seen to lose what was promised.
 * As a negative control, the same record as it is must lose nothing: one thread that writes and syncs in turn, where no
 * file system has a race. And writes must be in flight while flushes are, else a whole class of races is out of sight.
 *
 * Called by cut/cut.c, in a process of its own, and by tests.
 */
#ifndef CUT_CONTROLS_H
#define CUT_CONTROLS_H

#include "cut/fs.h"

struct controls {
	unsigned states, lied_states;      /* crashes judged of the honest and of the lying record */
	unsigned broken, lied_broken;      /* those that broke a promise: 0, and not 0 */
	unsigned flushes, beside;          /* flushes of two threads, and those beside a write in flight */
	char first[320];                   /* of the honest record: what was broken */
};

/* 0: they hold. -EIO with why: they do not, so nothing that the rig says would mean anything; or another -errno. */
int cut_controls(const struct cut_fs *fs, unsigned holds, struct controls *out, struct why *why);
/* The same in two steps, for runs that another kernel judges: recorded into a folder, and judged from there. */
int cut_controls_record(const struct cut_fs *fs, unsigned holds, const char *folder, struct why *why);
int cut_controls_judge(const char *folder, struct controls *out, struct why *why);
#define CONTROL_ALONE  "control-alone.zst"
#define CONTROL_BESIDE "control-beside.zst"

#endif
