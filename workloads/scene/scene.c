/* scene.c: reads a scenario's text: lines, sections and keys. See scene.h. The lines of threads: steps.c. */
#include "scene/scene.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/text.h"
#include "scene/read.h"

#define LINE_MAX_  200u      /* letters */
#define TEXT_MAX_  (1u << 16) /* of a file */

const char *const scene_verdict_name[] = { [SCENE_HOLDS] = "holds", [SCENE_BREAKS] = "breaks", [SCENE_ANY] = "any" };

/* ---- what is wrong ---- */

static int vwrong(struct reading *r, unsigned line, const char *fmt, va_list ap)
{
	char said[WHY_MAX];

	vsnprintf(said, sizeof(said), fmt, ap);
	return why_set(r->why, -EINVAL, "%.200s:%u: %s", r->path, line, said);
}

#undef wrong
#undef wrong_at

int wrong(struct reading *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int ret = vwrong(r, r->line, fmt, ap);
	va_end(ap);
	return ret;
}

int wrong_at(struct reading *r, unsigned line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int ret = vwrong(r, line, fmt, ap);
	va_end(ap);
	return ret;
}

/* ---- values ---- */

int take_name(struct reading *r, const char *what, const char *word, char *out, size_t size)
{
	for (const char *p = word; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("_-.", *p))
			return wrong(r, "%s %.40s: a name has letters, digits, '_', '-' and '.'", what, word);
	if (!*word || *word == '.' || *word == '-' || strlen(word) >= size)
		return wrong(r, "%s %.60s: a name of 1 to %u letters, not beginning with '.' or '-', is expected", what,
		             word, (unsigned)size - 1);
	strcpy(out, word);
	return 0;
}

int take_size(struct reading *r, const char *what, const char *word, uint64_t unit, uint64_t *out)
{
	int ret = text_size(word, out);

	if (ret == -EINVAL)
		return wrong(r, "%s: %.40s: a size is expected, as 4096 or 4k", what, word);
	if (ret || *out > SCENE_BYTES)
		return wrong(r, "%s: %.40s: at most 1m is expected", what, word);
	return *out % unit ? wrong(r, "%s: %.40s: not a multiple of %u", what, word, (unsigned)unit) : 0;
}

int take_number(struct reading *r, const char *what, const char *word, uint64_t min, uint64_t max, uint64_t *out)
{
	if (!text_number(word, out) && *out >= min && *out <= max)
		return 0;
	return wrong(r, "%s: %.40s: a number from %lu to %lu is expected", what, word, (unsigned long)min,
	             (unsigned long)max);
}

/* ---- keys ---- */

static int take_text(struct reading *r, const char *key, const char *value, char **out)
{
	if (*out)
		return wrong(r, "%s: it is there already", key);
	*out = strdup(value);
	CHECK(*out);
	return 0;
}

static int set_what(struct reading *r, char *value)
{
	return take_text(r, "what", value, &r->scene->what);
}

static int set_story(struct reading *r, char *value)
{
	return take_text(r, "story", value, &r->scene->story);
}

static int set_cites(struct reading *r, char *value)
{
	return take_text(r, "cites", value, &r->scene->cites);
}

static int set_beside(struct reading *r, char *value)
{
	r->scene->beside = !strcmp(value, "writer-fsyncer");
	return r->scene->beside ? 0 : wrong(r, "beside: %.40s: writer-fsyncer is expected", value);
}

static int set_nodesize(struct reading *r, const char *value)
{
	uint64_t size;

	if (take_size(r, "nodesize", value, 4096, &size))
		return -EINVAL;
	if (size < 4096 || size > 65536 || size & (size - 1))
		return wrong(r, "nodesize: %.40s: 4k, 8k, 16k, 32k or 64k is expected", value);
	r->scene->nodesize = (uint32_t)size;
	return 0;
}

static int set_metadata(struct reading *r, const char *value)
{
	r->scene->dup = !strcmp(value, "dup");
	return r->scene->dup || !strcmp(value, "single") ? 0 :
	       wrong(r, "metadata: %.40s: single or dup is expected", value);
}

static int set_subvols(struct reading *r, const char *value)
{
	uint64_t n;

	if (take_number(r, "subvols", value, 1, 8, &n))
		return -EINVAL;
	r->scene->subvols = (uint32_t)n;
	return 0;
}

