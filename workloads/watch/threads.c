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
#include <unistd.h>

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

/* Such a thread has a name of the kernel's. */
static bool is_worker(pid_t pid, pid_t tid)
{
	char path[64], comm[8] = "";
	FILE *in;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/comm", (int)pid, (int)tid);
	in = fopen(path, "re");
	if (in && !fgets(comm, sizeof(comm), in))
		comm[0] = '\0';
	if (in)
		fclose(in);
	return !strncmp(comm, "iou-", 4);
}

static int add_thread(struct watched *w, pid_t pid, pid_t tid, struct why *why)
{
	bool works = is_worker(pid, tid);
	struct kwait_task *task = works ? kwait_task_open(tid, why) : kwait_task_watch(tid, &w->points, why);

	if (!task)
		return -EPERM;
	if (w->n == w->room) {
		w->room = w->room ? 2 * w->room : 16;
		w->thread = realloc(w->thread, w->room * sizeof(*w->thread));
		CHECK(w->thread);
	}
	w->first = !w->n || tid < w->first ? tid : w->first;
	w->last = tid > w->last ? tid : w->last;
	w->thread[w->n++] = (struct watched_thread){ .pid = pid, .tid = tid, .task = task, .is_worker = works };
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

static bool is_thread(void *arg, pid_t tid)
{
	return is_watched(arg, tid);
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
	if (!ret)
		w->uring = uring_begin(&w->no_uring);
	if (!ret)
		w->wakers = wakers_watch(is_thread, w, w->first, w->last, &w->no_wakers);
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
	const struct kwait_call *inside = kwait_task_inside(t->task), *c;
	bool cloned = false;
	size_t n;

	c = kwait_task_calls(t->task, &n);
	for (size_t i = 0; i < n; i++) {
		cloned |= c[i].kind >= KWAIT_CLONE;
		if (c[i].kind != KWAIT_CLONE)
			tell->ended(tell->arg, t, &c[i], t->inside_ns == c[i].begin_ns ? t->inside_file : UINT_MAX);
	}
	if (inside && inside->begin_ns != t->inside_ns) {
		t->inside_ns = inside->begin_ns;
		t->inside_file = tell->begun(tell->arg, t->pid, inside);
	}
	be_quiet(t, inside);
	return cloned;
}

/* ---- through io_uring ---- */

/* The process that the thread is of, or was; 0: one that is not watched. */
static pid_t owner_of(const struct watched *w, pid_t tid)
{
	char path[64];

	for (unsigned i = 0; i < w->n; i++)
		if (w->thread[i].tid == tid)
			return w->thread[i].pid;
	for (size_t i = w->nended; i-- > 0;)
		if (w->ended[i].tid == tid)
			return w->ended[i].pid;
	for (unsigned i = 0; i < w->n; i++) {
		snprintf(path, sizeof(path), "/proc/%d/task/%d", (int)w->thread[i].pid, (int)tid);
		if (w->thread[i].pid == w->thread[i].tid && !access(path, F_OK))
			return w->thread[i].pid; /* it is not found yet */
	}
	return 0;
}

static struct kwait_call call_of(const struct uring_sync *s)
{
	return (struct kwait_call){ .begin_ns = s->submit_ns, .end_ns = s->end_ns, .start_ns = s->start_ns, .fd = s->fd,
		                    .ret = s->ret, .kind = s->is_range ? KWAIT_URING_SYNC_RANGE : KWAIT_URING_FSYNC };
}

static void tell_uring_end(const struct watched *w, const struct uring_sync *s, const struct watched_calls *tell)
{
	struct watched_thread unseen = { .pid = owner_of(w, s->submitter), .tid = s->submitter };
	const struct watched_thread *t = &unseen;
	struct kwait_call c = call_of(s);

	if (!unseen.pid)
		return;
	for (unsigned i = 0; i < w->n; i++)
		if (w->thread[i].tid == s->worker)
			t = &w->thread[i];
	tell->ended(tell->arg, t, &c, s->note);
}

/* What is under way: its file is looked at. When the first of them began: UINT64_MAX when none is. */
static uint64_t tell_uring_begun(struct watched *w, const struct watched_calls *tell)
{
	uint64_t first = UINT64_MAX;
	size_t n;
	struct uring_sync *s = uring_pending(w->uring, &n);

	for (size_t i = 0; i < n; i++) {
		pid_t pid = owner_of(w, s[i].submitter);
		struct kwait_call c = call_of(&s[i]);

		if (!pid)
			continue;
		first = s[i].submit_ns < first ? s[i].submit_ns : first;
		if (s[i].note == UINT_MAX && s[i].fd != URING_FD_UNKNOWN)
			s[i].note = tell->begun(tell->arg, pid, &c);
	}
	return first;
}

/* As be_quiet(), until a look finds none. */
static void be_quiet_of_uring(struct watched *w, bool any)
{
	uint64_t now = kwait_now();

	if (w->uring_quiet_ns && now - w->uring_quiet_ns < QUIET_NS)
		return;
	if (!!w->uring_quiet_ns == any)
		return;
	uring_wake(w->uring, !any);
	w->uring_quiet_ns = any ? now : 0;
}

/* Of what was drained; when the first began of those that are under way. */
static uint64_t tell_uring(struct watched *w, const struct watched_calls *tell)
{
	size_t n;
	struct uring_sync *s = uring_ended(w->uring, &n);
	uint64_t first;

	for (size_t i = 0; i < n; i++)
		tell_uring_end(w, &s[i], tell);
	uring_forget(w->uring);
	first = tell_uring_begun(w, tell);
	be_quiet_of_uring(w, n || first < UINT64_MAX);
	return first;
}

/* ---- threads that come and go ---- */

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
	if (w->nended == w->ended_room) {
		w->ended_room = w->ended_room ? 2 * w->ended_room : 64;
		w->ended = realloc(w->ended, w->ended_room * sizeof(*w->ended));
		CHECK(w->ended);
	}
	w->ended[w->nended++] = (struct ended){ w->thread[i].tid, w->thread[i].pid };
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
	if (w->wakers)
		wakers_cover(w->wakers, w->first, w->last, &w->no_wakers);
	for (unsigned i = 0; i < w->n; i++) {
		struct watched_thread *t = &w->thread[i];
		if (!t->found && t->pid == t->tid)
			tell->found(tell->arg, t->pid);
		t->found = true;
	}
}

