/* sum.c: see sum.h. */
#include "kwait/sum.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kwait/ksyms.h"

#define TOLD 3 /* functions of a stack that no row knows */

static unsigned names_of(const struct kwait_stack *s, const char **name)
{
	for (unsigned i = 0; i < s->n; i++)
		name[i] = ksyms_name(s->ip[i] - (i > 0)); /* all but the first are addresses after a call */
	return s->n;
}

/* "a < b < c": the innermost functions that say something. */
static void say_stack(const char *const *name, unsigned n, char *out, size_t size)
{
	size_t at = 0;
	unsigned told = 0;

	out[0] = '\0';
	for (unsigned i = 0; i < n && told < TOLD && at < size; i++) {
		if (kwait_is_scheduler(name[i]))
			continue;
		at += (size_t)snprintf(out + at, size - at, "%s%.40s", told ? " < " : "", name[i]);
		told++;
	}
	if (!told)
		snprintf(out, size, "no stack");
}

static struct kwait_site *site_of(struct kwait_sum *sum, const char *function, const char *what, unsigned phase)
{
	struct kwait_site *s = sum->site;
	unsigned i = 0;

	while (i < sum->nsites && (s[i].phase != phase || strcmp(s[i].function, function) || strcmp(s[i].what, what)))
		i++;
	if (i < sum->nsites)
		return &s[i];
	if (sum->nsites == KWAIT_SITES)
		return NULL;
	sum->nsites++;
	s[i] = (struct kwait_site){ .what = what, .phase = phase };
	snprintf(s[i].function, sizeof(s[i].function), "%s", function);
	return &s[i];
}

static void add_waker(struct kwait_site *s, const char *name, uint64_t ns)
{
	unsigned i = 0;

	while (i < KWAIT_WAKERS && s->waker[i].name[0] && strcmp(s->waker[i].name, name))
		i++;
	if (i == KWAIT_WAKERS)
		return;
	snprintf(s->waker[i].name, sizeof(s->waker[i].name), "%s", name);
	s->waker[i].ns += ns;
}

/* Part of a wait that is in a sync. */
struct part {
	uint64_t ns, device_ns;
	const char *waker; /* NULL: not known */
};

static void add_to_site(struct kwait_sum *sum, const char *function, const char *what, unsigned phase,
                        const struct part *p)
{
	struct kwait_site *s = site_of(sum, function, what, phase);

	sum->phase_ns[phase] += p->ns;
	if (!s)
		return;
	s->ns += p->ns;
	s->device_ns += p->device_ns;
	s->n++;
	if (p->waker)
		add_waker(s, p->waker, p->ns);
}

static void add_sleep(struct kwait_sum *sum, const struct kwait_task *t, const struct kwait_sleep *s,
                      const struct part *p)
{
	const char *name[KWAIT_FRAMES];
	unsigned n = names_of(kwait_task_stack(t, s->stack), name);
	const struct kwait_row *row;
	char text[KWAIT_SITE_NAME];

	if (s->preempted) {
		add_to_site(sum, "preempted", "another task had the processor", KW_PREEMPTED, p);
		return;
	}
	if (kwait_is_idle_worker(name, n)) {
		add_to_site(sum, "io_wq_worker", "io_uring, between its worker and who submits", KW_WORKER, p);
		return;
	}
	row = kwait_find(name, n);
	if (row) {
		add_to_site(sum, row->function, row->what, row->phase, p);
		return;
	}
	say_stack(name, n, text, sizeof(text));
	add_to_site(sum, text, "", PH_OTHER, p);
}

/* The first sleep that ends after that time. */
static size_t first_after(const struct kwait_sleep *s, size_t n, uint64_t when)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (s[mid].in_ns <= when)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Between two times: the rest of it was spent on a processor (sum.1). */
static void add_sleeps(struct kwait_sum *sum, const struct kwait_task *t, uint64_t begin_ns, uint64_t end_ns,
                       const struct kwait_beside *b)
{
	uint64_t rest = end_ns - begin_ns;
	size_t n;
	const struct kwait_sleep *s = kwait_task_sleeps(t, &n);

	for (size_t i = first_after(s, n, begin_ns); i < n && s[i].out_ns < end_ns; i++) {
		uint64_t from = s[i].out_ns > begin_ns ? s[i].out_ns : begin_ns;
		uint64_t to = s[i].in_ns < end_ns ? s[i].in_ns : end_ns;
		struct part p = { .ns = to - from };

		if (b && b->wakers && !s[i].preempted)
			p.waker = wakers_of(b->wakers, kwait_task_tid(t), s[i].out_ns, s[i].in_ns);
		if (b && b->device)
			p.device_ns = flushes_busy(b->device, from, to);
		add_sleep(sum, t, &s[i], &p);
		rest -= to - from;
	}
	sum->phase_ns[KW_ON_CPU] += rest;
}

