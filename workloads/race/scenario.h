/*
 * scenario.h: a scenario's text (scene/scene.h) as a race: each thread is a task that makes its calls through the
 * model, so every crash is judged like that of any other race.
 *
 * race->scenario is what the race is made from (scene_bare_text()): race_scenario_from_text() of it gives the same
 * tasks again. So a schedule that carries it can be replayed without the file.
 *
 * scenario.1: A run's tasks share descriptors and marks alone. They are made anew for each run.
 *
 * Called by the registry, by the commands that take a RACE, and by the readers of schedules' files
 * (hunt/schedule_file.h).
 */
#ifndef RACE_SCENARIO_H
#define RACE_SCENARIO_H

#include "hunt/race.h"
#include "scene/scene.h"

/*
 * All: 0, or -errno and why. The race lives as long as the program. `name` is the scenario's name and begins the line
 * of an error. What the engine has no call for is refused.
 */
int race_scenario_from_text(const char *name, const char *text, const struct race **out, struct why *why);
int race_scenario_from_file(const char *path, const struct race **out, struct why *why);
/*
 * The scenario of `race` beside a thread that writes and syncs a file of its own. What breaks a design alone is due to
 * break it then, too, unless [expect beside] says otherwise. -EINVAL: it is no scenario.
 */
int race_scenario_beside(const struct race *race, const struct race **out, struct why *why);
/*
 * The scenario of `race` with more lines behind its text: sections, as that of options, whose values take the place of
 * those before. No verdict is due of it. -EINVAL: it is no scenario, or the lines are none.
 */
int race_scenario_with(const struct race *race, const char *more, const struct race **out, struct why *why);
/* Gives up a race that was made by one of the above. Nobody has it in use. */
void race_scenario_free(const struct race *race);
/* Its text asks for that. */
bool race_scenario_has_twin(const struct race *race);

/* Its threads and files, as they were read: whoever has made the race may change its threads between two runs. */
struct scene *race_scenario_scene(const struct race *race);
/* Its whole text; NULL: `race` was not made from one, or from what a schedule recorded. */
const char *race_scenario_text(const struct race *race);
/* What it cites; "" where it cites nothing. */
const char *race_scenario_cites(const struct race *race);

#endif
