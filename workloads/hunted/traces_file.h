/*
 * traces_file.h: the distinct traces of a shard as text, so that those of all shards can be counted. The first line is
 * JSON: what the shard's result says of itself. Then come the hashes, sorted, in hexadecimal, one a line:
 *
 *   {"traces_version":1,"race":"seed","design":"postfix","strategy":"portfolio","seed":1,"shards":3,"shard":0,...}
 *   0012f4a5b6c7d8e9
 *
 * Written under a temporary name and renamed. Called by the commands that search, and by campaign.c for `race merge`.
 */
#ifndef HUNTED_TRACES_FILE_H
#define HUNTED_TRACES_FILE_H

#include <jansson.h>

#include "base/why.h"
#include "hunt/traces.h"

#define TRACES_VERSION 1

/* The keys whose values are the same in the results of all shards of one hunt or proof; ends with NULL. */
extern const char *const shard_keys[];

/* `result` is the shard's, as its --json has it. 0, or -errno and why. */
int traces_write(const struct traces *t, const json_t *result, const char *path, struct why *why);

/* The hashes of several files, as they were read. */
struct hashes {
	uint64_t *all;
	size_t n, cap;
};
/* Adds those of a file. *head is its first line, the caller's. 0, or -EINVAL and why. */
int traces_read(const char *path, struct hashes *to, json_t **head, struct why *why);
/* How many differ. Sorts them. */
uint64_t hashes_distinct(struct hashes *h);

#endif
