/* cmd_race_show.c: see cmd_race_show.h. */
#include "cmd_race_show.h"

#include <stdlib.h>

#include "base/check.h"
#include "explain.h"
#include "timeline.h"

static void show_proof(const struct minimised *m, FILE *out)
{
	if (m->minimal && !m->preemptions)
		fprintf(out, "  minimal: it needs no preemption\n");
	else if (m->minimal)
		fprintf(out, "  minimal: no schedule of %s with fewer preemptions fails in this way (%lu tried)\n",
		        m->calls == 1 ? "this call" : "these calls", (unsigned long)m->tried);
	else if (m->tried_below)
		fprintf(out, "  not proved minimal: no schedule with fewer than %u preemption%s fails, with %u it was not tried to the end (%lu tried)\n",
		        m->tried_below, m->tried_below == 1 ? "" : "s", m->tried_below, (unsigned long)m->tried);
	else
		fprintf(out, "  not proved minimal (%lu schedules tried)\n", (unsigned long)m->tried);
}

void show_minimised(const struct minimised *m, const struct violation *v, FILE *out)
{
	fprintf(out, "  made smaller: ");
	if (m->calls_from)
		fprintf(out, "%u calls of %u tasks to %u of %u, ", m->calls_from, m->tasks_from, m->calls, m->tasks);
	fprintf(out, "%u preemptions to %u, %u decisions to %u\n", m->preemptions_from, m->preemptions, m->steps_from, m->steps);
	if (m->calls_from)
		show_proof(m, out);
}

bool show_violation(struct hunt *h, const struct violation *v, bool all_lines, FILE *out)
{
	struct explained x;

	if (!timeline_print(h, v, all_lines, out) || !explain(h, v, &x))
		return false;
	fprintf(out, "\n");
	explain_print(&x, out);
	return true;
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

json_t *violation_json(struct hunt *h, const struct violation *v, const struct minimised *m, const char *path)
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
	free(schedule);
	return r;
}
