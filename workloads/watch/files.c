/* files.c: see files.h. What was gathered is told in tell.c. */
#include "watch/files.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "machine/mem.h"

#define DELETED " (deleted)"

/* ---- which file ---- */

/* The device under a path, found for the first time or again: -1 where it is not known, or has nothing to flush. */
static int find_device(struct watched_files *f, const char *path)
{
	struct watched_device *d = &f->device[f->ndevices];
	char name[sizeof(d->name)];
	struct why why;

	if (!f->device_of || path[0] != '/' || f->device_of(path, name, sizeof(name), NULL))
		return -1;
	for (unsigned i = 0; i < f->ndevices; i++)
		if (!strcmp(f->device[i].name, name))
			return (int)i;
	if (f->ndevices == sizeof(f->device) / sizeof(f->device[0]))
		return -1;
	strcpy(d->name, name);
	d->flushes = flushes_watch(name, &why);
	if (!d->flushes)
		snprintf(d->why, sizeof(d->why), "%.150s", why.text);
	d->since_ns = kwait_now();
	return (int)f->ndevices++;
}

static unsigned file_of(struct watched_files *f, const char *path, bool is_dsync)
{
	struct watched_file *file;
	struct stat st;
	unsigned i = 0;

	while (i < f->n && (f->file[i]->is_dsync != is_dsync || strcmp(f->file[i]->path, path)))
		i++;
	if (i < f->n)
		return i;
	f->file = realloc(f->file, (f->n + 1) * sizeof(*f->file));
	CHECK(f->file);
	file = f->file[f->n] = mem_zalloc(sizeof(*file));
	snprintf(file->path, sizeof(file->path), "%s", path);
	file->is_dsync = is_dsync;
	hist_init(&file->sync);
	hist_init(&file->size);
	file->device = find_device(f, path);
	file->dev = path[0] == '/' && !stat(path, &st) ? st.st_dev : 0;
	return f->n++;
}

/* Whether each write through the descriptor is a sync. */
static bool syncs_writes(pid_t pid, int fd)
{
	char path[64], line[64];
	unsigned flags = 0;
	FILE *in;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", (int)pid, fd);
	in = fopen(path, "re");
	while (in && fgets(line, sizeof(line), in))
		if (sscanf(line, "flags: %o", &flags) == 1)
			break;
	if (in)
		fclose(in);
	return flags & O_DSYNC; /* O_SYNC contains it */
}

/* The path of a descriptor, also when its file has none any more. -ENOENT: it is closed. */
static int path_of(pid_t pid, int fd, char out[PATH_MAX])
{
	size_t deleted = sizeof(DELETED) - 1;
	char link[64];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/%d/fd/%d", (int)pid, fd);
	n = readlink(link, out, PATH_MAX - 1);
	if (n < 0)
		return -ENOENT;
	out[n] = '\0';
	if ((size_t)n > deleted && !strcmp(out + n - deleted, DELETED))
		out[(size_t)n - deleted] = '\0';
	return 0;
}

/* The file that a descriptor is now; what has ended by then has no path. */
static unsigned look_up(struct watched_files *f, pid_t pid, int fd)
{
	char path[PATH_MAX];

	if (fd == URING_FD_REGISTERED)
		return file_of(f, "(a file registered with io_uring: which, the kernel does not tell)", false);
	if (fd == URING_FD_UNKNOWN)
		return file_of(f, "(a file of io_uring that was not seen)", false);
	if (fd < 0)
		return file_of(f, "(mapped memory)", false);
	if (path_of(pid, fd, path))
		return file_of(f, "(a descriptor that was closed since)", false);
	return file_of(f, path, syncs_writes(pid, fd));
}

/* The descriptor is still of that file, or was until it was closed. */
static bool is_still(const struct watched_files *f, pid_t pid, int fd, unsigned file)
{
	char path[PATH_MAX];

	return fd < 0 || path_of(pid, fd, path) || !strcmp(path, f->file[file]->path);
}

static bool is_write(enum kwait_kind kind)
{
	return kind >= KWAIT_WRITE && kind < KWAIT_OPENAT;
}

/*
 * What the descriptor was when it was last looked at: when it was opened, or at a sync; a write is too frequent. How
 * it was opened is looked at once: when it was, or is first seen.
 */
static unsigned known_file(struct watched_files *f, pid_t pid, int fd, bool again, bool is_new)
{
	unsigned i = 0, most = sizeof(f->known) / sizeof(f->known[0]);

	while (i < f->nknown && (f->known[i].pid != pid || f->known[i].fd != fd))
		i++;
	if (i < f->nknown && (!again || (!is_new && is_still(f, pid, fd, f->known[i].file))))
		return f->known[i].file;
	if (i == f->nknown)
		i = f->nknown < most ? f->nknown++ : (unsigned)fd % most;
	f->known[i].pid = pid;
	f->known[i].fd = fd;
	return f->known[i].file = look_up(f, pid, fd);
}

