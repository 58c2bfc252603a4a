/*
 * story.h: the inside of engine/story: the story of one violation. timeline.c gathers it, a line for each thing that
 * happened, in the words of words.c; cause.c finds its cause; sentence.c tells it in a sentence; print.c shows it on a
 * terminal; json.c writes all of it down. The files of this room alone include it.
 */
#ifndef STORY_STORY_H
#define STORY_STORY_H

#include "rt/trace.h"
#include "story/timeline.h"
#include "tree/super.h"

#define TEXT_MAX  200u
#define NONE      UINT32_MAX
#define LANES_MAX 12u

enum line_kind { LINE_OTHER, LINE_CALL, LINE_DEVICE, LINE_EXTENT, LINE_STOPPED };

/* What happened, line by line: the entries of the trace, and between them where a task was preempted. */
struct line {
	uint32_t step, task, turn;
	uint32_t entry;      /* of the trace; NONE: LINE_STOPPED */
	uint32_t event;      /* of the device, for LINE_DEVICE */
	bool device;         /* stands in the device's lane */
	bool matters, marked;
	enum line_kind kind;
	char text[TEXT_MAX];
};

struct story {
	struct hunt *h;
	const struct violation *v;
	struct watch watch;
	struct trace_entry *entry;
	uint32_t nentries;
	const char *rule;        /* of cause.c, that fits; NULL: none does */
	struct line *line;
	uint32_t n, cap;
	uint32_t crash_at;       /* the crash comes before this line */
	const struct dev_event *event;
	uint32_t nevents;
	uint64_t of;             /* the broken block's file, as the trace names it; 0: none is known */
	/* of the broken block: its last extent that was logged; else the last that was added */
	uint64_t disk, start, len;
	uint32_t added, logged, ordered, collected; /* lines; NONE: there is none */
	char cause[600];         /* which task did what between which steps of another: a sentence and a space; or "" */
	char task_name[COOP_TASKS_MAX][TASK_NAME_MAX];
};

/*
 * Runs v's schedule and gathers what happened; story_free() afterwards, in either case. `turns`: another run of the
 * same race, turn by turn (hunt/flip.h). False when v's schedule does not fit.
 */
bool story_gather(struct story *s, struct hunt *h, const struct violation *v, const struct schedule *turns);
void story_free(struct story *s);
/* Why the promise is broken: s->cause and s->rule, and the lines that it rests on are marked. cause.c */
void story_find_cause(struct story *s);
void story_sentence(const struct story *s, char *buf, unsigned size);

/* The trace's entry of a line; NULL: it has none. */
const struct trace_entry *story_entry(const struct story *s, uint32_t line);
/* The entry is of an extent (EXTENT_ROLES). Is the broken block in it? A broken size is in each extent of the file. */
bool story_is_of_block(const struct story *s, const struct trace_entry *e);
#define EXTENT_ROLES (1 << ROLE_FILE | 1 << ROLE_START | 1 << ROLE_LEN)
/* As the trace names a file: inode_trace_id(). */
uint64_t story_file_id(const struct model_file *f);
/* The label of the line's task. */
const char *story_who(const struct story *s, uint32_t line);

/* What line `l`, already with its kind, entry and device event, tells: l->text. words.c */
void story_say(const struct story *s, struct line *l);
/* The event in words: its text, with the arguments in it. */
void story_event_text(const struct trace_entry *e, char *buf, unsigned size);
/* "block 1", "blocks 0-3" */
void story_blocks(uint64_t start, uint64_t len, char *buf, unsigned size);
/* What is at this place of the device, in a word. */
const char *story_place(uint64_t off, bool meta);
/* "2 writes are kept: data @4096, ..." */
void story_kept(const struct story *s, char *buf, unsigned size);
/* A block of the broken file: versions, 0 for none; what is there after the crash, in words. */
#define TOLD_BLOCKS 8u
struct told_block {
	const char *file;
	uint32_t block, promised, newest;
	bool broken;
	char after[60];
};
/* Of a broken promise; how many were told. */
uint32_t story_tell_blocks(const struct story *s, struct told_block told[TOLD_BLOCKS]);
/* Where the line stands in the source. */
bool story_site(const struct story *s, const struct line *l, struct site *out);
/* What the task of turn t is about to do when it goes on, and where that stands. */
void story_step(const struct story *s, uint32_t t, char *buf, unsigned size, struct site *site);

/* ---- lanes: a task each, and the device ---- */

struct lanes {
	uint32_t n, device;          /* device: its lane; NONE */
	uint32_t task[LANES_MAX];    /* COOP_TASKS_MAX for the device's */
	const char *name[LANES_MAX];
};
void story_lanes(const struct story *s, bool all, struct lanes *lanes);
uint32_t lane_of(const struct lanes *lanes, const struct line *l);

/* How a task is at a turn. */
enum lane_state { LANE_ABSENT, LANE_READY, LANE_WAITS, LANE_HOLDS };
/* *class: of the lock that it holds (the outermost), or of what it waits for; -1 when that is not known. */
enum lane_state lane_state(const struct story *s, uint32_t task, uint32_t turn, int *class);

#endif
