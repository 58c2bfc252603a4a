/* scenario.c: see scenario.h. */
#include "race/scenario.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/text.h"
#include "machine/mem.h"
#include "rt/lock.h"
#include "scene/scene.h"

struct scenario {
	struct race race;
	struct scene *scene;
	const char *path; /* errors begin with it */
	char *text;       /* all of it; NULL: from a schedule's file */
	char *bare;       /* race.scenario */
	char name[SCENE_NAME_MAX + 16];
	struct race_task task[SCENE_THREADS];
	struct scenario *next;
};

/* All that were made: they live as long as the program. */
static struct scenario *made;

/* What the tasks of a run share (scenario.1). */
struct sharing {
	struct model_file *_Atomic file[SCENE_NAMES]; /* by name: its descriptor; NULL: not open */
	_Atomic bool reached[SCENE_MARKS];
	struct waitq marks;
};

static const struct scenario *scenario_of(const struct race *race)
{
	return race->own;
}

/* ---- marks ---- */

static void reach(struct sharing *s, unsigned mark)
{
	atomic_store(&s->reached[mark], true);
	wake_all(&s->marks);
}

static bool is_reached(void *arg)
{
	return atomic_load((_Atomic bool *)arg);
}

static void wait_for_mark(struct sharing *s, unsigned mark)
{
	wait_until(&s->marks, is_reached, &s->reached[mark]);
}

/* ---- operations ---- */

#define AIO_MAX 32u

/* One thread's writes that nobody has waited for yet. */
struct aio {
	struct model_direct *write[AIO_MAX];
	unsigned n;
};

static void aio_wait(struct aio *aio)
{
	for (unsigned i = 0; i < aio->n; i++)
		model_direct_wait(aio->write[i]);
	aio->n = 0;
}

static void aio_write(struct aio *aio, const struct scene_step *s, struct model_file *f)
{
	if (aio->n == AIO_MAX)
		aio_wait(aio);
	aio->write[aio->n++] = model_write_direct_start(f, s->off, (uint32_t)s->len);
}

static void do_create(struct race_run *r, const struct scene_name *name, struct model_file *_Atomic *slot)
{
	struct model_file *f = model_create(r->model, r->fs, name->subvol, name->name, NULL);

	if (f)
		atomic_store(slot, f);
}

static void do_open(struct race_run *r, struct model_file *_Atomic *slot, struct model_file *was)
{
	if (was && !was->f)
		model_open(was, r->fs);
}

static void do_pwrite(const struct scene_step *s, struct model_file *f)
{
	if (s->flags & SCENE_DSYNC)
		model_write_dsync(f, s->off, (uint32_t)s->len, s->flags & SCENE_DIRECT);
	else if (s->flags & SCENE_DIRECT)
		model_write_direct(f, s->off, (uint32_t)s->len);
	else
		model_write(f, s->off, (uint32_t)s->len);
}

/* An operation on an open file. */
static void on_file(struct race_run *r, const struct scene_step *s, struct model_file *f, struct aio *aio)
{
	switch (s->op) {
	case SCENE_CLOSE:
		model_close(f);
		break;
	case SCENE_PWRITE:
		do_pwrite(s, f);
		break;
	case SCENE_AIO_WRITE:
		aio_write(aio, s, f);
		break;
	case SCENE_FALLOC:
		model_fallocate(f, s->off, s->len, s->flags & SCENE_KEEP_SIZE);
		break;
	case SCENE_FPUNCH:
		model_punch(f, s->off, s->len);
		break;
	case SCENE_MMAP:
		model_mmap(f);
		break;
	case SCENE_MWRITE:
		model_mmap_store(f, s->off, (uint32_t)s->len);
		break;
	case SCENE_TRUNCATE:
		model_truncate(f, s->off);
		break;
	case SCENE_FSYNC:
		model_fsync(f);
		break;
	case SCENE_FDATASYNC:
		model_fdatasync(f);
		break;
	case SCENE_SYNC_RANGE:
		model_sync_range(f, s->off, s->len, s->flags & SCENE_WAIT);
		break;
	case SCENE_MSYNC:
		model_msync(f, s->off, s->len);
		break;
	case SCENE_WRITEBACK:
		model_flush_pass(f);
		break;
	case SCENE_FIEMAP:
		model_fiemap(f);
		break;
	case SCENE_FADVISE:
		model_release(f);
		break;
	}
}

