/*
 * schedule_read.c: reads a schedule's file (schedule_file.h). First it checks that the file is a schedule of this
 * format, whole and unchanged; then it reads line by line; then it checks that the race and the design are this
 * program's.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/text.h"
#include "hunt/schedule_file.h"
#include "hunt/schedule_text.h"
#include "machine/mem.h"

#define FILE_MAX (4u << 20) /* ten times what the longest run takes that a hunt allows */

struct reading {
	const char *path;
	unsigned line;
	const char *job, *scenario; /* the text of its line; NULL: none so far */
	const struct race_source *races;
	const struct race *race;
	const struct design *design;
	struct violation *v;
	uint64_t config;
	bool tolerant;
	unsigned seen; /* bit i: line kind i (enum schedule_line) was there */
	struct why *why;
};

__attribute__((format(printf, 2, 3))) static int wrong(struct reading *r, const char *fmt, ...)
{
	char what[WHY_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	return why_set(r->why, -EINVAL, "%.120s:%u: %s", r->path, r->line, what);
}

/* Puts the line ends of a job or a scenario back in place. */
static int unescape(struct reading *r, const char *word, char *value)
{
	char *to = value;

	for (const char *p = value; *p; p++) {
		bool escaped = *p == '\\';
		p += escaped;
		if (escaped && *p != 'n' && *p != '\\')
			return wrong(r, "%s: a \\ that is not the first of \\n or \\\\", word);
		*to++ = escaped && *p == 'n' ? '\n' : *p;
	}
	*to = 0;
	return 0;
}

static int read_job(struct reading *r, char *value)
{
	r->job = value;
	return unescape(r, "job", value);
}

static int read_scenario(struct reading *r, char *value)
{
	r->scenario = value;
	return unescape(r, "scenario", value);
}

static int make_job(struct reading *r, const char *value)
{
	struct why why;

	if (strncmp(value, "job-", 4))
		return wrong(r, "race %.40s: a job's is expected, as there is a line \"job ...\"", value);
	return r->races->from_job(value + 4, r->job, &r->race, &why) ? wrong(r, "%s", why.text) : 0;
}

static int read_race(struct reading *r, char *value)
{
	char hint[64];
	struct why why;

	if (r->job)
		return make_job(r, value);
	if (r->scenario)
		return r->races->from_scenario(value, r->scenario, &r->race, &why) ? wrong(r, "%s", why.text) : 0;
	r->race = r->races->find(value);
	if (r->race)
		return 0;
	return wrong(r, "no race %.40s%s", value, r->races->nearest(value, hint, sizeof(hint)));
}

static int read_design(struct reading *r, char *value)
{
	r->design = fs_design_find(value);
	return r->design ? 0 : wrong(r, "no design %.40s", value);
}

static int read_hex(struct reading *r, const char *value, uint64_t *out)
{
	char *end;

	*out = strtoull(value, &end, 16);
	return end == value || *end ? wrong(r, "%.40s: not a hexadecimal number", value) : 0;
}

static int read_config(struct reading *r, char *value)
{
	return read_hex(r, value, &r->config);
}

static int read_trace(struct reading *r, char *value)
{
	return read_hex(r, value, &r->v->run.trace_hash);
}

/* TASK, or TASK:CALL. */
static int read_one_absent(struct reading *r, char *word)
{
	char *colon = strchr(word, ':');
	uint64_t call = 63, *set = NULL;

	if (colon) {
		*colon++ = 0;
		if (text_number(colon, &call) || call > 62)
			return wrong(r, "%.40s: not the number of a call", colon);
	}
	for (uint32_t i = 0; r->race && i < r->race->ntasks; i++)
		if (!strcmp(word, r->race->tasks[i].name))
			set = &r->v->absent.task[i];
	if (!set)
		return wrong(r, "%.40s: not a task of the race", word);
	*set |= 1ull << call;
	return 0;
}

static int read_without(struct reading *r, char *value)
{
	int ret = 0;

	for (char *word = strtok(value, " "); word && !ret; word = strtok(NULL, " "))
		ret = read_one_absent(r, word);
	return ret;
}

static int read_found(struct reading *r, char *value)
{
	snprintf(r->v->found, sizeof(r->v->found), "%s", value);
	return 0;
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

static int read_granularity(struct reading *r, char *value)
{
	int g = find_word(value, granularity_name, COOP_GRANULARITIES);

	if (g < 0)
		return wrong(r, "%.40s: coarse or fine is expected", value);
	r->v->granularity = (enum granularity)g;
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

static int (*const readers[SCHEDULE_LINES])(struct reading *r, char *value) = {
	[LINE_JOB] = read_job,
	[LINE_SCENARIO] = read_scenario,
	[LINE_RACE] = read_race,
	[LINE_DESIGN] = read_design,
	[LINE_GRANULARITY] = read_granularity,
	[LINE_CONFIG] = read_config,
	[LINE_WITHOUT] = read_without,
	[LINE_VIOLATION] = read_violation,
	[LINE_FOUND] = read_found,
	[LINE_SEED] = read_seed,
	[LINE_DECISIONS] = read_decisions,
	[LINE_TRACE] = read_trace,
	[LINE_CRASH] = read_crash,
	[LINE_SAID] = read_said,
};

static int read_line(struct reading *r, char *line)
{
	char *value = strchr(line, ' ');

	if (line[0] == '#' || !line[0])
		return 0;
	if (value)
		*value++ = 0;
	for (unsigned i = 0; i < SCHEDULE_LINES; i++) {
		if (strcmp(line, schedule_word[i].word))
			continue;
		if (r->seen & 1u << i)
			return wrong(r, "a second line \"%s\"", line);
		r->seen |= 1u << i;
		return readers[i](r, value ? value : (char[]){ 0 });
	}
	return wrong(r, "%.40s: not a line of a schedule", line);
}

/* Is the whole file there, and as it was written? */
static int check_end(struct reading *r, const char *text)
{
	size_t size = strlen(text);
	const char *end = NULL;
	uint64_t crc;
	char word[16];

	for (const char *p = text; p && *p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL) {
		r->line++;
		if (!strncmp(p, SCHEDULE_END, strlen(SCHEDULE_END)))
			end = p;
		else if (end)
			return wrong(r, "a line after the last one, \"" SCHEDULE_END "...\"");
	}
	if (!end || text[size - 1] != '\n')
		return wrong(r, "cut short: its last line is not \"" SCHEDULE_END "CRC\"");
	const char *sum = end + strlen(SCHEDULE_END);
	snprintf(word, sizeof(word), "%.*s", (int)strcspn(sum, "\r\n"), sum);
	if (read_hex(r, word, &crc))
		return -EINVAL;
	uint32_t is = crc32c(0, text, (size_t)(end - text));
	return crc == is ? 0 : wrong(r, "changed since it was written: its sum is %08x, this line says %s", is, word);
}

static int check_magic(struct reading *r, const char *text)
{
	uint64_t format;
	char word[16];

	r->line = 1;
	if (!text[0])
		return wrong(r, "empty");
	if (strncmp(text, SCHEDULE_MAGIC, strlen(SCHEDULE_MAGIC)))
		return wrong(r, "not a schedule: its first line is not \"" SCHEDULE_MAGIC "%u\"", SCHEDULE_FORMAT);
	text += strlen(SCHEDULE_MAGIC);
	snprintf(word, sizeof(word), "%.*s", (int)strcspn(text, "\r\n"), text);
	if (text_number(word, &format) || format != SCHEDULE_FORMAT)
		return wrong(r, "a schedule of format %s; this program reads format %u", word, SCHEDULE_FORMAT);
	r->line = 0;
	return 0;
}

static int read_lines(struct reading *r, char *text)
{
	char *rest = text;
	int ret = 0;

	r->line = 0;
	for (char *line; !ret && (line = strsep(&rest, "\n"));) {
		line[strcspn(line, "\r")] = 0;
		if (r->line++ && strncmp(line, SCHEDULE_END, strlen(SCHEDULE_END)))
			ret = read_line(r, line);
	}
	return ret;
}

/* Are all lines there, and is the configuration this program's? */
static int all_there(struct reading *r)
{
	for (unsigned i = 0; i < SCHEDULE_LINES; i++)
		if (schedule_word[i].needed && !(r->seen & 1u << i))
			return wrong(r, "the line \"%s ...\" is missing", schedule_word[i].word);
	if (r->v->kind == VIOLATION_PROMISE && r->race->bare)
		return wrong(r, "race %s has no device whose power could fail", r->race->name);
	if (r->v->kind == VIOLATION_PROMISE && !r->v->crash.pos)
		return wrong(r, "the line \"crash ...\" is missing");
	if (!race_knows(r->race, r->design->name))
		return wrong(r, "race %s does not know design %s", r->race->name, r->design->name);
	if (r->tolerant || r->config == schedule_config(r->race, r->design))
		return 0;
	return wrong(r, "recorded with another race %s or design %s: options or tasks have changed "
	             "(--tolerant tries all the same)", r->race->name, r->design->name);
}

/* The whole file as a string, which is the caller's. NULL and why: it cannot be read, or is not text. */
static char *read_text(const char *path, struct why *out)
{
	FILE *in = fopen(path, "r");
	const char *why = NULL;

	if (!in) {
		why_set(out, -errno, "%.120s: %s", path, strerror(errno));
		return NULL;
	}
	char *text = mem_alloc(FILE_MAX + 1);
	errno = 0;
	size_t n = fread(text, 1, FILE_MAX + 1, in);
	if (ferror(in))
		why = errno == EISDIR ? "is a directory; a schedule's file is expected" : strerror(errno);
	else if (n > FILE_MAX)
		why = "not a schedule: it is larger than any";
	else if (memchr(text, 0, n))
		why = "not a schedule: it has a NUL byte";
	fclose(in);
	text[n <= FILE_MAX ? n : 0] = 0;
	if (!why)
		return text;
	why_set(out, -EINVAL, "%.120s: %s", path, why);
	free(text);
	return NULL;
}

int schedule_file_read(const char *path, bool tolerant, const struct race_source *races, const struct race **race,
                       const struct design **design, struct violation *v, struct why *why)
{
	struct reading r = { .path = path, .races = races, .v = v, .why = why, .tolerant = tolerant };

	violation_init(v);
	char *text = read_text(path, why);
	if (!text)
		return -EINVAL;
	int ret = check_magic(&r, text);
	schedule_unwrap(text);
	if (!ret)
		ret = check_end(&r, text);
	if (!ret)
		ret = read_lines(&r, text);
	if (!ret)
		ret = all_there(&r);
	free(text);
	*race = r.race;
	*design = r.design;
	return ret;
}
