/*
 * results.h: one folder a run: written under a temporary name, renamed when whole, never edited after.
 *
 * A folder that is being written is locked. One that a run has left behind, for it was killed, is not: the next run in
 * the same place says so, and how to remove it. The same holds for the folders of target/kernel_fs.c.
 *
 * Called by the bench command (and whatever else keeps results).
 */
#ifndef RECIPE_RESULTS_H
#define RECIPE_RESULTS_H

#include <jansson.h>
#include <limits.h>
#include <stdbool.h>

#include "base/why.h"

struct results {
	char final[PATH_MAX]; /* its name when it is whole */
	char temp[PATH_MAX];
	char date[32];        /* YYYYMMDD-HHMMSS, UTC */
	int fd;               /* of temp, with its lock */
	bool made_parent;     /* results/ was not there before */
};

/*
 * Makes the folder under its temporary name. `folder` NULL: results/<date>-<host>-<what>. 0, or
 * -errno with why: it is there already, or cannot be made.
 */
int results_begin(struct results *r, const char *folder, const char *what, struct why *why);
/* Puts a file into it. 0 or -errno with why. */
int results_text(struct results *r, const char *name, const char *text, struct why *why);
int results_json(struct results *r, const char *name, const json_t *json, struct why *why);
/* It is whole: takes its final name. If it cannot, what was measured stays where it is, and why says where. */
int results_commit(struct results *r, struct why *why);
/* Removes what was begun. */
void results_abandon(struct results *r);

/* Whether results_json_file() will be able to write there: 0, or -errno with why. */
int results_json_check(const char *path, struct why *why);
/* Writes one JSON file on its own, under a temporary name first. */
int results_json_file(const char *path, const json_t *json, struct why *why);

#endif
