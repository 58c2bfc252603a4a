/*
 * table.c: what a bench measured, as plain tables. First what an operation costs here: p50, p99, rate, of what on what.
 * With --verbose also the recipe, where the time goes phase by phase, and which waits cost most. What the figures come
 * to (why, ratios, doubts, the meaning of the words) analysis/ says below the tables.
 */
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "recipe/env.h"

#define TOP_WAITS 6
#define SAID_MAX  32u /* functions of the kernel that are explained */

static double us(double ns)
{
	return ns / 1000;
}

/* A figure that may not be known: too few operations to tell. */
static void cell(struct screen_table *t, double value, int digits)
{
	if (value > 0)
		screen_cell(t, "%.*f", digits, value);
	else
		screen_cell(t, "-");
}

static void us_cell(struct screen_table *t, double value)
{
	cell(t, value, value < 100 ? 1 : 0);
}

static void columns(struct screen_table *t, const char *const *names, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		screen_column(t, names[i], false);
}

struct screen_table *bench_rows(void)
{
	struct screen_table *t = screen_table(2);

	screen_column(t, "threads", false);
	screen_column(t, "target", true);
	return t;
}

void bench_row(struct screen_table *t, const struct bench *b, unsigned threads, unsigned target)
{
	screen_cell(t, "%u", threads);
	screen_cell(t, "%.24s", b->label[target]);
}

