/*
 * watched.c: what `fsyncstorm watch` adds to the fsync of the process that it watches, on a disk: p50 of a write and
 * fsync, by one thread and by several.
 *
 * Two processes that are alike, one of them watched, take turns in short blocks: each measures when it is asked for a
 * block, and sleeps otherwise. Either is the one begun first and on the first file in turn, since of twins one may be
 * faster for as long as it lives.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/rng.h"
#include "figures/figures.h"
#include "figures/turns.h"
#include "kwait/task.h"
#include "machine/mem.h"
#include "target/disk.h"

#define PAIRS      20
#define BLOCKS     30
#define BLOCK_OPS  12      /* of each thread: some 10 ms on a disk */
#define TASKS_MAX  4u
#define FILE_BYTES (4u << 20)
#define BLOCK      4096u

/* ---- the child ---- */

struct writer {
	int fd;
	struct rng rng;
	double *ns;
};

static void *write_and_fsync(void *arg)
{
	static const char data[BLOCK] = "fsyncstorm";
	struct writer *w = arg;

	for (unsigned i = 0; i < BLOCK_OPS; i++) {
		uint64_t begin;

		if (pwrite(w->fd, data, BLOCK, (off_t)(rng_below(&w->rng, FILE_BYTES / BLOCK) * BLOCK)) != BLOCK)
			_exit(2);
		begin = kwait_now();
		if (fsync(w->fd))
			_exit(2);
		w->ns[i] = (double)(kwait_now() - begin);
	}
	return NULL;
}

/* The threads are there all the time, as a database's are: the watcher knows them. */
struct crew {
	struct writer writer[TASKS_MAX];
	unsigned n;
	pthread_barrier_t line;
};

struct member {
	struct crew *crew;
	unsigned i;
};

static void *work(void *arg)
{
	struct member *m = arg;

	for (;;) {
		pthread_barrier_wait(&m->crew->line);
		write_and_fsync(&m->crew->writer[m->i]);
		pthread_barrier_wait(&m->crew->line);
	}
	return NULL;
}

/* Answers each byte with a p50 in ns, until there is no more. */
static void child(const char *path, unsigned tasks, int in, int out)
{
	struct crew crew = { .n = tasks };
	struct member member[TASKS_MAX];
	double ns[TASKS_MAX * BLOCK_OPS], p50;
	char c;

	pthread_barrier_init(&crew.line, NULL, tasks + 1);
	for (unsigned i = 0; i < tasks; i++) {
		char name[PATH_MAX];
		pthread_t thread;

		snprintf(name, sizeof(name), "%.4000s.%u", path, i);
		crew.writer[i] = (struct writer){ .fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600),
			                          .ns = ns + i * BLOCK_OPS };
		rng_seed(&crew.writer[i].rng, i + 1);
		for (uint64_t at = 0; at < FILE_BYTES; at += BLOCK)
			if (pwrite(crew.writer[i].fd, name, BLOCK, (off_t)at) != BLOCK)
				_exit(2);
		if (fsync(crew.writer[i].fd) || unlink(name))
			_exit(2);
		member[i] = (struct member){ &crew, i };
		if (pthread_create(&thread, NULL, work, &member[i]))
			_exit(2);
	}
	if (write(out, &p50, sizeof(p50)) < 0) /* it is ready */
		_exit(2);
	while (read(in, &c, 1) == 1) {
		pthread_barrier_wait(&crew.line);
		pthread_barrier_wait(&crew.line);
		p50 = median(ns, tasks * BLOCK_OPS);
		if (write(out, &p50, sizeof(p50)) < 0)
			_exit(2);
	}
	_exit(0);
}

/* ---- the parent ---- */

struct side {
	pid_t pid, watcher;  /* 0: none */
	int ask, answer;
	FILE *said;          /* of the watcher */
};

static double side_p50(void *arg)
{
	struct side *c = arg;
	double p50;

	if (write(c->ask, "", 1) != 1 || read(c->answer, &p50, sizeof(p50)) != sizeof(p50))
		return 0;
	return p50;
}

static int side_start(struct side *c, const char *path, unsigned tasks)
{
	int ask[2], answer[2];
	double ready;

	if (pipe2(ask, O_CLOEXEC) || pipe2(answer, O_CLOEXEC))
		return -errno;
	c->pid = fork();
	if (c->pid < 0)
		return -errno;
	if (!c->pid) {
		close(ask[1]);
		close(answer[0]);
		child(path, tasks, ask[0], answer[1]);
	}
	close(ask[0]);
	close(answer[1]);
	c->ask = ask[1];
	c->answer = answer[0];
	return read(c->answer, &ready, sizeof(ready)) == sizeof(ready) ? 0 : -EPIPE;
}

