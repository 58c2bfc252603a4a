/*
 * machine.c: the part of a bench's results that is about the machine: what the devices are and
 * how they do what they are asked, what the processor and the kernel counted.
 */
#include <ctype.h>
#include <string.h>

#include "bench/bench.h"
#include "base/text.h"

/* One line: those facts of a drive that decide what an fsync costs. */
static void print_drive(const struct dev_facts *f, char who, FILE *out)
{
	static const char *const shown[] = { "model", "write_cache", "fua", "rotational", "numa_node", "writes" };

	fprintf(out, "  %c  drive %s", who, facts_get(f, "drive"));
	for (unsigned i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
		if (facts_get(f, shown[i])[0])
			fprintf(out, ", %s %s", shown[i], facts_get(f, shown[i]));
	fputc('\n', out);
	if (facts_get(f, "flush")[0])
		fprintf(out, "     flush by %s\n     FUA write by %s\n", facts_get(f, "flush"),
		        facts_get(f, "fua_write"));
}

static const struct driver_result *first_trial(const struct bench *b, unsigned target)
{
	for (unsigned l = 0; l < b->nlevels; l++)
		if (b->level[l].trial[target][0])
			return b->level[l].trial[target][0];
	return NULL;
}

void bench_print_drives(const struct bench *b, FILE *out)
{
	for (unsigned t = 0; t < b->opt.ntargets; t++) {
		const struct driver_result *r = first_trial(b, t);

		if (r && facts_get(&r->drive, "drive")[0])
			print_drive(&r->drive, 'A' + t, out);
	}
}

json_t *bench_drive_json(const struct driver_result *r)
{
	json_t *o = json_object();

	for (unsigned i = 0; i < r->drive.n; i++)
		json_object_set_new(o, r->drive.fact[i].key, json_string(r->drive.fact[i].value));
	return o;
}

/* ---- between nodes ---- */

static void print_node_row(const struct driver_result *r, char who, enum lock_class class, FILE *out)
{
	const struct lock_stat *s = &r->waits[class];

	fprintf(out, "%7u  %c %-16s", r->n, who, lock_info[class].name);
	if (lock_info[class].kind == LOCK_WAIT)
		fprintf(out, " %12s %9s", "-", "-");
	else
		fprintf(out, " %12llu %8.1f%%", (unsigned long long)s->acquired,
		        100.0 * (double)s->other_node / (double)s->acquired);
	fprintf(out, " %12llu", (unsigned long long)s->woken);
	if (s->woken)
		fprintf(out, " %8.1f%%", 100.0 * (double)s->woken_remote / (double)s->woken);
	fputc('\n', out);
}

static uint64_t crossings(const struct lock_stat *s)
{
	return s->other_node + s->woken_remote;
}

/* Of the class that crosses most often. */
static uint64_t most_crossings(const struct driver_result *r)
{
	uint64_t most = 0;

	for (unsigned c = 0; c < L_NR; c++)
		most = crossings(&r->waits[c]) > most ? crossings(&r->waits[c]) : most;
	return most;
}

/*
 * What crosses from one node to another, by the classes that do so more than now and then. On a machine of one node
 * nothing can.
 */
void bench_print_nodes(const struct bench *b, const struct driver_result *const *sum, FILE *out)
{
	unsigned last = (b->nlevels - 1) * b->opt.ntargets;
	bool head = false;

	if (!rt_instrument || place_init() || place_topology()->nodes < 2)
		return;
	for (unsigned t = 0; t < b->opt.ntargets; t++)
		for (unsigned c = 0; c < L_NR && sum[last + t]; c++) {
			const struct lock_stat *s = &sum[last + t]->waits[c];

			if (100 * crossings(s) < most_crossings(sum[last + t]) || !crossings(s))
				continue;
			if (!head)
				fprintf(out, "\nbetween NUMA nodes, all tasks of the engine: hand-overs of locks, "
				        "wake-ups of waiting tasks\n%7s  %-18s %12s %9s %12s %9s\n", "threads", "class",
				        "acquired", "remote", "woken", "remote");
			head = true;
			print_node_row(sum[last + t], 'A' + t, c, out);
		}
}

/* ---- counters ---- */

#define EVENT_WIDTH 11

static int width_of(const struct pmu_count *c)
{
	int n = (int)strlen(c->name);

	return n > EVENT_WIDTH ? n : EVENT_WIDTH;
}

static void print_names(const struct pmu_counts *e, FILE *out)
{
	for (unsigned i = 0; i < e->n; i++)
		fprintf(out, " %*s", width_of(&e->event[i]), e->event[i].name);
	fputc('\n', out);
}

static void print_count(const struct pmu_count *c, double value, FILE *out)
{
	if (c->why[0])
		fprintf(out, " %*s", width_of(c), "unavailable");
	else
		fprintf(out, " %*.*f", width_of(c), value < 100 ? 2 : 0, value);
}

static const struct driver_result *any_counted(const struct bench *b, const struct driver_result *const *sum)
{
	for (unsigned i = 0; i < b->nlevels * b->opt.ntargets; i++)
		if (sum[i] && sum[i]->events.n && bench_subject(sum[i])->n)
			return sum[i];
	return NULL;
}

static void print_phases_of(const struct driver_result *r, char who, FILE *out)
{
	for (unsigned ph = 0; ph < PH_NR; ph++) {
		bool any = false;

		for (unsigned i = 0; i < r->events.n; i++)
			any |= r->events.event[i].phase[ph] > 0;
		if (!any || ph == PH_IDLE)
			continue;
		fprintf(out, "%7u  %c %-10s", r->n, who, phase_info[ph].name);
		for (unsigned i = 0; i < r->events.n; i++)
			print_count(&r->events.event[i], r->events.event[i].phase[ph] / (double)r->events.syncs, out);
		fputc('\n', out);
	}
}

/* Asked for by --events: the always counted ones alone would not be worth the lines. */
static void print_by_phase(const struct bench *b, const struct driver_result *const *sum,
                           const struct driver_result *any, FILE *out)
{
	unsigned last = (b->nlevels - 1) * b->opt.ntargets;

	if (!b->opt.events || !any->events.syncs)
		return;
	fprintf(out, "\nthe same by phase, of one %s in %u (with what reading them costs)\n%7s  %-12s",
	        bench_subject_name(b), PMU_SYNC_ONE_IN, "threads", "phase");
	print_names(&any->events, out);
	for (unsigned t = 0; t < b->opt.ntargets; t++)
		if (sum[last + t] && sum[last + t]->events.syncs)
			print_phases_of(sum[last + t], 'A' + t, out);
}

static void print_event_rows(const struct bench *b, const struct driver_result *const *sum,
                             const struct driver_result *any, FILE *out)
{
	fprintf(out, "%7s  %-12s", "threads", "target");
	print_names(&any->events, out);
	for (unsigned i = 0; i < b->nlevels * b->opt.ntargets; i++) {
		const struct driver_result *r = sum[i];

		if (!r || !r->events.n || !bench_subject(r)->n)
			continue;
		fprintf(out, "%7u  %-12.12s", r->n, b->label[i % b->opt.ntargets]);
		for (unsigned k = 0; k < r->events.n; k++)
			print_count(&r->events.event[k], r->events.event[k].value / (double)bench_subject(r)->n, out);
		fputc('\n', out);
	}
	for (unsigned i = 0; i < any->events.n; i++) /* what could not be counted, and why: each once */
		if (any->events.event[i].why[0])
			fprintf(out, "  %s is unavailable: %s\n", any->events.event[i].name, any->events.event[i].why);
}

void bench_print_events(const struct bench *b, const struct driver_result *const *sum, FILE *out)
{
	const struct driver_result *any = any_counted(b, sum);

	fprintf(out, "\ncounted in the job's tasks, a %s (task-clock in ns)\n", bench_subject_name(b));
	if (any)
		print_event_rows(b, sum, any, out);
	for (unsigned t = 0; t < b->opt.ntargets; t++)
		if (bench_no_events(b, t))
			fprintf(out, "  %s: not counted: %s\n", b->label[t], bench_no_events(b, t));
	if (any)
		print_by_phase(b, sum, any, out);
}

static json_t *count_json(const struct pmu_count *c, uint64_t syncs)
{
	json_t *o = json_object(), *by;

	if (c->why[0]) {
		json_object_set_new(o, "unavailable", json_string(c->why));
		return o;
	}
	json_object_set_new(o, "value", json_real(c->value));
	if (!syncs)
		return o;
	by = json_object();
	for (unsigned ph = 0; ph < PH_NR; ph++)
		if (c->phase[ph] > 0)
			json_object_set_new(by, phase_info[ph].name, json_real(c->phase[ph]));
	json_object_set_new(o, "by_phase", by);
	return o;
}

json_t *bench_events_json(const struct bench *b, unsigned target, const struct driver_result *r)
{
	const char *why = bench_no_events(b, target);
	json_t *o = json_object();

	if (why) {
		json_object_set_new(o, "not_counted", json_string(why));
		return o;
	}
	json_object_set_new(o, "syncs_by_phase", json_integer((json_int_t)r->events.syncs));
	for (unsigned i = 0; i < r->events.n; i++)
		json_object_set_new(o, r->events.event[i].name, count_json(&r->events.event[i], r->events.syncs));
	return o;
}

static const char *nearest_event(const char *word)
{
	char low[PMU_NAME_MAX];
	const char *best = NULL, *name, *near;

	for (unsigned i = 0; i < sizeof(low); i++)
		low[i] = (char)tolower((unsigned char)word[i]);
	for (unsigned i = 0; (name = pmu_known(i)); i++) {
		near = text_nearest(low, &name, 1, sizeof(name));
		if (near && (!best || text_distance(low, near) < text_distance(low, best)))
			best = near;
	}
	return best;
}

int bench_events(const char *list, struct pmu_set *out, char *err)
{
	char unknown[PMU_NAME_MAX] = "", hint[PMU_NAME_MAX + 20];
	int ret = pmu_parse(list, out, err, unknown);
	size_t n;

	if (ret && unknown[0]) {
		n = strlen(err);
		snprintf(err + n, PMU_ERR_MAX - n, "%s", text_did_you_mean(hint, sizeof(hint), nearest_event(unknown)));
	}
	return ret;
}