static int set_max_inline(struct reading *r, const char *value)
{
	uint64_t size;

	if (take_size(r, "max_inline", value, 1, &size))
		return -EINVAL;
	if (size > 2048)
		return wrong(r, "max_inline: %.40s: at most 2k is expected", value);
	r->scene->max_inline = (uint32_t)size;
	return 0;
}

static int set_memory(struct reading *r, const char *value)
{
	uint64_t n;

	if (take_number(r, "memory", value, 1, 1000, &n))
		return -EINVAL;
	r->scene->memory = (uint32_t)n;
	return 0;
}

static int set_compress(struct reading *r, const char *value)
{
	r->scene->compress = true;
	return *value ? wrong(r, "compress: %.40s: no value is expected", value) : 0;
}

static int set_pieces(struct reading *r, const char *value)
{
	r->scene->pieces = true;
	return *value ? wrong(r, "pieces: %.40s: no value is expected", value) : 0;
}

struct option {
	const char *name;
	int (*set)(struct reading *r, const char *value);
};

static const struct option mkfs_options[] = {
	{ "nodesize", set_nodesize }, { "metadata", set_metadata }, { "subvols", set_subvols }, { NULL, NULL },
};

static const struct option mount_options[] = {
	{ "compress", set_compress }, { "max_inline", set_max_inline }, { "memory", set_memory },
	{ "pieces", set_pieces }, { NULL, NULL },
};

static int set_option(struct reading *r, const char *key, const struct option *table, char *word)
{
	char *value = strchr(word, '='), hint[80];
	size_t n = 0;

	if (value)
		*value++ = '\0';
	for (; table[n].name; n++)
		if (!strcmp(table[n].name, word))
			return table[n].set(r, value ? value : "");
	return wrong(r, "%s: %.40s: no such option%s", key, word,
	             text_did_you_mean(hint, sizeof(hint), text_nearest(word, table, n, sizeof(table[0]))));
}

static int set_options(struct reading *r, const char *key, const struct option *table, char *value)
{
	char *save;

	for (char *word = strtok_r(value, ", \t", &save); word; word = strtok_r(NULL, ", \t", &save))
		if (set_option(r, key, table, word))
			return -EINVAL;
	return 0;
}

static int set_mkfs(struct reading *r, char *value)
{
	return set_options(r, "mkfs", mkfs_options, value);
}

static int set_mount(struct reading *r, char *value)
{
	return set_options(r, "mount", mount_options, value);
}

static int set_granularity(struct reading *r, char *value)
{
	r->scene->fine = !strcmp(value, "fine");
	return r->scene->fine || !strcmp(value, "coarse") ? 0 :
	       wrong(r, "granularity: %.40s: coarse or fine is expected", value);
}

static int set_completion_workers(struct reading *r, char *value)
{
	uint64_t n;

	if (take_number(r, "completion_workers", value, 1, 4, &n))
		return -EINVAL;
	r->scene->completion_workers = (uint32_t)n;
	return 0;
}

struct key {
	const char *name;
	int (*set)(struct reading *r, char *value); /* NULL: of a fault, whose kind is the place in the table */
};

static const struct key scenario_keys[] = {
	{ "what", set_what }, { "story", set_story }, { "cites", set_cites }, { "beside", set_beside },
	{ NULL, NULL },
};

/* [setup] has lines of operations, too. */
static const struct key setup_keys[] = { { "mkfs", set_mkfs }, { "mount", set_mount }, { NULL, NULL } };
static const struct key fault_keys[] = {
	[SCENE_DATA_WRITE_ERROR] = { "data_write_error", NULL },
	[SCENE_TREE_WRITE_ERROR] = { "tree_write_error", NULL },
	[SCENE_SUPER_WRITE_ERROR] = { "super_write_error", NULL },
	[SCENE_FLUSH_ERROR] = { "flush_error", NULL },
	[SCENE_READ_ERROR] = { "read_error", NULL },
	[SCENE_LOG_MEMORY_ERROR] = { "log_memory_error", NULL },
	[SCENE_DATA_SPACE_ERROR] = { "data_space_error", NULL },
	[SCENE_TREE_SPACE_ERROR] = { "tree_space_error", NULL },
	[SCENE_FAULTS] = { NULL, NULL },
};
static const struct key hunt_keys[] = {
	{ "granularity", set_granularity }, { "completion_workers", set_completion_workers }, { NULL, NULL },
};

