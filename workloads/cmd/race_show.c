/* race_show.c: see race_show.h. */
#include "cmd/race_show.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/replace.h"
#include "cmd/analysis.h"
#include "cmd/cmd.h"
#include "cmd/race_options.h"
#include "hunt/schedule_file.h"
#include "recipe/results.h"
#include "story/explain.h"
#include "story/json.h"
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
		fprintf(out, "  minimal: no schedule%s with fewer preemptions fails in this way (%lu tried)\n", of,
		        (unsigned long)m->tried);
	else if (m->tried_below)
		fprintf(out,
		        "  not proved minimal: no schedule%s %s fails in this way; of those with %u not all were "
		        "tried (%lu tried)\n",
		        of, below, m->tried_below, (unsigned long)m->tried);
	else
		fprintf(out,
		        "  not proved minimal: of the schedules%s without a preemption not all were tried "
		        "(%lu tried)\n",
		        of, (unsigned long)m->tried);
}

/* What making it smaller came to: two or three lines, each indented. */
static void show_minimised(const struct minimised *m, const struct violation *v, FILE *out)
{
	fprintf(out, "  made smaller: ");
	if (m->calls_from)
		fprintf(out, "%u calls of %u tasks to %u of %u, ", m->calls_from, m->tasks_from, m->calls, m->tasks);
	fprintf(out, "%u preemptions to %u, %u decisions to %u\n", m->preemptions_from, m->preemptions, m->steps_from,
	        m->steps);
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

/* ---- files ---- */

int show_files_check(const char *cmd, const struct show_files *files)
{
	const struct {
		const char *option, *path;
	} file[] = { { "json", files->json }, { "svg", files->svg }, { "html", files->html } };
	struct why why;

	for (unsigned i = 0; i < sizeof(file) / sizeof(file[0]); i++)
		if (file[i].path && strcmp(file[i].path, "-") && results_json_check(file[i].path, &why))
			return cmd_error(cmd, "--%s: %s", file[i].option, why.text);
	return 0;
}

int show_files(const char *cmd, struct hunt *h, const struct violation *v, const struct show_files *files)
{
	struct explained x = { 0 };
	int ret = 0;

	if (!files->json && !files->svg && !files->html)
		return 0;
	json_t *story = explain(h, v, &x) ? story_json(h, v, &x) : NULL;
	explain_fini(&x);
	if (!story)
		return cmd_error(cmd, "the run cannot be repeated");
	if (files->json)
		ret = race_write_json(cmd, files->json, json_incref(story));
	if (!ret && (files->svg || files->html))
		ret = analysis_draw(cmd, story, files->svg, files->html);
	json_decref(story);
	return ret;
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

/* Where it lies: the files beside the schedule's. */
struct found_files {
	char schedule[1024], passing[1100], story[1100];
};

static json_t *found_json(const struct violation *v, const struct minimised *m, const struct explained *x,
                          json_t *story, const struct found_files *files)
{
	char *schedule = schedule_text(&v->schedule);

	json_t *r = json_pack("{s:s,s:s,s:s,s:O,s:s}", "kind", violation_name[v->kind], "broken",
	                      broken_name[v->broken.kind], "text", v->text, "story", json_object_get(story, "story"),
	                      "schedule", schedule);
	json_object_update_new(r, json_pack("{s:i,s:i,s:i,s:i,s:i,s:i}", "decisions", (int)m->steps, "decisions_found",
	                                    (int)m->steps_from, "preemptions", (int)m->preemptions, "preemptions_found",
	                                    (int)m->preemptions_from, "calls", (int)m->calls, "calls_found",
	                                    (int)m->calls_from));
	json_object_update_new(r, json_pack("{s:b,s:I,s:i,s:i}", "minimal", m->minimal, "minimal_tried",
	                                    (json_int_t)m->tried, "crash_position", (int)v->crash.pos, "writes_kept",
	                                    (int)v->crash.nkept));
	json_object_update_new(r, json_pack("{s:s,s:s}", "file", files->schedule, "story_file", files->story));
	json_object_update_new(r, explain_json(x));
	if (x->flips)
		json_object_set_new(r, "passing_file", json_string(files->passing));
	free(schedule);
	return r;
}

/* ---- all of it ---- */

/*
 * X.schedule, X.passing.schedule, X.story.json; where path has another ending, these come after it. Of a path that is
 * no file (/dev/null) all three are that.
 */
static void name_files(const char *path, struct found_files *files)
{
	size_t n = strlen(path), end = strlen(".schedule");
	bool one = replace_in_place(path);
	int stem = (int)(!one && n > end && !strcmp(path + n - end, ".schedule") ? n - end : n);

	snprintf(files->schedule, sizeof(files->schedule), "%s", path);
	snprintf(files->passing, sizeof(files->passing), "%.*s%s", stem, path, one ? "" : ".passing.schedule");
	snprintf(files->story, sizeof(files->story), "%.*s%s", stem, path, one ? "" : ".story.json");
}

/*
 * 0, or CMD_ERROR after one line on stderr. Where no nearest run that holds was found, the file of an earlier hunt
 * goes: it is of another run.
 */
static int write_found(const char *cmd, struct hunt *h, const struct violation *v, const struct explained *x,
                       json_t *story, const struct found_files *files)
{
	struct why why;

	if (schedule_file_write(files->schedule, h->race, h->design, v, &why))
		return cmd_error(cmd, "%s", why.text);
	if (!x->flips && !replace_in_place(files->passing))
		unlink(files->passing);
	else if (x->flips && schedule_file_write(files->passing, h->race, h->design, &x->holds, &why))
		return cmd_error(cmd, "%s", why.text);
	return race_write_json(cmd, files->story, json_incref(story));
}

int show_found(const char *cmd, struct hunt *h, const struct violation *v, const struct minimised *m, const char *path,
               bool all_lines, FILE *out, json_t **json)
{
	struct explained x = { 0 };
	struct found_files files;
	json_t *story = NULL;
	int ret = 0;

	show_minimised(m, v, out);
	fprintf(out, "\n");
	name_files(path, &files);
	if (show_explained(h, v, all_lines, &x, out))
		story = story_json(h, v, &x);
	ret = story ? write_found(cmd, h, v, &x, story, &files) :
	              cmd_error(cmd, "the minimised schedule does not replay");
	if (!ret && x.flips)
		fprintf(out, "the nearest schedule that holds: fsyncstorm race replay %s\n", files.passing);
	if (!ret) {
		fprintf(out, "\nfsyncstorm race replay %s\n", path);
		*json = found_json(v, m, &x, story, &files);
	}
	json_decref(story);
	explain_fini(&x);
	return ret;
}
