/*
 * instruments.c: what all the instrumentation costs: p50 of fsync on ram, counters, phases,
 * lock and device statistics on, against the same program built with them compiled out. Of the designs whose scores
 * have verbs of their own.
 *
 * Two children, one of each program, that keep their file system and take turns in short blocks: each
 * measures when it is asked for a block, and sleeps otherwise. A process may be a few per cent faster
 * than its twin for as long as it lives, by where its memory happens to be, and of two that were alike the one
 * started second was slower by 0.3 %: so many pairs, begun by either in turn, and the median of all.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "figures/figures.h"
#include "figures/rig.h"
#include "figures/turns.h"
#include "machine/mem.h"
#include "rt/lock_stat.h"

#define ROUNDS    60
#define BLOCKS    20
#define WIDEST    4.0 /* of the interval, in %: twice the bound */
#define BLOCK_OPS 100 /* a few ms: both sides of a block meet the same machine */

static const char *const designs[] = { "postfix", "complete", "modern" };

/* ---- the child ---- */

/* As the bench command does: the phases of a call sum to its latency. */
static double timed_fsync(struct rig *g)
{
	uint64_t begin;

	rig_write(g, 0);
	begin = rt_now();
	phase(PH_OTHER);
	rig_fsync(g, 0);
	phase(PH_IDLE);
	return (double)(rt_now() - begin);
}

static double block_p50(struct rig *g, unsigned ops)
{
	double *ns = mem_alloc(ops * sizeof(*ns)), p50;

	for (unsigned i = 0; i < ops; i++)
		ns[i] = timed_fsync(g);
	p50 = median(ns, ops);
	free(ns);
	return p50;
}

static void instruments_on(struct rig *g, struct dev_stats *stats)
{
	hist_init(&stats->write);
	hist_init(&stats->flush);
	hist_init(&stats->fua);
	hist_init(&stats->read);
	lock_stats_enable(true);
	spin_lock(&g->dev->lock);
	g->dev->stats = stats;
	spin_unlock(&g->dev->lock);
}

/* The first line that it is told is the design. */
int self_instruments_child(void)
{
	struct rig_spec spec = { .device = "ram:256m", .files = 1, .file_blocks = 1024 };
	static struct dev_stats stats;
	struct why why;
	char design[32], line[32];
	struct rig rig;

	if (!fgets(design, sizeof(design), stdin))
		return 2;
	design[strcspn(design, "\n")] = '\0';
	spec.design = design;
	if (rig_open(&rig, &spec, &why)) {
		fprintf(stderr, "%s\n", why.text);
		return 2;
	}
	if (rt_instrument)
		instruments_on(&rig, &stats);
	while (fgets(line, sizeof(line), stdin)) {
		printf("%.0f\n", block_p50(&rig, (unsigned)atoi(line)));
		fflush(stdout);
	}
	spin_lock(&rig.dev->lock);
	rig.dev->stats = NULL;
	spin_unlock(&rig.dev->lock);
	rig_close(&rig);
	return 0;
}

/* ---- the parent ---- */

struct child {
	pid_t pid;
	FILE *ask, *answer;
};

static void become_child(const char *program, int in, int out)
{
	char *argv[] = { (char *)program, "bench-self", "--child", NULL };

	dup2(in, 0);
	dup2(out, 1);
	execv(program, argv);
	_exit(127);
}

static int child_start(struct child *c, const char *program, const char *design)
{
	int ask[2], answer[2];

	if (pipe2(ask, O_CLOEXEC) || pipe2(answer, O_CLOEXEC))
		return -errno;
	c->pid = fork();
	if (c->pid < 0)
		return -errno;
	if (!c->pid)
		become_child(program, ask[0], answer[1]);
	close(ask[0]);
	close(answer[1]);
	c->ask = fdopen(ask[1], "w");
	c->answer = fdopen(answer[0], "r");
	fprintf(c->ask, "%s\n", design);
	return 0;
}

static void child_end(struct child *c)
{
	if (!c->ask)
		return;
	fclose(c->ask);
	fclose(c->answer);
	waitpid(c->pid, NULL, 0);
}

/* Not a number when the child is gone. */
static double child_p50(void *arg)
{
	struct child *c = arg;
	char line[32];

	fprintf(c->ask, "%d\n", BLOCK_OPS);
	fflush(c->ask);
	return fgets(line, sizeof(line), c->answer) ? strtod(line, NULL) : 0;
}

static double lowest(const double *x, unsigned n)
{
	double least = x[0];

	for (unsigned i = 1; i < n; i++)
		least = x[i] < least ? x[i] : least;
	return least;
}

/* One pair of children: the ratio, and both p50s in ns. */
struct pair {
	double ratio, on, bare;
};

static int measure_pair(struct self *s, const char *design, bool bare_first, struct pair *out)
{
	struct child child[2] = { 0 };
	struct turn turn[2] = { { .measure = child_p50, .arg = &child[0] },
		                { .measure = child_p50, .arg = &child[1] } };
	const char *program[2] = { s->bare, s->program };
	int first = bare_first ? 0 : 1, ret = child_start(&child[first], program[first], design);

	if (!ret)
		ret = child_start(&child[!first], program[!first], design);
	if (ret)
		goto end_children;
	turns_run(turn, 2, BLOCKS);
	out->bare = median(turn[0].value, BLOCKS);
	out->on = median(turn[1].value, BLOCKS);
	out->ratio = turns_ratio(&turn[1], &turn[0], BLOCKS);
	if (!(out->bare > 0) || !(out->on > 0))
		ret = -EPIPE;
	turns_free(turn, 2);
end_children:
	child_end(&child[0]);
	child_end(&child[1]);
	return ret;
}

static void measure_design(struct self *s, const char *design)
{
	double ratio[ROUNDS], on[ROUNDS], bare[ROUNDS], low, high;
	char name[40];

	snprintf(name, sizeof(name), "instrumentation, fsync's p50, %s", design);
	if (!s->bare[0]) {
		self_missing(s, name, "BARE_FSYNCSTORM does not name a program built with INSTRUMENT=0");
		return;
	}
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct pair p = { 0 };
		int ret = measure_pair(s, design, i % 2, &p);
		if (ret) {
			self_missing(s, name, "a child does not answer: %s", strerror(-ret));
			return;
		}
		ratio[i] = p.ratio;
		on[i] = p.on;
		bare[i] = p.bare;
	}
	median_interval(ratio, ROUNDS, &low, &high);
	if (!(100 * (high - low) < WIDEST))
		self_missing(s, name, "the machine was too busy to tell: between %.1f and %.1f %% at 95 %%",
		             100 * (low - 1), 100 * (high - 1));
	else
		self_figure(s, name, 100 * (median(ratio, ROUNDS) - 1), AT_MOST, 2, "%");
	self_info(s,
	          "fsync p50 of %s on ram: %.2f us with all instrumentation, %.2f us without: %.2f %% more, 95 %% "
	          "interval %.2f to %.2f (%d pairs); lowest of a pair %.2f and %.2f us",
	          design, median(on, ROUNDS) / 1e3, median(bare, ROUNDS) / 1e3, 100 * (median(ratio, ROUNDS) - 1),
	          100 * (low - 1), 100 * (high - 1), ROUNDS, lowest(on, ROUNDS) / 1e3, lowest(bare, ROUNDS) / 1e3);
}

void self_instruments(struct self *s)
{
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < sizeof(designs) / sizeof(designs[0]); i++)
		measure_design(s, designs[i]);
}
