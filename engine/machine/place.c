/*
 * place.c: placements over the topology that hwloc finds (or that HWLOC_SYNTHETIC describes).
 *
 * A plan is an order of the processing units (PUs) of each node that has any, and a rule for which node task i goes to.
 * The order is the first PU of every core, then the second ones. Tasks beyond the last PU wrap around.
 *
 * place.1: On a topology that is not this machine's, nothing is bound. Tasks are told so (PLACE_SYNTHETIC); a bind of
 * memory succeeds, and mem_notice() says what it is worth.
 *
 * hwloc takes milliseconds to load, so nothing here loads it until it is needed.
 */
#include "machine/place.h"

#include <ctype.h>
#include <errno.h>
#include <hwloc.h>
#include <hwloc/distances.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "machine/mem.h"
#include "machine/test_place.h"

#define ERR_SIZE 160
#define CPUS_MAX 4096

/* One node's PUs in the order in which tasks fill them. */
struct node_pus {
	int node;
	unsigned n;
	int *pu;
};

static pthread_mutex_t load_lock = PTHREAD_MUTEX_INITIALIZER;
/* load_lock guards these; read-only once loaded: */
static hwloc_topology_t topo;
static bool loaded;
static struct place_topology summary;
static struct node_pus *nodes;
static unsigned nnodes; /* nodes that have PUs */
/* read at any time, also while loading */
static _Atomic int8_t node_of_cpu[CPUS_MAX]; /* the node + 1; 0: not known */

/* ---- loading ---- */

/* How many PUs of the same core come before this one. */
static unsigned rank_in_core(hwloc_obj_t pu)
{
	hwloc_obj_t core = hwloc_get_ancestor_obj_by_type(topo, HWLOC_OBJ_CORE, pu);
	unsigned rank = 0;

	for (hwloc_obj_t other = pu->prev_cousin; core && other; other = other->prev_cousin) {
		if (hwloc_get_ancestor_obj_by_type(topo, HWLOC_OBJ_CORE, other) != core)
			break;
		rank++;
	}
	return rank;
}

static void list_pus(struct node_pus *out, hwloc_obj_t node)
{
	int n = hwloc_get_nbobjs_inside_cpuset_by_type(topo, node->cpuset, HWLOC_OBJ_PU);

	out->node = (int)node->os_index;
	out->n = 0;
	out->pu = mem_alloc((size_t)n * sizeof(*out->pu));
	for (unsigned rank = 0; out->n < (unsigned)n; rank++) {
		hwloc_obj_t pu = NULL;
		while ((pu = hwloc_get_next_obj_inside_cpuset_by_type(topo, node->cpuset, HWLOC_OBJ_PU, pu)))
			if (rank_in_core(pu) == rank)
				out->pu[out->n++] = (int)pu->os_index;
	}
}

static void list_nodes(void)
{
	hwloc_obj_t node = NULL;

	nodes = mem_zalloc(summary.nodes * sizeof(*nodes));
	nnodes = 0;
	while ((node = hwloc_get_next_obj_by_type(topo, HWLOC_OBJ_NUMANODE, node)))
		if (!hwloc_bitmap_iszero(node->cpuset))
			list_pus(&nodes[nnodes++], node);
	if (nnodes < 2 || !summary.real)
		return;
	for (const struct node_pus *n = nodes; n < nodes + nnodes; n++)
		for (unsigned i = 0; i < n->n; i++)
			if (n->pu[i] < CPUS_MAX && n->node < INT8_MAX)
				node_of_cpu[n->pu[i]] = (int8_t)(n->node + 1);
}

static unsigned count_objects(hwloc_obj_type_t type)
{
	int n = hwloc_get_nbobjs_by_type(topo, type);

	return n > 0 ? (unsigned)n : 0;
}