static int set_fault(struct reading *r, const struct key *key, const char *value)
{
	uint64_t n;

	if (take_number(r, key->name, value, 1, 1000, &n))
		return -EINVAL;
	r->scene->fault[key - fault_keys] = (uint32_t)n;
	return 0;
}

static int set_value(struct reading *r, const struct key *key, char *value)
{
	if (!*value)
		return wrong(r, "%s: a value is expected", key->name);
	return key->set ? key->set(r, value) : set_fault(r, key, value);
}

static int set_key(struct reading *r, const struct key *keys, const char *name, char *value)
{
	char hint[80];
	size_t n = 0;

	for (; keys[n].name; n++)
		if (!strcmp(keys[n].name, name))
			return set_value(r, &keys[n], value);
	return wrong(r, "%.40s: no such key%s", name,
	             text_did_you_mean(hint, sizeof(hint), text_nearest(name, keys, n, sizeof(keys[0]))));
}

static int set_expect(struct reading *r, const char *design, const char *value, bool beside)
{
	struct scene *s = r->scene;
	struct scene_expect *e = &s->expect[s->nexpects];

	if (s->nexpects == SCENE_EXPECTS)
		return wrong(r, "%.40s: more than %u designs", design, SCENE_EXPECTS);
	*e = (struct scene_expect){ .line = r->line, .beside = beside };
	if (take_name(r, "design", design, e->design, sizeof(e->design)))
		return -EINVAL;
	for (unsigned i = 0; i < s->nexpects; i++)
		if (s->expect[i].beside == beside && !strcmp(s->expect[i].design, design))
			return wrong(r, "%.40s: a verdict of it is there already, by line %u", design,
			             s->expect[i].line);
	while (e->verdict <= SCENE_ANY && strcmp(scene_verdict_name[e->verdict], value))
		e->verdict++;
	if (e->verdict > SCENE_ANY)
		return wrong(r, "%.40s: %.40s: holds, breaks or any is expected", design, value);
	s->nexpects++;
	return 0;
}

/* ---- sections ---- */

enum section_kind { SCENARIO, SETUP, THREAD, FAULTS, HUNT, EXPECT, EXPECT_BESIDE };

static const struct section {
	const char *name;
	uint8_t kind;
	const struct key *keys; /* NULL: it has lines of another kind */
} sections[] = {
	{ "scenario", SCENARIO, scenario_keys }, { "setup", SETUP, setup_keys }, { "thread", THREAD, NULL },
	{ "faults", FAULTS, fault_keys },        { "hunt", HUNT, hunt_keys },    { "expect", EXPECT, NULL },
};
#define SECTIONS (sizeof(sections) / sizeof(sections[0]))

static const struct section expect_beside = { "expect", EXPECT_BESIDE, NULL };

static bool is_of_verdicts(const struct section *section)
{
	return section->kind == EXPECT || section->kind == EXPECT_BESIDE;
}

static const struct section *find_section(const char *name)
{
	for (unsigned i = 0; i < SECTIONS; i++)
		if (!strcmp(sections[i].name, name))
			return &sections[i];
	return NULL;
}

/* Cuts "[thread NAME]" in two words; the second is returned, "" when there is none. NULL: it is no such line. */
static char *split_section(char *line)
{
	size_t n = strlen(line);

	if (n < 3 || line[n - 1] != ']')
		return NULL;
	line[n - 1] = '\0';
	char *name = line + strcspn(line, " \t");
	if (*name)
		*name++ = '\0';
	return name + strspn(name, " \t");
}

static int begin_thread(struct reading *r, const char *name, struct scene_thread **out)
{
	struct scene *s = r->scene;
	struct scene_thread *t = &s->thread[s->nthreads];

	if (s->nthreads == SCENE_THREADS)
		return wrong(r, "%.40s: more than %u threads", name, SCENE_THREADS);
	if (take_name(r, "thread", name, t->name, sizeof(t->name)))
		return -EINVAL;
	for (unsigned i = 0; i < s->nthreads; i++)
		if (!strcmp(s->thread[i].name, name))
			return wrong(r, "%.40s: a thread of that name is there already, by line %u", name,
			             s->thread[i].line);
	t->line = r->line;
	s->nthreads++;
	*out = t;
	return 0;
}

