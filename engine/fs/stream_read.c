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

/* A segment, read as a whole: what a group says of data in it needs no other read. */
struct segment {
	uint8_t *mem;
	uint64_t at, end;
};

struct looking {
	struct fs *fs;
	const struct segment *seg;
	uint8_t *block;
};

static bool in_data(struct fs *fs, uint64_t at, uint64_t end)
{
	uint64_t data = super_data_start(&fs->super), units = (fs->super.dev_size - data) / FS_BLOCK;

	return at >= data && at < end && end <= data + units * FS_BLOCK && (at | end) % FS_BLOCK == 0;
}

/* The segment that the next group lies in. 0, or -EIO. */
static int segment_read(struct fs *fs, struct segment *seg, uint64_t at, uint64_t end)
{
	if (seg->mem && at >= seg->at && end == seg->end)
		return 0;
	if (!in_data(fs, at, end) || end - at > STREAM_SEGMENT_MAX)
		return mount_damage(fs, "a segment of the stream at %lu..%lu cannot be", (unsigned long)at,
				    (unsigned long)end);
	free(seg->mem);
	*seg = (struct segment){ mem_alloc_pages(end - at), at, end };
	return dev_read(fs->dev, at, seg->mem, (uint32_t)(end - at)) ? -EIO : 0;
}

/* 1: a block does not hash as it is said. */
static int look_at_data(void *arg, const struct record *r)
{
	struct looking *l = arg;
	const struct segment *seg = l->seg;
	uint64_t at = r->key.offset, hash;

	if (r->kind != RECORD_DATA)
		return 0;
	uint64_t end = at + (uint64_t)r->len / sizeof(hash) * FS_BLOCK;
	if (!in_data(l->fs, at, end))
		return mount_damage(l->fs, "the stream names data at %lu", (unsigned long)at);
	for (uint64_t i = 0; at < end; at += FS_BLOCK, i++) {
		const uint8_t *block = l->block;
		if (at >= seg->at && at < seg->end)
			block = seg->mem + (at - seg->at);
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
	struct segment seg = { 0 };
	struct looking l = { fs, &seg, mem_alloc_pages(FS_BLOCK) };
	int ret = 0;

	*out = (struct stream_log){ 0 };
	while (place.bytenr && !(ret = segment_read(fs, &seg, place.bytenr, place.end))) {
		const uint8_t *blocks = seg.mem + (place.bytenr - seg.at);
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
	free(seg.mem);
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
