/* pmu.c: counting a thread's events in groups. See pmu.h; names are pmu_names.c. */
#include "rt/pmu.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "machine/mem.h"

/* Events that are counted over the same time (pmu.2). */
struct group {
	unsigned n;
	unsigned event[PMU_EVENTS_MAX]; /* which of the set */
	int fd[PMU_EVENTS_MAX];         /* of the leader first */
	uint64_t enabled_ns, running_ns;
};

struct pmu {
	const struct pmu_set *set;
	unsigned ngroups;
	struct group group[PMU_EVENTS_MAX];
	char why[PMU_EVENTS_MAX][PMU_WHY_MAX];
	uint64_t value[PMU_EVENTS_MAX];
	/* by phase */
	uint64_t last[PMU_EVENTS_MAX], phase[PH_NR][PMU_EVENTS_MAX];
	uint64_t seen, syncs;
};

/* What read() gives for a group. */
struct reading {
	uint64_t n, enabled_ns, running_ns, value[PMU_EVENTS_MAX];
};

/* ---- opening ---- */

static int paranoia(void)
{
	FILE *in = fopen("/proc/sys/kernel/perf_event_paranoid", "re");
	int level = 0;

	if (in && fscanf(in, "%d", &level) != 1)
		level = 0;
	if (in)
		fclose(in);
	return level;
}

static void explain(int err, char *why)
{
	if (err == ENOENT || err == ENODEV || err == EOPNOTSUPP)
		snprintf(why, PMU_WHY_MAX, "this processor, or the virtual machine, does not count it (%s)",
		         strerror(err));
	else if (err == EACCES || err == EPERM)
		snprintf(why, PMU_WHY_MAX, "not permitted: kernel.perf_event_paranoid is %d (root, or 1)", paranoia());
	else
		snprintf(why, PMU_WHY_MAX, "perf_event_open: %s", strerror(err));
}

