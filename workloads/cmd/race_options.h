/*
 * race_options.h: the options that several commands of `fsyncstorm race` take: one row of argp's table for each, one
 * parser, one check. A command's own options have their own rows and parser, which leaves all other keys to
 * race_options_parse().
 *
 * Called by race_hunt.c, race_prove.c, race_score.c, race_stress.c, race_merge.c and race_list.c.
 */
#ifndef CMD_RACE_OPTIONS_H
#define CMD_RACE_OPTIONS_H

#include <jansson.h>
#include <stdio.h>

#include "hunt/race.h"
#include "kit/options.h"
#include "rt/coop.h"

/* The first member of the struct that a command's parser gets as state->input. */
struct race_options {
	const char *cmd;         /* "race hunt": what errors begin with */
	const struct race *race; /* NULL: none was named */
	const char *design;      /* a design's name, or "all" */
	const char *json, *out, *traces, *checkpoint; /* files; NULL: none */
	uint64_t seed;
	double seconds;          /* 0: no bound */
	uint32_t jobs, shard, shards; /* 0: not given; shard counts from 0 */
	enum granularity granularity;
	bool beside;
};

#define RACE_JOBS_MAX 64u

/* Keys without a letter. A command's own begin at RACE_KEY_OWN. */
enum { RACE_KEY_JOB = 0x1001, RACE_KEY_SHARD, RACE_KEY_TRACES, RACE_KEY_CHECKPOINT, RACE_KEY_SEED, RACE_KEY_BESIDE,
       RACE_KEY_OWN };

#define RACE_ARGUMENT "RACE|FILE.scn"

/* Rows of a table. A row whose words differ from command to command takes them. */
#define RACE_ROW_JOB \
	{ "job", RACE_KEY_JOB, "FILE", 0, \
	  "A fio job file (or the name of one of ours) in place of RACE; with one --design", 0 }
#define RACE_ROW_BESIDE \
	{ "beside", RACE_KEY_BESIDE, NULL, 0, \
	  "Of a scenario: beside one more thread, which writes and syncs a file of its own", 0 }
#define RACE_ROW_DESIGN(what) { "design", 'd', "NAME", 0, what, 0 }
#define RACE_ROW_SECONDS(what) { "seconds", 's', "TIME", 0, what, 0 }
#define RACE_ROW_SEED(what) { "seed", RACE_KEY_SEED, "N", 0, what, 0 }
#define RACE_ROW_JOBS { "jobs", 'J', "N", 0, "So many processes, each with a part of the schedules", 0 }
#define RACE_ROW_SHARD(what) { "shard", RACE_KEY_SHARD, "I/N", 0, what, 0 }
#define RACE_ROW_GRANULARITY \
	{ "granularity", 'g', "coarse|fine", 0, \
	  "Where a task may be stopped: fine is also after releases and at accesses (default: coarse)", 0 }
#define RACE_ROW_JSON \
	{ "json", 'j', "FILE|-", 0, "The result as JSON; \"-\": to standard output, and nothing else there", 0 }
#define RACE_ROW_OUT(what) { "out", 'o', "FILE", 0, what, 0 }
#define RACE_ROW_TRACES \
	{ "traces", RACE_KEY_TRACES, "FILE", 0, \
	  "The hashes of all distinct traces, for `race merge`; with one --design", 0 }
#define RACE_ROW_CHECKPOINT(what) { "checkpoint", RACE_KEY_CHECKPOINT, "FILE", 0, what, 0 }

/* As argp's parser, for the keys above and for the race's name. What is wrong is one line on stderr. */
error_t race_options_parse(int key, char *arg, struct race_options *o);
/* The value of a command's own option: a number from 1 on. 0, or EINVAL after one line on stderr. */
int race_option_number(const struct race_options *o, const char *option, const char *arg, uint64_t *out);

/*
 * Before anything runs: do the options go together, can the files be written, and does the device model pass its own
 * controls? 0, or CMD_ERROR after one line on stderr.
 */
int race_options_check(const struct race_options *o);

/* Where words go: to stderr when JSON goes to standard output. */
FILE *race_options_text(const struct race_options *o);
/*
 * Writes `out` to the file of --json, or to standard output for "-". Takes `out`. 0, or CMD_ERROR after one line on
 * stderr.
 */
int race_write_json(const char *cmd, const char *path, json_t *out);

#endif