/* Begins to watch; back when all its threads are watched. */
static int side_watch(struct side *c, const char *program)
{
	char pid[16], line[128] = "";
	int out[2];

	snprintf(pid, sizeof(pid), "%d", (int)c->pid);
	if (pipe2(out, O_CLOEXEC))
		return -errno;
	c->watcher = fork();
	if (c->watcher < 0)
		return -errno;
	if (!c->watcher) {
		dup2(out[1], 1);
		execl(program, program, "watch", "-p", pid, "-i", "1000", NULL);
		_exit(127);
	}
	close(out[1]);
	c->said = fdopen(out[0], "re");
	return c->said && fgets(line, sizeof(line), c->said) && !strncmp(line, "watching ", 9) ? 0 : -EPIPE;
}

static void side_end(struct side *c)
{
	if (c->watcher > 0)
		kill(c->watcher, SIGINT);
	while (c->said && fgetc(c->said) != EOF)
		;
	if (c->said)
		fclose(c->said);
	if (c->watcher > 0)
		waitpid(c->watcher, NULL, 0);
	if (c->pid <= 0)
		return;
	kill(c->pid, SIGKILL); /* its files have no names */
	waitpid(c->pid, NULL, 0);
	close(c->ask);
	close(c->answer);
}

/* One pair: the ratio, and the p50 of the one that is not watched, in ns. */
static int measure_pair(struct self *s, unsigned tasks, unsigned number, double *ratio, double *plain)
{
	struct side side[2] = { { 0 }, { 0 } }; /* the second is watched */
	struct turn turn[2] = { { .measure = side_p50, .arg = &side[0] }, { .measure = side_p50, .arg = &side[1] } };
	char path[PATH_MAX];
	int ret = 0;

	for (unsigned i = 0; i < 2 && !ret; i++) {
		snprintf(path, sizeof(path), "%.4000s/bench-self-watched.%u", s->dir, i);
		ret = side_start(&side[number % 2 ? 1 - i : i], path, tasks);
	}
	if (!ret)
		ret = side_watch(&side[1], s->program);
	if (!ret) {
		turns_run(turn, 2, BLOCKS);
		*plain = median(turn[0].value, BLOCKS);
		*ratio = turns_ratio(&turn[1], &turn[0], BLOCKS);
		if (!(*plain > 0) || !(*ratio > 0))
			ret = -EPIPE;
		turns_free(turn, 2);
	}
	side_end(&side[1]);
	side_end(&side[0]);
	return ret;
}

static void measure(struct self *s, unsigned tasks)
{
	double ratio[PAIRS], plain[PAIRS], low, high;
	char name[40];

	snprintf(name, sizeof(name), "watched, fsync's p50, %u thread%s", tasks, tasks > 1 ? "s" : "");
	for (unsigned i = 0; i < PAIRS; i++) {
		int ret = measure_pair(s, tasks, i, &ratio[i], &plain[i]);

		if (ret) {
			self_missing(s, name, "a child or its watcher does not answer: %s", strerror(-ret));
			return;
		}
	}
	self_figure(s, name, 100 * (median(ratio, PAIRS) - 1), AT_MOST, 3, "%");
	median_interval(ratio, PAIRS, &low, &high);
	self_info(s,
	          "fsync p50 of %u thread%s: %.0f us when nobody watches; watched %.1f %% more, 95 %% interval %.1f "
	          "to %.1f (%d pairs)",
	          tasks, tasks > 1 ? "s" : "", median(plain, PAIRS) / 1e3, 100 * (median(ratio, PAIRS) - 1),
	          100 * (low - 1), 100 * (high - 1), PAIRS);
}

/* Why it cannot be measured here: 0, or -errno. */
static int can_be_measured(struct self *s, struct why *why)
{
	int fd = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct kwait_tracepoints points;
	struct disk disk = { .name = "" };
	int ret = kwait_allowed(why);

	if (!ret)
		ret = kwait_tracepoints(&points, why);
	if (fd >= 0) {
		disk_under(fd, &disk);
		close(fd);
	}
	if (!ret && !disk.name[0])
		ret = why_set(why, -ENODEV, "%.200s is on no disk", s->dir);
	return ret;
}

void self_watched(struct self *s)
{
	static const unsigned tasks[] = { 1, TASKS_MAX };
	struct why why;

	if (can_be_measured(s, &why)) {
		self_missing(s, "watched, fsync's p50", "%s", why.text);
		return;
	}
	signal(SIGPIPE, SIG_IGN);
	for (unsigned i = 0; i < 2; i++)
		measure(s, tasks[i]);
}
