/*
 * watched.c: what `fsyncstorm watch` adds to the fsync of the process that it watches, on a disk: p50 of a write and
 * fsync, by one thread and by several.
 *
 * One process is measured in blocks, watched in every other one: a watcher begins before the block and ends after it.
 * While one is there all threads of the machine pay a little, not the watched ones alone, so who is not watched has to
 * be measured without one.
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

#define BLOCKS     60
#define BLOCK_OPS  150     /* of each thread: some 25 ms on a disk */
#define BLOCKS_BEFORE 8    /* that are not measured */
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
	const char *program;
	pid_t pid;
	int ask, answer;
	bool failed;         /* a watcher does not begin */
};

/*
 * Of the last of some blocks: in the first ones a watcher that has just begun looks at files that it sees for the first
 * time. 0: the child has ended.
 */
static double side_p50(void *arg)
{
	struct side *c = arg;
	double p50 = 0;

	for (unsigned i = 0; i <= BLOCKS_BEFORE; i++)
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

/* A watcher, which watches all threads of the child when it is back. What it says; NULL: it does not begin. */
static FILE *begin_to_watch(const struct side *c, pid_t *watcher)
{
	char pid[16], line[128] = "";
	int out[2];
	FILE *said;

	snprintf(pid, sizeof(pid), "%d", (int)c->pid);
	if (pipe2(out, O_CLOEXEC))
		return NULL;
	*watcher = fork();
	if (!*watcher) {
		dup2(out[1], 1);
		execl(c->program, c->program, "watch", "-p", pid, "-i", "1000", NULL);
		_exit(127);
	}
	close(out[1]);
	said = fdopen(out[0], "re");
	if (*watcher > 0 && said && fgets(line, sizeof(line), said) && !strncmp(line, "watching ", 9))
		return said;
	if (said)
		fclose(said);
	if (*watcher > 0) {
		kill(*watcher, SIGKILL); /* it may have begun, and said something else */
		waitpid(*watcher, NULL, 0);
	}
	return NULL;
}

static double watched_p50(void *arg)
{
	struct side *c = arg;
	pid_t watcher;
	FILE *said = begin_to_watch(c, &watcher);
	double p50;

	c->failed |= !said;
	if (!said)
		return 0;
	p50 = side_p50(c);
	kill(watcher, SIGINT);
	while (fgetc(said) != EOF)
		;
	fclose(said);
	waitpid(watcher, NULL, 0);
	return p50;
}

static void side_end(struct side *c)
{
	if (c->pid <= 0)
		return;
	kill(c->pid, SIGKILL); /* its files have no names */
	waitpid(c->pid, NULL, 0);
	close(c->ask);
	close(c->answer);
}

static void measure(struct self *s, unsigned tasks)
{
	struct side side = { .program = s->program };
	struct turn turn[2] = { { .measure = side_p50, .arg = &side }, { .measure = watched_p50, .arg = &side } };
	char name[40], path[PATH_MAX];
	double ratio[BLOCKS], low, high;
	int ret;

	snprintf(name, sizeof(name), "watched, fsync's p50, %u thread%s", tasks, tasks > 1 ? "s" : "");
	snprintf(path, sizeof(path), "%.4000s/bench-self-watched", s->dir);
	ret = side_start(&side, path, tasks);
	if (!ret)
		turns_run(turn, 2, BLOCKS);
	side_end(&side);
	if (ret) {
		self_missing(s, name, "no child can be begun: %s", strerror(-ret));
		return;
	}
	for (unsigned i = 0; i < BLOCKS; i++) {
		ratio[i] = turn[1].value[i] / turn[0].value[i];
		side.failed |= !(ratio[i] > 0); /* NaN, too */
	}
	if (side.failed) {
		self_missing(s, name, "the child, or a watcher, does not answer");
	} else {
		self_figure(s, name, 100 * (median(ratio, BLOCKS) - 1), AT_MOST, 3, "%");
		median_interval(ratio, BLOCKS, &low, &high);
		self_info(s,
		          "fsync p50 of %u thread%s: %.0f us when nobody watches; watched %.1f %% more, 95 %% "
		          "interval %.1f to %.1f (%d pairs of blocks)",
		          tasks, tasks > 1 ? "s" : "", median(turn[0].value, BLOCKS) / 1e3,
		          100 * (median(ratio, BLOCKS) - 1), 100 * (low - 1), 100 * (high - 1), BLOCKS);
	}
	turns_free(turn, 2);
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
