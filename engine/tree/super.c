/*
 * super.c: the super block on disk, and which of its two copies is believed.
 *
 * - A copy is believed when its magic, its checksum and every field are right: a torn or a foreign
 *   one never is.
 * super.1: The newer generation wins; of two with one generation, copy 0, since a log commit writes that alone.
 */
#include "tree/super.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/crc32c.h"
#include "machine/mem.h"
#include "tree/node.h"


static const char magic[8] = "FSSTORM4";
static const uint64_t copy_at[] = { SUPER_COPY_0, SUPER_COPY_1 };

struct disk_root {
	uint64_t bytenr, generation;
	uint64_t level;
};

struct disk_super {
	char magic[8];
	uint32_t csum; /* crc32c of what follows, to the end of the 4 KiB */
	uint32_t nodesize;
	uint64_t bytenr; /* of this copy */
	uint64_t fsid;
	uint64_t dev_size;
	uint64_t dup;
	uint64_t meta_len;
	uint64_t generation;
	uint64_t next_subvol;
	struct disk_root root_tree, log_root, log_before;
	uint64_t log_trust;
	struct super_stream stream;
	uint8_t zero[SUPER_SIZE - 80 - 3 * sizeof(struct disk_root) - sizeof(struct super_stream)];
};
_Static_assert(sizeof(struct disk_super) == SUPER_SIZE, "a super block is 4 KiB, without padding");

static uint32_t csum_of(const struct disk_super *ds)
{
	size_t skip = offsetof(struct disk_super, csum) + sizeof(ds->csum);

	return crc32c(0, (const uint8_t *)ds + skip, sizeof(*ds) - skip);
}

uint64_t super_data_start(const struct super *s)
{
	return SUPER_END + s->meta_len * (s->dup ? 2 : 1);
}

/* ---- writing ---- */

static struct disk_root disk_root_of(const struct tree_ptr *p)
{
	return (struct disk_root){ p->bytenr, p->generation, p->level };
}

static void encode(struct disk_super *ds, const struct super *s, uint64_t bytenr)
{
	memset(ds, 0, sizeof(*ds));
	memcpy(ds->magic, magic, sizeof(magic));
	ds->nodesize = s->nodesize;
	ds->bytenr = bytenr;
	ds->fsid = s->fsid;
	ds->dev_size = s->dev_size;
	ds->dup = s->dup;
	ds->meta_len = s->meta_len;
	ds->generation = s->generation;
	ds->next_subvol = s->next_subvol;
	ds->root_tree = disk_root_of(&s->root_tree);
	if (s->log_root.bytenr) {
		ds->log_root = disk_root_of(&s->log_root);
		ds->log_trust = s->log_trust;
	}
	if (s->log_root.bytenr && s->log_trust == LOG_IN_FLIGHT)
		ds->log_before = disk_root_of(&s->log_before);
	ds->stream = s->stream;
	ds->csum = csum_of(ds);
}

int super_write_copy(struct dev *d, const struct super *s, unsigned copy)
{
	struct disk_super *ds = mem_alloc_pages(sizeof(*ds));

	CHECK(copy < 2 && s->root_tree.bytenr && s->root_tree.generation <= s->generation);
	encode(ds, s, copy_at[copy]);
	int ret = dev_write(d, copy_at[copy], ds, sizeof(*ds), BIO_WRITE | BIO_META | BIO_FUA);
	free(ds);
	return ret ? -EIO : 0;
}

void super_submit(struct bio *bio, struct batch *b, const struct super *s)
{
	struct disk_super *ds = mem_alloc_pages(sizeof(*ds));

	CHECK(s->log_root.bytenr && s->root_tree.generation <= s->generation);
	encode(ds, s, SUPER_COPY_0);
	*bio = (struct bio){ .off = SUPER_COPY_0, .len = sizeof(*ds), .flags = BIO_WRITE | BIO_META | BIO_SYNC,
			     .buf = ds };
	batch_submit(b, bio);
}

int super_submitted(struct bio *bio)
{
	free(bio->buf);
	return bio->err ? -EIO : 0;
}

int super_write(struct dev *d, const struct super *s, bool log)
{
	int ret = super_write_copy(d, s, 0);

	/* after the first one: at any moment one of them is whole */
	return ret || log ? ret : super_write_copy(d, s, 1);
}

/* ---- reading ---- */

static const char *wrong_log(const struct disk_super *ds, const struct disk_root *log)
{
	if (log->level >= TREE_LEVELS || !node_address_ok(log->bytenr, ds->nodesize, ds->meta_len))
		return "where the tree of log roots is";
	/* a log is of the transaction after the one that this super names */
	if (log->generation > ds->generation + 1)
		return "the generation of the tree of log roots";
	return NULL;
}

static const char *wrong_stream(const struct disk_super *ds)
{
	uint64_t data = SUPER_END + ds->meta_len * (ds->dup + 1);
	const struct super_stream *st = &ds->stream;

	if (ds->log_root.bytenr)
		return "that it has a stream and a log";
	if ((st->bytenr | st->end) % ALLOC_UNIT || st->bytenr < data || st->bytenr >= st->end || st->end > ds->dev_size)
		return "where the stream is";
	return NULL;
}