/* hwloc itself would take this machine's instead of a description that it cannot read. */
static int read_topology(void)
{
	const char *synthetic = getenv("HWLOC_SYNTHETIC");

	if (synthetic && *synthetic && hwloc_topology_set_synthetic(topo, synthetic))
		return -EINVAL;
	return hwloc_topology_load(topo) ? -EIO : 0;
}

static int load(void)
{
	int ret;

	if (hwloc_topology_init(&topo))
		return -ENOMEM;
	ret = read_topology();
	if (ret) {
		hwloc_topology_destroy(topo);
		return ret;
	}
	summary = (struct place_topology){
		.pus = count_objects(HWLOC_OBJ_PU),
		.cores = count_objects(HWLOC_OBJ_CORE),
		.packages = count_objects(HWLOC_OBJ_PACKAGE),
		.nodes = count_objects(HWLOC_OBJ_NUMANODE),
		.real = hwloc_topology_is_thissystem(topo) != 0,
	};
	list_nodes();
	loaded = true;
	return 0;
}

int place_init(void)
{
	int ret = 0;

	pthread_mutex_lock(&load_lock);
	if (!loaded)
		ret = load();
	pthread_mutex_unlock(&load_lock);
	return ret;
}

void place_fini(void)
{
	pthread_mutex_lock(&load_lock);
	if (loaded) {
		for (unsigned i = 0; i < nnodes; i++)
			free(nodes[i].pu);
		free(nodes);
		nodes = NULL;
		hwloc_topology_destroy(topo);
		for (unsigned cpu = 0; cpu < CPUS_MAX; cpu++)
			node_of_cpu[cpu] = 0;
		loaded = false;
	}
	pthread_mutex_unlock(&load_lock);
}

const struct place_topology *place_topology(void)
{
	CHECK(loaded);
	return &summary;
}

int place_node_of_cpu(int cpu)
{
	return cpu >= 0 && cpu < CPUS_MAX ? node_of_cpu[cpu] - 1 : -1;
}

int place_next_node(int node)
{
	CHECK(loaded);
	hwloc_obj_t at = NULL;
	bool take = node < 0;

	while ((at = hwloc_get_next_obj_by_type(topo, HWLOC_OBJ_NUMANODE, at))) {
		if (take)
			return (int)at->os_index;
		take = (int)at->os_index == node;
	}
	return -1;
}

/* ---- plans ---- */