static int begin_section(struct reading *r, char *line, const struct section **section, struct scene_thread **thread)
{
	char *name = split_section(line), *word = line + 1, hint[80];

	if (!name)
		return wrong(r, "%.40s: `[SECTION]` is expected", line);
	*section = find_section(word);
	if (!*section)
		return wrong(r, "[%.40s]: no such section%s", word,
		             text_did_you_mean(hint, sizeof(hint), text_nearest(word, sections, SECTIONS,
		                                                                sizeof(sections[0]))));
	if ((*section)->kind == THREAD)
		return r->names_only ? 0 : begin_thread(r, name, thread);
	*thread = (*section)->kind == SETUP ? &r->scene->setup : NULL;
	if ((*section)->kind == EXPECT && !strcmp(name, "beside")) {
		*section = &expect_beside;
		return 0;
	}
	return *name ? wrong(r, "[%s %.40s]: no name is expected", word, name) : 0;
}

/* ---- lines ---- */

static unsigned split_words(char *line, char **word)
{
	char *save;
	unsigned n = 0;

	for (char *w = strtok_r(line, " \t", &save); w && n < SCENE_WORDS; w = strtok_r(NULL, " \t", &save))
		word[n++] = w;
	return n;
}

/* "key = value": cuts it in two. NULL: there is no '='. */
static char *split_pair(char *line)
{
	char *eq = strchr(line, '=');

	if (!eq)
		return NULL;
	char *end = eq, *value = eq + 1 + strspn(eq + 1, " \t");
	while (end > line && strchr(" \t", end[-1]))
		end--;
	*end = '\0';
	return value;
}

/* A line of [setup] that has a '=' is a key, any other one an operation. */
static bool has_key(const struct section *section, const char *line)
{
	return section->keys && (section->kind != SETUP || strchr(line, '='));
}

/* What the first pass takes: names, and the subvolumes that they may be in. */
static int read_line_of_names(struct reading *r, const struct section *section, char *line)
{
	char *word[SCENE_WORDS];

	if (section->kind == SETUP && has_key(section, line)) {
		char *value = split_pair(line);
		return set_key(r, setup_keys, line, value);
	}
	if (section->kind != SETUP && section->kind != THREAD)
		return 0;
	return read_names(r, word, split_words(line, word));
}

static int read_line(struct reading *r, const struct section *section, struct scene_thread *thread, char *line)
{
	char *word[SCENE_WORDS];

	if (!section)
		return wrong(r, "%.40s: it stands before the first [section]", line);
	if (r->names_only)
		return read_line_of_names(r, section, line);
	if (!has_key(section, line) && !is_of_verdicts(section))
		return read_step(r, thread, word, split_words(line, word));
	char *value = split_pair(line);
	if (!value)
		return wrong(r, "%.40s: `%s` is expected", line,
		             is_of_verdicts(section) ? "DESIGN = VERDICT" : "KEY = VALUE");
	if (is_of_verdicts(section))
		return set_expect(r, line, value, section->kind == EXPECT_BESIDE);
	return section->kind == SETUP ? 0 : set_key(r, section->keys, line, value);
}

size_t bare_length(const char *p)
{
	size_t n = 0, end = strcspn(p, "\n");

	while (n < end && !(p[n] == '#' && (!n || strchr(" \t", p[n - 1]))))
		n++;
	while (n && strchr(" \t\r", p[n - 1]))
		n--;
	return n;
}

/*
 * The next line that is not empty, with those that go on with it (they begin with a blank, in a section of keys), one
 * '\n' in place of each line's end. *first is its number, *line that of the last one read. False: there is none.
 */
static bool next_line(const char **text, bool goes_on, char *out, unsigned *first, unsigned *line)
{
	char *end = out;

	for (const char *p = *text; *p; p = *text) {
		size_t blanks = strspn(p, " \t"), n = bare_length(p);
		if (end > out && n && !(goes_on && blanks && p[blanks] != '['))
			break;
		*text = p + strcspn(p, "\n");
		*text += **text == '\n';
		(*line)++;
		if (n <= blanks) {
			if (end > out)
				break;
			continue;
		}
		if (end == out)
			*first = *line;
		else
			*end++ = '\n';
		memcpy(end, p + blanks, n - blanks);
		end += n - blanks;
	}
	*end = '\0';
	return end > out;
}

