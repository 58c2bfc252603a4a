/* schedule_text.h: the words that schedule_file.c writes and schedule_read.c reads. Nobody else includes it. */
#ifndef SCHEDULE_TEXT_H
#define SCHEDULE_TEXT_H

#define SCHEDULE_MAGIC  "fsyncstorm-schedule "
#define SCHEDULE_FORMAT 2u
#define SCHEDULE_END    "end "
#define SCHEDULE_ERR    200

#endif
