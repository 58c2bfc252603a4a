/* finding.c: see finding.h. */
#include "cut/finding.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "base/check.h"
#include "base/replace.h"
#include "cut/recorder.h"
#include "cut/tally.h"
#include "machine/mem.h"

#define NOT_TORN UINT32_MAX

/* ---- files of the folder ---- */

static void path_of(const char *folder, const char *name, char *out)
{
	snprintf(out, FINDING_PATH, "%s/%s", folder, name);
}

static int begin(const char *folder, const char *name, struct replace *r, struct why *why)
{
	char path[FINDING_PATH];

	path_of(folder, name, path);
	int ret = replace_begin(r, path);
	return ret ? why_set(why, ret, "%s: %s", path, strerror(-ret)) : 0;
}

static int end(const char *folder, const char *name, struct replace *r, struct why *why)
{
	int ret = replace_end(r, true);

	return ret ? why_set(why, ret, "%.400s/%s: %s", folder, name, strerror(-ret)) : 0;
}

static int write_json(const char *folder, const char *name, json_t *j, struct why *why)
{
	struct replace r;
	int ret = begin(folder, name, &r, why);

	if (!ret) {
		json_dumpf(j, r.out, JSON_INDENT(1) | JSON_PRESERVE_ORDER);
		fputc('\n', r.out);
		ret = end(folder, name, &r, why);
	}
	json_decref(j);
	return ret;
}

int saved_cut_save(const char *folder, const struct saved_cut *c, struct why *why)
{
	json_t *kept = json_array();

	for (uint32_t i = 0; i < c->nkept; i++)
		json_array_append_new(kept, json_integer(c->kept[i]));
	json_t *j = json_pack("{s:i,s:I,s:o}", "schema_version", 1, "position", (json_int_t)c->pos, "kept", kept);
	if (c->torn != NOT_TORN) {
		json_t *units = json_array();
		for (uint32_t i = 0; i < c->nunits; i++)
			json_array_append_new(units, json_integer(c->units[i]));
		json_object_set_new(j, "torn", json_pack("{s:I,s:o}", "write", (json_int_t)c->torn, "units", units));
	}
	return write_json(folder, "cut.json", j, why);
}

/* An array of numbers below `limit`. False: it is none. */
static bool load_numbers(const json_t *j, uint64_t limit, uint32_t **out, uint32_t *n)
{
	json_t *v;
	size_t i;

	if (!json_is_array(j) || json_array_size(j) > RECORDER_EVENTS)
		return false;
	*out = mem_alloc((json_array_size(j) + 1) * sizeof(**out));
	json_array_foreach(j, i, v) {
		if (!json_is_integer(v) || (uint64_t)json_integer_value(v) >= limit)
			return false;
		(*out)[(*n)++] = (uint32_t)json_integer_value(v);
	}
	return true;
}

int saved_cut_load(const char *folder, struct saved_cut *out, struct why *why)
{
	char path[FINDING_PATH];
	json_error_t error;

	*out = (struct saved_cut){ .torn = NOT_TORN };
	path_of(folder, "cut.json", path);
	json_t *j = json_load_file(path, 0, &error);
	if (!j)
		return why_set(why, -EINVAL, "%.300s: %s", path, error.text);
	json_t *pos = json_object_get(j, "position"), *torn = json_object_get(j, "torn");
	bool good = json_is_integer(pos) && (uint64_t)json_integer_value(pos) <= RECORDER_EVENTS &&
		    load_numbers(json_object_get(j, "kept"), RECORDER_EVENTS, &out->kept, &out->nkept);
	out->pos = (uint32_t)json_integer_value(pos);
	if (good && torn) {
		out->torn = (uint32_t)json_integer_value(json_object_get(torn, "write"));
		good = load_numbers(json_object_get(torn, "units"), RECORDER_BYTES / 512, &out->units, &out->nunits);
	}
	json_decref(j);
	if (good)
		return 0;
	saved_cut_free(out);
	return why_set(why, -EINVAL, "%.300s: no cut: `position` and `kept` are expected, in numbers of the record",
	               path);
}

void saved_cut_free(struct saved_cut *c)
{
	free(c->kept);
	free(c->units);
	c->kept = c->units = NULL;
}

/* ---- judged again ---- */

