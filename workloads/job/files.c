/* files.c: see files.h. */
#include "job/files.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "machine/mem.h"

/* A file's name as the tree of all names has it. It begins with the name: the order is that of names. */
struct named {
	char name[JOB_FILE_MAX];
	unsigned number;
};

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void ask_for(struct job_made *f, const struct job *j, unsigned i)
{
	uint64_t size = job_file_size(j, i);

	f->size = size > f->size ? size : f->size;
	f->before |= job_layout(j) || !j->create_on_open;
	if (job_layout(j) && size > f->layout)
		f->layout = size;
	if (job_preallocates(j) && size > f->space) {
		f->space = size;
		f->fallocate = j->fallocate;
	}
}

/* The number of the file, which is a new one when its name is. */
static unsigned number_of(struct job_files *out, void **tree, unsigned *cap, unsigned clone, const char *name)
{
	struct named *e = mem_zalloc(sizeof(*e)), **found;

	strcpy(e->name, name);
	e->number = out->n;
	found = tsearch(e, tree, by_name);
	CHECK(found);
	if (*found != e) {
		free(e);
		return (*found)->number;
	}
	if (out->n == *cap) {
		*cap = *cap ? *cap * 2 : 64;
		out->file = realloc(out->file, sizeof(*out->file) * *cap);
		CHECK(out->file);
	}
	out->file[out->n] = (struct job_made){ .first = clone };
	strcpy(out->file[out->n].name, name);
	return out->n++;
}

void job_files(const struct job_clone *clones, unsigned n, struct job_files *out)
{
	char name[JOB_FILE_MAX];
	void *tree = NULL;
	unsigned cap = 0;

	*out = (struct job_files){ .nclones = n, .of = mem_zalloc(sizeof(*out->of) * n) };
	for (unsigned i = 0; i < n; i++) {
		out->of[i] = mem_alloc(sizeof(**out->of) * clones[i].job->nrfiles);
		for (unsigned k = 0; k < clones[i].job->nrfiles; k++) {
			job_file_name(&clones[i], k, name, sizeof(name));
			out->of[i][k] = number_of(out, &tree, &cap, i, name);
			ask_for(&out->file[out->of[i][k]], clones[i].job, k);
		}
	}
	tdestroy(tree, free);
	for (unsigned i = 0; i < out->n; i++) {
		struct job_made *f = &out->file[i];

		if (f->space <= f->layout)
			f->space = 0;
		out->bytes += f->size;
	}
}

void job_files_free(struct job_files *f)
{
	for (unsigned i = 0; i < f->nclones; i++)
		free(f->of[i]);
	free(f->of);
	free(f->file);
	*f = (struct job_files){ 0 };
}
