/* dmlog_read.c: a log of dm-log-writes becomes records: see dmlog.h. */
#include "cut/dmlog.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/stop.h"
#include "cut/foreign.h"
#include "cut/recorder.h"
#include "machine/mem.h"

#define ROUND_WRITES 128u        /* a record ends at the first flush after so many writes, */
#define ROUND_BYTES  (16u << 20) /* or so many bytes */
#define TOLD_MARKS   160u        /* bytes of their names in a sentence */

/* ---- the log ---- */

struct reader {
	const char *path;
	int fd;
	uint64_t size, at;   /* bytes of the log */
	uint64_t n, entries; /* read so far, and in all */
	uint32_t sector;     /* in which the log counts */
	uint64_t device;     /* bytes of the device */
};

struct entry {
	uint64_t off, len, flags;
	uint64_t data_at;          /* in the log */
	char mark[EVIDENCE_MARK];
};

static int bad_entry(const struct reader *r, const char *what, struct why *why)
{
	return why_set(why, -EINVAL, "%.200s: entry %lu at byte %lu: %s", r->path, (unsigned long)r->n,
	               (unsigned long)r->at, what);
}

/* Whether all was read. */
static bool read_at(int fd, uint64_t at, void *buf, uint64_t len)
{
	for (uint64_t done = 0; done < len;) {
		ssize_t n = pread(fd, (uint8_t *)buf + done, len - done, (off_t)(at + done));
		if (n <= 0)
			return false;
		done += (uint64_t)n;
	}
	return true;
}

/* A file's or a block device's bytes; its descriptor, or -errno with why. */
static int open_bytes(const char *path, uint64_t *size, struct why *why)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 || fstat(fd, &st)) {
		int error = errno;
		if (fd >= 0)
			close(fd);
		return why_set(why, -error, "%.200s: %s", path, strerror(error));
	}
	off_t end = S_ISREG(st.st_mode) || S_ISBLK(st.st_mode) ? lseek(fd, 0, SEEK_END) : -1;
	*size = (uint64_t)end;
	if (end >= 0)
		return fd;
	close(fd);
	return why_set(why, -EINVAL, "%.200s: neither a file nor a block device", path);
}

static int rewind_log(struct reader *r, struct why *why)
{
	struct dmlog_super s;
	uint8_t head[DMLOG_SECTOR];

	r->n = 0;
	if (r->size < sizeof(head) || !read_at(r->fd, 0, head, sizeof(head)))
		return why_set(why, -EINVAL, "%.200s: no log of dm-log-writes: it is shorter than a super block",
		               r->path);
	memcpy(&s, head, sizeof(s));
	if (s.magic != DMLOG_MAGIC)
		return why_set(why, -EINVAL, "%.200s: no log of dm-log-writes: it begins with something else", r->path);
	if (s.version != DMLOG_VERSION)
		return why_set(why, -EINVAL, "%.200s: version %lu of the log, and this program reads version %u",
		               r->path, (unsigned long)s.version, DMLOG_VERSION);
	if (s.sector_size < DMLOG_SECTOR || s.sector_size > 65536 || s.sector_size & (s.sector_size - 1))
		return why_set(why, -EINVAL, "%.200s: its sectors have %u bytes: a power of two from %u to 65536 is "
		               "expected", r->path, s.sector_size, DMLOG_SECTOR);
	r->sector = s.sector_size;
	r->at = s.sector_size;
	r->entries = s.entries;
	return 0;
}

static int take_mark(struct reader *r, struct entry *e, const uint8_t *text, uint64_t len, struct why *why)
{
	if (e->len || len > r->sector - sizeof(struct dmlog_entry))
		return bad_entry(r, "a mark that is no mark", why);
	snprintf(e->mark, sizeof(e->mark), "%.*s", (int)len, (const char *)text);
	for (char *c = e->mark; *c; c++) /* it will be shown */
		if (*c < ' ' || *c == 0x7f)
			*c = '?';
	return 0;
}

static int take_extent(struct reader *r, struct entry *e, const struct dmlog_entry *d, struct why *why)
{
	uint64_t most = r->device / r->sector;

	if (d->flags & ~(uint64_t)(DMLOG_FLUSH | DMLOG_FUA | DMLOG_DISCARD | DMLOG_MARK | DMLOG_META))
		return bad_entry(r, "a flag that this program does not know", why);
	if (d->sectors > most || d->sector > most - d->sectors)
		return bad_entry(r, d->flags & DMLOG_MARK ? "a mark that is no mark" : "it writes beyond the device",
		                 why);
	e->flags = d->flags;
	e->off = d->sector * r->sector;
	e->len = d->sectors * r->sector;
	if (!e->len && !(d->flags & (DMLOG_FLUSH | DMLOG_MARK)))
		return bad_entry(r, "neither a write, a flush nor a mark", why);
	return 0;
}

