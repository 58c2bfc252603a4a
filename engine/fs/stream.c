/*
 * stream.c: see stream.h: groups, leaders, commits. kernel: none. The leader's part is that of a leader of PostgreSQL's
 * or RocksDB's log; that data and record share a flush is the intent log's of ZFS.
 *
 * st->mutex guards the numbers and who leads. It is dropped while a group is written. There are two groups: while one
 * is on its way, the other takes records. Who puts a record or data into the open group has entered, so no leader
 * closes it meanwhile; among each other they have st->fill, which nobody holds across a point.
 *
 * Always: lsn is the number of the group that is open, or that will be opened next; at .. end is where that one lies.
 * durable <= arrived < lsn. Groups of a number above durable and up to arrived are on the device, and nothing there
 * leads to them yet: the commit before them is still being written. Those above arrived and below lsn are on their way,
 * or have failed: from `failed` on all have.
 */
#include <stdlib.h>
#include <xxhash.h>

#include "fs/cost.h"
#include "item/group.h"
#include "fs/log.h"
#include "fs/mount.h"
#include "fs/ordered.h"
#include "fs/page.h"
#include "fs/stream.h"
#include "fs/trans.h"

#define GROUP_MIN 4u            /* blocks: a segment that has fewer left is full */
#define SPARE     (2 * FS_BLOCK) /* room for records that data leave in a group: their own, and those of others */

struct stream_group {
	struct group g;
	uint8_t *memory;        /* of STREAM_GROUP_MAX blocks; made by the first use */
	struct ordered *carried[STREAM_GROUP_MAX]; /* their I/O is ours */
	uint32_t ncarried;
	struct list ordered;    /* whose data it needs, carried ones too */
	bool unhashed;          /* it needs data that have no hash (stream.5) */
	bool beside;            /* it needs data that lie in no group */
	bool by_fua;            /* it was written so, and needs no flush (stream.8) */
	struct bio bio;
	struct batch io;
};

/* The faults of designs (stream.h). */
struct stream_faults {
	bool flushes_early, tells_early, tells_before_super, rides_late, writes_short, takes_unhashed, forgives_data,
		fua_alone, keeps_nonce, joins_closed;
};

struct stream {
	struct fs *fs;
	struct stream_faults faults;
	bool fua;                /* FUA writes are cheaper, or asked for */
	struct mutex mutex;      /* guards, down to the blank line: */
	uint64_t nonce, trans;   /* trans: whose log it is */
	uint64_t lsn, before;    /* before: hash of the group before it */
	uint64_t at, end;        /* at 0: there is no place */
	uint64_t durable, arrived, failed;
	bool committing;         /* the super that begins the stream is not on the media yet (stream.7) */
	bool flushing;           /* nor is that commit's flush still to come */
	bool sent;               /* a group is on its way, with all that it needs */
	bool leading;
	uint32_t due;            /* fsyncs of the last group, and those in the one that filled meanwhile */
	uint64_t *own;           /* pairs: bytes of groups of this transaction that are no data, to be pinned */
	uint32_t nown, cap_own;

	struct waitq durable_wait, writers_wait, sent_wait;
	_Atomic int32_t writers;
	_Atomic uint32_t joined; /* fsyncs in the open group */
	struct spin fill;        /* guards what the open group has: */
	struct stream_group *open; /* also changed by a leader, when nobody has entered */
	struct stream_group group[2];
};

/* ---- life cycle ---- */

struct stream *stream_none(struct fs *fs)
{
	return NULL;
}

static struct stream *stream_new(struct fs *fs, struct stream_faults faults)
{
	struct stream *st = mem_zalloc(sizeof(*st));

	st->fs = fs;
	st->faults = faults;
	st->fua = fs->dev->fua_is_cheaper;
	st->nonce = fs->super.stream.nonce;
	st->lsn = 1;
	mutex_init(&st->mutex, L_STREAM, 0);
	spin_init(&st->fill, L_GROUP);
	waitq_init(&st->durable_wait, L_LOG_COMMIT);
	waitq_init(&st->writers_wait, L_LOG_WRITERS);
	waitq_init(&st->sent_wait, L_IO_DONE);
	for (int i = 0; i < 2; i++)
		list_init(&st->group[i].ordered);
	return st;
}

