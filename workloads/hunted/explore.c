/* explore.c: see explore.h. The programs of one setup share a hunt: its image, and what its judge has seen to hold. */
#include "hunted/explore.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/stop.h"
#include "hunt/prove.h"
#include "race/scenario.h"
#include "scene/scene.h"

#define PROGRESS_EVERY 256u
#define THREADS_MAX    2u

/* ---- the calls ---- */

enum {
	WRITES_NOTHING = 1, /* the device gets nothing by it: as a program's last call it shows no crash */
	PERSISTS = 2,       /* it writes what was changed before: nothing, when it is the first call of all */
	MAKES_NAME = 4,     /* needs that the name is gone */
	TAKES_NAME = 8,     /* needs that the name is there */
	REOPENS = 16,       /* a descriptor that is closed belongs to one thread */
};

/* One call, in the words of a scenario. What another line must do first stands before it. */
static const struct letter {
	const char *before, *line;
	unsigned flags;
} letters[] = {
	{ NULL, "a pwrite 0 512", WRITES_NOTHING },       /* inside a block */
	{ NULL, "a pwrite 0 4k", WRITES_NOTHING },
	{ NULL, "a pwrite 2k 4k", WRITES_NOTHING },       /* across two */
	{ NULL, "a pwrite 4k 4k", WRITES_NOTHING },
	{ NULL, "a pwrite 12k 4k", WRITES_NOTHING },      /* beyond the end */
	{ NULL, "a pwrite -d 0 4k", 0 },
	{ NULL, "a pwrite -d 8k 4k", 0 },
	{ "a mmap 0 64k", "a mwrite 0 512", WRITES_NOTHING },
	{ "a mmap 0 64k", "a msync 0 4k", PERSISTS },
	{ NULL, "a truncate 0", WRITES_NOTHING },
	{ NULL, "a truncate 512", WRITES_NOTHING },
	{ NULL, "a truncate 16k", WRITES_NOTHING },
	{ NULL, "a falloc 0 8k", WRITES_NOTHING },
	{ NULL, "a falloc -k 8k 8k", WRITES_NOTHING },
	{ NULL, "a fpunch 0 4k", WRITES_NOTHING },
	{ NULL, "a fsync", PERSISTS },
	{ NULL, "a fdatasync", PERSISTS },
	{ NULL, "a sync_range -b -w -a 0 4k", PERSISTS },
	{ NULL, "a writeback", PERSISTS },
	{ NULL, "sync", PERSISTS },
	{ NULL, "commit", PERSISTS },
	{ NULL, "rm a", WRITES_NOTHING | TAKES_NAME },
	{ NULL, "a create", WRITES_NOTHING | MAKES_NAME },
	{ "a close", "a open", WRITES_NOTHING | TAKES_NAME | REOPENS },
};
#define LETTERS (sizeof(letters) / sizeof(letters[0]))

static const struct {
	const char *mkfs_mount, *file;
} setups[] = {
	{ "mkfs = nodesize=4k, metadata=single", "file a 8k" },
	{ "mkfs = nodesize=4k, metadata=single", "file a 512" },
	{ "mkfs = nodesize=4k, metadata=single", "file a" },
	{ "mkfs = nodesize=4k, metadata=single", "file a 8k nodatacow" },
	{ "mkfs = nodesize=4k, metadata=single\nmount = max_inline=2k", "file a 512" },
	{ "mkfs = nodesize=4k, metadata=single\nmount = compress", "file a 8k" },
};
#define SETUPS (sizeof(setups) / sizeof(setups[0]))

/* A program: the letters of each thread. */
struct program {
	uint32_t setup, calls; /* the longest thread has so many */
	struct {
		uint32_t n;
		uint8_t letter[EXPLORE_CALLS_MAX];
	} thread[THREADS_MAX];
};

static uint32_t nsetups(const struct explore *e)
{
	return e->setups && e->setups < SETUPS ? e->setups : (uint32_t)SETUPS;
}

uint32_t explore_nsetups(void)
{
	return (uint32_t)SETUPS;
}

/* ---- which programs there are ---- */

