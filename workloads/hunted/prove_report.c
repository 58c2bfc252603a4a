/* prove_report.c: see prove_report.h. */
#include "hunted/prove_report.h"

#include "hunted/hunt_report.h"

/* ---- in words ---- */

/* "2 preemptions" */
static void print_preemptions(const char *before, uint32_t n, FILE *out)
{
	fprintf(out, "%s%u preemption%s", before, n, n == 1 ? "" : "s");
}

void proof_print(const char *race, const char *design, const struct proof *p, FILE *out)
{
	char traces[TRACES_TEXT];

	fprintf(out, "race %s, design %s: all schedules", race, design);
	if (p->preemptions != DPOR_NO_BOUND)
		print_preemptions(" with at most ", p->preemptions, out);
	fprintf(out, "\n  %lu executions, %lu cut runs (nothing new was to come), %s distinct traces, total %s; "
	        "%.1f s\n",
	        (unsigned long)p->executions, (unsigned long)p->cut, traces_text(p->distinct, p->counted, traces),
	        p->complete ? "no more than these" : "unknown", p->took);
	if (p->too_long)
		fprintf(out, "  a run was longer than the search has room for: nothing can be proved of this race\n");
}

static void print_claim(const struct race *race, const struct proof *p, FILE *out)
{
	fprintf(out, "  PROVED: no violation in any schedule");
	if (!p->all)
		print_preemptions(" with at most ", p->preemptions, out);
	else if (p->preemptions != DPOR_NO_BOUND)
		print_preemptions(" (none has more than ", p->preemptions, out);
	if (p->all && p->preemptions != DPOR_NO_BOUND)
		fprintf(out, ")");
	if (p->parts > 1)
		fprintf(out, " of part %u of %u", p->part + 1, p->parts);
	fprintf(out, "%s\n", race->bare ? "" : ", whenever the power fails");
}

void proof_print_held(const struct race *race, const struct proof *p, FILE *out)
{
	if (p->complete) {
		print_claim(race, p, out);
	} else if (p->preemptions != DPOR_NO_BOUND && p->reached != DPOR_NO_BOUND) {
		print_preemptions("  NOT COMPLETE: stopped; no violation in any schedule with at most ", p->reached,
		                  out);
		fprintf(out, ", nor in those tried since\n");
	} else {
		fprintf(out, "  NOT COMPLETE: stopped; no violation in those tried\n");
	}
	fprintf(out, "  outside of the claim: processors that reorder memory accesses (all is sequentially "
	        "consistent here), %s"
	             "and workloads other than the calls of %s\n",
	        race->bare ? "\n  " : "power\n  cuts other than those modelled (any subset of what is pending, "
	        "whole blocks), ", race->name);
}

/* ---- as JSON ---- */

static json_t *bound_json(uint32_t n)
{
	return n == DPOR_NO_BOUND ? json_null() : json_integer(n);
}

static uint32_t read_bound(const json_t *v)
{
	return json_is_integer(v) ? (uint32_t)json_integer_value(v) : DPOR_NO_BOUND;
}

json_t *proof_json(const struct race *race, const char *design, const struct proof *p)
{
	json_t *r = json_pack("{s:s,s:s,s:i,s:i,s:b,s:b,s:b,s:I,s:I,s:o,s:f,s:s,s:s,s:o}", "race", race->name,
	                      "design", design, "shard",
	                      (int)p->part, "shards", (int)p->parts, "complete", p->complete, "all", p->all,
	                      "too_long", p->too_long,
	                      "executions", (json_int_t)p->executions, "cut", (json_int_t)p->cut, "distinct",
	                      distinct_json(p->distinct, p->counted), "seconds", p->took, "verdict",
	                      verdict_name[p->found ? VERDICT_BREAKS : VERDICT_HOLDS], "due",
	                      verdict_name[race_expect(race, design)],
	                      "found", json_array());

	if (p->counted == COUNTED_AT_MOST)
		json_object_set_new(r, "distinct_at_most", json_integer((json_int_t)p->distinct));
	json_object_set_new(r, "preemptions", bound_json(p->preemptions));
	json_object_set_new(r, "reached", bound_json(p->reached));
	return r;
}

void proof_read(const json_t *r, struct proof *p)
{
	*p = (struct proof){ .parts = 1, .preemptions = read_bound(json_object_get(r, "preemptions")),
		             .reached = read_bound(json_object_get(r, "reached")),
		             .executions = (uint64_t)json_integer_value(json_object_get(r, "executions")),
		             .cut = (uint64_t)json_integer_value(json_object_get(r, "cut")),
		             .distinct = (uint64_t)json_integer_value(json_object_get(r, "distinct")),
		             .complete = json_is_true(json_object_get(r, "complete")),
		             .all = json_is_true(json_object_get(r, "all")),
		             .too_long = json_is_true(json_object_get(r, "too_long")),
		             .took = json_number_value(json_object_get(r, "seconds")) };
}
