/* hunt_report.c: see hunt_report.h. */
#include "hunt_report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rt/mem.h"

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

void search_print(const struct search *s, FILE *out)
{
	fprintf(out, "  %lu schedules run, %lu%s distinct traces, total unknown; %.2f s, %.0f schedules a second\n",
	        (unsigned long)s->run, (unsigned long)s->distinct, s->distinct == TRACES_MAX ? " or more" : "", s->took,
	        s->took > 0 ? (double)s->run / s->took : 0);
	if (s->stopped)
		fprintf(out, "  STOPPED by a signal: not all schedules that were asked for were run\n");
	if (s->images_judged)
		fprintf(out, "  %lu crash images judged, %lu mounted\n", (unsigned long)s->images_judged, (unsigned long)s->images_mounted);
	print_members(s, out);
}

void search_print_held(const struct search *s, FILE *out)
{
	fprintf(out, "  no violation in %lu schedules", (unsigned long)s->run);
	if (strategy_enumerates(s->strategy)) {
		fprintf(out, s->through ? ", and %s has no other\n" : ": the first of %s, no sample of all (`race prove` is for all)\n",
		        s->strategy->text);
		return;
	}
	if (s->run >= 3)
		fprintf(out, " (so, of schedules drawn like these, fewer than 1 in %lu fails, at 95 %%)", (unsigned long)s->run / 3);
	fprintf(out, "\n");
	certificate_print(&s->strategy->certificate, out);
}

/* ---- as JSON ---- */

static json_t *members_json(const struct strategy *t)
{
	json_t *all = json_array();

	for (uint32_t i = 0; i < t->n; i++)
		json_array_append_new(all, json_pack("{s:s,s:I,s:I}", "picker", t->member[i].text, "schedules",
		                                     (json_int_t)t->member[i].schedules, "found", (json_int_t)t->member[i].found));
	return all;
}

static json_t *certificate_json(const struct certificate *c)
{
	json_t *depths = json_array();

	for (uint32_t d = 2; d < CERTIFICATE_DEPTHS; d++)
		if (certificate_runs(c, d))
			json_array_append_new(depths, json_pack("{s:i,s:I,s:f}", "depth", (int)d, "schedules", (json_int_t)certificate_runs(c, d),
			                                        "miss", certificate_miss(c, d)));
	return json_pack("{s:i,s:i,s:i,s:o}", "tasks", (int)c->tasks, "steps", (int)certificate_steps(c), "longest", (int)c->longest,
	                 "depths", depths);
}

json_t *search_json(const struct hunt *h, const struct search *s)
{
	enum verdict due = race_expect(h->race, h->design->name), is = s->found_at ? VERDICT_BREAKS : VERDICT_HOLDS;
	json_t *r = json_pack("{s:s,s:s,s:s,s:I,s:i,s:i,s:I,s:I,s:s,s:s,s:b}", "race", h->race->name, "design", h->design->name,
	                      "strategy", s->strategy->text, "seed", (json_int_t)s->seed, "shard", (int)s->shard, "shards",
	                      (int)(s->shards ? s->shards : 1), "schedules", (json_int_t)s->run, "distinct", (json_int_t)s->distinct,
	                      "verdict", verdict_name[is], "due", verdict_name[due], "as_due", is == due);

	json_object_set_new(r, "granularity", json_string(granularity_name[h->granularity]));
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

/* ---- traces ---- */

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static uint64_t *sorted(const struct traces *t)
{
	uint64_t *all = mem_alloc((t->n + 1) * sizeof(*all)), n = 0;

	for (uint64_t i = 0; i < t->nslots; i++)
		if (t->slot[i])
			all[n++] = t->slot[i];
	qsort(all, n, sizeof(*all), compare);
	return all;
}

static int write_hashes(const struct traces *t, FILE *out)
{
	uint64_t *all = sorted(t);

	for (uint64_t i = 0; i < t->n; i++)
		fprintf(out, "%016lx\n", (unsigned long)all[i]);
	free(all);
	int bad = ferror(out);
	return fclose(out) || bad ? -EIO : 0;
}

int traces_write(const struct traces *t, const char *path)
{
	char tmp[4096];
	FILE *out;
	int ret;

	snprintf(tmp, sizeof(tmp), "%s.new", path);
	out = fopen(tmp, "w");
	if (!out)
		return -errno;
	ret = write_hashes(t, out);
	if (!ret && rename(tmp, path))
		ret = -errno;
	if (ret)
		unlink(tmp);
	return ret;
}
