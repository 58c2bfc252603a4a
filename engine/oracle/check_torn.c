/*
 * check_torn.c: a write that the crash tears into sectors of 512 bytes, where a device writes whole blocks at most
 * times (the strict mode of powercut.h). No history is needed for it: what is read of an image with a torn write is
 * what is read of the same image without that write, or with all of it. Only a file that is written in place may have
 * sectors of both.
 *
 * So nothing that is taken for durable may rest on more than a sector of a write that may still be lost: the super
 * block's fields are in its first one, and all else has a checksum, or is named by nothing yet.
 *
 * Called by check_whole.c, of some of its images: that is two mounts more.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine/mem.h"
#include "oracle/check.h"

static struct recovered *recover_cut(struct judge *j, const struct cut *c)
{
	uint32_t tear = j->dev->tear;
	struct dev *image;

	j->dev->tear = ORACLE_SECTOR;
	int ret = powercut_image(j->dev, c, &image);
	CHECK(!ret);
	struct recovered *r = recover_image(image);
	dev_close(image);
	j->dev->tear = tear;
	return r;
}

/* ---- of either ---- */

static bool same_seen(const struct seen *a, const struct seen *b)
{
	return a->kind == b->kind && (a->kind != SEEN_VERSION || (a->stamp.file == b->stamp.file &&
	       a->stamp.version == b->stamp.version && a->stamp.sector == b->stamp.sector));
}

/* Sector i of block k is in f, too. */
static bool has_sector(const struct recovered_file *f, uint32_t k, uint32_t i, const struct recovered_block *b)
{
	struct seen seen = recovered_sector(b, i), other;

	if (!f || k >= f->nblocks || f->block[k].err)
		return false;
	other = recovered_sector(&f->block[k], i);
	return same_seen(&seen, &other);
}

/* Each of its sectors is as in one of the two. */
static bool is_of_either(const struct recovered_file *f, const struct recovered_file *a, const struct recovered_file *b)
{
	if ((!a || f->size != a->size) && (!b || f->size != b->size))
		return false;
	for (uint64_t at = 0; at < f->size && at / FS_BLOCK < f->nblocks; at += ORACLE_SECTOR) {
		uint32_t k = (uint32_t)(at / FS_BLOCK), i = (uint32_t)(at % FS_BLOCK / ORACLE_SECTOR);
		const struct recovered_block *block = &f->block[k];
		if (block->err || (!has_sector(a, k, i, block) && !has_sector(b, k, i, block)))
			return false;
	}
	return true;
}

static bool is_in_place(const struct judge *j, const struct recovered_file *f)
{
	const struct model_file *m = model_find(j->model, f->subvol, f->name, f->ino);

	return m && m->in_place;
}

/* t is a, or, in files that are written in place, sectors of a and b. */
static bool is_like(const struct judge *j, const struct recovered *t, const struct recovered *a,
                    const struct recovered *b, char *how, unsigned size)
{
	bool same = recovered_same(a, t, how, size), mixed = false;

	if (same || t->err || t->nfiles != a->nfiles)
		return same;
	for (uint32_t i = 0; i < t->nfiles; i++) {
		const struct recovered_file *f = &t->file[i];
		if (!is_in_place(j, f))
			continue;
		mixed = true;
		if (!is_of_either(f, recovered_find(a, f->subvol, f->name), recovered_find(b, f->subvol, f->name)))
			return false;
	}
	return mixed;
}

/* ---- the write ---- */

char *judge_torn(struct judge *j, const struct cut *c)
{
	uint32_t n, words = (c->npending + 63) / 64;
	const struct dev_event *event = powercut_events(j->dev, &n);
	char how[200], *text = NULL;
	struct rng rng;

	if (!c->npending)
		return NULL;
	rng_seed(&rng, rng_mix(~c->hash));
	uint32_t torn = (uint32_t)rng_below(&rng, c->npending);
	struct dev_event e = event[c->pending[torn]];
	uint64_t units = (e.off + e.len - 1) / ORACLE_SECTOR - e.off / ORACLE_SECTOR + 1;
	uint64_t *kept = mem_alloc(words * sizeof(*kept)), *lost = mem_alloc(words * sizeof(*lost));
	uint64_t *sectors = mem_alloc((units + 63) / 64 * sizeof(*sectors));

	memcpy(kept, c->keep, words * sizeof(*kept));
	memcpy(lost, c->keep, words * sizeof(*lost));
	kept[torn / 64] |= 1ull << torn % 64;
	lost[torn / 64] &= ~(1ull << torn % 64);
	for (uint64_t i = 0; i < (units + 63) / 64; i++)
		sectors[i] = rng_next(&rng);
	struct cut cut = { .pos = c->pos, .pending = c->pending, .npending = c->npending, .keep = kept };
	struct recovered *with = recover_cut(j, &cut);
	cut.keep = lost;
	struct recovered *without = recover_cut(j, &cut);
	cut.keep = kept;
	cut.torn = torn;
	cut.torn_units = sectors;
	struct recovered *part = recover_cut(j, &cut);
	/* what is wrong with either of the two is for the rules to say */
	if (!with->err && !without->err && !is_like(j, part, without, with, how, sizeof(how)) &&
	    !is_like(j, part, with, without, how, sizeof(how))) {
		text = mem_alloc(400);
		snprintf(text, 400, "the write of %u bytes at %lu, torn into sectors (%02x of the first 8 kept), is "
			 "neither lost nor whole: %s", e.len, (unsigned long)e.off, (unsigned)(sectors[0] & 0xff), how);
	}
	recovered_free(with);
	recovered_free(without);
	recovered_free(part);
	free(kept);
	free(lost);
	free(sectors);
	return text;
}
