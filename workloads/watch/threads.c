/* threads.c: see threads.h. */
#include "watch/threads.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "machine/mem.h"

#define MS       1000000ull
#define LOOK_NS  (20 * MS)  /* between two looks for new threads */
#define QUIET_NS (100 * MS) /* a sync wakes us no sooner again */

static bool is_watched(const struct watched *w, pid_t tid)
{
	for (unsigned i = 0; i < w->n; i++)
		if (w->thread[i].tid == tid)
			return true;
	return false;
}

static int add_thread(struct watched *w, pid_t pid, pid_t tid, struct why *why)
{
	struct kwait_task *task = kwait_task_watch(tid, &w->points, why);

	if (!task)
		return -EPERM;
	if (w->n == w->room) {
		w->room = w->room ? 2 * w->room : 16;
		w->thread = realloc(w->thread, w->room * sizeof(*w->thread));
		CHECK(w->thread);
	}
	w->thread[w->n++] = (struct watched_thread){ .pid = pid, .tid = tid, .task = task };
	return 0;
}

/* Its threads that are not known yet. 0, or the first one's error. */
static int add_threads(struct watched *w, pid_t pid, struct why *why)
{
	char path[64];
	struct dirent *e;
	int ret = 0;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	d = opendir(path);
	if (!d)
		return why_set(why, -errno, "no process has the number %d", (int)pid);
	while ((e = readdir(d)) && !ret)
		if (isdigit((unsigned char)e->d_name[0]) && !is_watched(w, atoi(e->d_name)))
			ret = add_thread(w, pid, atoi(e->d_name), why);
	closedir(d);
	return ret;
}

/* Children of one thread: each a process that is followed, too. */
static void add_children(struct watched *w, pid_t pid, pid_t tid)
{
	char path[96];
	FILE *in;
	int child;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)tid);
	in = fopen(path, "re");
	while (in && fscanf(in, "%d", &child) == 1)
		if (!is_watched(w, child) && !add_threads(w, child, NULL))
			w->processes++;
	if (in)
		fclose(in);
}

int watched_begin(struct watched *w, pid_t pid, struct why *why)
{
	int ret = kwait_allowed(why);

	memset(w, 0, sizeof(*w));
	if (!ret)
		ret = kwait_tracepoints(&w->points, why);
	if (!ret && kill(pid, 0) && errno == ESRCH)
		ret = why_set(why, -ESRCH, "no process has the number %d", (int)pid);
	if (!ret)
		ret = add_threads(w, pid, why);
	w->processes = 1;
	if (ret)
		watched_end(w);
	return ret;
}

/* ---- what was seen ---- */

/* After a sync that was looked at its thread wakes nobody for a while. */
static void be_quiet(struct watched_thread *t, const struct kwait_call *inside)
{
	uint64_t now = kwait_now();

	if (t->quiet_ns && now - t->quiet_ns < QUIET_NS)
		return;
	if (t->quiet_ns)
		kwait_task_wake(t->task, true);
	t->quiet_ns = 0;
	if (!inside || inside->kind >= KWAIT_WRITE)
		return;
	kwait_task_wake(t->task, false);
	t->quiet_ns = now;
}

/* True: it has begun another task. */
static bool tell_calls(struct watched_thread *t, const struct watched_calls *tell)
{
	const struct kwait_call *inside, *c;
	bool cloned = false;
	size_t n;

	kwait_task_drain(t->task);
	c = kwait_task_calls(t->task, &n);
	for (size_t i = 0; i < n; i++)
		if (c[i].kind == KWAIT_CLONE)
			cloned = true;
		else
			tell->ended(tell->arg, t, &c[i], t->inside_ns == c[i].begin_ns ? t->inside_file : UINT_MAX);
	inside = kwait_task_inside(t->task);
	if (inside && inside->begin_ns != t->inside_ns) {
		t->inside_ns = inside->begin_ns;
		t->inside_file = tell->begun(tell->arg, t->pid, inside);
	}
	be_quiet(t, inside);
	kwait_task_forget(t->task, inside ? inside->begin_ns : n ? c[n - 1].end_ns + 1 : 0);
	return cloned;
}

static bool has_ended(const struct watched_thread *t)
{
	char path[64];
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/task/%d", (int)t->pid, (int)t->tid);
	d = opendir(path);
	if (d)
		closedir(d);
	return !d;
}

static void let_go(struct watched *w, unsigned i)
{
	w->lost += kwait_task_lost(w->thread[i].task);
	kwait_task_close(w->thread[i].task);
	w->thread[i] = w->thread[--w->n];
}

/* Who has ended, who is new. */
static void look_for_threads(struct watched *w, const struct watched_calls *tell)
{
	unsigned n = w->n;

	for (unsigned i = 0; i < n; i++) {
		w->thread[i].gone = has_ended(&w->thread[i]); /* asked before: nothing of it comes after its end */
		if (!w->thread[i].gone && w->thread[i].pid == w->thread[i].tid)
			add_threads(w, w->thread[i].pid, NULL);
		if (!w->thread[i].gone)
			add_children(w, w->thread[i].pid, w->thread[i].tid);
	}
	for (unsigned i = 0; i < w->n; i++) {
		struct watched_thread *t = &w->thread[i];
		if (!t->found && t->pid == t->tid)
			tell->found(tell->arg, t->pid);
		t->found = true;
	}
}

unsigned watched_look(struct watched *w, const struct watched_calls *tell)
{
	uint64_t now = kwait_now();
	bool cloned = false;

	if (w->has_ended || now - w->looked_ns >= LOOK_NS) {
		look_for_threads(w, tell);
		w->looked_ns = now;
		w->has_ended = false;
	}
	for (unsigned i = w->n; i-- > 0;) {
		cloned |= tell_calls(&w->thread[i], tell);
		if (w->thread[i].gone)
			let_go(w, i);
	}
	if (cloned) /* at once: a short command would be over by the next look */
		look_for_threads(w, tell);
	return w->n;
}

void watched_wait(struct watched *w, unsigned ms)
{
	struct pollfd *fd = mem_alloc((w->n + 1) * sizeof(*fd));

	for (unsigned i = 0; i < w->n; i++)
		fd[i] = (struct pollfd){ .fd = kwait_task_fd(w->thread[i].task), .events = POLLIN };
	poll(fd, w->n, (int)ms);
	for (unsigned i = 0; i < w->n; i++)
		w->has_ended |= fd[i].revents & POLLHUP;
	free(fd);
}

void watched_end(struct watched *w)
{
	while (w->n)
		let_go(w, w->n - 1);
	free(w->thread);
	w->thread = NULL;
}
