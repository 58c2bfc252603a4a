/*
 * table.c: what a bench measured, as plain tables: latencies, where the time of an fsync goes, and which waits cost
 * most. What these figures come to (ratios, doubts, the meaning of the words) analysis/ says below the tables.
 */
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "recipe/env.h"

#define TOP_WAITS 6
#define NAME_WIDTH 18

static double us(double ns)
{
	return ns / 1000;
}

/* A figure that may not be known: too few operations to tell. */
static void cell(FILE *out, int width, double value, const char *fmt)
{
	char text[32] = "-";

	if (value > 0)
		snprintf(text, sizeof(text), fmt, value);
	fprintf(out, " %*s", width, text);
}

static const char *us_format(double value)
{
	return value < 100 ? "%.1f" : "%.0f";
}

/* The head of a row: number of threads, target. */
static void row(FILE *out, const struct bench *b, const struct bench_level *l, unsigned target)
{
	fprintf(out, "%7u  %-*.*s", l->n, NAME_WIDTH, NAME_WIDTH, b->label[target]);
}

/* A target whose phases and waits are the kernel's, and not known. */
static bool is_kernel(const struct bench *b, unsigned target)
{
	return b->spec[target].target->kernel;
}

static bool all_kernel(const struct bench *b)
{
	for (unsigned t = 0; t < b->opt.ntargets; t++)
		if (!is_kernel(b, t))
			return false;
	return true;
}

/* ---- the recipe ---- */

static void print_recipe(const struct bench *b, FILE *out)
{
	char line[512];
	const char *what = "";

	for (unsigned i = 0; i < b->job.n && !*what; i++)
		what = b->job.job[i].description;
	fprintf(out, "%s: %s\n", b->job.name, *what ? what : b->job_path);
	for (unsigned i = 0; i < b->opt.ntargets; i++)
		fprintf(out, "  %c  %s%s\n", 'A' + i, b->spec[i].text, b->spec[i].fio ? ", driven by fio" : "");
	env_line(line, sizeof(line));
	fprintf(out, "  %s\n  %u trial%s of each, taking turns; seed %llu\n", line, b->opt.trials,
	        b->opt.trials == 1 ? "" : "s", (unsigned long long)b->opt.seed);
	bench_print_drives(b, out);
}

/* The plan of the largest level, once, and what did not take. */
static void print_placement(const struct bench *b, FILE *out)
{
	const struct bench_level *l = &b->level[b->nlevels - 1];
	const struct driver_result *r = NULL;
	bool placed = b->opt.placement;
	struct placement *p;
	int *bound;

	for (unsigned t = 0; t < b->opt.ntargets && !r; t++)
		r = l->trial[t][0];
	if (!r)
		return;
	for (unsigned i = 0; i < b->job.n; i++)
		placed |= b->job.job[i].cpus_allowed[0] || b->job.job[i].numa_cpu_nodes[0];
	if (!placed) {
		fprintf(out, "  placement: none, the kernel decides (--placement)\n");
		return;
	}
	p = calloc(r->n, sizeof(*p));
	bound = calloc(r->n, sizeof(*bound));
	for (unsigned i = 0; p && bound && i < r->n; i++) {
		p[i] = r->task[i].where;
		bound[i] = r->task[i].bound;
	}
	if (p && bound) {
		fprintf(out, "\nplacement%s%s, %u tasks:\n", b->opt.placement ? " " : "",
		        b->opt.placement ? b->opt.placement : " by the job", r->n);
		place_print(out, p, r->n, bound);
	}
	if (r->helper_nodes[0])
		fprintf(out, "the engine's own tasks: any processor of node%s %s\n",
		        r->helper_nodes[strspn(r->helper_nodes, "0123456789")] ? "s" : "",
			r->helper_nodes);
	free(p);
	free(bound);
}

/* Of each target each once, whatever number of trials said so. */
static void print_notices_of(const struct bench *b, unsigned target, FILE *out)
{
	const char *last = "";

	for (unsigned l = 0; l < b->nlevels; l++)
		for (unsigned i = 0; i < b->opt.trials; i++) {
			const struct driver_result *r = b->level[l].trial[target][i];
			if (!r || !r->notice[0] || !strcmp(r->notice, last))
				continue;
			fprintf(out, "notice: %s: %s\n", b->label[target], r->notice);
			last = r->notice;
		}
}

static void print_notices(const struct bench *b, FILE *out)
{
	for (unsigned t = 0; t < b->opt.ntargets; t++)
		print_notices_of(b, t, out);
	if (b->interrupted)
		fprintf(out, "notice: interrupted; this is what was measured until then\n");
}

/* ---- latencies ---- */

