/*
 * protocol.c: see protocol.h. The race is the one of seed.scn, and the four designs are those of engine/fs/fsync.c of
 * the same names, without everything around them.
 *
 * A page is locked while its writeback is begun: a new extent, its map on the modified list, its ordered
 * extent, the I/O, as two steps on two lists and a wake. An fsync flushes, takes the inode lock, takes
 * maps and ordered extents, drops the lock, waits for the ordered extents and commits what it has logged.
 *
 * The verdict, at commit, where a crash is worst (a block only ever goes from garbage to data): every
 * extent that the log names is on disk; and the log names what an fsync has seen when it began, or later.
 * An fsync that joins a log names what earlier ones have put there: `log` is shared, under the inode lock.
 *
 * Each in-flight I/O is a task: which one completes first is a choice like any other. These tasks exist from the
 * start, one for each write that there will be, and sleep until their I/O is submitted (protocol.2).
 */
#include "race/protocol.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "machine/mem.h"
#include "race/registry.h"
#include "rt/lock.h"
#include "rt/trace.h"

#define BIT(i) (1ull << (i))

const struct protocol_shape protocol_shapes[PROTOCOL_SHAPES] = {
	{ "base", 2, 1, 2, 1, 1, 2, 0, 0, 0, false },
	{ "all 10", 2, 1, 2, 1, 1, 2, 10, 10, 10, false },
	{ "all 100", 2, 1, 2, 1, 1, 2, 100, 100, 100, false },
	{ "writer+flusher 30", 2, 1, 2, 1, 1, 2, 30, 30, 0, false },
	{ "writer+flusher 100", 2, 1, 2, 1, 1, 2, 100, 100, 0, false },
	{ "fsync 100", 2, 1, 2, 1, 1, 2, 0, 0, 100, false },
	{ "4 pages, 5 tasks", 4, 2, 4, 1, 2, 3, 0, 0, 0, false },
	{ "all 10, shared", 2, 1, 2, 1, 1, 2, 10, 10, 10, true },
	{ "all 100, shared", 2, 1, 2, 1, 1, 2, 100, 100, 100, true },
	{ "writer+flusher 30, shared", 2, 1, 2, 1, 1, 2, 30, 30, 0, true },
	{ "writer+flusher 100, shared", 2, 1, 2, 1, 1, 2, 100, 100, 0, true },
	{ "fsync 100, shared", 2, 1, 2, 1, 1, 2, 0, 0, 100, true },
};

const struct protocol_shape protocol_configs[PROTOCOL_CONFIGS] = {
	{ "A", 2, 1, 2, 1, 1, 2, 0, 0, 0, false }, { "B", 2, 1, 3, 1, 1, 2, 0, 0, 0, false },
	{ "C", 3, 1, 3, 1, 1, 2, 0, 0, 0, false }, { "D", 2, 1, 2, 2, 1, 1, 0, 0, 0, false },
	{ "E", 2, 2, 1, 1, 2, 1, 0, 0, 0, false }, { "F", 2, 1, 4, 1, 1, 2, 0, 0, 0, false },
	{ "G", 3, 2, 3, 1, 1, 2, 0, 0, 0, false },
};

/* ---- what tasks share ---- */

struct extent {
	uint32_t page, version;
	bool submitted, on_disk;
	struct waitq done; /* its number names the extent's place on disk */
	struct task *io;
};

struct page {
	struct mutex lock;
	/* lock guards these: */
	bool dirty;
	uint32_t version;   /* 0: what was durable before the run */
	struct extent *next; /* what its next writeback becomes: a page's extents are neighbours */
};

/* An fsync under way. Only its own task uses it; `broken` is read when the run is over. */
struct syncer {
	uint32_t due[PROTOCOL_PAGES];                /* versions that the log has to have */
	const struct extent *logged[PROTOCOL_PAGES]; /* the log that it commits */
	uint64_t waited;                             /* bit i: extent i's ordered extent was collected */
	char broken[160];
};

struct member {
	struct protocol *p;
	uint32_t index; /* among its kind */
	uint32_t pad_id;
};

struct protocol_design {
	const char *name;
	bool safe;
	bool ordered_first; /* writeback adds the ordered extent before the extent map */
	void (*fsync)(struct protocol *p, struct syncer *s, const struct member *m);
};

struct protocol {
	struct protocol_shape shape;
	const struct protocol_design *design;

	struct mutex inode;
	/* inode guards this: */
	const struct extent *log[PROTOCOL_PAGES]; /* the newest one logged of each page; NULL: none */

	uint32_t maps_id, ordered_id; /* the two lists, as objects; a visit is one step */
	struct extent *maps[PROTOCOL_EXTENTS];
	uint32_t nmaps;
	uint64_t ordered; /* bit i: extent i's was added */

