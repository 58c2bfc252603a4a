/*
 * race_score.c: `fsyncstorm race score`: every race, design and strategy: how soon what is due is found,
 * and at which rate; the strategies ranked. A verdict that is not the one that is due is exit status 1.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/stop.h"
#include "cmd/cmd.h"
#include "cmd/race.h"
#include "cmd/race_options.h"
#include "hunt/strategy.h"
#include "hunted/score.h"
#include "kit/interrupt.h"
#include "machine/mem.h"
#include "pick/pickers.h"
#include "race/registry.h"

#define CMD            "race score"
#define STRATEGIES_MAX 32u
#define SEEDS_MAX      1000000u

/* ---- options ---- */

enum { KEY_SEEDS = RACE_KEY_OWN };

struct score_options {
	struct race_options common; /* the first: see race_options.h; race NULL: all races */
	const char *strategy[STRATEGIES_MAX];
	unsigned nstrategies;
	uint64_t seeds, cap;
};

static const struct argp_option score_table[] = {
	{ "race", 'r', "NAME", 0, "This race alone (default: all)", 0 },
	RACE_ROW_BESIDE,
	RACE_ROW_DESIGN("This design alone, also for races that name no verdict for it (default: those that a race "
	                "names)"),
	{ "strategy", 'p', "PICKER", 0, "This strategy; may be given again (default: portfolio, and each picker)", 0 },
	{ "seeds", KEY_SEEDS, "N", 0, "Searches of what is to break (default: 20)", 0 },
	{ "cap", 'n', "N", 0, "Schedules of a search at most (default: 10000)", 0 },
	RACE_ROW_SEED("Where the seeds begin (default: 1)"),
	RACE_ROW_GRANULARITY,
	RACE_ROW_JSON,
	{ 0 },
};

static error_t take_strategy(struct score_options *o, const char *arg)
{
	struct strategy s;
	struct why why;

	if (o->nstrategies == STRATEGIES_MAX)
		cmd_error(CMD, "--strategy %.60s: at most %u are expected", arg, STRATEGIES_MAX);
	else if (strategy_open(&s, arg, &why))
		cmd_error(CMD, "--strategy %s", why.text);
	else {
		strategy_close(&s);
		o->strategy[o->nstrategies++] = arg;
		return 0;
	}
	return EINVAL;
}

static error_t parse_score(int key, char *arg, struct argp_state *state)
{
	struct score_options *o = state->input;

	switch (key) {
	case 'r':
		return race_options_parse(ARGP_KEY_ARG, arg, &o->common);
	case 'p':
		return take_strategy(o, arg);
	case KEY_SEEDS:
		return race_option_number(&o->common, "seeds", arg, &o->seeds);
	case 'n':
		return race_option_number(&o->common, "cap", arg, &o->cap);
	default:
		return race_options_parse(key, arg, &o->common);
	}
}

/* The portfolio, and every picker that can be a strategy of its own. */
static void default_strategies(struct score_options *o)
{
	struct strategy s;
	struct why why;

	o->strategy[o->nstrategies++] = "portfolio";
	for (unsigned i = 0; picker_at(i) && o->nstrategies < STRATEGIES_MAX; i++) {
		if (strategy_open(&s, picker_at(i)->name, &why))
			continue;
		strategy_close(&s);
		o->strategy[o->nstrategies++] = picker_at(i)->name;
	}
}

/* ---- the table ---- */

struct scoring {
	struct score_options o;
	struct score score;
	FILE *text;
	json_t *rows, *mismatches;
};

static const char *schedules_text(const struct scoring *g, const struct score_row *r, uint64_t n, char buf[24])
{
	if (r->due != VERDICT_BREAKS && !r->found)
		return "-";
	if (n > g->score.cap)
		snprintf(buf, 24, ">%lu", (unsigned long)g->score.cap);
	else
		snprintf(buf, 24, "%lu", (unsigned long)n);
	return buf;
}

