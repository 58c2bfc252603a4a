/*
 * traces_file.h: the distinct traces of a shard as text, for who counts those of all shards: whose they are, one line of
 * JSON with what the shard's result says of itself, then their hashes, sorted, in hexadecimal, one a line:
 *
 *   {"traces_version":1,"race":"seed","design":"postfix","strategy":"portfolio","seed":1,"shards":3,"shard":0,"distinct":1049}
 *   0012f4a5b6c7d8e9
 *
 * Written to a temporary name and renamed. Called by the commands that search, and by who merges.
 */
#ifndef HUNTED_TRACES_FILE_H
#define HUNTED_TRACES_FILE_H

#include <jansson.h>

#include "hunt/hunt.h"

#define TRACES_VERSION 1
#define TRACES_ERR     200

/* What all shards of one hunt, or of one proof, have alike in their results; ends with NULL. */
extern const char *const shard_keys[];

/* `result`: the shard's, as its --json has it. 0, or -errno with one line in err (TRACES_ERR bytes). */
int traces_write(const struct traces *t, const json_t *result, const char *path, char *err);

/* Hashes of several files, as they were read. */
struct hashes {
	uint64_t *all;
	size_t n, cap;
};
/* Adds a file's; *head is its first line, the caller's. The same results. */
int traces_read(const char *path, struct hashes *to, json_t **head, char *err);
/* How many differ; they are sorted then. */
uint64_t hashes_distinct(struct hashes *h);

#endif
