/*
 * harness.c: what the driver and a path: target cost per operation, beside the system calls themselves: the job dwsl on
 * a file in memory, against a loop of the same calls and nothing else, in a thread of its own, too. fio does the same
 * job beside it, and the figure is our cost through fio's: on one machine fio's was 230 ns and 370 on another, where a
 * system call leaves less in the caches. 100 of 220 ns is the bound.
 *
 * Processor time of the task, in turns; the difference is taken block by block.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/check.h"
#include "base/rng.h"
#include "figures/figures.h"
#include "figures/trial.h"
#include "figures/turns.h"
#include "machine/mem.h"

#define NAME     "harness on a path, of fio's cost"
#define OF_FIO   0.45
#define BLOCKS   45
#define TRIAL_NS 150000000ull
#define FILE_BYTES (4u << 20)
#define LAYOUT   (1u << 20)
#define CALLS    60000u /* of each, in the bare loop */

static const char job_text[] = "[harness]\nbs=4k\nrw=randwrite\noverwrite=1\nsize=4m\nfsync=1\n";

struct harness {
	const char *folder;
	struct trial us, fio;
	struct job_file job;
	struct why why;
};

/* Of a trial: processor time for each operation. */
static double operation_ns(void *trial)
{
	struct driver_result *r = trial_run(trial);
	uint64_t n = r ? r->op[OP_WRITE].n + r->op[OP_FSYNC].n : 0;
	double ns = n ? (double)r->cpu_ns / (double)n : 0;

	if (r)
		driver_free(r);
	return ns;
}

static double cpu_ns(void)
{
	struct rusage u;

	getrusage(RUSAGE_THREAD, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e9 +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1e3;
}

/* The same calls, and nothing else. */
static int call_all(int fd, void *buf)
{
	struct rng rng;

	rng_seed(&rng, 1);
	for (unsigned i = 0; i < CALLS; i++)
		if (pwrite(fd, buf, 4096, (off_t)(rng_below(&rng, FILE_BYTES / 4096) * 4096)) != 4096 || fsync(fd))
			return -errno;
	return 0;
}

struct bare {
	struct harness *h;
	double ns; /* a call; 0: h->why */
};

static void *bare(void *arg)
{
	struct bare *b = arg;
	int fd = open(b->h->folder, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600), ret = 0;
	char *buf = mem_alloc_pages(LAYOUT);

	/* In the pieces in which a target lays out: a file in memory keeps them. */
	memset(buf, 'b', LAYOUT);
	for (uint32_t off = 0; fd >= 0 && off < FILE_BYTES && !ret; off += LAYOUT)
		ret = pwrite(fd, buf, LAYOUT, off) == LAYOUT ? 0 : -EIO;
	if (fd >= 0 && !ret) {
		double before = cpu_ns();

		ret = call_all(fd, buf);
		b->ns = (cpu_ns() - before) / (2 * CALLS);
	}
	if (fd < 0 || ret)
		why_set(&b->h->why, 0, "%s: %s", b->h->folder, strerror(fd < 0 ? errno : -ret));
	if (fd >= 0)
		close(fd);
	free(buf);
	return NULL;
}

/* In a thread, as a task is: the library's calls are dearer there. */
static double bare_ns(void *arg)
{
	struct bare b = { .h = arg };
	pthread_t thread;

	CHECK(!pthread_create(&thread, NULL, bare, &b));
	pthread_join(thread, NULL);
	return b.ns;
}

static void measure(struct self *s, struct harness *h)
{
	struct turn turn[] = { { bare_ns, h, NULL }, { operation_ns, &h->us, NULL }, { operation_ns, &h->fio, NULL } };
	double us[BLOCKS], fio[BLOCKS], of_fio[BLOCKS], low, high;

	turns_run(turn, 3, BLOCKS);
	for (unsigned i = 0; i < BLOCKS; i++) { /* above the bare calls of the same block */
		us[i] = turn[1].value[i] - turn[0].value[i];
		fio[i] = turn[2].value[i] - turn[0].value[i];
		of_fio[i] = us[i] / fio[i];
	}
	median_interval(of_fio, BLOCKS, &low, &high);
	if (h->why.text[0]) {
		self_missing(s, NAME, "%s", h->why.text);
		goto free_turns;
	}
	if (!(high - low < OF_FIO))
		self_missing(s, NAME, "the machine was too busy to tell: between %.2f and %.2f at 95 %%", low, high);
	else
		self_figure(s, NAME, median(us, BLOCKS) / median(fio, BLOCKS), AT_MOST, OF_FIO, "x");
	self_info(s, "processor time per system call %.0f ns; above it: the harness %.0f ns, fio %.0f ns",
	          median(turn[0].value, BLOCKS), median(us, BLOCKS), median(fio, BLOCKS));
free_turns:
	turns_free(turn, 3);
}

void self_harness(struct self *s)
{
	struct harness h = { .folder = access("/dev/shm", W_OK) ? s->dir : "/dev/shm" };
	char text[PATH_MAX + 8];
	struct why why;
	int ret = trial_job(s, job_text, &h.job, &why);

	snprintf(text, sizeof(text), "path:%s", h.folder);
	h.us = (struct trial){ .job = &h.job, .tasks = 1, .seconds_ns = TRIAL_NS, .why = &h.why };
	if (!ret)
		ret = trial_target(&h.us, text, &why);
	if (!ret && system("command -v fio > /dev/null"))
		ret = why_set(&why, -ENOENT, "there is no fio to compare with");
	if (ret) {
		self_missing(s, NAME, "%s", why.text);
		return;
	}
	h.fio = h.us;
	h.fio.fio = true;
	measure(s, &h);
	job_free(&h.job);
}
