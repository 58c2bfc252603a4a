/* steps.c: the lines of a thread: the words that there are, and what each takes. See scene.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "scene/read.h"

enum takes { NOTHING, A_RANGE, A_SIZE, A_SUBVOL };

/* Words that follow a file. */
static const struct file_word {
	const char *word;
	uint8_t op;
	uint8_t takes;
	uint16_t unit;       /* what offsets, lengths and sizes are multiples of */
	const char *letters; /* that may follow a '-' */
	uint8_t flags[4];    /* of each letter */
} file_words[] = {
	{ "create", SCENE_CREATE, A_SUBVOL, 0, "", { 0 } },
	{ "open", SCENE_OPEN, NOTHING, 0, "", { 0 } },
	{ "close", SCENE_CLOSE, NOTHING, 0, "", { 0 } },
	{ "pwrite", SCENE_PWRITE, A_RANGE, 512, "dD", { SCENE_DIRECT, SCENE_DSYNC } },
	{ "aio_write", SCENE_AIO_WRITE, A_RANGE, 4096, "", { 0 } },
	{ "truncate", SCENE_TRUNCATE, A_SIZE, 512, "", { 0 } },
	{ "falloc", SCENE_FALLOC, A_RANGE, 4096, "k", { SCENE_KEEP_SIZE } },
	{ "fpunch", SCENE_FPUNCH, A_RANGE, 4096, "", { 0 } },
	{ "fsync", SCENE_FSYNC, NOTHING, 0, "", { 0 } },
	{ "fdatasync", SCENE_FDATASYNC, NOTHING, 0, "", { 0 } },
	{ "sync_range", SCENE_SYNC_RANGE, A_RANGE, 4096, "wba", { 0, SCENE_WAIT, SCENE_WAIT } },
	{ "mmap", SCENE_MMAP, A_RANGE, 4096, "", { 0 } },
	{ "mwrite", SCENE_MWRITE, A_RANGE, 512, "", { 0 } },
	{ "msync", SCENE_MSYNC, A_RANGE, 4096, "", { 0 } },
	{ "writeback", SCENE_WRITEBACK, NOTHING, 0, "", { 0 } },
	{ "fiemap", SCENE_FIEMAP, NOTHING, 0, "", { 0 } },
	{ "fadvise", SCENE_FADVISE, NOTHING, 0, "d", { SCENE_DIRECT } },
};
#define FILE_WORDS (sizeof(file_words) / sizeof(file_words[0]))

/* Words that stand first in a line. */
static const struct plain_word {
	const char *word;
	uint8_t op;
	uint8_t args; /* names of files, or a mark */
} plain_words[] = {
	{ "mv", SCENE_MV, 2 },
	{ "ln", SCENE_LN, 2 },
	{ "rm", SCENE_RM, 1 },
	{ "aio_wait", SCENE_AIO_WAIT, 0 },
	{ "sync", SCENE_SYNC, 0 },
	{ "commit", SCENE_COMMIT, 0 },
	{ "drop_caches", SCENE_DROP_CACHES, 0 },
	{ "mark", SCENE_MARK, 1 },
	{ "at", SCENE_AT, 1 },
};
#define PLAIN_WORDS (sizeof(plain_words) / sizeof(plain_words[0]))

const char *scene_op_name(enum scene_op op)
{
	for (unsigned i = 0; i < FILE_WORDS; i++)
		if (file_words[i].op == op)
			return file_words[i].word;
	for (unsigned i = 0; i < PLAIN_WORDS; i++)
		if (plain_words[i].op == op)
			return plain_words[i].word;
	return "fsync of a directory";
}

static const struct file_word *find_file_word(const char *word)
{
	for (unsigned i = 0; i < FILE_WORDS; i++)
		if (!strcmp(file_words[i].word, word))
			return &file_words[i];
	return NULL;
}

static const struct plain_word *find_plain_word(const char *word)
{
	for (unsigned i = 0; i < PLAIN_WORDS; i++)
		if (!strcmp(plain_words[i].word, word))
			return &plain_words[i];
	return NULL;
}

/* ---- names ---- */

unsigned find_name(const struct scene *s, const char *name)
{
	for (unsigned i = 0; i < s->nnames; i++)
		if (!strcmp(s->name_of[i].name, name))
			return i;
	return SCENE_NONE;
}

