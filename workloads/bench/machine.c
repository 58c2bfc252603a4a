/*
 * machine.c: the part of a bench's results that is about the machine: what the devices are and
 * how they do what they are asked, what the processor and the kernel counted.
 */
#include <ctype.h>
#include <string.h>

#include "bench/bench.h"
#include "base/text.h"

/* Those facts of a drive that decide what an fsync costs, and how it is asked. */
void bench_print_drive(const struct bench *b, unsigned target, FILE *out)
{
	static const char *const shown[] = { "model", "write_cache", "fua", "rotational", "numa_node", "writes" };
	static const char in[] = "     ";
	const struct driver_result *r = bench_first(b, target);
	char line[512];
	int n;

	if (!r || !facts_get(&r->drive, "drive")[0])
		return;
	n = snprintf(line, sizeof(line), "drive %s", facts_get(&r->drive, "drive"));
	for (unsigned i = 0; i < sizeof(shown) / sizeof(shown[0]) && n < (int)sizeof(line); i++)
		if (facts_get(&r->drive, shown[i])[0])
			n += snprintf(line + n, sizeof(line) - (size_t)n, ", %s %s", shown[i],
			              facts_get(&r->drive, shown[i]));
	screen_say(out, in, line);
	if (!facts_get(&r->drive, "flush")[0])
		return;
	screen_sayf(out, in, "flush by %s", facts_get(&r->drive, "flush"));
	screen_sayf(out, in, "FUA write by %s", facts_get(&r->drive, "fua_write"));
}

json_t *bench_drive_json(const struct driver_result *r)
{
	json_t *o = json_object();

	for (unsigned i = 0; i < r->drive.n; i++)
		json_object_set_new(o, r->drive.fact[i].key, json_string(r->drive.fact[i].value));
	return o;
}

/* ---- between nodes ---- */

static void put_node_row(struct screen_table *t, const struct bench *b, const struct driver_result *r, unsigned target,
                         enum lock_class class)
{
	const struct lock_stat *s = &r->waits[class];

	bench_row(t, b, r->n, target);
	screen_cell(t, "%s", lock_info[class].name);
	if (lock_info[class].kind == LOCK_WAIT) {
		screen_cell(t, "-");
		screen_cell(t, "-");
	} else {
		screen_cell(t, "%llu", (unsigned long long)s->acquired);
		screen_cell(t, "%.1f%%", 100.0 * (double)s->other_node / (double)s->acquired);
	}
	screen_cell(t, "%llu", (unsigned long long)s->woken);
	if (s->woken)
		screen_cell(t, "%.1f%%", 100.0 * (double)s->woken_remote / (double)s->woken);
	else
		screen_cell(t, "-");
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
	static const char *const name[] = { "class", "acquired", "remote", "woken", "woken remote" };
	unsigned last = (b->nlevels - 1) * b->opt.ntargets;
	bool any = false;

	if (!rt_instrument || place_init() || place_topology()->nodes < 2)
		return;
	struct screen_table *table = bench_rows();
	for (unsigned i = 0; i < sizeof(name) / sizeof(name[0]); i++)
		screen_column(table, name[i], !i);
	for (unsigned t = 0; t < b->opt.ntargets; t++)
		for (unsigned c = 0; c < L_NR && sum[last + t]; c++) {
			const struct lock_stat *s = &sum[last + t]->waits[c];

			if (100 * crossings(s) < most_crossings(sum[last + t]) || !crossings(s))
				continue;
			put_node_row(table, b, sum[last + t], t, c);
			any = true;
		}
	if (any)
		bench_put_table(table, "between NUMA nodes, all tasks of the engine: hand-overs of locks, wake-ups of "
		                "waiting tasks", out);
	else
		screen_table_free(table);
}

/* ---- counters ---- */

static void put_names(struct screen_table *t, const struct pmu_counts *e)
{
	for (unsigned i = 0; i < e->n; i++)
		screen_column(t, e->event[i].name, false);
}

static void put_count(struct screen_table *t, const struct pmu_count *c, double value)
{
	if (c->why[0])
		screen_cell(t, "unavailable");
	else
		screen_cell(t, "%.*f", value < 100 ? 2 : 0, value);
}

static const struct driver_result *any_counted(const struct bench *b, const struct driver_result *const *sum)
{
	for (unsigned i = 0; i < b->nlevels * b->opt.ntargets; i++)
		if (sum[i] && sum[i]->events.n && bench_subject(sum[i])->n)
			return sum[i];
	return NULL;
}

static void put_phases_of(struct screen_table *t, const struct bench *b, unsigned target, const struct driver_result *r)
{
	for (unsigned ph = 0; ph < PH_NR; ph++) {
		bool any = false;

		for (unsigned i = 0; i < r->events.n; i++)
			any |= r->events.event[i].phase[ph] > 0;
		if (!any || ph == PH_IDLE)
			continue;
		bench_row(t, b, r->n, target);
		screen_cell(t, "%s", phase_info[ph].name);
		for (unsigned i = 0; i < r->events.n; i++)
			put_count(t, &r->events.event[i], r->events.event[i].phase[ph] / (double)r->events.syncs);
	}
}

/* Asked for by --events: the always counted ones alone would not be worth the lines. */
static void print_by_phase(const struct bench *b, const struct driver_result *const *sum,
                           const struct driver_result *any, FILE *out)
{
	unsigned last = (b->nlevels - 1) * b->opt.ntargets;
	char title[128];

	if (!b->opt.events || !any->events.syncs)
		return;
	struct screen_table *table = bench_rows();
	screen_column(table, "phase", true);
	put_names(table, &any->events);
	for (unsigned t = 0; t < b->opt.ntargets; t++)
		if (sum[last + t] && sum[last + t]->events.syncs)
			put_phases_of(table, b, t, sum[last + t]);
	snprintf(title, sizeof(title), "the same by phase, of one %s in %u (with what reading them costs)",
	         bench_subject_name(b), PMU_SYNC_ONE_IN);
	bench_put_table(table, title, out);
}

static void print_event_rows(const struct bench *b, const struct driver_result *const *sum,
                             const struct driver_result *any, const char *title, FILE *out)
{
	struct screen_table *table = bench_rows();

	put_names(table, &any->events);
	for (unsigned i = 0; i < b->nlevels * b->opt.ntargets; i++) {
		const struct driver_result *r = sum[i];

		if (!r || !r->events.n || !bench_subject(r)->n)
			continue;
		bench_row(table, b, r->n, i % b->opt.ntargets);
		for (unsigned k = 0; k < r->events.n; k++)
			put_count(table, &r->events.event[k],
			          r->events.event[k].value / (double)bench_subject(r)->n);
	}
	bench_put_table(table, title, out);
	for (unsigned i = 0; i < any->events.n; i++) /* what could not be counted, and why: each once */
		if (any->events.event[i].why[0])
			screen_sayf(out, "  ", "%s is unavailable: %s", any->events.event[i].name,
			            any->events.event[i].why);
}

void bench_print_events(const struct bench *b, const struct driver_result *const *sum, FILE *out)
{
	const struct driver_result *any = any_counted(b, sum);
	char title[96];

	snprintf(title, sizeof(title), "counted in the job's tasks, a %s (task-clock in ns)", bench_subject_name(b));
	if (any)
		print_event_rows(b, sum, any, title, out);
	else
		fprintf(out, "\n%s\n", title);
	for (unsigned t = 0; t < b->opt.ntargets; t++)
		if (bench_no_events(b, t))
			screen_sayf(out, "  ", "%s: not counted: %s", b->label[t], bench_no_events(b, t));
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
