/* json.c: see json.h. */
#include "story/json.h"

#include <string.h>

#include "base/check.h"
#include "rt/lock.h"
#include "story/story.h"

#define SCHEMA  "fsyncstorm-story"
#define VERSION 1

/* ---- lines ---- */

static json_t *site_json(const struct site *site)
{
	return json_pack("{s:s,s:i,s:s}", "file", site->file, "line", (int)site->line, "function", site->function);
}

static json_t *args_json(const struct trace_entry *e)
{
	const struct event_info *event = &event_info[e->event];
	json_t *args = json_object();

	for (unsigned i = 0; i < EVENT_ARGS && event->role[i] != ROLE_NONE; i++)
		json_object_set_new(args, role_info[event->role[i]].name, json_integer((json_int_t)e->arg[i]));
	return args;
}

/* The first device line after `line` after which its write is durable, before the crash. */
static json_t *durable_at(const struct story *s, uint32_t line)
{
	struct epoch e;

	for (uint32_t i = line + 1; i < s->crash_at; i++) {
		bool pending = false;
		if (s->line[i].kind != LINE_DEVICE)
			continue;
		powercut_epoch_at(s->h->dev, s->line[i].event + 1, &e);
		for (uint32_t k = 0; k < e.npending; k++)
			pending |= e.pending[k] == s->line[line].event;
		if (!pending)
			return json_integer(i);
	}
	return json_null();
}

/* The line of a scenario's text; 0: there is none. */
static uint32_t call_line(const struct story *s, const struct trace_entry *e)
{
	return model_op(s->h->run.model, (uint32_t)trace_arg(e, ROLE_CALL))->line;
}

static json_t *line_json(const struct story *s, uint32_t i, uint32_t task)
{
	static const char *const kind[] = {
		[LINE_OTHER] = "other", [LINE_CALL] = "call", [LINE_DEVICE] = "device", [LINE_EXTENT] = "extent",
		[LINE_STOPPED] = "stopped",
	};
	const struct trace_entry *e = story_entry(s, i);
	const struct line *l = &s->line[i];
	struct site site;
	json_t *r = json_pack("{s:i,s:i,s:s}", "step", (int)l->step, "task", (int)task, "kind", kind[l->kind]);

	if (e)
		json_object_update_new(
			r, json_pack("{s:s,s:o}", "event", event_info[e->event].name, "args", args_json(e)));
	json_object_update_new(r, json_pack("{s:s,s:b,s:b,s:b}", "text", l->text, "by_device", l->device, "matters",
	                                    l->matters, "marked", l->marked));
	if (story_site(s, l, &site))
		json_object_set_new(r, "site", site_json(&site));
	if (e && e->event == EV_CALL_BEGINS && call_line(s, e))
		json_object_set_new(r, "scenario_line", json_integer(call_line(s, e)));
	if (l->kind == LINE_DEVICE && s->event[l->event].kind == DEV_WSUB)
		json_object_set_new(r, "durable_at", durable_at(s, i));
	return r;
}

/* ---- tasks ---- */

/* What it holds or waits for, without what the table of locks says of it. */
static json_t *what_json(int class)
{
	const char *what = class >= 0 ? lock_info[class].what : "something";

	return json_stringn(what, strcspn(what, ":"));
}

static json_t *spans_json(const struct story *s, uint32_t task)
{
	static const char *const name[] = { [LANE_READY] = "ready", [LANE_WAITS] = "waits", [LANE_HOLDS] = "holds" };
	json_t *spans = json_array();
	uint32_t from = 0;

	while (from < s->crash_at) {
		int class, next_class;
		enum lane_state state = lane_state(s, task, s->line[from].turn, &class);
		uint32_t to = from + 1;
		while (to < s->crash_at && lane_state(s, task, s->line[to].turn, &next_class) == state &&
		       next_class == class)
			to++;
		if (state != LANE_ABSENT) {
			json_t *span = json_pack("{s:i,s:i,s:s}", "from", (int)from, "to", (int)to - 1, "state",
			                         name[state]);
			if (state != LANE_READY)
				json_object_set_new(span, "what", what_json(class));
			json_array_append_new(spans, span);
		}
		from = to;
	}
	return spans;
}

