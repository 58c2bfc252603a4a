/* iolog.c: see iolog.h. Versions 2 and 3 are told apart by a time that begins each line of 3. */
#include "job/iolog.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/text.h"
#include "machine/mem.h"

#define FILES_MAX 64u

struct seen {
	char name[256];
	uint64_t end; /* bytes, as far as its calls go */
};

struct reader {
	struct job_iolog *out;
	struct seen file[FILES_MAX];
	unsigned version;
};

static struct seen *file_of(struct reader *r, const char *name)
{
	for (unsigned i = 0; i < r->out->files; i++)
		if (!strcmp(r->file[i].name, name))
			return &r->file[i];
	return NULL;
}

static int add_file(struct reader *r, const char *name, struct why *why)
{
	if (strchr(name, '/') || strlen(name) >= sizeof(r->file[0].name))
		return why_set(why, -EINVAL, "%.100s: expected a file's name without /: it lies in the target's folder",
		               name);
	if (r->out->files == FILES_MAX)
		return why_set(why, -EINVAL, "more than %u files", FILES_MAX);
	if (!file_of(r, name))
		strcpy(r->file[r->out->files++].name, name);
	return 0;
}

/* A call that has an offset and a length. */
static int take_range(struct seen *f, const char *offset, const char *length, struct why *why)
{
	uint64_t from, bytes, end;

	if (!offset || !length || text_number(offset, &from) || text_number(length, &bytes) ||
	    __builtin_add_overflow(from, bytes, &end))
		return why_set(why, -EINVAL, "expected OFFSET LENGTH");
	f->end = end > f->end ? end : f->end;
	return 0;
}

static int take_line(struct reader *r, char *line, struct why *why)
{
	char *rest = line, *word[5] = { 0 };
	unsigned n = 0;
	struct seen *f;

	for (char *w; n < 5 && (w = strsep(&rest, " \t\r\n"));)
		if (*w)
			word[n++] = w;
	if (!n)
		return 0;
	char **at = word + (r->version == 3); /* behind the time */

	if (n < 2u + (r->version == 3))
		return why_set(why, -EINVAL, "expected FILE ACTION");
	if (!strcmp(at[1], "wait"))
		return 0;
	if (!strcmp(at[1], "add"))
		return add_file(r, at[0], why);
	f = file_of(r, at[0]);
	if (!f)
		return why_set(why, -EINVAL, "%.100s: no line before adds it", at[0]);
	r->out->reads |= !strcmp(at[1], "read");
	r->out->writes |= !strcmp(at[1], "write");
	if (!strcmp(at[1], "read") || !strcmp(at[1], "write"))
		return take_range(f, at[2], r->version == 3 && n < 5 ? NULL : at[3], why);
	r->out->fsync |= !strcmp(at[1], "sync");
	r->out->fdatasync |= !strcmp(at[1], "datasync");
	if (strcmp(at[1], "open") && strcmp(at[1], "close") && strcmp(at[1], "sync") && strcmp(at[1], "datasync"))
		return why_set(why, -EINVAL, "%.40s: expected add, open, read, write, sync, datasync, wait or close",
		               at[1]);
	return 0;
}

int job_iolog_look(const char *path, struct job_iolog *out, struct why *why)
{
	struct reader *r = mem_zalloc(sizeof(*r));
	FILE *in = fopen(path, "re");
	char *line = NULL;
	size_t cap = 0;
	unsigned number = 1;
	int ret = 0;

	*out = (struct job_iolog){ 0 };
	r->out = out;
	if (!in || getline(&line, &cap, in) < 0) {
		ret = why_set(why, in ? -EINVAL : -errno, "%.200s: %s", path, in ? "it is empty" : strerror(errno));
		goto out;
	}
	if (sscanf(line, "fio version %u iolog", &r->version) != 1 || r->version < 2 || r->version > 3) {
		ret = why_set(why, -EINVAL, "%.200s:1: expected `fio version 2 iolog`, or 3", path);
		goto out;
	}
	while (!ret && getline(&line, &cap, in) >= 0) {
		struct why what = WHY_NONE;

		number++;
		ret = take_line(r, line, &what);
		if (ret)
			why_set(why, ret, "%.200s:%u: %s", path, number, what.text);
	}
	for (unsigned i = 0; i < out->files; i++)
		if (__builtin_add_overflow(out->bytes, r->file[i].end, &out->bytes))
			ret = why_set(why, -EINVAL, "%.200s: its files are too large", path);
	if (!ret && !out->bytes)
		ret = why_set(why, -EINVAL, "%.200s: it reads and writes nothing", path);
out:
	free(line);
	if (in)
		fclose(in);
	free(r);
	return ret;
}
