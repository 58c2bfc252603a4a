/*
 * sum.c: one figure of a trial, and the trials of a target added up: what the plain table shows. How targets compare
 * is not computed here: analysis/ does that.
 */
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "machine/mem.h"

const struct hist *bench_subject(const struct driver_result *r)
{
	if (r->by_durable)
		return &r->durable;
	return r->sync.n ? &r->sync : r->op[OP_WRITE].n ? &r->op[OP_WRITE] : &r->op[OP_READ];
}

const char *bench_subject_name(const struct bench *b)
{
	bool fsync = false, fdatasync = false, write = false;

	if (b->njobs > 1)
		return "durable write";
	for (unsigned i = 0; i < b->job[0].file.n; i++) {
		const struct job *j = &b->job[0].file.job[i];

		if (!job_writes(j))
			continue;
		write = true;
		fsync |= j->fsync || (!b->by_fio && (j->end_fsync || j->fsync_on_close)); /* which fio does not count */
		fdatasync |= j->fdatasync > 0;
	}
	return fsync ? "fsync" : fdatasync ? "fdatasync" : write ? "write" : "read";
}

const char *bench_durable_by(const struct job_file *jf)
{
	static const char *const names[] = { "", "fsync", "fdatasync", "fsync and fdatasync" };
	unsigned calls = 0;

	for (unsigned i = 0; i < jf->n; i++) {
		const struct job *j = &jf->job[i];

		if (!job_writes(j))
			continue;
		if (j->sync)
			return j->sync == JOB_SYNC_DSYNC ? "O_DSYNC" : "O_SYNC";
		calls |= (j->fsync > 0) | (j->fdatasync > 0) << 1;
	}
	return names[calls];
}

const struct hist *bench_hist(const struct driver_result *r, unsigned i, const char **name)
{
	static const char *const open_loop[] = { "service", "response" };

	if (i >= OP_KINDS + 2)
		return NULL;
	*name = i < OP_KINDS ? op_name[i] : open_loop[i - OP_KINDS];
	return i < OP_KINDS ? &r->op[i] : i == OP_KINDS ? &r->service : &r->response;
}

double bench_percentile(const struct hist *h, enum bench_metric m)
{
	static const double of[] = { [BENCH_P50] = 50, [BENCH_P99] = 99, [BENCH_P999] = 99.9 };

	return (double)hist_told(h, of[m]);
}

double bench_value(const struct driver_result *r, enum bench_metric m)
{
	const struct hist *h = bench_subject(r);

	if (r->syncs_unknown || !h->n)
		return 0;
	return m == BENCH_RATE ? driver_rate(r, h) : bench_percentile(h, m);
}

double bench_flushes(const struct driver_result *r)
{
	if (r->has_barriers && !r->has_device) /* a design counts its own */
		return r->promised && !r->barriers.why[0] ? (double)r->barriers.flushes / (double)r->promised : 0;
	return r->counters[C_FSYNC] ? (double)r->counters[C_DEV_FLUSH] / (double)r->counters[C_FSYNC] : 0;
}

const struct hist *bench_floor(const struct driver_result *r)
{
	bool after = r->floor_after.n &&
	             (!r->floor.n || hist_percentile(&r->floor_after, 50) < hist_percentile(&r->floor, 50));

	return after ? &r->floor_after : &r->floor;
}

const struct driver_result *bench_first(const struct bench *b, unsigned target)
{
	for (unsigned l = 0; l < b->nlevels; l++)
		if (b->level[l].trial[target][0])
			return b->level[l].trial[target][0];
	return NULL;
}

/* An option by which a flush of the file system is none, or of none of its blocks. */
static bool is_flushless(const char *options)
{
	return strstr(options, "nobarrier") || strstr(options, "barrier=0");
}

void bench_floor_of(const struct bench *b, unsigned target, char *out, size_t size)
{
	const struct driver_result *r = bench_first(b, target);
	const struct target_spec *s = &b->spec[target];
	const char *path = s->path[0] ? strstr(s->device, s->path) : NULL, *drive;

	out[0] = '\0';
	if (!r || !bench_floor(r)->n)
		return;
	drive = facts_get(&r->drive, "backing_file");
	if (!drive[0])
		drive = facts_get(&r->drive, "drive");
	if (!drive[0]) /* in memory */
		snprintf(out, size, "%s", s->device[0] ? s->device : facts_get(&r->drive, "filesystem"));
	else
		snprintf(out, size, "%.*s%s%s", path ? (int)(path - s->device) : 5, path ? s->device : "file:", drive,
		         is_flushless(facts_get(&r->drive, "fs_options")) ? ", without flushes" : "");
}

