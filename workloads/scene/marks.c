/*
 * marks.c: what no line shows alone: each mark that is waited for is reached (scene.2), a file that is closed is used
 * by one thread, and what is stored through a mapping was mapped. See scene.h.
 */
#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "scene/read.h"

/* ---- marks ---- */

/* Some thread has `mark` of it. */
static bool is_reached(const struct scene *s, unsigned mark)
{
	for (const struct scene_thread *t = s->thread; t < s->thread + s->nthreads; t++)
		for (unsigned i = 0; i < t->n; i++)
			if (t->step[i].op == SCENE_MARK && t->step[i].mark == mark)
				return true;
	return false;
}

static int never_reached(struct reading *r, const struct scene_step *at)
{
	const struct scene *s = r->scene;
	const char *reached[SCENE_MARKS];
	char hint[80];
	size_t n = 0;

	for (unsigned m = 0; m < s->nmarks; m++)
		if (is_reached(s, m))
			reached[n++] = s->mark[m];
	const char *mark = s->mark[at->mark];
	return wrong_at(r, at->line, "at: %.40s: no thread has `mark %.40s`%s", mark, mark,
	                text_did_you_mean(hint, sizeof(hint), text_nearest(mark, reached, n, sizeof(reached[0]))));
}

/* Each thread goes on until it stops at a mark that is not reached. True: one got further. */
static bool go_on(const struct scene *s, unsigned *pos, bool *reached)
{
	bool went = false;

	for (unsigned t = 0; t < s->nthreads; t++)
		for (const struct scene_thread *th = &s->thread[t]; pos[t] < th->n; pos[t]++) {
			const struct scene_step *step = &th->step[pos[t]];
			if (step->op == SCENE_AT && !reached[step->mark])
				break;
			if (step->op == SCENE_MARK)
				reached[step->mark] = true;
			went = true;
		}
	return went;
}

/* The text is played with nothing in it but marks. A thread that repeats reaches all of its marks the first time. */
int check_marks(struct reading *r)
{
	unsigned pos[SCENE_THREADS] = { 0 };
	bool reached[SCENE_MARKS] = { 0 };
	const struct scene *s = r->scene;

	while (go_on(s, pos, reached))
		;
	for (unsigned t = 0; t < s->nthreads; t++) {
		if (pos[t] == s->thread[t].n)
			continue;
		const struct scene_step *at = &s->thread[t].step[pos[t]];
		if (!is_reached(s, at->mark))
			return never_reached(r, at);
		return wrong_at(r, at->line, "at: %.40s: whoever has `mark %.40s` waits for %.40s, too",
		                s->mark[at->mark], s->mark[at->mark], s->thread[t].name);
	}
	return 0;
}

/* ---- descriptors ---- */

/* A thread other than `not` that works on descriptor f; NULL: none does. */
static const struct scene_thread *other_user(const struct scene *s, unsigned f, const struct scene_thread *not)
{
	for (const struct scene_thread *t = s->thread; t < s->thread + s->nthreads; t++)
		for (unsigned i = 0; t != not && i < t->n; i++)
			if (t->step[i].file == f && t->step[i].op < SCENE_DIR_FSYNC)
				return t;
	return NULL;
}

/* Some mapping of the thread, made before the step, has all of its range. */
static bool is_mapped(const struct scene_thread *t, const struct scene_step *step)
{
	for (const struct scene_step *m = t->step; m < step; m++)
		if (m->op == SCENE_MMAP && m->file == step->file && m->off <= step->off &&
		    m->off + m->len >= step->off + step->len)
			return true;
	return false;
}

static int check_step(struct reading *r, const struct scene_thread *t, const struct scene_step *step)
{
	const struct scene *s = r->scene;
	const char *name = step->file == SCENE_NONE ? "" : s->name_of[step->file].name;

	if (step->op == SCENE_OPEN || step->op == SCENE_CLOSE) {
		const struct scene_thread *other = other_user(s, step->file, t);
		if (other)
			return wrong_at(r, step->line, "%s: %.40s: thread %s uses it, too", scene_op_name(step->op),
			                name, other->name);
	}
	if ((step->op == SCENE_MWRITE || step->op == SCENE_MSYNC) && !is_mapped(t, step))
		return wrong_at(r, step->line, "%s: %.40s: no `mmap` of that range stands before it",
		                scene_op_name(step->op), name);
	return 0;
}

static int check_steps(struct reading *r, const struct scene_thread *t)
{
	for (unsigned i = 0; i < t->n; i++)
		if (check_step(r, t, &t->step[i]))
			return -EINVAL;
	return 0;
}

int check_descriptors(struct reading *r)
{
	int ret = check_steps(r, &r->scene->setup);

	for (unsigned t = 0; t < r->scene->nthreads && !ret; t++)
		ret = check_steps(r, &r->scene->thread[t]);
	return ret;
}
