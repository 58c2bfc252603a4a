/*
 * campaign.h: the results of all shards of a hunt or of a proof, read back from their files and checked before
 * anything is said of the whole: every shard is there, once, and all are of one race, design, strategy and seed. The
 * traces of all shards are there, or of none.
 *
 * Called by `race merge`. What is wrong is printed as one line on stderr; each function returns 0 or the exit status
 * of the command, CMD_ERROR.
 */
#ifndef HUNTED_CAMPAIGN_H
#define HUNTED_CAMPAIGN_H

#include <stdbool.h>

#include "hunted/traces_file.h"

struct campaign {
	json_t **of; /* the shards' results, by number */
	unsigned n;
	struct hashes hashes;
	bool traces; /* `hashes` has those of all shards */
};

/* The files that --json of each shard wrote. */
int campaign_load(struct campaign *c, const char *const *file, unsigned nfiles);
/* The files that --traces of each shard wrote. */
int campaign_load_traces(struct campaign *c, const char *const *file, unsigned nfiles);
void campaign_free(struct campaign *c);

bool campaign_is_proof(const struct campaign *c);

/* A value of a shard's result: "" and 0 when it is not there. */
const char *result_text(const json_t *r, const char *key);
uint64_t result_count(const json_t *r, const char *key);

#endif
