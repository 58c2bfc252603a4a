/*
 * dry.h: `bench --dry-run`: what a job would do, without doing it: the calls of each section, its files, what became of
 * each key, the space that the job needs.
 *
 * The calls are those of job/ops.h, drawn to their end, so they are what a run makes. A section that ends by the
 * clock has no number of calls; of one whose calls are in flight together the syncs are at most so many.
 *
 * Called by the bench command.
 */
#ifndef BENCH_DRY_H
#define BENCH_DRY_H

#include <jansson.h>
#include <stdio.h>

#include "job/job.h"

/* `threads` as for job_clones(). by_fio: fio is to drive, and does what our own driver cannot. */
void dry_print(const struct job_file *jf, unsigned threads, bool by_fio, FILE *out);
/* The same as data. To be freed. */
json_t *dry_json(const struct job_file *jf, unsigned threads, bool by_fio);
/* One line that names the keys that change nothing here; nothing when there is none. */
void dry_print_taken(const struct job_file *jf, FILE *out);

#endif
