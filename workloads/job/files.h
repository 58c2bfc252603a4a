/*
 * files.h: the files that the clones of a job make: each name once, however many sections and clones share it, with the
 * most that any of them asks for.
 *
 * files.1: What is laid out of a shared file does not depend on the order of sections: it is the largest layout.
 *
 * Called by the bench driver, by the bench command for the space that a job needs, and by its dry run.
 */
#ifndef JOB_FILES_H
#define JOB_FILES_H

#include "job/job.h"

struct job_made {
	char name[JOB_FILE_MAX];
	unsigned first;        /* the clone that names it first, by its place in the array */
	uint64_t size;         /* that it may come to */
	uint64_t layout;       /* bytes that are written before */
	uint64_t space;        /* bytes that are preallocated, as `fallocate` says; 0: none, or all is laid out */
	enum job_fallocate fallocate;
	bool before;           /* it is made before the run: not all its sections have create_on_open */
};

struct job_files {
	struct job_made *file;
	unsigned n;
	unsigned **of;         /* of[i][k]: the number of file k of clone i */
	unsigned nclones;
	uint64_t bytes;        /* of all */
};

void job_files(const struct job_clone *clones, unsigned n, struct job_files *out);
void job_files_free(struct job_files *f);

#endif
