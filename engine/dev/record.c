/*
 * record.c: writes the event log: see record.h. A write is copied once, when it is submitted, and hashed only when
 * crash images are asked for.
 *
 * In the arena, the hashes of a write's blocks stand in front of its copy, in the same piece.
 */
#include "dev/record.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "dev/door.h"

/* Room for the next event, which is number l->n. */
static struct dev_event *next_event(struct dev_log *l)
{
	uint32_t n = atomic_load_explicit(&l->n, memory_order_relaxed);

	if (n == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 256;
		l->event = realloc(l->event, l->cap * sizeof(*l->event));
		CHECK(l->event);
	}
	return &l->event[n];
}

static struct dev_event *add_event(struct dev_log *l, enum dev_event_kind kind, const struct bio *bio)
{
	uint32_t n = atomic_load_explicit(&l->n, memory_order_relaxed);
	struct dev_event *e = next_event(l);

	*e = (struct dev_event){
		.kind = kind,
		.meta = bio->flags & BIO_META,
		.of = NOT_YET,
		.task = rt_self()->id,
		.ns = rt_now(),
	};
	atomic_store_explicit(&l->n, n + 1, memory_order_release);
	return e;
}

static size_t hashes_size(uint64_t off, uint32_t len)
{
	size_t blocks = (off + len - 1) / DEV_BLOCK - off / DEV_BLOCK + 1;

	return (blocks * sizeof(uint64_t) + 63) & ~(size_t)63;
}

static uint64_t *hashes_of(const struct dev_event *e)
{
	return (uint64_t *)((char *)e->data - hashes_size(e->off, e->len));
}

/* A copy of what is written, with room for the hashes in front of it. */
static void *copy_data(struct dev_log *l, uint64_t off, uint32_t len, const void *data)
{
	size_t before = hashes_size(off, len);
	char *piece = arena_get(&l->data, before + len);

	return memcpy(piece + before, data, len);
}

void powercut_load(struct dev *d, const struct dev_event *event, uint32_t n)
{
	struct dev_log *l = d->log;

	CHECK(!l->n);
	for (uint32_t i = 0; i < n; i++) {
		struct dev_event *e = next_event(l);

		*e = event[i];
		e->hash = 0;
		CHECK(e->of == NOT_YET || (e->of < n && event[e->of].of == i));
		if (e->kind == DEV_WSUB) {
			CHECK(e->len && e->off + e->len <= d->size && e->off % SECTOR == 0 && e->len % SECTOR == 0);
			e->data = copy_data(l, e->off, e->len, event[i].data);
		}
		l->n++;
	}
}

void record_submit(struct dev *d, struct bio *bio)
{
	struct dev_log *l = d->log;
	struct dev_event *e;

	if (bio->stage == STAGE_READ)
		return;
	bio->event = l->n;
	if (bio->stage == STAGE_FLUSH) {
		add_event(l, DEV_FSUB, bio);
		return;
	}
	bio->media = copy_data(l, bio->off, bio->len, bio->buf);
	e = add_event(l, DEV_WSUB, bio);
	e->fua = bio->flags & BIO_FUA;
	e->failed = bio->fault;
	e->off = bio->off;
	e->len = bio->len;
	e->data = bio->media;
}

void record_complete(struct dev *d, struct bio *bio, int err)
{
	struct dev_log *l = d->log;
	bool flush = bio->stage == STAGE_FLUSH;
	uint32_t pos = l->n;
	struct dev_event *e, *begun;

	if (bio->stage == STAGE_READ)
		return;
	e = add_event(l, flush ? DEV_FCMP : DEV_WCMP, bio);
	begun = &l->event[bio->event];
	CHECK(begun->kind == (flush ? DEV_FSUB : DEV_WSUB));
	CHECK(begun->of == NOT_YET);
	begun->of = pos;
	e->of = bio->event;
	e->fua = begun->fua;
	e->failed = err || (flush && d->faults && d->faults->lying_flush);
	begun->failed = e->failed;
	e->off = begun->off;
	e->len = begun->len;
}

void record_take(struct dev *d, struct bio *bio)
{
	struct dev_event *e;

	door_lock(d);
	e = &d->log->event[bio->event];
	if (memcmp(bio->media, bio->buf, bio->len)) {
		memcpy(bio->media, bio->buf, bio->len);
		e->hash = 0;
	}
	door_unlock(d);
}

unsigned sectors_of(uint64_t off, uint32_t len, uint32_t blk)
{
	uint64_t from = (uint64_t)blk * DEV_BLOCK, to = from + DEV_BLOCK;
	uint64_t a = off > from ? off : from, b = off + len < to ? off + len : to;

	if (a >= b)
		return 0;
	a = (a - from) / SECTOR;
	b = (b - from) / SECTOR;
	return (1u << b) - (1u << a);
}

const uint8_t *write_data(const struct dev_event *e, uint32_t blk)
{
	return (const uint8_t *)e->data + ((int64_t)blk * DEV_BLOCK - (int64_t)e->off);
}

static void hash_write(struct dev_event *e)
{
	uint64_t *hash = hashes_of(e), all = hash_at(e->off / SECTOR, e->len);

	for (uint32_t blk = write_first(e); blk <= write_last(e); blk++) {
		bool whole = sectors_of(e->off, e->len, blk) == ALL_SECTORS;

		hash[blk - write_first(e)] = whole ? hash_block(write_data(e, blk)) : 0;
		all += hash_at(blk, hash[blk - write_first(e)]);
	}
	if (e->off % DEV_BLOCK || e->len % DEV_BLOCK)
		all += hash_bytes(e->data, e->len);
	e->hash = all | 1;
}

uint64_t write_hash(struct dev_event *e, uint32_t blk)
{
	if (!e->hash)
		hash_write(e);
	return hashes_of(e)[blk - write_first(e)];
}

uint32_t powercut_position(const struct dev *d)
{
	return atomic_load_explicit(&d->log->n, memory_order_acquire);
}

const struct dev_event *powercut_events(const struct dev *d, uint32_t *n)
{
	struct dev_log *l = d->log;

	for (uint32_t i = 0; i < l->n; i++)
		if (l->event[i].kind == DEV_WSUB && !l->event[i].hash)
			hash_write(&l->event[i]);
	*n = l->n;
	return l->event;
}
