/* dry.c: see dry.h. */
#include "bench/dry.h"

#include <stdlib.h>
#include <string.h>

#include "job/files.h"
#include "job/ops.h"

#define CALLS_MAX 50000000ull /* of a section: further ones are not drawn */

/* What a section does. */
struct calls {
	uint64_t n[OP_KINDS], bytes[2], closing;
	bool timed;  /* it ends by the clock */
	bool more;   /* CALLS_MAX were drawn, and there were more */
	unsigned tasks;
};

static void draw_clone(const struct job_clone *c, struct calls *out)
{
	struct op_stream s;
	struct op op;
	uint64_t n = 0;

	ops_begin(&s, c, 1, false);
	while (!out->more && ops_next(&s, &op)) {
		out->n[op.kind]++;
		out->closing += op.closing;
		if (op.kind == OP_WRITE || op.kind == OP_READ)
			out->bytes[op.kind == OP_WRITE] += op.len;
		out->more = ++n > CALLS_MAX / out->tasks;
	}
	ops_end(&s);
}

static void draw_section(const struct job_clone *clones, unsigned n, const struct job *j, struct calls *out)
{
	*out = (struct calls){ .timed = j->time_based };
	for (unsigned i = 0; i < n; i++)
		out->tasks += clones[i].job == j;
	for (unsigned i = 0; i < n && !out->timed; i++)
		if (clones[i].job == j)
			draw_clone(&clones[i], out);
}

/* ---- as text ---- */

static void put_bytes(FILE *out, uint64_t n)
{
	static const char *const unit[] = { "bytes", "KiB", "MiB", "GiB" };
	unsigned u = 0;

	while (u < 3 && n >= 1024 && n % 1024 == 0) {
		n /= 1024;
		u++;
	}
	fprintf(out, "%llu %s", (unsigned long long)n, unit[u]);
}

static void print_calls(const struct job *j, const struct calls *c, FILE *out)
{
	const char *sep = "";

	if (c->timed) {
		fprintf(out, "as many as go in %llu ms: ", (unsigned long long)(j->runtime_ns / 1000000));
		fprintf(out, "%s%s%s", job_reads(j) ? "reads" : "", job_reads(j) && job_writes(j) ? ", " : "",
		        job_writes(j) ? "writes" : "");
		if (job_writes(j) && j->fsync)
			fprintf(out, ", an fsync after %u", j->fsync);
		if (job_writes(j) && j->fdatasync)
			fprintf(out, ", an fdatasync after %u", j->fdatasync);
		if (job_writes(j) && j->range_every)
			fprintf(out, ", a sync_file_range after %u", j->range_every);
		return;
	}
	for (int k = 0; k < OP_KINDS; k++) {
		if (!c->n[k])
			continue;
		fprintf(out, "%s%s%llu %s%s", sep, c->more ? "more than " : "", (unsigned long long)c->n[k], op_name[k],
		        c->n[k] == 1 ? "" : "s");
		sep = ", ";
	}
	if (c->closing)
		fprintf(out, " (%llu of the fsyncs when a file is closed or all is written)",
		        (unsigned long long)c->closing);
	if (job_depth(j) > 1 && job_sync_kinds(j))
		fprintf(out, "; fewer syncs where nothing was done since the last");
	if (j->runtime_ns)
		fprintf(out, "; at most %llu ms", (unsigned long long)(j->runtime_ns / 1000000));
}

static void print_files(const struct job *j, FILE *out)
{
	fprintf(out, "%u file%s of ", j->nrfiles, j->nrfiles == 1 ? "" : "s");
	put_bytes(out, j->filesize);
	if (j->filename[0])
		fprintf(out, ", shared by all tasks that name %s", j->nrfiles == 1 ? "it" : "them");
	else if (j->numjobs > 1)
		fprintf(out, " for each task");
	fprintf(out, ", %s", job_layout(j) ? "written before" : job_preallocates(j) ? "preallocated" :
	        j->create_on_open ? "made by the first call" : "empty at first");
	if (j->sync)
		fprintf(out, ", O_%sSYNC", j->sync == JOB_SYNC_DSYNC ? "D" : "");
	if (j->direct)
		fprintf(out, ", O_DIRECT");
}

static void print_section(const struct job *j, const struct calls *c, FILE *out)
{
	fprintf(out, "[%s] %u task%s%s%s\n  calls   ", j->name, c->tasks, c->tasks == 1 ? "" : "s",
	        j->stonewall ? ", after the sections above" : "", j->start_ns ? ", later" : "");
	print_calls(j, c, out);
	if (!c->timed && job_writes(j)) {
		fprintf(out, "\n  written ");
		put_bytes(out, c->bytes[1]);
	}
	if (!c->timed && job_reads(j)) {
		fprintf(out, "\n  read    ");
		put_bytes(out, c->bytes[0]);
	}
	fprintf(out, "\n  files   ");
	print_files(j, out);
	if (job_depth(j) > 1)
		fprintf(out, "\n  depth   up to %u calls in flight", job_depth(j));
	fputc('\n', out);
}

/* Where a key stands. */
static void print_key(const struct job_said *s, FILE *out)
{
	fprintf(out, "  %s%s%u: %s%s%s: %s%s\n", s->file, s->file[0] ? ":" : "line ", s->line, s->key,
	        s->value[0] ? "=" : "", s->value, s->what, s->hint);
}