/* 1: the next entry, 0: there is none, -EINVAL with why. */
static int next_entry(struct reader *r, struct entry *e, struct why *why)
{
	static _Thread_local uint8_t head[65536];
	struct dmlog_entry d;

	if (r->n == r->entries)
		return 0;
	r->n++;
	if (r->size - r->at < r->sector || !read_at(r->fd, r->at, head, r->sector))
		return bad_entry(r, "the log is cut off there", why);
	memcpy(&d, head, sizeof(d));
	*e = (struct entry){ .data_at = r->at + r->sector };
	int ret = take_extent(r, e, &d, why);
	if (!ret && d.flags & DMLOG_MARK)
		ret = take_mark(r, e, head + sizeof(d), d.data_len, why);
	if (ret)
		return ret;
	uint64_t data = d.flags & DMLOG_DISCARD ? 0 : e->len;
	if (data > r->size - e->data_at)
		return bad_entry(r, "the log is cut off in its data", why);
	r->at = e->data_at + data;
	return 1;
}

/* ---- the part that is wanted ---- */

/* The entries from `first` up to, not including, `end`. */
struct range {
	uint64_t first, end;
};

static int no_mark(const struct reader *r, const char *mark, const char *has, struct why *why)
{
	return why_set(why, -EINVAL, "%.200s: no mark `%.60s`; %s%s", r->path, mark, *has ? "it has: " : "it has none",
	               has);
}

static void list_mark(char *list, size_t room, const char *mark)
{
	size_t n = strlen(list);

	if (n + strlen(mark) + 6 < room)
		snprintf(list + n, room - n, "%s%s", n ? ", " : "", mark);
	else if (n + 6 < room && (n < 3 || strcmp(list + n - 3, "...")))
		snprintf(list + n, room - n, ", ...");
}

/* Reads all heads, so all of the log is known to be sound. */
static int find_range(struct reader *r, const struct dmlog_part *part, struct range *out, struct why *why)
{
	char marks[TOLD_MARKS] = "";
	bool from = !part->from, to = false;
	struct entry e;
	int ret;

	*out = (struct range){ 0, 0 };
	while ((ret = next_entry(r, &e, why)) > 0) {
		if (!(e.flags & DMLOG_MARK))
			continue;
		list_mark(marks, sizeof(marks), e.mark);
		if (!from && !strcmp(e.mark, part->from)) {
			from = true;
			out->first = r->n;
		} else if (from && !to && part->to && !strcmp(e.mark, part->to)) {
			to = true;
			out->end = r->n;
		}
	}
	if (ret)
		return ret;
	if (!from)
		return no_mark(r, part->from, marks, why);
	if (part->to && !to)
		return why_set(why, -EINVAL, "%.200s: no mark `%.60s`%s; it has: %s", r->path, part->to,
		               part->from ? " behind the other" : "", marks);
	if (!to)
		out->end = r->entries;
	return 0;
}

/* ---- records ---- */

struct importing {
	struct reader r;
	struct evidence e;       /* the record that grows; its base is the content before it */
	struct dev_event *event; /* RECORDER_EVENTS */
	uint32_t n, writes;
	uint64_t bytes;
	uint8_t *data;           /* RECORDER_BYTES: what the events write */
	const char *folder;
	bool made;               /* the folder is there, and ours */
	struct dmlog_counts *counts;
};

static int open_device(struct importing *m, const char *path, struct why *why)
{
	struct evidence *e = &m->e;
	uint64_t size = 0;
	int fd = open_bytes(path, &size, why);

	if (fd < 0)
		return fd;
	m->r.device = size;
	if (!size || size > CUT_FS_SIZE_MAX || size % DMLOG_SECTOR) {
		close(fd);
		return why_set(why, -EINVAL, "%.200s: a device of %lu bytes: whole sectors, up to %llu MiB, are taken",
		               path, (unsigned long)size, CUT_FS_SIZE_MAX >> 20);
	}
	e->fs.size = CUT_FS_SIZE_MAX; /* until it is known which file system it is */
	bool good = true;
	if (evidence_new_base(e, why)) {
		close(fd);
		return -ENOMEM;
	}
	for (uint64_t at = 0; good && at < size;) { /* holes stay holes */
		off_t from = lseek(fd, (off_t)at, SEEK_DATA), to = from < 0 ? -1 : lseek(fd, from, SEEK_HOLE);
		if (from < 0 && errno == ENXIO)
			break;
		if (from < 0)
			from = (off_t)at;
		if (to <= from || (uint64_t)to > size)
			to = (off_t)size;
		good = read_at(fd, (uint64_t)from, e->base + from, (uint64_t)(to - from));
		at = (uint64_t)to;
	}
	close(fd);
	return good ? 0 : why_set(why, -EIO, "%.200s: it cannot be read", path);
}

