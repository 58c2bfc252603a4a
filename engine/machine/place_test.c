/* place_test.c: plans on topologies that this machine does not have; lists and plans that are wrong; node memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "machine/mem_node.h"
#include "machine/mem.h"
#include "machine/place.h"
#include "machine/test_place.h"

int mallctl(const char *name, void *old, size_t *oldlen, void *new, size_t newlen) __attribute__((weak));

static char err[160];
static int home = -1;      /* of the plans below */
static const bool *second;

static void topology(const char *synthetic)
{
	place_fini();
	if (synthetic)
		setenv("HWLOC_SYNTHETIC", synthetic, 1);
	else
		unsetenv("HWLOC_SYNTHETIC");
	assert_int_equal(place_init(), 0);
}

static int back_to_this_machine(void **state)
{
	topology(NULL);
	place_fini();
	return 0;
}

/* The plan's PUs as "0 2 4 6", for comparison by eye. */
static const char *plan(const char *name, unsigned n)
{
	static char text[256];
	struct placement p[32];
	struct place_request req = { .n = n, .home = home, .second = second };
	int len = 0;

	assert_int_equal(place_plan(name, &req, p, err), 0);
	for (unsigned i = 0; i < n; i++)
		len += snprintf(text + len, sizeof(text) - (size_t)len, "%s%d@%d", i ? " " : "", p[i].pu, p[i].node);
	return text;
}

static void plans_on_two_nodes_of_four_cores_of_two(void **state)
{
	topology("node:2 core:4 pu:2");
	assert_int_equal(place_topology()->nodes, 2);
	assert_int_equal(place_topology()->cores, 8);
	assert_int_equal(place_topology()->pus, 16);
	assert_false(place_topology()->real);
	assert_string_equal(plan("compact", 10), "0@0 2@0 4@0 6@0 1@0 3@0 5@0 7@0 8@1 10@1");
	assert_string_equal(plan("scatter", 6), "0@0 8@1 2@0 10@1 4@0 12@1");
	assert_string_equal(plan("node:1", 3), "8@1 10@1 12@1");
	assert_string_equal(plan("split", 4), "0@0 8@1 2@0 10@1");
	assert_string_equal(plan("node:0", 9), "0@0 2@0 4@0 6@0 1@0 3@0 5@0 7@0 0@0"); /* wraps around */
}

static void plans_on_four_nodes(void **state)
{
	topology("node:4 core:1 pu:1");
	assert_string_equal(plan("scatter", 5), "0@0 1@1 2@2 3@3 0@0");
	assert_string_equal(plan("split", 3), "0@0 3@3 0@0");
	assert_string_equal(plan("compact", 5), "0@0 1@1 2@2 3@3 0@0");
	assert_int_equal(place_next_node(-1), 0);
	assert_int_equal(place_next_node(3), -1);
}

static void split_keeps_who_only_writes_apart_from_who_syncs(void **state)
{
	static const bool syncs[] = { false, false, true, false };

	topology("node:2 core:4 pu:2");
	second = syncs;
	assert_string_equal(plan("split", 4), "0@0 2@0 8@1 4@0");
	second = NULL;
}

static void what_describes_no_topology_is_not_taken_for_this_machine(void **state)
{
	setenv("HWLOC_SYNTHETIC", "bogus", 1);
	place_fini();
	assert_int_equal(place_init(), -EINVAL);
	assert_int_equal(place_check_cpus("0", err), -EINVAL);
	topology("node:2 core:1 pu:1"); /* and the next one is */
	topology("");
	assert_true(place_topology()->real);
}

static void split_needs_a_second_node(void **state)
{
	struct place_request req = { .n = 2, .home = -1 };
	struct placement p[2];

	topology("node:1 core:2 pu:1");
	assert_int_equal(place_plan("split", &req, p, err), -EINVAL);
	assert_non_null(strstr(err, "split: there is no second node"));
}