/* Shows what was gathered, below a line that says what it is. */
void bench_put_table(struct screen_table *t, const char *title, FILE *out)
{
	fputc('\n', out);
	screen_say(out, "", title);
	screen_table_print(t, out);
	screen_table_free(t);
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

/* ---- what was measured, and where ---- */

static void print_target(const struct bench *b, unsigned t, FILE *out)
{
	json_t *backing = bench_backing(b, t);
	char head[] = { ' ', ' ', 'A' + (char)t, ' ', ' ', 0 }, place[768] = "", image[256] = "";

	if (backing)
		env_place(backing, place, sizeof(place));
	if (b->spec[t].target == &target_fs && !b->spec[t].path[0])
		snprintf(image, sizeof(image), "its image in %.200s, ", b->spec[t].folder[0] ? b->spec[t].folder :
		         "the current folder");
	screen_sayf(out, head, "%s%s%s%s%s%s%s", b->njobs > 1 ? b->job[b->of[t]].label : "", b->njobs > 1 ? " on " : "",
	            b->spec[t].text, b->spec[t].fio ? ", driven by fio" : "", place[0] ? ": " : "", image, place);
	json_decref(backing);
	if (!b->opt.verbose)
		return;
	bench_print_drive(b, t, out);
	for (unsigned l = 0; l < b->nlevels; l++) {
		const struct driver_result *r = b->level[l].trial[t][0];

		if (r && r->made[0]) {
			screen_say(out, "     made: ", r->made);
			return;
		}
	}
}

static void print_job(const struct bench *b, const struct bench_job *job, FILE *out)
{
	const char *what = "", *by = bench_durable_by(&job->file);

	for (unsigned i = 0; i < job->file.n && !*what; i++)
		what = job->file.job[i].description;
	screen_sayf(out, "", "%s: %s%s%s%s", job->label, *what ? what : job->path, b->njobs > 1 ? " (durable by " : "",
	            b->njobs > 1 ? by : "", b->njobs > 1 ? ")" : "");
}

static void print_what(const struct bench *b, FILE *out)
{
	char machine[512], each[32] = "";

	for (unsigned i = 0; i < b->njobs; i++)
		print_job(b, &b->job[i], out);
	for (unsigned i = 0; i < b->opt.ntargets; i++)
		print_target(b, i, out);
	if (b->why_fio[0])
		screen_sayf(out, "  ", "fio drives: %s", b->why_fio);
	env_line(machine, sizeof(machine));
	if (b->opt.seconds_ns)
		snprintf(each, sizeof(each), " of %g s", (double)b->opt.seconds_ns / 1e9);
	screen_sayf(out, "  ", "%u trial%s%s each, taking turns; %s", b->opt.trials,
	            b->opt.trials == 1 ? "" : "s", each, machine);
	if (b->opt.verbose)
		screen_sayf(out, "  ", "seed %llu, commit %s", (unsigned long long)b->opt.seed, env_commit());
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
	for (unsigned k = 0; k < b->njobs; k++)
		for (unsigned i = 0; i < b->job[k].file.n; i++)
			placed |= b->job[k].file.job[i].cpus_allowed[0] || b->job[k].file.job[i].numa_cpu_nodes[0];
	if (!placed) {
		if (b->opt.verbose)
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
			screen_sayf(out, "notice: ", "%s: %s", b->label[target], r->notice);
			last = r->notice;
		}
}

static void print_notices(const struct bench *b, FILE *out)
{
	for (unsigned t = 0; t < b->opt.ntargets; t++)
		print_notices_of(b, t, out);
	if (b->no_kwaits[0] && strcmp(b->no_kwaits, "not asked for"))
		screen_sayf(out, "notice: ", "where syncs of real file systems wait is not known: %s", b->no_kwaits);
	if (b->interrupted)
		screen_say(out, "notice: ", "interrupted; this is what was measured until then");
}

/* ---- latencies ---- */

static void put_latency(struct screen_table *table, const struct bench *b, const struct bench_level *l,
                        unsigned target, const struct driver_result *r)
{
	struct hist floor;

	bench_floor_sum(b, l, target, &floor);
	bench_row(table, b, bench_tasks(b, l, target), target);
	for (enum bench_metric m = BENCH_P50; m <= BENCH_P999; m++)
		us_cell(table, us(bench_value(r, m)));
	cell(table, bench_rate(b, l, target), 0);
	cell(table, bench_flushes(r), 2);
	us_cell(table, us(hist_percentile(&floor, 50)));
	if (b->opt.verbose)
		cell(table, bench_meta_bytes(r, b->spec[target].target == &target_fs) / 1024, 1);
}

static void print_latencies(const struct bench *b, const struct driver_result *const *sum, FILE *out)
{
	static const char *const percentiles[] = { "p50", "p99", "p99.9" }, *const device[] = { "flush/sync", "floor" };
	const char *name = bench_subject_name(b);
	struct screen_table *table = bench_rows();
	char rate[32], title[64];

	columns(table, percentiles, 3);
	snprintf(rate, sizeof(rate), "%s/s", name);
	screen_column(table, rate, false);
	columns(table, device, 2);
	if (b->opt.verbose)
		screen_column(table, "meta KiB", false);
	for (unsigned l = 0; l < b->nlevels; l++)
		for (unsigned t = 0; t < b->opt.ntargets; t++)
			if (sum[l * b->opt.ntargets + t])
				put_latency(table, b, &b->level[l], t, sum[l * b->opt.ntargets + t]);
	snprintf(title, sizeof(title), "%s latency in us", name);
	bench_put_table(table, title, out);
}

/* With rate_iops: what the work took, and what its caller saw. */
static void print_open_loop(const struct bench *b, const struct driver_result *const *sum, FILE *out)
{
	static const char *const name[] = { "service p50", "service p99", "service p99.9", "response p50",
		                            "response p99", "response p99.9", "done/s" };
	struct screen_table *table = bench_rows();
	bool any = false;

	columns(table, name, 7);
	for (unsigned i = 0; i < b->nlevels * b->opt.ntargets; i++) {
		const struct driver_result *r = sum[i];

		if (!r || !r->response.n)
			continue;
		any = true;
		bench_row(table, b, r->n, i % b->opt.ntargets);
		for (int k = 0; k < 2; k++)
			for (enum bench_metric m = BENCH_P50; m <= BENCH_P999; m++)
				us_cell(table, us(bench_percentile(k ? &r->response : &r->service, m)));
		cell(table, r->elapsed_ns ? r->response.n * 1e9 / r->elapsed_ns : 0, 0);
	}
	if (any)
		bench_put_table(table, "open loop: a write with the syncs after it, us", out);
	else
		screen_table_free(table);
}

/* ---- phases ---- */

/* Those in which any target at any level spends a thousandth of its time. */
static unsigned used_phases(const struct bench *b, const struct driver_result *const *sum, unsigned char *used)
{
	unsigned count = 0, n = b->nlevels * b->opt.ntargets;

	for (unsigned p = 0; p < KW_NR; p++) {
		used[p] = 0;
		for (unsigned i = 0; i < n; i++)
			if (sum[i] && bench_phase_ns(sum[i], p) * 1000 >= hist_mean(&sum[i]->sync) &&
			    bench_phase_ns(sum[i], p) > 0)
				used[p] = 1;
		count += used[p];
	}
	return count;
}

static void put_phases(struct screen_table *table, const struct driver_result *r, const unsigned char *used)
{
	double rest = hist_mean(&r->sync);

	cell(table, us(rest), 1);
	for (unsigned p = 0; p < KW_NR; p++) {
		if (!used[p])
			continue;
		rest -= bench_phase_ns(r, p);
		cell(table, us(bench_phase_ns(r, p)), 1);
	}
	cell(table, rest > 0.05 ? us(rest) : 0, 1);
}

static void print_phases(const struct bench *b, const struct driver_result *const *sum, FILE *out)
{
	unsigned char used[KW_NR];
	char title[128];

	if (!used_phases(b, sum, used))
		return;
	struct screen_table *table = bench_rows();
	screen_column(table, "mean", false);
	for (unsigned p = 0; p < KW_NR; p++)
		if (used[p])
			screen_column(table, kwait_phase_name(p), false);
	screen_column(table, "the rest", false);
	for (unsigned i = 0; i < b->nlevels * b->opt.ntargets; i++) {
		const struct driver_result *r = sum[i];

		if (!r || !bench_has_phases(r))
			continue;
		bench_row(table, b, r->n, i % b->opt.ntargets);
		put_phases(table, r, used);
	}
	snprintf(title, sizeof(title), "where the time of a %s goes: mean us, the phases sum to the mean",
	         bench_subject_name(b));
	bench_put_table(table, title, out);
}

/* ---- what a kernel's syncs waited for ---- */

/* Who ended most of it: "jbd2/vda-8 98%". */
static void put_waker(struct screen_table *table, const struct kwait_site *s)
{
	if (s->waker[0].name[0])
		screen_cell(table, "%s %.0f%%", s->waker[0].name, 100.0 * (double)s->waker[0].ns / (double)s->ns);
	else
		screen_cell(table, "-");
}

static void put_sites_of(struct screen_table *table, const struct bench *b, unsigned target,
                         const struct driver_result *r)
{
	struct kwait_sum sorted = *r->kwaits;

	kwait_sum_sort(&sorted);
	for (unsigned i = 0; i < sorted.nsites && i < TOP_WAITS; i++) {
		const struct kwait_site *s = &sorted.site[i];

		if (s->ns * 1000 < sorted.sync_ns)
			return;
		bench_row(table, b, r->n, target);
		screen_cell(table, "%.1f%%", 100.0 * (double)s->ns / (double)sorted.sync_ns);
		cell(table, (double)s->n / (double)sorted.syncs, 2);
		screen_cell(table, "%s", kwait_phase_name(s->phase));
		screen_cell(table, "%s", s->function);
		put_waker(table, s);
	}
}

/* Functions of the kernel that a table names: what is waited for in it, each thing once. */
static void say_sites(const struct driver_result *const *sum, unsigned n, FILE *out)
{
	const struct kwait_site *said[SAID_MAX];
	unsigned nsaid = 0;

	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; sum[i] && sum[i]->kwaits && k < sum[i]->kwaits->nsites; k++) {
			const struct kwait_site *s = &sum[i]->kwaits->site[k];
			bool again = !s->what[0] || s->ns * 1000 < sum[i]->kwaits->sync_ns;

			for (unsigned j = 0; j < nsaid && !again; j++)
				again = !strcmp(said[j]->function, s->function) && !strcmp(said[j]->what, s->what);
			if (again || nsaid == SAID_MAX)
				continue;
			if (!nsaid)
				fputc('\n', out);
			screen_sayf(out, "  ", "%s: %s", s->function, s->what);
			said[nsaid++] = s;
		}
}

