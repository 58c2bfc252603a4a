/*
 * keys.h: the keys of a job file, one row a key, and what must hold of a whole section. keys.c has the keys that change
 * the calls; keys_other.c those that change nothing here, or that cannot be done, and the names under which people look
 * for a key.
 * For job.c alone.
 */
#ifndef JOB_KEYS_H
#define JOB_KEYS_H

#include "job/job.h"

struct job_key {
	const char *name;
	const char *expected;                          /* completes "key: expected ..." */
	/*
	 * 0; -EINVAL when it is not as expected; -ENOTSUP when fio has the value and it cannot be done here; -ENOSYS
	 * when the key cannot be done here; -EXDEV when it would be outside of the target
	 */
	int (*set)(struct job *j, const char *value);
	bool flag;                                     /* stands alone, too */
	const char *what;
};

/* A key that changes nothing here, or cannot be done. */
struct job_other_key {
	const char *name;
	enum job_answer answer;
	char kind;         /* of its value: 'b' 0 or 1, 'n' a number, 't' a time, 's' anything, '-' none is needed */
	const char *what;  /* why it changes nothing, or cannot be done */
	const char *unless; /* JOB_CANNOT: with this value it changes nothing; NULL: none */
};

extern const struct job_other_key job_other_keys[];
extern const unsigned job_nother_keys;

/* fio's other spellings: the name that the key has in the tables; `name` itself when it is no such spelling. */
const char *job_key_canon(const char *name);
/* What somebody means who calls a key so; NULL: not known. */
const char *job_key_meant(const char *name);
/* A size with fio's units (job.4), or a product of such. 0 or -EINVAL. */
int job_size_text(const char *s, unsigned kb, uint64_t *out);

extern const struct job_key job_keys[];
extern const unsigned job_nkeys;

/* Whether this machine has the processors or nodes that a key's value names. 0, or -EINVAL with why. */
int job_check_place(const struct job_key *key, const char *value, struct why *why);
/* A section's values before its first key. */
void job_defaults(struct job *j);
/* After the last key: derives sizes, refuses what makes no sense, with the key and the reason in why. */
int job_check(struct job *j, struct why *why);

#endif