static int check_letters(struct reading *r, const char *text)
{
	r->line = 1;
	for (const char *p = text, *begin = text; *p; p++) {
		if (*p == '\n') {
			r->line++;
			begin = p + 1;
		} else if (p - begin >= (long)LINE_MAX_) {
			return wrong(r, "%.20s...: a line of at most %u letters is expected", begin, LINE_MAX_);
		} else if (iscntrl((unsigned char)*p) && !strchr("\t\r", *p)) {
			return wrong(r, "a byte %d: text is expected", (unsigned char)*p);
		}
	}
	return 0;
}

/* One of the two passes. */
static int read_lines(struct reading *r, const char *text)
{
	const struct section *section = NULL;
	struct scene_thread *thread = NULL;
	char *line = malloc(strlen(text) + 1);
	unsigned last = 0;
	int ret = 0;

	CHECK(line);
	while (!ret && next_line(&text, section && section->kind == SCENARIO, line, &r->line, &last))
		ret = line[0] == '[' ? begin_section(r, line, &section, &thread) : read_line(r, section, thread, line);
	free(line);
	return ret;
}

static int check_whole(struct reading *r)
{
	struct scene *s = r->scene;
	uint64_t bytes = 0;

	if (!s->nthreads)
		return wrong(r, "no [thread NAME]");
	for (unsigned i = 0; i < s->nnames; i++)
		bytes += s->name_of[i].bytes;
	if (bytes > SCENE_BYTES)
		return wrong(r, "files of %lu bytes: at most 1m is expected of all together", (unsigned long)bytes);
	for (unsigned i = 0; i < s->nthreads; i++) {
		s->thread[i].repeat += !s->thread[i].repeat;
		if (!s->thread[i].n)
			return wrong_at(r, s->thread[i].line, "[thread %s]: no line", s->thread[i].name);
	}
	return check_descriptors(r) || check_marks(r) ? -EINVAL : 0;
}

/* ---- a scenario ---- */

static void set_name(struct scene *s, const char *path)
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	size_t n = strlen(base);

	if (n > 4 && !strcmp(base + n - 4, ".scn"))
		n -= 4;
	snprintf(s->name, sizeof(s->name), "%.*s", (int)n, base);
	for (char *p = s->name; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("_-.", *p))
			*p = '_';
}

static void fill_in(struct scene *s)
{
	char **text[] = { &s->what, &s->story, &s->cites };

	for (unsigned i = 0; i < sizeof(text) / sizeof(text[0]); i++)
		if (!*text[i]) {
			*text[i] = strdup("");
			CHECK(*text[i]);
		}
}

int scene_parse(const char *path, const char *text, struct scene **out, struct why *why)
{
	struct scene *s = calloc(1, sizeof(*s));
	struct reading r = { .path = path, .scene = s, .why = why, .names_only = true };

	CHECK(s);
	s->nodesize = 4096;
	s->subvols = 1;
	strcpy(s->setup.name, "setup");
	set_name(s, path);
	int ret = check_letters(&r, text);
	if (!ret)
		ret = read_lines(&r, text);
	r.names_only = false;
	if (!ret)
		ret = read_lines(&r, text);
	if (!ret)
		ret = check_whole(&r);
	fill_in(s);
	if (ret)
		scene_free(s);
	else
		*out = s;
	return ret;
}

int scene_load(const char *path, struct scene **out, char **text, struct why *why)
{
	FILE *in = fopen(path, "r");
	int ret = 0;

	if (!in)
		return why_set(why, -errno, "%.300s: %s", path, strerror(errno));
	char *got = malloc(TEXT_MAX_ + 1);
	CHECK(got);
	errno = 0;
	size_t n = fread(got, 1, TEXT_MAX_ + 1, in);
	if (ferror(in))
		ret = why_set(why, -EIO, "%.300s: %s", path, strerror(errno));
	else if (n > TEXT_MAX_)
		ret = why_set(why, -EINVAL, "%.300s: no scenario: larger than 64k", path);
	else if (memchr(got, '\0', n))
		ret = why_set(why, -EINVAL, "%.300s: no scenario: it has a NUL byte", path);
	fclose(in);
	got[n <= TEXT_MAX_ ? n : 0] = '\0';
	if (!ret)
		ret = scene_parse(path, got, out, why);
	if (ret)
		free(got);
	else
		*text = got;
	return ret;
}

void scene_free(struct scene *s)
{
	if (!s)
		return;
	free(s->what);
	free(s->story);
	free(s->cites);
	free(s);
}