struct stream *stream_open(struct fs *fs)
{
	return stream_new(fs, (struct stream_faults){ 0 });
}

struct stream *stream_open_by_fua(struct fs *fs)
{
	struct stream *st = stream_open(fs);

	st->fua = true;
	return st;
}

struct stream *stream_open_fua_alone(struct fs *fs)
{
	struct stream *st = stream_new(fs, (struct stream_faults){ .fua_alone = true });

	st->fua = true;
	return st;
}

struct stream *stream_open_keeps_nonce(struct fs *fs)
{
	return stream_new(fs, (struct stream_faults){ .keeps_nonce = true });
}

struct stream *stream_open_joins_closed(struct fs *fs)
{
	return stream_new(fs, (struct stream_faults){ .joins_closed = true });
}

struct stream *stream_open_flushes_early(struct fs *fs)
{
	return stream_new(fs, (struct stream_faults){ .flushes_early = true });
}

struct stream *stream_open_tells_early(struct fs *fs)
{
	return stream_new(fs, (struct stream_faults){ .tells_early = true });
}

struct stream *stream_open_tells_before_super(struct fs *fs)
{
	return stream_new(fs, (struct stream_faults){ .tells_before_super = true });
}

struct stream *stream_open_rides_late(struct fs *fs)
{
	return stream_new(fs, (struct stream_faults){ .rides_late = true });
}

struct stream *stream_open_writes_short(struct fs *fs)
{
	return stream_new(fs, (struct stream_faults){ .writes_short = true });
}

struct stream *stream_open_takes_unhashed(struct fs *fs)
{
	return stream_new(fs, (struct stream_faults){ .takes_unhashed = true });
}

struct stream *stream_open_forgives_data(struct fs *fs)
{
	return stream_new(fs, (struct stream_faults){ .forgives_data = true });
}

void stream_close(struct stream *st)
{
	if (!st)
		return;
	CHECK(!st->leading && !atomic_load(&st->writers));
	for (int i = 0; i < 2; i++) {
		CHECK(list_empty(&st->group[i].ordered));
		group_drop(&st->group[i].g);
		dev_buffer_put(st->fs->dev, st->group[i].memory);
	}
	free(st->own);
	free(st);
}

/* ---- places ---- */

/* A new segment in *at .. *end; both 0: there is no space for one. */
static void segment_get(struct stream *st, uint64_t *at, uint64_t *end)
{
	uint64_t total = alloc_space(st->fs->alloc, ALLOC_DATA).total / 16 / FS_BLOCK * FS_BLOCK;
	uint64_t len = total > STREAM_SEGMENT_MAX ? STREAM_SEGMENT_MAX : total;

	*at = *end = 0;
	if (len < GROUP_MIN * FS_BLOCK)
		len = GROUP_MIN * FS_BLOCK;
	if (!alloc_get(st->fs->alloc, ALLOC_DATA, FS_BLOCK, GROUP_MIN * FS_BLOCK, &len, at))
		*end = *at + len;
}

/* The place for the next group, if the one at st->at has `blocks` blocks. What is left of a full segment was never
 * written (alloc.2). */
static void next_place(struct stream *st, uint32_t blocks, uint64_t *at, uint64_t *end)
{
	*at = st->at + (uint64_t)blocks * FS_BLOCK;
	*end = st->end;
	if (*end - *at >= GROUP_MIN * FS_BLOCK)
		return;
	if (*end > *at)
		alloc_free(st->fs->alloc, ALLOC_DATA, *at, *end - *at);
	segment_get(st, at, end);
}

static void own_add(struct stream *st, uint64_t at, uint64_t len)
{
	if (!len)
		return;
	if (st->nown == st->cap_own) {
		st->cap_own = st->cap_own ? st->cap_own * 2 : 16;
		st->own = realloc(st->own, st->cap_own * 2 * sizeof(*st->own));
		CHECK(st->own);
	}
	st->own[2 * st->nown] = at;
	st->own[2 * st->nown++ + 1] = len;
}

