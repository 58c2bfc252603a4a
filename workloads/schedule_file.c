/* schedule_file.c: see schedule_file.h. */
#include "schedule_file.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "text.h"

#define MAGIC      "fsyncstorm-schedule 1"
#define ERR_MAX    200

/* ---- writing ---- */

static void write_crash(FILE *out, const struct crash *c)
{
	fprintf(out, "crash %u of %u:", c->pos, c->npending);
	for (uint32_t i = 0; i < c->nkept; i++)
		fprintf(out, " %u", c->kept[i]);
	fprintf(out, "\n");
}

static void write_all(FILE *out, const char *path, const struct race *race, const struct design *design, const struct violation *v)
{
	fprintf(out, MAGIC "\n# replay: fsyncstorm race replay %s\n", path);
	fprintf(out, "race %s\ndesign %s\nviolation %s %s\nseed %lu\n", race->name, design->name, violation_name[v->kind],
	        broken_name[v->broken.kind], (unsigned long)v->seed);
	fprintf(out, "decisions ");
	schedule_print(&v->schedule, out);
	fprintf(out, "\n");
	if (v->kind == VIOLATION_PROMISE)
		write_crash(out, &v->crash);
	fprintf(out, "said %s\n", v->text);
}

int schedule_file_write(const char *path, const struct race *race, const struct design *design, const struct violation *v, char *err)
{
	char tmp[4096];

	snprintf(tmp, sizeof(tmp), "%s.new", path);
	FILE *out = fopen(tmp, "w");
	if (!out)
		goto fail;
	write_all(out, path, race, design, v);
	int bad = ferror(out);
	if (fclose(out) || bad || rename(tmp, path)) {
		int saved = errno;
		unlink(tmp);
		errno = saved ? saved : EIO;
		goto fail;
	}
	return 0;
fail:
	snprintf(err, ERR_MAX, "%.120s: cannot be written: %s", path, strerror(errno));
	return -errno;
}

/* ---- reading ---- */

struct reading {
	const char *path;
	unsigned line;
	const struct race *race;
	const struct design *design;
	struct violation *v;
	unsigned seen; /* bit i: line kind i was there */
	char *err;
};

__attribute__((format(printf, 2, 3))) static int wrong(struct reading *r, const char *fmt, ...)
{
	char what[160];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	snprintf(r->err, ERR_MAX, "%.80s:%u: %.110s", r->path, r->line, what);
	return -EINVAL;
}

static int read_race(struct reading *r, char *value)
{
	char hint[64];

	r->race = race_find(value);
	if (r->race)
		return 0;
	return wrong(r, "no race %.40s%s", value, race_nearest(value, hint, sizeof(hint)));
}

static int read_design(struct reading *r, char *value)
{
	r->design = fs_design_find(value);
	return r->design ? 0 : wrong(r, "no design %.40s", value);
}

static int find_word(const char *word, const char *const *table, int n)
{
	for (int i = 0; i < n; i++)
		if (!strcmp(word, table[i]))
			return i;
	return -1;
}

static int read_violation(struct reading *r, char *value)
{
	char kind[32], broken[32];

	if (sscanf(value, "%31s %31s", kind, broken) != 2)
		return wrong(r, "a violation and a broken promise are expected");
	int k = find_word(kind, violation_name, VIOLATION_NR), b = find_word(broken, broken_name, BROKEN_NR);
	if (k < 0 || b < 0)
		return wrong(r, "%.30s: not a violation", k < 0 ? kind : broken);
	r->v->kind = (enum violation_kind)k;
	r->v->broken.kind = (enum broken_kind)b;
	return 0;
}

static int read_seed(struct reading *r, char *value)
{
	return text_number(value, &r->v->seed) ? wrong(r, "%.40s: not a number", value) : 0;
}

static int read_decisions(struct reading *r, char *value)
{
	char why[160] = "";

	return schedule_parse(&r->v->schedule, value, why) ? wrong(r, "%s", why) : 0;
}

static int read_crash(struct reading *r, char *value)
{
	struct crash *c = &r->v->crash;
	int n = 0;

	if (sscanf(value, "%u of %u:%n", &c->pos, &c->npending, &n) != 2 || !n)
		return wrong(r, "crash: \"POSITION of PENDING: KEPT...\" is expected");
	for (char *word = strtok(value + n, " "); word; word = strtok(NULL, " ")) {
		uint64_t kept;
		if (text_number(word, &kept) || kept >= c->pos || c->nkept == CRASH_KEPT_MAX)
			return wrong(r, "crash: %.40s: not the position of a write before %u", word, c->pos);
		c->kept[c->nkept++] = (uint32_t)kept;
	}
	return c->nkept <= c->npending ? 0 : wrong(r, "crash: more writes are kept than are pending");
}

static int read_said(struct reading *r, char *value)
{
	snprintf(r->v->text, sizeof(r->v->text), "%s", value);
	return 0;
}

static const struct line_kind {
	const char *word;
	int (*read)(struct reading *r, char *value);
	bool needed;
} line_kinds[] = {
	{ "race", read_race, true },
	{ "design", read_design, true },
	{ "violation", read_violation, true },
	{ "seed", read_seed, true },
	{ "decisions", read_decisions, true },
	{ "crash", read_crash, false },
	{ "said", read_said, true },
};
#define LINE_KINDS (sizeof(line_kinds) / sizeof(line_kinds[0]))

static int read_line(struct reading *r, char *line)
{
	char *value = strchr(line, ' ');

	if (line[0] == '#' || !line[0])
		return 0;
	if (value)
		*value++ = 0;
	for (unsigned i = 0; i < LINE_KINDS; i++) {
		if (strcmp(line, line_kinds[i].word))
			continue;
		if (r->seen & 1u << i)
			return wrong(r, "a second line \"%s\"", line);
		r->seen |= 1u << i;
		return line_kinds[i].read(r, value ? value : (char[]){ 0 });
	}
	return wrong(r, "%.40s: not a line of a schedule", line);
}

static int read_lines(struct reading *r, FILE *in)
{
	char *line = NULL;
	size_t cap = 0;
	int ret = 0;

	while (!ret && getline(&line, &cap, in) >= 0) {
		line[strcspn(line, "\r\n")] = 0;
		if (++r->line == 1)
			ret = strcmp(line, MAGIC) ? wrong(r, "not a schedule: its first line is not \"" MAGIC "\"") : 0;
		else
			ret = read_line(r, line);
	}
	free(line);
	if (!ret && !r->line) {
		r->line = 1;
		ret = wrong(r, "empty");
	}
	return ret;
}

static int all_there(struct reading *r)
{
	for (unsigned i = 0; i < LINE_KINDS; i++)
		if (line_kinds[i].needed && !(r->seen & 1u << i))
			return wrong(r, "the line \"%s ...\" is missing", line_kinds[i].word);
	if (r->v->kind == VIOLATION_PROMISE && !(r->seen & 1u << 5))
		return wrong(r, "the line \"crash ...\" is missing");
	return 0;
}

int schedule_file_read(const char *path, const struct race **race, const struct design **design, struct violation *v, char *err)
{
	struct reading r = { .path = path, .v = v, .err = err };

	violation_init(v);
	FILE *in = fopen(path, "r");
	if (!in) {
		snprintf(err, ERR_MAX, "%.120s: %s", path, strerror(errno));
		return -errno;
	}
	int ret = read_lines(&r, in);
	fclose(in);
	if (!ret)
		ret = all_there(&r);
	*race = r.race;
	*design = r.design;
	return ret;
}
