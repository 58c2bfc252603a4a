/* race_show.c: see race_show.h. */
#include "cmd/race_show.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "cmd/cmd.h"
#include "story/explain.h"
#include "base/replace.h"
#include "hunt/schedule_file.h"
#include "story/timeline.h"

static void show_proof(const struct minimised *m, FILE *out)
{
	const char *of = m->calls == 0 ? "" : m->calls == 1 ? " of this call" : " of these calls";
	char below[40] = "without a preemption";

	if (m->tried_below > 1)
		snprintf(below, sizeof(below), "with fewer than %u preemptions", m->tried_below);
	if (m->minimal && !m->preemptions)
		fprintf(out, "  minimal: it needs no preemption\n");
	else if (m->minimal)
		fprintf(out, "  minimal: no schedule%s with fewer preemptions fails in this way (%lu tried)\n", of, (unsigned long)m->tried);
	else if (m->tried_below)
		fprintf(out, "  not proved minimal: no schedule%s %s fails in this way; of those with %u not all were tried (%lu tried)\n", of,
		        below, m->tried_below, (unsigned long)m->tried);
	else
		fprintf(out, "  not proved minimal: of the schedules%s without a preemption not all were tried (%lu tried)\n", of,
		        (unsigned long)m->tried);
}

/* What making it smaller came to: two or three lines, each indented. */
static void show_minimised(const struct minimised *m, const struct violation *v, FILE *out)
{
	fprintf(out, "  made smaller: ");
	if (m->calls_from)
		fprintf(out, "%u calls of %u tasks to %u of %u, ", m->calls_from, m->tasks_from, m->calls, m->tasks);
	fprintf(out, "%u preemptions to %u, %u decisions to %u\n", m->preemptions_from, m->preemptions, m->steps_from, m->steps);
	if (m->minimal || m->tried)
		show_proof(m, out);
}

static bool show_explained(struct hunt *h, const struct violation *v, bool all_lines, struct explained *x, FILE *out)
{
	if (!timeline_print(h, v, all_lines, out) || !explain(h, v, x))
		return false;
	fprintf(out, "\n");
	explain_print(x, out);
	return true;
}

bool show_violation(struct hunt *h, const struct violation *v, bool all_lines, FILE *out)
{
	struct explained x = { 0 };
	bool fits = show_explained(h, v, all_lines, &x, out);

	explain_fini(&x);
	return fits;
}

/* ---- pictures ---- */

static bool put_svg(struct hunt *h, const struct violation *v, FILE *out)
{
	return timeline_svg(h, v, out);
}

static void put_escaped(const char *text, FILE *out)
{
	for (; *text; text++)
		if (*text == '<' || *text == '>' || *text == '&')
			fprintf(out, "&#%d;", *text);
		else
			fputc(*text, out);
}

/* The picture, and below it the text as on a terminal. */
static bool put_html(struct hunt *h, const struct violation *v, FILE *out)
{
	char *text = NULL;
	size_t size;
	FILE *as_text = open_memstream(&text, &size);

	CHECK(as_text);
	fprintf(out, "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>race %s, design %s</title>\n"
	        "<style>:root{color-scheme:light dark}body{margin:1em;font-family:system-ui,sans-serif}svg{max-width:100%%;height:auto}"
	        "pre{overflow-x:auto}</style>\n<h1>race %s, design %s</h1>\n", h->race->name, h->design->name, h->race->name,
	        h->design->name);
	bool fits = timeline_svg(h, v, out) && show_violation(h, v, false, as_text);
	fclose(as_text);
	fprintf(out, "<pre>");
	put_escaped(text, out);
	fprintf(out, "</pre></html>\n");
	free(text);
	return fits;
}

static int put_file(const char *cmd, const char *path, struct hunt *h, const struct violation *v,
                    bool (*put)(struct hunt *h, const struct violation *v, FILE *out))
{
	struct replace file;
	bool fits = true;
	int ret = replace_begin(&file, path);

	if (!ret) {
		fits = put(h, v, file.out);
		ret = replace_end(&file, fits);
	}
	if (fits && !ret)
		return 0;
	return cmd_error(cmd, "%.100s: cannot be written: %s", path, fits ? strerror(-ret) : "the run cannot be repeated");
}

int show_pictures(const char *cmd, struct hunt *h, const struct violation *v, const char *svg, const char *html)
{
	int ret = svg ? put_file(cmd, svg, h, v, put_svg) : 0;

	return ret || !html ? ret : put_file(cmd, html, h, v, put_html);
}