/* One thread's calls, by themselves: each can do something. */
static bool thread_matters(const struct program *p, uint32_t t, bool alone)
{
	bool named = true;

	for (uint32_t i = 0; i < p->thread[t].n; i++) {
		unsigned flags = letters[p->thread[t].letter[i]].flags;
		if (alone && ((flags & MAKES_NAME && named) || (flags & TAKES_NAME && !named)))
			return false;
		named = flags & MAKES_NAME ? true : flags & REOPENS ? named : flags & TAKES_NAME ? false : named;
		if (!alone && flags & REOPENS)
			return false;
	}
	return true;
}

static int compare_threads(const struct program *p)
{
	uint32_t a = p->thread[0].n, b = p->thread[1].n;

	return a != b ? (a < b ? 1 : -1) : memcmp(p->thread[0].letter, p->thread[1].letter, a);
}

/* Does it show a crash that no smaller one shows? */
static bool matters(const struct program *p, uint32_t threads)
{
	for (uint32_t t = 0; t < threads; t++)
		if (!thread_matters(p, t, threads == 1))
			return false;
	if (threads == 2)
		return compare_threads(p) <= 0;
	return !(letters[p->thread[0].letter[0]].flags & PERSISTS) &&
	       !(letters[p->thread[0].letter[p->thread[0].n - 1]].flags & WRITES_NOTHING);
}

/* The next word of n letters; false: that was the last, and it is the first again. */
static bool next_word(uint8_t *letter, uint32_t n)
{
	while (n--) {
		if (++letter[n] < LETTERS)
			return true;
		letter[n] = 0;
	}
	return false;
}

/* The next program, whether it matters or not: lengths, setups, and then calls, so that the smallest are first. */
static bool next_program(const struct explore *e, struct program *p)
{
	for (uint32_t t = e->threads; t--;)
		if (next_word(p->thread[t].letter, p->thread[t].n))
			return true;
	if (++p->setup < nsetups(e))
		return true;
	p->setup = 0;
	if (e->threads == 2 && p->thread[1].n < p->thread[0].n) {
		p->thread[1].n++;
		return true;
	}
	if (p->thread[0].n == e->calls)
		return false;
	p->thread[0].n++;
	p->thread[1].n = 1;
	return true;
}

static bool find_program(const struct explore *e, struct program *p)
{
	do {
		if (matters(p, e->threads))
			return true;
	} while (next_program(e, p));
	return false;
}

static bool first_program(const struct explore *e, struct program *p)
{
	CHECK(e->calls && e->calls <= EXPLORE_CALLS_MAX && e->threads && e->threads <= THREADS_MAX);
	*p = (struct program){ 0 };
	p->thread[0].n = p->thread[1].n = 1;
	return find_program(e, p);
}

uint64_t explore_count(const struct explore *e)
{
	struct program p;
	uint64_t n = 0;

	for (bool more = first_program(e, &p); more; more = next_program(e, &p) && find_program(e, &p))
		n++;
	return n;
}

/* ---- as text ---- */

static size_t put(char *buf, size_t size, size_t at, const char *line)
{
	return at + (size_t)snprintf(buf + at, at < size ? size - at : 0, "%s\n", line);
}

static size_t put_setup(uint32_t setup, char *buf, size_t size)
{
	size_t n = put(buf, size, 0, "[setup]");

	n = put(buf, size, n, setups[setup].mkfs_mount);
	return put(buf, size, n, setups[setup].file);
}

static size_t put_letter(const struct letter *l, char *buf, size_t size, size_t n)
{
	if (l->before)
		n = put(buf, size, n, l->before);
	return put(buf, size, n, l->line);
}

static const char *const thread_line[THREADS_MAX] = { "\n[thread one]", "\n[thread two]" };

static void program_text(const struct explore *e, const struct program *p, char *buf, size_t size)
{
	size_t n = put_setup(p->setup, buf, size);
	const uint32_t threads = e->threads;

	CHECK(threads <= THREADS_MAX);
	for (uint32_t t = 0; t < threads; t++) {
		n = put(buf, size, n, thread_line[t]);
		for (uint32_t i = 0; i < p->thread[t].n; i++)
			n = put_letter(&letters[p->thread[t].letter[i]], buf, size, n);
	}
	CHECK(n < size);
}