/* A change of names, or a sync of them. */
static void on_names(struct race_run *r, const struct scene *scene, const struct scene_step *s)
{
	const char *name = s->file < SCENE_NAMES ? scene->name_of[s->file].name : NULL;

	if (s->op == SCENE_MV)
		model_rename(r->model, r->fs, s->subvol, name, scene->name_of[s->to].name);
	else if (s->op == SCENE_LN)
		model_link(r->model, r->fs, s->subvol, name, scene->name_of[s->to].name);
	else if (s->op == SCENE_RM)
		model_unlink_name(r->model, r->fs, s->subvol, name);
	else
		model_fsync_dir(r->model, r->fs, s->subvol);
}

static void do_step(struct race_run *r, const struct scene *scene, const struct scene_step *s, struct aio *aio)
{
	struct sharing *sharing = r->shared;

	CHECK(sharing);
	struct model_file *_Atomic *slot = s->file < SCENE_NAMES ? &sharing->file[s->file] : NULL;
	struct model_file *f = slot ? atomic_load(slot) : NULL;

	model_at_line(r->model, s->line);
	switch (s->op) {
	case SCENE_CREATE:
		do_create(r, &scene->name_of[s->file], slot);
		break;
	case SCENE_OPEN:
		do_open(r, slot, f);
		break;
	case SCENE_MV:
	case SCENE_LN:
	case SCENE_RM:
	case SCENE_DIR_FSYNC:
		on_names(r, scene, s);
		break;
	case SCENE_AIO_WAIT:
		aio_wait(aio);
		break;
	case SCENE_SYNC:
		model_sync(r->model, r->fs);
		break;
	case SCENE_COMMIT:
		model_commit(r->model, r->fs);
		break;
	case SCENE_DROP_CACHES:
		model_shrink_maps(r->model, r->fs);
		model_evict(r->model, r->fs);
		break;
	case SCENE_MARK:
		reach(sharing, s->mark);
		break;
	case SCENE_AT:
		wait_for_mark(sharing, s->mark);
		break;
	default:
		if (f && f->f)
			on_file(r, s, f, aio);
	}
}

/* ---- the race's own calls ---- */

static void run_thread(struct race_run *r)
{
	const struct scene *scene = scenario_of(r->race)->scene;
	const struct scene_thread *t = &scene->thread[r->me];
	struct aio aio = { .n = 0 };

	for (unsigned turn = 0; turn < t->repeat; turn++)
		for (unsigned i = 0; i < t->n; i++)
			do_step(r, scene, &t->step[i], &aio);
	aio_wait(&aio);
}

/* The files of [setup] are the first that the run has. */
static void open_files(struct race_run *r)
{
	const struct scene *scene = scenario_of(r->race)->scene;
	struct sharing *s = r->shared;
	uint32_t n = 0;

	for (unsigned i = 0; i < scene->nnames; i++)
		atomic_store(&s->file[i], scene->name_of[i].there ? r->file[n++] : NULL);
	CHECK(n == r->nfiles);
}

static void set_up(struct race_run *r)
{
	const struct scene *scene = scenario_of(r->race)->scene;

	struct aio aio = { .n = 0 };

	open_files(r);
	for (unsigned i = 0; i < scene->setup.n; i++)
		do_step(r, scene, &scene->setup.step[i], &aio);
	aio_wait(&aio);
	model_at_line(r->model, 0);
}

/* A scenario without marks has no queue for them: its runs are those of the same calls in C. */
static void begin(struct race_run *r)
{
	struct sharing *s = r->shared;

	open_files(r);
	for (unsigned i = 0; i < SCENE_MARKS; i++)
		atomic_store(&s->reached[i], false);
	if (scenario_of(r->race)->scene->nmarks)
		waitq_init(&s->marks, L_WORK);
}

static void over(struct race_run *r)
{
	for (unsigned i = 0; i < scenario_of(r->race)->scene->nmarks; i++)
		reach(r->shared, i);
}

/* ---- from a text ---- */

