/*
 * sections.c: the sections of a job apart, and in each its kinds of calls: a log's fdatasync is not a table's fsync;
 * and all of them together. Rates are of a section's own time, from its first call to its last; those of all sections
 * together are of the whole trial.
 */
#include "bench/bench.h"

static void us_cell(struct screen_table *t, double ns)
{
	screen_cell(t, "%.*f", ns < 100000 ? 1 : 0, ns / 1000);
}

/* The calls of one kind of a section, or of all: so many, within so long, of so many bytes. */
static void put_kind(struct screen_table *t, const struct hist *h, uint64_t ns, uint64_t bytes)
{
	double seconds = (double)ns / 1e9;

	screen_cell(t, "%llu", (unsigned long long)h->n);
	us_cell(t, (double)hist_percentile(h, 50));
	us_cell(t, (double)hist_percentile(h, 99));
	us_cell(t, (double)h->max);
	screen_cell(t, "%.0f", seconds > 0 ? (double)h->n / seconds : 0);
	if (bytes && seconds > 0)
		screen_cell(t, "%.1f", (double)bytes / 1e6 / seconds);
	else
		screen_cell(t, "-");
}

static void put_head(struct screen_table *t, const char *target, const char *section, enum op_kind kind, unsigned tasks)
{
	screen_cell(t, "%.24s", target);
	screen_cell(t, "%.24s", section);
	screen_cell(t, "%s", op_name[kind]);
	screen_cell(t, "%u", tasks);
}

static void put_section(struct screen_table *t, const char *target, const struct driver_section *s)
{
	for (int k = 0; k < OP_KINDS; k++) {
		if (!s->op[k].n)
			continue;
		put_head(t, target, s->name, (enum op_kind)k, s->tasks);
		put_kind(t, &s->op[k], s->end_ns - s->begin_ns,
		         k == OP_WRITE ? s->bytes : k == OP_READ ? s->read_bytes : 0);
	}
}

/* Of several sections. */
static void put_total(struct screen_table *t, const char *target, const struct driver_result *r)
{
	unsigned tasks = 0;

	for (unsigned i = 0; i < r->nsections; i++)
		tasks += r->section[i].tasks;
	for (int k = 0; k < OP_KINDS && r->nsections > 1; k++) {
		if (!r->op[k].n)
			continue;
		put_head(t, target, "(total)", (enum op_kind)k, tasks);
		put_kind(t, &r->op[k], r->elapsed_ns, k == OP_WRITE ? r->bytes : k == OP_READ ? r->read_bytes : 0);
	}
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
	static const char *const names[] = { "tasks", "calls", "p50", "p99", "max", "a second", "MB/s" };
	const struct driver_result *const *last = sum + (b->nlevels - 1) * b->opt.ntargets;
	struct screen_table *table;
	bool any = false;

	for (unsigned t = 0; t < b->opt.ntargets; t++)
		any |= says_more(last[t]);
	if (!any)
		return;
	table = screen_table(3);
	screen_column(table, "target", true);
	screen_column(table, "section", true);
	screen_column(table, "call", true);
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		screen_column(table, names[i], false);
	for (unsigned t = 0; t < b->opt.ntargets; t++) {
		for (unsigned i = 0; last[t] && i < last[t]->nsections; i++)
			put_section(table, b->label[t], &last[t]->section[i]);
		if (last[t])
			put_total(table, b->label[t], last[t]);
	}
	bench_put_table(table, "sections, each kind of call apart, us", out);
}