/* The units of c->torn as a mask, to be freed. */
static uint64_t *units_of(const struct saved_cut *c, uint32_t units)
{
	uint64_t *mask = mem_zalloc((units / 64 + 1) * sizeof(*mask));

	for (uint32_t i = 0; i < c->nunits; i++)
		if (c->units[i] < units)
			mask[c->units[i] / 64] |= 1ull << c->units[i] % 64;
	return mask;
}

static bool is_kept(const struct saved_cut *c, uint32_t pos)
{
	for (uint32_t i = 0; i < c->nkept; i++)
		if (c->kept[i] == pos)
			return true;
	return false;
}

int finding_judge(struct evidence *e, const struct saved_cut *c, bool check, struct verdict *out, struct why *why)
{
	struct epoch ep;
	uint32_t n, found = 0;

	const struct dev_event *events = powercut_events(e->dev, &n);
	if (c->pos > n)
		return why_set(why, -EINVAL, "position %u: the record has %u events", c->pos, n);
	powercut_epoch_at(e->dev, c->pos, &ep);
	uint32_t *pending = mem_alloc((ep.npending + 1) * sizeof(*pending));
	uint64_t *keep = mem_zalloc((ep.npending / 64 + 1) * sizeof(*keep)), *units = NULL;
	if (ep.npending)
		memcpy(pending, ep.pending, ep.npending * sizeof(*pending));
	for (uint32_t i = 0; i < ep.npending; i++)
		if (is_kept(c, pending[i])) {
			keep[i / 64] |= 1ull << i % 64;
			found++;
		}
	int ret = 0;
	if (found != c->nkept) {
		ret = why_set(why, -EINVAL, "a write that is kept is not pending at position %u", c->pos);
	} else {
		struct cut cut = { .pos = c->pos, .pending = pending, .npending = ep.npending, .keep = keep };
		for (uint32_t i = 0; i < ep.npending && !units; i++)
			if (pending[i] == c->torn) {
				cut.torn = i;
				cut.torn_units = units = units_of(c, events[c->torn].len / e->dev->tear + 2);
			}
		cut.hash = powercut_hash(e->dev, &cut);
		ret = verdict_look(e, &cut, out, why);
		if (!ret && check)
			ret = verdict_check(e, &cut, out, why);
	}
	free(pending);
	free(keep);
	free(units);
	return ret;
}

/* ---- made simpler ---- */

struct shrinking {
	struct evidence *e;
	enum cut_class class; /* what is to stay broken */
	bool check;           /* that takes a second mount and the checker to see */
	unsigned tried;
	int error;            /* with why: nothing can be judged any more */
	struct why *why;
};

static bool still_breaks(struct shrinking *s, const struct saved_cut *c)
{
	struct verdict v;

	if (s->error)
		return false;
	s->tried++;
	s->error = finding_judge(s->e, c, s->check, &v, s->why);
	return !s->error && v.classes >> s->class & 1;
}

enum cut_class finding_class(const struct verdict *v)
{
	return v->broken.n ? cut_class_of(&v->broken.b[0]) : CUT_KERNEL;
}

/* All, or none, of what is pending at the position. */
static struct saved_cut extreme(struct evidence *e, uint32_t pos, bool all)
{
	struct saved_cut c = { .pos = pos, .torn = NOT_TORN };
	struct epoch ep;

	powercut_epoch_at(e->dev, pos, &ep);
	c.kept = mem_alloc((ep.npending + 1) * sizeof(*c.kept));
	for (uint32_t i = 0; i < ep.npending && all; i++)
		c.kept[c.nkept++] = ep.pending[i];
	return c;
}

static void take(struct saved_cut *c, struct saved_cut *better)
{
#ifndef __clang_analyzer__ /* it takes the memory of two calls of extreme() for the same */
	saved_cut_free(c);
#endif
	*c = *better;
}

static bool try_extreme(struct shrinking *s, struct saved_cut *c, uint32_t pos, bool all)
{
	struct saved_cut x = extreme(s->e, pos, all);

	if (still_breaks(s, &x)) {
		take(c, &x);
		return true;
	}
	saved_cut_free(&x);
	return false;
}