/* What it had open when its calls began to be seen: of that no call will tell. */
static void process_found(void *arg, pid_t pid)
{
	struct watched_files *f = arg;
	char path[PATH_MAX];
	struct dirent *e;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	d = opendir(path);
	while (d && (e = readdir(d))) {
		if (!isdigit((unsigned char)e->d_name[0]) || path_of(pid, atoi(e->d_name), path))
			continue;
		f->has_ring |= !strcmp(path, "anon_inode:[io_uring]");
		if (path[0] == '/' && strncmp(path, "/dev/", 5))
			known_file(f, pid, atoi(e->d_name), true, true);
	}
	if (d)
		closedir(d);
}

static unsigned call_begun(void *arg, pid_t pid, const struct kwait_call *c)
{
	return c->kind < KWAIT_WRITE ? known_file(arg, pid, c->fd, true, false) : UINT_MAX;
}

/* ---- calls ---- */

static void add_slow(struct watched_files *f, const struct watched_slow *s)
{
	unsigned at = f->nslow;

	while (at && f->slow[at - 1].took_ns < s->took_ns)
		at--;
	if (at == SLOWEST)
		return;
	if (f->nslow < SLOWEST)
		f->nslow++;
	memmove(&f->slow[at + 1], &f->slow[at], (f->nslow - at - 1) * sizeof(*s));
	f->slow[at] = *s;
}

static void note_task(struct watched_file *file, pid_t tid)
{
	unsigned most = sizeof(file->task) / sizeof(file->task[0]), i = 0;

	while (i < file->ntasks && file->task[i] != tid)
		i++;
	if (i == file->ntasks && i < most)
		file->task[file->ntasks++] = tid;
}

static void add_sync(struct watched_files *f, unsigned number, const struct watched_thread *t,
                     const struct kwait_call *c)
{
	struct watched_file *file = f->file[number];
	struct kwait_beside beside = { .wakers = f->wakers };
	struct kwait_sum sum = { .syncs = 0 };
	struct watched_slow slow = {
		.begin_ns = c->begin_ns, .took_ns = c->end_ns - c->begin_ns, .file = number, .kind = c->kind,
		.tid = t->tid,
	};

	hist_add(&file->sync, slow.took_ns);
	note_task(file, t->tid);
	if (file->device >= 0 && f->device[file->device].since_ns < c->begin_ns)
		beside.device = f->device[file->device].flushes;
	kwait_sum_call(&sum, t->task, c, &beside);
	kwait_sum_sort(&sum);
	slow.has_device = beside.device;
	slow.device_ns = sum.device_ns;
	if (sum.nsites) {
		snprintf(slow.wait, sizeof(slow.wait), "%s", sum.site[0].function);
		slow.wait_ns = sum.site[0].ns;
		snprintf(slow.waker, sizeof(slow.waker), "%s", sum.site[0].waker[0].name);
	}
	kwait_sum_merge(&file->waits, &sum);
	add_slow(f, &slow);
}

static void add_write(struct watched_file *file, const struct kwait_call *c)
{
	uint64_t len = c->ret > 0 ? (uint64_t)c->ret : 0;
	bool known = c->kind == KWAIT_PWRITE;

	file->writes++;
	file->bytes += len;
	hist_add(&file->size, len);
	file->sequential += !known || c->off == file->end;
	file->end = known ? c->off + len : file->end + len;
}

static void keep(struct watched_moments *m, const struct kwait_call *c, pid_t tid)
{
	if (m->n == m->room) {
		m->room = m->room ? 2 * m->room : 256;
		m->at = realloc(m->at, m->room * sizeof(*m->at));
		CHECK(m->at);
	}
	m->at[m->n++] = (struct watched_moment){ .begin_ns = c->begin_ns, .end_ns = c->end_ns, .tid = tid };
}

static void drained(void *arg, uint64_t until_ns, uint64_t since_ns)
{
	struct watched_files *f = arg;

	for (unsigned i = 0; i < f->ndevices; i++)
		if (f->device[i].flushes)
			flushes_drain(f->device[i].flushes, until_ns, since_ns);
}

/* Of the file, and by a flush: the others leave something out. */
static bool syncs_all(enum kwait_kind kind)
{
	return kind == KWAIT_FSYNC || kind == KWAIT_FDATASYNC || kind == KWAIT_URING_FSYNC;
}

