/* hunt_report.c: see hunt_report.h. */
#include "hunted/hunt_report.h"

#include <errno.h>

/* ---- in words ---- */

static void print_members(const struct search *s, FILE *out)
{
	const struct strategy *t = s->strategy;

	if (t->n == 1)
		return;
	fprintf(out, "  by picker:");
	for (uint32_t i = 0; i < t->n; i++)
		fprintf(out, "%s %s %lu%s", i ? "," : "", t->member[i].text, (unsigned long)t->member[i].schedules,
		        s->found_at && s->found_by == i ? " (found it)" : "");
	fprintf(out, "\n");
}

void search_print_head(const char *race, const char *design, enum granularity granularity, const struct search *s,
                       FILE *out)
{
	fprintf(out, "race %s, design %s, picker %s, seed %lu%s", race, design, s->strategy->text,
	        (unsigned long)s->seed, granularity ? ", fine points" : "");
}

void search_print(const struct search *s, FILE *out)
{
	char traces[TRACES_TEXT];

	fprintf(out, "  %lu schedules run, %s distinct traces, total unknown; %.2f s, %.0f schedules a second\n",
	        (unsigned long)s->run, traces_text(s->distinct, s->counted, traces), s->took,
	        s->took > 0 ? (double)s->run / s->took : 0);
	if (s->stopped)
		fprintf(out, "  STOPPED by a signal: not all schedules that were asked for were run\n");
	if (s->images_judged)
		fprintf(out, "  %lu crash images judged, %lu mounted\n", (unsigned long)s->images_judged,
		        (unsigned long)s->images_mounted);
	print_members(s, out);
}

void search_print_held(const struct search *s, FILE *out)
{
	fprintf(out, "  no violation in %lu schedules", (unsigned long)s->run);
	if (strategy_enumerates(s->strategy)) {
		fprintf(out, s->through ? ", and %s has no other\n" :
		        ": the first of %s, no sample of all (`race prove` is for all)\n", s->strategy->text);
		return;
	}
	if (s->run >= 3)
		fprintf(out, " (so, of schedules drawn like these, fewer than 1 in %lu fails, at 95 %%)",
		        (unsigned long)s->run / 3);
	fprintf(out, "\n");
	certificate_print(&s->strategy->certificate, out);
}

/* ---- as JSON ---- */

static json_t *members_json(const struct strategy *t)
{
	json_t *all = json_array();

	for (uint32_t i = 0; i < t->n; i++)
		json_array_append_new(all, json_pack("{s:s,s:I,s:I}", "picker", t->member[i].text, "schedules",
		                                     (json_int_t)t->member[i].schedules, "found",
		                                     (json_int_t)t->member[i].found));
	return all;
}

static json_t *certificate_json(const struct certificate *c)
{
	json_t *depths = json_array(), *lines = json_array();

	for (uint32_t d = 2; d < CERTIFICATE_DEPTHS; d++)
		if (certificate_runs(c, d))
			json_array_append_new(depths, json_pack("{s:i,s:I,s:f}", "depth", (int)d, "schedules",
			                                        (json_int_t)certificate_runs(c, d),
			                                        "miss", certificate_miss(c, d)));
	for (uint32_t i = 0; i < c->nlines; i++)
		json_array_append_new(lines, json_pack("[i,i,I]", (int)c->line[i].d, (int)c->line[i].steps,
		                                       (json_int_t)c->line[i].runs));
	return json_pack("{s:i,s:i,s:i,s:o,s:o}", "tasks", (int)c->tasks, "steps", (int)certificate_steps(c),
	                 "longest", (int)c->longest,
	                 "depths", depths, "lines", lines);
}

static bool read_count(const json_t *v, json_int_t most, uint64_t *out)
{
	*out = (uint64_t)json_integer_value(v);
	return json_is_integer(v) && json_integer_value(v) >= 0 && json_integer_value(v) <= most;
}

static bool read_line(const json_t *v, struct certificate_line *line)
{
	uint64_t d, steps;

	if (json_array_size(v) != 3 || !read_count(json_array_get(v, 0), CERTIFICATE_DEPTHS - 1, &d) ||
	    !read_count(json_array_get(v, 1), INT32_MAX, &steps) || !steps ||
	    !read_count(json_array_get(v, 2), INT64_MAX >> 20, &line->runs))
		return false;
	line->d = (uint32_t)d;
	line->steps = (uint32_t)steps;
	return true;
}

int certificate_read(const json_t *v, struct certificate *c)
{
	const json_t *lines = json_object_get(v, "lines");
	uint64_t tasks, longest;

	*c = (struct certificate){ .nlines = (uint32_t)json_array_size(lines) };
	if (!json_is_array(lines) || json_array_size(lines) > CERTIFICATE_LINES ||
	    !read_count(json_object_get(v, "tasks"), INT32_MAX, &tasks) ||
	    !read_count(json_object_get(v, "longest"), INT32_MAX, &longest) || (c->nlines && !tasks))
		return -EINVAL;
	c->tasks = (uint32_t)tasks;
	c->longest = (uint32_t)longest;
	for (uint32_t i = 0; i < c->nlines; i++)
		if (!read_line(json_array_get(lines, i), &c->line[i]))
			return -EINVAL;
	return 0;
}

json_t *distinct_json(uint64_t n, enum counted counted)
{
	return counted == COUNTED_AT_MOST ? json_null() : json_integer((json_int_t)n);
}

json_t *search_json(const struct race *race, const char *design, enum granularity granularity, const struct search *s)
{
	enum verdict due = race_expect(race, design), is = s->found_at ? VERDICT_BREAKS : VERDICT_HOLDS;
	json_t *r = json_pack("{s:s,s:s,s:s,s:I,s:i,s:i,s:I,s:o,s:s,s:s,s:b}", "race", race->name, "design", design,
	                      "strategy", s->strategy->text, "seed", (json_int_t)s->seed, "shard", (int)s->shard,
	                      "shards", (int)(s->shards ? s->shards : 1), "schedules", (json_int_t)s->run, "distinct",
	                      distinct_json(s->distinct, s->counted), "verdict", verdict_name[is], "due",
	                      verdict_name[due], "as_due", race_as_due(due, s->found_at));

	if (s->counted == COUNTED_AT_MOST)
		json_object_set_new(r, "distinct_at_most", json_integer((json_int_t)s->distinct));
	json_object_set_new(r, "granularity", json_string(granularity_name[granularity]));
	json_object_set_new(r, "through", json_boolean(s->through));
	json_object_set_new(r, "stopped", json_boolean(s->stopped));
	json_object_set_new(r, "total", json_null());
	json_object_set_new(r, "seconds", json_real(s->took));
	json_object_set_new(r, "schedules_per_second", json_real(s->took > 0 ? (double)s->run / s->took : 0.0));
	json_object_set_new(r, "images_judged", json_integer((json_int_t)s->images_judged));
	json_object_set_new(r, "images_mounted", json_integer((json_int_t)s->images_mounted));
	json_object_set_new(r, "deterministic", json_boolean(!s->nondeterministic));
	json_object_set_new(r, "members", members_json(s->strategy));
	if (s->found_at)
		json_object_set_new(r, "found_at", json_integer((json_int_t)s->found_at));
	else
		json_object_set_new(r, "certificate", certificate_json(&s->strategy->certificate));
	if (!s->found_at && s->run >= 3)
		json_object_set_new(r, "rate_below", json_real(3.0 / (double)s->run));
	json_object_set_new(r, "found", json_array());
	return r;
}