static int read_data(struct importing *m, const struct entry *e, uint8_t *to, struct why *why)
{
	if (e->flags & DMLOG_DISCARD)
		memset(to, 0, e->len);
	else if (!read_at(m->r.fd, e->data_at, to, e->len))
		return why_set(why, -EIO, "%.200s: it cannot be read", m->r.path);
	return 0;
}

/* The file system is known by the content before the part. */
static int open_record(struct importing *m, const struct dmlog_part *part, struct why *why)
{
	char *text = m->counts->target, found[64];
	struct evidence *e = &m->e;
	struct cut_fs fs;
	struct why said;
	int ret;

	if (part->target && (ret = cut_fs_parse(part->target, &fs, why)))
		return ret;
	if (part->target && fs.options.size)
		return why_set(why, -EINVAL, "%.60s: the device says how large it is: leave size= out", part->target);
	if (cut_fs_find(e->base, m->r.device, found, sizeof(found), &said))
		return why_set(why, -EINVAL, "%.200s: %s%s", part->device, said.text, part->from ? " after that mark" :
		               ": --from MARK takes what the log had written up to a mark");
	const char *size = strchr(found, ',');
	if (part->target && (strlen(cut_fs_name(&fs)) != (size_t)(size - found - 3) ||
	                     strncmp(found + 3, cut_fs_name(&fs), (size_t)(size - found - 3))))
		return why_set(why, -EINVAL, "%.200s: %.*s lies there, not %.60s", part->device,
		               (int)(size - found - 3), found + 3, cut_fs_name(&fs));
	snprintf(text, sizeof(m->counts->target), "%s%s", part->target ? part->target : found,
	         part->target ? size : "");
	ret = cut_fs_parse(text, &fs, why);
	if (ret)
		return ret;
	munmap(e->base + fs.size, e->fs.size - fs.size);
	e->fs = fs;
	e->subvols = 1;
	e->foreign = true;
	snprintf(e->work, sizeof(e->work), "dmlog");
	snprintf(e->kernel, sizeof(e->kernel), "unknown");
	e->model = model_new(NULL);
	if (ram_open(fs.size, &e->dev))
		return why_set(why, -ENOMEM, "no memory for a device of %lu MiB", (unsigned long)(fs.size >> 20));
	e->dev->tear = DEV_BLOCK;
	powercut_start(e->dev);
	return 0;
}

/* An event and its completion. */
static void add_events(struct importing *m, enum dev_event_kind kind, const struct entry *e, const uint8_t *data)
{
	struct dev_event *x = &m->event[m->n];
	bool fua = kind == DEV_WSUB && e->flags & DMLOG_FUA, meta = e->flags & DMLOG_META;
	uint64_t off = kind == DEV_WSUB ? e->off : 0;
	uint32_t len = kind == DEV_WSUB ? (uint32_t)e->len : 0;

	x[0] = (struct dev_event){ .kind = (uint8_t)kind, .of = m->n + 1, .fua = fua, .meta = meta, .off = off,
		                   .len = len, .data = data };
	x[1] = (struct dev_event){ .kind = (uint8_t)kind + 1, .of = m->n, .fua = fua, .meta = meta, .off = off,
		                   .len = len };
	m->n += 2;
}

/* What the promises of marks are at the end of the record: the next one begins with them (foreign.1). */
static void keep_promises(struct evidence *e)
{
	struct evidence_mark *all = e->mark;
	uint32_t n = e->nmarks, first = n;
	char path[PATH_MAX];
	uint64_t hash;

	e->mark = NULL;
	e->nmarks = 0;
	while (first && foreign_promise(all[first - 1].text, path, &hash))
		first--;
	for (uint32_t i = first; i < n; i++)
		evidence_add_mark(e, 0, all[i].text);
	free(all);
}

/* The record ends, and the next one begins from what it has left. */
static int end_record(struct importing *m, struct why *why)
{
	struct evidence *e = &m->e;
	char path[PATH_MAX];

	if (!m->n)
		return 0;
	e->seed = ++m->counts->rounds;
	snprintf(path, sizeof(path), "%.4000s/round-%05u.zst", m->folder, m->counts->rounds);
	evidence_record(e, m->event, m->n);
	int ret = evidence_save(path, e, why);
	for (uint32_t i = 0; i < m->n; i++)
		if (m->event[i].kind == DEV_WSUB)
			memcpy(e->base + m->event[i].off, m->event[i].data, m->event[i].len);
	keep_promises(e);
	m->n = m->writes = 0;
	m->bytes = 0;
	return ret;
}