/* A step that this engine cannot do. */
static int check_step(const struct scenario *c, const struct scene_step *s, struct why *why)
{
	if (s->op == SCENE_OPEN && !c->scene->name_of[s->file].made)
		return why_set(why, -EOPNOTSUPP, "%.200s:%u: open: this build's engine opens a file by the name that "
		               "it was made with alone", c->path, s->line);
	return 0;
}

static int check_thread(const struct scenario *c, const struct scene_thread *t, struct why *why)
{
	int ret = 0;

	for (unsigned i = 0; i < t->n && !ret; i++)
		ret = check_step(c, &t->step[i], why);
	return ret;
}

static int check_engine(const struct scenario *c, struct why *why)
{
	int ret = check_thread(c, &c->scene->setup, why);

	for (unsigned i = 0; i < c->scene->nthreads && !ret; i++)
		ret = check_thread(c, &c->scene->thread[i], why);
	return ret;
}

static int take_verdict(struct scenario *c, const struct scene_expect *e, struct why *why)
{
	static const enum verdict verdict[] = { [SCENE_HOLDS] = VERDICT_HOLDS, [SCENE_BREAKS] = VERDICT_BREAKS,
		                                [SCENE_ANY] = VERDICT_ANY };
	const char *names[RACE_DESIGNS];
	char hint[80];
	size_t n = 0;

	_Static_assert(SCENE_EXPECTS <= RACE_DESIGNS, "a race has room for the verdicts of a scenario");
	for (; n < RACE_DESIGNS && fs_designs[n]; n++)
		names[n] = fs_designs[n]->name;
	if (!fs_design_find(e->design))
		return why_set(why, -EINVAL, "%.200s:%u: %.40s: no such design%s", c->path, e->line, e->design,
		               text_did_you_mean(hint, sizeof(hint),
		                                 text_nearest(e->design, names, n, sizeof(names[0]))));
	unsigned i = 0;
	while (c->race.expect[i].design && strcmp(c->race.expect[i].design, e->design))
		i++;
	if (c->race.expect[i].design)
		return 0;
	c->race.expect[i].design = e->design;
	c->race.expect[i].verdict = verdict[e->verdict];
	return 0;
}

/* Of a twin what [expect beside] says comes first: of two verdicts the first counts. */
static int take_expect(struct scenario *c, const struct scene *of, struct why *why)
{
	bool is_twin = of != c->scene;
	int ret = 0;

	for (int beside = is_twin; beside >= 0; beside--)
		for (unsigned i = 0; i < of->nexpects && !ret; i++)
			if (of->expect[i].beside == beside)
				ret = take_verdict(c, &of->expect[i], why);
	return ret;
}

static void add_file(struct scenario *c, uint32_t i, const struct scene_name *f)
{
	static const uint32_t flags[] = { [SCENE_NODATASUM] = FS_NODATASUM, [SCENE_NODATACOW] = FS_NODATACOW };

	c->race.files[i] = (struct race_file){ f->name, f->subvol, f->bytes };
	c->race.file_flags[i] = flags[f->attribute];
}

static void make_race(struct scenario *c)
{
	static const enum race_fault fault_of[SCENE_FAULTS] = {
		[SCENE_DATA_WRITE_ERROR] = FAULT_DATA_WRITE, [SCENE_TREE_WRITE_ERROR] = FAULT_TREE_WRITE,
		[SCENE_SUPER_WRITE_ERROR] = FAULT_SUPER_WRITE, [SCENE_FLUSH_ERROR] = FAULT_FLUSH,
		[SCENE_READ_ERROR] = FAULT_READ, [SCENE_LOG_MEMORY_ERROR] = FAULT_LOG_MEMORY,
		[SCENE_DATA_SPACE_ERROR] = FAULT_DATA_SPACE, [SCENE_TREE_SPACE_ERROR] = FAULT_TREE_SPACE,
	};
	struct scene *s = c->scene;
	uint32_t n = 0;

	c->race = (struct race){ .name = c->name, .what = s->what, .story = s->story, .scenario = c->bare, .own = c,
		                 .mkfs = { .nodesize = s->nodesize, .single = !s->dup,
		                           .subvols = s->subvols > 1 ? s->subvols : 0 },
		                 .mount = { .no_background = true, .compress = s->compress,
		                            .compress_workers = s->compress, .inline_max = s->max_inline,
		                            .memory_limit = s->memory,
		                            .data_piece = s->pieces ? FS_BLOCK : 0,
		                            .endio_workers = s->completion_workers },
		                 .granularity = s->fine ? COOP_FINE : COOP_COARSE,
		                 .setup = set_up, .shared = sizeof(struct sharing), .begin = begin, .over = over,
		                 .tasks = c->task, .ntasks = s->nthreads };
	for (unsigned i = 0; i < SCENE_FAULTS; i++)
		c->race.fail[fault_of[i]] = s->fault[i];
	for (unsigned i = 0; i < s->nnames; i++)
		if (s->name_of[i].there)
			add_file(c, n++, &s->name_of[i]);
	for (unsigned i = 0; i < s->nthreads; i++)
		c->task[i] = (struct race_task){ s->thread[i].name, run_thread };
}

