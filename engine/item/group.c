/* group.c: see group.h. */
#include "item/group.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/check.h"

#define GROUP_MAGIC 0x3170756f72677366ull /* "fsgroup1" */

struct disk_head {
	uint64_t magic;
	uint64_t hash; /* of the rest of this block, and of the blocks behind the data */
	uint64_t nonce, lsn, before, bytenr;
	uint32_t blocks, ndata;
	uint32_t len, nrecords; /* of the records: bytes, how many */
	uint64_t next, next_end;
};

/* In front of the bytes of a record, which are filled up to a multiple of 8. */
struct disk_record {
	uint32_t len; /* of the bytes */
	uint8_t kind, type, zero[2];
	uint64_t root, objectid, offset;
};

#define IN_HEAD (FS_BLOCK - (uint32_t)sizeof(struct disk_head)) /* bytes of records in the first block */
_Static_assert(sizeof(struct disk_head) == 80 && sizeof(struct disk_record) == 32, "no padding");

static uint32_t round_up_8(uint32_t n)
{
	return (n + 7) / 8 * 8;
}

static uint32_t record_size(uint32_t len)
{
	return (uint32_t)sizeof(struct disk_record) + round_up_8(len);
}

/* Blocks behind the data, for `len` bytes of records. */
static uint32_t tail_blocks(uint32_t len)
{
	return len > IN_HEAD ? (len - IN_HEAD + FS_BLOCK - 1) / FS_BLOCK : 0;
}

uint64_t group_hash_block(const void *block)
{
	return XXH3_64bits(block, FS_BLOCK);
}

/* Of all of the group that is not data, up to the ends of its blocks: but for what stands before the nonce. */
static uint64_t hash_of(const uint8_t *blocks, uint32_t ndata, uint32_t tail)
{
	const size_t skip = offsetof(struct disk_head, nonce);
	uint64_t head = XXH3_64bits(blocks + skip, FS_BLOCK - skip);

	return XXH3_64bits_withSeed(blocks + (size_t)(1 + ndata) * FS_BLOCK, (size_t)tail * FS_BLOCK, head);
}

/* ---- making one ---- */

void group_open(struct group *g, const struct group_place *place, uint8_t *blocks, uint32_t max)
{
	CHECK(max >= 1 && place->bytenr + (uint64_t)max * FS_BLOCK <= place->end);
	*g = (struct group){ .place = *place, .blocks = blocks, .max = max };
}

static bool has_room(const struct group *g, uint32_t n, uint32_t spare)
{
	return 1 + (uint64_t)g->ndata + n + tail_blocks(g->len + spare) <= g->max;
}

uint32_t group_size(const struct group *g)
{
	return 1 + g->ndata + tail_blocks(g->len);
}

bool group_add(struct group *g, const struct record *r)
{
	struct disk_record d = { .len = r->len, .kind = (uint8_t)r->kind, .type = r->key.type, .root = r->root,
				 .objectid = r->key.objectid, .offset = r->key.offset };
	uint32_t size = record_size(r->len);

	if (!has_room(g, 0, size))
		return false;
	if (g->len + size > g->cap) {
		g->cap = g->cap ? g->cap * 2 : FS_BLOCK;
		while (g->cap < g->len + size)
			g->cap *= 2;
		g->records = realloc(g->records, g->cap);
		CHECK(g->records);
	}
	memcpy(g->records + g->len, &d, sizeof(d));
	if (r->len)
		memcpy(g->records + g->len + sizeof(d), r->data, r->len);
	memset(g->records + g->len + sizeof(d) + r->len, 0, round_up_8(r->len) - r->len);
	g->len += size;
	return true;
}

uint64_t group_reserve(struct group *g, uint32_t n, uint32_t spare)
{
	if (!has_room(g, n, spare))
		return 0;
	g->ndata += n;
	return g->place.bytenr + (uint64_t)(1 + g->ndata - n) * FS_BLOCK;
}

uint8_t *group_data_at(const struct group *g, uint64_t bytenr)
{
	uint64_t at = bytenr - g->place.bytenr;

	CHECK(at % FS_BLOCK == 0 && at >= FS_BLOCK && at <= (uint64_t)g->ndata * FS_BLOCK);
	return g->blocks + at;
}

static uint32_t count_records(const struct group *g)
{
	uint32_t n = 0;
	struct disk_record d;

	for (uint32_t at = 0; at < g->len; at += record_size(d.len), n++)
		memcpy(&d, g->records + at, sizeof(d));
	return n;
}

