/* cpus.c: see cpus.h. */
#include "kwait/cpus.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kwait/ring.h"
#include "machine/mem.h"

#define PAGES    64u
#define DRAIN_MS 10

struct cpus {
	struct ring *ring; /* of processor 0: each point; of 1: ... */
	unsigned nrings, npoints;
	cpus_take *take;
	void *arg;
	int poll;          /* an epoll of the rings that wake; -1 */
	bool has_reader;
	_Atomic bool stop;
	pthread_t reader;
};

/* struct { header; u32 pid, tid; u64 time; u32 size; char raw[size]; } */
static void take(struct cpus *c, const struct perf_event_header *h, unsigned point)
{
	const unsigned char *at = (const unsigned char *)(h + 1);
	struct cpus_record r = { .point = point, .raw = at + 20 };
	uint32_t tid;

	if (h->type != PERF_RECORD_SAMPLE)
		return;
	memcpy(&tid, at + 4, sizeof(tid));
	memcpy(&r.ns, at + 8, sizeof(r.ns));
	memcpy(&r.size, at + 16, sizeof(r.size));
	r.tid = (pid_t)tid;
	c->take(c->arg, &r);
}

void cpus_drain(struct cpus *c)
{
	const struct perf_event_header *h;

	for (unsigned i = 0; i < c->nrings; i++) {
		if (c->ring[i].fd < 0)
			continue;
		while ((h = ring_next(&c->ring[i])))
			take(c, h, i % c->npoints);
		ring_done(&c->ring[i]);
	}
}

static void *drain_until_stop(void *arg)
{
	struct cpus *c = arg;

	while (!atomic_load(&c->stop)) {
		poll(NULL, 0, DRAIN_MS);
		cpus_drain(c);
	}
	return NULL;
}

/* 0 or -errno. */
static int poll_ring(struct cpus *c, int fd)
{
	struct epoll_event e = { .events = EPOLLIN };

	if (c->poll < 0)
		c->poll = epoll_create1(EPOLL_CLOEXEC);
	return c->poll < 0 || epoll_ctl(c->poll, EPOLL_CTL_ADD, fd, &e) ? -errno : 0;
}

static int open_rings(struct cpus *c, const struct cpus_point *point, struct why *why)
{
	unsigned n = (unsigned)sysconf(_SC_NPROCESSORS_CONF) * c->npoints;
	char text[256];

	c->ring = mem_zalloc(n * sizeof(*c->ring));
	for (unsigned i = 0; i < n; i++) {
		const struct cpus_point *p = &point[i % c->npoints];
		struct perf_event_attr attr = {
			.type = PERF_TYPE_TRACEPOINT,
			.config = p->number,
			.sample_period = 1,
			.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_RAW,
			.watermark = !p->wakes,
			.wakeup_watermark = p->wakes ? 1 : UINT32_MAX / 2, /* one record, or so many bytes */
		};
		int ret = ring_open(&c->ring[i], &attr, -1, (int)(i / c->npoints), PAGES);

		c->nrings = i + 1;
		if (ret == -ENODEV) /* this processor is switched off: nothing happens there */
			continue;
		if (!ret && p->filter && ioctl(c->ring[i].fd, PERF_EVENT_IOC_SET_FILTER, p->filter))
			ret = -errno;
		if (!ret && p->wakes)
			ret = poll_ring(c, c->ring[i].fd);
		if (!ret)
			continue;
		ring_explain(ret, text, sizeof(text));
		return why_set(why, ret, "%s", text);
	}
	return 0;
}

static void let_go(struct cpus *c)
{
	for (unsigned i = 0; i < c->nrings; i++)
		ring_close(&c->ring[i]);
	if (c->poll >= 0)
		close(c->poll);
	free(c->ring);
	free(c);
}

struct cpus *cpus_begin(const struct cpus_point *point, unsigned n, cpus_take *take_one, void *arg, struct why *why)
{
	struct cpus *c = mem_zalloc(sizeof(*c));

	c->npoints = n;
	c->take = take_one;
	c->arg = arg;
	c->poll = -1;
	if (!open_rings(c, point, why))
		return c;
	let_go(c);
	return NULL;
}

int cpus_drain_always(struct cpus *c, struct why *why)
{
	if (pthread_create(&c->reader, NULL, drain_until_stop, c))
		return why_set(why, -EAGAIN, "no thread can be started");
	c->has_reader = true;
	return 0;
}

int cpus_fd(const struct cpus *c)
{
	return c->poll;
}

void cpus_switch(struct cpus *c, unsigned point, bool on)
{
	for (unsigned i = point; i < c->nrings; i += c->npoints)
		if (c->ring[i].fd >= 0)
			ioctl(c->ring[i].fd, on ? PERF_EVENT_IOC_ENABLE : PERF_EVENT_IOC_DISABLE, 0);
}

uint64_t cpus_lost(const struct cpus *c)
{
	uint64_t lost = 0;

	for (unsigned i = 0; i < c->nrings; i++)
		lost += ring_lost(&c->ring[i]);
	return lost;
}

uint64_t cpus_end(struct cpus *c)
{
	uint64_t lost;

	atomic_store(&c->stop, true);
	if (c->has_reader)
		pthread_join(c->reader, NULL);
	cpus_drain(c);
	lost = cpus_lost(c);
	let_go(c);
	return lost;
}