/* ---- those who change the log ---- */

void stream_enter(struct stream *st)
{
	mutex_lock(&st->mutex);
	atomic_fetch_add(&st->writers, 1);
	mutex_unlock(&st->mutex);
}

void stream_leave(struct stream *st)
{
	int32_t writers = atomic_fetch_sub(&st->writers, 1);

	CHECK(writers > 0);
	wait_give(&st->writers_wait, writers == 1);
}

static bool no_writers(void *arg)
{
	struct stream *st = arg;

	return atomic_load(&st->writers) == 0;
}

/* The open group, opened if it is not; NULL: there is no place for one. st->fill held. */
static struct stream_group *open_group(struct stream *st)
{
	struct stream_group *sg = &st->group[st->lsn & 1];
	struct group_place place = { st->nonce, st->lsn, st->before, st->at, st->end };
	uint64_t room = (st->end - st->at) / FS_BLOCK;

	CHECK(atomic_load(&st->writers) > 0);
	if (st->open || !st->at)
		return st->open;
	if (!sg->memory)
		sg->memory = dev_buffer_get(st->fs->dev, STREAM_GROUP_MAX * FS_BLOCK);
	group_open(&sg->g, &place, sg->memory, room < STREAM_GROUP_MAX ? (uint32_t)room : STREAM_GROUP_MAX);
	CHECK(list_empty(&sg->ordered));
	sg->ncarried = 0;
	sg->unhashed = sg->beside = false;
	st->open = sg;
	return sg;
}

/* Nobody closes a group while it is filled, so its order needs no name. Under that fault somebody does. */
static void fill_lock(struct stream *st)
{
	if (st->faults.joins_closed)
		rt_access(st->fill.m.id, POINT_WRITE);
	spin_lock_quiet(&st->fill);
}

static void add_record(struct stream *st, const struct record *r)
{
	fill_lock(st);
	struct stream_group *sg = open_group(st);
	bool added = sg && group_add(&sg->g, r);
	spin_unlock(&st->fill);
	if (!added) /* the group lacks a record, so it is not written (stream.3) */
		trans_no_log(st->fs, st->trans);
}

void stream_note(void *arg, const struct key *k, const void *data, uint32_t len)
{
	struct root *root = arg;

	add_record(root->fs->stream, &(struct record){ .kind = data ? RECORD_PUT : RECORD_CUT, .root = root->id,
						       .key = *k, .data = data, .len = len });
}

/* The group needs data that lie beside it, or data of which there is no hash. */
static void needs(struct stream *st, bool unhashed)
{
	fill_lock(st);
	struct stream_group *sg = open_group(st);
	if (sg) {
		sg->beside = true;
		sg->unhashed |= unhashed;
	}
	spin_unlock(&st->fill);
}

void stream_needs_flush(struct stream *st)
{
	needs(st, false);
}

void stream_names(struct stream *st, const struct ordered *o)
{
	bool hashed = o && o->hashes;

	if (!st)
		return;
	if (!hashed || !o->carried)
		needs(st, !hashed);
	if (hashed)
		add_record(st, &(struct record){ .kind = RECORD_DATA, .key = { .offset = o->disk_bytenr },
						 .data = o->hashes,
						 .len = (uint32_t)(o->disk_len / FS_BLOCK * sizeof(*o->hashes)) });
}

void stream_waits_for(struct stream *st, struct list *ordered)
{
	fill_lock(st);
	struct stream_group *sg = open_group(st);
	if (sg)
		list_splice_tail(ordered, &sg->ordered);
	spin_unlock(&st->fill);
	if (!list_empty(ordered)) { /* nobody is going to write that group */
		trans_no_log(st->fs, st->trans);
		ordered_drop_list(ordered);
	}
}

uint64_t stream_lsn(struct stream *st)
{
	CHECK(atomic_load(&st->writers) > 0);
	atomic_fetch_add(&st->joined, 1);
	return st->lsn;
}