/* NULL, or what a whole copy says that cannot be. Every field is looked at here, and nowhere after. */
static const char *wrong_field(const struct disk_super *ds)
{
	uint64_t ns = ds->nodesize;

	if (ns < NODE_SIZE_MIN || ns > NODE_SIZE_MAX || ns & (ns - 1))
		return "the size of its nodes";
	if (ds->dup > 1)
		return "the number of copies";
	if (ds->dev_size < SUPER_END)
		return "the size of the file system";
	if (ds->meta_len < ns || ds->meta_len % ns || ds->meta_len > (ds->dev_size - SUPER_END) / (ds->dup + 1))
		return "the size of its metadata";
	if (ds->generation >= GENERATION_MAX)
		return "its generation";
	if (ds->root_tree.level >= TREE_LEVELS || !node_address_ok(ds->root_tree.bytenr, ds->nodesize, ds->meta_len))
		return "where the tree of roots is";
	if (ds->root_tree.generation > ds->generation)
		return "the generation of the tree of roots";
	if (ds->log_trust > LOG_IN_FLIGHT)
		return "how far its log may be believed";
	if (ds->stream.bytenr)
		return wrong_stream(ds);
	const char *wrong = ds->log_root.bytenr ? wrong_log(ds, &ds->log_root) : NULL;
	if (wrong || !ds->log_before.bytenr)
		return wrong;
	return wrong_log(ds, &ds->log_before);
}

static struct tree_ptr ptr_of(const struct disk_root *r)
{
	return (struct tree_ptr){ .bytenr = r->bytenr, .generation = r->generation, .level = (uint8_t)r->level };
}

static void decode(const struct disk_super *ds, struct super *s)
{
	s->fsid = ds->fsid;
	s->dev_size = ds->dev_size;
	s->nodesize = ds->nodesize;
	s->dup = ds->dup;
	s->meta_len = ds->meta_len;
	s->generation = ds->generation;
	s->next_subvol = ds->next_subvol;
	s->root_tree = ptr_of(&ds->root_tree);
	s->log_root = ptr_of(&ds->log_root);
	s->log_trust = (enum log_trust)ds->log_trust;
	s->log_before = ptr_of(&ds->log_before);
	s->stream = ds->stream;
}

/* Why a copy is not believed, worst last. When neither is, the message is about the better one. */
enum doubt { NONE, TOO_LARGE, WRONG_FIELD, WRONG_CSUM, NO_MAGIC, NOT_READ };

static enum doubt judge(const struct disk_super *ds, uint64_t bytenr, const struct dev *d, struct why *why)
{
	const char *field;

	if (memcmp(ds->magic, magic, sizeof(magic))) {
		why_set(why, 0, "not a fsyncstorm file system");
		return NO_MAGIC;
	}
	if (ds->csum != csum_of(ds) || ds->bytenr != bytenr) {
		why_set(why, 0, "its checksum is wrong");
		return WRONG_CSUM;
	}
	if (ds->dev_size > d->size) {
		why_set(why, 0, "the file system is larger than its device");
		return TOO_LARGE;
	}
	field = wrong_field(ds);
	if (!field)
		return NONE;
	why_set(why, 0, "it holds values that cannot be: %s", field);
	return WRONG_FIELD;
}

static enum doubt read_copy(struct dev *d, uint64_t at, struct super *s, struct why *why)
{
	struct disk_super *ds = mem_alloc_pages(sizeof(*ds));
	enum doubt doubt = NOT_READ;

	if (dev_read(d, at, ds, sizeof(*ds)))
		why_set(why, 0, "it cannot be read");
	else
		doubt = judge(ds, at, d, why);
	if (doubt == NONE)
		decode(ds, s);
	free(ds);
	return doubt;
}

static int error_of(enum doubt doubt)
{
	return doubt == NONE ? 0 : doubt == NO_MAGIC || doubt == TOO_LARGE ? -EINVAL : -EIO;
}

int super_read_copy(struct dev *d, unsigned copy, struct super *out, struct why *why)
{
	CHECK(copy < 2);
	return error_of(read_copy(d, copy_at[copy], out, why));
}

int super_read(struct dev *d, struct super *out, struct why *why)
{
	static const char both[] = "both super blocks are damaged, the better one: ";
	struct super copy[2];
	enum doubt doubt[2];
	struct why reason[2];

	for (int i = 0; i < 2; i++)
		doubt[i] = read_copy(d, copy_at[i], &copy[i], &reason[i]);
	if (doubt[0] && doubt[1]) {
		int better = doubt[0] < doubt[1] ? 0 : 1;
		bool damaged = doubt[better] >= WRONG_FIELD && doubt[better] != NO_MAGIC;
		return why_set(why, error_of(doubt[better]), "%s%s", damaged ? both : "", reason[better].text);
	}
	/* super.1 */
	if (doubt[0] || (!doubt[1] && copy[1].generation > copy[0].generation))
		*out = copy[1];
	else
		*out = copy[0];
	return 0;
}

bool super_recognise(struct dev *d)
{
	struct disk_super *ds = mem_alloc_pages(sizeof(*ds));
	bool found = false;

	for (int i = 0; !found && i < 2; i++)
		found = !dev_read(d, copy_at[i], ds, sizeof(*ds)) && !memcmp(ds->magic, magic, sizeof(magic));
	free(ds);
	return found;
}
