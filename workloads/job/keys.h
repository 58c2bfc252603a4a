/*
 * keys.h: the keys of a job file, one row a key, and what must hold of a whole section.
 * For job.c alone.
 */
#ifndef JOB_KEYS_H
#define JOB_KEYS_H

#include "job/job.h"

struct job_key {
	const char *name;
	const char *expected;                          /* completes "key: expected ..." */
	int (*set)(struct job *j, const char *value);  /* 0, or -EINVAL when it is not as expected */
	bool flag;                                     /* stands alone, too */
	const char *what;
};

extern const struct job_key job_keys[];
extern const unsigned job_nkeys;

/* Whether this machine has the processors or nodes that a key's value names. 0, or -EINVAL with why. */
int job_check_place(const struct job_key *key, const char *value, struct why *why);
/* A section's values before its first key. */
void job_defaults(struct job *j);
/* After the last key: derives sizes, refuses what makes no sense, with the key and the reason in why. */
int job_check(struct job *j, struct why *why);

#endif