static void print_latency(const struct bench *b, const struct bench_level *l, unsigned target,
                          const struct driver_result *r, FILE *out)
{
	double syncs = r->counters[C_FSYNC], floor = us(hist_percentile(bench_floor(r), 50));

	row(out, b, l, target);
	for (enum bench_metric m = BENCH_P50; m <= BENCH_P999; m++) {
		double value = us(bench_value(r, m));
		cell(out, 9, value, us_format(value));
	}
	cell(out, 9, bench_rate(b, l, target), "%.0f");
	cell(out, 10, bench_flushes(r), "%.2f");
	cell(out, 9, syncs ? r->counters[C_META_BYTES] / syncs / 1024 : 0, "%.1f");
	cell(out, 9, floor, us_format(floor));
	fputc('\n', out);
}

/* ---- phases ---- */

/* Those in which any target at any level spends a thousandth of its time. */
static unsigned used_phases(const struct bench *b, const struct driver_result *const *sum, unsigned char *used)
{
	unsigned count = 0, n = b->nlevels * b->opt.ntargets;

	for (unsigned p = 0; p < PH_NR; p++) {
		used[p] = 0;
		for (unsigned i = 0; i < n; i++)
			if (sum[i] && !is_kernel(b, i % b->opt.ntargets) &&
			    sum[i]->phase_ns[p] * 1000 >= sum[i]->sync.sum && sum[i]->phase_ns[p])
				used[p] = 1;
		count += used[p];
	}
	return count;
}

static void print_phase_row(const struct driver_result *r, const unsigned char *used, FILE *out)
{
	double rest = r->sync.sum;

	cell(out, 9, us(hist_mean(&r->sync)), "%.1f");
	for (unsigned p = 0; p < PH_NR; p++) {
		if (!used[p])
			continue;
		rest -= r->phase_ns[p];
		cell(out, 9, us((double)r->phase_ns[p] / r->sync.n), "%.1f");
	}
	cell(out, 9, rest > 0 ? us(rest / r->sync.n) : 0, "%.1f");
	fputc('\n', out);
}

static void print_phases(const struct bench *b, const struct driver_result *const *sum, FILE *out)
{
	unsigned char used[PH_NR];

	if (!rt_instrument || !used_phases(b, sum, used))
		return;
	fprintf(out, "\nwhere the time of a %s goes: mean us, the phases sum to the mean\n%7s  %-*s %9s",
	        bench_subject_name(b), "threads", NAME_WIDTH, "target", "mean");
	for (unsigned p = 0; p < PH_NR; p++)
		if (used[p])
			fprintf(out, " %9.9s", phase_info[p].name);
	fprintf(out, " %9s\n", "the rest");
	for (unsigned l = 0; l < b->nlevels; l++)
		for (unsigned t = 0; t < b->opt.ntargets; t++) {
			const struct driver_result *r = sum[l * b->opt.ntargets + t];
			if (!r || !r->sync.n || is_kernel(b, t))
				continue;
			row(out, b, &b->level[l], t);
			print_phase_row(r, used, out);
		}
}

/* ---- waits ---- */

/* A worker without work, or somebody who waits for the end of the run, is in nobody's way. */
static bool counts_as_wait(unsigned class)
{
	return class != L_TASK && class != L_WORK;
}

static unsigned next_by_wait(const struct lock_stat *s, const bool *shown)
{
	unsigned best = L_NR;

	for (unsigned i = 0; i < L_NR; i++)
		if (!shown[i] && counts_as_wait(i) && s[i].wait_ns && (best == L_NR || s[i].wait_ns > s[best].wait_ns))
			best = i;
	return best;
}

static void print_holder(const struct lock_stat *s, FILE *out)
{
	unsigned best = 0;

	for (unsigned p = 0; p < PH_NR; p++)
		if (s->by_phase_ns[p] > s->by_phase_ns[best])
			best = p;
	if (s->by_phase_ns[best])
		fprintf(out, " %s %.0f%%", phase_info[best].name, 100.0 * s->by_phase_ns[best] / s->wait_ns);
	else
		fprintf(out, " -");
}

static void print_wait(const struct lock_stat *s, unsigned class, double all, FILE *out)
{
	fprintf(out, " %10llu", (unsigned long long)s->contended);
	cell(out, 10, s->wait_ns / 1e6, "%.1f");
	cell(out, 9, us(hist_percentile(&s->wait, 100)), "%.0f");
	cell(out, 9, s->contended ? us((double)s->wait_ns / s->contended) : 0, "%.1f");
	fprintf(out, " %5.1f%% %6.1f%%  %-5s  %-15s", 100.0 * s->wait_ns / all, 100.0 * s->wakeup_ns / s->wait_ns,
	        lock_kind_name[lock_info[class].kind], lock_info[class].name);
	print_holder(s, out);
	fputc('\n', out);
}

