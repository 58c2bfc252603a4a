/*
 * bench_race_prove.c: figures of the exhaustive search (rt/pick_dpor.c): how long all traces take of the bare
 * protocol's base size, and of the smallest race of the whole pipeline, every crash of each judged.
 */
#include "base/check.h"
#include "bench_race.h"
#include "hunt.h"
#include "protocol.h"
#include "rt/dpor.h"

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

static double smallest_seconds(void)
{
	struct dpor *d = dpor_new(DPOR_RACES);
	struct violation v;
	struct hunt *h;
	char err[200];

	int ret = hunt_open(&race_seed_smallest, fs_design_find("postfix"), &h, err);
	CHECK(!ret);
	violation_init(&v);
	uint64_t since = rt_cpu_ns();
	while (pick_dpor.more(d)) {
		hunt_run(h, &pick_dpor, d, 1);
		CHECK(h->result.cut || !hunt_judge(h, &v));
	}
	double s = (double)(rt_cpu_ns() - since) / 1e9;
	violation_fini(&v);
	hunt_close(h);
	pick_dpor.destroy(d);
	return s;
}

void race_figures_prove(struct self *s)
{
	self_figure(s, "prove: protocol, base size, whole", protocol_ms(), AT_MOST, 5, "ms");
	self_figure(s, "prove: seed_smallest, whole", smallest_seconds(), AT_MOST, 300, "s");
}