double bench_meta_bytes(const struct driver_result *r, bool alone)
{
	if (r->counters[C_FSYNC])
		return (double)r->counters[C_META_BYTES] / (double)r->counters[C_FSYNC];
	if (!alone || !r->sync.n || !r->barriers.has_traffic || r->barriers.written < r->bytes)
		return 0;
	return (double)(r->barriers.written - r->bytes) / (double)r->sync.n;
}

bool bench_has_phases(const struct driver_result *r)
{
	return r->kwaits ? r->kwaits->sync_ns > 0 : rt_instrument && r->has_device && r->sync.n;
}

double bench_phase_ns(const struct driver_result *r, unsigned phase)
{
	if (!bench_has_phases(r) || !r->sync.n)
		return 0;
	if (r->kwaits)
		return hist_mean(&r->sync) * (double)r->kwaits->phase_ns[phase] / (double)r->kwaits->sync_ns;
	return phase < PH_NR ? (double)r->phase_ns[phase] / (double)r->sync.n : 0;
}

uint64_t bench_early(const struct bench *b, unsigned target, uint64_t *judged)
{
	uint64_t early = 0;

	*judged = 0;
	for (unsigned l = 0; l < b->nlevels; l++)
		for (unsigned i = 0; i < b->opt.trials; i++) {
			const struct driver_result *r = b->level[l].trial[target][i];

			if (!r || !r->kwaits)
				continue;
			early += r->kwaits->early;
			*judged += r->kwaits->judged;
		}
	return early;
}

double bench_request_ns(const struct driver_result *r)
{
	if (r->by_durable)
		return (double)hist_percentile(&r->durable, 50);
	double writes = r->sync.n ? (double)r->op[OP_WRITE].n / (double)r->sync.n : 1;

	return writes * (double)hist_percentile(&r->op[OP_WRITE], 50) + (double)hist_percentile(&r->sync, 50);
}

static void add_waits(struct lock_stat *into, const struct lock_stat *from)
{
	for (int i = 0; i < L_NR; i++) {
		into[i].acquired += from[i].acquired;
		into[i].contended += from[i].contended;
		into[i].other_node += from[i].other_node;
		into[i].wait_ns += from[i].wait_ns;
		into[i].wakeup_ns += from[i].wakeup_ns;
		into[i].woken += from[i].woken;
		into[i].woken_remote += from[i].woken_remote;
		into[i].hold_ns += from[i].hold_ns;
		into[i].hold_n += from[i].hold_n;
		for (int p = 0; p < PH_NR; p++)
			into[i].by_phase_ns[p] += from[i].by_phase_ns[p];
		hist_merge(&into[i].wait, &from[i].wait);
		hist_merge(&into[i].hold, &from[i].hold);
	}
}

static void add_sections(struct driver_result *sum, const struct driver_result *r)
{
	if (!sum->section && r->nsections) {
		sum->nsections = r->nsections;
		sum->section = mem_alloc(sizeof(*sum->section) * r->nsections);
		memcpy(sum->section, r->section, sizeof(*sum->section) * r->nsections);
		for (unsigned i = 0; i < r->nsections; i++) {
			sum->section[i].end_ns -= sum->section[i].begin_ns;
			sum->section[i].begin_ns = 0;
		}
		return;
	}
	for (unsigned i = 0; i < r->nsections; i++) {
		struct driver_section *s = &sum->section[i];
		const struct driver_section *from = &r->section[i];

		for (int k = 0; k < OP_KINDS; k++)
			hist_merge(&s->op[k], &from->op[k]);
		s->bytes += from->bytes;
		s->read_bytes += from->read_bytes;
		s->end_ns += from->end_ns - from->begin_ns;
	}
}

