/*
 * sentence.c: the story of a violation in words: who did what between which two steps of whom, and
 * which promise broke; and its steps, each in a few words with its line of the source. See story.h.
 */
#include <stdio.h>
#include <string.h>

#include "rt/lock.h"
#include "story/story.h"

void story_sentence(const struct story *s, char *buf, unsigned size)
{
	const char *text = s->v->text;
	unsigned n = (unsigned)snprintf(buf, size, "%s", s->cause);

	if (n < size && s->v->kind == VIOLATION_PROMISE)
		n += (unsigned)snprintf(buf + n, size - n, "The power failed%s, and now ", n ? "" : " as shown below");
	if (n < size)
		snprintf(buf + n, size - n, "%s.", text);
}

bool timeline_story(struct hunt *h, const struct violation *v, char *buf, unsigned size)
{
	struct story s;
	bool fits = story_gather(&s, h, v, NULL);

	if (fits)
		story_sentence(&s, buf, size);
	story_free(&s);
	return fits;
}

/* ---- steps ---- */

static const char *verb(uint8_t kind, bool lock)
{
	switch (kind) {
	case POINT_LOCK:
		return "takes";
	case POINT_READ:
		return lock ? "takes, to read," : "reads";
	case POINT_WRITE:
		return lock ? "takes, to write," : "changes";
	case POINT_WAIT:
		return "waits for:";
	case POINT_SUBMIT:
		return "submits I/O to the";
	case POINT_COMPLETE:
		return "completes I/O of the";
	default:
		return "goes on with";
	}
}

void story_step(const struct story *s, uint32_t t, char *buf, unsigned size, struct site *site)
{
	uint32_t from = watch_stood(&s->watch, t);
	const struct watch_stop *stop = from == WATCH_NONE ? NULL : &s->watch.turn[from].stop;

	*site = (struct site){ 0 };
	if (!stop) {
		snprintf(buf, size, "begins");
		return;
	}
	char object[64];
	watch_object(stop->obj, stop->kind, object, sizeof(object));
	bool is_lock = trace_class(stop->obj) >= 0;
	if (stop->kind == POINT_YIELD)
		snprintf(buf, size, "goes on");
	else
		snprintf(buf, size, "%s %s", verb(stop->kind, is_lock), object);
	site_find(&stop->stack, site);
}

/* All calls and all I/O go through one line each: that is no news. */
bool story_site(const struct story *s, const struct line *l, struct site *out)
{
	if (l->kind == LINE_DEVICE || l->kind == LINE_CALL)
		return false;
	if (l->entry != NONE)
		return site_find(&s->entry[l->entry].from, out);
	return l->kind == LINE_STOPPED && site_find(&s->watch.turn[l->turn].stop.stack, out);
}

void story_kept(const struct story *s, char *buf, unsigned size)
{
	const struct crash *c = &s->v->crash;
	unsigned n = 0;

	if (!c->npending)
		snprintf(buf, size, "everything written so far is durable");
	else if (!c->nkept)
		snprintf(buf, size, "of %u write%s not yet durable none is kept", c->npending,
		         c->npending == 1 ? "" : "s");
	else
		n = (unsigned)snprintf(buf, size, "of %u write%s not yet durable these are kept:", c->npending,
		                       c->npending == 1 ? "" : "s");
	for (uint32_t i = 0; i < c->nkept && n && n < size - 40; i++) {
		const struct dev_event *e = &s->event[c->kept[i]];
		n += (unsigned)snprintf(buf + n, size - n, "%s %s @%lu", i ? "," : "", story_place(e->off, e->meta),
		                        (unsigned long)e->off);
	}
}
