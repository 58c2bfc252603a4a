/*
 * cmd_race_merge.c: `fsyncstorm race merge FILE...`: the results of all shards of a hunt, or of a proof, as
 * the result of the whole.
 *
 * (E1) All shards are there, each once, of one race, design, strategy and seed: or nothing is said.
 * (E2) What is independent is multiplied (the chances of missing a bug), what is disjoint is added
 *      (schedules, executions). Traces of hunts are neither: they are counted from their hashes, when
 *      those were kept (--traces).
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "cmd_race.h"
#include "recipe/results.h"
#include "rt/mem.h"

#define CMD        "race merge"
#define SHARDS_MAX 65536u
#define DEPTHS     64u
#define SAYS_SOMETHING 0.995 /* a larger chance of missing a bug is not worth a line */

struct merge {
	const char **file, **traces;
	unsigned nfiles, ntraces;
	const char *json;
};

static const struct argp_option table[] = {
	{ "traces", 't', "FILE", 0, "Hashes that a shard of a hunt kept (its --traces); once for each shard", 0 },
	{ "json", 'j', "FILE|-", 0, "The result as JSON; \"-\": to standard output, and nothing else there", 0 },
	{ 0 },
};

static void add_name(const char ***list, unsigned *n, const char *name)
{
	*list = realloc(*list, (*n + 1) * sizeof(**list));
	if (*list)
		(*list)[(*n)++] = name;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct merge *m = state->input;

	switch (key) {
	case 't':
		add_name(&m->traces, &m->ntraces, arg);
		return 0;
	case 'j':
		m->json = arg;
		return 0;
	case ARGP_KEY_ARG:
		add_name(&m->file, &m->nfiles, arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* ---- one shard ---- */

static const char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static uint64_t int_of(const json_t *o, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(o, key));
}

static bool is_proof(const json_t *r)
{
	return json_object_get(r, "executions") != NULL;
}

/* The one result of a file. A new reference; NULL after a line on stderr. */
static json_t *load(const char *path)
{
	json_error_t why;
	json_t *o = json_load_file(path, 0, &why), *list = json_object_get(o, "results"), *r = NULL;

	if (!o && why.line > 0)
		cmd_error(CMD, "%.200s:%d: %s; the file is damaged", path, why.line, why.text);
	else if (!o)
		cmd_error(CMD, "%s; the JSON of a shard is expected (race hunt --shard I/N --json FILE)", why.text);
	else if (int_of(o, "schema_version") != 1)
		cmd_error(CMD, "%.200s: schema version %llu, this program reads version 1", path,
		          (unsigned long long)int_of(o, "schema_version"));
	else if (json_array_size(list) != 1 || !json_object_get(json_array_get(list, 0), "shards"))
		cmd_error(CMD, "%.200s: not the result of one shard of one design", path);
	else
		r = json_incref(json_array_get(list, 0));
	json_decref(o);
	return r;
}

/* ---- all of them (E1) ---- */

struct shards {
	json_t **of; /* by number */
	unsigned n;
};

/* Is what must be alike in all shards alike in these two? Prints a line when not. */
static int check_alike(const char *path, const json_t *a, const json_t *b)
{
	static const char *const keys[] = { "race", "design", "granularity", "strategy", "seed", "shards", "preemptions" };

	if (is_proof(a) != is_proof(b))
		return cmd_error(CMD, "%.200s: a hunt and a proof cannot be joined", path);
	for (unsigned i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		json_t *x = json_object_get(a, keys[i]), *y = json_object_get(b, keys[i]);
		if ((!x && !y) || json_equal(x, y))
			continue;
		char *was = json_dumps(x, JSON_ENCODE_ANY), *is = json_dumps(y, JSON_ENCODE_ANY);
		int ret = cmd_error(CMD, "%.200s: of another campaign: its %s is %.60s, the first file's is %.60s", path, keys[i],
		                    is ? is : "not there", was ? was : "not there");
		free(was);
		free(is);
		return ret;
	}
	return 0;
}

static int add_shard(struct shards *s, const char *path, json_t *r)
{
	uint64_t shard = int_of(r, "shard");

	if (!s->of) {
		if (!int_of(r, "shards") || int_of(r, "shards") > SHARDS_MAX)
			return cmd_error(CMD, "%.200s: %llu shards", path, (unsigned long long)int_of(r, "shards"));
		s->n = (unsigned)int_of(r, "shards");
		s->of = mem_zalloc(s->n * sizeof(*s->of));
	}
	if (shard >= s->n)
		return cmd_error(CMD, "%.200s: shard %llu of %u", path, (unsigned long long)shard + 1, s->n);
	if (s->of[shard])
		return cmd_error(CMD, "%.200s: shard %llu of %u is here twice", path, (unsigned long long)shard + 1, s->n);
	s->of[shard] = json_incref(r);
	return 0;
}

static int check_complete(const struct shards *s)
{
	unsigned missing = 0, first = 0;

	for (unsigned i = 0; i < s->n; i++) {
		if (s->of[i])
			continue;
		if (!missing++)
			first = i;
	}
	if (!missing)
		return 0;
	return cmd_error(CMD, "%u of %u shards missing, the first is %u/%u: run it, then merge again", missing, s->n, first + 1, s->n);
}

static int load_all(const struct merge *m, struct shards *s)
{
	json_t *first = NULL;
	int ret = 0;

	for (unsigned i = 0; i < m->nfiles && !ret; i++) {
		json_t *r = load(m->file[i]);
		if (!r)
			ret = CMD_ERROR;
		if (!ret && first)
			ret = check_alike(m->file[i], first, r);
		if (!ret)
			ret = add_shard(s, m->file[i], r);
		if (!first)
			first = r;
		else
			json_decref(r);
	}
	json_decref(first);
	return ret ? ret : check_complete(s);
}

static void free_shards(struct shards *s)
{
	for (unsigned i = 0; i < s->n; i++)
		json_decref(s->of[i]);
	free(s->of);
}

/* ---- traces ---- */

static int compare_hashes(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static int read_hashes(const char *path, uint64_t **all, size_t *n, size_t *cap)
{
	FILE *in = fopen(path, "r");
	char line[64];
	unsigned at = 0;

	if (!in)
		return cmd_error(CMD, "--traces %.200s: %s", path, strerror(errno));
	while (fgets(line, sizeof(line), in)) {
		char *end;
		uint64_t hash = strtoull(line, &end, 16);
		at++;
		if (end != line + 16 || *end != '\n') {
			fclose(in);
			return cmd_error(CMD, "--traces %.200s:%u: not a hash of 16 digits", path, at);
		}
		if (*n == *cap) {
			*cap = *cap ? *cap * 2 : 4096;
			*all = realloc(*all, *cap * sizeof(**all));
		}
		(*all)[(*n)++] = hash;
	}
	fclose(in);
	return 0;
}

/* Of all shards together, each once. -1 after a line on stderr. */
static int64_t count_traces(const struct merge *m)
{
	uint64_t *all = NULL;
	size_t n = 0, cap = 0;
	int64_t distinct = 0;

	for (unsigned i = 0; i < m->ntraces; i++)
		if (read_hashes(m->traces[i], &all, &n, &cap)) {
			free(all);
			return -1;
		}
	qsort(all, n, sizeof(*all), compare_hashes);
	for (size_t i = 0; i < n; i++)
		distinct += !i || all[i] != all[i - 1];
	free(all);
	return distinct;
}

/* ---- the whole ---- */

static uint64_t sum(const struct shards *s, const char *key)
{
	uint64_t all = 0;

	for (unsigned i = 0; i < s->n; i++)
		all += int_of(s->of[i], key);
	return all;
}

static double seconds(const struct shards *s)
{
	double all = 0;

	for (unsigned i = 0; i < s->n; i++)
		all += json_number_value(json_object_get(s->of[i], "seconds"));
	return all;
}

/* The shard that found something first, going by the number of the schedule. NULL: none did. */
static const json_t *finder(const struct shards *s)
{
	const json_t *best = NULL;

	for (unsigned i = 0; i < s->n; i++) {
		const json_t *r = s->of[i];
		if (strcmp(text_of(r, "verdict"), "breaks"))
			continue;
		if (!best || int_of(r, "found_at") < int_of(best, "found_at"))
			best = r;
	}
	return best;
}

static bool all_complete(const struct shards *s)
{
	for (unsigned i = 0; i < s->n; i++)
		if (!json_is_true(json_object_get(s->of[i], "complete")))
			return false;
	return true;
}

/* Of a bug of each depth: missed by all, when each shard misses it (E2). */
static json_t *certificate(const struct shards *s)
{
	struct {
		uint64_t schedules;
		double miss;
	} depth[DEPTHS] = { { 0 } };
	json_t *list = json_array();

	for (unsigned i = 0; i < s->n; i++) {
		json_t *d;
		size_t k;
		json_array_foreach(json_object_get(json_object_get(s->of[i], "certificate"), "depths"), k, d) {
			uint64_t n = int_of(d, "depth");
			if (n >= DEPTHS)
				continue;
			if (!depth[n].schedules)
				depth[n].miss = 1;
			depth[n].schedules += int_of(d, "schedules");
			depth[n].miss *= json_number_value(json_object_get(d, "miss"));
		}
	}
	for (unsigned d = 0; d < DEPTHS; d++)
		if (depth[d].schedules)
			json_array_append_new(list, json_pack("{s:i,s:I,s:f}", "depth", (int)d, "schedules", (json_int_t)depth[d].schedules,
			                                      "miss", depth[d].miss));
	return list;
}

static void set(json_t *o, const char *key, json_t *value)
{
	json_object_set_new(o, key, value);
}

static json_t *whole(const struct merge *m, const struct shards *s, int64_t distinct)
{
	static const char *const kept[] = { "race", "design", "granularity", "strategy", "seed", "preemptions", "due" };
	const json_t *found = finder(s);
	json_t *o = json_object(), *v;

	for (unsigned i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		if ((v = json_object_get(s->of[0], kept[i])))
			json_object_set(o, kept[i], v);
	set(o, "merged", json_integer((json_int_t)s->n));
	set(o, "verdict", json_string(found ? "breaks" : "holds"));
	set(o, "seconds", json_real(seconds(s)));
	if (is_proof(s->of[0])) {
		set(o, "complete", json_boolean(all_complete(s)));
		set(o, "executions", json_integer((json_int_t)sum(s, "executions")));
		set(o, "cut", json_integer((json_int_t)sum(s, "cut")));
		set(o, "distinct", json_integer((json_int_t)sum(s, "distinct")));
	} else {
		set(o, "schedules", json_integer((json_int_t)sum(s, "schedules")));
		set(o, "distinct", m->ntraces ? json_integer(distinct) : json_null());
		if (!found)
			set(o, "certificate", json_pack("{s:o}", "depths", certificate(s)));
	}
	if (found && json_object_get(found, "found_at"))
		json_object_set(o, "found_at", json_object_get(found, "found_at"));
	if (found && json_object_get(found, "violation"))
		json_object_set(o, "violation", json_object_get(found, "violation"));
	return o;
}

static void print_hunt(const json_t *o)
{
	json_t *distinct = json_object_get(o, "distinct"), *d;
	size_t i;

	printf("  %llu schedules run, ", (unsigned long long)int_of(o, "schedules"));
	if (json_is_integer(distinct))
		printf("%llu distinct traces", (unsigned long long)json_integer_value(distinct));
	else
		printf("distinct traces not counted (--traces)");
	printf(", total unknown\n");
	json_array_foreach(json_object_get(json_object_get(o, "certificate"), "depths"), i, d)
		if (json_number_value(json_object_get(d, "miss")) < SAYS_SOMETHING)
			printf("  a bug of depth %llu is missed with probability at most %.3g (%llu schedules of pct)\n",
			       (unsigned long long)int_of(d, "depth"), json_number_value(json_object_get(d, "miss")),
			       (unsigned long long)int_of(d, "schedules"));
}

static void print_proof(const json_t *o)
{
	bool complete = json_is_true(json_object_get(o, "complete"));

	printf("  %llu executions, %llu cut runs, %llu distinct traces: %s\n", (unsigned long long)int_of(o, "executions"),
	       (unsigned long long)int_of(o, "cut"), (unsigned long long)int_of(o, "distinct"),
	       complete ? "complete" : "not complete: some shard was stopped before its end");
	if (json_is_integer(json_object_get(o, "preemptions")))
		printf("  with at most %llu preemptions\n", (unsigned long long)int_of(o, "preemptions"));
}

static void print_whole(const json_t *o)
{
	printf("race %s, design %s: %llu shards, %.1f s in all\n", text_of(o, "race"), text_of(o, "design"),
	       (unsigned long long)int_of(o, "merged"), json_number_value(json_object_get(o, "seconds")));
	if (json_object_get(o, "executions"))
		print_proof(o);
	else
		print_hunt(o);
	if (strcmp(text_of(o, "verdict"), "breaks")) {
		printf("  no violation\n");
		return;
	}
	printf("  it breaks");
	if (json_object_get(o, "found_at"))
		printf(": schedule %llu", (unsigned long long)int_of(o, "found_at"));
	printf("\n  %s\n", text_of(json_object_get(o, "violation"), "text"));
	if (*text_of(json_object_get(o, "violation"), "file"))
		printf("\nfsyncstorm race replay %s\n", text_of(json_object_get(o, "violation"), "file"));
}

/* 1 when something was found, as a hunt's. */
static int put_out(const struct merge *m, json_t *o)
{
	json_t *all = json_pack("{s:i,s:[O]}", "schema_version", 1, "results", o);
	bool found = !strcmp(text_of(o, "verdict"), "breaks"), to_stdout = m->json && !strcmp(m->json, "-");
	char err[RESULTS_ERR_MAX];
	int ret = found ? 1 : 0;

	if (to_stdout) {
		json_dumpf(all, stdout, JSON_INDENT(1) | JSON_PRESERVE_ORDER);
		putchar('\n');
	} else {
		print_whole(o);
	}
	if (m->json && !to_stdout && results_json_file(m->json, all, err))
		ret = cmd_error(CMD, "--json: %s", err);
	json_decref(all);
	return ret;
}

int cmd_race_merge(int argc, char **argv)
{
	static const struct argp argp = { table, parse, "FILE...",
		                          "The results of all shards of a hunt or a proof as one. FILE: what a shard's --json wrote.", NULL,
		                          NULL, NULL };
	struct merge m = { 0 };
	struct shards s = { 0 };
	int64_t distinct = 0;
	int ret = cmd_options(&argp, argc, argv, &m);

	if (!ret && !m.nfiles)
		ret = cmd_error(CMD, "no file: the JSON of each shard is expected");
	if (!ret)
		ret = load_all(&m, &s);
	if (!ret && m.ntraces && m.ntraces != s.n)
		ret = cmd_error(CMD, "--traces: %u files for %u shards", m.ntraces, s.n);
	if (!ret && m.ntraces && (distinct = count_traces(&m)) < 0)
		ret = CMD_ERROR;
	if (!ret) {
		json_t *o = whole(&m, &s, distinct);
		ret = put_out(&m, o);
		json_decref(o);
	}
	free_shards(&s);
	free(m.file);
	free(m.traces);
	return ret;
}