static void add_trial(struct driver_result *sum, const struct driver_result *r)
{
	add_sections(sum, r);
	for (int i = 0; i < OP_KINDS; i++)
		hist_merge(&sum->op[i], &r->op[i]);
	hist_merge(&sum->sync, &r->sync);
	hist_merge(&sum->service, &r->service);
	hist_merge(&sum->response, &r->response);
	hist_merge(&sum->durable, &r->durable);
	sum->by_durable = r->by_durable;
	for (int i = 0; i < PH_NR; i++)
		sum->phase_ns[i] += r->phase_ns[i];
	for (int i = 0; i < C_NR; i++)
		sum->counters[i] += r->counters[i];
	sum->n = r->n;
	sum->bytes += r->bytes;
	sum->read_bytes += r->read_bytes;
	sum->elapsed_ns += r->elapsed_ns;
	sum->cpu_ns += r->cpu_ns;
	add_waits(sum->waits, r->waits);
	sum->has_device |= r->has_device;
	if (r->has_device) {
		hist_merge(&sum->device.write, &r->device.write);
		hist_merge(&sum->device.flush, &r->device.flush);
		hist_merge(&sum->device.fua, &r->device.fua);
		hist_merge(&sum->device.read, &r->device.read);
	}
	pmu_merge(&sum->events, &r->events);
	if (r->kwaits) {
		sum->kwaits = sum->kwaits ? sum->kwaits : mem_zalloc(sizeof(*sum->kwaits));
		kwait_sum_merge(sum->kwaits, r->kwaits);
	}
	hist_merge(&sum->floor, bench_floor(r));
	sum->syncs_unknown |= r->syncs_unknown;
	sum->promised += r->promised;
	sum->too_few_flushes |= r->too_few_flushes;
	if (r->has_barriers) {
		const struct target_barriers before = sum->barriers;
		sum->has_barriers = true;
		sum->barriers = r->barriers;
		sum->barriers.flushes += before.flushes;
		sum->barriers.drive_flushes += before.drive_flushes;
		sum->barriers.reads += before.reads;
		sum->barriers.written += before.written;
	}
	if (r->notice[0])
		memcpy(sum->notice, r->notice, sizeof(sum->notice));
}

static struct driver_result *empty_sum(void)
{
	struct driver_result *r = mem_zalloc(sizeof(*r));

	r->waits = mem_zalloc(sizeof(*r->waits) * L_NR);
	for (int i = 0; i < L_NR; i++) {
		hist_init(&r->waits[i].wait);
		hist_init(&r->waits[i].hold);
	}
	for (int i = 0; i < OP_KINDS; i++)
		hist_init(&r->op[i]);
	hist_init(&r->sync);
	hist_init(&r->service);
	hist_init(&r->response);
	hist_init(&r->durable);
	hist_init(&r->floor);
	hist_init(&r->floor_after);
	hist_init(&r->device.write);
	hist_init(&r->device.flush);
	hist_init(&r->device.fua);
	hist_init(&r->device.read);
	return r;
}

/*
 * The next trial at or after *at that counts, NULL past the last: one that ran to its end. A trial that was cut short
 * is not like the others, and counts where it is all there is.
 */
static const struct driver_result *next_trial(const struct bench *b, const struct bench_level *l, unsigned target,
                                              unsigned *at)
{
	bool any_whole = false;

	for (unsigned i = 0; i < b->opt.trials; i++) {
		const struct driver_result *r = l->trial[target][i];

		any_whole |= r && !r->error && !r->interrupted;
	}
	while (*at < b->opt.trials) {
		const struct driver_result *r = l->trial[target][(*at)++];

		if (r && !r->error && !(r->interrupted && any_whole))
			return r;
	}
	return NULL;
}

void bench_floor_sum(const struct bench *b, const struct bench_level *l, unsigned target, struct hist *out)
{
	char of[PATH_MAX], other[PATH_MAX];
	const struct driver_result *r;

	hist_init(out);
	bench_floor_of(b, target, of, sizeof(of));
	for (unsigned t = 0; t < b->opt.ntargets && of[0]; t++) {
		bench_floor_of(b, t, other, sizeof(other));
		for (unsigned at = 0; !strcmp(of, other) && (r = next_trial(b, l, t, &at));)
			hist_merge(out, bench_floor(r));
	}
}

struct driver_result *bench_sum(const struct bench *b, const struct bench_level *l, unsigned target)
{
	struct driver_result *sum = NULL;
	const struct driver_result *r;

	for (unsigned at = 0; (r = next_trial(b, l, target, &at));) {
		if (!sum)
			sum = empty_sum();
		add_trial(sum, r);
	}
	return sum;
}

double bench_rate(const struct bench *b, const struct bench_level *l, unsigned target)
{
	const struct driver_result *r;
	double sum = 0;
	unsigned n = 0;

	for (unsigned at = 0; (r = next_trial(b, l, target, &at)); n++) {
		double rate = bench_value(r, BENCH_RATE);

		if (!rate)
			return 0;
		sum += rate;
	}
	return n ? sum / n : 0;
}