uint32_t group_close(struct group *g, uint64_t next, uint64_t next_end)
{
	uint32_t in_head = g->len < IN_HEAD ? g->len : IN_HEAD, tail = tail_blocks(g->len);
	uint8_t *rest = g->blocks + (size_t)(1 + g->ndata) * FS_BLOCK;
	struct disk_head h = {
		.magic = GROUP_MAGIC, .nonce = g->place.nonce, .lsn = g->place.lsn, .before = g->place.before,
		.bytenr = g->place.bytenr, .blocks = 1 + g->ndata + tail, .ndata = g->ndata, .len = g->len,
		.nrecords = count_records(g), .next = next, .next_end = next_end,
	};

	CHECK(h.blocks <= g->max);
	memset(g->blocks + sizeof(h) + in_head, 0, IN_HEAD - in_head);
	memset(rest, 0, (size_t)tail * FS_BLOCK);
	if (g->len) {
		memcpy(g->blocks + sizeof(h), g->records, in_head);
		memcpy(rest, g->records + in_head, g->len - in_head);
	}
	memcpy(g->blocks, &h, sizeof(h));
	g->hash = h.hash = hash_of(g->blocks, h.ndata, tail);
	memcpy(g->blocks, &h, sizeof(h));
	group_drop(g);
	return h.blocks;
}

void group_drop(struct group *g)
{
	free(g->records);
	g->records = NULL;
	g->len = g->cap = 0;
}

/* ---- reading one ---- */

uint32_t group_blocks(const void *block, const struct group_place *place)
{
	struct disk_head h;

	memcpy(&h, block, sizeof(h));
	if (h.magic != GROUP_MAGIC || h.nonce != place->nonce || h.lsn != place->lsn || h.before != place->before ||
	    h.bytenr != place->bytenr)
		return 0;
	if (!h.blocks || h.blocks > (place->end - place->bytenr) / FS_BLOCK || h.ndata >= h.blocks)
		return 0;
	if (h.len > h.blocks * (uint64_t)FS_BLOCK || h.blocks != 1 + h.ndata + tail_blocks(h.len))
		return 0;
	return h.blocks;
}

bool group_skip(const void *block, struct group_place *place)
{
	struct disk_head h;

	if (!group_blocks(block, place))
		return false;
	memcpy(&h, block, sizeof(h));
	*place = (struct group_place){ h.nonce, h.lsn + 1, h.hash, h.next, h.next_end };
	return true;
}

uint8_t *group_records(const void *blocks, uint32_t *len)
{
	struct disk_head h;

	memcpy(&h, blocks, sizeof(h));
	uint32_t in_head = h.len < IN_HEAD ? h.len : IN_HEAD;
	uint8_t *records = malloc(h.len + 1);
	CHECK(records);
	memcpy(records, (const uint8_t *)blocks + sizeof(h), in_head);
	memcpy(records + in_head, (const uint8_t *)blocks + (size_t)(1 + h.ndata) * FS_BLOCK, h.len - in_head);
	*len = h.len;
	return records;
}

/* The record at `at`; how many bytes it takes, 0: it is none. */
static uint32_t record_at(const uint8_t *records, uint32_t at, uint32_t end, struct record *r)
{
	struct disk_record d;

	if (end - at < sizeof(d))
		return 0;
	memcpy(&d, records + at, sizeof(d));
	if (d.len > end - at - sizeof(d) || record_size(d.len) > end - at)
		return 0;
	if (d.kind < RECORD_PUT || d.kind > RECORD_DATA || (d.kind == RECORD_CUT && d.len) ||
	    (d.kind == RECORD_DATA && (!d.len || d.len % 8)))
		return 0;
	*r = (struct record){ .kind = (enum record_kind)d.kind, .root = d.root,
			      .key = { d.objectid, d.type, d.offset },
			      .data = records + at + sizeof(d), .len = d.len };
	return record_size(d.len);
}

bool group_is_whole(const void *blocks, const struct group_place *place, struct group_facts *facts)
{
	struct disk_head h;
	struct record r;
	uint32_t at = 0, size = 1, n = 0;

	if (!group_blocks(blocks, place))
		return false;
	memcpy(&h, blocks, sizeof(h));
	if (h.hash != hash_of(blocks, h.ndata, h.blocks - 1 - h.ndata))
		return false;
	uint8_t *records = group_records(blocks, &h.len);
	for (; at < h.len && size; at += size, n++)
		size = record_at(records, at, h.len, &r);
	free(records);
	*facts = (struct group_facts){ .hash = h.hash, .blocks = h.blocks, .ndata = h.ndata, .nrecords = h.nrecords,
				       .next = h.next, .next_end = h.next_end };
	return size && n == h.nrecords;
}

int group_each(const uint8_t *records, uint32_t len, int (*fn)(void *arg, const struct record *r), void *arg)
{
	struct record r;
	int ret = 0;

	for (uint32_t at = 0, size; at < len && !ret; at += size) {
		size = record_at(records, at, len, &r);
		CHECK(size); /* it is whole */
		ret = fn(arg, &r);
	}
	return ret;
}
