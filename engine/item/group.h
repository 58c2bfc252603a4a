/*
 * group.h: one group of a stream (stream.h): what it looks like on the device, and whether what was read is one.
 *
 *   block 0: head, first records | blocks of data | the rest of the records
 *
 * A group is one contiguous write. Its data stay where they are: they belong to files from then on, and the space of
 * its other blocks is free again after the next checkpoint. A record is one change of an item of the log of a
 * subvolume; or it says how blocks on the device hash that the items name, in this group or elsewhere.
 *
 * group.1: A group is whole when its head says where it lies, carries the nonce of the mount and the number and the
 *      hash that are expected, and head and records hash right. So a group of an earlier life, a copy of one in
 *      another place, and one whose predecessor is another are none.
 * group.2: Whatever a whole group says of its own length lies within the segment, and each of its records in the
 *      records. What the records' items say is for the reader to look at (stream_read.c).
 *
 * Nothing here does I/O or takes a lock. Callers: stream.c fills groups, stream_read.c reads them.
 */
#ifndef ITEM_GROUP_H
#define ITEM_GROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "item/geometry.h"
#include "tree/tree.h"

/* What the chain knows of a group before it is read, or written. */
struct group_place {
	uint64_t nonce;
	uint64_t lsn;         /* its number in the stream */
	uint64_t before;      /* hash of the group before it; of the first one: 0 */
	uint64_t bytenr, end; /* where it begins, and where its segment ends */
};

enum record_kind {
	RECORD_PUT = 1, /* this item is in the log */
	RECORD_CUT,     /* there is no item of this key in the log any more */
	RECORD_DATA,    /* data of len/8 blocks at key.offset hash so: an xxh3 of 64 bits each */
};

struct record {
	enum record_kind kind;
	uint64_t root; /* the subvolume's */
	struct key key;
	const void *data;
	uint32_t len;
};

/* ---- making one ---- */

/* A group that is being filled. The memory of `blocks` is the caller's: of `max` blocks. */
struct group {
	struct group_place place;
	uint8_t *blocks;
	uint32_t max;      /* at most so many blocks, all told */
	uint32_t ndata;
	uint8_t *records;
	uint32_t len, cap; /* of the records, in bytes */
	uint64_t hash;     /* after group_close() */
};

/* At `place`, of at most `max` blocks. */
void group_open(struct group *g, const struct group_place *place, uint8_t *blocks, uint32_t max);
/* False: there is no room for it, and nothing was added. */
bool group_add(struct group *g, const struct record *r);
/* n blocks of data, next to each other, if there is room for them and for `spare` bytes of records besides: where on
 * the device they are going to lie; 0: there is none. */
uint64_t group_reserve(struct group *g, uint32_t n, uint32_t spare);
/* Where in the group's memory the block of this address is: the caller copies it there. */
uint8_t *group_data_at(const struct group *g, uint64_t bytenr);
/* How many blocks it has, as it is now. */
uint32_t group_size(const struct group *g);
/* The end: the head is written, with where the group after this one lies: `next`, in a segment that ends at next_end;
 * 0: nowhere. How many blocks of memory are to go to the device. The memory of the records is given back. */
uint32_t group_close(struct group *g, uint64_t next, uint64_t next_end);
/* Gives the memory of the records back without that. */
void group_drop(struct group *g);

/* ---- reading one ---- */

struct group_facts {
	uint64_t hash;
	uint32_t blocks, ndata, nrecords;
	uint64_t next, next_end;
};

/* How many blocks a group at `place` has, judged by its first block; 0: that is no head (group.1). */
uint32_t group_blocks(const void *block, const struct group_place *place);
/* Where its head says that the group after it lies, and what that one has to say of it: *place becomes that. False: it
 * is no head. Nothing is looked at but what group_blocks() looks at. */
bool group_skip(const void *block, struct group_place *place);
/* Whether these blocks, as many as group_blocks() has said, are that group (group.1, group.2). */
bool group_is_whole(const void *blocks, const struct group_place *place, struct group_facts *facts);
/* The records of a whole group, to be freed, and how many bytes they are. */
uint8_t *group_records(const void *blocks, uint32_t *len);
/* Calls fn for each of them; stops when it returns non-zero, and returns that. The data are aligned to 8 bytes, and
 * valid as long as the records. */
int group_each(const uint8_t *records, uint32_t len, int (*fn)(void *arg, const struct record *r), void *arg);

/* The hash of a block of data. */
uint64_t group_hash_block(const void *block);

#endif