int stream_make_log(struct root *root, uint64_t trans)
{
	struct fs *fs = root->fs;

	CHECK(mutex_held(&root->log.mutex));
	mutex_lock(&fs->stream->mutex);
	bool ready = fs->stream->at && fs->stream->trans == trans;
	mutex_unlock(&fs->stream->mutex);
	int ret = ready ? log_create(&root->log, fs, trans) : -EAGAIN;
	if (!ret) {
		root->log.tree.note = stream_note;
		root->log.tree.note_arg = root;
	}
	return ret;
}

/* ---- data in the open group ---- */

uint64_t stream_reserve(struct stream *st, uint32_t n)
{
	fill_lock(st);
	struct stream_group *sg = open_group(st);
	uint64_t at = sg ? group_reserve(&sg->g, n, SPARE) : 0;
	spin_unlock(&st->fill);
	return at;
}

uint8_t *stream_data_at(struct stream *st, uint64_t bytenr)
{
	fill_lock(st);
	uint8_t *data = group_data_at(&st->open->g, bytenr);
	spin_unlock(&st->fill);
	return data;
}

void stream_carry(struct stream *st, struct ordered *o, struct page **pages, uint32_t n)
{
	fill_lock(st);
	struct stream_group *sg = st->open;
	const uint8_t *data = group_data_at(&sg->g, o->disk_bytenr);
	CHECK(sg->ncarried < STREAM_GROUP_MAX);
	sg->carried[sg->ncarried++] = o;
	spin_unlock(&st->fill);
	o->carried = true;
	ordered_prepare(o, data, NULL, pages, n);
}

/* ---- one group on its way ---- */

/* The group's I/O has ended, and with it that of the ordered extents that it carries. As an interrupt (ordered.c). */
static void group_io_end(struct bio *bio)
{
	struct stream_group *sg = bio->private;

	for (uint32_t i = 0; i < sg->ncarried; i++)
		ordered_io_ended(sg->carried[i], bio->err);
	batch_leave(&sg->io, bio->err);
}

static void group_submit(struct stream *st, struct stream_group *sg, uint32_t first, uint32_t n)
{
	sg->bio = (struct bio){ .off = sg->g.place.bytenr + (uint64_t)first * FS_BLOCK, .len = n * FS_BLOCK,
				.flags = BIO_WRITE | BIO_SYNC | (sg->by_fua ? BIO_FUA : 0),
				.buf = sg->memory + (size_t)first * FS_BLOCK,
				.done = group_io_end, .private = sg };
	fs_cost(COST_LOG_COMMIT);
	batch_init(&sg->io, st->fs->dev);
	batch_join(&sg->io);
	dev_submit(st->fs->dev, &sg->bio);
}

/* Waits for the data that the group needs; without those that it carries, if it has not been sent. */
static int group_wait_data(struct stream *st, struct stream_group *sg, bool sent)
{
	struct list *pos;
	int ret = 0;

	list_for_each(pos, &sg->ordered) {
		struct ordered *o = list_entry(pos, struct ordered, log_link);
		if (o->carried && !sent)
			continue;
		if (!(atomic_load(&o->flags) & ORDERED_IO_DONE))
			phase(PH_WAIT_DATA);
		int err = st->fs->on.logged_io(o);
		ret = ret ? ret : err;
	}
	return ret;
}

static int group_flush(struct stream *st)
{
	phase(PH_DEV_FLUSH);
	int ret = dev_flush(st->fs->dev);
	if (ret) /* what it has lost nobody can tell */
		trans_abort(st->fs, ret);
	return ret;
}

/* A group and all that it names are on the device. Those whose records are in it go on when something leads to it; it
 * may be that nothing ever will: -EAGAIN. st->mutex held. */
static int group_arrived(struct stream *st, uint64_t lsn)
{
	CHECK(mutex_held(&st->mutex));
	if (st->arrived == lsn) /* that is known already */
		return 0;
	CHECK(st->arrived + 1 == lsn); /* none is left out (stream.1) */
	if (st->failed) {
		CHECK(st->committing); /* it is the commit before it that has failed: no group has (stream.3) */
		return -EAGAIN;
	}
	st->arrived = lsn;
	if (!st->committing || st->faults.tells_before_super)
		st->durable = lsn;
	return 0;
}

