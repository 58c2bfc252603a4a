/* tell.c: what a watched process did, told: lines while it runs, the report, JSON, a job file that does the same. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/screen.h"
#include "watch/answer.h"

#define ROWS       20   /* files of a table */
#define TOP_FILES  5    /* of those with phases */

static double us(double ns)
{
	return ns / 1000;
}

static int dearest_first(const void *a, const void *b)
{
	const struct watched_file *x = *(struct watched_file *const *)a, *y = *(struct watched_file *const *)b;

	return x->sync.sum < y->sync.sum ? 1 : x->sync.sum > y->sync.sum ? -1 : strcmp(x->path, y->path);
}

/* Those with syncs, the dearest first; to be freed. */
static struct watched_file **sorted_files(const struct watched_files *f, unsigned *n)
{
	struct watched_file **list = calloc(f->n + 1, sizeof(*list));

	*n = 0;
	for (unsigned i = 0; list && i < f->n; i++)
		if (f->file[i]->sync.n)
			list[(*n)++] = f->file[i];
	if (list)
		qsort(list, *n, sizeof(*list), dearest_first);
	return list;
}

void watched_files_line(struct watched_files *f, FILE *out, uint64_t since_ns, uint64_t now_ns)
{
	double seconds = (double)(now_ns - since_ns) / 1e9;
	unsigned n;
	struct watched_file **list = sorted_files(f, &n);
	char waits[512];

	for (unsigned i = 0; list && i < n && i < ROWS; i++) {
		struct watched_file *file = list[i];

		if (file->sync.n == file->shown)
			continue;
		answer_waits(&file->waits, 1, waits, sizeof(waits));
		fprintf(out, "%.0f s: %s %.0f %s/s, so far %llu: ", (double)(now_ns - f->begin_ns) / 1e9, file->path,
		        (double)(file->sync.n - file->shown) / seconds, answer_call(file),
		        (unsigned long long)file->sync.n);
		uint64_t p50 = hist_told(&file->sync, 50), p99 = hist_told(&file->sync, 99);
		if (p50)
			fprintf(out, "p50 %.0f us, ", us((double)p50));
		if (p99)
			fprintf(out, "p99 %.0f us, ", us((double)p99));
		fprintf(out, "max %.0f us; %s\n", us((double)file->sync.max), waits);
		file->shown = file->sync.n;
	}
	free(list);
}

/* ---- the report ---- */

static double seconds_of(const struct watched_files *f)
{
	return f->end_ns > f->begin_ns ? (double)(f->end_ns - f->begin_ns) / 1e9 : 0;
}

static void print_files(struct watched_file *const *list, unsigned n, size_t common, FILE *out)
{
	static const char *const column[] = { "syncs", "failed", "p50 us", "p99 us", "p99.9 us", "max us", "writes",
		                              "KiB" };
	struct screen_table *t = screen_table(2);

	screen_column(t, "file", true);
	screen_column(t, "call", true);
	for (unsigned i = 0; i < sizeof(column) / sizeof(column[0]); i++)
		screen_column(t, column[i], false);
	for (unsigned i = 0; i < n && i < ROWS; i++) {
		const struct watched_file *file = list[i];
		static const double at[] = { 50, 99, 99.9, 100 };

		screen_cell(t, "%s", file->path + common);
		screen_cell(t, "%s%s", answer_call(file), file->is_dsync ? " (synced)" : "");
		screen_cell(t, "%llu", (unsigned long long)file->sync.n);
		screen_cell(t, "%llu", (unsigned long long)file->failed);
		for (unsigned k = 0; k < 4; k++) {
			uint64_t ns = hist_told(&file->sync, at[k]);
			screen_cell(t, ns ? "%.0f" : "-", us((double)ns));
		}
		screen_cell(t, "%llu", (unsigned long long)file->writes);
		screen_cell(t, "%llu", (unsigned long long)(file->bytes >> 10));
	}
	fprintf(out, "\nby file, the dearest first%s%.*s\n", common ? "; all are below " : "", (int)common,
	        list[0]->path);
	screen_table_print(t, out);
	screen_table_free(t);
}

/* "jbd2/vda-8 98%", and how much of the wait the device had something to do. */
static void put_beside(struct screen_table *t, const struct kwait_sum *of, const struct kwait_site *s)
{
	if (s->waker[0].name[0])
		screen_cell(t, "%s %.0f%%", s->waker[0].name, 100.0 * (double)s->waker[0].ns / (double)s->ns);
	else
		screen_cell(t, "-");
	if (of->device_sync_ns)
		screen_cell(t, "%.0f%%", 100.0 * (double)s->device_ns / (double)s->ns);
	else
		screen_cell(t, "-");
}

