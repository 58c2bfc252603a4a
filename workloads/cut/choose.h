/*
 * choose.h: which crashes of a recorded round are judged. Most are where promises are strongest: at the first position
 * after a sync has returned, with all that is not durable lost, or with all of it kept (the kindest disk); the others
 * at the ends of epochs (powercut.2), with other choices of what is kept.
 *
 * Called by cut/cut.c and cut/controls.c.
 */
#ifndef CUT_CHOOSE_H
#define CUT_CHOOSE_H

#include <stdatomic.h>

#include "base/rng.h"
#include "cut/evidence.h"

/* Returns non-zero to stop. */
typedef int (*cut_fn)(void *arg, const struct cut *c);

/* At most n crashes, chosen by the rng, in the order of their positions. What fn returned last. */
int choose_sample(struct evidence *ev, unsigned n, struct rng *rng, cut_fn fn, void *arg);
/*
 * Every epoch: with up to `all_up_to` pending writes (at most 64) all choices of them, else the extremes and a sample;
 * with `tears`, torn writes too. Where this kernel tells what is read of an image (reads.h), and nothing is torn, fn is
 * called once for all choices that a mount cannot tell apart.
 * taken: 0 at first, of several processes that share the epochs, each of which judges those that it takes, some that
 * follow each other at a time; NULL: all are the caller's.
 */
int choose_all(struct evidence *ev, unsigned all_up_to, bool tears, uint64_t seed, _Atomic uint32_t *taken, cut_fn fn,
               void *arg);

enum aim_keep { AIM_KEPT, AIM_LOST, AIM_BETWEEN };

/* An aimed cut: at the return of the nth sync (from 1 on) of one thread. */
struct aim {
	char thread[SCENE_THREAD_MAX]; /* "": no aim */
	unsigned nth;
	enum aim_keep keep; /* what was handed to the device and is not durable */
};

/* "THREAD:N[:kept|lost|between]". 0, or -EINVAL with why. The thread is looked for when it is run. */
int aim_parse(const char *text, struct aim *out, struct why *why);
/* One crash, or 16 with other choices of what is kept (AIM_BETWEEN); none when the thread made fewer syncs. */
int choose_aimed(struct evidence *ev, const struct aim *aim, struct rng *rng, cut_fn fn, void *arg);

#endif
