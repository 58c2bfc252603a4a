/*
 * job.c: reads job files: lines, includes, variables, sections, inheritance, clones, file names. The keys are in
 * keys.c and keys_other.c.
 *
 * inih splits lines into section, name and value. It is fed through a reader of ours, for what fio's
 * language has and inih has not: keys without a value, indented lines, includes, variables, the number of the line.
 */
#include "job/job.h"

#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "job/keys.h"
#include "machine/mem.h"
#include "base/text.h"

#define LINE_LEN     190 /* inih takes lines of up to 200 */
#define INCLUDES_MAX 8
#define KEYS_MAX     100000u
#define FILES_MAX    1000000ull

/* A file that is being read. */
struct source {
	char path[PATH_MAX];
	char *text;              /* to free; NULL: the caller's */
	const char *at;          /* what is not yet read */
	unsigned line;
};

struct parser {
	struct job_file *out;
	struct source source[INCLUDES_MAX];
	unsigned depth;          /* source[depth] is being read */
	struct job defaults;     /* what [global] sections have set so far */
	struct job *current;     /* the section being read: an entry of out, or &defaults; NULL before the first */
	FILE *flat;              /* becomes out->text */
	uint64_t size;           /* of a section that gives none; 0: that is an error */
	struct why *why;         /* the first error; "" while there is none */
};

static struct source *top(struct parser *p)
{
	return &p->source[p->depth];
}

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
	why_set(p->why, 0, "%s:%u: %s", top(p)->path, line, said);
}

#define fail(p, ...) fail_at(p, top(p)->line, __VA_ARGS__)

/* ---- sections ---- */

