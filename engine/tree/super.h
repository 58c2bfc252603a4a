/*
 * super.h: the super block: the one place from which everything is found. 4 KiB, two copies.
 *
 * A log commit writes copy 0 alone (super_write(.., log=true)); a transaction commit writes both.
 * Each copy is durable when it is written (FUA). What it names must be durable before: the caller flushes the
 * device first (a step and a phase of its own: fs/mount.c). The exception is a log commit that sends a super together
 * with what it names, and flushes after all of it (super_submit()): that super says so (enum log_trust).
 */
#ifndef TREE_SUPER_H
#define TREE_SUPER_H

#include "tree/tree.h"

#define SUPER_SIZE    4096u
#define SUPER_COPY_0  65536ull
#define SUPER_COPY_1  131072ull
#define SUPER_END     262144ull /* metadata starts here */

#define GENERATION_MAX (1ull << 56) /* larger numbers mean other things, as EM_GENERATION_PINNED does */

/* How far a log may be believed that a super names. */
enum log_trust {
	LOG_IS_WRITTEN, /* its blocks and its data were on the media before the super was written */
	LOG_HAS_GAPS,   /* its blocks were; an extent whose data do not agree with their checksums is left out */
	LOG_IN_FLIGHT,  /* blocks, data and super were on their way together: the log counts as a whole, if all of its
	                 * blocks and data agree with their checksums; else log_before is the log, which is written */
};

/* Where the first group of a stream lies that no commit covers (fs/stream.h), in a segment that ends at `end`; with
 * what nonce and number. bytenr 0: there is no stream. */
struct super_stream {
	uint64_t bytenr, end, nonce, lsn;
};

struct super {
	uint64_t fsid;
	uint64_t dev_size;
	uint32_t nodesize;
	bool dup;
	uint64_t meta_len;            /* one copy; metadata starts at SUPER_END, data after the copies */
	uint64_t generation;
	struct tree_ptr root_tree;
	struct tree_ptr log_root;     /* bytenr 0: no log; then the next two say nothing */
	enum log_trust log_trust;
	struct tree_ptr log_before;   /* with LOG_IN_FLIGHT; bytenr 0: no log */
	struct super_stream stream;   /* never together with log_root */
	uint64_t next_subvol;
};

/* Reads both copies, takes the newest one that is whole (copy 0 when both are of one generation). -EINVAL: not a file
 * system of ours; -EIO. Both with why. */
int super_read(struct dev *d, struct super *out, struct why *why);
/* One copy alone, whichever is the newer. */
int super_read_copy(struct dev *d, unsigned copy, struct super *out, struct why *why);
/* Writes copy 0, and unless `log` copy 1 after it. 0 or -EIO. */
int super_write(struct dev *d, const struct super *s, bool log);
/* One copy alone: 0 or 1. */
int super_write_copy(struct dev *d, const struct super *s, unsigned copy);

/* Copy 0 as a part of a batch: it is durable after a flush that follows batch_wait(). `bio` is the caller's, until
 * super_submitted() after batch_wait(), which is 0 or -EIO. */
void super_submit(struct bio *bio, struct batch *b, const struct super *s);
int super_submitted(struct bio *bio);
/* True when the device holds a fsyncstorm file system or file (its magic), damaged or not. */
bool super_recognise(struct dev *d);
/* Where data starts, from the fields. */
uint64_t super_data_start(const struct super *s);
/* Whether a block of a tree can lie there: wholly inside the metadata, at a multiple of its size. */
bool node_address_ok(uint64_t bytenr, uint32_t nodesize, uint64_t meta_len);

#endif