/* The last step: all that the group needs is on the device. A commit that is being written is going to flush, and to
 * wait for that is no loss: its super leads to the group. */
static int group_settle(struct stream *st, struct stream_group *sg)
{
	mutex_lock(&st->mutex);
	bool rides = st->committing && (!st->flushing || st->faults.rides_late);
	int ret = rides ? group_arrived(st, sg->g.place.lsn) : 0;
	st->sent = false;
	mutex_unlock(&st->mutex);
	wake_all(&st->sent_wait);
	return rides || sg->by_fua ? ret : group_flush(st);
}

/* (stream.8) Beside a commit that is being written a flush of its own is not needed, as a rule. st->mutex held. */
static bool goes_by_fua(const struct stream *st, const struct stream_group *sg)
{
	return st->fua && !st->committing && (!sg->beside || st->faults.fua_alone);
}

/* A group of `blocks` blocks from the first step to the last. 0: it is on the media with all data that it names, or a
 * commit's flush is going to bring it there. */
static int group_write(struct stream *st, struct stream_group *sg, uint32_t blocks)
{
	int ret = 0;

	if (sg->unhashed && !st->faults.takes_unhashed) { /* stream.5 */
		ret = group_wait_data(st, sg, false);
		ret = ret ? ret : group_flush(st);
	}
	if (ret) /* it must not be found, but what it carries is to be written all the same */
		blocks = 0;
	phase(PH_LOG_WRITE);
	if (blocks)
		group_submit(st, sg, 0, blocks - (blocks > 1 && st->faults.writes_short));
	else if (sg->g.ndata)
		group_submit(st, sg, 1, sg->g.ndata);
	int err = blocks || sg->g.ndata ? batch_wait(&sg->io) : 0;
	ret = ret ? ret : err;
	if (st->faults.tells_early && !ret && blocks) {
		mutex_lock(&st->mutex);
		ret = group_arrived(st, sg->g.place.lsn);
		mutex_unlock(&st->mutex);
		wake_all(&st->durable_wait);
	}
	if (st->faults.flushes_early && !ret && blocks)
		ret = group_flush(st);
	err = group_wait_data(st, sg, true);
	if (!st->faults.forgives_data)
		ret = ret ? ret : err;
	return ret || !blocks || st->faults.flushes_early ? ret : group_settle(st, sg);
}

/* ---- leaders ---- */

/* Nobody has entered: the open group takes nothing more, and the next one's place is known. How many blocks of it are
 * to be written; 0: it is not to be found, since the transaction is not to be logged. st->mutex held. */
static uint32_t group_take(struct stream *st, struct stream_group **out)
{
	struct stream_group *sg = st->open;
	uint64_t at = 0, end = 0;
	uint32_t blocks = 0;

	CHECK(mutex_held(&st->mutex) && (no_writers(st) || st->faults.joins_closed)); /* stream.2 */
	if (st->faults.joins_closed)
		rt_access(st->fill.m.id, POINT_WRITE);
	*out = sg;
	if (sg && !trans_is_no_log(st->fs, st->trans) && !fs_error(st->fs) && !st->failed) {
		uint32_t len = group_size(&sg->g);
		next_place(st, len, &at, &end);
		blocks = group_close(&sg->g, at, end);
		CHECK(blocks == len || st->faults.joins_closed);
		own_add(st, sg->g.place.bytenr, FS_BLOCK);
		own_add(st, sg->g.place.bytenr + (uint64_t)(1 + sg->g.ndata) * FS_BLOCK,
			(uint64_t)(blocks - 1 - sg->g.ndata) * FS_BLOCK);
	} else if (sg) {
		/* what it carries is written; the rest of the segment is for the stream after the next commit */
		at = st->at + (uint64_t)(1 + sg->g.ndata) * FS_BLOCK;
		end = st->end;
		own_add(st, st->at, FS_BLOCK);
		group_drop(&sg->g);
	} else {
		at = st->at;
		end = st->end;
	}
	st->at = at;
	st->end = end;
	st->before = sg ? sg->g.hash : st->before;
	st->open = NULL;
	st->lsn++;
	return blocks;
}