/* What part of the syncs' time the device had something to do; where that or who woke is not known, why. */
static void say_devices(const struct bench *b, const struct driver_result *const *sum, FILE *out)
{
	for (unsigned i = 0; i < b->nlevels * b->opt.ntargets; i++) {
		const struct kwait_sum *k = sum[i] ? sum[i]->kwaits : NULL;
		const char *target = k ? b->label[i % b->opt.ntargets] : NULL;

		if (k && k->no_wakers[0])
			screen_sayf(out, "  ", "%s: who woke, or the device's part, is not wholly known: %s", target,
			            k->no_wakers);
		else if (k && k->device_sync_ns)
			screen_sayf(out, "  ", "%s, %u task%s: the device had %s in %.0f%% of that time%s", target,
			            sum[i]->n, sum[i]->n == 1 ? "" : "s",
			            k->no_flushes ? "data to write" : "something to do",
			            100.0 * (double)k->device_ns / (double)k->device_sync_ns,
			            k->no_flushes ? "; when its flushes end, its driver does not tell" : "");
	}
}

static void print_sites(const struct bench *b, const struct driver_result *const *sum, FILE *out)
{
	static const char *const name[] = { "share", "sleeps" };
	struct screen_table *table = bench_rows();
	bool any = false;
	char title[128];

	columns(table, name, 2);
	screen_column(table, "phase", true);
	screen_column(table, "what the kernel waited for", true);
	screen_column(table, "woken by", true);
	for (unsigned i = 0; i < b->nlevels * b->opt.ntargets; i++) {
		if (!sum[i] || !sum[i]->kwaits || !sum[i]->kwaits->sync_ns)
			continue;
		any = true;
		put_sites_of(table, b, i % b->opt.ntargets, sum[i]);
	}
	snprintf(title, sizeof(title),
	         "where a %s sleeps in the kernel, in trials of their own: share of its time, sleeps each",
	         bench_subject_name(b));
	if (!any) {
		screen_table_free(table);
		return;
	}
	bench_put_table(table, title, out);
	say_sites(sum, b->nlevels * b->opt.ntargets, out);
	say_devices(b, sum, out);
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

static void put_holder(struct screen_table *table, const struct lock_stat *s)
{
	unsigned best = 0;

	for (unsigned p = 0; p < PH_NR; p++)
		if (s->by_phase_ns[p] > s->by_phase_ns[best])
			best = p;
	if (s->by_phase_ns[best])
		screen_cell(table, "%s %.0f%%", phase_info[best].name, 100.0 * s->by_phase_ns[best] / s->wait_ns);
	else
		screen_cell(table, "-");
}

static void put_wait(struct screen_table *table, const struct lock_stat *s, unsigned class, double all)
{
	screen_cell(table, "%s", lock_info[class].name);
	screen_cell(table, "%s", lock_kind_name[lock_info[class].kind]);
	screen_cell(table, "%llu", (unsigned long long)s->contended);
	cell(table, s->wait_ns / 1e6, 1);
	cell(table, us(hist_percentile(&s->wait, 100)), 0);
	cell(table, s->contended ? us((double)s->wait_ns / s->contended) : 0, 1);
	screen_cell(table, "%.1f%%", 100.0 * s->wait_ns / all);
	screen_cell(table, "%.1f%%", 100.0 * s->wakeup_ns / s->wait_ns);
	put_holder(table, s);
}

static void put_waits_of(struct screen_table *table, const struct bench *b, unsigned target,
                         const struct driver_result *r)
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
		screen_cell(table, "%.24s", b->label[target]);
		put_wait(table, &r->waits[class], class, all);
	}
}

