/*
 * race_list.c: `fsyncstorm race list` and `fsyncstorm race show`: the races there are, and one of them: its text, its
 * story, the verdict due for each design.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/race.h"
#include "cmd/race_options.h"
#include "race/registry.h"
#include "race/scenario.h"

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
	return json_pack("{s:s,s:s,s:s,s:s,s:b,s:o}", "name", r->name, "what", r->what, "story", r->story, "cites",
	                 race_scenario_cites(r), "scenario", r->scenario != NULL, "expect", expect);
}

static void list_races_json(void)
{
	json_t *list = json_array(), *out;

	for (const struct race *const *r = race_all(); *r; r++)
		json_array_append_new(list, race_json(*r));
	out = json_pack("{s:i,s:o}", "schema_version", 1, "races", list);
	json_dumpf(out, stdout, JSON_INDENT(1) | JSON_PRESERVE_ORDER);
	putchar('\n');
	json_decref(out);
}

/* "breaks prefix, mixed". Returns how many there are; nothing is printed when there are none. */
static unsigned print_verdict(const struct race *r, enum verdict verdict, const char *before)
{
	unsigned n = 0;

	for (unsigned i = 0; i < RACE_DESIGNS && r->expect[i].design; i++)
		if (r->expect[i].verdict == verdict)
			printf("%s%s", n++ ? ", " : before, r->expect[i].design);
	return n;
}

static void print_verdicts(const struct race *r)
{
	unsigned n = print_verdict(r, VERDICT_BREAKS, "breaks ");

	n += print_verdict(r, VERDICT_ANY, n ? "; may break " : "may break ");
	printf(n ? "; all else holds\n" : "all hold\n");
}

static void list_races(void)
{
	for (const struct race *const *r = race_all(); *r; r++) {
		printf("  %-24s %s\n  %-24s ", (*r)->name, (*r)->what, "");
		print_verdicts(*r);
	}
}

int cmd_race_list(int argc, char **argv)
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

/* ---- show ---- */

static error_t parse_show(int key, char *arg, struct argp_state *state)
{
	return race_options_parse(key, arg, state->input);
}

static void show_race(const struct race *r)
{
	const char *text = race_scenario_text(r);

	if (text)
		printf("%s%s\n", text, *text && text[strlen(text) - 1] == '\n' ? "" : "\n");
	else
		printf("%s: %s\n\n%s\n\n", r->name, r->what, r->story);
	printf("%s: ", r->name);
	print_verdicts(r);
}

int cmd_race_show(int argc, char **argv)
{
	static const struct argp_option table[] = { RACE_ROW_BESIDE, { 0 } };
	static const struct argp argp = { table, parse_show, RACE_ARGUMENT,
	                                  "A race: the text of its scenario, where it has one, or its story; and the "
		                          "verdict due for each design.", NULL, NULL, NULL };
	struct race_options o = { .cmd = "race show", .design = "all" };

	int ret = cmd_options(&argp, argc, argv, &o);
	if (ret)
		return ret;
	if (!o.race)
		return cmd_error("race show", "which race? `fsyncstorm race list` names them");
	show_race(o.race);
	return 0;
}
