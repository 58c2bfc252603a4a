/*
 * choose_test.c: all choices of an epoch, with those that a mount cannot tell apart once, come to the same outcomes as
 * with an image for each; and processes that share the epochs judge each once. Skips itself where not root, or where
 * the kernel does not tell what is read.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cut/test_rig.h"

#define PENDING  6u
#define OUTCOMES 4096u

/* What images held, each with its position, as hashes. */
struct outcomes {
	struct evidence *e;
	unsigned images, n;
	uint64_t hash[OUTCOMES];
};

static uint64_t mix(uint64_t h, uint64_t v)
{
	return rng_mix(h ^ v);
}

static uint64_t outcome_of(const struct recovered *r)
{
	uint64_t h = mix(1, (uint64_t)r->err), sum = 0;

	for (uint32_t i = 0; i < r->nfiles; i++) { /* in whatever order */
		const struct recovered_file *f = &r->file[i];
		uint64_t of = mix(f->size, (uint64_t)f->err);
		for (const char *c = f->name; *c; c++)
			of = mix(of, (uint64_t)*c);
		for (uint32_t k = 0; k < f->nblocks; k++) {
			const struct seen s = f->block[k].first;
			of = mix(of, (uint64_t)f->block[k].err);
			of = mix(of, (uint64_t)s.kind);
			of = s.kind == SEEN_VERSION ? mix(of, s.stamp.version) : of;
		}
		sum += of;
	}
	return mix(h, sum);
}

static void add(struct outcomes *o, uint64_t hash)
{
	for (unsigned i = 0; i < o->n; i++)
		if (o->hash[i] == hash)
			return;
	assert_true(o->n < OUTCOMES);
	o->hash[o->n++] = hash;
}

static int take_outcome(void *arg, const struct cut *c)
{
	struct outcomes *o = arg;

	o->images++;
	add(o, mix(outcome_of(judge_look(o->e->judge, c, NULL)), c->pos));
	return 0;
}

static int take_all(void *arg, const struct epoch *e)
{
	struct outcomes *o = arg;
	const struct cut_budget all = { .all_up_to = PENDING, .sampled = 16, .seed = 1 };

	if (e->npending > PENDING) /* choose_all() does the same with these */
		return 0;
	return powercut_cuts(o->e->dev, e, &all, take_outcome, o);
}

static int take_few(void *arg, const struct cut *c)
{
	return c->npending > PENDING ? 0 : take_outcome(arg, c);
}

/* How many images were saved. */
static int same_outcomes(const char *target)
{
	static struct outcomes all, few;
	struct cut_fs fs = fs_of(target);
	struct work work;
	struct world w;

	open_world(&w, &fs, &work);
	if (!slot_watch_reads(&w.e.slot)) {
		world_close(&w);
		work_close(&work);
		skip();
	}
	few = (struct outcomes){ .e = &w.e };
	assert_int_equal(choose_all(&w.e, PENDING, false, 1, NULL, take_few, &few), 0);
	all = (struct outcomes){ .e = &w.e };
	assert_int_equal(powercut_epochs(w.e.dev, take_all, &all), 0);
	if (all.n != few.n)
		fail_msg("%s: %u outcomes of %u images, but %u of %u that a mount can tell apart", target, all.n,
		         all.images, few.n, few.images);
	for (unsigned i = 0; i < all.n; i++) {
		unsigned k = 0;
		while (k < few.n && few.hash[k] != all.hash[i])
			k++;
		assert_true(k < few.n);
	}
	world_close(&w);
	work_close(&work);
	return (int)all.images - (int)few.images;
}

static void what_is_told_apart_is_all_that_there_is(void **state)
{
	if (geteuid())
		skip();
	same_outcomes("fs:ext4");
	same_outcomes("fs:xfs");
	assert_true(same_outcomes("fs:btrfs") > 0); /* second copies of trees, and trees of no super */
}

struct share {
	unsigned n, ours;
	_Atomic uint32_t *other; /* takes what comes next at once, as another process would */
	uint32_t pos[OUTCOMES];
};

static int take_position(void *arg, const struct cut *c)
{
	struct share *s = arg;

	assert_true(s->n < OUTCOMES);
	if (s->other && atomic_load(s->other) == s->ours + 1)
		s->ours = atomic_fetch_add(s->other, 1) + 1;
	s->pos[s->n++] = c->pos;
	return 0;
}

static bool has(const struct share *s, uint32_t pos)
{
	unsigned i = 0;

	while (i < s->n && s->pos[i] != pos)
		i++;
	return i < s->n;
}

/* Of those who share the epochs, each is judged by the one that took it, and by no other. */
static void shares_are_apart_and_together_all(void **state)
{
	static struct share whole, alone, first, rest;
	_Atomic uint32_t taken = 0;
	struct cut_fs fs = fs_of("fs:ext4");
	struct work work;
	struct world w;

	if (geteuid())
		skip();
	open_world(&w, &fs, &work);
	assert_int_equal(choose_all(&w.e, 4, true, 1, NULL, take_position, &whole), 0);
	assert_int_equal(choose_all(&w.e, 4, true, 1, &taken, take_position, &alone), 0);
	assert_int_equal(whole.n, alone.n);
	assert_memory_equal(whole.pos, alone.pos, whole.n * sizeof(whole.pos[0]));
	taken = 0;
	first.other = &taken;
	assert_int_equal(choose_all(&w.e, 4, true, 1, &taken, take_position, &first), 0);
	for (unsigned i = 0; i < whole.n; i++)
		if (!has(&first, whole.pos[i]))
			rest.pos[rest.n++] = whole.pos[i];
	assert_true(first.n > 0 && rest.n > 0);
	assert_int_equal(first.n + rest.n, whole.n);
	world_close(&w);
	work_close(&work);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_told_apart_is_all_that_there_is),
		cmocka_unit_test(shares_are_apart_and_together_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