/* The caller's. */
static char *schedule_text(const struct schedule *s)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	CHECK(out);
	schedule_print(s, out);
	fclose(out);
	return text;
}

static json_t *step_json(const struct explained_step *x)
{
	json_t *r = json_pack("{s:i,s:s,s:s}", "step", (int)x->step, "task", x->task, "does", x->does);

	if (x->then[0])
		json_object_set_new(r, "then", json_string(x->then));
	if (x->site.line)
		json_object_update_new(r, json_pack("{s:s,s:i,s:s}", "file", x->site.file, "line", (int)x->site.line, "function",
		                                    x->site.function));
	return r;
}

/* `holds_path`: the file of the schedule that holds, if there is one. */
static void add_explained(json_t *r, const struct explained *x, const char *holds_path)
{
	json_t *preempted = json_array(), *pair = json_null();

	for (uint32_t i = 0; i < x->npreemptions && i < EXPLAIN_MAX; i++)
		json_array_append_new(preempted, json_pack("{s:o,s:o}", "stopped", step_json(&x->stopped[i]), "goes_on", step_json(&x->went_on[i])));
	if (x->flips)
		pair = json_pack("{s:o,s:o,s:i}", "first", step_json(&x->first), "second", step_json(&x->second), "moved", (int)x->moved);
	json_object_update_new(r, json_pack("{s:o,s:o,s:i,s:i}", "preempted", preempted, "pair", pair, "orders_tried", (int)x->runs,
	                                    "orders_that_hold", (int)x->held));
	if (x->flips)
		json_object_set_new(r, "passing_file", json_string(holds_path));
}

static json_t *found_json(struct hunt *h, const struct violation *v, const struct minimised *m, const char *path,
                          const struct explained *x, const char *holds_path)
{
	char story[1200] = "", *schedule = schedule_text(&v->schedule);

	timeline_story(h, v, story, sizeof(story));
	json_t *r = json_pack("{s:s,s:s,s:s,s:s,s:s}", "kind", violation_name[v->kind], "broken", broken_name[v->broken.kind], "text",
	                      v->text, "story", story, "schedule", schedule);
	json_object_update_new(r, json_pack("{s:i,s:i,s:i,s:i,s:i,s:i}", "decisions", (int)m->steps, "decisions_found",
	                                    (int)m->steps_from, "preemptions", (int)m->preemptions, "preemptions_found",
	                                    (int)m->preemptions_from, "calls", (int)m->calls, "calls_found", (int)m->calls_from));
	json_object_update_new(r, json_pack("{s:b,s:I,s:i,s:i,s:s}", "minimal", m->minimal, "minimal_tried", (json_int_t)m->tried,
	                                    "crash_position", (int)v->crash.pos, "writes_kept", (int)v->crash.nkept, "file", path));
	add_explained(r, x, holds_path);
	free(schedule);
	return r;
}

/* ---- all of it ---- */

/* X.schedule: X.passing.schedule */
static void passing_path(const char *path, char *out, unsigned size)
{
	size_t n = strlen(path), end = strlen(".schedule");
	bool named = n > end && !strcmp(path + n - end, ".schedule");

	snprintf(out, size, "%.*s.passing.schedule", (int)(named ? n - end : n), path);
}

/* The one beside `path`, or none: one of an earlier hunt would be another run's. */
static int write_passing(struct hunt *h, const struct explained *x, const char *path, struct why *why)
{
	if (x->flips)
		return schedule_file_write(path, h->race, h->design, &x->holds, why);
	unlink(path);
	return 0;
}

int show_found(const char *cmd, struct hunt *h, const struct violation *v, const struct minimised *m, const char *path, bool all_lines,
               FILE *out, json_t **json)
{
	char holds_path[1100];
	struct why why;
	struct explained x = { 0 };
	int ret = 0;

	show_minimised(m, v, out);
	fprintf(out, "\n");
	passing_path(path, holds_path, sizeof(holds_path));
	if (!show_explained(h, v, all_lines, &x, out))
		ret = cmd_error(cmd, "the minimised schedule does not replay");
	else if (schedule_file_write(path, h->race, h->design, v, &why) || write_passing(h, &x, holds_path, &why))
		ret = cmd_error(cmd, "%s", why.text);
	if (!ret && x.flips)
		fprintf(out, "the nearest schedule that holds: fsyncstorm race replay %s\n", holds_path);
	if (!ret) {
		fprintf(out, "\nfsyncstorm race replay %s\n", path);
		*json = found_json(h, v, m, path, &x, holds_path);
	}
	explain_fini(&x);
	return ret;
}
