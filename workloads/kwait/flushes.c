/* flushes.c: see flushes.h. A ring for each processor and tracepoint, drained by a thread of its own. */
#include "kwait/flushes.h"

#include <errno.h>
#include <pthread.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kwait/ring.h"
#include "kwait/tracefs.h"
#include "machine/mem.h"

#define PAGES     64u
#define DRAIN_MS  10
#define FLAGS_MAX 10 /* of the letters that say what a request is */

struct flushes {
	struct ring *ring;          /* of processor 0: began, ended; of 1: ... */
	unsigned nrings;
	unsigned letters[2];        /* where they stand in a record: of began, of ended */
	struct flush_event *event;
	size_t n, room;
	uint64_t lost;
	bool ends_known;
	_Atomic bool stop;
	pthread_t reader;
};

/* "field:char rwbs[10];	offset:34;" of a tracepoint's format; 0: not found. */
static unsigned offset_of(int tracefs, const char *point)
{
	char text[4096], *at;
	ssize_t n = tracefs_format(tracefs, point, text, sizeof(text));

	at = n > 0 ? strstr(text, " rwbs[") : NULL;
	at = at ? strstr(at, "offset:") : NULL;
	return at ? (unsigned)strtoul(at + 7, NULL, 10) : 0;
}

/* Letters with an F: a flush, or a write that is durable when it ends (FUA). */
static bool is_durable(const char *letters)
{
	return memchr(letters, 'F', strnlen(letters, FLAGS_MAX)) != NULL;
}

/* struct { header; u64 time; u32 size; char raw[size]; } */
static void take(struct flushes *f, const struct perf_event_header *h, bool ended)
{
	const unsigned char *at = (const unsigned char *)(h + 1);
	struct flush_event *more;
	uint32_t size;

	memcpy(&size, at + 8, sizeof(size));
	if (h->type != PERF_RECORD_SAMPLE || size < f->letters[ended] + FLAGS_MAX ||
	    !is_durable((const char *)at + 12 + f->letters[ended]))
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
	f->event[f->n].ended = ended;
	memcpy(&f->event[f->n++].ns, at, sizeof(uint64_t));
}

static void drain(struct flushes *f)
{
	const struct perf_event_header *h;

	for (unsigned i = 0; i < f->nrings; i++) {
		while ((h = ring_next(&f->ring[i])))
			take(f, h, i % 2);
		ring_done(&f->ring[i]);
	}
}

static void *drain_until_stop(void *arg)
{
	struct flushes *f = arg;

	while (!atomic_load(&f->stop)) {
		poll(NULL, 0, DRAIN_MS);
		drain(f);
	}
	drain(f);
	return NULL;
}

/* The number that the kernel has for the device in its records. */
static int number_of(const char *device, unsigned *out)
{
	char path[128];
	unsigned major, minor;
	int n = 0;
	FILE *in;

	snprintf(path, sizeof(path), "/sys/block/%s/dev", device);
	in = fopen(path, "re");
	if (in)
		n = fscanf(in, "%u:%u", &major, &minor);
	if (in)
		fclose(in);
	*out = n == 2 ? major << 20 | minor : 0;
	return n == 2 ? 0 : -ENODEV;
}

static int open_rings(struct flushes *f, const uint64_t point[2], unsigned device, struct why *why)
{
	unsigned cpus = (unsigned)sysconf(_SC_NPROCESSORS_CONF);
	char filter[64], text[256];

	snprintf(filter, sizeof(filter), "dev == %u", device);
	f->ring = mem_zalloc(2 * cpus * sizeof(*f->ring));
	for (unsigned i = 0; i < 2 * cpus; i++) {
		struct perf_event_attr attr = {
			.type = PERF_TYPE_TRACEPOINT,
			.config = point[i % 2],
			.sample_period = 1,
			.sample_type = PERF_SAMPLE_TIME | PERF_SAMPLE_RAW,
			.watermark = 1,
			.wakeup_watermark = UINT32_MAX / 2,
		};
		int ret = ring_open(&f->ring[i], &attr, -1, (int)(i / 2), PAGES);

		f->nrings = i + 1;
		if (ret == -ENODEV) /* this processor is switched off */
			ret = -EAGAIN;
		if (!ret && ioctl(f->ring[i].fd, PERF_EVENT_IOC_SET_FILTER, filter))
			ret = -errno;
		if (!ret)
			continue;
		ring_explain(ret, text, sizeof(text));
		return why_set(why, ret, "%s", text);
	}
	return 0;
}

static int begin(struct flushes *f, const char *device, struct why *why)
{
	static const char *const name[2] = { "block/block_rq_issue", "block/block_rq_complete" };
	uint64_t point[2];
	unsigned number;
	int fd, ret = number_of(device, &number);

	if (ret)
		return why_set(why, ret, "%s is not known to sysfs", device);
	fd = tracefs_open(why);
	if (fd < 0)
		return fd;
	for (unsigned i = 0; i < 2; i++) {
		point[i] = tracefs_number(fd, name[i]);
		f->letters[i] = offset_of(fd, name[i]);
	}
	close(fd);
	if (!point[0] || !point[1] || !f->letters[0] || !f->letters[1])
		return why_set(why, -ENOENT, "this kernel has no tracepoints of block requests");
	ret = open_rings(f, point, number, why);
	if (!ret && pthread_create(&f->reader, NULL, drain_until_stop, f))
		ret = why_set(why, -EAGAIN, "no thread can be started");
	return ret;
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
	atomic_store(&f->stop, true);
	pthread_join(f->reader, NULL);
	for (unsigned i = 0; i < f->nrings; i++)
		f->lost += ring_lost(&f->ring[i]);
	if (f->n)
		qsort(f->event, f->n, sizeof(*f->event), by_time);
	f->ends_known = flush_ends_are_known(f->event, f->n);
}

void flushes_free(struct flushes *f)
{
	if (!f)
		return;
	for (unsigned i = 0; i < f->nrings; i++)
		ring_close(&f->ring[i]);
	free(f->ring);
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
