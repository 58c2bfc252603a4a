/* explain.c: see explain.h. */
#include "story/explain.h"

#include <stdio.h>
#include <string.h>

#include "hunt/flip.h"
#include "story/story.h"

/* ---- steps ---- */

/* The first thing of turn t that the trace tells. */
static void then_text(const struct story *s, uint32_t t, char *buf, unsigned size)
{
	buf[0] = 0;
	for (uint32_t i = 0; i < s->n; i++)
		if (s->line[i].turn == t && s->line[i].entry != NONE && s->line[i].task == s->watch.turn[t].task) {
			snprintf(buf, size, "%s", s->line[i].text);
			return;
		}
}

static void take_step(const struct story *s, uint32_t t, struct explained_step *x)
{
	const struct watch_turn *turn = &s->watch.turn[t];

	*x = (struct explained_step){ .step = turn->step };
	snprintf(x->task, sizeof(x->task), "%s", s->task_name[turn->task % COOP_TASKS_MAX]);
	story_step(s, t, x->does, sizeof(x->does), &x->site);
	then_text(s, t, x->then, sizeof(x->then));
}

/* The next turn of the task that was stopped at t. */
static uint32_t next_turn(const struct story *s, uint32_t t)
{
	uint32_t task = s->watch.turn[t].stop.task;

	while (t < s->watch.nturns && s->watch.turn[t].task != task)
		t++;
	return t;
}

static void take_preemptions(const struct story *s, struct explained *x)
{
	for (uint32_t t = 0; t < s->watch.nturns; t++) {
		uint32_t again = s->watch.turn[t].preempts ? next_turn(s, t) : s->watch.nturns;
		if (!s->watch.turn[t].preempts)
			continue;
		if (x->npreemptions < EXPLAIN_MAX && again < s->watch.nturns) {
			take_step(s, again, &x->stopped[x->npreemptions]);
			x->stopped[x->npreemptions].step = s->watch.turn[t].step;
			take_step(s, t, &x->went_on[x->npreemptions]);
		}
		x->npreemptions++;
	}
}

/* The turn that is entry `place` of the schedule of turns. */
static uint32_t turn_at(const struct story *s, uint32_t place)
{
	for (uint32_t t = 0; t < s->watch.nturns; t++)
		if (s->watch.turn[t].place == place)
			return t;
	return NONE;
}

/* Run once more, as a schedule that replays strictly. */
static void record_holding(struct hunt *h, const struct violation *v, const struct flip *f, struct violation *holds)
{
	flip_run(h, v, &f->holds);
	holds->run = h->result;
	holds->seed = v->seed;
	holds->granularity = v->granularity;
	holds->absent = v->absent;
	schedule_copy(&holds->schedule, &h->schedule);
	snprintf(holds->found, sizeof(holds->found), "one pair of steps of a run that fails, the other way round");
	snprintf(holds->text, sizeof(holds->text),
	         h->bare ? "nothing is broken" : "every promise is kept, whenever the power fails");
}

static void take_pair(struct hunt *h, const struct violation *v, struct explained *x)
{
	struct story s;
	struct flip f;

	flip_init(&f);
	x->looked = true;
	x->crashes = v->kind == VIOLATION_PROMISE;
	x->flips = hunt_flip(h, v, &f);
	x->moved = f.moved;
	x->runs = f.runs;
	x->held = f.held;
	if (x->flips) {
		story_gather(&s, h, v, &f.fails);
		uint32_t t = turn_at(&s, f.at);
		x->flips = t != NONE && t + 1 < s.watch.nturns;
		if (x->flips) {
			take_step(&s, t, &x->first);
			take_step(&s, t + 1, &x->second);
		}
		story_free(&s);
	}
	if (x->flips)
		record_holding(h, v, &f, &x->holds);
	flip_fini(&f);
}

bool explain(struct hunt *h, const struct violation *v, struct explained *x)
{
	struct story s;

	*x = (struct explained){ 0 };
	violation_init(&x->holds);
	bool fits = story_gather(&s, h, v, NULL);
	if (fits)
		take_preemptions(&s, x);
	story_free(&s);
	if (fits && (v->kind == VIOLATION_PROMISE || v->kind == VIOLATION_ERROR || v->kind == VIOLATION_STATE))
		take_pair(h, v, x);
	site_close();
	return fits;
}

void explain_fini(struct explained *x)
{
	violation_fini(&x->holds);
}

/* ---- on paper ---- */