static void print_waits(const struct bench *b, const struct driver_result *const *sum, FILE *out)
{
	static const char *const name[] = { "contended", "total ms", "max us", "avg us", "share", "wake-up" };
	const struct bench_level *l = &b->level[b->nlevels - 1];
	char title[128];

	if (!rt_instrument || all_kernel(b))
		return;
	struct screen_table *table = screen_table(2);
	screen_column(table, "target", true);
	screen_column(table, "class", true);
	screen_column(table, "type", true);
	columns(table, name, 6);
	screen_column(table, "whose phase", true);
	for (unsigned t = 0; t < b->opt.ntargets; t++) {
		const struct driver_result *r = sum[(b->nlevels - 1) * b->opt.ntargets + t];
		if (r && !is_kernel(b, t))
			put_waits_of(table, b, t, r);
	}
	snprintf(title, sizeof(title), "top waits with %u task%s, all tasks of the engine (other numbers of tasks: "
	         "run.json)", l->n[0], l->n[0] == 1 ? "" : "s");
	bench_put_table(table, title, out);
}

/* ---- syncs that made nothing durable ---- */

/* The first of them, of one trial. */
static void print_first(const struct driver_result *r, FILE *out)
{
	for (unsigned i = 0; i < r->kwaits->early && i < KWAIT_EARLY; i++) {
		const struct kwait_early *e = &r->kwaits->first[i];

		fprintf(out, "  %.6f s: %s's sync returned after %.0f us, %.0f us after its write began",
		        (double)e->at_ns / 1e9, e->task, us((double)e->took_ns), us((double)e->wrote_ns));
		fprintf(out, "; %u other%s in a sync\n", e->beside, e->beside == 1 ? "" : "s");
	}
}