static const char *nearest_name(const struct scene *s, const char *word, char *buf, size_t size)
{
	const char *names[SCENE_NAMES];

	for (unsigned i = 0; i < s->nnames; i++)
		names[i] = s->name_of[i].name;
	return text_did_you_mean(buf, size, text_nearest(word, names, s->nnames, sizeof(names[0])));
}

/* The number of a name that must be there. */
static int known_name(struct reading *r, const char *word, uint8_t *out)
{
	unsigned i = find_name(r->scene, word);
	char hint[80];

	if (i == SCENE_NONE)
		return wrong(r, "%.40s: no file of this scenario%s", word,
		             nearest_name(r->scene, word, hint, sizeof(hint)));
	*out = (uint8_t)i;
	return 0;
}

static int take_subvol(struct reading *r, char **word, unsigned n, uint32_t *out)
{
	uint64_t subvol = 0;

	if (n && (n != 2 || strcmp(word[0], "in")))
		return wrong(r, "%.40s: `in SUBVOLUME` is expected, or nothing", word[0]);
	if (n && take_number(r, "in", word[1], 0, r->scene->subvols - 1, &subvol))
		return -EINVAL;
	*out = (uint32_t)subvol;
	return 0;
}

/* The name, which is new unless a line has made it before. */
static int add_name(struct reading *r, const char *word, struct scene_name **out)
{
	struct scene *s = r->scene;
	unsigned i = find_name(s, word);

	if (i == SCENE_NONE) {
		if (s->nnames == SCENE_NAMES)
			return wrong(r, "%.40s: more than %u names of files", word, SCENE_NAMES);
		if (find_plain_word(word) || !strcmp(word, "file") || !strcmp(word, "repeat"))
			return wrong(r, "%.40s: a word of the language is no name of a file", word);
		i = s->nnames;
		s->name_of[i] = (struct scene_name){ .line = r->line };
		if (take_name(r, "file", word, s->name_of[i].name, SCENE_NAME_MAX))
			return -EINVAL;
		s->nnames++;
	}
	*out = &s->name_of[i];
	return 0;
}

/* A word that is neither a size nor the begin of what follows. */
static uint8_t attribute_of(const char *word)
{
	if (!strcmp(word, "nodatasum"))
		return SCENE_NODATASUM;
	return !strcmp(word, "nodatacow") ? SCENE_NODATACOW : SCENE_DATASUM;
}

static int add_file(struct reading *r, char **word, unsigned n)
{
	struct scene_name *f;
	uint64_t bytes = 0;
	unsigned args = 2;
	uint8_t attribute;

	if (n < 2)
		return wrong(r, "file: `file NAME [SIZE] [nodatasum|nodatacow] [in SUBVOLUME]` is expected");
	if (n > args && !attribute_of(word[args]) && strcmp(word[args], "in") &&
	    take_size(r, "file", word[args++], 512, &bytes))
		return -EINVAL;
	attribute = n > args ? attribute_of(word[args]) : SCENE_DATASUM;
	args += attribute != SCENE_DATASUM;
	if (find_name(r->scene, word[1]) != SCENE_NONE)
		return wrong(r, "%.40s: a file of that name is there already, by line %u", word[1],
		             r->scene->name_of[find_name(r->scene, word[1])].line);
	if (add_name(r, word[1], &f))
		return -EINVAL;
	f->there = f->made = f->opens = f->placed = true;
	f->bytes = (uint32_t)bytes;
	f->attribute = attribute;
	return take_subvol(r, word + args, n - args, &f->subvol);
}

int read_names(struct reading *r, char **word, unsigned n)
{
	struct scene_name *f;

	if (!strcmp(word[0], "file"))
		return add_file(r, word, n);
	if (n == 3 && (!strcmp(word[0], "mv") || !strcmp(word[0], "ln")))
		return add_name(r, word[2], &f);
	if (n < 2 || (strcmp(word[1], "create") && strcmp(word[1], "open")) || find_plain_word(word[0]))
		return 0;
	if (!strcmp(word[1], "open")) {
		unsigned i = find_name(r->scene, word[0]);
		if (i != SCENE_NONE)
			r->scene->name_of[i].opens = true;
		return 0;
	}
	if (add_name(r, word[0], &f) || take_subvol(r, word + 2, n - 2, &f->subvol))
		return -EINVAL;
	f->made = f->opens = f->placed = true;
	return 0;
}

