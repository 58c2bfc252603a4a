/*
 * race_scenarios.c: figures of what is to hold: of each design, in how many races the portfolio finds a violation.
 *
 * postfix and the repairs are to hold in every race, and complete, which is as the kernel has it, in those that do not
 * name it as one that they break.
 */
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "figures/fresh.h"
#include "figures/race.h"
#include "race/registry.h"

#define SCHEDULES 200000u

static const char *const held[] = { "postfix", "complete", "complete_repaired", "modern_repaired" };
#define HELD (sizeof(held) / sizeof(held[0]))

struct held_count {
	unsigned races, broken, failed;
	struct why why; /* of the last one that failed */
};

static uint32_t processors(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) ? 1 : (uint32_t)CPU_COUNT(&set);
}

/* Schedules a second, or why it is not held, is appended to `line`. */
static void one_race(struct self *s, const struct race *race, const char *design, struct held_count *c, char *line,
                     size_t size)
{
	struct search search = { .seed = 1, .schedules = SCHEDULES };
	size_t at = strlen(line);
	struct why why;

	c->races++;
	if (fresh_search_jobs(race, design, "portfolio", processors(), &search, &why)) {
		c->failed++;
		c->why = why;
	} else if (search.found_at) {
		c->broken++;
		snprintf(line + at, size - at, ", %s broken by schedule %lu", design, (unsigned long)search.found_at);
	} else {
		snprintf(line + at, size - at, ", %s %.0f", design, (double)search.run / search.took);
	}
}

static void each_design(struct self *s, const struct race *race, struct held_count count[HELD])
{
	char line[WHY_MAX];

	snprintf(line, sizeof(line), "%s: schedules a second", race->name);
	for (size_t i = 0; i < HELD; i++)
		if (race_expect(race, held[i]) == VERDICT_HOLDS)
			one_race(s, race, held[i], &count[i], line, sizeof(line));
	self_info(s, "%s", line);
}

void race_figures_scenarios(struct self *s)
{
	struct held_count count[HELD] = { 0 };
	char name[64];

	for (const struct race *const *r = race_all(); *r; r++)
		if (!(*r)->bare)
			each_design(s, *r, count);
	self_info(s, "%u schedules of each race, seed 1, in %u processes", SCHEDULES, processors());
	for (size_t i = 0; i < HELD; i++) {
		snprintf(name, sizeof(name), "%s: broken, of %u", held[i], count[i].races);
		if (count[i].failed)
			self_missing(s, name, "%s", count[i].why.text);
		else
			self_figure(s, name, count[i].broken, AT_MOST, 0, "races");
	}
}
