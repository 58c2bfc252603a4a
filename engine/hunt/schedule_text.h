/* schedule_text.h: the words that schedule_file.c writes and schedule_read.c reads. Nobody else includes it. */
#ifndef HUNT_SCHEDULE_TEXT_H
#define HUNT_SCHEDULE_TEXT_H

#define SCHEDULE_MAGIC  "fsyncstorm-schedule "
#define SCHEDULE_FORMAT 3u
#define SCHEDULE_END    "end "
#define SCHEDULE_ERR    200

/*
 * Undoes in place what editors and mail do to long lines: what was put on a line of its own comes back, white space at line ends
 * goes. The sum is of the text as this leaves it.
 */
void schedule_unwrap(char *text);

#endif
