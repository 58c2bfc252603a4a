/*
 * tree_tasks_test.c: several tasks on one tree, as threads and under the controlled scheduler.
 */
#include "pick/pickers.h"
#include "rt/coop.h"
#include "rt/sanitize.h"
#include "tree/tree_rig.h"

#define TASKS 4u

struct worker {
	struct rig *r;
	struct model *m; /* its own keys are its own rows: i % TASKS == id */
	uint32_t id, steps;
	uint64_t seed;
	uint32_t failures; /* an assertion must not leave a task by a jump */
	struct task *task;
};

static bool item_is(const struct model_row *row, const uint8_t *data, uint32_t len)
{
	uint8_t want[NODE_SIZE_MAX / 4];

	if (!row->there || len != row->len)
		return false;
	rig_fill(want, len, row->seed);
	return !memcmp(data, want, len);
}

static bool lookup_is_right(struct worker *w, uint32_t i)
{
	struct key k = rig_key(i);
	uint8_t data[1024];
	uint32_t len;
	int ret = tree_lookup(&w->r->tree, &k, data, sizeof(data), &len);

	return ret ? ret == -ENOENT && !w->m->row[i].there : item_is(&w->m->row[i], data, len);
}

/* The neighbour may be anybody's; it lies on the right side, and no key of one's own is skipped. */
static bool next_is_right(struct worker *w, uint32_t i)
{
	struct key k = rig_key(i);
	int ret = tree_next(&w->r->tree, &k, NULL, 0, NULL);
	uint32_t end = ret ? RIG_KEYS : rig_index(&k);

	if (ret && ret != -ENOENT)
		return false;
	for (uint32_t own = i; own < end; own += TASKS)
		if (w->m->row[own].there)
			return false;
	return end >= i;
}

static bool change_is_right(struct worker *w, struct rng *rng, uint32_t i)
{
	struct model_row *row = &w->m->row[i];
	uint32_t len = (uint32_t)rng_below(rng, 500);
	uint64_t seed = rng_next(rng);
	struct key k = rig_key(i);
	uint8_t data[1024];
	bool was = row->there;

	if (rng_below(rng, 3) == 0) {
		row->there = false;
		return tree_delete(&w->r->tree, w->r->generation, &k) == (was ? 0 : -ENOENT);
	}
	rig_fill(data, len, seed);
	*row = (struct model_row){ true, len, seed, w->r->generation };
	return tree_put(&w->r->tree, w->r->generation, &k, data, len) == 0;
}

static int in_order(void *arg, const struct key *k, const void *data, uint32_t len)
{
	struct key *last = arg;

	if (key_cmp(k, last) < 0)
		return -EINVAL;
	*last = *k;
	return 0;
}

static void work(void *arg)
{
	struct worker *w = arg;
	struct rng rng;

	rng_seed(&rng, w->seed);
	for (uint32_t step = 0; step < w->steps; step++) {
		uint32_t i = (uint32_t)rng_below(&rng, RIG_KEYS / TASKS) * TASKS + w->id;
		struct key from = rig_key(i), to = rig_key(RIG_KEYS);

		w->failures += !change_is_right(w, &rng, i);
		w->failures += !lookup_is_right(w, (uint32_t)rng_below(&rng, RIG_KEYS / TASKS) * TASKS + w->id);
		w->failures += !next_is_right(w, i);
		if (step % 64 == 0)
			w->failures += !!tree_scan(&w->r->tree, &from, &to, 0, in_order, &from);
	}
}

static uint32_t run_workers(struct rig *r, struct model *m, uint32_t n, uint32_t steps, uint64_t seed)
{
	struct worker w[TASKS];
	uint32_t failures = 0;

	for (uint32_t i = 0; i < n; i++) {
		w[i] = (struct worker){ .r = r, .m = m, .id = i, .steps = steps, .seed = seed * TASKS + i };
		w[i].task = rt_spawn("worker", work, &w[i], NULL);
	}
	for (uint32_t i = 0; i < n; i++) {
		rt_join(w[i].task);
		failures += w[i].failures;
	}
	return failures;
}

static void threads_keep_the_tree_whole(uint32_t nodesize)
{
	struct model *m = calloc(1, sizeof(*m));
	struct tree_ptr ptr;
	struct rig r;

	rig_open(&r, nodesize, true, 32u << 20);
	for (unsigned round = 0; round < 4; round++) {
		assert_int_equal(run_workers(&r, m, TASKS, 1500, round), 0);
		rig_compare(&r.tree, m);
		ptr = rig_commit(&r);
		rig_expect_no_leak(&r);
		rig_reopen(&r, &ptr); /* the next round reads its blocks again, all tasks at once */
	}
	rig_close(&r);
	free(m);
}

static void threads_share_a_tree_of_small_nodes(void **state)
{
	threads_keep_the_tree_whole(4096);
}

static void threads_share_a_tree_of_common_nodes(void **state)
{
	threads_keep_the_tree_whole(16384);
}

/* A tree this small has a root that splits and shrinks all the time. */
static void churn(void *arg)
{
	struct worker *w = arg;
	struct rng rng;

	rng_seed(&rng, w->seed);
	for (uint32_t step = 0; step < w->steps; step++) {
		uint32_t i = (uint32_t)rng_below(&rng, 8) * TASKS + w->id;

		w->failures += !change_is_right(w, &rng, i);
		w->failures += !lookup_is_right(w, i);
	}
}