/* A fault: those who have entered go on in a group that has its hash already. What they add is not in what the hash is
 * of, and not in what is written. st->mutex held, dropped while asleep. */
static void group_let_in(struct stream *st, struct stream_group *sg)
{
	st->open = sg;
	st->lsn--;
	wait_until_locked(&st->writers_wait, &st->mutex, no_writers, st);
	st->open = NULL;
	st->lsn++;
	group_drop(&sg->g);
}

static bool all_due_joined(void *arg)
{
	struct stream *st = arg;

	return atomic_load(&st->joined) >= st->due;
}

/* With log_wait_ns the leader waits, so long at most, until those are back whom the last group has woken: they would
 * just miss this one. One that is alone never waits. st->mutex held, dropped while asleep. */
static void gather(struct stream *st)
{
	if (!st->fs->opt.log_wait_ns || all_due_joined(st))
		return;
	/* due does not change meanwhile: the next group to end is the caller's */
	mutex_unlock(&st->mutex);
	wait_until_timeout(&st->writers_wait, all_due_joined, st, st->fs->opt.log_wait_ns);
	mutex_lock(&st->mutex);
}

/* The open group goes to the media. st->mutex held, dropped meanwhile. */
static void stream_lead(struct stream *st)
{
	uint64_t lsn = st->lsn;
	enum phase was = phase_now();
	struct stream_group *sg;
	int ret = -EAGAIN;

	CHECK(!st->leading && mutex_held(&st->mutex));
	st->leading = true;
	owe(L_LOG_COMMIT, -(int64_t)lsn, &st->durable_wait);
	phase(PH_LOG_JOIN);
	gather(st);
	if (!st->faults.joins_closed || !st->open)
		wait_until_locked(&st->writers_wait, &st->mutex, no_writers, st);
	uint32_t blocks = group_take(st, &sg);
	CHECK(sg || !blocks);
	if (st->faults.joins_closed && sg)
		group_let_in(st, sg);
	uint32_t joined = atomic_exchange(&st->joined, 0);
	st->sent = blocks && !sg->unhashed;
	if (sg)
		sg->by_fua = blocks && goes_by_fua(st, sg);
	mutex_unlock(&st->mutex);
	if (sg) {
		int err = group_write(st, sg, blocks);
		ret = blocks || err ? err : ret;
		ordered_drop_list(&sg->ordered);
	}
	count(C_LOG_LED);
	mutex_lock(&st->mutex);
	if (!ret)
		ret = group_arrived(st, lsn);
	if (ret)
		trans_no_log(st->fs, st->trans); /* log.3 */
	if (ret && !st->failed)
		st->failed = lsn;
	st->due = joined + atomic_load(&st->joined);
	st->sent = st->leading = false;
	paid(L_LOG_COMMIT, -(int64_t)lsn, &st->durable_wait);
	wake_all(&st->durable_wait);
	wake_all(&st->sent_wait);
	phase(was);
}

struct lsn_wait {
	struct stream *st;
	uint64_t lsn;
	bool may_lead;
};

/* Who may lead sees to it that the group goes out, though one before it has failed: there may be data in it that others
 * wait for. */
static bool is_settled(const struct lsn_wait *w)
{
	const struct stream *st = w->st;
	bool failed = st->failed && st->failed <= w->lsn;

	return st->durable >= w->lsn || (failed && (!w->may_lead || w->lsn < st->lsn));
}

/* The group has not been sent, and nobody is about to. */
static bool is_to_be_led(const struct lsn_wait *w)
{
	return w->may_lead && !w->st->leading && w->st->lsn == w->lsn;
}

static bool can_go_on(void *arg)
{
	struct lsn_wait *w = arg;

	return is_settled(w) || is_to_be_led(w);
}