	struct page page[PROTOCOL_PAGES];
	struct extent extent[PROTOCOL_EXTENTS];
	struct syncer syncer[PROTOCOL_TASKS];

	/* the tasks: */
	struct task *main, *task[3 * PROTOCOL_TASKS + PROTOCOL_EXTENTS];
	struct member member[3 * PROTOCOL_TASKS];
	uint32_t ntasks, awake; /* awake: how many main waits for */
};

static uint32_t all_writes(const struct protocol_shape *s)
{
	return s->writers * s->writes;
}

static void pad(const struct member *m, uint32_t steps)
{
	for (uint32_t i = 0; i < steps; i++)
		rt_point(m->pad_id, POINT_WRITE);
}

static void member_ends(struct protocol *p)
{
	if (--p->awake == 0)
		rt->wake(p->main);
}

/* ---- I/O ---- */

static bool on_disk(void *arg)
{
	return ((struct extent *)arg)->on_disk;
}

/* The I/O completes when the picker lets its task go on: so that needs no point of its own. */
static void io_task(void *arg)
{
	struct member *m = arg;
	struct protocol *p = m->p;
	struct extent *e = &p->extent[m->index];

	rt_access(e->done.id, POINT_WAIT);
	member_ends(p);
	while (!e->submitted)
		rt->park(0);
	e->on_disk = true;
	trace(EV_PAGE_ON_DISK, e->page, e->version);
	wake_all(&e->done);
	member_ends(p);
}

static void submit(struct protocol *p, struct extent *e)
{
	p->awake++;
	e->submitted = true;
	rt->wake(e->io);
}

/* ---- writeback ---- */

static void add_map(struct protocol *p, struct extent *e)
{
	rt_point(p->maps_id, POINT_WRITE);
	p->maps[p->nmaps++] = e;
	trace(EV_PAGE_MAP_ADDED, e->page, e->version);
}

static void add_ordered(struct protocol *p, struct extent *e)
{
	rt_point(p->ordered_id, POINT_WRITE);
	p->ordered |= BIT(e - p->extent);
	trace(EV_PAGE_ORDERED_ADDED, e->page, e->version);
}

/* The page stays locked until both are there: whoever flushes it next finds its ordered extent. */
static void begin_writeback(struct protocol *p, struct page *page)
{
	struct extent *e = page->next++;

	page->dirty = false;
	e->version = page->version;
	if (p->design->ordered_first) {
		add_ordered(p, e);
		add_map(p, e);
	} else {
		add_map(p, e);
		add_ordered(p, e);
	}
	submit(p, e);
}

/* The version that the page had. */
static uint32_t flush_page(struct protocol *p, struct page *page)
{
	mutex_lock(&page->lock);
	uint32_t version = page->version;
	if (page->dirty)
		begin_writeback(p, page);
	mutex_unlock(&page->lock);
	return version;
}

static void flush(struct protocol *p)
{
	for (uint32_t i = 0; i < p->shape.pages; i++)
		flush_page(p, &p->page[i]);
}

/* The flush that an fsync begins with. What it finds was written before the fsync, so it is promised. */
static void first_flush(struct protocol *p, struct syncer *s, const struct member *m)
{
	pad(m, p->shape.pad_fsync);
	for (uint32_t i = 0; i < p->shape.pages; i++)
		s->due[i] = flush_page(p, &p->page[i]);
}

/* ---- fsync ---- */

static void lock_inode(struct protocol *p, const struct member *m)
{
	pad(m, p->shape.pad_fsync);
	mutex_lock(&p->inode);
}

static void collect_ordered(struct protocol *p, struct syncer *s)
{
	rt_point(p->ordered_id, POINT_READ);
	s->waited = p->ordered;
	trace(EV_PAGES_COLLECTED, (uint64_t)__builtin_popcountll(s->waited));
}

static void log_maps(struct protocol *p)
{
	rt_point(p->maps_id, POINT_WRITE);
	for (uint32_t i = 0; i < p->nmaps; i++) {
		p->log[p->maps[i]->page] = p->maps[i];
		trace(EV_PAGE_LOGGED, p->maps[i]->page, p->maps[i]->version);
	}
	p->nmaps = 0;
}

/* What is logged from here on is for the next commit. */
static void unlock_inode(struct protocol *p, struct syncer *s)
{
	memcpy(s->logged, p->log, sizeof(s->logged));
	mutex_unlock(&p->inode);
}

static void wait_ordered(struct protocol *p, struct syncer *s)
{
	for (uint64_t left = s->waited; left; left &= left - 1) {
		struct extent *e = &p->extent[__builtin_ctzll(left)];
		wait_until(&e->done, on_disk, e);
	}
}

