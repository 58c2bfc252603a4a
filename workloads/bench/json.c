/*
 * json.c: the results of a bench as JSON. The schema is described in results/README.md; a change
 * of the meaning of a field is a new SCHEMA_VERSION.
 */
#include <string.h>

#include "bench/bench.h"
#include "recipe/env.h"
#include "machine/mem.h"

#define SCHEMA         "fsyncstorm-bench"
#define SCHEMA_VERSION 1

static void put_int(json_t *o, const char *key, uint64_t value)
{
	json_object_set_new(o, key, json_integer((json_int_t)value));
}

static void put_real(json_t *o, const char *key, double value)
{
	json_object_set_new(o, key, json_real(value));
}

static void put_text(json_t *o, const char *key, const char *value)
{
	json_object_set_new(o, key, json_string(value));
}

/* ---- histograms ---- */

static json_t *bins_json(const struct hist *h)
{
	json_t *bins = json_array(), *bin;

	for (unsigned i = 0; i < HIST_BUCKETS; i++) {
		if (!h->bucket[i])
			continue;
		bin = json_array();
		json_array_append_new(bin, json_integer((json_int_t)hist_bucket_value(i)));
		json_array_append_new(bin, json_integer((json_int_t)h->bucket[i]));
		json_array_append_new(bins, bin);
	}
	return bins;
}

static json_t *hist_json(const struct hist *h)
{
	json_t *o = json_object();

	put_int(o, "n", h->n);
	put_int(o, "sum_ns", h->sum);
	put_int(o, "min_ns", h->n ? h->min : 0);
	put_real(o, "mean_ns", hist_mean(h));
	put_int(o, "p50_ns", hist_percentile(h, 50));
	put_int(o, "p90_ns", hist_percentile(h, 90));
	put_int(o, "p99_ns", hist_percentile(h, 99));
	put_int(o, "p999_ns", hist_percentile(h, 99.9));
	put_int(o, "max_ns", h->n ? h->max : 0);
	json_object_set_new(o, "bins", bins_json(h));
	return o;
}

static void put_hist(json_t *o, const char *key, const struct hist *h)
{
	if (h->n)
		json_object_set_new(o, key, hist_json(h));
}

/* ---- latency over time ---- */

static json_t *heat_json(const struct heat *h)
{
	json_t *o = json_object(), *max = json_array(), *cells = json_array();
	unsigned slices = 0;

	for (unsigned i = 0; i < HEAT_SLICES; i++)
		for (unsigned row = 0; row < HEAT_ROWS; row++)
			if (h->n[i][row]) {
				json_array_append_new(cells, json_pack("[I, I, I]", (json_int_t)i,
				                                       (json_int_t)heat_row_ns(row),
				                                       (json_int_t)h->n[i][row]));
				slices = i + 1;
			}
	for (unsigned i = 0; i < slices; i++)
		json_array_append_new(max, json_integer((json_int_t)h->max_ns[i]));
	put_int(o, "slice_ns", h->slice_ns);
	json_object_set_new(o, "max_ns", max);
	json_object_set_new(o, "cells", cells);
	return o;
}

/* ---- waits ---- */

static json_t *wait_json(const struct lock_stat *s, unsigned class)
{
	json_t *o = json_object(), *by = json_object();

	put_text(o, "class", lock_info[class].name);
	put_text(o, "kind", lock_kind_name[lock_info[class].kind]);
	put_int(o, "acquired", s->acquired);
	put_int(o, "contended", s->contended);
	put_int(o, "other_node", s->other_node);
	put_int(o, "woken", s->woken);
	put_int(o, "woken_remote", s->woken_remote);
	put_int(o, "wait_ns", s->wait_ns);
	put_int(o, "wakeup_ns", s->wakeup_ns);
	put_int(o, "hold_sampled", s->hold_n);
	put_int(o, "hold_sampled_ns", s->hold_ns);
	for (unsigned p = 0; p < PH_NR; p++)
		if (s->by_phase_ns[p])
			put_int(by, phase_info[p].name, s->by_phase_ns[p]);
	json_object_set_new(o, "holder_phase_ns", by);
	put_hist(o, "wait", &s->wait);
	return o;
}

static json_t *waits_json(const struct driver_result *r)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < L_NR; i++)
		if (r->waits[i].acquired)
			json_array_append_new(list, wait_json(&r->waits[i], i));
	return list;
}

/* ---- one trial ---- */

/* Phases and events are the engine's: of a real file system they are not 0, they are not known. */
static bool is_counted(const struct driver_result *r)
{
	return rt_instrument && r->has_device;
}

