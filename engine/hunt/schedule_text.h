/*
 * schedule_text.h: what schedule_write.c writes and schedule_read.c reads: the words that begin the lines of a
 * schedule's file, and how long lines are wrapped. Only these two include it. The format is in schedule_file.h.
 */
#ifndef HUNT_SCHEDULE_TEXT_H
#define HUNT_SCHEDULE_TEXT_H

#include <stdbool.h>

#define SCHEDULE_MAGIC  "fsyncstorm-schedule "
#define SCHEDULE_FORMAT 3u
#define SCHEDULE_END    "end "

/* The kinds of line between the first and the last. */
enum schedule_line {
	LINE_JOB, /* before its race, as the next one */
	LINE_SCENARIO,
	LINE_RACE,
	LINE_DESIGN,
	LINE_GRANULARITY,
	LINE_CONFIG,
	LINE_WITHOUT,
	LINE_VIOLATION,
	LINE_FOUND,
	LINE_SEED,
	LINE_DECISIONS,
	LINE_TRACE,
	LINE_CRASH,
	LINE_SAID,
	SCHEDULE_LINES,
};
extern const struct schedule_word {
	const char *word;
	bool needed;
	bool any_words; /* its value may have any words, so a line that follows it may be the rest of it */
} schedule_word[SCHEDULE_LINES];

/*
 * Undoes in place what editors and mail do to long lines: what was put on a line of its own comes back, white space at
 * line ends goes. The sum at the end of the file is of the text as this leaves it.
 */
void schedule_unwrap(char *text);

#endif