/* In the run's first lines: the figures below are not of durable writes. */
static void print_early(const struct bench *b, FILE *out)
{
	for (unsigned t = 0; t < b->opt.ntargets; t++) {
		uint64_t judged, early = bench_early(b, t, &judged);
		bool told = false;

		if (!early)
			continue;
		screen_sayf(out, "", "EARLY RETURNS: %s: %llu of %llu syncs returned before the device was flushed "
		            "after their write: not durable then", b->label[t], (unsigned long long)early,
		            (unsigned long long)judged);
		for (unsigned l = 0; l < b->nlevels; l++)
			for (unsigned i = 0; i < b->opt.trials && !told; i++) {
				const struct driver_result *r = b->level[l].trial[t][i];

				if (!r || !r->kwaits || !r->kwaits->early)
					continue;
				print_first(r, out);
				told = true;
			}
	}
}

/* ---- the whole ---- */

void bench_print(const struct bench *b, FILE *out)
{
	unsigned n = b->nlevels * b->opt.ntargets;
	const struct driver_result **sum = calloc(n, sizeof(*sum));

	if (!sum)
		return;
	for (unsigned l = 0; l < b->nlevels; l++)
		for (unsigned t = 0; t < b->opt.ntargets; t++)
			sum[l * b->opt.ntargets + t] = bench_sum(b, &b->level[l], t);
	print_early(b, out);
	print_what(b, out);
	print_placement(b, out);
	print_latencies(b, sum, out);
	bench_print_percentiles(b, out);
	print_open_loop(b, sum, out);
	bench_print_sections(b, sum, out);
	if (b->opt.verbose) {
		print_phases(b, sum, out);
		print_sites(b, sum, out);
		print_waits(b, sum, out);
		bench_print_nodes(b, sum, out);
	}
	if (b->opt.verbose || b->opt.events)
		bench_print_events(b, sum, out);
	print_notices(b, out);
	for (unsigned i = 0; i < n; i++)
		driver_free((struct driver_result *)sum[i]);
	free(sum);
}
