/* wakers.c: see wakers.h. */
#include "kwait/wakers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

struct waking {
	pid_t of;
	unsigned name;
	uint64_t ns;
};

struct wakers {
	struct cpus *cpus;
	unsigned pid_at; /* where it stands in a record */
	bool (*is_one)(void *arg, pid_t tid); /* NULL: threads of this process */
	void *arg;
	pid_t first, last; /* numbers that the kernel records; last: 0: all */
	int room_above;    /* of `last`, for threads to come */
	struct waking *waking;
	size_t n, room;
	bool is_new;     /* some are not in their place yet */
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

static void take(void *arg, const struct cpus_record *r)
{
	bool is_irq = r->raw[FLAGS_AT] & IN_IRQ;
	struct wakers *w = arg;
	int32_t of;

	if (r->size < w->pid_at + sizeof(of))
		return;
	memcpy(&of, r->raw + w->pid_at, sizeof(of));
	if (w->is_one ? !w->is_one(w->arg, of) : !is_ours(w, of))
		return;
	w->is_new = true;
	w->waking = grown(w->waking, w->n, &w->room, sizeof(*w->waking));
	w->waking[w->n++] = (struct waking){ .of = of, .ns = r->ns,
		                             .name = is_irq ? 0 : name_of(w, r->tid, r->ns) };
}

/* ---- beginning and ending ---- */

/*
 * A record names who is woken by the kernel's own number, which a PID namespace hides: there another thread may have
 * it. The first namespace has a fixed inode (PROC_PID_INIT_INO of Linux).
 */
static bool numbers_are_the_kernels(void)
{
	struct stat st;

	return stat("/proc/self/ns/pid", &st) || st.st_ino == 0xeffffffc;
}

/* Of threads with numbers up to `last`; 0: of all. Beside what is recorded already. */
static int begin(struct wakers *w, pid_t first, pid_t last, struct why *why)
{
	static const char name[] = "sched/sched_waking";
	struct cpus_point point = { .number = 0 };
	struct cpus *before = w->cpus;
	int fd = tracefs_open(why);
	char filter[64];

	if (fd < 0)
		return fd;
	if (!numbers_are_the_kernels()) {
		close(fd);
		return why_set(why, -ENOTSUP, "in a PID namespace (a container) the kernel's numbers of threads are "
		               "not those seen here; run it on the host, or with the host's PID namespace");
	}
	w->pid_at = tracefs_offset(fd, name, " pid;");
	point.number = tracefs_number(fd, name);
	close(fd);
	if (!w->pid_at || !point.number)
		return why_set(why, -ENOENT, "this kernel has no tracepoint sched_waking");
	if (last) {
		snprintf(filter, sizeof(filter), "pid >= %d && pid <= %d", (int)first, (int)last);
		point.filter = filter;
	}
	w->cpus = cpus_begin(&point, 1, take, w, why);
	w->first = first;
	w->last = last;
	if (before)
		w->lost += cpus_end(before);
	return w->cpus ? 0 : -EPERM;
}

static struct wakers *wakers_new(void)
{
	struct wakers *w = mem_zalloc(sizeof(*w));

	number_of_name(w, "an interrupt");
	return w;
}

struct wakers *wakers_begin(struct why *why)
{
	struct wakers *w = wakers_new();

	if (!begin(w, 0, 0, why) && !cpus_drain_always(w->cpus, why))
		return w;
	wakers_free(w);
	return NULL;
}

struct wakers *wakers_watch(bool (*is_one)(void *arg, pid_t tid), void *arg, pid_t first, pid_t last,
                            struct why *why)
{
	struct wakers *w = wakers_new();

	w->is_one = is_one;
	w->arg = arg;
	w->room_above = 256;
	if (!begin(w, first, last + w->room_above, why))
		return w;
	wakers_free(w);
	return NULL;
}

int wakers_cover(struct wakers *w, pid_t first, pid_t last, struct why *why)
{
	if (first >= w->first && last <= w->last)
		return 0;
	w->room_above *= 2; /* a filter cannot be changed, and to begin anew is dear: so it is rare */
	return begin(w, first < w->first ? first : w->first, last + w->room_above, why);
}

static int by_task_and_time(const void *a, const void *b)
{
	const struct waking *x = a, *y = b;

	if (x->of != y->of)
		return x->of < y->of ? -1 : 1;
	return x->ns < y->ns ? -1 : x->ns > y->ns;
}

static void sort(struct wakers *w)
{
	if (w->is_new)
		qsort(w->waking, w->n, sizeof(*w->waking), by_task_and_time);
	w->is_new = false;
}

void wakers_drain(struct wakers *w)
{
	if (w->cpus)
		cpus_drain(w->cpus);
	sort(w);
}

void wakers_end(struct wakers *w)
{
	w->lost += w->cpus ? cpus_end(w->cpus) : 0;
	w->cpus = NULL;
	sort(w);
}

void wakers_free(struct wakers *w)
{
	if (!w)
		return;
	if (w->cpus)
		cpus_end(w->cpus);
	free(w->waking);
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

uint64_t wakers_lost(const struct wakers *w)
{
	return w->lost + (w->cpus ? cpus_lost(w->cpus) : 0);
}

void wakers_forget(struct wakers *w, uint64_t before_ns)
{
	size_t n = 0;

	for (size_t i = 0; i < w->n; i++)
		if (w->waking[i].ns >= before_ns)
			w->waking[n++] = w->waking[i];
	w->n = n;
}
