/*
 * stress_hit.c: what is kept of a hit of a stress (stress.h). Threads cannot be run again, so what they did is
 * written down as text: every call with the ticks at which it began and ended, and every event of the device up to
 * the crash. The file is written under a temporary name and renamed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/replace.h"
#include "hunt/stress.h"

static void write_head(FILE *out, const struct stress *s, const struct hunt *h, const struct violation *v)
{
	fprintf(out, "# a hit of fsyncstorm race stress: on threads, so it cannot be replayed. For one that can:\n"
	             "# fsyncstorm race hunt %s --design %s\n", h->race->name, h->design->name);
	fprintf(out, "race %s\ndesign %s\nnoise %s\nseed %lu\nround %lu\nviolation %s %s\nsaid %s\n", h->race->name,
	        h->design->name, noise_name[s->noise], (unsigned long)s->seed, (unsigned long)s->run,
	        violation_name[v->kind], broken_name[v->broken.kind], v->text);
}

static void write_call(FILE *out, const struct model *m, uint32_t i)
{
	const struct model_op *o = model_op(m, i);
	const char *file = model_has_file(o) ? model_file(m, o->file)->name : "*";

	fprintf(out, "%u task %u %s %s", i, o->task, model_call_name(o), file);
	if (o->kind == OP_WRITE)
		fprintf(out, " %lu+%lu version %u", (unsigned long)o->off, (unsigned long)o->len, model_version(i));
	else if (o->kind == OP_FALLOCATE || o->kind == OP_PUNCH)
		fprintf(out, " %lu+%lu", (unsigned long)o->off, (unsigned long)o->len);
	else if (o->kind == OP_TRUNCATE)
		fprintf(out, " to %lu", (unsigned long)o->off);
	fprintf(out, " ticks %lu..", (unsigned long)o->b);
	if (o->e == TICK_NEVER)
		fprintf(out, " had not returned\n");
	else
		fprintf(out, "%lu positions %u..%u returned %d\n", (unsigned long)o->e, o->pb, o->pe, o->ret);
}

static void write_event(FILE *out, const struct dev_event *e, uint32_t pos)
{
	static const char *const kind[] = { [DEV_WSUB] = "write", [DEV_WCMP] = "write done", [DEV_FSUB] = "flush",
		                            [DEV_FCMP] = "flush done" };

	fprintf(out, "%u task %u %s%s", pos, e->task, kind[e->kind], e->meta ? " (metadata)" : "");
	if (e->kind == DEV_WSUB)
		fprintf(out, " %lu+%u%s", (unsigned long)e->off, e->len, e->fua ? " FUA" : "");
	else if (e->kind != DEV_FSUB)
		fprintf(out, " of %u", e->of);
	fprintf(out, "\n");
}

static void write_all(FILE *out, const struct stress *s, struct hunt *h, const struct violation *v)
{
	uint32_t n;
	const struct dev_event *e = powercut_events(h->dev, &n);

	write_head(out, s, h, v);
	if (v->kind == VIOLATION_PROMISE) {
		fprintf(out, "crash %u of %u:", v->crash.pos, v->crash.npending);
		for (uint32_t i = 0; i < v->crash.nkept; i++)
			fprintf(out, " %u", v->crash.kept[i]);
		fprintf(out, "\n");
		n = v->crash.pos;
	}
	fprintf(out, "calls:\n");
	for (uint32_t i = 0; i < model_nops(h->run.model); i++)
		write_call(out, h->run.model, i);
	fprintf(out, "device:\n");
	for (uint32_t i = 0; i < n; i++)
		write_event(out, &e[i], i);
}

int stress_write_hit(const char *path, const struct stress *s, struct hunt *h, const struct violation *v,
                     struct why *why)
{
	struct replace file;
	int ret = replace_begin(&file, path);

	if (!ret) {
		write_all(file.out, s, h, v);
		ret = replace_end(&file, true);
	}
	return ret ? why_set(why, ret, "%.120s: cannot be written: %s", path, strerror(-ret)) : 0;
}