const char *explore_text(const struct explore *e, uint64_t number, char *buf, size_t size)
{
	struct program p;
	bool more = first_program(e, &p);

	for (; more && number; number--)
		more = next_program(e, &p) && find_program(e, &p);
	CHECK(more);
	program_text(e, &p, buf, size);
	return buf;
}

/* ---- the races that are run ---- */

/*
 * One setup's race. Its threads were read with every call there is, in order; the calls of a program are put in their
 * place before it is run.
 */
struct stage {
	struct hunt *h; /* NULL: not opened yet */
	struct scene *scene;
	struct scene_thread all[THREADS_MAX];
};

static int stage_open(const struct explore *e, uint32_t setup, struct stage *s, struct why *why)
{
	const struct race *race;
	char text[THREADS_MAX * EXPLORE_TEXT_MAX];
	size_t n = put_setup(setup, text, sizeof(text));

	for (uint32_t t = 0; t < e->threads; t++) {
		n = put(text, sizeof(text), n, thread_line[t]);
		for (uint32_t i = 0; i < LETTERS; i++)
			if (e->threads == 1 || !(letters[i].flags & REOPENS))
				n = put_letter(&letters[i], text, sizeof(text), n);
	}
	CHECK(n < sizeof(text));
	int ret = race_scenario_from_text("explore", text, &race, why);
	if (!ret)
		ret = hunt_open(race, e->design, &s->h, why);
	if (ret)
		return ret;
	s->scene = race_scenario_scene(race);
	memcpy(s->all, s->scene->thread, sizeof(s->all));
	return 0;
}

/* Where a letter's steps begin among all. */
static uint32_t step_of(uint32_t letter)
{
	uint32_t at = 0;

	for (uint32_t i = 0; i < letter; i++)
		at += letters[i].before ? 2 : 1;
	return at;
}

static void stage_set(const struct explore *e, struct stage *s, const struct program *p)
{
	for (uint32_t t = 0; t < e->threads; t++) {
		struct scene_thread *thread = &s->scene->thread[t];
		thread->n = 0;
		for (uint32_t i = 0; i < p->thread[t].n; i++) {
			uint32_t letter = p->thread[t].letter[i], at = step_of(letter);
			if (letters[letter].before)
				thread->step[thread->n++] = s->all[t].step[at++];
			thread->step[thread->n++] = s->all[t].step[at];
		}
	}
}

/* ---- the run ---- */

static int run_program(struct explore *e, struct stage *s, const struct program *p, struct violation *v,
                       struct why *why)
{
	struct proof proof = { .preemptions = e->preemptions };

	int ret = s->h ? 0 : stage_open(e, p->setup, s, why);
	if (ret)
		return ret;
	stage_set(e, s, p);
	ret = prove(s->h, &proof, v, why);
	e->schedules += proof.executions + proof.cut;
	if (!ret && proof.found) {
		e->found = true;
		program_text(e, p, e->text, sizeof(e->text));
	}
	return ret;
}

static bool over(const struct explore *e, uint64_t number, uint64_t since)
{
	if (stop_asked() || (e->best && number > atomic_load(e->best)))
		return true;
	return e->seconds > 0 && (double)(rt_now() - since) / 1e9 >= e->seconds;
}

int explore_run(struct explore *e, struct violation *v, struct why *why)
{
	uint64_t since = rt_now(), number = 0;
	uint32_t shards = e->shards ? e->shards : 1;
	struct stage stage[SETUPS] = { 0 };
	struct program p;
	int ret = 0;

	e->run = e->schedules = 0;
	e->found = e->complete = false;
	bool more = first_program(e, &p);
	for (; more && !over(e, number, since); number++) {
		if (number >= e->from && number % shards == e->shard) {
			ret = run_program(e, &stage[p.setup], &p, v, why);
			if (ret || e->found)
				break;
			if (++e->run % PROGRESS_EVERY == 0 && e->progress)
				e->progress(e, e->arg);
		}
		more = next_program(e, &p) && find_program(e, &p);
	}
	e->next = number;
	e->complete = !more;
	e->took = (double)(rt_now() - since) / 1e9;
	for (uint32_t i = 0; i < SETUPS; i++)
		if (stage[i].h)
			hunt_close(stage[i].h);
	return ret;
}