static void near_is_the_drives_node_and_far_is_not(void **state)
{
	struct place_request req = { .n = 4 };
	struct placement p[4];

	topology("node:3 core:2 pu:1");
	home = 1;
	assert_string_equal(plan("near", 3), "2@1 3@1 2@1");
	assert_string_equal(plan("far", 4), "0@0 4@2 1@0 5@2");
	home = 0;
	assert_string_equal(plan("far", 3), "2@1 4@2 3@1");
	home = -1;
	topology("node:1 core:2 pu:1"); /* all is near, nothing far */
	assert_string_equal(plan("near", 3), "0@0 1@0 0@0");
	req.home = -1;
	assert_int_equal(place_plan("far", &req, p, err), -EINVAL);
	assert_non_null(strstr(err, "no node with processors but the device's"));
	topology("[numa] package:2 [numa(memory=1GB)] core:1 pu:1");
	req.home = 77;
	assert_int_equal(place_plan("near", &req, p, err), -EINVAL);
	assert_non_null(strstr(err, "node 77 has no processors"));
}

static void wrong_plans_get_one_line(void **state)
{
	static const char *const wrong[] = {
		"", "compacted", "node:", "node:2", "node:x", "node:1x", "node:-1", "near", "far", "nearer",
	};
	struct place_request req = { .n = 4, .home = -1 };
	struct placement p[4];

	topology("node:2 core:4 pu:2");
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		err[0] = 0;
		assert_int_equal(place_plan(wrong[i], &req, p, err), -EINVAL);
		assert_true(strlen(err) > 0);
		assert_null(strchr(err, '\n'));
	}
}

static void lists_are_checked_against_the_topology(void **state)
{
	static const char *const wrong[] = { "", ",", "0-", "-3", "0,,1", "x", "0-3x", "3-1", "16", "0-99999999" };

	topology("node:2 core:4 pu:2");
	assert_int_equal(place_check_cpus("0-3,8", err), 0);
	assert_int_equal(place_check_cpus("all", err), 0);
	assert_int_equal(place_check_nodes("0,1", err), 0);
	assert_int_equal(place_check_nodes("2", err), -EINVAL);
	assert_non_null(strstr(err, "no NUMA node 2, only 0-1"));
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		err[0] = 0;
		assert_int_equal(place_check_cpus(wrong[i], err), -EINVAL);
		assert_true(strlen(err) > 0);
	}
	assert_int_equal(place_check_cpus("0,17", err), -EINVAL);
	assert_non_null(strstr(err, "no CPU 17"));
}

static void binding_here_takes_and_elsewhere_is_refused(void **state)
{
	struct placement p = { .pu = -1, .node = -1 };

	topology(NULL);
	assert_int_equal(place_bind_self(NULL), 0);
	assert_int_equal(place_bind_self(&p), 0);
	p.pu = 60000;
	assert_int_equal(place_bind_self(&p), -EINVAL);
	p = (struct placement){ .pu = -1, .node = 500 };
	assert_int_equal(place_bind_self(&p), -EINVAL);
	p = (struct placement){ .pu = -1, .node = -1, .cpus = "all" };
	assert_int_equal(place_bind_self(&p), 0);
	p.cpus = "1-";
	assert_int_equal(place_bind_self(&p), -EINVAL);
	p = (struct placement){ .pu = -1, .node = -1, .nodes = "all" };
	assert_int_equal(place_bind_self(&p), 0);
	p.nodes = "0,900";
	assert_int_equal(place_bind_self(&p), -EINVAL);
}

static void on_a_synthetic_topology_nothing_is_bound(void **state)
{
	struct placement p = { .pu = 0, .node = 0 };

	topology("node:2 core:1 pu:1");
	assert_int_equal(place_bind_self(&p), PLACE_SYNTHETIC);
	p.pu = 2; /* nor is there such a one */
	assert_int_equal(place_bind_self(&p), -EINVAL);
	p = (struct placement){ .pu = -1, .node = -1, .cpus = "1" };
	assert_int_equal(place_bind_self(&p), PLACE_SYNTHETIC);
}

static const char *nodes_of(const struct placement *p, unsigned n)
{
	static char nodes[64];

	place_nodes_of(p, n, nodes, sizeof(nodes));
	return nodes;
}

