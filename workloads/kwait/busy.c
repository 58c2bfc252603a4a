/* busy.c: see busy.h. */
#include "kwait/busy.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

#define A_FLUSH UINT64_MAX /* its sector */

/* A request that is issued again, as after a requeue, is there already; one that ends unknown began before we came. */
static void step(struct io_spans *b, uint64_t sector, bool ended)
{
	unsigned i = 0;

	while (i < b->in_flight && b->sector[i] != sector)
		i++;
	if (ended && i < b->in_flight)
		b->sector[i] = b->sector[--b->in_flight];
	if (!ended && i == b->in_flight && i < BUSY_IN_FLIGHT)
		b->sector[b->in_flight++] = sector;
}

static void begin_span(struct io_spans *b, uint64_t ns)
{
	const struct io_span *last = b->n ? &b->span[b->n - 1] : NULL;
	struct io_span new = { .from_ns = ns, .to_ns = UINT64_MAX };

	if (last)
		new.before_ns = last->before_ns + last->to_ns - last->from_ns;
	if (b->n == b->room) {
		b->room = b->room ? 2 * b->room : 1024;
		b->span = realloc(b->span, b->room * sizeof(*b->span));
	}
	CHECK(b->span);
	b->span[b->n++] = new;
}

static void add(struct io_spans *b, uint64_t ns, uint64_t sector, bool ended)
{
	bool was = b->in_flight;

	step(b, sector, ended);
	if (!was && b->in_flight)
		begin_span(b, ns);
	if (was && !b->in_flight)
		b->span[b->n - 1].to_ns = ns;
}

void busy_add(struct busy *b, const struct io_event *e)
{
	add(&b->all, e->ns, e->flush ? A_FLUSH : e->sector, e->ended);
	if (!e->flush) {
		add(&b->data, e->ns, e->sector, e->ended);
		return;
	}
	b->no_flushes |= e->ended != b->flush_under_way;
	b->flush_under_way = !e->ended;
}

/* Busy before that time. */
static uint64_t busy_until(const struct io_spans *b, uint64_t ns)
{
	const struct io_span *s = b->span;
	size_t low = 0, high = b->n;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (s[mid].from_ns < ns)
			low = mid + 1;
		else
			high = mid;
	}
	if (!low)
		return b->n ? s[0].before_ns : 0;
	s += low - 1;
	return s->before_ns + (s->to_ns < ns ? s->to_ns : ns) - s->from_ns;
}

uint64_t busy_ns(const struct busy *b, uint64_t from_ns, uint64_t to_ns)
{
	const struct io_spans *s = b->no_flushes ? &b->data : &b->all;

	return busy_until(s, to_ns) - busy_until(s, from_ns);
}

static void forget(struct io_spans *b, uint64_t before_ns)
{
	size_t n = 0;

	while (n + 1 < b->n && b->span[n].to_ns < before_ns) /* the last tells what was before it */
		n++;
	if (n)
		memmove(b->span, b->span + n, (b->n - n) * sizeof(*b->span));
	b->n -= n;
}

void busy_forget(struct busy *b, uint64_t before_ns)
{
	forget(&b->all, before_ns);
	forget(&b->data, before_ns);
}

void busy_free(struct busy *b)
{
	free(b->all.span);
	free(b->data.span);
}