/* What ended before that time, and before each call that is under way, was told. */
static void forget(struct watched *w, uint64_t before_ns)
{
	w->since_ns = before_ns;
	for (unsigned i = w->n; i-- > 0;) {
		const struct kwait_call *inside = kwait_task_inside(w->thread[i].task);

		uint64_t since_ns = inside && inside->begin_ns < before_ns ? inside->begin_ns : before_ns;

		kwait_task_forget(w->thread[i].task, since_ns);
		w->since_ns = since_ns < w->since_ns ? since_ns : w->since_ns;
		if (w->thread[i].gone)
			let_go(w, i);
	}
	if (w->wakers)
		wakers_forget(w->wakers, w->since_ns);
}

static bool has_worker(const struct watched *w)
{
	unsigned i = 0;

	while (i < w->n && !w->thread[i].is_worker)
		i++;
	return i < w->n;
}

unsigned watched_look(struct watched *w, const struct watched_calls *tell)
{
	uint64_t now = kwait_now(), first, drained_ns;
	bool cloned = false;

	if (w->has_ended || w->waits_for_worker || now - w->looked_ns >= LOOK_NS) {
		look_for_threads(w, tell);
		w->looked_ns = now;
		w->has_ended = false;
		now = kwait_now();
	}
	/* From here on the rings are complete up to `now`. */
	for (unsigned i = 0; i < w->n; i++)
		kwait_task_drain(w->thread[i].task);
	drained_ns = kwait_now(); /* all that the calls rest on was before */
	if (w->uring)
		uring_drain(w->uring, now);
	if (w->wakers)
		wakers_drain(w->wakers);
	tell->drained(tell->arg, drained_ns, w->since_ns);
	for (unsigned i = w->n; i-- > 0;)
		cloned |= tell_calls(&w->thread[i], tell);
	first = w->uring ? tell_uring(w, tell) : UINT64_MAX;
	w->waits_for_worker = first < now && now - first < QUIET_NS && !has_worker(w);
	forget(w, first < now ? first : now);
	if (cloned) /* at once: a short command would be over by the next look */
		look_for_threads(w, tell);
	return w->n;
}

void watched_wait(struct watched *w, unsigned ms)
{
	struct pollfd *fd = mem_alloc((w->n + 1) * sizeof(*fd));
	bool has_uring = w->uring && uring_fd(w->uring) >= 0;

	for (unsigned i = 0; i < w->n; i++)
		fd[i] = (struct pollfd){ .fd = kwait_task_fd(w->thread[i].task), .events = POLLIN };
	if (has_uring)
		fd[w->n] = (struct pollfd){ .fd = uring_fd(w->uring), .events = POLLIN };
	poll(fd, w->n + has_uring, w->waits_for_worker ? 1 : (int)ms); /* the kernel is about to begin one */
	for (unsigned i = 0; i < w->n; i++)
		w->has_ended |= fd[i].revents & POLLHUP;
	free(fd);
}

void watched_end(struct watched *w)
{
	while (w->n)
		let_go(w, w->n - 1);
	if (w->uring)
		uring_end(w->uring);
	w->uring = NULL;
	wakers_free(w->wakers);
	w->wakers = NULL;
	free(w->thread);
	free(w->ended);
	w->thread = NULL;
	w->ended = NULL;
}

uint64_t watched_lost(const struct watched *w)
{
	uint64_t lost = w->lost;

	for (unsigned i = 0; i < w->n; i++)
		lost += kwait_task_lost(w->thread[i].task);
	lost += w->uring ? uring_lost(w->uring) : 0;
	return lost + (w->wakers ? wakers_lost(w->wakers) : 0);
}
