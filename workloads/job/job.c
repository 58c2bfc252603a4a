/*
 * job.c: reads job files: sections, inheritance, clones, file names. The keys are in keys.c.
 *
 * inih splits lines into section, name and value. It is fed through a reader of ours, for what fio's
 * language has and inih has not: keys without a value, indented lines, the number of the line.
 */
#include "job/job.h"

#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "job/keys.h"
#include "machine/mem.h"
#include "base/text.h"

#define LINE_LEN 190 /* inih takes lines of up to 200 */

struct parser {
	struct job_file *out;
	const char *path, *text; /* text: what is not yet read */
	unsigned line;
	struct job defaults;     /* what [global] sections have set so far */
	struct job *current;     /* the section being read: an entry of out, or &defaults; NULL before the first */
	struct why *why;         /* the first error; "" while there is none */
};

__attribute__((format(printf, 3, 4)))
static void fail_at(struct parser *p, unsigned line, const char *fmt, ...)
{
	char said[WHY_MAX];
	va_list ap;

	if (p->why->text[0])
		return;
	va_start(ap, fmt);
	vsnprintf(said, sizeof(said), fmt, ap);
	va_end(ap);
	why_set(p->why, 0, "%s:%u: %s", p->path, line, said);
}

static void begin_section(struct parser *p, const char *name, size_t len)
{
	struct job_file *jf = p->out;

	if (!len || len >= JOB_NAME_MAX) {
		fail_at(p, p->line, "[%.*s]: expected a section name of 1 to %d letters", (int)(len < 40 ? len : 40),
		        name, JOB_NAME_MAX - 1);
		return;
	}
	if (len == strlen("global") && !memcmp(name, "global", len)) {
		p->current = &p->defaults;
		return;
	}
	jf->job = realloc(jf->job, sizeof(struct job) * (jf->n + 1));
	CHECK(jf->job);
	p->current = &jf->job[jf->n++];
	*p->current = p->defaults;
	memcpy(p->current->name, name, len);
	p->current->name[len] = '\0';
	p->current->line = p->line;
}

/* fio takes a comment at the end of a line, too. */
static size_t length_without_comment(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (s[i] == '#' || s[i] == ';')
			len = i;
	while (len && strchr(" \t\r", s[len - 1]))
		len--;
	return len;
}

/* Lays one line out as inih understands it. Section lines are dealt with here: inih does not report empty sections. */
static void prepare_line(struct parser *p, const char *s, size_t len, char *out)
{
	const char *close;

	out[0] = '\n';
	out[1] = '\0';
	len = length_without_comment(s, len);
	if (!len)
		return;
	if (len > LINE_LEN - 4) {
		fail_at(p, p->line, "%.20s...: a line of at most %d letters is expected", s, LINE_LEN - 4);
	} else if (s[0] == '[') {
		close = memchr(s, ']', len);
		if (close != s + len - 1)
			fail_at(p, p->line, "%.*s: expected [SECTION]", (int)len, s);
		else
			begin_section(p, s + 1, len - 2);
	} else {
		sprintf(out, "%.*s%s\n", (int)len, s, memchr(s, '=', len) ? "" : "=");
	}
}

static char *read_line(char *out, int size, void *arg)
{
	struct parser *p = arg;
	size_t len;

	if (!*p->text || p->why->text[0])
		return NULL;
	p->line++;
	len = strcspn(p->text, "\n");
	while (len && strchr(" \t\r", *p->text)) {
		p->text++;
		len--;
	}
	if (size < LINE_LEN)
		return NULL;
	prepare_line(p, p->text, len, out);
	p->text += len + (p->text[len] == '\n');
	return out;
}

static void set_key(struct parser *p, const struct job_key *key, const char *value)
{
	struct why why;

	if (!*value && key->flag)
		value = "1";
	if (key->set(p->current, value))
		fail_at(p, p->line, "%s: expected %s, not `%s`", key->name, key->expected, value);
	else if (job_check_place(key, value, &why))
		fail_at(p, p->line, "%s: %s", key->name, why.text);
}