/* Keeps one more of those that are lost, for as long as that still breaks. */
static void lose_fewer(struct shrinking *s, struct saved_cut *c)
{
	struct saved_cut all = extreme(s->e, c->pos, true);

	for (uint32_t i = 0; i < all.nkept; i++) {
		if (is_kept(c, all.kept[i]))
			continue;
		struct saved_cut x = { .pos = c->pos, .nkept = c->nkept + 1, .torn = NOT_TORN };
		x.kept = mem_alloc((x.nkept + 1) * sizeof(*x.kept));
		if (c->nkept)
			memcpy(x.kept, c->kept, c->nkept * sizeof(*x.kept));
		x.kept[c->nkept] = all.kept[i];
		if (still_breaks(s, &x))
			take(c, &x);
		else
			saved_cut_free(&x);
	}
	saved_cut_free(&all);
}

static void earliest(struct shrinking *s, struct saved_cut *c, bool all)
{
	for (uint32_t i = 0; i < s->e->nmarks && s->e->mark[i].pos < c->pos; i++)
		if (try_extreme(s, c, s->e->mark[i].pos, all))
			return;
	for (uint32_t i = 0; i < model_nops(s->e->model); i++) {
		const struct model_op *o = model_op(s->e->model, i);
		if (model_is_sync(o) && !o->ret && o->pe && o->pe < c->pos && try_extreme(s, c, o->pe, all))
			return;
	}
}

int finding_shrink(struct evidence *e, struct saved_cut *c, unsigned *tried, struct why *why)
{
	struct shrinking s = { .e = e, .why = why };
	struct verdict v;
	int ret = finding_judge(e, c, true, &v, why);

	*tried = 1;
	if (ret)
		return ret;
	if (!v.classes)
		return why_set(why, -EINVAL, "on this kernel the cut breaks nothing: there is nothing to make simpler");
	s.class = finding_class(&v);
	s.check = s.class == CUT_FSCK || s.class == CUT_REPLAY || s.class == CUT_KERNEL;
	uint32_t pos = c->pos;
	if (try_extreme(&s, c, pos, true))
		earliest(&s, c, true);
	else if (try_extreme(&s, c, pos, false))
		earliest(&s, c, false);
	else
		lose_fewer(&s, c);
	*tried += s.tried;
	return s.error;
}

/* ---- told ---- */

#define COLUMN 26

/* One call, as a cell of its thread's column. */
static void cell_of(const struct evidence *e, const struct model_op *o, bool begins, char *out, size_t size)
{
	const char *file = model_has_file(o) ? model_file(e->model, o->file)->name : "";
	const char *call = model_call_name(o);

	if (!begins)
		snprintf(out, size, "  %s%s%.12s", call, o->ret ? " FAILED" : " done ", o->ret ? "" : file);
	else if (o->kind == OP_WRITE || o->kind == OP_PUNCH)
		snprintf(out, size, "%s %.8s %lu+%lu", call, file, (unsigned long)o->off, (unsigned long)o->len);
	else
		snprintf(out, size, "%s %.14s", call, file);
}

struct moment {
	uint64_t tick;
	uint32_t op;
	bool begins;
};

static int by_tick(const void *a, const void *b)
{
	const struct moment *x = a, *y = b;

	return x->tick < y->tick ? -1 : x->tick > y->tick;
}

static int column_of(const struct evidence *e, uint32_t task)
{
	for (unsigned i = 0; i < e->nthreads; i++)
		if (e->thread[i].task == task)
			return (int)i;
	return -1;
}

static uint32_t moments_of(const struct evidence *e, uint32_t pos, struct moment *m)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < model_nops(e->model); i++) {
		const struct model_op *o = model_op(e->model, i);
		if (column_of(e, o->task) < 0 || o->pb > pos)
			continue;
		m[n++] = (struct moment){ o->b, i, true };
		if (o->e != TICK_NEVER && o->pe <= pos)
			m[n++] = (struct moment){ o->e, i, false };
	}
	qsort(m, n, sizeof(*m), by_tick);
	return n;
}

#define LINES 60u /* of the end of the story: what comes before is told as a number */

static void tell_marks(const struct evidence *e, uint32_t pos, FILE *out)
{
	uint32_t n = 0, from;

	while (n < e->nmarks && e->mark[n].pos <= pos)
		n++;
	from = n > LINES ? n - LINES : 0;
	fprintf(out, "%8s  mark of the log\n", "position");
	if (from)
		fprintf(out, "%8s  (%u marks before)\n", "", from);
	for (uint32_t i = from; i < n; i++)
		fprintf(out, "%8u  %s\n", e->mark[i].pos, e->mark[i].text);
	fprintf(out, "%8u  ==== the power goes ====\n", pos);
}

