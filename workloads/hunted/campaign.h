/*
 * campaign.h: the results of all shards of a hunt or of a proof, read back from their files and looked at before
 * anything is said of the whole.
 *
 * (E1) All shards are there, each once, of one race, design, strategy and seed; their traces too, or none: else
 * nothing is said.
 *
 * Called by `race merge`. What is wrong is one line on stderr, and the exit status of the command.
 */
#ifndef HUNTED_CAMPAIGN_H
#define HUNTED_CAMPAIGN_H

#include <stdbool.h>

#include "hunted/traces_file.h"

struct campaign {
	json_t **of; /* the shards' results, by number */
	unsigned n;
	struct hashes hashes;
	bool traces; /* `hashes` are those of all shards */
};

/* What --json of each shard wrote. */
int campaign_load(struct campaign *c, const char *const *file, unsigned nfiles);
/* What --traces of each shard wrote. */
int campaign_load_traces(struct campaign *c, const char *const *file, unsigned nfiles);
void campaign_free(struct campaign *c);

bool campaign_is_proof(const struct campaign *c);

/* Of a shard's result: "" and 0 when it is not there. */
const char *result_text(const json_t *r, const char *key);
uint64_t result_count(const json_t *r, const char *key);

#endif
