/*
 * timeline_story.h: the inside of the time line: the story of one violation, gathered by timeline.c, printed
 * by timeline_print.c. Nobody else includes it.
 */
#ifndef TIMELINE_STORY_H
#define TIMELINE_STORY_H

#include "rt/trace.h"
#include "timeline.h"

#define TEXT_MAX  160u
#define NONE      UINT32_MAX

enum line_kind { LINE_OTHER, LINE_CALL, LINE_DEVICE, LINE_EXTENT };

struct line {
	uint32_t step, task;
	bool device;         /* belongs into the device's column */
	bool matters;
	enum line_kind kind;
	char text[TEXT_MAX];
};

struct story {
	struct hunt *h;
	const struct violation *v;
	const struct trace_entry *entry;
	uint32_t n;
	struct line *line;
	uint32_t crash_at;       /* the crash comes before this line */
	const struct dev_event *event;
	uint32_t nevents;
	/* of the broken block: its last extent that was logged */
	uint64_t disk, disk_len, start, len;
	uint32_t added, logged, ordered, collected; /* entries; UINT32_MAX: none */
};

/* Runs v's schedule and gathers what happened; story_free() afterwards. False when it does not fit. */
bool story_gather(struct story *s, struct hunt *h, const struct violation *v);
void story_free(struct story *s);
void story_sentence(const struct story *s, char *buf, unsigned size);
/* What is at this place of the device, in a word. */
const char *story_place(uint64_t off, bool meta);

#endif