void bench_put_measured(json_t *o, const struct driver_result *r)
{
	json_t *ops = json_object(), *phases, *counters, *device;
	const struct hist *h;
	const char *name;

	for (unsigned i = 0; (h = bench_hist(r, i, &name)); i++)
		put_hist(ops, name, h);
	put_hist(ops, "durable", &r->durable);
	json_object_set_new(o, "ops", ops);
	if (is_counted(r)) {
		phases = json_object();
		for (int i = 0; i < PH_NR; i++)
			put_int(phases, phase_info[i].name, r->phase_ns[i]);
		json_object_set_new(o, "phases_ns", phases);
	}
	json_object_set_new(o, "waits", waits_json(r));
	if (is_counted(r)) {
		counters = json_object();
		for (int i = 0; i < C_NR; i++)
			put_int(counters, counter_info[i].name, r->counters[i]);
		json_object_set_new(o, "counters", counters);
	}
	if (r->has_device) {
		device = json_object();
		put_hist(device, "write", &r->device.write);
		put_hist(device, "flush", &r->device.flush);
		put_hist(device, "fua", &r->device.fua);
		put_hist(device, "read", &r->device.read);
		json_object_set_new(o, "device", device);
	}
	put_text(o, "notice", r->notice);
}

/* Where a kernel's syncs waited, in trials of their own: what is beside it in the object was measured in others. */
static json_t *kwaits_json(const struct kwait_sum *from)
{
	json_t *o = json_object(), *phases = json_object(), *sites = json_array(), *first = json_array();
	json_t *site, *wakers;
	struct kwait_sum sorted = *from;

	kwait_sum_sort(&sorted);
	put_int(o, "syncs", sorted.syncs);
	put_int(o, "sync_ns", sorted.sync_ns);
	put_int(o, "lost", sorted.lost);
	for (unsigned i = 0; i < KW_NR; i++)
		if (sorted.phase_ns[i])
			put_int(phases, kwait_phase_name(i), sorted.phase_ns[i]);
	json_object_set_new(o, "phases_ns", phases);
	for (unsigned i = 0; i < sorted.nsites; i++) {
		site = json_object();
		put_text(site, "function", sorted.site[i].function);
		put_text(site, "what", sorted.site[i].what);
		put_text(site, "phase", kwait_phase_name(sorted.site[i].phase));
		put_int(site, "ns", sorted.site[i].ns);
		put_int(site, "n", sorted.site[i].n);
		if (sorted.device_sync_ns)
			put_int(site, "device_ns", sorted.site[i].device_ns);
		wakers = json_object();
		for (unsigned k = 0; k < KWAIT_WAKERS && sorted.site[i].waker[k].name[0]; k++)
			put_int(wakers, sorted.site[i].waker[k].name, sorted.site[i].waker[k].ns);
		json_object_set_new(site, "woken_by_ns", wakers);
		json_array_append_new(sites, site);
	}
	json_object_set_new(o, "sites", sites);
	if (sorted.no_wakers[0])
		put_text(o, "no_wakers", sorted.no_wakers);
	if (sorted.device_sync_ns) {
		put_int(o, "device_sync_ns", sorted.device_sync_ns);
		put_int(o, "device_ns", sorted.device_ns);
		json_object_set_new(o, "device_flushes_known", json_boolean(!sorted.no_flushes));
	}
	if (sorted.not_judged[0])
		put_text(o, "not_judged", sorted.not_judged);
	put_int(o, "judged", sorted.judged);
	put_int(o, "early", sorted.early);
	for (unsigned i = 0; i < sorted.early && i < KWAIT_EARLY; i++)
		json_array_append_new(first, json_pack("{sI sI sI ss sI}", "at_ns", (json_int_t)sorted.first[i].at_ns,
		                                       "took_ns", (json_int_t)sorted.first[i].took_ns, "wrote_ns",
		                                       (json_int_t)sorted.first[i].wrote_ns, "task",
		                                       sorted.first[i].task, "beside",
		                                       (json_int_t)sorted.first[i].beside));
	json_object_set_new(o, "early_first", first);
	return o;
}

static json_t *barriers_json(const struct driver_result *r)
{
	const struct target_barriers *b = &r->barriers;
	json_t *o = json_object();

	put_text(o, "device", b->device);
	put_int(o, "promised", r->promised);
	if (b->why[0])
		put_text(o, b->none_needed ? "none_needed" : "not_counted", b->why);
	else
		put_int(o, "flushes", b->flushes);
	if (b->drive[0]) {
		put_text(o, "drive", b->drive);
		put_int(o, "drive_flushes", b->drive_flushes);
	}
	if (b->has_traffic) {
		put_int(o, "reads", b->reads);
		put_int(o, "written_bytes", b->written);
	}
	json_object_set_new(o, "too_few", json_boolean(r->too_few_flushes));
	return o;
}

