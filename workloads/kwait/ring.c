/* ring.c: see ring.h. */
#include "kwait/ring.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int ring_open(struct ring *r, struct perf_event_attr *attr, pid_t pid, int cpu, unsigned pages)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), bytes = (pages + 1) * page;
	void *map;
	int ret;

	r->fd = -1;
	attr->size = sizeof(*attr);
	attr->use_clockid = 1;
	attr->clockid = CLOCK_MONOTONIC;
	attr->read_format = PERF_FORMAT_LOST;
	r->fd = (int)syscall(SYS_perf_event_open, attr, pid, cpu, -1, PERF_FLAG_FD_CLOEXEC);
	if (r->fd < 0 && errno == EINVAL) { /* before Linux 6.0 */
		attr->read_format = 0;
		r->fd = (int)syscall(SYS_perf_event_open, attr, pid, cpu, -1, PERF_FLAG_FD_CLOEXEC);
	}
	if (r->fd < 0)
		return -errno;
	r->counts_lost = attr->read_format != 0;
	map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, 0);
	if (map == MAP_FAILED) {
		ret = -errno;
		close(r->fd);
		r->fd = -1;
		return ret;
	}
	r->page = map;
	r->data = (unsigned char *)map + page;
	r->size = pages * page;
	r->tail = r->lost = 0;
	return 0;
}

void ring_close(struct ring *r)
{
	if (r->fd < 0)
		return;
	munmap(r->page, (size_t)r->size + (size_t)sysconf(_SC_PAGESIZE));
	close(r->fd);
	r->fd = -1;
}

/* A record that goes over the end of the ring is put together. */
static const struct perf_event_header *whole(struct ring *r, uint64_t at, size_t size)
{
	size_t first = (size_t)(r->size - at);

	if (first >= size)
		return (const void *)(r->data + at);
	memcpy(r->wrapped, r->data + at, first);
	memcpy(r->wrapped + first, r->data, size - first);
	return (const void *)r->wrapped;
}

/* struct { header; u64 id; u64 lost; } */
static uint64_t lost_in(const struct perf_event_header *h)
{
	uint64_t n;

	memcpy(&n, (const unsigned char *)(h + 1) + sizeof(uint64_t), sizeof(n));
	return n;
}

const struct perf_event_header *ring_next(struct ring *r)
{
	uint64_t head = __atomic_load_n(&r->page->data_head, __ATOMIC_ACQUIRE);

	while (r->tail < head) {
		uint64_t at = r->tail & (r->size - 1);
		const struct perf_event_header *h = (const void *)(r->data + at); /* records are of whole 8 bytes */
		size_t size = h->size;

		r->tail += size;
		if (size > RING_RECORD_MAX) {
			r->lost++;
			continue;
		}
		h = whole(r, at, size);
		if (h->type != PERF_RECORD_LOST)
			return h;
		r->lost += lost_in(h);
	}
	return NULL;
}

void ring_done(struct ring *r)
{
	__atomic_store_n(&r->page->data_tail, r->tail, __ATOMIC_RELEASE);
}

uint64_t ring_lost(const struct ring *r)
{
	uint64_t value[2]; /* of the event, and how many records were dropped */

	if (!r->counts_lost || r->fd < 0 || read(r->fd, value, sizeof(value)) != (ssize_t)sizeof(value))
		return r->lost;
	return value[1] > r->lost ? value[1] : r->lost;
}

static int paranoia(void)
{
	FILE *in = fopen("/proc/sys/kernel/perf_event_paranoid", "re");
	int level = -2;

	if (in && fscanf(in, "%d", &level) != 1)
		level = -2;
	if (in)
		fclose(in);
	return level;
}

void ring_explain(int err, char *why, size_t size)
{
	int level = paranoia();

	if (err == -EACCES || (err == -EPERM && level > 1 && geteuid()))
		snprintf(why, size, "kernel.perf_event_paranoid is %d: root, CAP_PERFMON, or 1 is needed", level);
	else if (err == -EPERM)
		snprintf(why, size, "perf_event_open is forbidden (a seccomp profile, or a security module), or more "
		         "memory is asked for than kernel.perf_event_mlock_kb allows");
	else if (err == -ENOSYS || err == -ENOENT)
		snprintf(why, size, "this kernel has no perf events (%s)", strerror(-err));
	else
		snprintf(why, size, "perf_event_open: %s", strerror(-err));
}