static void call_ended(void *arg, const struct watched_thread *t, const struct kwait_call *c, unsigned begun)
{
	struct watched_files *f = arg;
	struct watched_file *file;
	unsigned number;

	if (c->kind == KWAIT_OPENAT) { /* looked at while it is open */
		if (c->ret >= 0)
			known_file(f, t->pid, (int)c->ret, true, true);
		return;
	}
	if (c->kind == KWAIT_RING) {
		f->has_ring |= c->ret >= 0;
		return;
	}
	number = begun != UINT_MAX ? begun : known_file(f, t->pid, c->fd, false, false);
	file = f->file[number];
	file->count[c->kind]++;
	if (c->ret < 0) {
		file->failed++;
		return;
	}
	if (!file->first_ns)
		file->first_ns = c->begin_ns;
	file->last_ns = c->end_ns;
	file->busy_ns += c->end_ns - c->begin_ns;
	if (is_write(c->kind))
		add_write(file, c);
	if (file->device >= 0 && (is_write(c->kind) || syncs_all(c->kind)) && !file->is_dsync)
		keep(is_write(c->kind) ? &file->wrote : &file->synced, c, t->tid);
	if (!is_write(c->kind) || file->is_dsync)
		add_sync(f, number, t, c);
}

struct watched_calls watched_files_calls(struct watched_files *f)
{
	return (struct watched_calls){ .found = process_found, .begun = call_begun, .drained = drained,
	                                .ended = call_ended, .arg = f };
}

/* ---- were they kept? ---- */

static int by_begin(const void *a, const void *b)
{
	const struct watched_moment *x = a, *y = b;

	return x->begin_ns < y->begin_ns ? -1 : x->begin_ns > y->begin_ns;
}

static int by_end(const void *a, const void *b)
{
	const struct watched_moment *x = a, *y = b;

	return x->end_ns < y->end_ns ? -1 : x->end_ns > y->end_ns;
}

static void note_early(struct watched_files *f, unsigned number, const struct watched_moment *sync, uint64_t wrote_ns)
{
	if (f->early < EARLY)
		f->first[f->early] = (struct watched_early){ .begin_ns = sync->begin_ns, .end_ns = sync->end_ns,
			                                     .wrote_ns = wrote_ns, .file = number, .tid = sync->tid };
	f->early++;
	f->file[number]->early++;
}

/* A sync is due what any thread had written to the file before it began. */
static void judge_file(struct watched_files *f, unsigned number)
{
	struct watched_file *file = f->file[number];
	const struct watched_device *d = &f->device[file->device];
	uint64_t wrote_ns = 0;
	size_t w = 0;

	if (!file->wrote.n || !file->synced.n)
		return;
	qsort(file->wrote.at, file->wrote.n, sizeof(file->wrote.at[0]), by_end);
	qsort(file->synced.at, file->synced.n, sizeof(file->synced.at[0]), by_begin);
	for (size_t i = 0; i < file->synced.n; i++) {
		const struct watched_moment *sync = &file->synced.at[i];

		for (; w < file->wrote.n && file->wrote.at[w].end_ns <= sync->begin_ns; w++)
			if (file->wrote.at[w].begin_ns > wrote_ns)
				wrote_ns = file->wrote.at[w].begin_ns;
		if (wrote_ns < d->since_ns)
			continue; /* what happened before we came is not known */
		file->judged++;
		f->judged++;
		if (!flushes_within(d->flushes, wrote_ns, sync->end_ns))
			note_early(f, number, sync, wrote_ns);
	}
}

void watched_files_judge(struct watched_files *f)
{
	for (unsigned i = 0; i < f->ndevices; i++) {
		struct watched_device *d = &f->device[i];

		if (!d->flushes)
			continue;
		flushes_end(d->flushes);
		if (flushes_lost(d->flushes))
			snprintf(d->why, sizeof(d->why), "%llu records of it were dropped",
			         (unsigned long long)flushes_lost(d->flushes));
	}
	for (unsigned i = 0; i < f->n; i++)
		if (f->file[i]->device >= 0 && !f->device[f->file[i]->device].why[0])
			judge_file(f, i);
	for (unsigned i = 0; i < f->ndevices; i++) {
		flushes_free(f->device[i].flushes);
		f->device[i].flushes = NULL;
	}
}

void watched_files_free(struct watched_files *f)
{
	for (unsigned i = 0; i < f->n; i++) {
		free(f->file[i]->wrote.at);
		free(f->file[i]->synced.at);
		free(f->file[i]);
	}
	free(f->file);
}
