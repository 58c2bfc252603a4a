/*
 * phase.c: the phase clock. One reading of the clock ends a phase and begins the next, so between
 * any two changes the phases sum to the time that passed, with nothing lost between them.
 */
#include "rt/rt.h"

#include "rt/pmu.h"

const struct phase_info phase_info[PH_NR] = {
#define X(id, phase_name, meaning) [PH_##id] = { .name = phase_name, .what = meaning },
	PHASES(X)
#undef X
};

void phase_switch(struct task *t, enum phase to)
{
	uint64_t now = rt_now();
	enum phase from = atomic_load_explicit(&t->phase, memory_order_relaxed);

	if (__builtin_expect(t->pmu != NULL, 0)) {
		pmu_charge(t->pmu, from);
		now = rt_now(); /* the time that the reading took belongs to the phase that ends */
	}
	t->phase_ns[from] += now - t->phase_since_ns;
	t->phase_since_ns = now;
	atomic_store_explicit(&t->phase, (uint8_t)to, memory_order_relaxed);
}