/* What part of the syncs' time the device had something to do; else, or where it is not known who woke, why. */
static void say_devices(struct watched_file *const *list, unsigned n, const struct watched_files *f, size_t common,
                        FILE *out)
{
	for (unsigned i = 0; i < n && i < TOP_FILES; i++) {
		const struct kwait_sum *k = &list[i]->waits;

		if (k->device_sync_ns)
			screen_sayf(out, "  ", "%s: the device had %s in %.0f%% of that time%s", list[i]->path + common,
			            k->no_flushes ? "data to write" : "something to do",
			            100.0 * (double)k->device_ns / (double)k->device_sync_ns,
			            k->no_flushes ? "; when its flushes end, its driver does not tell" : "");
	}
	if (f->no_wakers[0])
		screen_sayf(out, "", "notice: who woke is not known: %s", f->no_wakers);
	for (unsigned i = 0; i < f->ndevices; i++)
		if (f->device[i].why[0])
			screen_sayf(out, "", "notice: what %s did is not wholly known: %s", f->device[i].name,
			            f->device[i].why);
}

static void print_phases(struct watched_file *const *list, unsigned n, size_t common, FILE *out)
{
	struct screen_table *t = screen_table(3);

	screen_column(t, "file", true);
	screen_column(t, "share", false);
	screen_column(t, "phase", true);
	screen_column(t, "woken by", true);
	screen_column(t, "device busy", false);
	screen_column(t, "what the kernel waited for", true);
	for (unsigned i = 0; i < n && i < TOP_FILES; i++) {
		struct kwait_sum sorted = list[i]->waits;

		kwait_sum_sort(&sorted);
		for (unsigned k = 0; k < sorted.nsites && k < 5; k++) {
			const struct kwait_site *s = &sorted.site[k];

			screen_cell(t, "%s", list[i]->path + common);
			screen_cell(t, "%.1f%%", 100.0 * (double)s->ns / (double)sorted.sync_ns);
			screen_cell(t, "%s", kwait_phase_name(s->phase));
			put_beside(t, &sorted, s);
			screen_cell(t, "%s%s%s", s->function, s->what[0] ? ": " : "", s->what);
		}
		screen_cell(t, "%s", list[i]->path + common);
		screen_cell(t, "%.1f%%", 100.0 * (double)sorted.phase_ns[KW_ON_CPU] / (double)sorted.sync_ns);
		screen_cell(t, "%s", kwait_phase_name(KW_ON_CPU));
		screen_cell(t, "-");
		screen_cell(t, "-");
		screen_cell(t, "%s", kwait_phase_what(KW_ON_CPU));
	}
	fputs("\nwhere the time of syncs went\n", out);
	screen_table_print(t, out);
	screen_table_free(t);
}

static void print_slowest(const struct watched_files *f, size_t common, FILE *out)
{
	static const char *const column[] = { "at s", "took us", "thread" };
	struct screen_table *t = screen_table(1);

	for (unsigned i = 0; i < 3; i++)
		screen_column(t, column[i], false);
	screen_column(t, "call", true);
	screen_column(t, "file", true);
	screen_column(t, "device busy us", false);
	screen_column(t, "of it waited us", false);
	screen_column(t, "for", true);
	screen_column(t, "woken by", true);
	for (unsigned i = 0; i < f->nslow; i++) {
		const struct watched_slow *s = &f->slow[i];

		screen_cell(t, "%.3f", (double)(s->begin_ns - f->begin_ns) / 1e9);
		screen_cell(t, "%.0f", us((double)s->took_ns));
		screen_cell(t, "%d", (int)s->tid);
		screen_cell(t, "%s", kwait_kind_name[s->kind]);
		screen_cell(t, "%s", f->file[s->file]->path + common);
		if (s->has_device)
			screen_cell(t, "%.0f", us((double)s->device_ns));
		else
			screen_cell(t, "-");
		screen_cell(t, "%.0f", us((double)s->wait_ns));
		screen_cell(t, "%s", s->wait[0] ? s->wait : "-");
		screen_cell(t, "%s", s->waker[0] ? s->waker : "-");
	}
	fputs("\nthe slowest\n", out);
	screen_table_print(t, out);
	screen_table_free(t);
}

