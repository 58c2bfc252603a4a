/*
 * race_prove.c: figures of the exhaustive search (pick/dpor.c): how long all traces take of the bare
 * protocol's base size, and of the smallest race of the whole pipeline; and all those with few preemptions of the seed
 * race, and of the families of scenarios that ask most of a design; every crash of each judged.
 */
#include <stdio.h>

#include "base/check.h"
#include "figures/race.h"
#include "race/protocol.h"
#include "hunt/prove.h"
#include "race/registry.h"

#define TRIES 7u

/* Milliseconds of processor time; the best of a few, since the machine has other things to do. */
static double protocol_ms(void)
{
	struct protocol *p = protocol_open(&protocol_configs[0], protocol_design_find("postfix"));
	double best = 1e9;

	for (unsigned i = 0; i < TRIES; i++) {
		struct dpor *d = dpor_new(DPOR_RACES);
		struct coop_config cfg = { .picker = &pick_dpor, .picker_state = d };
		struct coop_result res;
		uint64_t since = rt_cpu_ns();
		while (pick_dpor.more(d)) {
			coop_run(&cfg, protocol_main, p, &res);
			CHECK(res.cut || !protocol_broken(p));
		}
		double ms = (double)(rt_cpu_ns() - since) / 1e6;
		best = ms < best ? ms : best;
		pick_dpor.destroy(d);
	}
	protocol_close(p);
	return best;
}

/* Seconds of processor time in which it is proved that postfix holds. */
static double proof_seconds(const struct race *race, uint32_t preemptions)
{
	struct proof p = { .preemptions = preemptions };
	struct violation v;
	struct hunt *h;
	struct why why;

	int ret = hunt_open(race, fs_design_find("postfix"), &h, &why);
	CHECK(!ret);
	violation_init(&v);
	uint64_t since = rt_cpu_ns();
	ret = prove(h, &p, &v, &why);
	double s = (double)(rt_cpu_ns() - since) / 1e9;
	CHECK(!ret && p.complete && !p.found);
	violation_fini(&v);
	hunt_close(h);
	return s;
}

void race_figures_prove(struct self *s)
{
	self_figure(s, "prove: protocol, base size, whole", protocol_ms(), AT_MOST, 5, "ms");
	self_figure(s, "prove: seed_smallest, whole", proof_seconds(race_named("seed_smallest"), DPOR_NO_BOUND),
	            AT_MOST, 300, "s");
	self_figure(s, "prove: seed, 2 preemptions", proof_seconds(race_named("seed"), 2), AT_MOST, 60, "s");
	self_figure(s, "prove: seed, 3 preemptions", proof_seconds(race_named("seed"), 3), AT_MOST, 600, "s");
}

/* ---- the hardest families ---- */

#define LONGEST 600.0 /* seconds */
#define DEEPEST 3u    /* preemptions */

/* One scenario of each family, the least that keeps its point. */
static const char *const hardest[] = {
	"fsync_twice_smallest", /* who believes that another has done the work */
	"direct",               /* fsync beside direct writes */
	"mapped_smallest",      /* beside stores through a mapping */
	"rename",               /* beside changes of names */
	"commit",               /* with commits of the transaction in the gap */
};

static void prove_hard(struct self *s, const char *race, const char *design)
{
	/* four times as long, when others have the processor */
	struct proof p = { .preemptions = DEEPEST, .seconds = 4 * LONGEST };
	struct violation v;
	struct hunt *h;
	struct why why;
	char name[64];

	snprintf(name, sizeof(name), "%s, %s", race, design);
	if (hunt_open(race_named(race), fs_design_find(design), &h, &why)) {
		self_missing(s, name, "%s", why.text);
		return;
	}
	violation_init(&v);
	uint64_t since = rt_cpu_ns();
	if (prove(h, &p, &v, &why))
		self_missing(s, name, "%s", why.text);
	else if (p.found)
		self_missing(s, name, "a schedule with %u preemptions breaks it", p.reached + 1);
	else if (!p.complete)
		self_missing(s, name, "in %.0f s all schedules with fewer than %u preemptions were tried", p.took,
		             p.reached + 1);
	else
		self_figure(s, name, (double)(rt_cpu_ns() - since) / 1e9, AT_MOST, LONGEST, "s");
	self_info(s, "%s: at most %u preemptions, %lu executions, %lu distinct traces", name, DEEPEST,
	          (unsigned long)p.executions, (unsigned long)p.distinct);
	violation_fini(&v);
	hunt_close(h);
}

void race_figures_proofs(struct self *s)
{
	for (size_t i = 0; i < sizeof(hardest) / sizeof(hardest[0]); i++) {
		prove_hard(s, hardest[i], "postfix");
		prove_hard(s, hardest[i], "complete_repaired");
		prove_hard(s, hardest[i], "modern_repaired");
	}
}