/* ---- steps ---- */

/* Letters after a '-', in one word or in several. Returns how many words they are, or -EINVAL. */
static int take_letters(struct reading *r, const struct file_word *w, char **word, unsigned n, uint8_t *flags)
{
	unsigned words = 0;

	for (; words < n && word[words][0] == '-'; words++)
		for (const char *p = word[words] + 1; *p || p == word[words] + 1; p++) {
			const char *at = *p ? strchr(w->letters, *p) : NULL;
			if (!at)
				return wrong(r, "%s: %.40s: %s%s", w->word, word[words],
				             w->letters[0] ? "it takes no letters but " : "it takes no letters",
				             w->letters);
			*flags |= w->flags[at - w->letters];
		}
	return (int)words;
}

static int take_range(struct reading *r, const struct file_word *w, char **word, unsigned n, struct scene_step *s)
{
	if (n != 2)
		return wrong(r, "%s: an offset and a length are expected", w->word);
	if (take_size(r, w->word, word[0], w->unit, &s->off) || take_size(r, w->word, word[1], w->unit, &s->len))
		return -EINVAL;
	if (!s->len)
		return wrong(r, "%s: a length of 0", w->word);
	if (s->off + s->len > SCENE_BYTES)
		return wrong(r, "%s: %.30s %.30s: beyond 1m, the end of the largest file", w->word, word[0], word[1]);
	return 0;
}

static int take_arguments(struct reading *r, const struct file_word *w, char **word, unsigned n, struct scene_step *s)
{
	switch (w->takes) {
	case A_RANGE:
		return take_range(r, w, word, n, s);
	case A_SIZE:
		if (n != 1)
			return wrong(r, "%s: a size is expected", w->word);
		return take_size(r, w->word, word[0], w->unit, &s->off);
	case A_SUBVOL:
		return take_subvol(r, word, n, &s->subvol);
	default:
		return n ? wrong(r, "%s: %.40s: nothing more is expected", w->word, word[0]) : 0;
	}
}

static int read_file_step(struct reading *r, char **word, unsigned n, struct scene_step *s)
{
	const struct file_word *w = n > 1 ? find_file_word(word[1]) : NULL;
	char hint[80] = "";

	if (known_name(r, word[0], &s->file))
		return -EINVAL;
	if (n < 2)
		return wrong(r, "%.40s: an operation is expected after the file", word[0]);
	if (!w)
		return wrong(r, "%.40s: not an operation on a file%s", word[1],
		             text_did_you_mean(hint, sizeof(hint), text_nearest(word[1], file_words, FILE_WORDS,
		                                                                sizeof(file_words[0]))));
	if (!r->scene->name_of[s->file].opens)
		return wrong(r, "%.40s: not open: `%.40s open` comes first", word[0], word[0]);
	s->op = w->op;
	int letters = take_letters(r, w, word + 2, n - 2, &s->flags);
	if (letters < 0)
		return letters;
	if (s->op == SCENE_FADVISE && !s->flags)
		return wrong(r, "fadvise: `fadvise -d` is expected");
	return take_arguments(r, w, word + 2 + letters, n - 2 - (unsigned)letters, s);
}

/* Of two names one may be new: it is where the other one is. */
static int take_names(struct reading *r, const struct plain_word *w, char **word, struct scene_step *s)
{
	struct scene_name *name = r->scene->name_of;

	if (known_name(r, word[0], &s->file) || (w->args == 2 && known_name(r, word[1], &s->to)))
		return -EINVAL;
	s->subvol = name[s->file].subvol;
	if (w->args < 2)
		return 0;
	if (s->file == s->to)
		return wrong(r, "%s: twice the same name, %.40s", w->word, word[0]);
	if (name[s->to].placed && name[s->to].subvol != s->subvol)
		return wrong(r, "%s: %.40s and %.40s are in two subvolumes", w->word, word[0], word[1]);
	name[s->to].subvol = s->subvol;
	name[s->to].placed = true;
	return 0;
}