static void print_site(const struct site *site, FILE *out)
{
	if (site->line)
		fprintf(out, "  (%s:%u %s)", site->file, site->line, site->function);
	fprintf(out, "\n");
}

static void print_step(const char *label, const struct explained_step *x, const char *does, FILE *out)
{
	fprintf(out, "%s%s %s", label, x->task, does);
	print_site(&x->site, out);
}

static void print_no_pair(const struct explained *x, FILE *out)
{
	if (x->held)
		fprintf(out, "no one pair of neighbouring steps decides: of %u other orders that were tried %u hold\n",
		        x->runs, x->held);
	else
		fprintf(out, "it breaks in every order that was tried, %u others: %s\n", x->runs,
		        x->crashes ? "where the power fails decides" : "the calls alone decide");
}

void explain_print(const struct explained *x, FILE *out)
{
	char does[300];

	for (uint32_t i = 0; i < x->npreemptions && i < EXPLAIN_MAX; i++) {
		fprintf(out, "preemption %u, step %u: ", i + 1, x->stopped[i].step);
		snprintf(does, sizeof(does), "is stopped before it %s", x->stopped[i].does);
		print_step("", &x->stopped[i], does, out);
		snprintf(does, sizeof(does), "goes on instead: %s", x->went_on[i].does);
		print_step("                      ", &x->went_on[i], does, out);
	}
	if (!x->flips && x->looked)
		print_no_pair(x, out);
	if (!x->flips)
		return;
	fprintf(out, "the pair that decides, everything before it the same (%u step%s moved): it fails when\n",
	        x->moved, x->moved == 1 ? "" : "s");
	for (int i = 0; i < 2; i++) {
		const struct explained_step *step = i ? &x->second : &x->first;
		snprintf(does, sizeof(does), "%s%s%s", step->does, step->then[0] ? ": " : "", step->then);
		print_step(i ? "  before  " : "          ", step, does, out);
	}
	fprintf(out, "and holds when these two steps change places\n");
}

/* ---- a replay that does not fit ---- */

static unsigned tell_task(const struct story *s, uint32_t task, uint32_t turn, char *buf, unsigned size)
{
	const struct watch_stop *stop = NULL;
	struct site site = { 0 };
	char object[64];

	for (uint32_t t = 0; t <= turn && t < s->watch.nturns; t++)
		if (s->watch.turn[t].stop.task == task)
			stop = &s->watch.turn[t].stop;
	unsigned n = (unsigned)snprintf(buf, size, "task %u (%s)", task, s->task_name[task % COOP_TASKS_MAX]);
	if (!stop || n >= size)
		return n;
	if (stop->ended)
		return n + (unsigned)snprintf(buf + n, size - n, ", which has ended");
	watch_object(stop->obj, stop->kind, object, sizeof(object));
	site_find(&stop->stack, &site);
	n += (unsigned)snprintf(buf + n, size - n, "%s at %s", stop->enabled ? "" : ", which waits", object);
	if (n < size && site.line)
		n += (unsigned)snprintf(buf + n, size - n, " (%s:%u %s)", site.file, site.line, site.function);
	return n;
}

static unsigned tell_expected(const struct story *s, const struct watch_turn *last, uint32_t turn, char *buf,
                              unsigned size)
{
	if (last->task == COOP_PICK_NONE)
		return (unsigned)snprintf(buf, size, "the end of the schedule");
	if (last->task == COOP_PICK_DATA)
		return (unsigned)snprintf(buf, size, "a data choice");
	return tell_task(s, last->task, turn, buf, size);
}

void explain_divergence(struct hunt *h, const struct violation *v, char *buf, unsigned size)
{
	struct story s;
	unsigned n = 0;

	buf[0] = 0;
	if (!story_gather(&s, h, v, NULL) && s.watch.nturns) {
		uint32_t turn = s.watch.nturns - 1;
		const struct watch_turn *last = &s.watch.turn[turn];
		n = (unsigned)snprintf(buf, size, "decision %u: expected ", last->step + 1);
		n += tell_expected(&s, last, turn, buf + n, n < size ? size - n : 0);
		for (uint64_t left = last->enabled; left && n < size; left &= left - 1) {
			n += (unsigned)snprintf(buf + n, size - n, left == last->enabled ? "; there: " : ", ");
			if (n < size)
				n += tell_task(&s, (uint32_t)__builtin_ctzll(left), turn, buf + n, size - n);
		}
	}
	story_free(&s);
	site_close();
}
