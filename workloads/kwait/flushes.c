/* flushes.c: see flushes.h. */
#include "kwait/flushes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kwait/cpus.h"
#include "kwait/tracefs.h"
#include "machine/mem.h"

#define FLAGS_MAX 10 /* of the letters that say what a request is */

struct flushes {
	struct cpus *cpus;
	unsigned letters[2];        /* where they stand in a record: of began, of ended */
	struct flush_event *event;
	size_t n, room;
	uint64_t lost;
	bool ends_known;
};

/* Letters with an F: a flush, or a write that is durable when it ends (FUA). */
static bool is_durable(const char *letters)
{
	return memchr(letters, 'F', strnlen(letters, FLAGS_MAX)) != NULL;
}

static void take(void *arg, const struct cpus_record *r)
{
	struct flushes *f = arg;
	struct flush_event *more;

	if (r->size < f->letters[r->point] + FLAGS_MAX || !is_durable((const char *)r->raw + f->letters[r->point]))
		return;
	if (f->n == f->room) {
		f->room = f->room ? 2 * f->room : 4096;
		more = realloc(f->event, f->room * sizeof(*more));
		if (!more) {
			f->room = f->n;
			f->lost++;
			return;
		}
		f->event = more;
	}
	f->event[f->n++] = (struct flush_event){ .ns = r->ns, .ended = r->point };
}

static int begin(struct flushes *f, const char *device, struct why *why)
{
	static const char *const name[2] = { "block/block_rq_issue", "block/block_rq_complete" };
	struct cpus_point point[2];
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
	}
	close(fd);
	if (!point[0].number || !point[1].number || !f->letters[0] || !f->letters[1])
		return why_set(why, -ENOENT, "this kernel has no tracepoints of block requests");
	f->cpus = cpus_begin(point, 2, take, f, why);
	return f->cpus ? cpus_drain_always(f->cpus, why) : -EPERM;
}

struct flushes *flushes_begin(const char *device, struct why *why)
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

void flushes_end(struct flushes *f)
{
	f->lost += cpus_end(f->cpus);
	f->cpus = NULL;
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
