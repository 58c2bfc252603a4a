/*
 * race_prove.c: figures of the exhaustive search (pick/dpor.c): how long all traces take of the bare
 * protocol's base size, and of the smallest race of the whole pipeline; and all those with few preemptions of the seed
 * race; every crash of each judged.
 */
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
