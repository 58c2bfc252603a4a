/*
 * race_stress.c: `fsyncstorm race stress`: a race on real threads, with noise, and how often it is
 * hit. What is found by chance is said with its interval; what is not found is said to prove nothing.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/replace.h"
#include "base/stop.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "cmd/race.h"
#include "cmd/race_options.h"
#include "hunt/stress.h"
#include "kit/interrupt.h"
#include "rt/noise.h"

#define CMD             "race stress"
#define DEFAULT_SECONDS 10.0

/* ---- options ---- */

struct stress_options {
	struct race_options common; /* the first: see race_options.h */
	enum noise noise;
	uint64_t rounds;
};

static const struct argp_option stress_table[] = {
	RACE_ROW_JOB,
	RACE_ROW_BESIDE,
	RACE_ROW_DESIGN("The design, or all (default: all)"),
	{ "noise", 'N', "none|yield|sleep", 0, "What a task does at one point in four, by chance (default: yield)", 0 },
	RACE_ROW_SECONDS("So long for each design (default: 10, unless --rounds is given)"),
	{ "rounds", 'n', "N", 0, "At most so many rounds for each design", 0 },
	RACE_ROW_SEED("Of the noise, of what tasks draw and of the power cuts (default: 1)"),
	RACE_ROW_JSON,
	RACE_ROW_OUT("Where the first hit of a design is written down (default: race-NAME-DESIGN.hit)"),
	{ 0 },
};

static error_t take_noise(const char *arg, enum noise *noise)
{
	char hint[64];

	for (unsigned i = 0; i < NOISE_KINDS; i++) {
		if (strcmp(arg, noise_name[i]))
			continue;
		*noise = (enum noise)i;
		return 0;
	}
	cmd_error(CMD, "--noise %.60s: none, yield or sleep is expected%s", arg,
	          text_did_you_mean(hint, sizeof(hint), text_nearest(arg, noise_name, NOISE_KINDS,
	                                                             sizeof(noise_name[0]))));
	return EINVAL;
}

static error_t parse_stress(int key, char *arg, struct argp_state *state)
{
	struct stress_options *o = state->input;

	switch (key) {
	case 'N':
		return take_noise(arg, &o->noise);
	case 'n':
		return race_option_number(&o->common, "rounds", arg, &o->rounds);
	default:
		return race_options_parse(key, arg, &o->common);
	}
}

/* ---- one design ---- */

struct stressing {
	struct stress_options o;
	FILE *text;
	json_t *results;
	unsigned broken, unexpected; /* designs that were hit; that were hit and are to hold */
	/* of the design under way */
	char path[1024], first[640]; /* the file of its first hit, and the sentence */
	struct why hit_error;        /* why that file could not be written; empty: it was */
};

static void hit_path(const struct stressing *g, const struct hunt *h, char *path, unsigned size)
{
	char name[256];

	snprintf(name, sizeof(name), "race-%s-%s.hit", h->race->name, h->design->name);
	if (!g->o.common.out)
		replace_free_name(name, path, size);
	else if (g->broken && !replace_in_place(g->o.common.out))
		snprintf(path, size, "%s-%s", g->o.common.out, h->design->name);
	else
		snprintf(path, size, "%s", g->o.common.out);
}

static void on_hit(const struct stress *s, struct hunt *h, const struct violation *v, void *arg)
{
	struct stressing *g = arg;

	if (g->first[0])
		return;
	snprintf(g->first, sizeof(g->first), "%s", v->text);
	hit_path(g, h, g->path, sizeof(g->path));
	stress_write_hit(g->path, s, h, v, &g->hit_error);
}

static void print_rate(FILE *out, const struct stress *s, double per, const char *unit)
{
	double low, high;

	stress_interval(s->hits, &low, &high);
	fprintf(out, "    %.4g per %s (95 %%: %.3g to %.3g)\n", (double)s->hits * per, unit, low * per, high * per);
}

static void print_stress(const struct stressing *g, const struct hunt *h, const struct stress *s)
{
	fprintf(g->text, "race %s, design %s, noise %s, seed %lu: on threads\n", h->race->name, h->design->name,
	        noise_name[s->noise], (unsigned long)s->seed);
	fprintf(g->text, "  %lu rounds, %lu fsyncs with something to write, %lu crash images judged in %.2f s\n",
	        (unsigned long)s->run, (unsigned long)s->fsyncs, (unsigned long)s->images, s->took);
	fprintf(g->text, "  %lu hit%s\n", (unsigned long)s->hits, s->hits == 1 ? "" : "s");
	if (s->took > 0)
		print_rate(g->text, s, 3600 / s->took, "hour");
	if (s->fsyncs)
		print_rate(g->text, s, 1e6 / (double)s->fsyncs, "million fsyncs");
	if (!s->hits) {
		fprintf(g->text, "  no hit proves nothing: threads meet by chance. `fsyncstorm race hunt %s "
		        "--design %s` looks for it,\n  and says how sure it is\n", h->race->name, h->design->name);
		return;
	}
	fprintf(g->text, "  the first: %s\n", g->first);
	if (!g->hit_error.text[0])
		fprintf(g->text, "  its calls and its record: %s\n", g->path);
	fprintf(g->text, "  threads cannot be run again: for a schedule that can, `fsyncstorm race hunt %s --design "
	        "%s`\n", h->race->name, h->design->name);
}

