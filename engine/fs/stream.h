/*
 * stream.h: the stream: the log of a design of our own. Instead of tree blocks and a super, an fsync writes one group
 * of records to the place where the group before it has said that it will lie, and flushes once. Data, records and
 * head are in flight together, since recovery looks at all of them: a group that has not arrived was never
 * acknowledged.
 *
 * What the log of a subvolume has is in a tree in memory (root->log.tree), which is never written. Each change of an
 * item of it is a record. Recovery makes the changes again, in their order, and replays the tree that it gets.
 *
 * stream.1: Groups are written one after the other. A leader sends one, waits until all of it has arrived, and the data
 *      beside it too, flushes, and tells all whose records it has that they are durable: durable only grows.
 * stream.2: A group takes records until nobody is in the middle of a change of several (stream_enter()): what belongs
 *      together is in one group.
 * stream.3: A group that failed, or that was not written because the transaction is not to be logged (log.3), is the
 *      last one before the next commit: nothing after it could be found.
 * stream.4: What a group names, and the group itself, is not written over before a super on the media begins the stream
 *      behind it. Space that is given up is pinned until then (alloc.1), as are the groups' own blocks.
 * stream.5: A group names data by hashes of 64 bits. Data of which there is no hash, or that may be written over in
 *      place, are on the media before a group that needs them is sent: that takes a flush more.
 * stream.6: A commit begins the stream anew, behind what it covers, with another nonce; so does a mount, before it logs
 *      anything. No group of another life can be taken for one of this (group.1).
 * stream.7: The stream goes on while that commit is being written. A group of then is not told to be durable before the
 *      commit's super, which leads to it, is on the media; the commit's flush is its own, if it arrives before that.
 * stream.8: Where a FUA write is cheaper than a write and a flush, a group that needs no data but those in it is
 *      written so, and no flush follows: all groups before it are durable, or wait for a commit's super as it does.
 *
 * stream.c: groups, leaders, and what commits and mounts have to do with them. stream_data.c: the pages of a file that
 * go into a group. stream_read.c: recovery. Callers: fsync.c by stream_data.c; log_sync.c, dir.c, trans.c, mount.c.
 */
#ifndef FS_STREAM_H
#define FS_STREAM_H

#include "fs/log.h"
#include "fs/state.h"

#define STREAM_SEGMENT_MAX (256u << 10) /* bytes of a segment */
#define STREAM_GROUP_MAX   32u          /* blocks of a group */
#define STREAM_DATA_MAX    16u          /* blocks of data that one fsync puts into a group */

/* The event open_stream: the design's log is a stream; or it is trees. */
struct stream *stream_open(struct fs *fs);
struct stream *stream_none(struct fs *fs);
/* With FUA writes (stream.8) on any device; stream_open(): on one that says that they are cheaper. */
struct stream *stream_open_by_fua(struct fs *fs);
/* A stream with a fault each: the flush does not wait for the data beside a group; durable is told before the flush,
 * or before the super that leads to the group; a commit's flush that has begun counts as the group's; the last block of
 * several of a group is not written; data without a hash are in flight together with the group that needs them; the
 * stream goes on behind a group whose data have failed; a FUA write stands for the flush of data beside the group, too;
 * a stream has the nonce of the one before; and who has entered goes on in a group that has its hash already. */
struct stream *stream_open_flushes_early(struct fs *fs);
struct stream *stream_open_tells_early(struct fs *fs);
struct stream *stream_open_tells_before_super(struct fs *fs);
struct stream *stream_open_rides_late(struct fs *fs);
struct stream *stream_open_writes_short(struct fs *fs);
struct stream *stream_open_takes_unhashed(struct fs *fs);
struct stream *stream_open_forgives_data(struct fs *fs);
struct stream *stream_open_fua_alone(struct fs *fs);
struct stream *stream_open_keeps_nonce(struct fs *fs);
struct stream *stream_open_joins_closed(struct fs *fs);
void stream_close(struct stream *st);
/* At a mount that replayed nothing: the stream begins with a new nonce, in a new place, and a super says so. 0, or an
 * error: then there is no stream before the next commit. No task is about. */
int stream_begin(struct stream *st);

/* ---- those who change the log; log_start(), log_join(), log_write_begin() and log_end() call the first two ---- */

