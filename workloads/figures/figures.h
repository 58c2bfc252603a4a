/*
 * figures.h: figures that fsyncstorm must reach, each beside its bound: how they are reported, and the groups of them.
 *
 * A figure that involves time is a ratio of things that took turns in one run, or a rate per second of processor time:
 * the machine may be busy with something else. A figure that could not be measured counts as missed, and says why.
 *
 * The groups are the files of this room; cmd/bench_self.c and cmd/bench_race.c have a table of them.
 */
#ifndef FIGURES_FIGURES_H
#define FIGURES_FIGURES_H

#include <limits.h>
#include <stddef.h>
#include <stdbool.h>

#include "base/why.h"

#define SELF_FIGURES_MAX 96
#define SELF_INFO_MAX    256
#define SELF_GROUPS_MAX  32

enum self_bound { AT_MOST, AT_LEAST, NEAR /* within 15 % */ };

struct self_figure {
	char name[40];
	const char *unit;
	double value, bound;
	enum self_bound kind;
	bool holds;
	char why[WHY_MAX]; /* why it could not be measured: then value is not valid; "" when it could */
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

/* A command that measures groups of figures. A group's run() reports by the functions below. */
struct self_suite {
	const char *command, *doc;
	struct self_group {
		const char *name, *what;
		void (*run)(struct self *s);
		bool apart; /* it takes long: it is run when it is named, and not as one of all */
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
/* The same, and the file is written. 0, or -errno with why. */
int self_scratch_text(const struct self *s, const char *name, const char *text, char *out, size_t size,
                      struct why *why);

/*
 * A trial of a target begins, or has ended. A trial removes what it has made: so a signal in it first stops the trial,
 * and then ends the command.
 */
void self_in_trial(bool on);

/* Whether a value is within its bound. A NaN never is. */
bool self_holds(double value, enum self_bound kind, double bound);

/* The groups of bench-self. (Those of bench-race: race.h.) */
void self_flushes(struct self *s);
void self_shape(struct self *s);
void self_uring(struct self *s);
void self_lock(struct self *s);
void self_instruments(struct self *s);
void self_driver(struct self *s);
void self_harness(struct self *s);
void self_fio(struct self *s);
void self_fidelity(struct self *s);
void self_phases(struct self *s);
void self_kernel_phases(struct self *s);
void self_watched(struct self *s);
void self_images(struct self *s);
void self_schedules(struct self *s);
void self_seed(struct self *s);
void self_memory(struct self *s);
void self_recovery(struct self *s);

/* The child's side of self_instruments(): measures on request, until there is no more. The exit status. */
int self_instruments_child(void);

#endif
