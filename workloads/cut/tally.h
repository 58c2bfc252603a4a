/*
 * tally.h: what a cut has come to so far: states judged, and how many of them are broken, by class. Several processes
 * add to one.
 *
 * Called by cut/cut.c, which fills it in, by cut/report.c and by tests.
 */
#ifndef CUT_TALLY_H
#define CUT_TALLY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "oracle/check.h"

/* X(name, word, what): what is broken. A state counts once in each class that it has. */
#define CUT_CLASSES(X) \
	X(EIO, "eio", "a block cannot be read") \
	X(GARBAGE, "garbage", "bytes that nobody wrote") \
	X(FOREIGN, "foreign", "another file's or another place's data") \
	X(STALE, "stale", "older than what a sync that returned 0 had promised") \
	X(SPLICE, "splice", "one block holds two moments that never were one") \
	X(SIZE, "size", "a size that no call had made") \
	X(NAME, "name", "a name is lost, doubled, or stands for another file") \
	X(LINKS, "links", "a link count is not the number of names") \
	X(UNREADABLE, "unreadable", "a directory or a file cannot be opened") \
	X(UNMOUNTABLE, "unmountable", "it does not mount") \
	X(REPLAY, "replay", "a second mount holds something else") \
	X(FSCK, "fsck", "the checker complains after replay") \
	X(KERNEL, "kernel", "the kernel logs an error of its own") \
	X(CALL, "call", "a system call of the run failed, and the device had no error")

enum cut_class {
#define X(name, word, what) CUT_##name,
	CUT_CLASSES(X)
#undef X
	CUT_CLASSES_NR
};

struct cut_class_info {
	const char *word, *what;
};
extern const struct cut_class_info cut_class_info[CUT_CLASSES_NR];

#define TALLY_SAMPLES 48

struct tally {
	_Atomic uint64_t rounds, calls, syncs, failed;     /* of the threads */
	_Atomic uint64_t events, flushes, beside, full;    /* of the records; beside a write in flight; rounds */
	_Atomic uint64_t fua;                              /* writes with FUA */
	_Atomic uint64_t states, mounted, checked;         /* judged; mounted (no equal image before); checked */
	_Atomic uint64_t broken, by_class[CUT_CLASSES_NR]; /* states */
	_Atomic uint64_t rounds_broken;                    /* with such a state */
	_Atomic uint64_t distinct_at[TALLY_SAMPLES];       /* mounted, when tally_sample_at() states had been judged */
	/* Of all processes together: a place to record in is made; rounds are recorded; their crashes are judged. */
	_Atomic uint64_t open_ns, record_ns, judge_ns;
	_Atomic uint64_t put_ns, mount_ns, read_ns, umount_ns, check_ns; /* parts of judge_ns (slot.h) */
	_Atomic uint32_t in_flight_max, flushes_max, findings;
	_Atomic bool telling[CUT_CLASSES_NR];              /* somebody writes, or has written, `first` */
	char first[CUT_CLASSES_NR][320];                   /* the first of each class, in words */
};

enum cut_class cut_class_of(const struct broken *b);
/* A judged state: a bit for each class that is broken. */
void tally_state(struct tally *t, uint32_t classes);
/* 2, 3, 4, 6, 8, 12 ...: so many states have been judged at the i-th sample. */
uint64_t tally_sample_at(unsigned i);
/* One more of a class, in words. */
void tally_first(struct tally *t, enum cut_class class, const char *text);

/* Below which rate the truth lies at 95 %, when none of n was broken (the rule of three). */
double tally_below(uint64_t n);
/*
 * Of two arms the rounds are compared: states of one round come from one recorded run, and where it was unlucky many of
 * them are broken.
 *
 * Fisher's exact test of two arms, both sides: the chance of counts at least as uneven as a of n and b of m, were the
 * rate the same in both.
 */
double tally_fisher(uint64_t a, uint64_t n, uint64_t b, uint64_t m);

#endif
