/* foreign.c: see foreign.h. */
#include "cut/foreign.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/check.h"
#include "cut/evidence.h"
#include "machine/mem.h"

#define DEPTH_MAX 64u
#define PIECE     (256u << 10)
#define PROMISE   "holds:"

/* ---- read ---- */

static void name_of(const char *path, char out[FS_NAME_MAX])
{
	if (strlen(path) < FS_NAME_MAX)
		snprintf(out, FS_NAME_MAX, "%s", path);
	else
		snprintf(out, FS_NAME_MAX, "%.40s~%016llx", path, (unsigned long long)XXH64(path, strlen(path), 0));
}

static void note_unreadable(struct recovered_file *rf, int error)
{
	rf->block = mem_zalloc(sizeof(*rf->block));
	rf->nblocks = 1;
	rf->block->err = error;
}

static void read_content(struct recovered_file *rf, int fd)
{
	static _Thread_local uint8_t buf[PIECE];
	XXH64_state_t *state = XXH64_createState();
	ssize_t n;

	CHECK(state);
	XXH64_reset(state, 0);
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		XXH64_update(state, buf, (size_t)n);
	if (n < 0)
		note_unreadable(rf, -errno);
	rf->ino = XXH64_digest(state);
	XXH64_freeState(state);
}

static void read_link(struct recovered_file *rf, int dir, const char *name)
{
	char to[PATH_MAX];
	ssize_t n = readlinkat(dir, name, to, sizeof(to));

	if (n < 0)
		note_unreadable(rf, -errno);
	else
		rf->ino = XXH64(to, (size_t)n, 0);
}

static void read_folder(struct recovered *r, int fd, const char *path, unsigned depth);

static void read_name(struct recovered *r, int dir, const char *folder, const char *name, unsigned depth)
{
	char path[PATH_MAX], shown[FS_NAME_MAX];
	struct stat st;

	if (snprintf(path, sizeof(path), "%s%s%s", folder, *folder ? "/" : "", name) >= (int)sizeof(path)) {
		r->list_err = -ENAMETOOLONG;
		return;
	}
	name_of(path, shown);
	int error = fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) ? -errno : 0;
	bool opens = !error && (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode));
	int fd = opens ? openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC) : -1;
	if (opens && fd < 0)
		error = -errno;
	struct recovered_file *rf = recovered_add(r, error ? 0 : (st.st_mode & S_IFMT) >> 12, shown, 0);
	rf->err = error;
	if (!error) {
		rf->nlink = (uint32_t)st.st_nlink;
		rf->size = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
	}
	if (!error && S_ISREG(st.st_mode))
		read_content(rf, fd);
	else if (!error && S_ISLNK(st.st_mode))
		read_link(rf, dir, name);
	else if (!error && S_ISDIR(st.st_mode))
		read_folder(r, fd, path, depth + 1); /* closes it */
	if (fd >= 0 && !S_ISDIR(st.st_mode))
		close(fd);
}

/* fd: the folder, which is closed. */
static void read_folder(struct recovered *r, int fd, const char *path, unsigned depth)
{
	DIR *d = depth < DEPTH_MAX ? fdopendir(fd) : NULL;

	if (!d) {
		r->list_err = depth < DEPTH_MAX ? -errno : -ELOOP;
		close(fd);
		return;
	}
	errno = 0;
	for (struct dirent *e = readdir(d); e; errno = 0, e = readdir(d))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			read_name(r, dirfd(d), path, e->d_name, depth);
	if (errno)
		r->list_err = -errno;
	closedir(d);
}

void foreign_read(int root, struct recovered *r)
{
	int fd = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		r->list_err = -errno;
	else
		read_folder(r, fd, "", 0);
}

/* ---- judged ---- */

bool foreign_promise(const char *text, char *path, uint64_t *hash)
{
	size_t n = strlen(PROMISE);
	const char *colon = strrchr(text, ':');
	char *end;

	if (strncmp(text, PROMISE, n) || colon < text + n + 1 || strlen(colon + 1) != 16)
		return false;
	text += n;
	text += *text == '/';
	if (strspn(colon + 1, "0123456789abcdefABCDEF") != 16 || colon - text >= PATH_MAX)
		return false;
	*hash = strtoull(colon + 1, &end, 16);
	snprintf(path, PATH_MAX, "%.*s", (int)(colon - text), text);
	return path[0];
}

static void __attribute__((format(printf, 4, 5)))
report(struct broken_list *out, enum broken_kind kind, const char *file, const char *format, ...)
{
	struct broken *b = out->n < BROKEN_MAX ? &out->b[out->n] : NULL;
	va_list args;

	out->n++;
	if (!b)
		return;
	*b = (struct broken){ .kind = kind };
	snprintf(b->file, sizeof(b->file), "%s", file);
	va_start(args, format);
	vsnprintf(b->text, sizeof(b->text), format, args);
	va_end(args);
}

static const struct recovered_file *find(const struct recovered *r, const char *path)
{
	char name[FS_NAME_MAX];

	name_of(path, name);
	for (uint32_t i = 0; i < r->nfiles; i++)
		if (!strcmp(r->file[i].name, name))
			return &r->file[i];
	return NULL;
}

/* The promise of mark i counts for a crash at p (foreign.1): no later one from before p ends it. */
static bool lasts(const struct evidence *e, uint32_t i, const char *path, uint32_t p)
{
	char other[PATH_MAX];
	uint64_t hash;

	for (uint32_t k = i + 1; k < e->nmarks && e->mark[k].pos <= p; k++)
		if (!foreign_promise(e->mark[k].text, other, &hash) || !strcmp(other, path))
			return false;
	return true;
}

static void judge_promises(const struct evidence *e, uint32_t p, const struct recovered *r, struct broken_list *out)
{
	char path[PATH_MAX];
	uint64_t hash;

	for (uint32_t i = 0; i < e->nmarks && e->mark[i].pos <= p; i++) {
		if (!foreign_promise(e->mark[i].text, path, &hash) || !lasts(e, i, path, p))
			continue;
		const struct recovered_file *rf = find(r, path);
		if (!rf || rf->subvol != S_IFREG >> 12)
			report(out, BROKEN_NAME, path, "%.150s is not there as a file; the mark `%.60s` promises it",
			       path, e->mark[i].text);
		else if (!rf->err && !rf->nblocks && rf->ino != hash)
			report(out, BROKEN_VERSION, path,
			       "%.150s has %lu bytes with XXH64 %016lx; a mark promises %016lx", path,
			       (unsigned long)rf->size, (unsigned long)rf->ino, (unsigned long)hash);
	}
}

uint32_t foreign_judge(struct evidence *e, const struct cut *c, struct broken_list *out)
{
	const struct recovered *r = judge_look(e->judge, c, NULL);
	uint32_t before = out->n;

	e->judge->images_judged++;
	if (r->err) {
		report(out, BROKEN_UNMOUNTABLE, "", "the file system cannot be mounted: %s", r->why.text);
		return out->n - before;
	}
	if (r->list_err)
		report(out, BROKEN_LIST, "", "a directory cannot be listed: %s", strerror(-r->list_err));
	for (uint32_t i = 0; i < r->nfiles; i++) {
		const struct recovered_file *rf = &r->file[i];
		if (rf->err)
			report(out, BROKEN_LIST, rf->name, "%s cannot be opened: %s", rf->name, strerror(-rf->err));
		else if (rf->nblocks)
			report(out, BROKEN_EIO, rf->name, "%s cannot be read: %s", rf->name,
			       strerror(-rf->block->err));
	}
	judge_promises(e, c->pos, r, out);
	return out->n - before;
}
