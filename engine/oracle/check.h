/*
 * check.h: the judge: is what a crash image holds what the history allows? The answer is a list of broken promises,
 * each a plain sentence.
 *
 * What an image holds depends on the image alone: images with the same fingerprint (cut->hash) are mounted once, and
 * judged for every history and position that they come up in. Judging changes neither the record nor the image.
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
	BROKEN_NAME,    /* a name is missing, or is there and must not be, or stands for another file; or those of a
	                 * file do not go together (rules.12) */
	BROKEN_LINKS,   /* a link count is not the number of names */
	BROKEN_SIZE,
	BROKEN_EIO,     /* the block cannot be read */
	BROKEN_ZEROS,
	BROKEN_VERSION, /* a version that is older than promised, or had not begun */
	BROKEN_FOREIGN, /* another file's or another place's content */
	BROKEN_GARBAGE, /* bytes that nobody wrote */
	BROKEN_SPLICE,  /* one block holds parts of two states of its page (rules.5) */
	BROKEN_REPLAY,  /* replay is not idempotent (rules.11) */
	BROKEN_WHOLE,   /* the image does not fit together, or cannot be lived with (rules.14) */
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

/* Of judge.held: at first, and at most; powers of two. At three quarters the table doubles, or, at its most, is
 * emptied. Small at first, since many a judge sees a few schedules alone. */
#define HELD_SLOTS_MIN (1u << 9)
#define HELD_SLOTS_MAX (1u << 18)

struct judge {
	struct model *model;
	struct dev *dev;         /* recorded */
	/* What an image holds, for file systems that are not ours; NULL: recover_image(). The caller sets it. */
	struct recovered *(*recover)(void *arg, const struct cut *c, struct dev *image);
	void *recover_arg;
	uint64_t images_judged, images_mounted;
	uint32_t whole_every;    /* the caller's: one in so many images, by its fingerprint, is judge_whole(); 0: no */
	bool errors;             /* the caller's: something may fail in a run, so rules.15 is not asked for */
	uint32_t at;             /* op->covered is that of this position; UINT32_MAX: of none */
	struct kept_image *kept; /* what images hold, by fingerprint; a bounded hash table */
	uint32_t nkept, kept_slots;
	uint64_t *held;          /* hashes of epochs and images that broke nothing (explore.c); a bounded hash table */
	uint32_t nheld, held_slots;
};

struct judge *judge_new(struct model *m, struct dev *dev);
void judge_free(struct judge *j);
/* Call it when the history has changed (another schedule). What is known of images stays. */
void judge_restart(struct judge *j);

/*
 * Judges one image of the record, for a crash at c->pos. Appends to `out` (NULL: only counts). Returns the number
 * of broken promises.
 */
uint32_t judge_cut(struct judge *j, const struct cut *c, struct broken_list *out);
/* The same for what was recovered, and a crash at p. */
uint32_t judge_recovered(struct judge *j, uint32_t p, const struct recovered *r, struct broken_list *out);
/*
 * judge_cut(), and then rules.11: the image is mounted for writing, which replays its log, and must hold the same
 * then and at the next mount; and the same after a crash at any epoch of that replay, in all images that `replays`
 * allows (NULL: no second crash). Makes a controlled run of its own. An image that cannot be mounted is not tried
 * again.
 */
uint32_t judge_cut_fully(struct judge *j, const struct cut *c, const struct cut_budget *replays,
                         struct broken_list *out);

/*
 * What is wrong with an image of ours by itself, whatever the history (rules.14): a sentence, to be freed; NULL:
 * nothing is. r: what it holds. Makes a controlled run of its own.
 */
char *judge_whole(struct judge *j, const struct cut *c, const struct recovered *r);

/*
 * One of the writes that are pending at the cut, torn into sectors; which, and how, follows from c->hash. A sentence,
 * to be freed, when what is read then is neither as with that write nor as without it (check_torn.c); else NULL.
 */
char *judge_torn(struct judge *j, const struct cut *c);

/*
 * Judges every crash image of the epoch that recovery can tell apart (explore.c). Where there are more than 2^10,
 * it judges the extremes and a sample of b->sampled; with b->tears, torn ones too. Calls `broken` for each image
 * that breaks a promise until that returns non-zero. Returns that, or 0.
 */
int judge_epoch(struct judge *j, const struct epoch *e, const struct cut_budget *b,
                int (*broken)(void *arg, const struct cut *c, const struct broken_list *l), void *arg);

/*
 * What this image holds; it is mounted if the judge does not know it yet. *read (may be NULL): which blocks recovery
 * read, as in recover.h. Valid until the next judge_ call.
 */
const struct recovered *judge_look(struct judge *j, const struct cut *c, const uint64_t **read);

#endif
