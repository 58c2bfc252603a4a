/* flushes.c: see flushes.h. */
#include "kwait/flushes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "kwait/busy.h"
#include "kwait/cpus.h"
#include "kwait/tracefs.h"
#include "machine/mem.h"

#define FLAGS_MAX 10 /* of the letters that say what a request is */

struct flushes {
	struct cpus *cpus;
	unsigned letters[2], sector[2], count[2]; /* where they stand in a record: of began, of ended */
	struct flush_event *event;
	size_t n, room;
	uint64_t lost;
	bool ends_known;
	struct io_event *io;        /* not settled yet */
	size_t nio, io_room;
	struct busy busy;
};

/* Letters with an F: a flush, or a write that is durable when it ends (FUA). */
static bool is_durable(const char *letters)
{
	return memchr(letters, 'F', strnlen(letters, FLAGS_MAX)) != NULL;
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
static void take_request(struct flushes *f, const struct cpus_record *r, const char *letters)
{
	struct io_event e = { .ns = r->ns, .ended = r->point };
	uint32_t count;

	memcpy(&count, r->raw + f->count[r->point], sizeof(count));
	memcpy(&e.sector, r->raw + f->sector[r->point], sizeof(e.sector));
	e.flush = !count && !memcmp(letters, "FF", 2);
	if (!count && !e.flush)
		return;
	f->io = grown(f->io, f->nio, &f->io_room, sizeof(*f->io));
	f->io[f->nio++] = e;
}

static void take(void *arg, const struct cpus_record *r)
{
	struct flushes *f = arg;
	const char *letters = (const char *)r->raw + f->letters[r->point];

	if (r->size < f->letters[r->point] + FLAGS_MAX)
		return;
	take_request(f, r, letters);
	if (!is_durable(letters))
		return;
	f->event = grown(f->event, f->n, &f->room, sizeof(*f->event));
	f->event[f->n++] = (struct flush_event){ .ns = r->ns, .ended = r->point };
}

static int begin(struct flushes *f, const char *device, struct why *why)
{
	static const char *const name[2] = { "block/block_rq_issue", "block/block_rq_complete" };
	struct cpus_point point[2];
	bool known = true;
	char filter[64];
	int fd, ret = tracefs_device_filter(device, filter, sizeof(filter));

	if (ret)
		return why_set(why, ret, "%s is not known to sysfs", device);
	fd = tracefs_open(why);
	if (fd < 0)
		return fd;
	for (unsigned i = 0; i < 2; i++) {
		point[i] = (struct cpus_point){ .number = tracefs_number(fd, name[i]), .filter = filter };
		f->letters[i] = tracefs_offset(fd, name[i], " rwbs[");
		f->sector[i] = tracefs_offset(fd, name[i], " sector;");
		f->count[i] = tracefs_offset(fd, name[i], " nr_sector;");
		known &= f->sector[i] && f->count[i] && f->letters[i] > f->count[i] && f->letters[i] > f->sector[i];
	}
	close(fd);
	if (!point[0].number || !point[1].number || !known)
		return why_set(why, -ENOENT, "this kernel has no tracepoints of block requests");
	f->cpus = cpus_begin(point, 2, take, f, why);
	return f->cpus ? 0 : -EPERM;
}

struct flushes *flushes_begin(const char *device, struct why *why)
{
	struct flushes *f = flushes_watch(device, why);

	if (!f || !cpus_drain_always(f->cpus, why))
		return f;
	flushes_free(f);
	return NULL;
}

struct flushes *flushes_watch(const char *device, struct why *why)
{
	struct flushes *f = mem_zalloc(sizeof(*f));

	if (!begin(f, device, why))
		return f;
	flushes_free(f);
	return NULL;
}

static int by_time(const void *a, const void *b)
{
	const struct flush_event *x = a, *y = b;

	return x->ns < y->ns ? -1 : x->ns > y->ns;
}

static int by_time_of_request(const void *a, const void *b)
{
	const struct io_event *x = a, *y = b;

	return x->ns < y->ns ? -1 : x->ns > y->ns;
}

/* What is before that time is complete. */
static void settle(struct flushes *f, uint64_t until_ns)
{
	size_t n = 0;

	if (f->nio)
		qsort(f->io, f->nio, sizeof(*f->io), by_time_of_request);
	while (n < f->nio && f->io[n].ns < until_ns)
		busy_add(&f->busy, &f->io[n++]);
	if (n)
		memmove(f->io, f->io + n, (f->nio - n) * sizeof(*f->io));
	f->nio -= n;
}

void flushes_drain(struct flushes *f, uint64_t until_ns, uint64_t since_ns)
{
	cpus_drain(f->cpus);
	settle(f, until_ns);
	busy_forget(&f->busy, since_ns);
}

uint64_t flushes_busy(const struct flushes *f, uint64_t from_ns, uint64_t to_ns)
{
	return busy_ns(&f->busy, from_ns, to_ns);
}

bool flushes_in_busy(const struct flushes *f)
{
	return !f->busy.no_flushes;
}

void flushes_end(struct flushes *f)
{
	f->lost += cpus_end(f->cpus);
	f->cpus = NULL;
	settle(f, UINT64_MAX);
	if (f->n)
		qsort(f->event, f->n, sizeof(*f->event), by_time);
	f->ends_known = flush_ends_are_known(f->event, f->n);
}

void flushes_free(struct flushes *f)
{
	if (!f)
		return;
	if (f->cpus)
		cpus_end(f->cpus);
	free(f->event);
	free(f->io);
	busy_free(&f->busy);
	free(f);
}

uint64_t flushes_lost(const struct flushes *f)
{
	return f->lost;
}

uint64_t flushes_seen(const struct flushes *f)
{
	return f->n;
}

bool flush_ends_are_known(const struct flush_event *event, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (event[i].ended == event[i - 1].ended)
			return false;
	return true;
}

bool flush_within(const struct flush_event *event, size_t n, bool ends_known, uint64_t from_ns, uint64_t to_ns)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (event[mid].ns < from_ns)
			low = mid + 1;
		else
			high = mid;
	}
	while (low < n && event[low].ended)
		low++; /* it began before */
	if (low == n || event[low].ns > to_ns)
		return false;
	return !ends_known || low + 1 == n || event[low + 1].ns <= to_ns;
}

bool flushes_within(const struct flushes *f, uint64_t from_ns, uint64_t to_ns)
{
	return flush_within(f->event, f->n, f->ends_known, from_ns, to_ns);
}