/* An extent that was waited for is on disk: that takes no step. */
static bool is_durable(struct protocol *p, const struct syncer *s, const struct extent *e)
{
	if (s->waited & BIT(e - p->extent))
		return true;
	rt_point(e->done.id, POINT_READ);
	return e->on_disk;
}

static void commit(struct protocol *p, struct syncer *s)
{
	trace(EV_LOG_COMMITTED);
	for (uint32_t i = 0; i < p->shape.pages; i++) {
		const struct extent *e = s->logged[i];
		uint32_t logged = e ? e->version : 0;
		if (logged < s->due[i])
			snprintf(s->broken, sizeof(s->broken),
			         "page %u: version %u was written before fsync, which committed "
			         "a log that has version %u", i, s->due[i], logged);
		else if (e && !is_durable(p, s, e))
			snprintf(s->broken, sizeof(s->broken),
			         "page %u: fsync committed a log that names its version %u, "
			         "which is not on disk: a crash now makes it garbage", i, logged);
	}
}

static void fsync_prefix(struct protocol *p, struct syncer *s, const struct member *m)
{
	first_flush(p, s, m);
	lock_inode(p, m);
	pad(m, p->shape.pad_fsync);
	collect_ordered(p, s);
	log_maps(p);
	unlock_inode(p, s);
	wait_ordered(p, s);
	commit(p, s);
}

static void fsync_postfix(struct protocol *p, struct syncer *s, const struct member *m)
{
	first_flush(p, s, m);
	lock_inode(p, m);
	flush(p);
	pad(m, p->shape.pad_fsync);
	collect_ordered(p, s);
	log_maps(p);
	unlock_inode(p, s);
	wait_ordered(p, s);
	commit(p, s);
}

static void fsync_ordered_first(struct protocol *p, struct syncer *s, const struct member *m)
{
	first_flush(p, s, m);
	lock_inode(p, m);
	pad(m, p->shape.pad_fsync);
	log_maps(p);
	collect_ordered(p, s);
	unlock_inode(p, s);
	wait_ordered(p, s);
	commit(p, s);
}

static void fsync_flush_twice_early(struct protocol *p, struct syncer *s, const struct member *m)
{
	first_flush(p, s, m);
	flush(p);
	lock_inode(p, m);
	pad(m, p->shape.pad_fsync);
	collect_ordered(p, s);
	log_maps(p);
	unlock_inode(p, s);
	wait_ordered(p, s);
	commit(p, s);
}

static const struct protocol_design designs[] = {
	{ "prefix", false, false, fsync_prefix },
	{ "postfix", true, false, fsync_postfix },
	{ "ordered_first", true, true, fsync_ordered_first },
	{ "flush_twice_early", false, false, fsync_flush_twice_early },
};

const struct protocol_design *protocol_design_at(unsigned i)
{
	return i < sizeof(designs) / sizeof(designs[0]) ? &designs[i] : NULL;
}

const struct protocol_design *protocol_design_find(const char *name)
{
	for (unsigned i = 0; i < sizeof(designs) / sizeof(designs[0]); i++)
		if (!strcmp(designs[i].name, name))
			return &designs[i];
	return NULL;
}

const char *protocol_design_name(const struct protocol_design *d)
{
	return d->name;
}

bool protocol_design_safe(const struct protocol_design *d)
{
	return d->safe;
}

/* ---- the tasks ---- */

static void fsync_task(void *arg)
{
	struct member *m = arg;

	m->p->design->fsync(m->p, &m->p->syncer[m->index], m);
	member_ends(m->p);
}

static void write_page(struct protocol *p, struct page *page)
{
	mutex_lock(&p->inode);
	mutex_lock(&page->lock);
	page->version++;
	page->dirty = true;
	trace(EV_PAGE_WRITTEN, (uint64_t)(page - p->page), page->version);
	mutex_unlock(&page->lock);
	mutex_unlock(&p->inode);
}

static void writer_task(void *arg)
{
	struct member *m = arg;
	struct protocol *p = m->p;

	for (uint32_t i = 0; i < p->shape.writes; i++) {
		pad(m, p->shape.pad_writer);
		write_page(p, &p->page[(m->index * p->shape.writes + i) % p->shape.pages]);
	}
	member_ends(p);
}

static void flusher_task(void *arg)
{
	struct member *m = arg;
	struct protocol *p = m->p;

	for (uint32_t i = 0; i < p->shape.passes * p->shape.pages; i++) {
		pad(m, p->shape.pad_flusher);
		flush_page(p, &p->page[i % p->shape.pages]);
	}
	member_ends(p);
}

/* ---- a run ---- */