/* The mark's number; it is new when no line has named it yet. */
static int take_mark(struct reading *r, const char *word, struct scene_step *s)
{
	struct scene *scene = r->scene;
	char name[SCENE_NAME_MAX];
	unsigned i = 0;

	if (take_name(r, "mark", word, name, sizeof(name)))
		return -EINVAL;
	while (i < scene->nmarks && strcmp(scene->mark[i], name))
		i++;
	if (i == SCENE_MARKS)
		return wrong(r, "%.40s: more than %u marks", word, SCENE_MARKS);
	if (i == scene->nmarks)
		strcpy(scene->mark[scene->nmarks++], name);
	s->mark = (uint8_t)i;
	return 0;
}

static int read_plain_step(struct reading *r, const struct plain_word *w, char **word, unsigned n,
                           struct scene_step *s)
{
	static const char *const expects[] = { "nothing more is", "one name is", "two names are" };

	if (n - 1 != w->args)
		return wrong(r, "%s: %s expected", w->word, expects[w->args]);
	s->op = w->op;
	if (s->op == SCENE_MARK || s->op == SCENE_AT)
		return take_mark(r, word[1], s);
	return w->args ? take_names(r, w, word + 1, s) : 0;
}

/* ".", or ".1" of the second subvolume. */
static int read_dir_step(struct reading *r, char **word, unsigned n, struct scene_step *s)
{
	uint64_t subvol = 0;

	if (word[0][1] && take_number(r, "the directory of subvolume", word[0] + 1, 0, r->scene->subvols - 1, &subvol))
		return -EINVAL;
	if (n != 2 || strcmp(word[1], "fsync"))
		return wrong(r, "%.40s: of a directory, `fsync` is expected", word[0]);
	s->op = SCENE_DIR_FSYNC;
	s->subvol = (uint32_t)subvol;
	return 0;
}

/* Neither a file nor a word: the nearest of both. */
static int unknown_word(struct reading *r, const char *word)
{
	const char *known[SCENE_NAMES + PLAIN_WORDS];
	char hint[80];
	size_t n = 0;

	for (unsigned i = 0; i < r->scene->nnames; i++)
		known[n++] = r->scene->name_of[i].name;
	for (unsigned i = 0; i < PLAIN_WORDS; i++)
		known[n++] = plain_words[i].word;
	return wrong(r, "%.40s: neither a file of this scenario nor a word%s", word,
	             text_did_you_mean(hint, sizeof(hint), text_nearest(word, known, n, sizeof(known[0]))));
}

static int read_repeat(struct reading *r, struct scene_thread *t, char **word, unsigned n)
{
	uint64_t repeat;

	if (n != 2)
		return wrong(r, "repeat: a number is expected");
	if (t->n || t->repeat)
		return wrong(r, "repeat: it stands once, and before all else of a thread");
	if (take_number(r, "repeat", word[1], 1, SCENE_REPEAT, &repeat))
		return -EINVAL;
	t->repeat = (unsigned)repeat;
	return 0;
}

/* There all files are open, and keep the names that `file` has given them. */
static bool is_not_for_setup(enum scene_op op)
{
	return op == SCENE_MARK || op == SCENE_AT || op == SCENE_CREATE || op == SCENE_OPEN || op == SCENE_CLOSE ||
	       op == SCENE_MV || op == SCENE_RM;
}

int read_step(struct reading *r, struct scene_thread *t, char **word, unsigned n)
{
	const struct plain_word *plain = find_plain_word(word[0]);
	struct scene_step *s = &t->step[t->n];
	bool is_setup = t == &r->scene->setup;
	int ret;

	if (is_setup && !strcmp(word[0], "file"))
		return 0; /* read_names() */
	if (!is_setup && !strcmp(word[0], "repeat"))
		return read_repeat(r, t, word, n);
	if (t->n == SCENE_STEPS)
		return wrong(r, "%.40s: more than %u lines of one thread", word[0], SCENE_STEPS);
	*s = (struct scene_step){ .file = SCENE_NONE, .to = SCENE_NONE, .mark = SCENE_NONE, .line = r->line };
	if (plain)
		ret = read_plain_step(r, plain, word, n, s);
	else if (word[0][0] == '.')
		ret = read_dir_step(r, word, n, s);
	else if (find_name(r->scene, word[0]) == SCENE_NONE && (n < 2 || !find_file_word(word[1])))
		ret = unknown_word(r, word[0]);
	else
		ret = read_file_step(r, word, n, s);
	if (!ret && is_setup && is_not_for_setup(s->op))
		return wrong(r, "%s: not in [setup]", scene_op_name(s->op));
	t->n += !ret;
	return ret;
}
