/*
 * self.h: the figures that fsyncstorm itself must reach, each beside its bound. For the files
 * bench_self*.c and bench_race*.c alone.
 *
 * (B1) A figure that involves time is a ratio of things that took turns in one run, or a rate per
 *      second of processor time: the machine may be busy with something else.
 * (B2) What could not be measured is missed, and says why.
 */
#ifndef FIGURES_SELF_H
#define FIGURES_SELF_H

#include <limits.h>
#include <stddef.h>
#include <stdbool.h>

#include "base/why.h"

#define SELF_FIGURES_MAX 96
#define SELF_INFO_MAX    96
#define SELF_GROUPS_MAX  32

enum self_bound { AT_MOST, AT_LEAST, NEAR /* within 15 % */ };

struct self_figure {
	char name[40];
	const char *unit;
	double value, bound;
	enum self_bound kind;
	bool holds;
	char why[WHY_MAX]; /* it could not be measured: then value is not valid */
};

struct self {
	char program[PATH_MAX];   /* this one, and the one with the instrumentation compiled out ("": not given) */
	char bare[PATH_MAX];
	const char *dir;          /* where device files are made, and removed */
	struct self_figure figure[SELF_FIGURES_MAX];
	unsigned nfigures, missed;
	char info[SELF_INFO_MAX][WHY_MAX];
	unsigned ninfo;
};

/* A command that measures groups of figures; `run` reports by the functions below. */
struct self_suite {
	const char *command, *doc;
	struct self_group {
		const char *name, *what;
		void (*run)(struct self *s);
	} group[SELF_GROUPS_MAX]; /* ends with a NULL name */
	int (*child)(void);       /* what --child does; may be NULL */
};
int self_main(const struct self_suite *suite, int argc, char **argv);

/* Prints the figure's line, and keeps it. */
void self_figure(struct self *s, const char *name, double value, enum self_bound kind, double bound, const char *unit);
/* It could not be measured. */
__attribute__((format(printf, 3, 4))) void self_missing(struct self *s, const char *name, const char *fmt, ...);
/* A line without a bound. */
__attribute__((format(printf, 2, 3))) void self_info(struct self *s, const char *fmt, ...);

/* The path of a file in s->dir, which is removed at the end, also when the command is stopped by a signal. */
void self_scratch(const struct self *s, const char *name, char *out, size_t size);
/* The same in another folder. */
void self_scratch_in(const char *dir, const char *name, char *out, size_t size);

/* A trial of a target runs, which takes away itself what it has made: a signal ends that at once, and the command
 * when it is over. */
void self_in_trial(bool on);

/* Does a value hold? Not a number never does. */
bool self_holds(double value, enum self_bound kind, double bound);

int cmd_bench_self(int argc, char **argv);

/* One group of figures each. They report by the functions above. */
void self_flushes(struct self *s);
void self_shape(struct self *s);
void self_uring(struct self *s);
void self_lock(struct self *s);
void self_instruments(struct self *s);
void self_driver(struct self *s);
void self_harness(struct self *s);
void self_fio(struct self *s);
void self_btrfs(struct self *s);
void self_phases(struct self *s);
void self_images(struct self *s);
void self_schedules(struct self *s);
void self_seed(struct self *s);
void self_memory(struct self *s);

/* The child's side of self_instruments(): measures on request, until there is no more. The exit status. */
int self_instruments_child(void);

#endif