static void the_nodes_of_some_tasks_are_those_that_they_run_on(void **state)
{
	struct placement p[3] = {
		{ .pu = 5, .node = 2 }, { .pu = -1, .node = -1, .nodes = "0" }, { .pu = -1, .node = -1 },
	};

	topology("node:4 core:2 pu:1");
	assert_string_equal(nodes_of(p, 1), "2");
	assert_string_equal(nodes_of(p, 2), "0,2");
	assert_string_equal(nodes_of(p, 3), ""); /* one may run anywhere */
	assert_string_equal(nodes_of(p, 0), "");
	p[2].cpus = "1-2,7";
	assert_string_equal(nodes_of(p + 2, 1), "0-1,3");
	p[2].cpus = NULL;
	p[2].node = 3;
	assert_string_equal(nodes_of(p, 3), "0,2-3");
	p[2].nodes = "all";
	assert_string_equal(nodes_of(p + 2, 1), "0-3");
	p[2].nodes = "4";
	assert_string_equal(nodes_of(p + 2, 1), ""); /* nowhere: not to be followed */
}

static void a_plan_is_printed_one_line_a_task(void **state)
{
	struct placement p[3] = { { .pu = 3, .node = 1 }, { .pu = -1, .node = -1, .cpus = "0-1" },
				  { .pu = -1, .node = -1, .nodes = "0,2" } };
	int bound[3] = { 0, -EPERM, PLACE_SYNTHETIC };
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	place_print(f, p, 3, bound);
	fclose(f);
	assert_string_equal(text, "task 0:  pu 3  node 1  bound\ntask 1:  cpus 0-1  node any  Operation not permitted\n"
			    "task 2:  cpus of nodes 0,2  not bound (synthetic topology)\n");
	free(text);
}

/* ---- memory ---- */

static int use_memory(enum place_memory policy, const char *on)
{
	return mem_use_placement(&(struct placement){ .pu = -1, .node = -1, .memory = policy, .memory_nodes = on });
}

static void one_node_needs_no_arenas_and_says_so(void **state)
{
	topology("node:1 core:2 pu:1");
	assert_int_equal(mem_init(), 0);
	assert_non_null(strstr(mem_notice(), "this machine has one"));
}

static void nodes_get_arenas_of_their_own(void **state)
{
	void *p;

	topology("node:2 core:2 pu:1");
	if (!mallctl) { /* jemalloc is not linked: a build with sanitizers */
		assert_int_equal(mem_init(), -ENOSYS);
		assert_non_null(strstr(mem_notice(), "jemalloc"));
		return;
	}
	assert_int_equal(mem_init(), 0);
	assert_string_equal(mem_notice(), "memory is not placed on NUMA nodes: the topology is synthetic");
	assert_int_equal(mem_use_node(1), 0);
	for (size_t size = 8; size < (16u << 20); size *= 4) {
		p = mem_zalloc(size);
		memset(p, 1, size);
		free(p);
	}
	assert_int_equal(mem_use_node(-1), 0);
	assert_int_equal(mem_use_node(64), -EINVAL);
	assert_int_equal(use_memory(PLACE_INTERLEAVE, "0-1"), 0);
	free(mem_zalloc(1 << 20));
	assert_int_equal(use_memory(PLACE_INTERLEAVE, "all"), 0);
	free(mem_zalloc(1 << 20));
	assert_int_equal(use_memory(PLACE_PREFER, "1"), 0);
	assert_int_equal(use_memory(PLACE_BIND, "0,2"), -EINVAL);
	assert_int_equal(use_memory(PLACE_BIND, "x"), -EINVAL);
	assert_int_equal(mem_use_node(-1), 0);
}