/* The first lines: what follows is not of durable writes. */
static void print_early(const struct watched_files *f, FILE *out)
{
	if (f->early)
		screen_sayf(out, "", "EARLY RETURNS: %llu of %llu syncs returned before the device was flushed after "
		            "what was written before them: not durable then", (unsigned long long)f->early,
		            (unsigned long long)f->judged);
	for (unsigned i = 0; i < f->early && i < EARLY; i++) {
		const struct watched_early *e = &f->first[i];

		fprintf(out, "  %.6f s: thread %d's sync of %s", (double)(e->begin_ns - f->begin_ns) / 1e9,
		        (int)e->tid, f->file[e->file]->path);
		fprintf(out, " took %.0f us, and returned %.0f us after the write began\n",
		        us((double)(e->end_ns - e->begin_ns)), us((double)(e->end_ns - e->wrote_ns)));
	}
}

/* What of io_uring is not in the figures. */
static void print_uring(const struct watched_files *f, FILE *out)
{
	if (!f->has_ring)
		return;
	if (f->no_uring[0])
		screen_sayf(out, "", "notice: it uses io_uring, and what it syncs through it is not seen: %s",
		            f->no_uring);
	else
		screen_sayf(out, "", "notice: it uses io_uring: syncs through it are seen, from submission to "
		            "completion, fsync and fdatasync as one kind; writes through it are not, nor which of "
		            "them are synced (O_DSYNC, RWF_DSYNC)");
}

void watched_files_print(const struct watched_files *f, const char *name, FILE *out)
{
	unsigned n;
	struct watched_file **list = sorted_files(f, &n);

	print_early(f, out);
	if (list && n) {
		size_t common = answer_common(list, n);

		answer_print(list, n, f, name, out);
		print_files(list, n, common, out);
		print_phases(list, n, common, out);
		say_devices(list, n, f, common, out);
		print_slowest(f, common, out);
	} else {
		screen_sayf(out, "", "%s: no sync was seen in %.1f s.", name, seconds_of(f));
	}
	print_uring(f, out);
	free(list);
}

/* ---- JSON ---- */

static void put(json_t *o, const char *key, uint64_t value)
{
	json_object_set_new(o, key, json_integer((json_int_t)value));
}

static json_t *wakers_json(const struct kwait_site *s)
{
	json_t *o = json_object();

	for (unsigned k = 0; k < KWAIT_WAKERS && s->waker[k].name[0]; k++)
		put(o, s->waker[k].name, s->waker[k].ns);
	return o;
}

static json_t *file_json(const struct watched_file *file)
{
	json_t *o = json_object(), *calls = json_object(), *phases = json_object(), *sites = json_array();
	struct kwait_sum sorted = file->waits;

	kwait_sum_sort(&sorted);
	json_object_set_new(o, "path", json_string(file->path));
	json_object_set_new(o, "writes_are_synced", json_boolean(file->is_dsync));
	for (unsigned k = 0; k < KWAIT_KINDS; k++)
		if (file->count[k])
			put(calls, kwait_kind_name[k], file->count[k]);
	json_object_set_new(o, "calls", calls);
	put(o, "syncs", file->sync.n);
	put(o, "failed", file->failed);
	put(o, "sync_ns", file->sync.sum);
	/* 0 where there are too few to tell */
	put(o, "p50_ns", hist_told(&file->sync, 50));
	put(o, "p99_ns", hist_told(&file->sync, 99));
	put(o, "p999_ns", hist_told(&file->sync, 99.9));
	put(o, "max_ns", file->sync.n ? file->sync.max : 0);
	put(o, "judged", file->judged);
	put(o, "early", file->early);
	put(o, "writes", file->writes);
	put(o, "bytes", file->bytes);
	for (unsigned p = 0; p < KW_NR; p++)
		if (sorted.phase_ns[p])
			put(phases, kwait_phase_name(p), sorted.phase_ns[p]);
	json_object_set_new(o, "phases_ns", phases);
	for (unsigned i = 0; i < sorted.nsites; i++) {
		json_t *site = json_object();

		json_object_set_new(site, "function", json_string(sorted.site[i].function));
		json_object_set_new(site, "what", json_string(sorted.site[i].what));
		json_object_set_new(site, "phase", json_string(kwait_phase_name(sorted.site[i].phase)));
		put(site, "ns", sorted.site[i].ns);
		put(site, "n", sorted.site[i].n);
		if (sorted.device_sync_ns)
			put(site, "device_ns", sorted.site[i].device_ns);
		json_object_set_new(site, "woken_by_ns", wakers_json(&sorted.site[i]));
		json_array_append_new(sites, site);
	}
	json_object_set_new(o, "sites", sites);
	if (sorted.device_sync_ns) {
		put(o, "device_sync_ns", sorted.device_sync_ns);
		put(o, "device_ns", sorted.device_ns);
		json_object_set_new(o, "device_flushes_known", json_boolean(!sorted.no_flushes));
	}
	return o;
}