static json_t *task_json(const struct driver_task *t)
{
	json_t *o = json_object();

	put_text(o, "name", t->name);
	json_object_set_new(o, "pu", json_integer(t->where.pu));
	json_object_set_new(o, "node", json_integer(t->where.node));
	if (t->where.cpus)
		put_text(o, "cpus", t->where.cpus);
	if (t->where.nodes)
		put_text(o, "nodes", t->where.nodes);
	put_text(o, "bound", t->bound ? place_bound(t->bound) : "yes");
	if (t->grouped)
		return o;
	put_int(o, "writes", t->writes);
	put_int(o, "syncs", t->syncs);
	put_int(o, "sync_p50_ns", t->sync_p50_ns);
	put_int(o, "sync_p99_ns", t->sync_p99_ns);
	return o;
}

static json_t *section_json(const struct driver_section *s)
{
	json_t *o = json_object(), *ops = json_object();

	put_text(o, "name", s->name);
	put_int(o, "tasks", s->tasks);
	put_int(o, "elapsed_ns", s->end_ns - s->begin_ns);
	put_int(o, "bytes", s->bytes);
	put_int(o, "read_bytes", s->read_bytes);
	for (int k = 0; k < OP_KINDS; k++)
		put_hist(ops, op_name[k], &s->op[k]);
	json_object_set_new(o, "ops", ops);
	return o;
}

static json_t *sections_json(const struct driver_result *r)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < r->nsections; i++)
		json_array_append_new(list, section_json(&r->section[i]));
	return list;
}

static json_t *trial_json(const struct bench *b, const struct bench_level *l, unsigned target, unsigned trial)
{
	const struct driver_result *r = l->trial[target][trial];
	json_t *o = json_object(), *tasks = json_array();
	double meta = bench_meta_bytes(r, b->spec[target].target == &target_fs);

	put_int(o, "threads", l->threads);
	put_int(o, "tasks_n", bench_tasks(b, l, target));
	put_int(o, "target", target);
	put_int(o, "trial", trial);
	put_int(o, "begin_ns", r->begin_ns - b->begin_ns);
	put_int(o, "elapsed_ns", r->elapsed_ns);
	put_int(o, "cpu_ns", r->cpu_ns);
	put_int(o, "bytes", r->bytes);
	put_int(o, "read_bytes", r->read_bytes);
	if (r->nsections)
		json_object_set_new(o, "sections", sections_json(r));
	put_real(o, "rate", bench_value(r, BENCH_RATE));
	if (bench_flushes(r) > 0)
		put_real(o, "flushes_per_sync", bench_flushes(r));
	if (meta > 0)
		put_real(o, "meta_bytes_per_sync", meta);
	json_object_set_new(o, "interrupted", json_boolean(r->interrupted));
	if (r->sync.n)
		json_object_set_new(o, "over_time", heat_json(&r->heat));
	json_object_set_new(o, "events", bench_events_json(b, target, r));
	json_object_set_new(o, "drive", bench_drive_json(r));
	bench_put_measured(o, r);
	if (r->kwaits)
		json_object_set_new(o, "kernel_waits", kwaits_json(r->kwaits));
	put_hist(o, "floor", bench_floor(r));
	if (r->floor.n)
		put_int(o, "floor_before_ns", hist_percentile(&r->floor, 50));
	if (r->floor_after.n)
		put_int(o, "floor_after_ns", hist_percentile(&r->floor_after, 50));
	if (!r->syncs_unknown)
		put_int(o, "promised", r->promised);
	if (r->has_barriers)
		json_object_set_new(o, "barriers", barriers_json(r));
	put_real(o, "others_busy", r->others);
	put_real(o, "stolen", r->stolen);
	if (r->mhz > 0)
		put_real(o, "mhz", r->mhz);
	if (r->made[0])
		put_text(o, "made", r->made);
	for (unsigned i = 0; i < r->n; i++)
		json_array_append_new(tasks, task_json(&r->task[i]));
	json_object_set_new(o, "tasks", tasks);
	if (r->helper_nodes[0])
		put_text(o, "helper_nodes", r->helper_nodes);
	if (r->error)
		put_text(o, "error", strerror(-r->error));
	return o;
}

static json_t *trials_json(const struct bench *b)
{
	json_t *list = json_array();

	for (unsigned l = 0; l < b->nlevels; l++)
		for (unsigned i = 0; i < b->opt.trials; i++)
			for (unsigned t = 0; t < b->opt.ntargets; t++)
				if (b->level[l].trial[t][i])
					json_array_append_new(list, trial_json(b, &b->level[l], t, i));
	return list;
}

/* ---- the whole ---- */