/* Until stream_leave() the open group takes records, and is not written (stream.2). The caller owes L_LOG_WRITERS. */
void stream_enter(struct stream *st);
void stream_leave(struct stream *st);
/* The tree of a subvolume's log tells of a change (struct tree). arg: the struct root. The caller has entered. A record
 * that finds no room marks the transaction as not to be logged. */
void stream_note(void *arg, const struct key *k, const void *data, uint32_t len);
/* Items that are being logged name the data of o: by its hashes; NULL, or without hashes: data that have none. The
 * caller has entered. st NULL: the log is no stream, and nothing is done. */
void stream_names(struct stream *st, const struct ordered *o);
/* The open group needs data that are on the device already, and that nothing in it names. The caller has entered. */
void stream_needs_flush(struct stream *st);
/* The leader of the open group waits for the data of these (by log_link), and drops them. The caller has entered. */
void stream_waits_for(struct stream *st, struct list *ordered);
/* The number of the open group, for an fsync that is in it. The caller has entered. */
uint64_t stream_lsn(struct stream *st);

/* make_log: makes the log of a subvolume. -EAGAIN: there is no room for the stream to go on. The commit before may be
 * being written still, as trans.3 does not allow for logs that a super names: this log is named by that commit's super
 * already (stream.7). */
int stream_make_log(struct root *root, uint64_t trans);

/* ---- waiting ---- */

/* Returns when the group of this number is durable, by leading or by waiting for who leads; the caller has a handle of
 * the transaction that it belongs to. 0, or an error: the caller commits the transaction. */
int stream_sync(struct stream *st, uint64_t lsn);
/* The same without a handle: by waiting alone. */
int stream_wait(struct stream *st, uint64_t lsn);

/* ---- data of the open group (stream_data.c) ---- */

/* Takes the data of the inode's dirty pages in [start, end) into the open group. False: there are too many, or some are
 * in the hands of others, or the inode is one whose data go their own way; then nothing was taken. The caller has
 * entered, and holds inode->lock. */
bool stream_take_pages(struct stream *st, struct inode *inode, uint64_t start, uint64_t end);
/* Puts the inode into the open group, with its dirty data, and its name when that is new: *lsn; 0: it was never begun.
 * Whatever is returned, a group with a number is to be seen to: stream_sync(). 0; LOG_NEED_COMMIT; LOG_FLUSH_FIRST: the
 * pages in the range are to be written in the usual way first; or an error (commit too). inode->lock held. */
int stream_log_inode(struct inode *inode, struct handle *h, const struct log_what *what, uint64_t *lsn);
/* Is all of the inode in a group? *lsn: which. Its pages are not asked. inode->lock held. */
bool stream_has_inode(struct inode *inode, uint64_t *lsn);

/* n blocks of the open group's data, next to each other: where on the device they are going to lie; 0: there is no
 * room. And where in memory the one of this address is. The caller has entered. */
uint64_t stream_reserve(struct stream *st, uint32_t n);
uint8_t *stream_data_at(struct stream *st, uint64_t bytenr);
/* An ordered extent whose data were copied there: its I/O is the group's. As ordered_submit(). */
void stream_carry(struct stream *st, struct ordered *o, struct page **pages, uint32_t n);

/* ---- commits ---- */

/* A commit is about to be written, nobody has a handle of its transaction: *super says where the stream goes on for the
 * next one; what the groups of this one took is pinned. tree_log_mutex held. */
void stream_checkpoint(struct stream *st, uint64_t trans, struct super *super);
/* The commit's trees are written, and its flush comes next: a group that is on its way is waited for, and what arrives
 * later needs a flush of its own. tree_log_mutex held. */
void stream_flushing(struct stream *st);
/* The first copy of that super is on the media: all that came before is durable, and so is what the stream has taken
 * since. Or, with an error, the commit has failed: if it has before that, nothing of either ever will be.
 * tree_log_mutex held. */
void stream_committed(struct stream *st, int err);

/* ---- recovery (stream_read.c) ---- */

/* The records of a stream that counts, group by group. */
struct stream_log {
	struct stream_records {
		uint8_t *records;
		uint32_t len;
	} *group;
	uint32_t n, cap;
};

/* Reads the stream that the super begins: the longest run of groups that are whole, with all data that they name. 0 or
 * -EIO. */
int stream_scan(struct fs *fs, struct stream_log *out);
void stream_log_free(struct stream_log *log);

#endif
