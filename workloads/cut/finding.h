/*
 * finding.h: a crash that breaks a promise, as a folder that stands for itself:
 *
 *	story.txt    threads as columns, the cut, what was promised and what was read: one screen
 *	replay.sh    judges it again, on whatever kernel runs
 *	NAME.scn     what ran, as a scenario
 *	cut.json     the position, and which writes are kept
 *	log.zst      the record (evidence.h)
 *	check.txt    each promise that is broken, in a sentence
 *	env.json     kernel, file system, command
 *	kernel.log   what the kernel said of it, if it did
 *
 * Called by cut/cut.c (writes) and cmd/cut.c (replays, shrinks).
 */
#ifndef CUT_FINDING_H
#define CUT_FINDING_H

#include "cut/tally.h"
#include "cut/verdict.h"

#define FINDING_PATH 1024u

struct finding {
	struct evidence *of;
	const struct cut *cut;
	const struct verdict *verdict;
};

/* Writes it to the folder, which is made, and must not be there. 0, or -errno with why. */
int finding_save(const char *folder, const struct finding *f, struct why *why);

/* A cut as a file has it. */
struct saved_cut {
	uint32_t pos, nkept, *kept; /* kept: positions of pending writes */
	uint32_t torn;              /* one of them of which only some tear units are kept; UINT32_MAX: none */
	uint32_t nunits, *units;    /* which */
};
int saved_cut_load(const char *folder, struct saved_cut *out, struct why *why);
int saved_cut_save(const char *folder, const struct saved_cut *c, struct why *why);
void saved_cut_free(struct saved_cut *c);

/*
 * Judges a cut of the evidence, which has a slot; with `check` a second mount and the checker look at it, too. 0;
 * -EINVAL with why when it is no cut of this record; another -errno with why when it cannot be judged.
 */
int finding_judge(struct evidence *e, const struct saved_cut *c, bool check, struct verdict *out, struct why *why);
/*
 * Makes the cut simpler while it breaks the same kind of promise: all that was handed to the device kept, or all of it
 * lost, or as few as possible lost; at the earliest return of a sync. *tried: states judged.
 */
int finding_shrink(struct evidence *e, struct saved_cut *c, unsigned *tried, struct why *why);
/* What is to stay broken when it is made simpler: of all that is broken the first that is told of. */
enum cut_class finding_class(const struct verdict *v);
/* The story of a cut of the evidence. */
void finding_tell(struct evidence *e, const struct saved_cut *c, const struct verdict *v, FILE *out);

#endif