static json_t *stress_json(const struct stressing *g, const struct hunt *h, const struct stress *s)
{
	double low, high, hours = s->took / 3600, million = (double)s->fsyncs / 1e6;

	stress_interval(s->hits, &low, &high);
	json_t *r = json_pack("{s:s,s:s,s:I,s:I,s:I,s:I,s:f,s:[f,f]}", "design", h->design->name, "due",
	                      verdict_name[race_expect(h->race, h->design->name)], "rounds", (json_int_t)s->run,
	                      "fsyncs", (json_int_t)s->fsyncs, "images_judged", (json_int_t)s->images, "hits",
	                      (json_int_t)s->hits, "seconds",
	                      s->took, "hits_interval_95", low, high);
	if (s->took > 0)
		json_object_set_new(r, "hits_per_hour", json_pack("[f,f,f]", (double)s->hits / hours, low / hours,
		                                                  high / hours));
	if (s->fsyncs)
		json_object_set_new(r, "hits_per_million_fsyncs",
		                    json_pack("[f,f,f]", (double)s->hits / million, low / million, high / million));
	if (s->hits)
		json_object_set_new(r, "first_hit", json_pack("{s:s,s:s}", "text", g->first, "file", g->path));
	return r;
}

/* The threads of a round that stands still cannot be ended: the program can. */
_Noreturn static void give_up(const struct stress *s, const struct hunt *h)
{
	cmd_error(CMD, "race %s, design %s, seed %lu, round %lu: no task has come on for %llu s: a deadlock; "
	                         "`fsyncstorm race hunt %s --design %s` shows which task waits for which",
	          h->race->name, h->design->name, (unsigned long)s->seed, (unsigned long)s->run,
	          STRESS_STUCK_NS / 1000000000, h->race->name, h->design->name);
	_exit(1);
}

static int stress_design(struct stressing *g, const struct design *design)
{
	struct stress s = { .noise = g->o.noise, .seed = g->o.common.seed, .rounds = g->o.rounds,
	                    .seconds = g->o.common.seconds, .hit = on_hit, .arg = g };
	struct hunt *h;
	struct why why;

	if (hunt_open(g->o.common.race, design, &h, &why))
		return cmd_error(CMD, "%s", why.text);
	g->first[0] = g->path[0] = '\0';
	g->hit_error = WHY_NONE;
	if (stress_run(h, &s))
		give_up(&s, h);
	print_stress(g, h, &s);
	json_array_append_new(g->results, stress_json(g, h, &s));
	g->broken += s.hits != 0;
	g->unexpected += s.hits && race_expect(h->race, design->name) == VERDICT_HOLDS;
	hunt_close(h);
	return g->hit_error.text[0] ? cmd_error(CMD, "%s", g->hit_error.text) : 0;
}

/* ---- all ---- */

static int stress_all(struct stressing *g)
{
	bool all = !strcmp(g->o.common.design, "all");
	int ret = 0;

	for (unsigned i = 0; fs_designs[i] && !ret && !stop_asked(); i++)
		if (all || !strcmp(fs_designs[i]->name, g->o.common.design))
			ret = stress_design(g, fs_designs[i]);
	if (!ret && g->o.common.json)
		ret = race_write_json(CMD, g->o.common.json,
		                      json_pack("{s:i,s:s,s:s,s:I,s:O}", "schema_version", 1, "race",
		                                g->o.common.race->name, "noise",
		                                noise_name[g->o.noise], "seed", (json_int_t)g->o.common.seed,
		                                "results", g->results));
	if (ret)
		return ret;
	return all ? g->unexpected != 0 : g->broken != 0;
}

int cmd_race_stress(int argc, char **argv)
{
	static const struct argp argp = { stress_table, parse_stress, RACE_ARGUMENT,
		                          "Runs the tasks of a race on threads, again and again, with noise, cuts "
		                          "the power at "
		                          "moments of it, and judges every crash.\v"
		                          "With one --design: exit status 1 when it was hit. With all: 1 when one "
		                          "was hit that is "
		                          "to hold; that one is not hit which is to break proves nothing.",
		                          NULL, NULL, NULL };
	struct stressing g = { .o = { .common = { .cmd = CMD, .design = "all", .seed = 1 }, .noise = NOISE_YIELD } };

	int ret = cmd_options(&argp, argc, argv, &g.o);
	if (ret)
		return ret;
	const struct race *race = g.o.common.race;
	if (!race)
		return cmd_error(CMD, "which race? `fsyncstorm race list` names them");
	if (race->bare)
		return cmd_error(CMD, "%s has no file system under it: there is nothing to crash; hunt it", race->name);
	ret = race_options_check(&g.o.common);
	if (ret)
		return ret;
	if (!g.o.rounds && g.o.common.seconds <= 0)
		g.o.common.seconds = DEFAULT_SECONDS;
	stop_searches_at_interrupt();
	g.text = race_options_text(&g.o.common);
	g.results = json_array();
	ret = stress_all(&g);
	json_decref(g.results);
	return ret;
}