/* What a design alone has. */
static void put_design_keys(json_t *o, const struct target_spec *s)
{
	put_text(o, "device", s->device);
	put_int(o, "subvols", s->subvols);
	put_text(o, "metadata", s->single ? "single" : "dup");
}

static json_t *targets_json(const struct bench *b)
{
	json_t *list = json_array(), *o;
	char floor_of[PATH_MAX];

	for (unsigned i = 0; i < b->opt.ntargets; i++) {
		o = json_object();
		put_text(o, "label", b->label[i]);
		put_text(o, "text", b->spec[i].text);
		put_text(o, "kind", b->spec[i].target->name);
		if (b->twin[i] >= 0)
			put_int(o, "fio_beside", (uint64_t)b->twin[i]);
		put_text(o, "driver", b->spec[i].fio ? "fio" : "own");
		if (b->njobs > 1)
			put_int(o, "job", b->of[i]);
		put_text(o, "design", b->spec[i].design);
		bench_floor_of(b, i, floor_of, sizeof(floor_of));
		if (floor_of[0])
			put_text(o, "floor_of", floor_of);
		if (b->spec[i].target == &target_engine)
			put_design_keys(o, &b->spec[i]);
		json_array_append_new(list, o);
	}
	return list;
}

/* "wal-fsync and wal-dsync". */
static json_t *all_jobs(const struct bench *b)
{
	char text[BENCH_JOBS_MAX * (JOB_NAME_MAX + 5)] = "";

	for (unsigned i = 0, n = 0; i < b->njobs; i++)
		n += (unsigned)sprintf(text + n, "%s%s", i ? " and " : "", b->job[i].label);
	return json_string(text);
}

static json_t *jobs_json(const struct bench *b)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < b->njobs; i++)
		json_array_append_new(list, json_pack("{s:s,s:s,s:s}", "name", b->job[i].label, "path", b->job[i].path,
		                                      "durable_by", bench_durable_by(&b->job[i].file)));
	return list;
}

json_t *bench_json(const struct bench *b, const char *date)
{
	json_t *o = json_object(), *job = json_object(), *phases = json_object(), *command = json_array();
	json_t *classes = json_object();

	put_text(o, "schema", SCHEMA);
	put_int(o, "schema_version", SCHEMA_VERSION);
	put_text(o, "date", date);
	put_text(o, "commit", env_commit());
	for (int i = 0; i < b->argc; i++)
		json_array_append_new(command, json_string(b->argv[i]));
	json_object_set_new(o, "command", command);
	put_int(o, "seed", b->opt.seed);
	put_int(o, "trials", b->opt.trials);
	put_int(o, "seconds_ns", b->opt.seconds_ns);
	put_text(o, "placement", b->opt.placement ? b->opt.placement : "job");
	json_object_set_new(job, "name", all_jobs(b));
	put_text(job, "path", b->job[0].path);
	put_text(job, "durable_by", bench_durable_by(&b->job[0].file));
	put_text(job, "subject", bench_subject_name(b));
	json_object_set_new(o, "job", job);
	if (b->njobs > 1)
		json_object_set_new(o, "jobs", jobs_json(b));
	if (b->why_fio[0])
		put_text(o, "why_fio", b->why_fio);
	json_object_set_new(o, "targets", targets_json(b));
	for (unsigned i = 0; i < KW_NR; i++)
		put_text(phases, kwait_phase_name(i), kwait_phase_what(i));
	if (b->no_kwaits[0])
		put_text(o, "no_kernel_waits", b->no_kwaits);
	json_object_set_new(o, "phases", phases);
	for (int i = 0; i < L_NR; i++)
		put_text(classes, lock_info[i].name, lock_info[i].what);
	json_object_set_new(o, "classes", classes);
	json_object_set_new(o, "interrupted", json_boolean(b->interrupted));
	put_int(o, "peak_resident_bytes", mem_peak_bytes());
	json_object_set_new(o, "runs", trials_json(b));
	return o;
}

json_t *bench_backing(const struct bench *b, unsigned target)
{
	const struct target_spec *s = &b->spec[target];

	if (!s->path[0] && s->target != &target_fs)
		return NULL;
	return env_backing(s->path[0] ? s->path : s->folder[0] ? s->folder : ".");
}

json_t *bench_env(const struct bench *b)
{
	json_t *o = env_machine(), *list = json_array();

	put_int(o, "schema_version", SCHEMA_VERSION);
	for (unsigned i = 0; i < b->opt.ntargets; i++) {
		json_t *backing = bench_backing(b, i);

		if (!backing)
			continue;
		put_int(backing, "target", i);
		json_array_append_new(list, backing);
	}
	json_object_set_new(o, "backing", list);
	return o;
}