static int take_pair(void *arg, const char *section, const char *name, const char *value)
{
	struct parser *p = arg;
	char hint[64];

	if (!p->current) {
		fail_at(p, p->line, "%s: stands before the first [section]", name);
		return 1;
	}
	for (unsigned i = 0; i < job_nkeys; i++)
		if (!strcmp(job_keys[i].name, name)) {
			set_key(p, &job_keys[i], value ? value : "");
			return 1;
		}
	fail_at(p, p->line, "%s: not a known key%s", name,
	        text_did_you_mean(hint, sizeof(hint), text_nearest(name, job_keys, job_nkeys, sizeof(job_keys[0]))));
	return 1;
}

/* What can only be said when all is read. */
static void check_whole(struct parser *p)
{
	struct why why;
	unsigned clones = 0;

	if (!p->out->n)
		fail_at(p, p->line ? p->line : 1, "no job: expected a [section] besides [global]");
	for (unsigned i = 0; i < p->out->n && !p->why->text[0]; i++) {
		struct job *j = &p->out->job[i];

		clones += j->numjobs;
		if (job_check(j, &why))
			fail_at(p, j->line, "[%s] %s", j->name, why.text);
	}
	if (clones > JOB_CLONES_MAX)
		fail_at(p, p->line, "numjobs: %u tasks in all, at most %d can be", clones, JOB_CLONES_MAX);
}

int job_parse(const char *path, const char *text, struct job_file *out, struct why *why)
{
	struct parser p = { .out = out, .path = path, .text = text, .why = why };
	const char *base = strrchr(path, '/');
	int bad;

	*why = WHY_NONE;
	*out = (struct job_file){ 0 };
	snprintf(out->path, sizeof(out->path), "%s", path);
	snprintf(out->name, sizeof(out->name), "%.60s", base ? base + 1 : path);
	out->name[strcspn(out->name, ".")] = '\0';
	job_defaults(&p.defaults);
	bad = ini_parse_stream(read_line, &p, take_pair, &p);
	if (bad)
		fail_at(&p, bad, "expected [SECTION] or KEY=VALUE");
	check_whole(&p);
	if (!why->text[0])
		return 0;
	job_free(out);
	return -EINVAL;
}

char *job_read(const char *path)
{
	FILE *in = fopen(path, "re");
	char *text = NULL;
	size_t cap = 0;
	ssize_t n;

	if (!in)
		return NULL;
	errno = 0;
	n = getdelim(&text, &cap, '\0', in);
	if (n > 0 && !text[n - 1]) { /* the rest would be ignored */
		free(text);
		text = NULL;
		errno = EILSEQ;
	} else if (n < 0 && errno) {
		free(text);
		text = NULL;
	} else if (n < 0) { /* an empty file */
		free(text);
		text = strdup("");
	}
	fclose(in);
	return text;
}

int job_load(const char *path, struct job_file *out, struct why *why)
{
	char *text = job_read(path);
	int ret;

	*out = (struct job_file){ 0 };
	if (!text)
		return why_set(why, -errno, "%s: %s", path,
		               errno == EILSEQ ? "not text: a NUL byte is in it" : strerror(errno));
	ret = job_parse(path, text, out, why);
	free(text);
	return ret;
}

void job_free(struct job_file *jf)
{
	free(jf->job);
	jf->job = NULL;
	jf->n = 0;
}

struct job_clone *job_clones(const struct job_file *jf, unsigned numjobs, unsigned *n)
{
	struct job_clone *c;
	unsigned total = 0;

	for (unsigned i = 0; i < jf->n; i++)
		total += numjobs ? numjobs : jf->job[i].numjobs;
	c = mem_zalloc(sizeof(*c) * total);
	*n = 0;
	for (unsigned i = 0; i < jf->n; i++)
		for (unsigned k = 0; k < (numjobs ? numjobs : jf->job[i].numjobs); k++, (*n)++)
			c[*n] = (struct job_clone){ &jf->job[i], *n };
	return c;
}

void job_file_name(const struct job_clone *c, unsigned i, char *out, unsigned size)
{
	const char *from = c->job->filename;

	if (!from[0]) {
		snprintf(out, size, "%s.%u.%u", c->job->name, c->clone, i);
		return;
	}
	while (i--)
		from = strchr(from, ':') + 1;
	snprintf(out, size, "%.*s", (int)strcspn(from, ":"), from);
}

uint64_t job_layout(const struct job *j)
{
	return j->rw == JOB_RANDWRITE || j->overwrite || j->mapped ? j->filesize : 0;
}
