/*
 * judge.h: is the last run of a hunt guilty? Its end, the results of its calls, and every crash that its device's
 * record allows, each judged by the oracle (oracle/check.h). And one crash of it alone.
 *
 * Each function that judges returns VIOLATION_NONE and leaves *v alone, or returns the kind and fills *v.
 */
#ifndef HUNT_JUDGE_H
#define HUNT_JUDGE_H

#include "hunt/hunt.h"

/* From now on h runs and judges as when v was found: its granularity, and images as a whole if v is about that. */
void hunt_as_found(struct hunt *h, const struct violation *v);

/* Judges all of the last run. */
enum violation_kind hunt_judge(struct hunt *h, struct violation *v);
/* Runs one schedule (run.h) and judges it. */
enum violation_kind hunt_one(struct hunt *h, const struct picker *picker, void *state, uint64_t seed,
                             struct violation *v);
/* Did a call of the last run fail for no reason that the device gave? */
enum violation_kind hunt_judge_calls(struct hunt *h, struct violation *v);

/* Can the last run crash in this way? 0, or -EINVAL and why. */
int hunt_crash_check(const struct hunt *h, const struct crash *c, struct why *why);
/* What the image of this crash of the last run holds: the caller's. NULL when the crash does not fit the run. */
struct recovered *hunt_recover_crash(struct hunt *h, const struct crash *c);
/* Judges that image alone. VIOLATION_NONE also when the crash does not fit the run. */
enum violation_kind hunt_judge_crash(struct hunt *h, const struct crash *c, struct violation *v);

#endif
