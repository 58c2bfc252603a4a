/*
 * race.c: `fsyncstorm race list|hunt|stress|score|prove|merge|replay`: find the interleaving and the crash that break a
 * design of fsync, show it, and run it again. Here are the list of races, and the table of sub-commands.
 */
#include "cmd/race.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cmd/cmd.h"
#include "race/registry.h"

/* ---- list ---- */

static error_t parse_list(int key, char *arg, struct argp_state *state)
{
	bool *json = state->input;

	if (key == 'j') {
		*json = true;
		return 0;
	}
	if (key == ARGP_KEY_ARG) {
		cmd_error("race list", "%.100s: no argument is expected", arg);
		return EINVAL;
	}
	return ARGP_ERR_UNKNOWN;
}

static json_t *race_json(const struct race *r)
{
	json_t *expect = json_object();

	for (unsigned i = 0; i < RACE_DESIGNS && r->expect[i].design; i++)
		json_object_set_new(expect, r->expect[i].design, json_string(verdict_name[r->expect[i].verdict]));
	return json_pack("{s:s,s:s,s:s,s:o}", "name", r->name, "what", r->what, "story", r->story, "expect", expect);
}

static void list_races_json(void)
{
	json_t *list = json_array(), *out;

	for (const struct race *const *r = races; *r; r++)
		json_array_append_new(list, race_json(*r));
	out = json_pack("{s:i,s:o}", "schema_version", 1, "races", list);
	json_dumpf(out, stdout, JSON_INDENT(1) | JSON_PRESERVE_ORDER);
	putchar('\n');
	json_decref(out);
}

static void list_races(void)
{
	for (const struct race *const *r = races; *r; r++) {
		printf("  %-16s %s\n  %-16s (", (*r)->name, (*r)->what, "");
		for (unsigned i = 0; i < RACE_DESIGNS && (*r)->expect[i].design; i++)
			printf("%s%s %s", i ? ", " : "", (*r)->expect[i].design, verdict_name[(*r)->expect[i].verdict]);
		printf(")\n");
	}
}

static int cmd_race_list(int argc, char **argv)
{
	static const struct argp_option table[] = { { "json", 'j', NULL, 0, "As JSON", 0 }, { 0 } };
	static const struct argp argp = { table, parse_list, "",
	                                  "The races there are, and the verdict due for each design.", NULL,
		                          NULL, NULL };
	bool json = false;
	int ret = cmd_options(&argp, argc, argv, &json);

	if (ret)
		return ret;
	if (json)
		list_races_json();
	else
		list_races();
	return 0;
}

/* ---- the command ---- */

static const struct command subs[] = {
	{ "list", "the races, and the verdict due for each design", cmd_race_list },
	{ "hunt", "look for a schedule and a crash that break a promise", cmd_race_hunt },
	{ "stress", "run a race on real threads, with noise, and count how often a promise breaks", cmd_race_stress },
	{ "score", "how soon each strategy finds what is due, on each race and design", cmd_race_score },
	{ "prove", "try every schedule, or every one with at most K preemptions", cmd_race_prove },
	{ "merge", "join the results of all shards of a hunt or a proof", cmd_race_merge },
	{ "replay", "run a recorded schedule again, and show it", cmd_race_replay },
};
#define SUBS (sizeof(subs) / sizeof(subs[0]))

static int race_help(void)
{
	printf("usage: fsyncstorm race COMMAND [OPTIONS]\n\n");
	for (unsigned i = 0; i < SUBS; i++)
		printf("  %-8s %s\n", subs[i].name, subs[i].what);
	printf("\nfsyncstorm race COMMAND --help tells more.\n");
	return 0;
}

int cmd_race(int argc, char **argv)
{
	char title[64], hint[64];

	if (argc < 2)
		return cmd_error("race", "list, hunt, prove, stress, score, merge or replay?");
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "-?") || !strcmp(argv[1], "help"))
		return race_help();
	for (unsigned i = 0; i < SUBS; i++) {
		if (strcmp(subs[i].name, argv[1]))
			continue;
		snprintf(title, sizeof(title), "fsyncstorm race %s", argv[1]);
		argv[1] = title;
		return subs[i].run(argc - 1, argv + 1);
	}
	return cmd_error("race", "%.60s: not list, hunt, prove, stress, score, merge or replay%s", argv[1],
	                 text_did_you_mean(hint, sizeof(hint), text_nearest(argv[1], subs, SUBS, sizeof(subs[0]))));
}