static void begin_section(struct parser *p, const char *name, size_t len)
{
	struct job_file *jf = p->out;

	if (!len || len >= JOB_NAME_MAX) {
		fail(p, "[%.*s]: expected a section name of 1 to %d letters", (int)(len < 40 ? len : 40),
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
	p->current->line = top(p)->line;
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

/* ---- variables ---- */

struct line_text {
	char text[LINE_LEN];
	size_t n;
};

static int add(struct line_text *l, const char *s, size_t len)
{
	if (l->n + len >= sizeof(l->text))
		return -E2BIG;
	memcpy(l->text + l->n, s, len);
	l->n += len;
	l->text[l->n] = '\0';
	return 0;
}

/* fio's words for what the machine has. NULL: none of them begins here. */
static const char *machine_word(const char *s, size_t *len, char *buf, size_t size)
{
	static const char *const words[] = { "$pagesize", "$mb_memory", "$ncpus" };
	long value[] = { sysconf(_SC_PAGESIZE),
		         sysconf(_SC_PHYS_PAGES) / ((1 << 20) / sysconf(_SC_PAGESIZE)), sysconf(_SC_NPROCESSORS_ONLN) };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strncmp(s, words[i], strlen(words[i]))) {
			*len = strlen(words[i]);
			snprintf(buf, size, "%ld", value[i]);
			return buf;
		}
	return NULL;
}

/* What a $ at the line's `s` stands for; *len letters of the line are used. NULL and the error is told. */
static const char *variable(struct parser *p, const char *s, size_t left, size_t *len, char *buf, size_t size)
{
	const char *close = s[1] == '{' ? memchr(s, '}', left) : NULL, *value;

	if (!close) {
		value = machine_word(s, len, buf, size);
		*len = value ? *len : 1;
		return value ? value : "$";
	}
	*len = (size_t)(close + 1 - s);
	snprintf(buf, size, "%.*s", (int)(*len - 3), s + 2);
	value = getenv(buf);
	if (!value)
		fail(p, "${%.60s} is not set in the environment", buf);
	return value;
}

/* 0, or an error is told. */
static int expand(struct parser *p, const char *s, size_t len, struct line_text *out)
{
	char buf[80];
	size_t used;
	int ret = 0;

	*out = (struct line_text){ .n = 0 };
	for (size_t i = 0; i < len && !ret; i += used) {
		const char *what = s + i;
		size_t n = used = strcspn(what, "$") < len - i ? strcspn(what, "$") : len - i;

		if (*what == '$') {
			what = variable(p, what, len - i, &used, buf, sizeof(buf));
			if (!what)
				return -EINVAL;
			n = strlen(what);
		}
		ret = add(out, what, n);
	}
	if (ret || out->n > LINE_LEN - 4)
		fail(p, "%.20s...: a line of at most %d letters is expected", s, LINE_LEN - 4);
	return ret;
}

/* ---- lines ---- */

static void read_path(struct parser *p, const char *name, char *out, size_t size)
{
	const char *slash = strrchr(top(p)->path, '/');

	snprintf(out, size, "%.*s%s", name[0] == '/' || !slash ? 0 : (int)(slash + 1 - top(p)->path), top(p)->path,
	         name);
}

static void include(struct parser *p, const char *name)
{
	char path[PATH_MAX];
	char *text;

	read_path(p, name, path, sizeof(path));
	for (unsigned i = 0; i <= p->depth; i++)
		if (!strcmp(p->source[i].path, path)) {
			fail(p, "include: %.200s includes itself", path);
			return;
		}
	if (p->depth + 1 == INCLUDES_MAX) {
		fail(p, "include: more than %d files deep", INCLUDES_MAX - 1);
		return;
	}
	text = job_read(path);
	if (!text) {
		fail(p, "include: %.200s: %s", path,
		     errno == EILSEQ ? "not text: a NUL byte is in it" : strerror(errno));
		return;
	}
	p->depth++;
	*top(p) = (struct source){ .text = text, .at = text };
	strcpy(top(p)->path, path);
}

static bool take_include(struct parser *p, const struct line_text *l)
{
	static const char word[] = "include";
	const char *name = l->text + strlen(word);

	if (strncmp(l->text, word, strlen(word)) || !strchr(" \t", *name))
		return false;
	name += strspn(name, " \t");
	if (*name)
		include(p, name);
	else
		fail(p, "include: expected the name of a file");
	return true;
}

/*
 * Lays one line out as inih understands it. Section lines and includes are dealt with here: inih does not report empty
 * sections.
 */
static void prepare_line(struct parser *p, const char *s, size_t len, char *out)
{
	struct line_text l;

	strcpy(out, "\n");
	len = length_without_comment(s, len);
	if (!len || expand(p, s, len, &l) || !l.n || take_include(p, &l))
		return;
	if (l.text[0] == '[') {
		if (strchr(l.text, ']') != l.text + l.n - 1)
			fail(p, "%s: expected [SECTION]", l.text);
		else
			begin_section(p, l.text + 1, l.n - 2);
	} else {
		sprintf(out, "%s%s\n", l.text, strchr(l.text, '=') ? "" : "=");
	}
	fprintf(p->flat, "%s\n", l.text);
}

static char *read_line(char *out, int size, void *arg)
{
	struct parser *p = arg;
	struct source *s;
	size_t len;

	while (!*top(p)->at && p->depth) {
		free(top(p)->text);
		p->depth--;
	}
	s = top(p);
	if (!*s->at || p->why->text[0])
		return NULL;
	s->line++;
	len = strcspn(s->at, "\n");
	while (len && strchr(" \t\r", *s->at)) {
		s->at++;
		len--;
	}
	if (size < LINE_LEN)
		return NULL;
	const char *line = s->at;
	s->at += len + (s->at[len] == '\n');
	prepare_line(p, line, len, out);
	return out;
}

/* ---- keys ---- */

static struct job_said *say(struct parser *p, const char *key, const char *value)
{
	struct job_file *jf = p->out;
	struct job_said *s;

	jf->said = realloc(jf->said, sizeof(*jf->said) * (jf->nsaid + 1));
	CHECK(jf->said);
	s = &jf->said[jf->nsaid++];
	*s = (struct job_said){ .line = top(p)->line };
	snprintf(s->key, sizeof(s->key), "%s", key);
	snprintf(s->value, sizeof(s->value), "%s", value);
	if (p->depth)
		snprintf(s->file, sizeof(s->file), "%.60s",
		         strrchr(top(p)->path, '/') ? strrchr(top(p)->path, '/') + 1 : top(p)->path);
	return s;
}

static void set_key(struct parser *p, const struct job_key *key, const char *value, struct job_said *s)
{
	struct why why;
	int ret;

	s->what = key->what;
	if (!*value && key->flag)
		value = "1";
	ret = key->set(p->current, value);
	if (ret == -EXDEV) {
		s->answer = JOB_REFUSED;
		s->what = "a device is no file of a target's: --target file:DEVICE names one";
	} else if (ret == -ENOTSUP) {
		s->answer = JOB_CANNOT;
		s->what = "has not this value of fio's";
	} else if (ret == -ENOSYS) {
		s->answer = JOB_CANNOT;
	} else if (ret) {
		fail(p, "%s: expected %s, not `%s`", s->key, key->expected, value);
	} else if (job_check_place(key, value, &why)) {
		fail(p, "%s: %s", s->key, why.text);
	}
}

/* What is wrong with the value of a key that changes nothing; NULL: nothing. */
static const char *wrong_value(const struct job_other_key *key, const char *value)
{
	uint64_t n;

	switch (key->kind) {
	case 'b':
		return *value && strcmp(value, "0") && strcmp(value, "1") ? "0 or 1" : NULL;
	case 'n':
		return text_number(value, &n) ? "a number" : NULL;
	default:
		return *value ? NULL : "a value";
	}
}

static void take_other(struct parser *p, const struct job_other_key *key, const char *value, struct job_said *s)
{
	const char *expected = wrong_value(key, value);

	if (expected) {
		fail(p, "%s: expected %s, not `%s`", s->key, expected, value);
		return;
	}
	s->what = key->what;
	s->answer = key->answer;
	if (key->unless && (!strcmp(value, key->unless) || (!strcmp(key->unless, "0") && !strcmp(value, "none")))) {
		s->answer = JOB_NOTHING;
		s->what = "as it always is here";
	}
}

static int take_pair(void *arg, const char *section, const char *name, const char *value)
{
	struct parser *p = arg;
	const char *canon = job_key_canon(name), *meant;
	struct job_said *s;

	if (!p->current) {
		fail(p, "%s: stands before the first [section]", name);
		return 1;
	}
	if (p->out->nsaid == KEYS_MAX) {
		fail(p, "%s: more than %u keys", name, KEYS_MAX);
		return 1;
	}
	value = value ? value : "";
	s = say(p, name, value);
	for (unsigned i = 0; i < job_nkeys; i++)
		if (!strcmp(job_keys[i].name, canon)) {
			set_key(p, &job_keys[i], value, s);
			return 1;
		}
	for (unsigned i = 0; i < job_nother_keys; i++)
		if (!strcmp(job_other_keys[i].name, canon)) {
			take_other(p, &job_other_keys[i], value, s);
			return 1;
		}
	meant = job_key_meant(name);
	s->answer = JOB_UNKNOWN;
	s->what = "not a known key";
	if (meant)
		text_did_you_mean(s->hint, sizeof(s->hint), meant);
	return 1;
}

/* One more key is refused: the first with the file's name, the others with their lines. */
static void refuse(const struct job_file *jf, const struct job_said *s, struct why *why, const char *what,
                   const char *hint)
{
	bool first = !why->text[0];

	why_set(why, 0, "%s%s%s%s%u: %s%s%s%s", why->text, first ? "" : "; ",
	        s->file[0] ? s->file
	        : first    ? jf->path
	                   : "",
	        first || s->file[0] ? ":" : "line ", s->line, s->key, *what ? ": " : "", what, hint);
}

int job_refused(const struct job_file *jf, bool by_fio, struct why *why)
{
	const char *last = "";

	*why = WHY_NONE;
	for (unsigned i = 0; i < jf->nsaid; i++)
		if (jf->said[i].answer == JOB_UNKNOWN)
			refuse(jf, &jf->said[i], why, jf->said[i].what, jf->said[i].hint);
	for (unsigned i = 0; i < jf->nsaid; i++) {
		const struct job_said *s = &jf->said[i];
		char what[120];

		if (s->answer != JOB_REFUSED && (s->answer != JOB_CANNOT || by_fio))
			continue;
		snprintf(what, sizeof(what), "cannot be done here (%s)", s->what);
		refuse(jf, s, why, strcmp(last, s->what) ? what : "", "");
		last = s->what;
	}
	return why->text[0] ? -EINVAL : 0;
}

/* ---- as options ---- */

char *job_from_options(int argc, char *const *argv, struct why *why)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	bool named = false;

	CHECK(out);
	for (int i = 0; i < argc; i++) {
		const char *key = argv[i] + 2, *value = strchr(argv[i], '=');
		int len = (int)(value ? value - key : (long)strlen(key));

		if (strncmp(argv[i], "--", 2) || len < 1 || strpbrk(argv[i], "\n")) {
			why_set(why, -EINVAL, "%.100s: expected fio's options, such as --name=a --rw=write", argv[i]);
			fclose(out);
			free(text);
			return NULL;
		}
		if (!value && i + 1 < argc && strncmp(argv[i + 1], "--", 2))
			value = argv[++i];
		else if (value)
			value++;
		if (len == 4 && !strncmp(key, "name", 4) && value) {
			fprintf(out, "[%s]\n", value);
			named = true;
			continue;
		}
		if (!named && !ftell(out))
			fprintf(out, "[global]\n"); /* as fio: what stands before the first name is for all */
		fprintf(out, "%.*s%s%s\n", len, key, value ? "=" : "", value ? value : "");
	}
	fclose(out);
	return text;
}

/* ---- the whole ---- */

/* What can only be said when all is read. */
static void check_whole(struct parser *p)
{
	struct why why, refused;
	unsigned clones = 0;
	uint64_t files = 0;

	if (!p->out->n)
		fail_at(p, top(p)->line ? top(p)->line : 1, "no job: expected a [section] besides [global]");
	for (unsigned i = 0; i < p->out->n && !p->why->text[0]; i++) {
		struct job *j = &p->out->job[i];

		clones += j->numjobs;
		j->size_lent = p->size && !j->size && !j->filesize && !j->size_percent;
		if (j->size_lent)
			j->size = p->size;
		if (!job_check(j, &why))
			continue;
		if (job_refused(p->out, false, &refused)) /* which may be why */
			why_set(p->why, 0, "%s; line %u: [%s] %s", refused.text, j->line, j->name, why.text);
		else
			fail_at(p, j->line, "[%s] %s", j->name, why.text);
	}
	for (unsigned i = 0; i < p->out->n && !p->why->text[0]; i++)
		files += (uint64_t)p->out->job[i].numjobs * p->out->job[i].nrfiles;
	if (files > FILES_MAX)
		fail(p, "nrfiles: %llu files in all, at most %llu can be", (unsigned long long)files, FILES_MAX);
	if (clones > JOB_CLONES_MAX)
		fail(p, "numjobs: %u tasks in all, at most %d can be", clones, JOB_CLONES_MAX);
}

int job_parse_any(const char *path, const char *text, const char *size, struct job_file *out, struct why *why)
{
	struct parser *p = mem_zalloc(sizeof(*p));
	const char *base = strrchr(path, '/');
	size_t length;
	int bad;

	*why = WHY_NONE;
	*out = (struct job_file){ 0 };
	if (size && (job_size_text(size, 1024, &p->size) || !p->size)) {
		free(p);
		return why_set(why, -EINVAL, "--size: expected a size above 0, such as 64k or 1g, not `%.60s`", size);
	}
	snprintf(out->path, sizeof(out->path), "%s", path);
	snprintf(out->name, sizeof(out->name), "%.60s", base ? base + 1 : path);
	out->name[strcspn(out->name, ".")] = '\0';
	p->out = out;
	p->why = why;
	p->source[0].at = text;
	snprintf(p->source[0].path, sizeof(p->source[0].path), "%s", path);
	p->flat = open_memstream(&out->text, &length);
	CHECK(p->flat);
	job_defaults(&p->defaults);
	bad = ini_parse_stream(read_line, p, take_pair, p);
	if (bad)
		fail(p, "expected [SECTION] or KEY=VALUE");
	for (; p->depth; p->depth--) /* an error inside an include */
		free(top(p)->text);
	check_whole(p);
	fclose(p->flat);
	free(p);
	if (!why->text[0])
		return 0;
	job_free(out);
	return -EINVAL;
}

int job_parse(const char *path, const char *text, struct job_file *out, struct why *why)
{
	int ret = job_parse_any(path, text, NULL, out, why);

	if (ret)
		return ret;
	ret = job_refused(out, false, why);
	if (ret)
		job_free(out);
	return ret;
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
	free(jf->said);
	free(jf->text);
	jf->job = NULL;
	jf->said = NULL;
	jf->text = NULL;
	jf->n = jf->nsaid = 0;
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
			c[*n] = (struct job_clone){ &jf->job[i], *n, k };
	return c;
}

/* ---- names of files ---- */

static void put_format(const struct job_clone *c, unsigned file, char *out, unsigned size)
{
	const char *s = c->job->format[0] ? c->job->format : "$jobname.$jobnum.$filenum";
	unsigned n = 0;

	while (*s && n + 1 < size) {
		int len = 0;

		if (!strncmp(s, "$jobname", 8)) {
			len = snprintf(out + n, size - n, "%s", c->job->name);
			s += 8;
		} else if (!strncmp(s, "$jobnum", 7)) {
			len = snprintf(out + n, size - n, "%u", c->nth);
			s += 7;
		} else if (!strncmp(s, "$filenum", 8)) {
			len = snprintf(out + n, size - n, "%u", file);
			s += 8;
		} else {
			out[n] = *s++;
			len = 1;
		}
		n = n + (unsigned)len < size ? n + (unsigned)len : size - 1;
	}
	out[n] = '\0';
}

void job_file_name(const struct job_clone *c, unsigned i, char *out, unsigned size)
{
	const char *from = c->job->filename;

	if (from[0]) {
		while (i--)
			from = strchr(from, ':') + 1;
		snprintf(out, size, "%.*s", (int)strcspn(from, ":"), from);
	} else {
		put_format(c, i, out, size);
	}
	for (char *slash = out; (slash = strchr(slash, '/'));)
		*slash = '%'; /* (job.1) */
}

/* ---- sizes ---- */

uint64_t job_file_size(const struct job *j, unsigned i)
{
	return j->filesize + (i < j->larger ? job_min_bs(j) : 0);
}

uint64_t job_bytes(const struct job *j)
{
	return j->filesize * j->nrfiles + (uint64_t)j->larger * job_min_bs(j);
}

bool job_layout(const struct job *j)
{
	return job_reads(j) || j->overwrite || j->mapped;
}

bool job_preallocates(const struct job *j)
{
	return !job_layout(j) && !j->create_on_open && j->fallocate != JOB_FALLOC_NONE;
}