static void threads_grow_and_shrink_a_tree(void **state)
{
	struct model *m = calloc(1, sizeof(*m));
	struct worker w[TASKS];
	struct rig r;

	rig_open(&r, 4096, false, 8u << 20);
	for (uint32_t i = 0; i < TASKS; i++) {
		w[i] = (struct worker){ .r = &r, .m = m, .id = i, .steps = 8000, .seed = i };
		w[i].task = rt_spawn("churn", churn, &w[i], NULL);
	}
	for (uint32_t i = 0; i < TASKS; i++) {
		rt_join(w[i].task);
		assert_int_equal(w[i].failures, 0);
	}
	rig_compare(&r.tree, m);
	rig_expect_no_leak(&r);
	rig_close(&r);
	free(m);
}

/* ---- controlled: fibers, which ThreadSanitizer does not know ---- */

static void skip_without_fibers(void)
{
	if (RT_TSAN)
		skip();
}

struct story {
	struct rig r;
	struct model *m;
	struct tree_ptr ptr;
	uint64_t seed;
	uint32_t failures;
};

static void play(void *arg)
{
	struct story *s = arg;

	rig_mount(&s->r);
	if (tree_open(&s->r.tree, s->r.bl, RIG_OWNER, &s->ptr) || tree_walk_blocks(&s->r.tree, rig_mark, &s->r))
		s->failures++;
	coop_choices(true);
	s->failures += run_workers(&s->r, s->m, 3, 6, s->seed);
	coop_choices(false);
	s->failures += !!tree_check(&s->r.tree);
}

/* Each schedule starts from the same tree on the device, with nothing in memory. */
static void schedules_keep_the_tree_whole(void **state)
{
	struct model *before = calloc(1, sizeof(*before)), *m = calloc(1, sizeof(*m));
	void *picker = pick_random.create("", NULL);
	struct story s = { .m = m };

	skip_without_fibers();
	rig_open(&s.r, 4096, false, 8u << 20);
	rig_put(&s.r, before, 0, RIG_KEYS, 20);
	s.ptr = rig_commit(&s.r);
	rig_unmount(&s.r);
	for (s.seed = 0; s.seed < 300; s.seed++) {
		struct coop_config cfg = { .picker = &pick_random, .picker_state = picker, .seed = s.seed };
		struct coop_result res;

		*m = *before;
		coop_run(&cfg, play, &s, &res);
		assert_int_equal(res.end, COOP_FINISHED);
		assert_int_equal(s.failures, 0);
		rig_compare(&s.r.tree, m);
		rig_expect_no_leak(&s.r);
		rig_unmount(&s.r);
	}
	pick_random.destroy(picker);
	dev_close(s.r.dev);
	free(before);
	free(m);
}

/* ---- how many points a call has ---- */

static uint32_t picks;

static void count_begin(void *state, uint64_t seed, uint32_t steps)
{
	picks = 0;
}

/* Whoever runs goes on: with a bystander who could run, each point of a task is one pick. */
static uint32_t count_pick(void *state, const struct coop_view *v)
{
	picks++;
	return v->enabled >> v->current & 1 ? v->current : (uint32_t)__builtin_ctzll(v->enabled);
}

static void stand_by(void *arg)
{
}

static int no_more(void *arg, const struct key *k, const void *data, uint32_t len)
{
	return 1;
}

#define CALLS 8u

/* One call of each kind. Those that change something copy the path down to a leaf, and now and then split. */
static int call(struct rig *r, uint32_t which, const struct key *k)
{
	struct key at = *k;
	uint8_t data[900] = { 0 };

	switch (which) {
	case 0:
		return tree_insert(&r->tree, r->generation, k, data, sizeof(data));
	case 1:
		return tree_lookup(&r->tree, k, data, sizeof(data), NULL);
	case 2:
		return tree_put(&r->tree, r->generation, k, data, 3);
	case 3:
		return tree_update(&r->tree, r->generation, k, data, 800);
	case 4:
		return tree_next(&r->tree, &at, data, sizeof(data), NULL);
	case 5:
		return tree_prev(&r->tree, &at, data, sizeof(data), NULL);
	case 6:
		return tree_delete(&r->tree, r->generation, k);
	default:
		return tree_scan(&r->tree, k, k, 0, no_more, NULL);
	}
}

struct points {
	struct rig r;
	uint32_t calls, failures, wrong;
};

static void count_points(void *arg)
{
	struct points *p = arg;
	struct task *bystander = rt_spawn("bystander", stand_by, p, NULL);

	coop_choices(true);
	for (uint32_t i = 0; i < 100 * CALLS; i++) {
		struct key k = rig_key(i / CALLS * 7 + (i / CALLS & 1)), more = { 1000 + i, 0, 0 };
		uint32_t before;

		p->r.generation++; /* nothing that is there may be changed in place */
		before = picks;
		p->failures += !!call(&p->r, i % CALLS, &k);
		p->wrong += picks != before + 1;
		p->failures += !!call(&p->r, 0, &more);
		p->calls++;
	}
	coop_choices(false);
	rt_join(bystander);
}

static void a_call_is_one_point(void **state)
{
	static const struct picker counting = { .name = "counting", .begin = count_begin, .pick = count_pick };
	struct coop_config cfg = { .picker = &counting };
	struct points p = { 0 };
	struct coop_result res;

	skip_without_fibers();
	rig_open(&p.r, 4096, false, 8u << 20);
	coop_run(&cfg, count_points, &p, &res);
	assert_int_equal(res.end, COOP_FINISHED);
	assert_int_equal(p.calls, 100 * CALLS);
	assert_int_equal(p.failures, 0);
	assert_int_equal(p.wrong, 0);
	assert_int_equal(tree_root_ptr(&p.r.tree).level, 2);
	rig_close(&p.r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(threads_share_a_tree_of_small_nodes),
		cmocka_unit_test(threads_share_a_tree_of_common_nodes),
		cmocka_unit_test(threads_grow_and_shrink_a_tree),
		cmocka_unit_test(schedules_keep_the_tree_whole),
		cmocka_unit_test(a_call_is_one_point),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