static void print_waits_of(const struct bench *b, const struct bench_level *l, unsigned target,
                           const struct driver_result *r, FILE *out)
{
	bool shown[L_NR] = { false };
	double all = 0;

	for (unsigned i = 0; i < L_NR; i++)
		if (counts_as_wait(i))
			all += r->waits[i].wait_ns;
	for (unsigned n = 0; n < TOP_WAITS; n++) {
		unsigned class = next_by_wait(r->waits, shown);
		if (class == L_NR)
			return;
		shown[class] = true;
		row(out, b, l, target);
		print_wait(&r->waits[class], class, all, out);
	}
}

static void print_waits(const struct bench *b, const struct driver_result *const *sum, FILE *out)
{
	const struct bench_level *l = &b->level[b->nlevels - 1];

	if (!rt_instrument || all_kernel(b))
		return;
	fprintf(out, "\ntop waits with %u task%s, all tasks of the engine (other numbers of tasks: run.json)\n"
	        "%7s  %-*s %10s %10s %9s %9s %6s %7s  %-5s  %-15s %s\n", l->n, l->n == 1 ? "" : "s", "threads",
	        NAME_WIDTH, "target", "contended", "total ms", "max us", "avg us", "share", "wake-up", "type", "class",
	        "phase of the task that was waited for");
	for (unsigned t = 0; t < b->opt.ntargets; t++) {
		const struct driver_result *r = sum[(b->nlevels - 1) * b->opt.ntargets + t];
		if (r && !is_kernel(b, t))
			print_waits_of(b, l, t, r, out);
	}
}

/* ---- the whole ---- */

static void print_latencies(const struct bench *b, const struct driver_result *const *sum, FILE *out)
{
	const char *name = bench_subject_name(b);
	char rate[32];

	snprintf(rate, sizeof(rate), "%.6s/s", name);
	fprintf(out, "\n%s latency in us\n%7s  %-*s %9s %9s %9s %9s %10s %9s %9s\n", name, "threads", NAME_WIDTH,
	        "target", "p50", "p99", "p99.9", rate, "flush/sync", "meta KiB", "floor us");
	for (unsigned l = 0; l < b->nlevels; l++)
		for (unsigned t = 0; t < b->opt.ntargets; t++)
			if (sum[l * b->opt.ntargets + t])
				print_latency(b, &b->level[l], t, sum[l * b->opt.ntargets + t], out);
}

static void print_open_row(const struct driver_result *r, FILE *out)
{
	const struct hist *const h[] = { &r->service, &r->response };

	for (int i = 0; i < 2; i++)
		for (enum bench_metric m = BENCH_P50; m <= BENCH_P999; m++)
			cell(out, 9, us(bench_percentile(h[i], m)), "%.0f");
	cell(out, 9, r->elapsed_ns ? r->response.n * 1e9 / r->elapsed_ns : 0, "%.0f");
	fputc('\n', out);
}

/* With rate_iops: what the work took, and what its caller saw. */
static void print_open_loop(const struct bench *b, const struct driver_result *const *sum, FILE *out)
{
	bool any = false;

	for (unsigned i = 0; i < b->nlevels * b->opt.ntargets; i++)
		any |= sum[i] && sum[i]->response.n;
	if (!any)
		return;
	fprintf(out, "\nopen loop: a write with the syncs after it, us\n%7s  %-*s %29s %29s\n%7s  %-*s %9s %9s %9s "
	        "%9s %9s %9s %9s\n",
	        "", NAME_WIDTH, "", "---------- service ----------", "---------- response ---------", "threads",
	        NAME_WIDTH, "target", "p50", "p99", "p99.9", "p50", "p99", "p99.9", "done/s");
	for (unsigned l = 0; l < b->nlevels; l++)
		for (unsigned t = 0; t < b->opt.ntargets; t++) {
			const struct driver_result *r = sum[l * b->opt.ntargets + t];
			if (!r || !r->response.n)
				continue;
			row(out, b, &b->level[l], t);
			print_open_row(r, out);
		}
}

void bench_print(const struct bench *b, FILE *out)
{
	unsigned n = b->nlevels * b->opt.ntargets;
	const struct driver_result **sum = calloc(n, sizeof(*sum));

	if (!sum)
		return;
	for (unsigned l = 0; l < b->nlevels; l++)
		for (unsigned t = 0; t < b->opt.ntargets; t++)
			sum[l * b->opt.ntargets + t] = bench_sum(b, &b->level[l], t);
	print_recipe(b, out);
	print_placement(b, out);
	print_latencies(b, sum, out);
	bench_print_percentiles(b, out);
	print_open_loop(b, sum, out);
	print_phases(b, sum, out);
	print_waits(b, sum, out);
	bench_print_nodes(b, sum, out);
	bench_print_events(b, sum, out);
	print_notices(b, out);
	for (unsigned i = 0; i < n; i++)
		driver_free((struct driver_result *)sum[i]);
	free(sum);
}
