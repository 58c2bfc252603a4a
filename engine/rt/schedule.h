/*
 * schedule.h: a schedule as text. One decision a character or two, so that it can be pasted, kept in
 * a file, compared by eye, and replayed bit for bit by the replay picker.
 *
 * The text: run-length of task ids: "0*12 3 1*4 =2/5 0" means task 0 twelve times, task 3 once, ...,
 * a data choice of 2 out of 5, ... Lines starting with '#' are comments. Only decisions with more
 * than one enabled task are there.
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

/* State for pick_replay: strict stops at the first pick that is not enabled (COOP_DIVERGED); tolerant
 * skips it, and when the schedule ends lets the current task go on while it can. pick_replay_turns: tolerant. */
void *replay_state(const struct schedule *s, bool strict);
void replay_state_free(void *state);

#endif