static void init_extents(struct protocol *p)
{
	struct extent *e = p->extent;

	for (uint32_t i = 0; i < p->shape.pages; i++) {
		p->page[i].next = e;
		for (uint32_t k = i; k < all_writes(&p->shape); k += p->shape.pages, e++) {
			e->page = i;
			e->submitted = e->on_disk = false;
			waitq_init(&e->done, L_IO_DONE);
		}
	}
}

static void init_shared(struct protocol *p)
{
	mutex_init(&p->inode, L_INODE, 0);
	p->maps_id = rt_obj_id();
	p->ordered_id = rt_obj_id();
	p->ordered = p->nmaps = p->ntasks = p->awake = 0;
	memset(p->log, 0, sizeof(p->log));
	for (uint32_t i = 0; i < p->shape.pages; i++) {
		mutex_init(&p->page[i].lock, L_PAGE, 0);
		p->page[i].dirty = false;
		p->page[i].version = 0;
	}
	init_extents(p);
	for (uint32_t i = 0; i < p->shape.fsyncs; i++) {
		p->syncer[i].waited = 0;
		p->syncer[i].broken[0] = 0;
	}
}

static void spawn(struct protocol *p, const char *name, void (*fn)(void *), uint32_t n, uint32_t pad_id)
{
	for (uint32_t i = 0; i < n; i++) {
		struct member *m = &p->member[p->ntasks];
		*m = (struct member){ p, i, pad_id ? pad_id : rt_obj_id() };
		p->task[p->ntasks++] = rt_spawn(name, fn, m, NULL);
		p->awake++;
	}
}

static void spawn_io(struct protocol *p)
{
	spawn(p, "io", io_task, all_writes(&p->shape), 0);
	for (uint32_t i = 0; i < p->ntasks; i++)
		p->extent[i].io = p->task[i];
	while (p->awake)
		rt->park(0);
}

/*
 * Ends the tasks whose I/O was never submitted: their page was written twice before it was flushed, or never flushed.
 */
static void end_io(struct protocol *p)
{
	for (uint32_t i = 0; i < all_writes(&p->shape); i++)
		if (!p->extent[i].submitted)
			submit(p, &p->extent[i]);
	while (p->awake)
		rt->park(0);
}

void protocol_main(void *protocol)
{
	struct protocol *p = protocol;
	uint32_t pad_id;

	p->main = rt_self();
	init_shared(p);
	spawn_io(p);
	pad_id = p->shape.pad_shared ? rt_obj_id() : 0;
	spawn(p, "fsync", fsync_task, p->shape.fsyncs, pad_id);
	spawn(p, "writer", writer_task, p->shape.writers, pad_id);
	spawn(p, "flusher", flusher_task, p->shape.flushers, pad_id);
	coop_choices(true);
	while (p->awake)
		rt->park(0);
	coop_choices(false);
	end_io(p);
	for (uint32_t i = 0; i < p->ntasks; i++)
		rt_join(p->task[i]);
}

const char *protocol_broken(const struct protocol *p)
{
	for (uint32_t i = 0; i < p->shape.fsyncs; i++)
		if (p->syncer[i].broken[0])
			return p->syncer[i].broken;
	return NULL;
}

struct protocol *protocol_open(const struct protocol_shape *shape, const struct protocol_design *design)
{
	struct protocol *p = mem_zalloc(sizeof(*p));

	CHECK(shape->pages && shape->pages <= PROTOCOL_PAGES && all_writes(shape) <= PROTOCOL_EXTENTS);
	CHECK(shape->fsyncs <= PROTOCOL_TASKS && shape->writers <= PROTOCOL_TASKS && shape->flushers <= PROTOCOL_TASKS);
	p->shape = *shape;
	p->design = design;
	return p;
}

void protocol_close(struct protocol *p)
{
	free(p);
}

/* ---- as a race of the registry ---- */

static bool knows(const char *design)
{
	return protocol_design_find(design) != NULL;
}

static void *open_race(const char *design)
{
	return protocol_open(&protocol_shapes[0], protocol_design_find(design));
}

static void close_race(void *state)
{
	protocol_close(state);
}

static const char *judge_race(void *state)
{
	return protocol_broken(state);
}

static const struct race_bare bare = {
	.knows = knows,
	.open = open_race,
	.close = close_race,
	.main = protocol_main,
	.judge = judge_race,
};

const struct race race_protocol = {
	.name = "protocol",
	.what = "the seed race's lists and locks alone, with no file system under them",
	.story = "As seed: fsync collects ordered extents, then maps; a flusher has added the map of a page and\n"
	         "not yet its ordered extent. fsync logs an extent without waiting for its data, and commits the\n"
	         "log before the data is on disk.",
	.bare = &bare,
	.expect = { { "prefix", VERDICT_BREAKS }, { "postfix", VERDICT_HOLDS }, { "ordered_first", VERDICT_HOLDS },
	            { "flush_twice_early", VERDICT_BREAKS } },
};
