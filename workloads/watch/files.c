/* files.c: see files.h. What was gathered is told in tell.c. */
#include "watch/files.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "machine/mem.h"

#define DELETED " (deleted)"

/* ---- which file ---- */

static unsigned file_of(struct watched_files *f, const char *path, bool is_dsync)
{
	struct watched_file *file;
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

/* The file that a descriptor is now; what has ended by then has no path. */
static unsigned look_up(struct watched_files *f, pid_t pid, int fd)
{
	char link[64], path[PATH_MAX] = "";
	size_t deleted = sizeof(DELETED) - 1;
	ssize_t n;

	if (fd < 0)
		return file_of(f, "(mapped memory)", false);
	snprintf(link, sizeof(link), "/proc/%d/fd/%d", (int)pid, fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n < 0)
		return file_of(f, "(a descriptor that was closed since)", false);
	path[n] = '\0';
	if ((size_t)n > deleted && !strcmp(path + n - deleted, DELETED))
		path[(size_t)n - deleted] = '\0';
	return file_of(f, path, syncs_writes(pid, fd));
}

static bool is_write(enum kwait_kind kind)
{
	return kind >= KWAIT_WRITE && kind < KWAIT_OPENAT;
}

/* What the descriptor was when it was last looked at: when it was opened, or at a sync; a write is too frequent. */
static unsigned known_file(struct watched_files *f, pid_t pid, int fd, bool again)
{
	unsigned i = 0, most = sizeof(f->known) / sizeof(f->known[0]);

	while (i < f->nknown && (f->known[i].pid != pid || f->known[i].fd != fd))
		i++;
	if (i < f->nknown && !again)
		return f->known[i].file;
	if (i == f->nknown)
		i = f->nknown < most ? f->nknown++ : (unsigned)fd % most;
	f->known[i].pid = pid;
	f->known[i].fd = fd;
	return f->known[i].file = look_up(f, pid, fd);
}

static unsigned call_begun(void *arg, pid_t pid, const struct kwait_call *c)
{
	return c->kind < KWAIT_WRITE ? known_file(arg, pid, c->fd, true) : UINT_MAX;
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
	struct kwait_sum sum = { .syncs = 0 };
	struct watched_slow slow = {
		.begin_ns = c->begin_ns, .took_ns = c->end_ns - c->begin_ns, .file = number, .kind = c->kind,
		.tid = t->tid,
	};

	hist_add(&file->sync, slow.took_ns);
	note_task(file, t->tid);
	kwait_sum_call(&sum, t->task, c);
	kwait_sum_sort(&sum);
	if (sum.nsites) {
		snprintf(slow.wait, sizeof(slow.wait), "%s", sum.site[0].function);
		slow.wait_ns = sum.site[0].ns;
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

static void call_ended(void *arg, const struct watched_thread *t, const struct kwait_call *c, unsigned begun)
{
	struct watched_files *f = arg;
	struct watched_file *file;
	unsigned number;

	if (c->kind == KWAIT_OPENAT) { /* looked at while it is open */
		if (c->ret >= 0)
			known_file(f, t->pid, (int)c->ret, true);
		return;
	}
	number = begun != UINT_MAX ? begun : known_file(f, t->pid, c->fd, false);
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
	if (!is_write(c->kind) || file->is_dsync)
		add_sync(f, number, t, c);
}

struct watched_calls watched_files_calls(struct watched_files *f)
{
	return (struct watched_calls){ .begun = call_begun, .ended = call_ended, .arg = f };
}

void watched_files_free(struct watched_files *f)
{
	for (unsigned i = 0; i < f->n; i++)
		free(f->file[i]);
	free(f->file);
}
