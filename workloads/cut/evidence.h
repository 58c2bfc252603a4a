/*
 * evidence.h: a recorded round as a file: the base, the event log with all data, and the history. It is all that
 * judging a crash of that round needs, on this kernel or another.
 *
 * The file is zstd over: a line that names the format; the length of a JSON text and that text (file system, work,
 * files, names, calls); the blocks of the base that are not zeros; the events, each write with its data. Numbers are
 * little-endian.
 *
 * Called by cut/finding.c and cmd/cut.c.
 */
#ifndef CUT_EVIDENCE_H
#define CUT_EVIDENCE_H

#include "cut/world.h"

#define EVIDENCE_THREADS 32u

/* The same parts as in struct world, without what records. */
struct evidence {
	struct cut_fs fs;
	char work[SCENE_NAME_MAX], kernel[128]; /* kernel: that recorded it */
	unsigned subvols;
	uint64_t seed;
	uint8_t *base;
	struct dev *dev;
	struct model *model;
	struct slot slot;
	struct judge *judge;
	unsigned nthreads;
	struct { uint32_t task; char name[SCENE_THREAD_MAX]; } thread[EVIDENCE_THREADS];
};

/* Writes the world's last round. 0, or -errno with why; then there is no file. */
int evidence_save(const char *path, struct world *w, uint64_t seed, struct why *why);
/* Reads it. 0, or -errno with why: whatever the file holds. */
int evidence_load(const char *path, struct evidence *out, struct why *why);
/* Makes it ready to judge: a slot, a judge. 0, or -errno with why. */
int evidence_open_slot(struct evidence *e, struct why *why);
void evidence_free(struct evidence *e);
/* "?" when no thread was that task: a call of the setup. */
const char *evidence_thread(const struct evidence *e, uint32_t task);

#endif