/* The 95 % interval of the median. */
static const char *interval_text(const struct scoring *g, const struct score_row *r, char buf[64])
{
	char low[24], high[24];

	if (!r->low)
		return "-";
	snprintf(buf, 64, "%s to %s", schedules_text(g, r, r->low, low), schedules_text(g, r, r->high, high));
	return buf;
}

static void print_row(const struct scoring *g, const struct score_row *r)
{
	char median[24], p95[24], found[24], interval[64];

	snprintf(found, sizeof(found), "%u/%u", r->found, r->searches);
	fprintf(g->text, "%-16s %-18s %-7s %-14s %9s %8s %16s %8s %10.0f %8.2f\n", r->race->name, r->design->name,
	        verdict_name[r->due],
	        r->strategy, found, schedules_text(g, r, r->median, median), interval_text(g, r, interval),
	        schedules_text(g, r, r->p95, p95),
	        r->seconds > 0 ? (double)r->schedules / r->seconds : 0, r->seconds);
	fflush(g->text);
}

/* Who finds it sooner: medians beside each other, and how many times that of the best. */
static void print_ranking(const struct scoring *g, const struct score_row *row, uint32_t n)
{
	uint32_t order[STRATEGIES_MAX];
	char median[24];

	score_order(row, n, order);
	fprintf(g->text, "%-16s %-18s ranked:", row->race->name, row->design->name);
	for (uint32_t i = 0; i < n; i++) {
		const struct score_row *r = &row[order[i]];
		fprintf(g->text, "%s %s %s", i ? "," : "", r->strategy, schedules_text(g, r, r->median, median));
		if (i && r->median <= g->score.cap)
			fprintf(g->text, " (%.1fx)", (double)r->median / (double)row[order[0]].median);
	}
	fputc('\n', g->text);
}

/* Schedules to the first violation, null when there was none by then. */
static json_t *schedules_json(const struct scoring *g, uint64_t n)
{
	return n > g->score.cap ? json_null() : json_integer((json_int_t)n);
}

static json_t *interval_json(const struct scoring *g, const struct score_row *r)
{
	return r->low ? json_pack("[o,o]", schedules_json(g, r->low), schedules_json(g, r->high)) : json_null();
}

static json_t *row_json(const struct scoring *g, const struct score_row *r)
{
	json_t *first = json_array();

	for (uint32_t i = 0; i < r->searches; i++)
		json_array_append_new(first, schedules_json(g, g->score.first[i]));
	return json_pack("{s:s,s:s,s:s,s:s,s:i,s:i,s:o,s:o,s:o,s:o,s:I,s:f,s:f}", "race", r->race->name, "design",
	                 r->design->name, "due", verdict_name[r->due], "strategy", r->strategy, "searches",
	                 (int)r->searches, "found", (int)r->found, "median", schedules_json(g, r->median), "median_95",
	                 interval_json(g, r), "p95", schedules_json(g, r->p95), "first", first, "schedules",
	                 (json_int_t)r->schedules, "schedules_per_second",
	                 r->seconds > 0 ? (double)r->schedules / r->seconds : 0.0, "seconds", r->seconds);
}

static void mismatch(struct scoring *g, const struct score_row *r)
{
	enum verdict is = r->due == VERDICT_HOLDS ? VERDICT_BREAKS : VERDICT_HOLDS;

	fprintf(g->text, "%-16s %-18s MISMATCH: %s is due, and it %s\n", r->race->name, r->design->name,
	        verdict_name[r->due], verdict_name[is]);
	json_array_append_new(g->mismatches, json_pack("{s:s,s:s,s:s,s:s}", "race", r->race->name, "design",
	                                               r->design->name, "due",
	                                               verdict_name[r->due], "verdict", verdict_name[is]));
}

static int score_design(struct scoring *g, const struct race *race, const struct design *design)
{
	struct score_row row[STRATEGIES_MAX];
	uint32_t n = 0;
	struct why why;

	for (unsigned i = 0; i < g->o.nstrategies && !stop_asked(); i++) {
		if (score_run(&g->score, race, design, g->o.strategy[i], &row[n], &why))
			return cmd_error(CMD, "%s", why.text);
		if (stop_asked())
			break;
		print_row(g, &row[n]);
		json_array_append_new(g->rows, row_json(g, &row[n++]));
	}
	if (n > 1 && row[0].due == VERDICT_BREAKS && !stop_asked())
		print_ranking(g, row, n);
	if (n && !stop_asked() && !score_as_due(row, n))
		mismatch(g, row);
	return 0;
}