/* Those of which a line tells, in the order of their first lines; with the lines, which name them. */
static void add_lines(const struct story *s, json_t *r)
{
	json_t *tasks = json_array(), *lines = json_array();
	int index[COOP_TASKS_MAX];

	memset(index, -1, sizeof(index));
	for (uint32_t i = 0; i < s->crash_at; i++) {
		uint32_t task = s->line[i].task % COOP_TASKS_MAX;
		if (index[task] < 0) {
			index[task] = (int)json_array_size(tasks);
			json_array_append_new(tasks, json_pack("{s:s,s:o}", "name", s->task_name[task], "spans",
			                                       spans_json(s, s->line[i].task)));
		}
		json_array_append_new(lines, line_json(s, i, (uint32_t)index[task]));
	}
	json_object_set_new(r, "tasks", tasks);
	json_object_set_new(r, "lines", lines);
}

/* ---- the crash ---- */

static json_t *crash_json(const struct story *s)
{
	const struct crash *c = &s->v->crash;
	char text[300];

	if (s->v->kind != VIOLATION_PROMISE)
		return json_null();
	json_t *kept = json_array();
	for (uint32_t i = 0; i < c->nkept; i++)
		json_array_append_new(kept, json_integer(c->kept[i]));
	story_kept(s, text, sizeof(text));
	return json_pack("{s:i,s:o,s:s}", "position", (int)c->pos, "kept", kept, "text", text);
}

static json_t *blocks_json(const struct story *s)
{
	struct told_block told[TOLD_BLOCKS];
	json_t *blocks = json_array();

	for (uint32_t i = 0, n = story_tell_blocks(s, told); i < n; i++)
		json_array_append_new(blocks,
		                      json_pack("{s:s,s:i,s:i,s:i,s:s,s:b}", "file", told[i].file, "block",
		                                (int)told[i].block, "promised", (int)told[i].promised, "newest",
		                                (int)told[i].newest, "after", told[i].after, "broken", told[i].broken));
	return blocks;
}

/* ---- the steps that decide ---- */

static json_t *step_json(const struct explained_step *x)
{
	json_t *r = json_pack("{s:i,s:s,s:s}", "step", (int)x->step, "task", x->task, "does", x->does);

	if (x->then[0])
		json_object_set_new(r, "then", json_string(x->then));
	if (x->site.line)
		json_object_update_new(r, site_json(&x->site));
	return r;
}

json_t *explain_json(const struct explained *x)
{
	json_t *preempted = json_array(), *pair = json_null();

	for (uint32_t i = 0; i < x->npreemptions && i < EXPLAIN_MAX; i++)
		json_array_append_new(preempted, json_pack("{s:o,s:o}", "stopped", step_json(&x->stopped[i]), "goes_on",
		                                           step_json(&x->went_on[i])));
	if (x->flips)
		pair = json_pack("{s:o,s:o,s:i}", "first", step_json(&x->first), "second", step_json(&x->second),
		                 "moved", (int)x->moved);
	return json_pack("{s:o,s:o,s:i,s:i}", "preempted", preempted, "pair", pair, "orders_tried", (int)x->runs,
	                 "orders_that_hold", (int)x->held);
}

json_t *story_json(struct hunt *h, const struct violation *v, const struct explained *x)
{
	char sentence[1200];
	struct story s;
	json_t *r = NULL;

	if (story_gather(&s, h, v, NULL)) {
		story_sentence(&s, sentence, sizeof(sentence));
		r = json_pack("{s:s,s:i,s:s,s:s}", "schema", SCHEMA, "schema_version", VERSION, "race", h->race->name,
		              "design", h->design->name);
		json_object_update_new(r, json_pack("{s:s,s:s,s:s,s:s,s:s?}", "kind", violation_name[v->kind], "broken",
		                                    broken_name[v->broken.kind], "text", v->text, "story", sentence,
		                                    "rule", s.rule));
		add_lines(&s, r);
		json_object_update_new(r, json_pack("{s:o,s:o}", "crash", crash_json(&s), "blocks", blocks_json(&s)));
		json_object_update_new(r, explain_json(x));
	}
	story_free(&s);
	site_close();
	return r;
}