/* Extents of arenas that are neighbours must not become one: they are split, given back, and mapped again by others. */
static void arenas_keep_their_extents_apart(void **state)
{
	static void *slot[64];
	struct rng r;

	if (!mallctl) {
		skip();
		return;
	}
	topology("node:2 core:2 pu:1");
	assert_int_equal(mem_init(), 0);
	rng_seed(&r, 1);
	for (unsigned i = 0; i < 4000; i++) {
		void **s = &slot[rng_below(&r, 64)];

		assert_int_equal(mem_use_node((int)rng_below(&r, 2)), 0);
		free(*s);
		*s = mem_alloc(65536 + rng_below(&r, 64) * 16384);
		if (i % 32 == 0)
			assert_int_equal(mallctl("arena.4096.purge", NULL, NULL, NULL, 0), 0); /* all of them */
	}
	for (unsigned i = 0; i < 64; i++)
		free(slot[i]);
	assert_int_equal(mem_use_node(-1), 0);
}

/* A made-up topology that is said to be this machine: the kernel is asked for a node that is not there. */
static void memory_that_cannot_be_placed_is_told(void **state)
{
	if (!mallctl)
		skip();
	topology(NULL);
	if (place_topology()->nodes > 1)
		skip(); /* here it can be */
	setenv("HWLOC_THISSYSTEM", "1", 1);
	topology("node:2 core:1 pu:1");
	unsetenv("HWLOC_THISSYSTEM");
	assert_true(place_topology()->real);
	assert_true(mem_init() < 0);
	assert_non_null(strstr(mem_notice(), "memory is not placed on NUMA nodes"));
	assert_int_equal(mem_use_node(1), 0); /* the default arena serves */
	free(mem_zalloc(1 << 20));
	assert_true(place_bind_memory(err, sizeof(err), PLACE_BIND, "1") < 0);
}

static void cpus_have_nodes_where_there_are_several(void **state)
{
	topology(NULL);
	if (place_topology()->nodes == 1) {
		assert_int_equal(place_node_of_cpu(0), -1);
		setenv("HWLOC_THISSYSTEM", "1", 1);
		topology("node:2 core:2 pu:1");
		unsetenv("HWLOC_THISSYSTEM");
		assert_int_equal(place_node_of_cpu(1), 0);
		assert_int_equal(place_node_of_cpu(2), 1);
	} else {
		assert_true(place_node_of_cpu(0) >= 0);
	}
	assert_int_equal(place_node_of_cpu(-1), -1);
	assert_int_equal(place_node_of_cpu(1 << 20), -1);
	topology("node:2 core:2 pu:1");
	assert_int_equal(place_node_of_cpu(2), -1); /* not this machine's */
}

static void memory_is_measured_and_aligned(void **state)
{
	void *p = mem_alloc_pages(5000);

	assert_int_equal((uintptr_t)p % 4096, 0);
	memset(p, 1, 8192); /* rounded up */
	free(p);
	assert_true(mem_peak_bytes() >= 100000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plans_on_two_nodes_of_four_cores_of_two),
		cmocka_unit_test(plans_on_four_nodes),
		cmocka_unit_test(split_keeps_who_only_writes_apart_from_who_syncs),
		cmocka_unit_test(what_describes_no_topology_is_not_taken_for_this_machine),
		cmocka_unit_test(split_needs_a_second_node),
		cmocka_unit_test(near_is_the_drives_node_and_far_is_not),
		cmocka_unit_test(wrong_plans_get_one_line),
		cmocka_unit_test(lists_are_checked_against_the_topology),
		cmocka_unit_test(binding_here_takes_and_elsewhere_is_refused),
		cmocka_unit_test(on_a_synthetic_topology_nothing_is_bound),
		cmocka_unit_test(the_nodes_of_some_tasks_are_those_that_they_run_on),
		cmocka_unit_test(a_plan_is_printed_one_line_a_task),
		cmocka_unit_test(one_node_needs_no_arenas_and_says_so),
		cmocka_unit_test(nodes_get_arenas_of_their_own),
		cmocka_unit_test(arenas_keep_their_extents_apart),
		cmocka_unit_test(memory_that_cannot_be_placed_is_told),
		cmocka_unit_test(cpus_have_nodes_where_there_are_several),
		cmocka_unit_test(memory_is_measured_and_aligned),
	};

	return cmocka_run_group_tests(tests, NULL, back_to_this_machine);
}