static int wait_for(struct stream *st, uint64_t lsn, bool may_lead)
{
	struct lsn_wait w = { st, lsn, may_lead };
	enum phase was = phase_now();
	bool led = false;

	mutex_lock_in(&st->mutex, PH_LOG_JOIN);
	while (!is_settled(&w)) {
		if (is_to_be_led(&w)) {
			led = true;
			stream_lead(st);
			continue;
		}
		phase(PH_LOG_JOIN);
		wait_until_locked(&st->durable_wait, &st->mutex, can_go_on, &w);
	}
	int ret = st->durable >= lsn ? 0 : -EAGAIN;
	mutex_unlock(&st->mutex);
	phase(was);
	if (!led)
		count(C_LOG_JOINED);
	return ret;
}

int stream_sync(struct stream *st, uint64_t lsn)
{
	return wait_for(st, lsn, true);
}

int stream_wait(struct stream *st, uint64_t lsn)
{
	return wait_for(st, lsn, false);
}

/* ---- commits and mounts ---- */

/* The nonce of the stream that a super of this generation begins. */
static uint64_t next_nonce(struct stream *st, uint64_t generation)
{
	uint64_t from[] = { st->fs->super.fsid, generation, st->nonce };

	if (st->faults.keeps_nonce)
		return st->fs->super.fsid;
	return XXH3_64bits(from, sizeof(from));
}

static struct super_stream stream_tail(struct stream *st)
{
	return (struct super_stream){ st->at, st->end, st->nonce, st->lsn };
}

void stream_checkpoint(struct stream *st, uint64_t trans, struct super *super)
{
	struct fs *fs = st->fs;

	mutex_lock(&st->mutex);
	CHECK(no_writers(st) && !st->leading);
	if (st->open) { /* names have changed that no fsync has asked for: they are in the trees */
		CHECK(!st->open->ncarried);
		ordered_drop_list(&st->open->ordered);
		group_drop(&st->open->g);
		st->open = NULL;
	}
	for (uint32_t i = 0; i < st->nown; i++) /* stream.4 */
		fs->on.give_up_log_block(fs->alloc, ALLOC_DATA, st->own[2 * i], st->own[2 * i + 1]);
	st->nown = 0;
	if (st->at)
		next_place(st, 0, &st->at, &st->end);
	else
		segment_get(st, &st->at, &st->end);
	st->nonce = next_nonce(st, trans);
	st->before = 0;
	st->trans = trans + 1;
	CHECK(!st->committing && st->durable == st->arrived);
	st->committing = true; /* that it covers all groups counts when it is on the media */
	st->flushing = false;
	st->arrived = st->lsn - 1;
	st->failed = 0;
	super->stream = st->at ? stream_tail(st) : (struct super_stream){ 0 };
	mutex_unlock(&st->mutex);
}

static bool none_is_sent(void *arg)
{
	const struct stream *st = arg;

	return !st->sent;
}

void stream_flushing(struct stream *st)
{
	mutex_lock(&st->mutex);
	CHECK(st->committing && !st->flushing);
	wait_until_locked(&st->sent_wait, &st->mutex, none_is_sent, st);
	st->flushing = true;
	mutex_unlock(&st->mutex);
}

void stream_committed(struct stream *st, int err)
{
	mutex_lock(&st->mutex);
	if (err) {
		if (st->committing) /* else it failed after the super */
			st->failed = st->durable + 1;
	} else {
		CHECK(st->committing);
		st->committing = false;
		st->durable = st->arrived;
	}
	mutex_unlock(&st->mutex);
	wake_all(&st->durable_wait);
}

int stream_begin(struct stream *st)
{
	struct fs *fs = st->fs;

	st->nonce = next_nonce(st, fs->super.generation);
	st->trans = fs->super.generation + 1;
	segment_get(st, &st->at, &st->end);
	if (!st->at)
		return -ENOSPC;
	fs->super_for_commit.stream = stream_tail(st);
	int ret = super_write(fs->dev, &fs->super_for_commit, true);
	if (ret)
		trans_abort(fs, ret);
	return ret;
}
