/*
 * timeline.c: gathers a story: runs the schedule, makes a line of each entry of the trace and of each preemption, and
 * says which lines matter to the broken block. See story.h.
 *
 * timeline.1: The device's entries in the trace are its recorded events, one for one and in the same order. So the
 *     device position of an entry is known, and the crash has its place among the lines.
 */
#include "story/story.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "hunt/flip.h"
#include "hunt/run.h"
#include "machine/mem.h"

/* ---- lines ---- */

static struct line *add_line(struct story *s, uint32_t turn, uint32_t task)
{
	if (s->n == s->cap) {
		s->cap = s->cap ? s->cap * 2 : 256;
		s->line = realloc(s->line, s->cap * sizeof(*s->line));
		CHECK(s->line != NULL);
	}
	struct line *l = &s->line[s->n++];
	*l = (struct line){ .turn = turn, .task = task, .entry = NONE, .event = NONE };
	l->step = s->watch.nturns ? s->watch.turn[turn].step : 0;
	return l;
}

static bool is_device(enum event event)
{
	switch (event) {
	case EV_WRITE_SUBMITTED:
	case EV_WRITE_COMPLETED:
	case EV_WRITE_FAILED:
	case EV_FLUSH_SUBMITTED:
	case EV_FLUSH_COMPLETED:
	case EV_FLUSH_FAILED:
		return true;
	default:
		return false;
	}
}

static enum line_kind kind_of(const struct story *s, enum event event)
{
	if (event == EV_CALL_BEGINS || event == EV_CALL_RETURNS)
		return LINE_CALL;
	if (s->event && is_device(event))
		return LINE_DEVICE;
	return event_position(event, ROLE_START) >= 0 ? LINE_EXTENT : LINE_OTHER;
}

static void add_entry(struct story *s, uint32_t turn, uint32_t i, uint32_t *position)
{
	const struct trace_entry *e = &s->entry[i];
	struct line *l = add_line(s, turn, e->task);

	l->entry = i;
	l->step = e->step;
	l->kind = kind_of(s, e->event);
	if (l->kind == LINE_DEVICE) {
		CHECK(*position < s->nevents); /* (timeline.1) */
		l->device = !strcmp(trace_task_name(e->task), "io");
		l->event = *position;
		if (++*position == s->v->crash.pos + 1 && s->v->kind == VIOLATION_PROMISE)
			s->crash_at = s->n - 1;
	}
	story_say(s, l);
}

static void add_stopped(struct story *s, uint32_t turn)
{
	struct line *l = add_line(s, turn, s->watch.turn[turn].stop.task);
	char does[120];
	struct site site;

	l->kind = LINE_STOPPED;
	for (uint32_t t = turn + 1; t < s->watch.nturns; t++)
		if (s->watch.turn[t].task == l->task) {
			story_step(s, t, does, sizeof(does), &site);
			snprintf(l->text, TEXT_MAX, "is stopped before it %s", does);
			return;
		}
	snprintf(l->text, TEXT_MAX, "is stopped");
}

static void make_lines(struct story *s)
{
	uint32_t i = 0, position = 0, n = s->watch.nturns;

	s->crash_at = NONE;
	for (uint32_t t = 0; t < n || i < s->nentries; t++) {
		uint32_t end = t + 1 < n ? s->watch.turn[t + 1].entry : s->nentries;
		for (; t == 0 && n && i < s->watch.turn[0].entry; i++)
			add_entry(s, 0, i, &position);
		if (t < n && s->watch.turn[t].preempts)
			add_stopped(s, t);
		for (; i < end; i++)
			add_entry(s, t < n ? t : 0, i, &position);
	}
	if (s->crash_at == NONE)
		s->crash_at = s->n;
}

/* ---- what matters ---- */

/* Once it is known why: calls, what makes things durable, and what is of the broken block. */
static bool line_matters(const struct story *s, uint32_t i)
{
	const struct line *l = &s->line[i];
	const struct trace_entry *e = story_entry(s, i);

	if (l->marked || l->kind == LINE_CALL || !e || (!s->cause[0] && s->logged == NONE))
		return true;
	if (l->kind == LINE_EXTENT)
		return story_is_of_block(s, e) && e->event != EV_ORDERED_COMPLETE;
	if (l->kind == LINE_DEVICE) {
		bool writes = event_position(e->event, ROLE_DISK) >= 0;
		return !writes || trace_arg(e, ROLE_DISK) < SUPER_END ||
		       (s->disk && trace_arg(e, ROLE_DISK) == s->disk);
	}
	return e->event == EV_INODE_WRITE_ERROR || e->event == EV_LOG_SUPER_WRITTEN || s->h->bare;
}

/* ---- gathering ---- */

bool story_gather(struct story *s, struct hunt *h, const struct violation *v, const struct schedule *turns)
{
	const struct trace_entry *e;

	*s = (struct story){ .h = h, .v = v };
	watch_init(&s->watch, NULL, NULL);
	s->watch.stacks = true;
	h->watch = &s->watch;
	trace_start();
	if (turns)
		flip_run(h, v, turns);
	else
		hunt_again(h, v, true);
	e = trace_stop(&s->nentries);
	s->entry = mem_alloc((s->nentries + 1) * sizeof(*e));
	if (s->nentries)
		memcpy(s->entry, e, s->nentries * sizeof(*e));
	for (uint32_t i = 0; i < COOP_TASKS_MAX; i++)
		task_label(i, COOP_TASKS_MAX, trace_task_name, s->task_name[i]);
	h->watch = NULL;
	if (h->result.end == COOP_DIVERGED)
		return false;
	if (h->dev)
		s->event = powercut_events(h->dev, &s->nevents);
	make_lines(s);
	story_find_cause(s);
	for (uint32_t i = 0; i < s->n; i++)
		s->line[i].matters = line_matters(s, i);
	return true;
}

void story_free(struct story *s)
{
	watch_fini(&s->watch);
	free(s->entry);
	free(s->line);
}
