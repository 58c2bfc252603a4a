/*
 * stream_read.c: the stream at a mount: the longest run of groups that are whole, with all data that they name.
 *
 * A group that is not whole, or whose data do not hash as it says, was never acknowledged, and nothing behind it was
 * (stream.1): the stream ends before it. A block that the device cannot read is an error, since it may have been
 * acknowledged. Nothing is changed here. What the items of the records say is looked at by who puts them into a tree
 * (replay.c).
 *
 * Callers: mount.c, with no other task about; look.c.
 */
#include <stdlib.h>

#include "item/group.h"
#include "fs/mount.h"
#include "fs/stream.h"

#define WINDOW (1u << 20)

/*
 * What is read at a time: a whole segment, so that what a group says of data in it needs no other read; on a large
 * device more, since the segments of a stream are given out one after the other, and often lie so.
 */
struct window {
	uint8_t *mem;     /* of WINDOW bytes; made by the first use */
	uint64_t at, end;
	bool coming;      /* it is being read */
	struct bio bio;
	struct batch io;
};

struct looking {
	struct fs *fs;
	struct window window[2]; /* one is looked at, and the one after it is on its way */
	unsigned now;            /* the first of these */
	uint8_t *block;
};

static bool in_data(struct fs *fs, uint64_t at, uint64_t end)
{
	uint64_t data = super_data_start(&fs->super), units = (fs->super.dev_size - data) / FS_BLOCK;

	return at >= data && at < end && end <= data + units * FS_BLOCK && (at | end) % FS_BLOCK == 0;
}

static bool is_segment(struct fs *fs, uint64_t at, uint64_t end)
{
	return in_data(fs, at, end) && end - at <= STREAM_SEGMENT_MAX;
}

static bool lies_in(const struct window *w, const struct group_place *place)
{
	return place->bytenr >= w->at && place->bytenr < w->end && place->end <= w->end;
}

/* place->bytenr .. place->end is a segment. more: what lies behind it is wanted, too. */
static void window_begin(struct fs *fs, struct window *w, const struct group_place *place, bool more)
{
	if (!w->mem)
		w->mem = mem_alloc_pages(WINDOW);
	w->at = place->bytenr;
	w->end = place->end;
	if (more && fs->super.dev_size >= 256ull * WINDOW && in_data(fs, w->at, w->at + WINDOW))
		w->end = w->at + WINDOW;
	w->coming = true;
	batch_init(&w->io, fs->dev);
	w->bio = (struct bio){ .off = w->at, .len = (uint32_t)(w->end - w->at), .buf = w->mem };
	batch_submit(&w->io, &w->bio);
}

/* 0, or -EIO: then nothing is in it. */
static int window_wait(struct window *w)
{
	int ret = w->coming ? batch_wait(&w->io) : 0;

	w->coming = false;
	if (ret)
		w->at = w->end = 0;
	return ret ? -EIO : 0;
}

/* Where the heads from `place` on lead out of the window that is looked at, the next one comes meanwhile. They are
 * believed here, which does no harm: who comes there asks for the segment that the groups lead to. */
static void read_ahead(struct looking *l, struct group_place place)
{
	const struct window *w = &l->window[l->now];

	while (lies_in(w, &place))
		if (!group_skip(w->mem + (place.bytenr - w->at), &place))
			return;
	if (is_segment(l->fs, place.bytenr, place.end))
		window_begin(l->fs, &l->window[!l->now], &place, true);
}

/* The segment that the next group lies in is in the window that is looked at. 0, or -EIO: a block of that segment
 * cannot be read. */
static int segment_read(struct looking *l, const struct group_place *place)
{
	struct window *ahead = &l->window[!l->now];

	if (lies_in(&l->window[l->now], place))
		return 0;
	if (!is_segment(l->fs, place->bytenr, place->end))
		return mount_damage(l->fs, "a segment of the stream at %lu..%lu cannot be",
				    (unsigned long)place->bytenr, (unsigned long)place->end);
	int ret = 0;
	window_wait(ahead);
	for (int more = 1; more >= 0 && !lies_in(ahead, place); more--) {
		window_begin(l->fs, ahead, place, more);
		ret = window_wait(ahead);
	}
	l->now = !l->now;
	if (!ret)
		read_ahead(l, *place);
	return ret;
}

/* 1: a block does not hash as it is said. */
static int look_at_data(void *arg, const struct record *r)
{
	struct looking *l = arg;
	const struct window *w = &l->window[l->now];
	uint64_t at = r->key.offset, hash;

	if (r->kind != RECORD_DATA)
		return 0;
	uint64_t end = at + (uint64_t)r->len / sizeof(hash) * FS_BLOCK;
	if (!in_data(l->fs, at, end))
		return mount_damage(l->fs, "the stream names data at %lu", (unsigned long)at);
	for (uint64_t i = 0; at < end; at += FS_BLOCK, i++) {
		const uint8_t *block = l->block;
		if (at >= w->at && at < w->end)
			block = w->mem + (at - w->at);
		else if (dev_read(l->fs->dev, at, l->block, FS_BLOCK))
			return -EIO;
		memcpy(&hash, (const uint8_t *)r->data + i * sizeof(hash), sizeof(hash));
		if (group_hash_block(block) != hash)
			return 1;
	}
	return 0;
}

static void records_keep(struct stream_log *log, uint8_t *records, uint32_t len)
{
	if (log->n == log->cap) {
		log->cap = log->cap ? log->cap * 2 : 16;
		log->group = realloc(log->group, log->cap * sizeof(*log->group));
		CHECK(log->group);
	}
	log->group[log->n].records = records;
	log->group[log->n++].len = len;
}

int stream_scan(struct fs *fs, struct stream_log *out)
{
	const struct super_stream *s = &fs->super.stream;
	struct group_place place = { s->nonce, s->lsn, 0, s->bytenr, s->end };
	struct looking l = { .fs = fs, .block = mem_alloc_pages(FS_BLOCK) };
	int ret = 0;

	*out = (struct stream_log){ 0 };
	while (place.bytenr && !(ret = segment_read(&l, &place))) {
		const struct window *w = &l.window[l.now];
		const uint8_t *blocks = w->mem + (place.bytenr - w->at);
		struct group_facts facts;
		uint32_t len;
		if (!group_is_whole(blocks, &place, &facts))
			break;
		uint8_t *records = group_records(blocks, &len);
		ret = group_each(records, len, look_at_data, &l);
		if (ret) {
			free(records);
			break;
		}
		records_keep(out, records, len);
		place = (struct group_place){ s->nonce, place.lsn + 1, facts.hash, facts.next, facts.next_end };
	}
	for (unsigned i = 0; i < 2; i++) {
		window_wait(&l.window[i]);
		free(l.window[i].mem);
	}
	free(l.block);
	if (ret < 0)
		stream_log_free(out);
	return ret < 0 ? ret : 0;
}

void stream_log_free(struct stream_log *log)
{
	for (uint32_t i = 0; i < log->n; i++)
		free(log->group[i].records);
	free(log->group);
	*log = (struct stream_log){ 0 };
}
