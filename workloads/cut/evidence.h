/*
 * evidence.h: a recorded round, and all that judges its crashes, on this kernel or another: the base, the event log
 * with all data, and the history. It is kept as a file.
 *
 * The file is zstd over: a line that names the format; the length of a JSON text and that text (file system, work,
 * files, names, calls, and what ran); the blocks of the base that are not zeros; the events, each write with its data.
 * Numbers are little-endian.
 *
 * A record may be foreign: of a log of others (dmlog.h), with no history. Its marks are kept, and are judged by
 * foreign.h.
 *
 * Called by cut/world.c and cut/dmlog_read.c, which record, by all that judges or tells of a crash, and by cmd/cut.c.
 */
#ifndef CUT_EVIDENCE_H
#define CUT_EVIDENCE_H

#include "cut/fs.h"
#include "cut/klog.h"
#include "cut/slot.h"
#include "dev/powercut.h"
#include "oracle/check.h"
#include "oracle/model.h"
#include "scene/scene.h"

#define EVIDENCE_THREADS 32u

#define EVIDENCE_MARK 481u

/* What a foreign log says of a position. */
struct evidence_mark {
	uint32_t pos;
	char text[EVIDENCE_MARK];
};

struct evidence {
	struct cut_fs fs;
	char work[SCENE_NAME_MAX], kernel[128]; /* kernel: that recorded it */
	char recorder[16];   /* the front end (recorder.h) */
	unsigned subvols;
	uint64_t seed;       /* of the round */
	uint8_t *base;       /* fs.size bytes */
	struct dev *dev;     /* the record of the round, over the base */
	struct model *model; /* its history */
	struct slot slot;
	struct klog klog;    /* what the kernel says of it, from when the slot was opened */
	struct judge *judge; /* recovers images in the slot */
	bool looked;         /* an image was mounted, and lies in the slot still; the caller sets it to false */
	unsigned nthreads;
	struct { uint32_t task; char name[SCENE_THREAD_MAX]; } thread[EVIDENCE_THREADS];
	char *program;       /* what ran, as the text of a scenario; NULL: not known */
	bool foreign;
	uint32_t nmarks;
	struct evidence_mark *mark; /* in the order of their positions */
};

/* What a round came to. */
struct round_counts {
	uint32_t calls, syncs, failed; /* calls of the threads; those that promised; those that failed */
	uint32_t events, flushes, beside; /* of the record; beside: flushes that came while a write was in flight */
	uint32_t in_flight_max, flushes_max, fua; /* writes, and flushes, in flight at a time; FUA writes */
};

/* Writes it. 0, or -errno with why; then there is no file. */
int evidence_save(const char *path, const struct evidence *e, struct why *why);
/* Reads it. 0, or -errno with why: whatever the file holds. */
int evidence_load(const char *path, struct evidence *out, struct why *why);
/* e->base becomes fs.size bytes of zeros. 0, or -ENOMEM with why. */
int evidence_new_base(struct evidence *e, struct why *why);
/* Makes it ready to judge: a slot, a judge. 0, or -errno with why. */
int evidence_open_slot(struct evidence *e, struct why *why);
void evidence_close_slot(struct evidence *e);
void evidence_free(struct evidence *e);
/* The text is cut to its room. */
void evidence_add_mark(struct evidence *e, uint32_t pos, const char *text);
/* Judges one crash; its slot is open. The number of broken promises, which are appended to `out`. */
uint32_t evidence_judge(struct evidence *e, const struct cut *c, struct broken_list *out);
/* One more, that is of no file. */
void evidence_add_broken(struct broken_list *list, enum broken_kind kind, const char *text);
/* The record becomes these events, whose data are not its own. */
void evidence_record(struct evidence *e, const struct dev_event *event, uint32_t n);
/* The record becomes one in which no flush made anything durable. */
void evidence_lie(struct evidence *e);
void evidence_count(const struct evidence *e, struct round_counts *out);
/* NULL when no thread was that task: a call of the setup. */
const char *evidence_thread(const struct evidence *e, uint32_t task);

#endif