/* The descriptor, or -errno. */
static int open_event(const struct pmu_event *e, int leader)
{
	struct perf_event_attr attr = e->attr;
	int fd;

	attr.read_format = PERF_FORMAT_GROUP | PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
	attr.disabled = leader < 0;
	fd = (int)syscall(SYS_perf_event_open, &attr, 0, -1, leader, PERF_FLAG_FD_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static bool is_software(const struct pmu_event *e)
{
	return e->attr.type == PERF_TYPE_SOFTWARE;
}

/* Into the last group if it takes it: a hardware group is as large as the processor has counters. */
static int join_group(struct pmu *p, unsigned i)
{
	struct group *g;
	int fd;

	if (!p->ngroups)
		return -EINVAL;
	g = &p->group[p->ngroups - 1];
	if (is_software(&p->set->event[g->event[0]]) != is_software(&p->set->event[i]))
		return -EINVAL;
	fd = open_event(&p->set->event[i], g->fd[0]);
	if (fd < 0)
		return fd;
	g->event[g->n] = i;
	g->fd[g->n++] = fd;
	return 0;
}

static void add_event(struct pmu *p, unsigned i)
{
	int fd;

	if (!join_group(p, i))
		return;
	fd = open_event(&p->set->event[i], -1);
	if (fd < 0) {
		explain(-fd, p->why[i]);
		return;
	}
	p->group[p->ngroups++] = (struct group){ .n = 1, .event = { i }, .fd = { fd } };
}

struct pmu *pmu_open(const struct pmu_set *set)
{
	struct pmu *p = mem_zalloc(sizeof(*p));

	p->set = set;
	for (unsigned i = 0; i < set->n; i++)
		add_event(p, i);
	return p;
}

void pmu_close(struct pmu *p)
{
	if (!p)
		return;
	for (unsigned g = 0; g < p->ngroups; g++)
		for (unsigned k = 0; k < p->group[g].n; k++)
			close(p->group[g].fd[k]);
	free(p);
}

/* ---- counting ---- */

static void read_group(const struct group *g, struct reading *r)
{
	size_t want = (3 + g->n) * sizeof(uint64_t);

	if (read(g->fd[0], r, want) != (ssize_t)want)
		memset(r, 0, sizeof(*r)); /* of an event in error state: then it ran for no time (pmu_add) */
}

/* Of a leader alone: the others of its group are counted while it is. */
static void all_leaders(struct pmu *p, unsigned long what, unsigned long flags)
{
	for (unsigned g = 0; g < p->ngroups; g++)
		ioctl(p->group[g].fd[0], what, flags);
}

void pmu_start(struct pmu *p)
{
	all_leaders(p, PERF_EVENT_IOC_RESET, PERF_IOC_FLAG_GROUP);
	all_leaders(p, PERF_EVENT_IOC_ENABLE, 0);
}

void pmu_stop(struct pmu *p)
{
	struct reading r;

	all_leaders(p, PERF_EVENT_IOC_DISABLE, 0);
	for (unsigned i = 0; i < p->ngroups; i++) {
		struct group *g = &p->group[i];

		read_group(g, &r);
		g->enabled_ns = r.enabled_ns;
		g->running_ns = r.running_ns;
		for (unsigned k = 0; k < g->n; k++)
			p->value[g->event[k]] = r.value[k];
	}
}

/* ---- by phase ---- */

/* What was counted since the last call goes to `to`; NULL: to nobody. */
static void advance(struct pmu *p, uint64_t *to)
{
	struct reading r;

	for (unsigned i = 0; i < p->ngroups; i++) {
		const struct group *g = &p->group[i];

		read_group(g, &r);
		for (unsigned k = 0; k < g->n; k++) {
			unsigned e = g->event[k];

			if (to)
				to[e] += r.value[k] - p->last[e];
			p->last[e] = r.value[k];
		}
	}
}

void pmu_charge(struct pmu *p, enum phase left)
{
	advance(p, p->phase[left]);
}

void pmu_sync_begin(struct pmu *p)
{
	if (!p->ngroups || ++p->seen % PMU_SYNC_ONE_IN)
		return;
	advance(p, NULL);
	p->syncs++;
	rt_self()->pmu = p;
}

void pmu_sync_end(void)
{
	rt_self()->pmu = NULL;
}

/* ---- sums ---- */

static void add_group(const struct pmu *p, const struct group *g, struct pmu_counts *sum)
{
	double scale = g->running_ns ? (double)g->enabled_ns / (double)g->running_ns : 0; /* (pmu.2) */

	for (unsigned k = 0; k < g->n; k++) {
		struct pmu_count *c = &sum->event[g->event[k]];

		if (!g->running_ns)
			snprintf(c->why, sizeof(c->why),
			         "its turn on the processor's counters never came: ask for fewer events");
		c->value += scale * (double)p->value[g->event[k]];
		for (unsigned ph = 0; ph < PH_NR; ph++)
			c->phase[ph] += scale * (double)p->phase[ph][g->event[k]];
	}
}

void pmu_add(const struct pmu *p, struct pmu_counts *sum)
{
	sum->n = p->set->n;
	sum->syncs += p->syncs;
	for (unsigned i = 0; i < sum->n; i++) {
		snprintf(sum->event[i].name, PMU_NAME_MAX, "%s", p->set->event[i].name);
		if (p->why[i][0])
			memcpy(sum->event[i].why, p->why[i], PMU_WHY_MAX);
	}
	for (unsigned g = 0; g < p->ngroups; g++)
		add_group(p, &p->group[g], sum);
}

void pmu_merge(struct pmu_counts *into, const struct pmu_counts *from)
{
	if (!from->n)
		return;
	into->n = from->n;
	into->syncs += from->syncs;
	for (unsigned i = 0; i < from->n; i++) {
		struct pmu_count *to = &into->event[i];
		const struct pmu_count *c = &from->event[i];

		memcpy(to->name, c->name, sizeof(to->name));
		if (c->why[0])
			memcpy(to->why, c->why, sizeof(to->why));
		to->value += c->value;
		for (unsigned ph = 0; ph < PH_NR; ph++)
			to->phase[ph] += c->phase[ph];
	}
}