__attribute__((format(printf, 2, 3))) static int refuse(char *err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err, ERR_SIZE, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static struct placement nth_pu(const struct node_pus *node, unsigned i)
{
	return (struct placement){ .pu = node->pu[i % node->n], .node = node->node };
}

static void plan_compact(unsigned n, struct placement *out)
{
	for (unsigned i = 0, node = 0, at = 0; i < n; i++, at++) {
		if (at == nodes[node].n) {
			node = (node + 1) % nnodes;
			at = 0;
		}
		out[i] = nth_pu(&nodes[node], at);
	}
}

static void plan_scatter(unsigned n, struct placement *out)
{
	for (unsigned i = 0; i < n; i++)
		out[i] = nth_pu(&nodes[i % nnodes], i / nnodes);
}

static int plan_split(const struct place_request *req, struct placement *out, char *err)
{
	unsigned at[2] = { 0, 0 };

	if (nnodes < 2)
		return refuse(err, "split: there is no second node with processors (compact fills one)");
	for (unsigned i = 0; i < req->n; i++) {
		bool second = req->second ? req->second[i] : i % 2;

		out[i] = nth_pu(&nodes[second ? nnodes - 1 : 0], at[second]++);
	}
	return 0;
}

static const struct node_pus *find_node(int node)
{
	for (unsigned i = 0; i < nnodes; i++)
		if (nodes[i].node == node)
			return &nodes[i];
	return NULL;
}

static void all_on(const struct node_pus *node, unsigned n, struct placement *out)
{
	for (unsigned i = 0; i < n; i++)
		out[i] = nth_pu(node, i);
}

static int plan_node(const char *number, unsigned n, struct placement *out, char *err)
{
	char *end;
	unsigned long nr = strtoul(number, &end, 10);
	const struct node_pus *node = NULL;

	if (isdigit((unsigned char)*number) && !*end && nr < INT_MAX)
		node = find_node((int)nr);
	if (!node)
		return refuse(err, "there is no NUMA node \"%.20s\" with processors (%u node%s here)", number,
			      summary.nodes, summary.nodes == 1 ? "" : "s");
	all_on(node, n, out);
	return 0;
}

/* On a machine of one node that is every drive's node, also one that names none. */
static int find_home(const struct place_request *req, const char *plan, int *home, char *err)
{
	*home = req->home < 0 && nnodes == 1 ? nodes[0].node : req->home;
	if (*home < 0)
		return refuse(err, "%s: the NUMA node of this device is not known (node:N names one)", plan);
	return 0;
}

static int plan_near(const struct place_request *req, struct placement *out, char *err)
{
	const struct node_pus *node;
	int home, ret = find_home(req, "near", &home, err);

	if (ret)
		return ret;
	node = find_node(home);
	if (!node)
		return refuse(err, "near: the device's NUMA node %d has no processors", home);
	all_on(node, req->n, out);
	return 0;
}

/* As the firmware tells them; without that all other nodes are equally far. */
static uint64_t distance(int from, int to)
{
	struct hwloc_distances_s *d = NULL;
	hwloc_uint64_t there = from != to, back;
	unsigned n = 1;
	hwloc_obj_t a = hwloc_get_numanode_obj_by_os_index(topo, (unsigned)from);
	hwloc_obj_t b = hwloc_get_numanode_obj_by_os_index(topo, (unsigned)to);

	if (!a || !b)
		return there;
	if (hwloc_distances_get_by_type(topo, HWLOC_OBJ_NUMANODE, &n, &d, HWLOC_DISTANCES_KIND_MEANS_LATENCY, 0) || !n)
		return there;
	if (hwloc_distances_obj_pair_values(d, a, b, &there, &back))
		there = from != to;
	hwloc_distances_release(topo, d);
	return there;
}

static int plan_far(const struct place_request *req, struct placement *out, char *err)
{
	const struct node_pus **far;
	unsigned nfar = 0;
	uint64_t most = 0;
	int home, ret = find_home(req, "far", &home, err);

	if (ret)
		return ret;
	far = mem_alloc(nnodes * sizeof(*far));
	for (unsigned i = 0; i < nnodes; i++) {
		uint64_t d = distance(home, nodes[i].node);

		if (nodes[i].node == home || d < most)
			continue;
		if (d > most)
			nfar = 0;
		most = d;
		far[nfar++] = &nodes[i];
	}
	for (unsigned i = 0; i < req->n && nfar; i++)
		out[i] = nth_pu(far[i % nfar], i / nfar);
	free(far);
	return nfar ? 0 : refuse(err, "far: there is no node with processors but the device's (near names that)");
}

int place_plan(const char *plan, const struct place_request *req, struct placement *out, char *err)
{
	int ret = place_init();

	if (ret) {
		snprintf(err, ERR_SIZE, "the machine's topology cannot be read");
		return ret;
	}
	if (!strcmp(plan, "compact"))
		plan_compact(req->n, out);
	else if (!strcmp(plan, "scatter"))
		plan_scatter(req->n, out);
	else if (!strcmp(plan, "split"))
		return plan_split(req, out, err);
	else if (!strcmp(plan, "near"))
		return plan_near(req, out, err);
	else if (!strcmp(plan, "far"))
		return plan_far(req, out, err);
	else if (!strncmp(plan, "node:", 5))
		return plan_node(plan + 5, req->n, out, err);
	else
		return refuse(err, "\"%.40s\" is not one of " PLACE_PLANS, plan);
	return 0;
}

/* ---- lists ---- */

/* Strict, unlike hwloc's own parser: digits, '-', ',' and nothing left over. False: not such a list. */
static bool parse_list(const char *list, hwloc_bitmap_t set)
{
	const char *p = list;

	for (;;) {
		char *end;
		unsigned long from, to;
		if (!isdigit((unsigned char)*p))
			return false;
		from = to = strtoul(p, &end, 10);
		if (*end == '-') {
			if (!isdigit((unsigned char)end[1]))
				return false;
			to = strtoul(end + 1, &end, 10);
		}
		if (to < from || to > 65535)
			return false;
		hwloc_bitmap_set_range(set, (unsigned)from, (int)to);
		if (!*end)
			return true;
		if (*end != ',')
			return false;
		p = end + 1;
	}
}

static int check_list(const char *list, const char *what, hwloc_const_bitmap_t all, char *err)
{
	hwloc_bitmap_t set = hwloc_bitmap_alloc();
	int ret = -EINVAL;

	CHECK(set != NULL);
	if (!strcmp(list, "all")) {
		ret = 0;
	} else if (!parse_list(list, set)) {
		snprintf(err, ERR_SIZE, "\"%.60s\" is not a list of %ss such as 0-3,8", list, what);
	} else if (!hwloc_bitmap_isincluded(set, all)) {
		char have[40];

		hwloc_bitmap_andnot(set, set, all);
		hwloc_bitmap_list_snprintf(have, sizeof(have), all);
		snprintf(err, ERR_SIZE, "\"%.60s\": there is no %s %d, only %s", list, what, hwloc_bitmap_first(set),
		         have);
	} else {
		ret = 0;
	}
	hwloc_bitmap_free(set);
	return ret;
}

static int check_loaded(char *err)
{
	int ret = place_init();

	if (ret)
		snprintf(err, ERR_SIZE, "the machine's topology cannot be read");
	return ret;
}

int place_check_cpus(const char *list, char *err)
{
	int ret = check_loaded(err);

	return ret ? ret : check_list(list, "CPU", hwloc_topology_get_allowed_cpuset(topo), err);
}

int place_check_nodes(const char *list, char *err)
{
	int ret = check_loaded(err);

	return ret ? ret : check_list(list, "NUMA node", hwloc_topology_get_allowed_nodeset(topo), err);
}

/* ---- binding ---- */

/* The members of `all` that the list names. -EINVAL when it names others. */
static int members_of(const char *list, hwloc_const_bitmap_t all, hwloc_bitmap_t set)
{
	if (!strcmp(list, "all"))
		return hwloc_bitmap_copy(set, all);
	return parse_list(list, set) && hwloc_bitmap_isincluded(set, all) ? 0 : -EINVAL;
}

static int cpus_of_nodes(const char *list, hwloc_const_bitmap_t all, hwloc_bitmap_t set)
{
	hwloc_bitmap_t named = hwloc_bitmap_alloc();
	int ret;

	CHECK(named != NULL);
	ret = members_of(list, hwloc_topology_get_allowed_nodeset(topo), named);
	if (!ret)
		hwloc_cpuset_from_nodeset(topo, set, named);
	hwloc_bitmap_free(named);
	return !ret && hwloc_bitmap_intersects(set, all) ? 0 : -EINVAL;
}

/* The CPUs that a placement means. -EINVAL when it means none of this machine's. */
static int cpus_of(const struct placement *p, hwloc_bitmap_t set)
{
	hwloc_const_bitmap_t all = hwloc_topology_get_allowed_cpuset(topo);

	if (p->cpus)
		return members_of(p->cpus, all, set);
	if (p->nodes)
		return cpus_of_nodes(p->nodes, all, set);
	if (p->pu >= 0) {
		hwloc_bitmap_only(set, (unsigned)p->pu);
	} else {
		hwloc_obj_t node = hwloc_get_numanode_obj_by_os_index(topo, (unsigned)p->node);
		if (!node)
			return -EINVAL;
		hwloc_bitmap_copy(set, node->cpuset);
	}
	return hwloc_bitmap_intersects(set, all) ? 0 : -EINVAL;
}

static bool is_anywhere(const struct placement *p)
{
	return p->pu < 0 && p->node < 0 && !p->cpus && !p->nodes;
}

void place_nodes_of(const struct placement *p, unsigned n, char *out, size_t size)
{
	hwloc_bitmap_t cpus = hwloc_bitmap_alloc(), one = hwloc_bitmap_alloc();
	bool anywhere = !n;

	CHECK(cpus && one);
	out[0] = '\0';
	for (unsigned i = 0; i < n && !anywhere; i++) {
		anywhere = is_anywhere(&p[i]) || place_init() || cpus_of(&p[i], one);
		hwloc_bitmap_or(cpus, cpus, one);
	}
	if (!anywhere) {
		hwloc_cpuset_to_nodeset(topo, cpus, one);
		hwloc_bitmap_list_snprintf(out, size, one);
	}
	hwloc_bitmap_free(cpus);
	hwloc_bitmap_free(one);
}

int place_bind_self(const struct placement *p)
{
	hwloc_bitmap_t set;
	int ret;

	if (!p || is_anywhere(p))
		return 0;
	ret = place_init();
	if (ret)
		return ret;
	set = hwloc_bitmap_alloc();
	CHECK(set != NULL);
	ret = cpus_of(p, set);
	if (!ret && !summary.real)
		ret = PLACE_SYNTHETIC; /* (place.1) */
	else if (!ret && hwloc_set_cpubind(topo, set, HWLOC_CPUBIND_THREAD))
		ret = -errno;
	hwloc_bitmap_free(set);
	return ret;
}

int place_bind_memory(void *p, size_t size, enum place_memory policy, const char *list)
{
	static const hwloc_membind_policy_t of[] = {
		[PLACE_LOCAL] = HWLOC_MEMBIND_FIRSTTOUCH,
		[PLACE_PREFER] = HWLOC_MEMBIND_BIND,
		[PLACE_BIND] = HWLOC_MEMBIND_BIND,
		[PLACE_INTERLEAVE] = HWLOC_MEMBIND_INTERLEAVE,
	};
	int flags = HWLOC_MEMBIND_BYNODESET | (policy == PLACE_BIND ? HWLOC_MEMBIND_STRICT : 0), ret = 0;
	hwloc_bitmap_t set = hwloc_bitmap_alloc();

	CHECK(loaded && set);
	if (members_of(list, hwloc_topology_get_topology_nodeset(topo), set))
		ret = -EINVAL;
	else if (summary.real && hwloc_set_area_membind(topo, p, size, set, of[policy], flags))
		ret = -errno; /* (place.1) */
	hwloc_bitmap_free(set);
	return ret;
}

const char *place_bound(int result)
{
	if (result == PLACE_SYNTHETIC)
		return "not bound (synthetic topology)";
	return result ? strerror(-result) : "bound";
}

static void print_number(FILE *out, const char *what, int number)
{
	if (number < 0)
		fprintf(out, "  %s any", what);
	else
		fprintf(out, "  %s %d", what, number);
}

void place_print(FILE *out, const struct placement *p, unsigned n, const int *bound)
{
	static const char *const policy[] = { "local", "prefer", "bind", "interleave" };

	for (unsigned i = 0; i < n; i++) {
		fprintf(out, "task %u:", i);
		if (p[i].cpus)
			fprintf(out, "  cpus %s", p[i].cpus);
		else if (p[i].nodes)
			fprintf(out, "  cpus of nodes %s", p[i].nodes);
		else
			print_number(out, "pu", p[i].pu);
		if (!p[i].nodes)
			print_number(out, "node", p[i].node);
		if (p[i].memory != PLACE_LOCAL)
			fprintf(out, "  memory %s:%s", policy[p[i].memory], p[i].memory_nodes);
		if (bound)
			fprintf(out, "  %s", place_bound(bound[i]));
		fputc('\n', out);
	}
}