static bool is_named(const struct race *race, const struct design *design)
{
	for (unsigned i = 0; i < RACE_DESIGNS && race->expect[i].design; i++)
		if (!strcmp(race->expect[i].design, design->name))
			return true;
	return false;
}

static int score_race(struct scoring *g, const struct race *race)
{
	bool all = !strcmp(g->o.common.design, "all");
	int ret = 0;

	for (unsigned i = 0; fs_designs[i] && !ret && !stop_asked(); i++)
		if (race_knows(race, fs_designs[i]->name) && (all ? is_named(race, fs_designs[i]) :
		                                              !strcmp(g->o.common.design, fs_designs[i]->name)))
			ret = score_design(g, race, fs_designs[i]);
	return ret;
}

static int score_all(struct scoring *g)
{
	int ret = 0;

	fprintf(g->text, "%-16s %-18s %-7s %-14s %9s %8s %16s %8s %10s %8s\n", "race", "design", "due", "strategy",
	        "found", "median", "95 % of it", "p95", "schedule/s", "seconds");
	if (g->o.common.race)
		ret = score_race(g, g->o.common.race);
	for (unsigned i = 0; !g->o.common.race && race_all()[i] && !ret && !stop_asked(); i++)
		ret = score_race(g, race_all()[i]);
	if (ret)
		return ret;
	fprintf(g->text, "%zu rows, %zu mismatches%s\n", json_array_size(g->rows), json_array_size(g->mismatches),
	        stop_asked() ? "; interrupted" : "");
	if (g->o.common.json)
		ret = race_write_json(CMD, g->o.common.json,
		                      json_pack("{s:i,s:s,s:I,s:I,s:I,s:b,s:O,s:O}", "schema_version", 1, "granularity",
		                                granularity_name[g->score.granularity], "seed",
		                                (json_int_t)g->score.seed,
		                                "seeds", (json_int_t)g->score.seeds, "cap", (json_int_t)g->score.cap,
		                                "interrupted",
		                                stop_asked(), "rows", g->rows, "mismatches", g->mismatches));
	return ret ? ret : json_array_size(g->mismatches) != 0;
}

int cmd_race_score(int argc, char **argv)
{
	static const struct argp argp = { score_table, parse_score, "[" RACE_ARGUMENT "]",
		                          "Each strategy on each race of each design: schedules to the first "
		                          "violation, over seeds.\v"
		                          "Exit status 1 when a verdict is not the one that is due: where a race is "
		                          "to hold, when any "
		                          "strategy found something; where it is to break, when none did.",
		                          NULL, NULL, NULL };
	struct scoring g = { .o = { .common = { .cmd = CMD, .design = "all", .seed = 1 }, .seeds = 20, .cap = 10000 } };
	const struct race_options *common = &g.o.common;

	int ret = cmd_options(&argp, argc, argv, &g.o);
	if (ret)
		return ret;
	if (g.o.seeds > SEEDS_MAX)
		return cmd_error(CMD, "--seeds: at most %u are expected", SEEDS_MAX);
	if (!g.o.nstrategies)
		default_strategies(&g.o);
	ret = race_options_check(common);
	if (ret)
		return ret;
	stop_searches_at_interrupt();
	g.score = (struct score){ .seed = common->seed, .seeds = (uint32_t)g.o.seeds, .cap = g.o.cap,
		                  .granularity = common->granularity };
	g.text = race_options_text(common);
	g.score.first = mem_zalloc(sizeof(*g.score.first) * g.score.seeds);
	g.rows = json_array();
	g.mismatches = json_array();
	ret = score_all(&g);
	free(g.score.first);
	json_decref(g.rows);
	json_decref(g.mismatches);
	return ret;
}
