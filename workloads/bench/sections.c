/*
 * sections.c: the sections of a job apart, and in each its kinds of calls: a log's fdatasync is not a table's fsync.
 * Rates are of a section's own time, from its first call to its last.
 */
#include "bench/bench.h"

#define NAME_WIDTH 18

static void put_us(FILE *out, double ns)
{
	fprintf(out, ns < 100000 ? " %9.1f" : " %9.0f", ns / 1000);
}

static void print_kind(const char *target, const struct driver_section *s, enum op_kind kind, FILE *out)
{
	const struct hist *h = &s->op[kind];
	double seconds = (double)(s->end_ns - s->begin_ns) / 1e9;
	uint64_t bytes = kind == OP_WRITE ? s->bytes : kind == OP_READ ? s->read_bytes : 0;

	fprintf(out, "%-*.*s %-14.14s %5u  %-15s %10llu", NAME_WIDTH, NAME_WIDTH, target, s->name, s->tasks,
	        op_name[kind], (unsigned long long)h->n);
	put_us(out, (double)hist_percentile(h, 50));
	put_us(out, (double)hist_percentile(h, 99));
	put_us(out, (double)h->max);
	fprintf(out, " %9.0f", seconds > 0 ? (double)h->n / seconds : 0);
	if (bytes && seconds > 0)
		fprintf(out, " %8.1f", (double)bytes / 1e6 / seconds);
	fputc('\n', out);
}

static unsigned kinds_of(const struct driver_section *s)
{
	unsigned n = 0;

	for (int k = 0; k < OP_KINDS; k++)
		n += s->op[k].n > 0;
	return n;
}

/* A write and its sync of one section stand in the other tables. */
static bool says_more(const struct driver_result *r)
{
	return r && (r->nsections > 1 || (r->nsections == 1 && kinds_of(&r->section[0]) > 2));
}

void bench_print_sections(const struct bench *b, const struct driver_result *const *sum, FILE *out)
{
	const struct driver_result *const *last = sum + (b->nlevels - 1) * b->opt.ntargets;
	bool any = false;

	for (unsigned t = 0; t < b->opt.ntargets; t++)
		any |= says_more(last[t]);
	if (!any)
		return;
	fprintf(out, "\nsections, each kind of call apart, us\n%-*s %-14s %5s  %-15s %10s %9s %9s %9s %9s %8s\n",
	        NAME_WIDTH, "target", "section", "tasks", "call", "calls", "p50", "p99", "max", "a second", "MB/s");
	for (unsigned t = 0; t < b->opt.ntargets; t++)
		for (unsigned i = 0; last[t] && i < last[t]->nsections; i++)
			for (int k = 0; k < OP_KINDS; k++)
				if (last[t]->section[i].op[k].n)
					print_kind(b->label[t], &last[t]->section[i], (enum op_kind)k, out);
}
