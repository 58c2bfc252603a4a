/* schedule_write.c: writes a schedule's file: see schedule_file.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "base/replace.h"
#include "hunt/schedule_file.h"
#include "hunt/schedule_text.h"
#include "machine/mem.h"

/* The whole text on one line. */
static void write_source(FILE *out, const char *word, const char *text)
{
	fprintf(out, "%s ", word);
	for (const char *p = text; *p; p++) {
		if (*p == '\n' || *p == '\\')
			fputc('\\', out);
		fputc(*p == '\n' ? 'n' : *p, out);
	}
	fprintf(out, "\n");
}

static void write_absent(FILE *out, const struct race *race, const struct absent *a)
{
	const char *before = "without";

	for (uint32_t i = 0; i < race->ntasks; i++) {
		if (a->task[i] & TASK_ABSENT)
			fprintf(out, "%s %s", before, race->tasks[i].name);
		for (uint32_t k = 0; k < 63 && !(a->task[i] & TASK_ABSENT); k++)
			if (a->task[i] >> k & 1) {
				fprintf(out, "%s %s:%u", before, race->tasks[i].name, k);
				before = "";
			}
		if (a->task[i])
			before = "";
	}
	if (!before[0])
		fprintf(out, "\n");
}

static void write_all(FILE *out, const char *path, const struct race *race, const struct design *design,
                      const struct violation *v)
{
	fprintf(out, SCHEDULE_MAGIC "%u\n# replay: fsyncstorm race replay %s\n", SCHEDULE_FORMAT, path);
	if (race->job)
		write_source(out, "job", race->job);
	if (race->scenario)
		write_source(out, "scenario", race->scenario);
	fprintf(out, "race %s\ndesign %s\n", race->name, design->name);
	if (v->granularity)
		fprintf(out, "granularity %s\n", granularity_name[v->granularity]);
	fprintf(out, "config %016" PRIx64 "\n", schedule_config(race, design));
	write_absent(out, race, &v->absent);
	fprintf(out, "violation %s %s\n", violation_name[v->kind], broken_name[v->broken.kind]);
	if (v->found[0])
		fprintf(out, "found %s\n", v->found);
	fprintf(out, "seed %" PRIu64 "\ndecisions ", v->seed);
	schedule_print(&v->schedule, out);
	if (!v->schedule.n)
		fprintf(out, "\n");
	if (v->run.trace_hash)
		fprintf(out, "trace %016" PRIx64 "\n", v->run.trace_hash);
	if (v->kind == VIOLATION_PROMISE && v->crash.pos) {
		fprintf(out, "crash %u of %u:", v->crash.pos, v->crash.npending);
		for (uint32_t i = 0; i < v->crash.nkept; i++)
			fprintf(out, " %u", v->crash.kept[i]);
		fprintf(out, "\n");
	}
	fprintf(out, "said %s\n", v->text);
}

/* The whole text, with its last line: the caller's. NULL: no memory. */
static char *make_text(const char *path, const struct race *race, const struct design *design,
                       const struct violation *v)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	write_all(out, path, race, design, v);
	if (fflush(out)) {
		fclose(out);
		free(text);
		return NULL;
	}
	char *plain = mem_alloc(size + 1);
	memcpy(plain, text, size + 1);
	schedule_unwrap(plain);
	fprintf(out, SCHEDULE_END "%08x\n", crc32c(0, plain, strlen(plain)));
	free(plain);
	fclose(out);
	return text;
}

/* Nothing is there, or just this text. */
static bool is_free_for(const char *path, const char *text)
{
	FILE *in = access(path, F_OK) ? NULL : fopen(path, "r");
	size_t at = 0;
	int c = 0;

	if (!in)
		return access(path, F_OK);
	while ((c = getc(in)) != EOF && c == (unsigned char)text[at])
		at++;
	fclose(in);
	return c == EOF && !text[at];
}

void schedule_file_name(const char *path, const struct race *race, const struct design *design,
                        const struct violation *v, char *out, size_t size)
{
	bool is_free;
	unsigned i = 1;

	do {
		replace_nth_name(path, i++, out, size);
		char *text = make_text(out, race, design, v);
		is_free = !text || is_free_for(out, text);
		free(text);
	} while (!is_free);
}

int schedule_file_write(const char *path, const struct race *race, const struct design *design,
                        const struct violation *v, struct why *why)
{
	char *text = make_text(path, race, design, v);
	struct replace file;
	int ret = text ? replace_begin(&file, path) : -ENOMEM;

	if (!ret) {
		fputs(text, file.out);
		ret = replace_end(&file, true);
	}
	free(text);
	return ret ? why_set(why, ret, "%.120s: cannot be written: %s", path, strerror(-ret)) : 0;
}
