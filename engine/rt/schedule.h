/*
 * schedule.h: a schedule in memory and as text, short enough to be pasted, kept in a file, compared by eye, and
 * replayed bit for bit (pick/replay.c).
 *
 * The text is a run-length code of task ids: "0*12 3 1*4 =2/5 0" means task 0 twelve times, task 3 once, task 1 four
 * times, a data choice of 2 out of 5, task 0. Lines starting with '#' are comments. Only decisions with more than one
 * enabled task are in it. What schedule_print() writes, schedule_parse() reads back as the same schedule.
 */
#ifndef RT_SCHEDULE_H
#define RT_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct decision {
	bool data;          /* a data choice, not a pick */
	uint32_t value, of; /* pick: task id (of is 0); data: value out of `of` */
};

struct schedule {
	struct decision *d;
	uint32_t n, cap;
};

void schedule_init(struct schedule *s);
void schedule_free(struct schedule *s);
void schedule_clear(struct schedule *s);
void schedule_add(struct schedule *s, struct decision d);
void schedule_copy(struct schedule *to, const struct schedule *from);
void schedule_print(const struct schedule *s, FILE *out);
/* 0, or -EINVAL with the place in err (at most 128 bytes). */
int schedule_parse(struct schedule *s, const char *text, char *err);

#endif