static void print_keys(const struct job_file *jf, enum job_answer answer, const char *head, FILE *out)
{
	bool any = false;

	for (unsigned i = 0; i < jf->nsaid; i++) {
		if (jf->said[i].answer != answer)
			continue;
		if (!any)
			fprintf(out, "%s\n", head);
		any = true;
		print_key(&jf->said[i], out);
	}
}

/* What fio does otherwise, of what counts do not show (job.3). */
static void print_notes(const struct job_file *jf, FILE *out)
{
	for (unsigned i = 0; i < jf->n; i++) {
		const struct job *j = &jf->job[i];
		unsigned every = job_sync_every(j);

		if (j->nrfiles > 1 && every && job_writes(j) && j->service == JOB_ROUNDROBIN &&
		    j->service_calls != every + 1)
			fprintf(out,
			        "[%s] fio syncs the file whose turn is next, which may be clean; here a sync is of the "
			        "file just "
			        "written (file_service_type=roundrobin:%u makes fio do so)\n",
			        j->name, every + 1);
	}
}

void dry_print(const struct job_file *jf, unsigned threads, bool by_fio, FILE *out)
{
	unsigned n;
	struct job_clone *clones = job_clones(jf, threads, &n);
	struct job_files files;
	struct calls c;

	job_files(clones, n, &files);
	for (unsigned i = 0; i < jf->n; i++) {
		draw_section(clones, n, &jf->job[i], &c);
		print_section(&jf->job[i], &c, out);
	}
	fprintf(out, "space: ");
	put_bytes(out, files.bytes);
	fprintf(out, " in %u file%s\n", files.n, files.n == 1 ? "" : "s");
	print_keys(jf, JOB_DONE, "done:", out);
	print_keys(jf, JOB_NOTHING, "changes nothing here:", out);
	print_keys(jf, JOB_CANNOT, by_fio ? "done by fio, which drives:" : "cannot be done here:", out);
	print_keys(jf, JOB_REFUSED, "cannot be done in a target:", out);
	print_keys(jf, JOB_UNKNOWN, "not a key of fio's:", out);
	print_notes(jf, out);
	job_files_free(&files);
	free(clones);
}

/* ---- as JSON ---- */

static json_t *section_json(const struct job *j, const struct calls *c)
{
	json_t *o = json_pack("{s:s,s:i,s:b,s:b,s:i,s:i,s:I}", "name", j->name, "tasks", (int)c->tasks, "timed",
	                      c->timed, "more", c->more, "depth", (int)job_depth(j), "files", (int)j->nrfiles,
	                      "filesize", (json_int_t)j->filesize);

	for (int k = 0; k < OP_KINDS; k++)
		json_object_set_new(o, op_name[k], json_integer((json_int_t)c->n[k]));
	json_object_set_new(o, "closing_fsync", json_integer((json_int_t)c->closing));
	json_object_set_new(o, "written_bytes", json_integer((json_int_t)c->bytes[1]));
	json_object_set_new(o, "read_bytes", json_integer((json_int_t)c->bytes[0]));
	return o;
}

static json_t *keys_json(const struct job_file *jf)
{
	static const char *const answer[] = {
		[JOB_DONE] = "done", [JOB_NOTHING] = "nothing", [JOB_CANNOT] = "cannot", [JOB_REFUSED] = "refused",
		[JOB_UNKNOWN] = "unknown",
	};
	json_t *list = json_array();

	for (unsigned i = 0; i < jf->nsaid; i++) {
		const struct job_said *s = &jf->said[i];

		json_array_append_new(list, json_pack("{s:s,s:s,s:i,s:s,s:s,s:s}", "key", s->key, "value", s->value,
		                                      "line", (int)s->line, "file", s->file, "answer",
		                                      answer[s->answer], "what", s->what));
	}
	return list;
}

json_t *dry_json(const struct job_file *jf, unsigned threads, bool by_fio)
{
	unsigned n;
	struct job_clone *clones = job_clones(jf, threads, &n);
	json_t *sections = json_array(), *names = json_array(), *o;
	struct job_files files;
	struct calls c;

	job_files(clones, n, &files);
	for (unsigned i = 0; i < jf->n; i++) {
		draw_section(clones, n, &jf->job[i], &c);
		json_array_append_new(sections, section_json(&jf->job[i], &c));
	}
	for (unsigned i = 0; i < files.n; i++)
		json_array_append_new(names,
		                      json_pack("{s:s,s:I,s:I,s:I,s:b}", "name", files.file[i].name, "size",
		                                (json_int_t)files.file[i].size, "layout",
		                                (json_int_t)files.file[i].layout, "preallocated",
		                                (json_int_t)files.file[i].space, "before", files.file[i].before));
	o = json_pack("{s:s,s:i,s:s,s:o,s:o,s:I,s:o}", "schema", "fsyncstorm-dry-run", "schema_version", 1, "driver",
	              by_fio ? "fio" : "own", "sections", sections, "files", names, "space_bytes",
	              (json_int_t)files.bytes, "keys", keys_json(jf));
	job_files_free(&files);
	free(clones);
	return o;
}

void dry_print_taken(const struct job_file *jf, FILE *out)
{
	bool any = false;

	for (unsigned i = 0; i < jf->nsaid; i++) {
		bool again = false;

		for (unsigned k = 0; k < i; k++)
			again |= jf->said[k].answer == JOB_NOTHING && !strcmp(jf->said[k].key, jf->said[i].key);
		if (jf->said[i].answer != JOB_NOTHING || again)
			continue;
		fprintf(out, "%s %s",
		        any ? "," : "notice: keys that change nothing here (--dry-run says why):", jf->said[i].key);
		any = true;
	}
	if (any)
		fputc('\n', out);
}
