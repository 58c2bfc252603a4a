/* wakers.c: see wakers.h. */
#include "kwait/wakers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "kwait/cpus.h"
#include "kwait/task.h"
#include "kwait/tracefs.h"
#include "machine/mem.h"

#define TASKS      4096       /* slots, by number */
#define NAMES      256
#define REMEMBER   50000000ull /* ns that a task's name is believed: a worker changes it */
#define FLAGS_AT   2          /* in each record: what was going on */
#define IN_IRQ     0x18       /* a hard or a soft one */
#define IN_FLIGHT  1024       /* requests of a device */

enum { WAKING, ISSUED, ENDED, POINTS };

struct waking {
	pid_t of;
	unsigned name;
	uint64_t ns;
};

struct wakers {
	struct cpus *cpus;
	unsigned pid_at, sector_at[POINTS], count_at[POINTS], letters_at[POINTS]; /* where fields stand in a record */
	bool has_device, has_flushes;
	struct waking *waking;
	size_t n, room;
	struct io_event *io;
	size_t nio, io_room;
	struct io_span *span;
	size_t nspans;
	char name[NAMES][WAKER_NAME]; /* the first is of interrupts */
	unsigned nnames;
	struct { pid_t tid; unsigned name; uint64_t ns; } known[TASKS];
	struct { pid_t tid; bool ours; } owner[TASKS];
	uint64_t lost;
};

void waker_name(const char *comm, char out[WAKER_NAME])
{
	const char *work = strpbrk(comm, "-\n");
	int n = (int)strcspn(comm, "\n");

	if (strncmp(comm, "kworker/", 8))
		snprintf(out, WAKER_NAME, "%.*s", n, comm);
	else
		snprintf(out, WAKER_NAME, "kworker%.*s", work ? n - (int)(work - comm) : 0, work ? work : "");
}

/* ---- records ---- */

static unsigned number_of_name(struct wakers *w, const char *name)
{
	unsigned i = 0;

	while (i < w->nnames && strcmp(w->name[i], name))
		i++;
	if (i == w->nnames && i < NAMES)
		strcpy(w->name[w->nnames++], name);
	return i < NAMES ? i : NAMES - 1;
}

static unsigned name_of(struct wakers *w, pid_t tid, uint64_t now)
{
	unsigned slot = (unsigned)tid % TASKS;
	char path[64], comm[64] = "a task that has ended", name[WAKER_NAME];
	FILE *in;

	if (w->known[slot].tid == tid && now - w->known[slot].ns < REMEMBER)
		return w->known[slot].name;
	snprintf(path, sizeof(path), "/proc/%d/comm", (int)tid);
	in = fopen(path, "re");
	if (in && !fgets(comm, sizeof(comm), in))
		comm[0] = '\0';
	if (in)
		fclose(in);
	waker_name(comm, name);
	w->known[slot].tid = tid;
	w->known[slot].ns = now;
	return w->known[slot].name = number_of_name(w, name);
}

static bool is_ours(struct wakers *w, pid_t tid)
{
	unsigned slot = (unsigned)tid % TASKS;
	char path[64];

	if (w->owner[slot].tid != tid) {
		snprintf(path, sizeof(path), "/proc/self/task/%d", (int)tid);
		w->owner[slot].tid = tid;
		w->owner[slot].ours = !access(path, F_OK);
	}
	return w->owner[slot].ours;
}

static void *grown(void *array, size_t n, size_t *room, size_t each)
{
	if (n == *room) {
		*room = *room ? 2 * *room : 4096;
		array = realloc(array, *room * each);
		CHECK(array);
	}
	return array;
}

/* One without sectors is a flush; a write with a flush of its own ends twice, the second time without sectors. */
static void take_request(struct wakers *w, const struct cpus_record *r)
{
	struct io_event e = { .ns = r->ns, .ended = r->point == ENDED };
	uint32_t count;

	if (r->size < w->letters_at[r->point] + 2)
		return;
	memcpy(&count, r->raw + w->count_at[r->point], sizeof(count));
	memcpy(&e.sector, r->raw + w->sector_at[r->point], sizeof(e.sector));
	e.flush = !count && !memcmp(r->raw + w->letters_at[r->point], "FF", 2);
	if (!count && !e.flush)
		return;
	w->io = grown(w->io, w->nio, &w->io_room, sizeof(*w->io));
	w->io[w->nio++] = e;
}

static void take(void *arg, const struct cpus_record *r)
{
	bool is_irq = r->raw[FLAGS_AT] & IN_IRQ;
	struct wakers *w = arg;
	int32_t of;

	if (r->point != WAKING) {
		take_request(w, r);
		return;
	}
	if (r->size < w->pid_at + sizeof(of))
		return;
	memcpy(&of, r->raw + w->pid_at, sizeof(of));
	if (!is_ours(w, of))
		return;
	w->waking = grown(w->waking, w->n, &w->room, sizeof(*w->waking));
	w->waking[w->n++] = (struct waking){ .of = of, .ns = r->ns,
		                             .name = is_irq ? 0 : name_of(w, r->tid, r->ns) };
}

/* ---- beginning and ending ---- */

