/*
 * race_options.h: what several commands of `fsyncstorm race` take, read the same way by each. `cmd` is
 * the command's name in what is said ("race hunt"). All: 0, or EINVAL after one line on stderr.
 */
#ifndef CMD_RACE_OPTIONS_H
#define CMD_RACE_OPTIONS_H

#include <jansson.h>

#include "hunt/race.h"
#include "rt/coop.h"

/* *race is NULL before: one race is taken. */
int race_option_race(const char *cmd, const char *arg, const struct race **race);
/* A job file in place of a race's name; says on stderr what was made smaller. */
int race_option_job(const char *cmd, const char *arg, const struct race **race);
/* A design's name, or "all". */
int race_option_design(const char *cmd, const char *arg, const char **design);
/* coarse or fine. */
int race_option_granularity(const char *cmd, const char *arg, enum granularity *out);
/* From 1 on. */
int race_option_number(const char *cmd, const char *option, const char *arg, uint64_t *out);
int race_option_seed(const char *cmd, const char *arg, uint64_t *out);
int race_option_seconds(const char *cmd, const char *arg, double *out);

/* From 1 to RACE_JOBS_MAX. */
#define RACE_JOBS_MAX 64u
int race_option_jobs(const char *cmd, const char *arg, uint32_t *jobs);
/* I/N with I from 1 on: *shard is from 0 on. */
int race_option_shard(const char *cmd, const char *arg, uint32_t *shard, uint32_t *shards);

/* Before a search: can the option's file be written? path NULL or "-": nothing is to be. 0, or CMD_ERROR. */
int race_check_output(const char *cmd, const char *option, const char *path);
/* Writes it to a temporary name and renames; "-" is standard output. Takes `out`. An exit status. */
int race_write_json(const char *cmd, const char *path, json_t *out);

#endif
