/*
 * json.h: the story of a violation as JSON, for those who draw it (analysis/story.py) or ask of it.
 *
 * Schema "fsyncstorm-story", version 1. A change of what a field means is a new version; a new field is not.
 *
 * | field | meaning |
 * |---|---|
 * | `schema`, `schema_version` | as above |
 * | `race`, `design` | what was run |
 * | `kind`, `broken`, `text` | how it fails: enum violation_kind, enum broken_kind, a sentence |
 * | `story` | the story in a few sentences; it ends with `text` |
 * | `rule` | the rule of cause.c by which the cause was found; null: none fits |
 * | `tasks[]` | `name`; `spans[]`: `from` line, `to` line, `state`: "ready"; "waits" or "holds", and `what` |
 * | `lines[]` | what happened before the power failed, in order |
 * | `crash` | null: no power failed; else `position` in the device's record, `text`, and `kept[]`: of writes that were
 *   not durable, the positions of those that are kept |
 * | `blocks[]` | of the broken file: `file`, `block`, version `promised` (0: none), version `newest` written, what is
 *   there `after` the crash in words, `broken` |
 * | `preempted[]` | steps at which a task was preempted: `stopped`, and `goes_on` instead |
 * | `pair` | the two steps whose order decides: `first`, `second`, how many steps were `moved`; null: none was found |
 * | `orders_tried`, `orders_that_hold` | explain.h |
 *
 * A line:
 *
 * | field | meaning |
 * |---|---|
 * | `step`, `task` | decision of the schedule; index in `tasks` |
 * | `kind` | `call`, `device`, `extent`, `other`; `stopped`: the task was preempted |
 * | `event`, `args` | id in base/event.h and its arguments by role; absent of `stopped` |
 * | `text` | in words |
 * | `by_device` | the device does it, when a completion comes |
 * | `matters` | to the broken block: it is shown; others are folded |
 * | `marked` | the cause rests on it |
 * | `site` | `file`, `line`, `function` of the source; absent where that is not known or no news |
 * | `scenario_line` | of a call's begin: the line of the scenario's text; absent where the race has no such text |
 * | `durable_at` | of a write's submission: the line with which it is durable; null: not before the power fails |
 *
 * A step: `step`, `task` (a name), `does`, and where they are known `then`, `file`, `line`, `function`.
 *
 * Called by cmd/race_show.c and tests.
 */
#ifndef STORY_JSON_H
#define STORY_JSON_H

#include <jansson.h>

#include "hunt/hunt.h"
#include "story/explain.h"

/* Runs v's schedule again. `x`: of the same violation. The caller's; NULL: the schedule does not fit this program. */
json_t *story_json(struct hunt *h, const struct violation *v, const struct explained *x);
/* The last three rows of the first table, as an object. */
json_t *explain_json(const struct explained *x);

#endif
