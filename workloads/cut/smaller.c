/* smaller.c: see smaller.h. Candidates are texts: the program without some of its lines, where that can be read. */
#include "cut/smaller.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/check.h"
#include "base/stop.h"
#include "cut/cut.h"
#include "machine/mem.h"
#include "rt/rt.h"

#define LINES_MAX 1024u
#define PER_ROUND 40u
#define HOLDS     3u

/* The lines of a program. */
struct program {
	char *text; /* whose lines end with zeros */
	unsigned n;
	char *line[LINES_MAX];
	bool gone[LINES_MAX];
};

struct search {
	const struct evidence *e;
	const char *folder;
	struct smaller *s;
	struct program p;
	uint64_t until_ns;
	int error; /* with why */
	struct why *why;
};

static bool is_header(const char *line)
{
	return line[0] == '[';
}

static void read_program(const char *text, struct program *p)
{
	*p = (struct program){ .text = strdup(text) };
	CHECK(p->text);
	for (char *save, *line = strtok_r(p->text, "\n", &save); line && p->n < LINES_MAX;
	     line = strtok_r(NULL, "\n", &save))
		p->line[p->n++] = line;
}

/* Where the section that begins at line i ends. */
static unsigned section_end(const struct program *p, unsigned i)
{
	while (++i < p->n && !is_header(p->line[i]))
		;
	return i;
}

static bool is_thread(const char *line)
{
	return !strncmp(line, "[thread", strlen("[thread"));
}

/* Lines of threads that are there. */
static unsigned count_lines(const struct program *p)
{
	bool inside = false;
	unsigned n = 0;

	for (unsigned i = 0; i < p->n; i++) {
		if (is_header(p->line[i]))
			inside = is_thread(p->line[i]);
		else
			n += inside && !p->gone[i];
	}
	return n;
}

static char *text_of(const struct program *p)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	CHECK(out);
	for (unsigned i = 0; i < p->n; i++)
		if (!p->gone[i])
			fprintf(out, "%s\n", p->line[i]);
	fclose(out);
	return text;
}

static bool is_over(struct search *x)
{
	if (x->error || (!stop_asked() && rt_now() < x->until_ns))
		return x->error;
	x->s->cut_short = true;
	return true;
}

/* The program as it stands now, in a file of its own; false: it is none. */
static bool write_candidate(struct search *x, char *path, size_t size)
{
	char *text = text_of(&x->p);
	struct scene *scene = NULL;
	bool good = !scene_parse(x->e->work, text, &scene, NULL);

	if (good) {
		snprintf(path, size, "%.900s/%u", x->folder, x->s->programs);
		good = !mkdir(path, 0755);
		snprintf(path, size, "%.900s/%u/%s.scn", x->folder, x->s->programs, x->e->work);
		FILE *out = good ? fopen(path, "w") : NULL;
		good = out && fputs(text, out) >= 0;
		if (!out || fclose(out) || !good)
			x->error = why_set(x->why, -EIO, "%.300s: %s", path, strerror(errno));
		scene_free(scene);
	}
	free(text);
	return good && !x->error;
}

/* Runs the program as it stands now. Whether it broke; then its finding is the best. */
static bool breaks(struct search *x, unsigned tries)
{
	const uint32_t until = 1u << x->s->class;
	bool twice = x->s->class == CUT_FSCK || x->s->class == CUT_REPLAY || x->s->class == CUT_KERNEL;
	char path[FINDING_PATH];

	if (is_over(x) || !write_candidate(x, path, sizeof(path)))
		return false;
	struct cut_plan plan = { .fs = x->e->fs, .seconds = (double)(x->until_ns - rt_now()) / 1e9, .rounds = tries,
		                 .per_round = PER_ROUND, .holds = HOLDS, .jobs = 1, .check_every = twice,
		                 .tear = x->e->dev->tear, .seed = x->s->seed + x->s->programs, .findings_most = 1,
		                 .until = until };
	snprintf(plan.findings, sizeof(plan.findings), "%.400s/%u/found", x->folder, x->s->programs++);
	struct tally *t = tally_new();
	x->error = cut_run(&plan, path, t, x->why);
	bool broken = !x->error && atomic_load(&t->by_class[x->s->class]) && atomic_load(&t->findings);
	x->s->runs += atomic_load(&t->rounds);
	x->s->states += atomic_load(&t->states);
	tally_free(t);
	if (broken)
		snprintf(x->s->best, sizeof(x->s->best), "%.500s/%s-%s-1", plan.findings, cut_fs_name(&x->e->fs),
		         x->e->work);
	else
		is_over(x); /* a run that had no time says nothing */
	return broken;
}

/* Lines from..to go, if it breaks without them. */
static bool drop(struct search *x, unsigned from, unsigned to)
{
	bool was[LINES_MAX];

	memcpy(was, x->p.gone, sizeof(was));
	for (unsigned i = from; i < to; i++)
		x->p.gone[i] = true;
	if (breaks(x, x->s->tries))
		return true;
	memcpy(x->p.gone, was, sizeof(was));
	return false;
}

/* One pass over all threads, then over all lines, from the last on. */
static bool drop_some(struct search *x)
{
	bool any = false;

	for (unsigned i = x->p.n; i-- > 0 && !is_over(x);)
		if (is_thread(x->p.line[i]) && !x->p.gone[i])
			any |= drop(x, i, section_end(&x->p, i));
	for (unsigned i = x->p.n; i-- > 0 && !is_over(x);)
		if (!is_header(x->p.line[i]) && !x->p.gone[i])
			any |= drop(x, i, i + 1);
	return any;
}

int smaller_find(const struct evidence *e, const char *folder, struct smaller *s, struct why *why)
{
	struct search x = { .e = e, .folder = folder, .s = s, .why = why,
		            .until_ns = rt_now() + (uint64_t)(s->seconds * 1e9) };

	read_program(e->program, &x.p);
	s->best[0] = '\0';
	s->programs = 0;
	s->lines_before = s->lines = count_lines(&x.p);
	s->breaks_again = breaks(&x, 3 * s->tries);
	s->best[0] = '\0'; /* that one is no smaller */
	while (s->breaks_again && drop_some(&x) && !is_over(&x))
		;
	s->lines = count_lines(&x.p);
	free(x.p.text);
	return x.error;
}