/* Takes the scene and the texts. The verdicts are those of `expects`. */
static int build(const char *name, const char *path, struct scene *scene, const struct scene *expects, char *text,
                 char *bare, const struct race **out, struct why *why)
{
	struct scenario *c = mem_zalloc(sizeof(*c));

	*c = (struct scenario){ .scene = scene, .path = path, .text = text, .bare = bare };
	snprintf(c->name, sizeof(c->name), "%.*s", (int)sizeof(c->name) - 1, name);
	make_race(c);
	int ret = check_engine(c, why);
	if (!ret)
		ret = take_expect(c, expects, why);
	if (ret) {
		scene_free(scene);
		free(text);
		free(bare);
		free(c);
		return ret;
	}
	c->path = NULL;
	c->next = made;
	made = c;
	*out = &c->race;
	return 0;
}

static char *copy(const char *text)
{
	char *out = mem_alloc(strlen(text) + 1);

	return strcpy(out, text);
}

int race_scenario_from_text(const char *name, const char *text, const struct race **out, struct why *why)
{
	struct scene *scene;

	int ret = scene_parse(name, text, &scene, why);
	return ret ? ret : build(name, name, scene, scene, copy(text), scene_bare_text(text), out, why);
}

int race_scenario_from_file(const char *path, const struct race **out, struct why *why)
{
	struct scene *scene;
	char *text;

	int ret = scene_load(path, &scene, &text, why);
	return ret ? ret : build(scene->name, path, scene, scene, text, scene_bare_text(text), out, why);
}

int race_scenario_beside(const struct race *race, const struct race **out, struct why *why)
{
	char name[SCENE_NAME_MAX + 16];
	struct scene *scene;

	if (!race->scenario)
		return why_set(why, -EINVAL, "%.60s: no scenario, so nothing can stand beside it", race->name);
	snprintf(name, sizeof(name), "%s_beside", race->name);
	char *text = scene_beside_text(race->scenario);
	int ret = scene_parse(name, text, &scene, why);
	if (!ret)
		return build(name, name, scene, scenario_of(race)->scene, text, scene_bare_text(text), out, why);
	free(text);
	return ret;
}

int race_scenario_with(const struct race *race, const char *more, const struct race **out, struct why *why)
{
	struct scene *scene;

	if (!race->scenario)
		return why_set(why, -EINVAL, "%.60s: no scenario, so nothing can be put behind it", race->name);
	char *text = scene_text_with(race->scenario, more);
	int ret = scene_parse(race->name, text, &scene, why);
	if (!ret)
		return build(race->name, race->name, scene, scene, text, scene_bare_text(text), out, why);
	free(text);
	return ret;
}

void race_scenario_free(const struct race *race)
{
	struct scenario **at = &made;

	while (&(*at)->race != race)
		at = &(*at)->next;
	struct scenario *c = *at;
	*at = c->next;
	scene_free(c->scene);
	free(c->text);
	free(c->bare);
	free(c);
}

bool race_scenario_has_twin(const struct race *race)
{
	return scenario_of(race)->scene->beside;
}

struct scene *race_scenario_scene(const struct race *race)
{
	return scenario_of(race)->scene;
}

const char *race_scenario_text(const struct race *race)
{
	return race->scenario ? scenario_of(race)->text : NULL;
}

const char *race_scenario_cites(const struct race *race)
{
	return race->scenario ? scenario_of(race)->scene->cites : "";
}
