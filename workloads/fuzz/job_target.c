/*
 * job_target.c: any bytes as a job file (job/job.h). A file that is refused is refused in one line. One that is taken
 * has clones, each clone file names and a layout, and operations that lie inside of its files.
 */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "fuzz/targets.h"
#include "job/job.h"
#include "job/ops.h"
#include "machine/mem.h"

#define BLOCKS_MAX (1u << 20)
#define OPS_DRAWN 200

static void draw(const struct job_clone *c)
{
	char name[512];
	struct op_stream s;
	struct op op;

	for (unsigned i = 0; i < c->job->nrfiles && i < 100; i++) {
		job_file_name(c, i, name, sizeof(name));
		CHECK(memchr(name, 0, sizeof(name)));
	}
	if (job_bytes(c->job) / job_min_bs(c->job) > BLOCKS_MAX)
		return; /* a map of them */
	ops_begin(&s, c, 1, false);
	for (unsigned i = 0; i < OPS_DRAWN && ops_next(&s, &op); i++) {
		CHECK(op.kind < OP_KINDS && op.file < c->job->nrfiles);
		if (op.kind == OP_WRITE || op.kind == OP_READ)
			CHECK(op.len && op.len <= job_max_bs(c->job) &&
			      op.off + op.len <= job_file_size(c->job, op.file));
	}
	ops_end(&s);
}

void fuzz_job(const uint8_t *data, size_t n)
{
	char *text = mem_alloc(n + 1);
	struct why why = WHY_NONE;
	struct job_file jf;
	unsigned nclones;

	memcpy(text, data, n);
	text[n] = 0;
	int ret = job_parse("fuzz.fio", text, &jf, &why);
	CHECK(!ret == !why.text[0] && ret <= 0);
	if (!ret) {
		struct job_clone *c = job_clones(&jf, 0, &nclones);
		for (unsigned i = 0; i < nclones && i < 4; i++)
			draw(&c[i]);
		free(c);
		job_free(&jf);
	}
	free(text);
}
