/*
 * race_merge.c: `fsyncstorm race merge FILE...`: the results of all shards of a hunt, or of a proof, as the result of
 * the whole. It says what the undivided command would say (hunted/hunt_report.h, hunted/prove_report.h).
 *
 * race_merge.1: Shards have no schedule and no execution in common: these are added up. They may have traces in
 *               common: traces are counted from their hashes, when all shards kept those (--traces); else their
 *               number is at most the sum. Runs of pct count for the certificate by the longest schedule of all
 *               shards (certificate.1).
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "cmd/cmd.h"
#include "cmd/race.h"
#include "cmd/race_options.h"
#include "hunt/search.h"
#include "hunted/campaign.h"
#include "hunted/hunt_report.h"
#include "hunted/prove_report.h"
#include "race/registry.h"
#include "recipe/results.h"

#define CMD       "race merge"
#define NAMED_MAX 8u /* shards, in one line */

struct merge {
	const char **file, **traces;
	unsigned nfiles, ntraces;
	const char *json;
};

static const struct argp_option table[] = {
	{ "traces", RACE_KEY_TRACES, "FILE", 0, "Hashes that a shard kept (its --traces); once for each shard", 0 },
	RACE_ROW_JSON,
	{ 0 },
};

static void add_name(const char ***list, unsigned *n, const char *name)
{
	*list = realloc(*list, (*n + 1) * sizeof(**list));
	CHECK(*list);
	(*list)[(*n)++] = name;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct merge *m = state->input;

	switch (key) {
	case RACE_KEY_TRACES:
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

/* ---- both kinds ---- */

/* The whole, in words and as JSON. */
struct whole {
	const struct campaign *c;
	struct race other;       /* stands for a job's race: no verdict is due */
	const struct race *race;
	const char *design;
	const json_t *found;     /* the shard whose failing schedule has the lowest number; NULL: none failed */
	FILE *text;
	json_t *json;
};

static bool breaks(const json_t *r)
{
	return !strcmp(result_text(r, "verdict"), verdict_name[VERDICT_BREAKS]);
}

static const json_t *finder(const struct campaign *c)
{
	const json_t *best = NULL;

	for (unsigned i = 0; i < c->n; i++)
		if (breaks(c->of[i]) && (!best || result_count(c->of[i], "found_at") < result_count(best, "found_at")))
			best = c->of[i];
	return best;
}

/* Sets *n to the number of distinct traces, and returns how that is meant (race_merge.1). */
static enum counted count_traces(struct campaign *c, uint64_t *n)
{
	bool some = false; /* a shard had more than were kept */
	uint64_t sum = 0, most = 0;

	for (unsigned i = 0; i < c->n; i++) {
		uint64_t own = result_count(c->of[i], "distinct");
		some |= own == TRACES_MAX;
		sum += own;
		most = own > most ? own : most;
	}
	*n = c->traces ? hashes_distinct(&c->hashes) : c->n == 1 || some ? most : sum;
	if (some)
		return COUNTED_AT_LEAST;
	return c->traces || c->n == 1 ? COUNTED : COUNTED_AT_MOST;
}

/* "  WHAT 2/3, 3/3": the shards for which is() is true. */
static void print_shards(const struct whole *w, const char *what, bool (*is)(const json_t *r))
{
	unsigned n = 0;

	for (unsigned i = 0; i < w->c->n; i++)
		if (is(w->c->of[i]) && n++ < NAMED_MAX)
			fprintf(w->text, "%s%s %u/%u", n == 1 ? "  " : ",", n == 1 ? what : "", i + 1, w->c->n);
	if (n > NAMED_MAX)
		fprintf(w->text, " and %u more", n - NAMED_MAX);
	if (n)
		fprintf(w->text, "\n");
}

static void print_violation(const struct whole *w)
{
	const json_t *violation = json_object_get(w->found, "violation");

	fprintf(w->text, "  it breaks");
	if (json_object_get(w->found, "found_at"))
		fprintf(w->text, ": schedule %llu", (unsigned long long)result_count(w->found, "found_at"));
	fprintf(w->text, "\n  %s\n", result_text(violation, "text"));
	if (*result_text(violation, "file"))
		fprintf(w->text, "\nfsyncstorm race replay %s\n", result_text(violation, "file"));
}

static void finish_json(struct whole *w)
{
	static const char *const keys[] = { "found_at", "violation", "found" };

	json_object_del(w->json, "shard");
	json_object_del(w->json, "shards");
	json_object_set_new(w->json, "merged", json_integer(w->c->n));
	for (unsigned i = 0; i < sizeof(keys) / sizeof(keys[0]) && w->found; i++)
		if (json_object_get(w->found, keys[i]))
			json_object_set(w->json, keys[i], json_object_get(w->found, keys[i]));
}

/* ---- a hunt ---- */

static bool was_stopped(const json_t *r)
{
	return json_is_true(json_object_get(r, "stopped")) && !breaks(r);
}

static bool differs(const json_t *r)
{
	return json_is_false(json_object_get(r, "deterministic"));
}

static void add_members(struct search *s, const json_t *list)
{
	const json_t *m;
	size_t i;

	json_array_foreach((json_t *)list, i, m) {
		if (i >= s->strategy->n)
			break;
		s->strategy->member[i].schedules += result_count(m, "schedules");
		s->strategy->member[i].found += result_count(m, "found");
	}
}

static int add_certificate(struct search *s, const json_t *r, unsigned shard)
{
	struct certificate c;

	if (breaks(r))
		return 0;
	if (certificate_read(json_object_get(r, "certificate"), &c))
		return cmd_error(CMD, "the certificate of shard %u is damaged, or of another version; run that "
		                 "shard again", shard + 1);
	certificate_merge(&s->strategy->certificate, &c);
	return 0;
}

static int add_search(struct search *s, const json_t *r, unsigned shard)
{
	s->run += result_count(r, "schedules");
	s->took += json_number_value(json_object_get(r, "seconds"));
	s->images_judged += result_count(r, "images_judged");
	s->images_mounted += result_count(r, "images_mounted");
	s->stopped |= was_stopped(r);
	s->nondeterministic |= differs(r);
	s->through |= json_is_true(json_object_get(r, "through"));
	add_members(s, json_object_get(r, "members"));
	return add_certificate(s, r, shard);
}

static void note_finder(struct search *s, const json_t *found)
{
	const json_t *m;
	size_t i;

	s->found_at = result_count(found, "found_at");
	json_array_foreach(json_object_get(found, "members"), i, m)
		if (result_count(m, "found"))
			s->found_by = (uint32_t)i;
}

static enum granularity granularity_of(const json_t *r)
{
	return strcmp(result_text(r, "granularity"), granularity_name[COOP_FINE]) ? COOP_COARSE : COOP_FINE;
}

static void tell_hunt(struct whole *w, const struct search *s)
{
	enum granularity granularity = granularity_of(w->c->of[0]);

	search_print_head(w->race->name, w->design, granularity, s, w->text);
	fprintf(w->text, ": %u shards, %.1f s in all\n", w->c->n, s->took);
	search_print(s, w->text);
	print_shards(w, "stopped before their end: shards", was_stopped);
	print_shards(w, "NOT DETERMINISTIC: shards", differs);
	if (w->found)
		print_violation(w);
	else
		search_print_held(s, w->text);
	w->json = search_json(w->race, w->design, granularity, s);
}

static int join_hunt(struct whole *w, struct campaign *c)
{
	struct strategy strategy;
	struct search s = { .strategy = &strategy, .seed = (uint64_t)json_integer_value(json_object_get(c->of[0],
	                                                                                                "seed")) };
	struct why why;
	int ret = 0;

	if (strategy_open(&strategy, result_text(c->of[0], "strategy"), &why))
		return cmd_error(CMD, "%s", why.text);
	for (unsigned i = 0; i < c->n && !ret; i++)
		ret = add_search(&s, c->of[i], i);
	if (!ret) {
		s.counted = count_traces(c, &s.distinct);
		note_finder(&s, w->found);
		tell_hunt(w, &s);
	}
	strategy_close(&strategy);
	return ret;
}

/* ---- a proof ---- */

static bool is_part(const json_t *r)
{
	return !json_is_true(json_object_get(r, "complete")) && !breaks(r);
}

static int join_proof(struct whole *w, struct campaign *c)
{
	struct proof sum, part;

	if (w->race == &w->other)
		return cmd_error(CMD, "%.60s: not a race of this program", w->race->name);
	proof_read(c->of[0], &sum);
	proof_begin_sum(&sum);
	for (unsigned i = 0; i < c->n; i++) {
		proof_read(c->of[i], &part);
		proof_add(&sum, &part);
	}
	sum.found = w->found;
	sum.counted = count_traces(c, &sum.distinct);
	proof_print(w->race->name, w->design, &sum, w->text);
	fprintf(w->text, "  of %u shards\n", c->n);
	print_shards(w, "not complete: shards", is_part);
	if (w->found)
		print_violation(w);
	else
		proof_print_held(w->race, &sum, w->text);
	w->json = proof_json(w->race, w->design, &sum);
	return 0;
}

/* ---- the command ---- */

static bool any_differs(const struct campaign *c)
{
	for (unsigned i = 0; i < c->n; i++)
		if (differs(c->of[i]))
			return true;
	return false;
}

static int join(const struct merge *m, struct campaign *c)
{
	bool to_stdout = m->json && !strcmp(m->json, "-");
	struct whole w = { .c = c, .other = { .name = result_text(c->of[0], "race") },
	                   .race = race_find(result_text(c->of[0], "race")),
		           .design = result_text(c->of[0], "design"), .found = finder(c),
		           .text = to_stdout ? stderr : stdout };

	if (!w.race)
		w.race = &w.other;
	int ret = campaign_is_proof(c) ? join_proof(&w, c) : join_hunt(&w, c);
	if (ret)
		return ret;
	finish_json(&w);
	if (m->json)
		ret = race_write_json(CMD, m->json, json_pack("{s:i,s:[O]}", "schema_version", 1, "results", w.json));
	json_decref(w.json);
	return ret ? ret : w.found || any_differs(c);
}

int cmd_race_merge(int argc, char **argv)
{
	static const struct argp argp = { table, parse, "FILE...",
		                          "The results of all shards of a hunt or a proof as one. FILE: what a "
		                          "shard's --json wrote.\v"
		                          "Exit status 1 when a violation was found, 0 when none was, complete or not.",
		                          NULL, NULL, NULL };
	struct campaign c = { 0 };
	struct merge m = { 0 };
	struct why why;
	int ret = cmd_options(&argp, argc, argv, &m);

	if (!ret && !m.nfiles)
		ret = cmd_error(CMD, "no file: the JSON of each shard is expected");
	if (!ret && m.json && strcmp(m.json, "-") && results_json_check(m.json, &why))
		ret = cmd_error(CMD, "--json: %s", why.text);
	if (!ret)
		ret = campaign_load(&c, m.file, m.nfiles);
	if (!ret && m.ntraces)
		ret = campaign_load_traces(&c, m.traces, m.ntraces);
	if (!ret)
		ret = join(&m, &c);
	campaign_free(&c);
	free(m.file);
	free(m.traces);
	return ret;
}
