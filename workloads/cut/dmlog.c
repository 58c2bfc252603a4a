/* dmlog.c: see dmlog.h. */
#include "cut/dmlog.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/replace.h"
#include "machine/mem.h"

#define PIECE (1u << 20) /* of the base in one entry, at most */

struct exporting {
	FILE *out; /* NULL: only counts */
	uint64_t entries;
	const struct dev_event *event;
	uint32_t n;
	bool *done; /* of each write: it is out */
};

static void put_sector(struct exporting *x, const void *head, size_t n, const char *text)
{
	uint8_t sector[DMLOG_SECTOR] = { 0 };

	memcpy(sector, head, n);
	if (text)
		memcpy(sector + n, text, strlen(text));
	if (x->out)
		fwrite(sector, 1, sizeof(sector), x->out);
}

static void put_entry(struct exporting *x, uint64_t off, uint64_t len, uint64_t flags, const void *data)
{
	const struct dmlog_entry e = { .sector = off / DMLOG_SECTOR, .sectors = len / DMLOG_SECTOR, .flags = flags };

	put_sector(x, &e, sizeof(e), NULL);
	if (len && x->out)
		fwrite(data, 1, len, x->out);
	x->entries++;
}

static void put_mark(struct exporting *x, const char *text)
{
	const struct dmlog_entry e = { .flags = DMLOG_MARK, .data_len = strlen(text) };

	put_sector(x, &e, sizeof(e), text);
	x->entries++;
}

static void put_base(struct exporting *x, const struct evidence *e)
{
	for (uint64_t at = 0; at < e->fs.size; at += DEV_BLOCK) {
		uint64_t len = 0;
		while (at + len < e->fs.size && len < PIECE && !base_is_zeros(e->base + at + len))
			len += DEV_BLOCK;
		if (!len)
			continue;
		put_entry(x, at, len, 0, e->base + at);
		at += len - DEV_BLOCK;
	}
	put_entry(x, 0, 0, DMLOG_FLUSH, NULL);
	put_mark(x, "base");
}

static void put_write(struct exporting *x, uint32_t pos)
{
	const struct dev_event *e = &x->event[pos];

	if (x->done[pos] || e->failed)
		return;
	x->done[pos] = true;
	put_entry(x, e->off, e->len, e->fua ? DMLOG_FUA : 0, e->data);
}

/* What had completed before the flush was submitted, in the order of completion; then the flush. */
static void put_flush(struct exporting *x, uint32_t submitted)
{
	for (uint32_t i = 0; i < submitted; i++)
		if (x->event[i].kind == DEV_WCMP)
			put_write(x, x->event[i].of);
	put_entry(x, 0, 0, DMLOG_FLUSH, NULL);
}

static void put_events(struct exporting *x, const struct saved_cut *c)
{
	for (uint32_t i = 0; i < c->pos; i++) {
		const struct dev_event *e = &x->event[i];
		if (e->failed)
			continue;
		if (e->kind == DEV_FCMP)
			put_flush(x, e->of);
		else if (e->kind == DEV_WCMP && e->fua)
			put_write(x, e->of);
	}
	for (uint32_t i = 0; i < c->nkept; i++)
		put_write(x, c->kept[i]);
	put_mark(x, "cut");
}

/* The super block stands first and has the number of entries, so they are counted before: with no file. */
static uint64_t put_all(struct exporting *x, const struct evidence *e, const struct saved_cut *c, FILE *out)
{
	x->out = out;
	x->entries = 0;
	memset(x->done, 0, x->n);
	put_base(x, e);
	put_events(x, c);
	return x->entries;
}

/* Each write that is kept is one of the record, from before the cut. */
static bool is_of_record(const struct exporting *x, const struct saved_cut *c)
{
	bool good = c->pos <= x->n;

	for (uint32_t i = 0; i < c->nkept; i++)
		good = good && c->kept[i] < c->pos && x->event[c->kept[i]].kind == DEV_WSUB;
	return good;
}

int dmlog_export(const struct evidence *e, const struct saved_cut *c, const char *path, struct why *why)
{
	struct exporting x = { .n = 0 };
	struct replace r;
	int ret;

	x.event = powercut_events(e->dev, &x.n);
	if (!is_of_record(&x, c))
		return why_set(why, -EINVAL, "the cut is none of this record");
	if (c->nunits)
		return why_set(why, -EINVAL, "a write of this cut is torn, which that format cannot tell");
	ret = replace_begin(&r, path);
	if (ret)
		return why_set(why, ret, "%.300s: %s", path, strerror(-ret));
	x.done = mem_zalloc(x.n + 1);
	const struct dmlog_super s = { DMLOG_MAGIC, DMLOG_VERSION, put_all(&x, e, c, NULL), DMLOG_SECTOR };
	x.out = r.out;
	put_sector(&x, &s, sizeof(s), NULL);
	put_all(&x, e, c, r.out);
	free(x.done);
	ret = replace_end(&r, true);
	return ret ? why_set(why, ret, "%.300s: %s", path, strerror(-ret)) : 0;
}