json_t *watched_files_json(const struct watched_files *f, const char *name)
{
	json_t *o = json_object(), *files = json_array(), *slowest = json_array();
	unsigned n;
	struct watched_file **list = sorted_files(f, &n);

	json_object_set_new(o, "schema", json_string("fsyncstorm-watch"));
	put(o, "schema_version", 1);
	json_object_set_new(o, "name", json_string(name));
	put(o, "elapsed_ns", f->end_ns - f->begin_ns);
	for (unsigned i = 0; list && i < n; i++)
		json_array_append_new(files, file_json(list[i]));
	json_object_set_new(o, "files", files);
	for (unsigned i = 0; i < f->nslow; i++) {
		json_t *s = json_object();

		put(s, "at_ns", f->slow[i].begin_ns - f->begin_ns);
		put(s, "took_ns", f->slow[i].took_ns);
		put(s, "thread", (uint64_t)f->slow[i].tid);
		json_object_set_new(s, "call", json_string(kwait_kind_name[f->slow[i].kind]));
		json_object_set_new(s, "path", json_string(f->file[f->slow[i].file]->path));
		json_object_set_new(s, "wait", json_string(f->slow[i].wait));
		put(s, "wait_ns", f->slow[i].wait_ns);
		json_object_set_new(s, "woken_by", json_string(f->slow[i].waker));
		if (f->slow[i].has_device)
			put(s, "device_ns", f->slow[i].device_ns);
		json_array_append_new(slowest, s);
	}
	json_object_set_new(o, "slowest", slowest);
	put(o, "judged", f->judged);
	put(o, "early", f->early);
	json_object_set_new(o, "uses_io_uring", json_boolean(f->has_ring));
	if (f->no_wakers[0])
		json_object_set_new(o, "no_wakers", json_string(f->no_wakers));
	if (f->no_uring[0])
		json_object_set_new(o, "no_io_uring", json_string(f->no_uring));
	free(list);
	return o;
}

/* ---- a job that does the same ---- */

/* A name that a section and a file of a job may have. */
static void plain_name(const char *path, char *out, size_t size)
{
	const char *base = strrchr(path, '/');

	snprintf(out, size, "%.40s", base ? base + 1 : path);
	for (char *c = out; *c; c++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-", *c))
			*c = '_';
}

static void record_file(const struct watched_file *file, unsigned number, FILE *out)
{
	uint64_t bs = hist_percentile(&file->size, 50), syncs = file->sync.n, per = file->writes / (syncs ? syncs : 1);
	uint64_t all_ns = file->last_ns - file->first_ns, idle = all_ns > file->busy_ns ? all_ns - file->busy_ns : 0;
	uint64_t size = file->bytes > (1u << 20) ? file->bytes : 1u << 20;
	char name[64];

	bs = bs < 512 ? 512 : bs / 512 * 512;
	plain_name(file->path, name, sizeof(name));
	fprintf(out, "\n# %s: %llu writes of %.0f bytes on average, %llu syncs by %u thread%s\n[%s.%u]\n", file->path,
	        (unsigned long long)file->writes, (double)file->bytes / (double)file->writes, (unsigned long long)syncs,
	        file->ntasks, file->ntasks == 1 ? "" : "s", name, number);
	fprintf(out, "rw=%s\nbs=%llu\nsize=%lluk\n", 2 * file->sequential >= file->writes ? "write" : "randwrite",
	        (unsigned long long)bs, (unsigned long long)((size / (bs * 1024) + 1) * bs));
	if (file->is_dsync)
		fprintf(out, "sync=dsync\n");
	else
		fprintf(out, "%s=%llu\n", strstr(answer_call(file), "fsync") ? "fsync" : "fdatasync",
		        (unsigned long long)(per ? per : 1));
	if (file->ntasks > 1)
		fprintf(out, "numjobs=%u\n", file->ntasks);
	if (idle / file->writes >= 1000)
		fprintf(out, "thinktime=%llu\n",
		        (unsigned long long)(idle / file->writes / 1000 * (file->ntasks ? file->ntasks : 1)));
}

int watched_files_record(const struct watched_files *f, const char *name, FILE *out)
{
	unsigned n, told = 0;
	struct watched_file **list = sorted_files(f, &n);

	fprintf(out, "# What %s did in %.1f s, as fsyncstorm watch saw it.\n", name, seconds_of(f));
	fputs("[global]\nioengine=psync\ntime_based\nruntime=10\n", out);
	for (unsigned i = 0; list && i < n; i++)
		if (list[i]->writes)
			record_file(list[i], ++told, out);
	free(list);
	return told ? 0 : -ENOENT;
}