static void tell_calls(const struct evidence *e, uint32_t pos, FILE *out)
{
	struct moment *m = mem_alloc((2 * model_nops(e->model) + 1) * sizeof(*m));
	uint32_t n = moments_of(e, pos, m), from = n > LINES ? n - LINES : 0;
	char cell[64];

	fprintf(out, "%8s", "position");
	for (unsigned i = 0; i < e->nthreads; i++)
		fprintf(out, "  %-*s", COLUMN, e->thread[i].name);
	fputc('\n', out);
	if (from)
		fprintf(out, "%8s  (%u lines before)\n", "", from);
	for (uint32_t i = from; i < n; i++) {
		const struct model_op *o = model_op(e->model, m[i].op);
		cell_of(e, o, m[i].begins, cell, sizeof(cell));
		fprintf(out, "%8u  %*s%s\n", m[i].begins ? o->pb : o->pe, column_of(e, o->task) * (COLUMN + 2), "",
		        cell);
	}
	fprintf(out, "%8u  ==== the power goes ====\n", pos);
	free(m);
}

static void tell_cut(struct evidence *e, const struct saved_cut *c, FILE *out)
{
	uint32_t n, count[DEV_FCMP + 1] = { 0 };
	struct epoch ep;

	const struct dev_event *event = powercut_events(e->dev, &n);
	for (uint32_t i = 0; i < c->pos && i < n; i++)
		count[event[i].kind]++;
	powercut_epoch_at(e->dev, c->pos, &ep);
	fprintf(out, "\nSince the %s began the device had been given %u writes and %u flushes; %u flushes were "
	        "done.\n", e->foreign ? "record" : "mount", count[DEV_WSUB], count[DEV_FSUB], count[DEV_FCMP]);
	fprintf(out, "Of %u writes that no flush had made durable ", ep.npending);
	if (c->nkept == ep.npending)
		fprintf(out, "none is lost: this is the kindest disk.\n");
	else if (!c->nkept)
		fprintf(out, "all are lost.\n");
	else
		fprintf(out, "%u are lost.\n", ep.npending - c->nkept);
	if (c->torn != NOT_TORN)
		fprintf(out, "The write at position %u is torn: %u of its units are on the disk.\n", c->torn,
		        c->nunits);
}

void finding_tell(struct evidence *e, const struct saved_cut *c, const struct verdict *v, FILE *out)
{
	if (e->foreign) {
		fprintf(out, "%s of %s, a log of dm-log-writes\n\n", e->work, e->fs.text);
		tell_marks(e, c->pos, out);
	} else {
		fprintf(out, "%s on %s, recorded on Linux %s\n\n", e->work, e->fs.text, e->kernel);
		tell_calls(e, c->pos, out);
	}
	tell_cut(e, c, out);
	fprintf(out, "After the next mount:\n");
	for (uint32_t i = 0; i < v->broken.n && i < BROKEN_MAX; i++)
		fprintf(out, "  %s\n", v->broken.b[i].text);
	if (v->broken.n > BROKEN_MAX)
		fprintf(out, "  and %u more\n", v->broken.n - BROKEN_MAX);
	if (v->kernel[0])
		fprintf(out, "  the kernel logs: %s\n", v->kernel);
	fprintf(out, "(%s`fsyncstorm cut replay` judges this again.)\n",
	        e->foreign ? "" : "Version n is what the call of that number wrote; ");
}

/* ---- written ---- */

static int write_check(const char *folder, const struct verdict *v, struct why *why)
{
	struct replace r;
	int ret = begin(folder, "check.txt", &r, why);

	if (ret)
		return ret;
	for (uint32_t i = 0; i < v->broken.n && i < BROKEN_MAX; i++)
		fprintf(r.out, "%s: %s\n", cut_class_info[cut_class_of(&v->broken.b[i])].word, v->broken.b[i].text);
	if (v->kernel[0])
		fprintf(r.out, "%s: %s\n", cut_class_info[CUT_KERNEL].word, v->kernel);
	return end(folder, "check.txt", &r, why);
}

