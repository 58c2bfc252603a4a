/*
 * check.h: the judge: is what a crash image holds what the history allows? The answer is a list of
 * broken promises, each a plain sentence.
 *
 * (J1) What an image holds is a function of the image alone: equal images (cut->hash) are mounted
 *      once and judged for every history and position they come up in.
 * (J2) Judging changes neither the record nor the image.
 *
 * Called by the hunter and by tests, when nothing runs.
 */
#ifndef ORACLE_CHECK_H
#define ORACLE_CHECK_H

#include "dev/powercut.h"
#include "oracle/model.h"
#include "oracle/recover.h"

enum broken_kind {
	BROKEN_NONE,
	BROKEN_UNMOUNTABLE,
	BROKEN_LIST,    /* a directory or an inode cannot be read */
	BROKEN_NAME,    /* a name that must be there is not, or the reverse, or stands for another file */
	BROKEN_SIZE,
	BROKEN_EIO,     /* the block cannot be read */
	BROKEN_ZEROS,
	BROKEN_VERSION, /* a version that is older than promised, or had not begun */
	BROKEN_FOREIGN, /* another file's or another place's content */
	BROKEN_GARBAGE, /* bytes that nobody wrote */
	BROKEN_SPLICE,  /* parts of two moments in one block */
	BROKEN_REPLAY,  /* replay is not idempotent */
	BROKEN_NR,
};
extern const char *const broken_name[BROKEN_NR];

struct broken {
	enum broken_kind kind;
	uint32_t subvol, block;
	char file[FS_NAME_MAX];
	char text[320]; /* the sentence */
};

#define BROKEN_MAX 16u
struct broken_list {
	uint32_t n; /* all that were found; the first BROKEN_MAX are kept */
	struct broken b[BROKEN_MAX];
};

#define HELD_SLOTS (1u << 18) /* of judge.held: a power of two; emptied when three quarters are full */

struct judge {
	struct model *model;
	struct dev *dev;         /* recorded */
	uint64_t images_judged, images_mounted;
	uint32_t at;             /* rules_at() holds for this position; UINT32_MAX: none */
	struct kept_image *kept; /* what images hold, by fingerprint; bounded */
	uint32_t nkept;
	uint64_t *held;          /* epochs and images that held, each with what history demands of it (explore.c); bounded */
	uint32_t nheld;
};

struct judge *judge_new(struct model *m, struct dev *dev);
void judge_free(struct judge *j);
/* The history has changed (another schedule). */
void judge_restart(struct judge *j);

/* Judges one image of the record. Appends to `out` (may be NULL: only counts). Number of broken promises. */
uint32_t judge_cut(struct judge *j, const struct cut *c, struct broken_list *out);
/* Judges what was recovered, for a crash at p. */
uint32_t judge_recovered(struct judge *j, uint32_t p, const struct recovered *r, struct broken_list *out);
/*
 * The same image, mounted for writing: what it holds, and holds at the next mount, must be the same
 * (rule 13); and the same again after a crash at any epoch of that replay, in all images that `replays`
 * allows (NULL: no second crash). Runs a controlled run of its own.
 */
uint32_t judge_cut_fully(struct judge *j, const struct cut *c, const struct cut_budget *replays, struct broken_list *out);

/*
 * Judges every crash image of the epoch that recovery can tell apart (explore.c); where those are more than 2^10, the extremes
 * and a sample of b->sampled; with b->tears, torn ones too. Returns 0, or what `broken` returned for the first image that
 * breaks a promise.
 */
int judge_epoch(struct judge *j, const struct epoch *e, const struct cut_budget *b,
                int (*broken)(void *arg, const struct cut *c, const struct broken_list *l), void *arg);

/* What the judge has kept of this image, recovering it first if need be; in *read (may be NULL) which blocks recovery read, as
 * in recover.h. Valid until the next judge_ call. */
const struct recovered *judge_look(struct judge *j, const struct cut *c, const uint64_t **read);

#endif