static int too_long(const struct importing *m, struct why *why)
{
	return why_set(why, -EFBIG, "%.200s: entry %lu: %u writes of %lu MiB without a flush are more than a record "
	               "has", m->r.path, (unsigned long)m->r.n, m->writes, (unsigned long)(m->bytes >> 20));
}

static int add_write(struct importing *m, const struct entry *e, struct why *why)
{
	uint8_t *data = m->data + m->bytes;

	if (m->n + 2 > RECORDER_EVENTS || e->len > RECORDER_BYTES - m->bytes)
		return too_long(m, why);
	int ret = read_data(m, e, data, why);
	m->bytes += e->len;
	m->writes++;
	m->counts->writes += !(e->flags & DMLOG_DISCARD);
	m->counts->discards += !!(e->flags & DMLOG_DISCARD);
	add_events(m, DEV_WSUB, e, data);
	return ret;
}

static void note_mark(struct importing *m, const char *text)
{
	char path[PATH_MAX];
	uint64_t hash;

	evidence_add_mark(&m->e, m->n, text);
	m->counts->marks++;
	m->counts->promises += foreign_promise(text, path, &hash);
}

/* A flush of a write comes before it. */
static int add_entry(struct importing *m, const struct entry *e, struct why *why)
{
	if (e->flags & DMLOG_MARK) {
		note_mark(m, e->mark);
		return 0;
	}
	if (e->flags & DMLOG_FLUSH) {
		if (m->n + 2 > RECORDER_EVENTS)
			return too_long(m, why);
		add_events(m, DEV_FSUB, e, NULL);
		m->counts->flushes++;
		if (m->writes >= ROUND_WRITES || m->bytes >= ROUND_BYTES) {
			int ret = end_record(m, why);
			if (ret)
				return ret;
		}
	}
	return e->len ? add_write(m, e, why) : 0;
}

static int import_range(struct importing *m, const struct dmlog_part *part, const struct range *range, struct why *why)
{
	struct entry e;
	int ret = rewind_log(&m->r, why);

	while (!ret && m->r.n < range->first && (ret = next_entry(&m->r, &e, why)) > 0)
		ret = e.len ? read_data(m, &e, m->e.base + e.off, why) : 0;
	if (!ret)
		ret = open_record(m, part, why);
	if (!ret && mkdir(m->folder, 0755))
		return why_set(why, -errno, "%.200s: %s", m->folder, strerror(errno));
	m->made = !ret;
	while (!ret && m->r.n < range->end && (ret = next_entry(&m->r, &e, why)) > 0) {
		ret = add_entry(m, &e, why);
		if (!ret && stop_asked())
			ret = why_set(why, -EINTR, "stopped");
	}
	if (!ret)
		ret = end_record(m, why);
	if (!ret && !m->counts->rounds)
		ret = why_set(why, -EINVAL, "%.200s: nothing is written or flushed in that part", part->log);
	return ret;
}

static void remove_rounds(const char *folder, unsigned n)
{
	char path[PATH_MAX];

	for (unsigned i = 1; i <= n; i++) {
		snprintf(path, sizeof(path), "%.4000s/round-%05u.zst", folder, i);
		unlink(path);
	}
	rmdir(folder);
}

int dmlog_import(const struct dmlog_part *part, const char *folder, struct dmlog_counts *out, struct why *why)
{
	struct importing m = { .folder = folder, .counts = out };
	struct range range;
	struct stat st;

	*out = (struct dmlog_counts){ 0 };
	m.e.slot.loop = -1;
	m.r.path = part->log;
	if (!stat(folder, &st))
		return why_set(why, -EEXIST, "%.200s: it is there already", folder);
	int ret = m.r.fd = open_bytes(part->log, &m.r.size, why);
	if (ret < 0)
		return ret;
	ret = open_device(&m, part->device, why);
	if (!ret)
		ret = rewind_log(&m.r, why);
	if (!ret)
		ret = find_range(&m.r, part, &range, why);
	if (!ret) {
		m.event = mem_alloc(RECORDER_EVENTS * sizeof(*m.event));
		m.data = mem_alloc(RECORDER_BYTES);
		ret = import_range(&m, part, &range, why);
		free(m.event);
		free(m.data);
		if (ret && m.made)
			remove_rounds(folder, out->rounds);
	}
	close(m.r.fd);
	evidence_free(&m.e);
	return ret;
}