static int write_program(const char *folder, const struct evidence *e, struct why *why)
{
	char name[SCENE_NAME_MAX + 8];
	struct replace r;
	int ret;

	if (!e->program)
		return 0;
	snprintf(name, sizeof(name), "%s.scn", e->work);
	ret = begin(folder, name, &r, why);
	if (ret)
		return ret;
	fputs(e->program, r.out);
	return end(folder, name, &r, why);
}

static int write_kernel(const char *folder, const char *line, struct why *why)
{
	struct replace r;
	int ret;

	if (!line[0])
		return 0;
	ret = begin(folder, "kernel.log", &r, why);
	if (ret)
		return ret;
	fprintf(r.out, "%s\n", line);
	return end(folder, "kernel.log", &r, why);
}

static int write_replay(const char *folder, struct why *why)
{
	char path[FINDING_PATH];
	struct replace r;
	int ret = begin(folder, "replay.sh", &r, why);

	if (ret)
		return ret;
	fprintf(r.out, "#!/bin/sh\nexec \"${FSYNCSTORM:-fsyncstorm}\" cut replay \"$(dirname \"$0\")\"\n");
	ret = end(folder, "replay.sh", &r, why);
	path_of(folder, "replay.sh", path);
	return ret ? ret : chmod(path, 0755) ? -errno : 0;
}

static int write_env(const char *folder, const struct finding *f, struct why *why)
{
	const struct evidence *e = f->of;
	struct utsname u;

	uname(&u);
	return write_json(folder, "env.json",
			  json_pack("{s:i,s:s,s:s,s:s,s:s,s:s,s:I,s:I,s:I,s:s}", "schema_version", 1, "kernel",
				    u.release, "build", u.version, "machine", u.machine, "target", e->fs.text, "work",
				    e->work, "seed", (json_int_t)e->seed, "device_bytes",
				    (json_int_t)e->fs.size, "tear_unit", (json_int_t)e->dev->tear, "recorded_on",
				    e->kernel), why);
}

static int write_story(const char *folder, const struct finding *f, const struct saved_cut *c, struct why *why)
{
	struct replace r;
	int ret = begin(folder, "story.txt", &r, why);

	if (ret)
		return ret;
	finding_tell(f->of, c, f->verdict, r.out);
	return end(folder, "story.txt", &r, why);
}

static struct saved_cut saved_of(const struct evidence *of, const struct cut *c)
{
	struct saved_cut s = { .pos = c->pos, .torn = NOT_TORN };

	s.kept = mem_alloc((c->npending + 1) * sizeof(*s.kept));
	for (uint32_t i = 0; i < c->npending; i++)
		if (c->keep[i / 64] >> i % 64 & 1)
			s.kept[s.nkept++] = c->pending[i];
	if (!c->torn_units)
		return s;
	s.torn = c->pending[c->torn];
	uint32_t n, units;
	const struct dev_event *e = powercut_events(of->dev, &n) + s.torn;
	units = (uint32_t)((e->off + e->len - 1) / of->dev->tear - e->off / of->dev->tear + 1);
	s.units = mem_alloc((units + 1) * sizeof(*s.units));
	for (uint32_t i = 0; i < units; i++)
		if (c->torn_units[i / 64] >> i % 64 & 1)
			s.units[s.nunits++] = i;
	return s;
}

int finding_save(const char *folder, const struct finding *f, struct why *why)
{
	char path[FINDING_PATH];

	if (strlen(folder) + 32 > FINDING_PATH)
		return why_set(why, -ENAMETOOLONG, "%.60s...: the path is too long", folder);
	if (mkdir(folder, 0755))
		return why_set(why, -errno, "%s: %s", folder, strerror(errno));
	struct saved_cut c = saved_of(f->of, f->cut);
	path_of(folder, "log.zst", path);
	int ret = evidence_save(path, f->of, why);
	if (!ret)
		ret = saved_cut_save(folder, &c, why);
	if (!ret)
		ret = write_check(folder, f->verdict, why);
	if (!ret)
		ret = write_program(folder, f->of, why);
	if (!ret)
		ret = write_kernel(folder, f->verdict->kernel, why);
	if (!ret)
		ret = write_env(folder, f, why);
	if (!ret)
		ret = write_replay(folder, why);
	if (!ret)
		ret = write_story(folder, f, &c, why);
	saved_cut_free(&c);
	return ret;
}
