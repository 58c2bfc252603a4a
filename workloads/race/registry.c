/* registry.c: the tables of races: see registry.h. */
#include "race/registry.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/text.h"
#include "machine/mem.h"
#include "race/job.h"
#include "race/scenario.h"
#include "scene/scene.h"

/* Those in C. */
static const struct race *const coded[] = { &race_mixed, &race_protocol, NULL };

static size_t count_shipped(void)
{
	size_t n = 0;

	while (scene_shipped[n].name)
		n++;
	return n;
}

/* A scenario that is shipped has no error: a test reads them all. */
static const struct race *from_shipped(const struct scene_text *t)
{
	const struct race *race;
	struct why why;

	int ret = race_scenario_from_text(t->name, t->text, &race, &why);
	if (ret)
		fprintf(stderr, "%s\n", why.text);
	CHECK(!ret);
	return race;
}

/* The same beside a writer, where its text asks for that; NULL: it does not. */
static const struct race *beside(const struct race *race)
{
	const struct race *twin;

	if (!race_scenario_has_twin(race))
		return NULL;
	CHECK(!race_scenario_beside(race, &twin, NULL));
	return twin;
}

const struct race *const *race_all(void)
{
	static const struct race **all;
	size_t n = 0;

	if (all)
		return all;
	const struct race **list = mem_zalloc((2 * count_shipped() + sizeof(coded) / sizeof(coded[0])) * sizeof(*all));
	for (const struct scene_text *t = scene_shipped; t->name; t++) {
		list[n++] = from_shipped(t);
		list[n] = beside(list[n - 1]);
		n += list[n] != NULL;
	}
	for (const struct race *const *r = coded; *r; r++)
		list[n++] = *r;
	all = list;
	return all;
}

const struct race *race_find(const char *name)
{
	if (!strncmp(name, "race_", 5))
		name += 5;
	for (const struct race *const *r = race_all(); *r; r++)
		if (!strcmp((*r)->name, name))
			return *r;
	return NULL;
}

const struct race *race_named(const char *name)
{
	const struct race *race = race_find(name);

	CHECK(race);
	return race;
}

bool race_is_of_a_bug(const struct race *race)
{
	return !strncmp(race_scenario_cites(race), "Linux", strlen("Linux"));
}

bool race_is_of_a_deadlock(const struct race *race)
{
	return race == race_named("fiemap_fallback") || race == race_named("fiemap_pending");
}

static unsigned breaks(const struct race *race)
{
	unsigned n = 0;

	for (unsigned i = 0; i < RACE_DESIGNS && race->expect[i].design; i++)
		n += race->expect[i].verdict == VERDICT_BREAKS;
	return n;
}

#define COMMIT_ID 12u /* digits */

/* Does the text have a commit's id that the race cites? */
static bool cites_one_of(const struct race *race, const char *text)
{
	static const char digits[] = "0123456789abcdef";
	char id[COMMIT_ID + 1];

	for (; *text; text += strcspn(text, digits)) {
		size_t n = strspn(text, digits);
		if (n == COMMIT_ID) {
			snprintf(id, sizeof(id), "%s", text);
			if (strstr(race_scenario_cites(race), id))
				return true;
		}
		text += n;
	}
	return false;
}

/* How well a race is about a design that it breaks: the commit first, then a bug of Linux at all, then few others. */
static unsigned fits(const struct race *race, const struct design *design)
{
	return (cites_one_of(race, design->what) ? 2 * RACE_DESIGNS + 2 : 0) +
	       (race_is_of_a_bug(race) ? RACE_DESIGNS + 1 : 0) + RACE_DESIGNS - breaks(race);
}

static unsigned steps_of(const struct race *race)
{
	const struct scene *scene = race->scenario ? race_scenario_scene(race) : NULL;
	unsigned n = 0;

	for (unsigned i = 0; scene && i < scene->nthreads; i++)
		n += scene->thread[i].repeat * scene->thread[i].n;
	return scene ? n : UINT_MAX;
}

const struct race *race_about(const struct design *design)
{
	const struct race *best = NULL;

	for (const struct race *const *r = race_all(); *r; r++) {
		if ((*r)->bare || race_expect(*r, design->name) != VERDICT_BREAKS)
			continue;
		unsigned more = fits(*r, design), most = best ? fits(best, design) : 0;
		if (!best || more > most || (more == most && steps_of(*r) < steps_of(best)))
			best = *r;
	}
	return best;
}

const char *race_nearest(const char *name, char *buf, unsigned size)
{
	const struct race *const *all = race_all();
	const char **names = NULL;
	size_t n = 0;

	while (all[n])
		n++;
	names = mem_alloc(n * sizeof(*names));
	for (size_t i = 0; i < n; i++)
		names[i] = all[i]->name;
	text_did_you_mean(buf, size, text_nearest(name, names, n, sizeof(names[0])));
	free(names);
	return buf;
}

/* That of the registry where it is the same; else one of its own. */
static int from_scenario(const char *name, const char *text, const struct race **out, struct why *why)
{
	const struct race *known = race_find(name);

	if (!known || !known->scenario || strcmp(known->scenario, text))
		return race_scenario_from_text(name, text, out, why);
	*out = known;
	return 0;
}

const struct race_source race_registry = {
	.find = race_find,
	.nearest = race_nearest,
	.from_job = race_job_from_text,
	.from_scenario = from_scenario,
};