static int begin(struct wakers *w, const char *device, struct why *why)
{
	static const char *const name[POINTS] = { "sched/sched_waking", "block/block_rq_issue",
		                                  "block/block_rq_complete" };
	struct cpus_point point[POINTS];
	char filter[64];
	int fd = tracefs_open(why);

	if (fd < 0)
		return fd;
	w->pid_at = tracefs_offset(fd, name[WAKING], " pid;");
	w->has_device = device && !tracefs_device_filter(device, filter, sizeof(filter));
	for (unsigned i = 0; i < POINTS; i++) {
		point[i] = (struct cpus_point){ .number = tracefs_number(fd, name[i]),
		                                .filter = i == WAKING ? NULL : filter };
		w->sector_at[i] = tracefs_offset(fd, name[i], " sector;");
		w->count_at[i] = tracefs_offset(fd, name[i], " nr_sector;");
		w->letters_at[i] = tracefs_offset(fd, name[i], " rwbs[");
		w->has_device &= i == WAKING || w->letters_at[i] > w->count_at[i];
	}
	close(fd);
	if (!w->pid_at || !point[WAKING].number)
		return why_set(why, -ENOENT, "this kernel has no tracepoint sched_waking");
	w->cpus = cpus_begin(point, w->has_device ? POINTS : 1, take, w, why);
	return w->cpus ? cpus_drain_always(w->cpus, why) : -EPERM;
}

struct wakers *wakers_begin(const char *device, struct why *why)
{
	struct wakers *w = mem_zalloc(sizeof(*w));

	number_of_name(w, "an interrupt");
	if (!begin(w, device, why))
		return w;
	wakers_free(w);
	return NULL;
}

static int by_task_and_time(const void *a, const void *b)
{
	const struct waking *x = a, *y = b;

	if (x->of != y->of)
		return x->of < y->of ? -1 : 1;
	return x->ns < y->ns ? -1 : x->ns > y->ns;
}

static int by_time(const void *a, const void *b)
{
	const struct io_event *x = a, *y = b;

	return x->ns < y->ns ? -1 : x->ns > y->ns;
}

void wakers_end(struct wakers *w)
{
	w->lost += cpus_end(w->cpus);
	w->cpus = NULL;
	if (w->n)
		qsort(w->waking, w->n, sizeof(*w->waking), by_task_and_time);
	if (w->nio)
		qsort(w->io, w->nio, sizeof(*w->io), by_time);
	w->has_flushes = io_flushes_known(w->io, w->nio);
	w->span = mem_alloc((w->nio + 1) * sizeof(*w->span));
	w->nspans = io_spans(w->io, w->nio, w->has_flushes, w->span);
}

void wakers_free(struct wakers *w)
{
	if (!w)
		return;
	if (w->cpus)
		cpus_end(w->cpus);
	free(w->waking);
	free(w->io);
	free(w->span);
	free(w);
}

/* ---- what was recorded ---- */

const char *wakers_of(const struct wakers *w, pid_t tid, uint64_t out_ns, uint64_t in_ns)
{
	const struct waking want = { .of = tid, .ns = in_ns };
	size_t low = 0, high = w->n;

	while (low < high) { /* the first that is later */
		size_t mid = (low + high) / 2;

		if (by_task_and_time(&w->waking[mid], &want) <= 0)
			low = mid + 1;
		else
			high = mid;
	}
	if (!low || w->waking[low - 1].of != tid || w->waking[low - 1].ns < out_ns)
		return NULL;
	return w->name[w->waking[low - 1].name];
}

bool wakers_has_device(const struct wakers *w)
{
	return w->has_device && !w->lost;
}

bool wakers_has_flushes(const struct wakers *w)
{
	return w->has_flushes;
}

uint64_t wakers_lost(const struct wakers *w)
{
	return w->lost;
}

bool io_flushes_known(const struct io_event *e, size_t n)
{
	bool under_way = false;

	for (size_t i = 0; i < n; i++) {
		if (!e[i].flush)
			continue;
		if (e[i].ended != under_way)
			return false;
		under_way = !e[i].ended;
	}
	return true;
}

/* What is under way: sectors of requests. */
struct in_flight {
	uint64_t sector[IN_FLIGHT];
	unsigned n;
};

/* A request that is issued again, as after a requeue, is there already; one that ends unknown began before we came. */
static void step(struct in_flight *f, uint64_t sector, bool ended)
{
	unsigned i = 0;

	while (i < f->n && f->sector[i] != sector)
		i++;
	if (ended && i < f->n)
		f->sector[i] = f->sector[--f->n];
	if (!ended && i == f->n && i < IN_FLIGHT)
		f->sector[f->n++] = sector;
}

size_t io_spans(const struct io_event *e, size_t n, bool with_flushes, struct io_span *out)
{
	struct in_flight f = { .n = 0 };
	uint64_t before = 0;
	size_t have = 0;

	for (size_t i = 0; i < n; i++) {
		bool was = f.n;

		if (e[i].flush && !with_flushes)
			continue;
		step(&f, e[i].flush ? UINT64_MAX : e[i].sector, e[i].ended);
		if (!was && f.n)
			out[have++] = (struct io_span){ .from_ns = e[i].ns, .to_ns = UINT64_MAX, .before_ns = before };
		if (was && !f.n) {
			out[have - 1].to_ns = e[i].ns;
			before += e[i].ns - out[have - 1].from_ns;
		}
	}
	return have;
}

/* Busy before that time. */
static uint64_t busy_until(const struct io_span *s, size_t n, uint64_t ns)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (s[mid].from_ns < ns)
			low = mid + 1;
		else
			high = mid;
	}
	if (!low)
		return 0;
	s += low - 1;
	return s->before_ns + (s->to_ns < ns ? s->to_ns : ns) - s->from_ns;
}

uint64_t io_busy(const struct io_span *s, size_t n, uint64_t from_ns, uint64_t to_ns)
{
	return busy_until(s, n, to_ns) - busy_until(s, n, from_ns);
}

uint64_t wakers_busy(const struct wakers *w, uint64_t from_ns, uint64_t to_ns)
{
	return io_busy(w->span, w->nspans, from_ns, to_ns);
}
