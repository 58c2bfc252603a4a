/*
 * ask.h: questions that the rules of cause.c put to a gathered story: which line is which event, with which argument;
 * which write is on the media. Answers are lines (indexes of story.line), NONE where there is none.
 *
 * ask.1: On the media at the crash is a write that was completed before it and is durable or is kept.
 */
#ifndef STORY_ASK_H
#define STORY_ASK_H

#include "base/event.h"
#include "story/story.h"

/* ---- the trace ---- */

/* The argument of that role of a line that is that event. The compiler refuses a role that the event does not have. */
#define story_arg(s, line, event, role)                                                                     \
	({                                                                                                  \
		_Static_assert(event##_ROLES >> ROLE_##role & 1, #event " has no argument that is " #role); \
		story_arg_of(s, line, event, ROLE_##role);                                                  \
	})
uint64_t story_arg_of(const struct story *s, uint32_t line, enum event event, enum role role);
bool story_is(const struct story *s, uint32_t line, enum event event);
/* The last line of [from, to) that is this event, of an extent that holds the broken block. */
#define story_last_of_block(s, from, to, event)                                                             \
	({                                                                                                  \
		_Static_assert((event##_ROLES & EXTENT_ROLES) == EXTENT_ROLES, #event " is of no extent");  \
		story_last_extent(s, from, to, event);                                                      \
	})
/* The first one. */
#define story_first_of_block(s, from, to, event)                                                            \
	({                                                                                                  \
		_Static_assert((event##_ROLES & EXTENT_ROLES) == EXTENT_ROLES, #event " is of no extent");  \
		story_first_extent(s, from, to, event);                                                     \
	})
uint32_t story_last_extent(const struct story *s, uint32_t from, uint32_t to, enum event event);
uint32_t story_first_extent(const struct story *s, uint32_t from, uint32_t to, enum event event);
bool story_same_task(const struct story *s, uint32_t a, uint32_t b);
/* The last line before `to` that is this event, of the task of `to` (`own`) or of another one. */
uint32_t story_last_by(const struct story *s, uint32_t to, bool own, enum event event);
/* The first line of [from, the crash) where a call returns 0 that promises the broken block. */
uint32_t story_next_promise(const struct story *s, uint32_t from);
/* The last such line. */
uint32_t story_last_promise(const struct story *s);
/* Of a line where a call returns: what it is called ("fsync"), and the line where it begins. */
const char *story_call_name(const struct story *s, uint32_t returns);
uint32_t story_call_begins(const struct story *s, uint32_t returns);
/* Whether the task of line `to` logged something or committed in [from, to). */
bool story_wrote(const struct story *s, uint32_t from, uint32_t to);
/* The last line before `to` where an unlink of the broken file returns 0; NONE: it has its name. */
uint32_t story_unlinks(const struct story *s, uint32_t to);
/* Whether the ordered extent that is added in line `ordered` is put into the trees before line `to`. */
bool story_put_in_trees(const struct story *s, uint32_t ordered, uint32_t to);

/* ---- the device ---- */

/* The device's event of a line that submits a write; NULL for other lines. */
const struct dev_event *story_submits(const struct story *s, uint32_t line);
/* Is this write of the device's record missing on the media (ask.1)? */
bool story_is_lost(const struct story *s, uint32_t event);
/* The line that submitted the super block that is on the media; NONE: that one is older than the run. */
uint32_t story_super_on_media(const struct story *s);
/* Of a super that a log commit wrote: the line that says which log root it names. NONE: it is another super. */
uint32_t story_names_log(const struct story *s, uint32_t super);
/* The last line before `to` that wrote this place of the device, of those whose write is on the media. */
uint32_t story_written(const struct story *s, uint64_t off, uint32_t to);

#endif
