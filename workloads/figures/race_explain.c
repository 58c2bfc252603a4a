/*
 * race_explain.c: what a violation of the seed's race is made to: preemptions left, how long that took,
 * lines of the time line. Over a hundred failures, each from a search of its own.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "figures/race.h"
#include "hunt/minimise.h"
#include "hunt/search.h"
#include "race/registry.h"
#include "story/timeline.h"

#define FAILURES 100u

struct made_small {
	unsigned two_or_fewer, proved, longest_lines;
	double longest; /* seconds of processor time */
};

static unsigned lines_of(struct hunt *h, const struct violation *v)
{
	char *text = NULL;
	unsigned lines = 0;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	CHECK(out && timeline_print(h, v, false, out));
	fclose(out);
	for (const char *p = text; *p; p++)
		lines += *p == '\n';
	free(text);
	return lines;
}

static void one_failure(struct hunt *h, struct strategy *strategy, uint64_t seed, struct made_small *m)
{
	struct search search = { .strategy = strategy, .seed = seed, .schedules = 20000 };
	struct minimised came;
	struct violation v;

	violation_init(&v);
	hunt_search(h, &search, &v);
	if (search.found_at) {
		uint64_t since = rt_cpu_ns();
		hunt_minimise(h, &v, &came);
		double took = (double)(rt_cpu_ns() - since) / 1e9;
		unsigned lines = lines_of(h, &v);
		m->longest = took > m->longest ? took : m->longest;
		m->longest_lines = lines > m->longest_lines ? lines : m->longest_lines;
		m->two_or_fewer += came.preemptions <= 2;
		m->proved += came.minimal;
	}
	violation_fini(&v);
}

void race_figures_explain(struct self *s)
{
	struct made_small m = { 0 };
	struct strategy strategy;
	struct hunt *h;
	struct why why;

	CHECK(!hunt_open(race_named("seed"), fs_design_find("prefix"), &h, &why));
	CHECK(!strategy_open(&strategy, "random", &why));
	for (uint64_t seed = 1; seed <= FAILURES; seed++)
		one_failure(h, &strategy, seed, &m);
	strategy_close(&strategy);
	hunt_close(h);
	self_figure(s, "minimise: <= 2 preemptions, of 100", m.two_or_fewer, AT_LEAST, FAILURES, "failures");
	self_figure(s, "minimise: proved minimal, of 100", m.proved, AT_LEAST, FAILURES, "failures");
	self_figure(s, "minimise: longest, with its proof", m.longest, AT_MOST, 1, "s");
	self_figure(s, "time line: longest", m.longest_lines, AT_MOST, 50, "lines");
}