void kwait_sum_call(struct kwait_sum *sum, const struct kwait_task *t, const struct kwait_call *c,
                    const struct kwait_beside *b)
{
	uint64_t began = c->start_ns > c->begin_ns ? c->start_ns : c->begin_ns;

	sum->syncs++;
	sum->sync_ns += c->end_ns - c->begin_ns;
	if (began > c->begin_ns)
		add_to_site(sum, "io_wq_submit_work", "a worker of io_uring to begin", KW_WORKER,
		            &(struct part){ .ns = began - c->begin_ns });
	if (t)
		add_sleeps(sum, t, began, c->end_ns, b);
	else
		add_to_site(sum, "a worker of io_uring", "its stack was not seen", PH_OTHER,
		            &(struct part){ .ns = c->end_ns - began });
	if (!b || !b->device)
		return;
	sum->no_flushes |= !flushes_in_busy(b->device);
	sum->device_sync_ns += c->end_ns - c->begin_ns;
	sum->device_ns += flushes_busy(b->device, c->begin_ns, c->end_ns);
}

void kwait_sum_task(struct kwait_sum *sum, const struct kwait_task *t, const struct kwait_beside *b)
{
	size_t n;
	const struct kwait_call *c = kwait_task_calls(t, &n);

	for (size_t i = 0; i < n; i++)
		kwait_sum_call(sum, t, &c[i], b);
	sum->lost += kwait_task_lost(t);
}

void kwait_sum_merge(struct kwait_sum *into, const struct kwait_sum *from)
{
	into->syncs += from->syncs;
	into->sync_ns += from->sync_ns;
	into->lost += from->lost;
	for (unsigned i = 0; i < from->early && i < KWAIT_EARLY && into->early + i < KWAIT_EARLY; i++)
		into->first[into->early + i] = from->first[i];
	into->device_sync_ns += from->device_sync_ns;
	into->device_ns += from->device_ns;
	into->no_flushes |= from->no_flushes;
	if (from->no_wakers[0])
		memcpy(into->no_wakers, from->no_wakers, sizeof(into->no_wakers));
	into->judged += from->judged;
	into->early += from->early;
	if (from->not_judged[0])
		memcpy(into->not_judged, from->not_judged, sizeof(into->not_judged));
	for (unsigned i = 0; i < KW_NR; i++)
		into->phase_ns[i] += from->phase_ns[i];
	for (unsigned i = 0; i < from->nsites; i++) {
		const struct kwait_site *f = &from->site[i];
		struct kwait_site *s = site_of(into, f->function, f->what, f->phase);

		if (!s)
			continue;
		s->ns += f->ns;
		s->n += f->n;
		s->device_ns += f->device_ns;
		for (unsigned k = 0; k < KWAIT_WAKERS && f->waker[k].name[0]; k++)
			add_waker(s, f->waker[k].name, f->waker[k].ns);
	}
}

static int longest_first(const void *a, const void *b)
{
	const struct kwait_waker *x = a, *y = b;

	return x->ns < y->ns ? 1 : x->ns > y->ns ? -1 : strcmp(x->name, y->name);
}

static int dearest_first(const void *a, const void *b)
{
	const struct kwait_site *x = a, *y = b;

	return x->ns < y->ns ? 1 : x->ns > y->ns ? -1 : strcmp(x->function, y->function);
}

void kwait_sum_sort(struct kwait_sum *sum)
{
	qsort(sum->site, sum->nsites, sizeof(sum->site[0]), dearest_first);
	for (unsigned i = 0; i < sum->nsites; i++)
		qsort(sum->site[i].waker, KWAIT_WAKERS, sizeof(sum->site[i].waker[0]), longest_first);
}

double kwait_sum_named(const struct kwait_sum *sum)
{
	return sum->sync_ns ? 1 - (double)sum->phase_ns[PH_OTHER] / (double)sum->sync_ns : 0;
}
