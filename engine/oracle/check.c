/*
 * check.c: see check.h: the image's names, sizes and blocks, each asked of the rules (rules.h), and a sentence for each
 * that is not legal. Errors and foreign bytes never are (rules.6).
 */
#include "oracle/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oracle/rules.h"
#include "machine/mem.h"

/* Of judge.kept, as HELD_SLOTS_MIN and _MAX. */
#define KEPT_SLOTS_MIN 128u
#define KEPT_SLOTS_MAX 65536u

struct kept_image {
	uint64_t hash;
	struct recovered *r; /* NULL: the slot is free */
};

const char *const broken_name[BROKEN_NR] = {
	[BROKEN_NONE] = "none",
	[BROKEN_UNMOUNTABLE] = "unmountable",
	[BROKEN_LIST] = "unreadable",
	[BROKEN_NAME] = "name",
	[BROKEN_LINKS] = "links",
	[BROKEN_SIZE] = "size",
	[BROKEN_EIO] = "eio",
	[BROKEN_ZEROS] = "zeros",
	[BROKEN_VERSION] = "version",
	[BROKEN_FOREIGN] = "foreign",
	[BROKEN_GARBAGE] = "garbage",
	[BROKEN_SPLICE] = "splice",
	[BROKEN_REPLAY] = "replay",
	[BROKEN_WHOLE] = "whole",
};

struct judge *judge_new(struct model *m, struct dev *dev)
{
	struct judge *j = mem_zalloc(sizeof(*j));

	j->model = m;
	j->dev = dev;
	j->at = UINT32_MAX;
	j->kept_slots = KEPT_SLOTS_MIN;
	j->kept = mem_zalloc(j->kept_slots * sizeof(*j->kept));
	j->held_slots = HELD_SLOTS_MIN;
	j->held = mem_zalloc(j->held_slots * sizeof(*j->held));
	return j;
}

static void forget_kept(struct judge *j)
{
	for (uint32_t i = 0; i < j->kept_slots && j->nkept; i++) {
		if (!j->kept[i].r)
			continue;
		recovered_free(j->kept[i].r);
		j->kept[i].r = NULL;
		j->nkept--;
	}
}

void judge_free(struct judge *j)
{
	forget_kept(j);
	free(j->kept);
	free(j->held);
	free(j);
}

void judge_restart(struct judge *j)
{
	j->at = UINT32_MAX;
}

/* ---- sentences ---- */

/* One image being judged, for a crash at p: n broken promises so far. */
struct finding {
	struct judge *j;
	uint32_t p, n, nsubvols;
	struct broken_list *out;
};

__attribute__((format(printf, 6, 7))) static void report(struct finding *x, enum broken_kind kind, uint32_t subvol,
                                                         const char *file, uint32_t block, const char *fmt, ...)
{
	va_list ap;

	x->n++;
	if (!x->out || x->out->n++ >= BROKEN_MAX)
		return;
	struct broken *b = &x->out->b[x->out->n - 1];
	*b = (struct broken){ .kind = kind, .subvol = subvol, .block = block };
	snprintf(b->file, sizeof(b->file), "%s", file);
	va_start(ap, fmt);
	vsnprintf(b->text, sizeof(b->text), fmt, ap);
	va_end(ap);
}

/* What was read at this sector of f, in words. */
static void describe_seen(const struct model *m, const struct model_file *f, uint64_t sector, const struct seen *s,
                          char *buf, unsigned size)
{
	if (s->kind == SEEN_ZEROS)
		snprintf(buf, size, "zeros");
	else if (s->kind == SEEN_GARBAGE)
		snprintf(buf, size, "bytes that nobody wrote");
	else if (s->stamp.file != f->id && s->stamp.file < model_nfiles(m))
		snprintf(buf, size, "block %lu of file %s (version %u)",
		         (unsigned long)(s->stamp.sector / BLOCK_SECTORS), model_file(m, s->stamp.file)->name,
		         s->stamp.version);
	else if (s->stamp.sector != sector)
		snprintf(buf, size, "its block %lu (version %u)", (unsigned long)(s->stamp.sector / BLOCK_SECTORS),
		         s->stamp.version);
	else
		snprintf(buf, size, "version %u", s->stamp.version);
}

static void describe_due(const struct due *d, char *buf, unsigned size)
{
	char to[40] = "";

	if (d->newest > d->promised)
		snprintf(to, sizeof(to), " or later, up to %u", d->newest);
	if (d->promised)
		snprintf(buf, size, "version %u%s%s", d->promised, to, d->zeros ? ", or zeros" : "");
	else if (d->newest)
		snprintf(buf, size, "%sa version up to %u", d->zeros ? "zeros or " : "", d->newest);
	else
		snprintf(buf, size, "zeros");
}

static enum broken_kind kind_of(const struct model_file *f, uint64_t sector, const struct seen *s)
{
	if (s->kind == SEEN_ZEROS)
		return BROKEN_ZEROS;
	if (s->kind == SEEN_GARBAGE)
		return BROKEN_GARBAGE;
	return s->stamp.file == f->id && s->stamp.sector == sector ? BROKEN_VERSION : BROKEN_FOREIGN;
}

/* ---- one file ---- */

static void report_eio(struct finding *x, const struct model_file *f, uint32_t block)
{
	struct due d = rules_sector_due(x->j->model, x->p, f, (uint64_t)block * BLOCK_SECTORS);
	char due[120];

	describe_due(&d, due, sizeof(due));
	report(x, BROKEN_EIO, f->subvol, f->name, block,
	       "block %u of file %s cannot be read (EIO: its checksum is missing or wrong); due was %s", block, f->name,
	       due);
}

static void report_sector(struct finding *x, const struct model_file *f, uint64_t sector, const struct seen *s)
{
	uint32_t block = (uint32_t)(sector / BLOCK_SECTORS);
	struct due d = rules_sector_due(x->j->model, x->p, f, sector);
	char due[120], seen[140];

	describe_due(&d, due, sizeof(due));
	describe_seen(x->j->model, f, sector, s, seen, sizeof(seen));
	report(x, kind_of(f, sector, s), f->subvol, f->name, block, "block %u of file %s reads as %s; due was %s",
	       block, f->name, seen, due);
}

/* (rules.5) Two sectors of the block that begins at `sector` were never in its page at once. */
static bool splice_in(const struct judge *j, const struct model_file *f, const struct recovered_block *b,
                      uint64_t sector, uint32_t nsectors)
{
	for (uint32_t i = 0; i < nsectors; i++)
		for (uint32_t k = i + 1; k < nsectors; k++) {
			struct seen x = recovered_sector(b, i), y = recovered_sector(b, k);
			if (x.kind == SEEN_GARBAGE || y.kind == SEEN_GARBAGE) /* legal: put together of pieces */
				continue;
			if (!rules_together(j->model, f, sector + i, &x, sector + k, &y))
				return true;
		}
	return false;
}

/*
 * Where all sectors of a block are from one write (b->each is NULL) and the file was only ever changed in whole
 * blocks, the same is legal for all of them: the first is judged.
 */
static void judge_block(struct finding *x, const struct model_file *f, const struct recovered_file *rf, uint32_t block)
{
	const struct recovered_block *b = &rf->block[block];
	uint64_t sector = (uint64_t)block * BLOCK_SECTORS;
	uint64_t left = (rf->size + ORACLE_SECTOR - 1) / ORACLE_SECTOR - sector;
	uint32_t nsectors = left < BLOCK_SECTORS ? (uint32_t)left : BLOCK_SECTORS;

	if (b->err) {
		report_eio(x, f, block);
		return;
	}
	for (uint32_t i = 0; i < (b->each || f->partial ? nsectors : 1); i++) {
		struct seen s = recovered_sector(b, i);
		if (rules_sector_legal(x->j->model, x->p, f, sector + i, &s))
			continue;
		if (s.kind == SEEN_GARBAGE && b->raw &&
		    rules_sector_spliced(x->j->model, x->p, f, sector + i, b->raw + i * ORACLE_SECTOR))
			continue;
		report_sector(x, f, sector + i, &s);
		return;
	}
	if (x->j->whole_every && !x->j->errors && !b->each && b->first.kind == SEEN_ZEROS &&
	    !rules_may_be_hole(x->j->model, x->p, f, block))
		report(x, BROKEN_WHOLE, f->subvol, f->name, block, "file %s has size %lu, and its block %u, which only "
		       "writes have brought, reads as zeros: the size went ahead of the data", f->name,
		       (unsigned long)rf->size, block);
	if (b->each && !f->in_place && splice_in(x->j, f, b, sector, nsectors))
		report(x, BROKEN_SPLICE, f->subvol, f->name, block,
		       "block %u of file %s mixes two moments that never were one", block, f->name);
}

/* "file a", or "file a by the name b". */
static const char *called(const struct model_file *f, const struct recovered_file *rf, char *buf, unsigned size)
{
	if (strcmp(f->name, rf->name))
		snprintf(buf, size, "file %s by the name %s", f->name, rf->name);
	else
		snprintf(buf, size, "file %s", f->name);
	return buf;
}

static void judge_file(struct finding *x, const struct model_file *f, const struct recovered_file *rf)
{
	const struct model *m = x->j->model;

	if (rf->err) {
		report(x, BROKEN_LIST, rf->subvol, rf->name, 0, "file %s is in its directory and cannot be opened (%s)",
		       rf->name, strerror(-rf->err));
		return;
	}
	if (!rules_size_legal(m, x->p, f, rf->size)) {
		uint64_t least, most;
		char who[2 * FS_NAME_MAX + 32];
		rules_size_due(m, x->p, f, &least, &most);
		report(x, BROKEN_SIZE, rf->subvol, f->name, 0, "%s has size %lu; due was %s%lu",
		       called(f, rf, who, sizeof(who)), (unsigned long)rf->size, least == most ? "" : "one up to ",
		       (unsigned long)most);
	}
	for (uint32_t i = 0; i < rf->nblocks; i++)
		judge_block(x, f, rf, i);
}

/* ---- names ---- */

/* names: of each file of the model, a bit for each name that the image has for it. */
static void judge_present(struct finding *x, const struct recovered_file *rf, uint64_t *names)
{
	struct model *m = x->j->model;
	const struct model_file *f = model_find(m, rf->subvol, rf->name, rf->ino);

	if (!f) {
		report(x, BROKEN_NAME, rf->subvol, rf->name, 0,
		       "the name %s stands for inode %lu, which nobody gave it", rf->name, (unsigned long)rf->ino);
		return;
	}
	names[f->id] |= 1ull << model_name(m, rf->name);
	if (!rules_name_legal(m, x->p, rf->subvol, rf->name, f))
		report(x, BROKEN_NAME, rf->subvol, f->name, 0, "the name %s stands for file %s: a later change of "
		       "it is promised, or the call that gave it had not begun", rf->name, f->name);
	else
		judge_file(x, f, rf);
}

static void judge_absent(struct finding *x, const struct recovered *r)
{
	const struct model *m = x->j->model;

	for (uint32_t i = 0; i < model_nnames(m) * x->nsubvols; i++) {
		const char *name = model_name_text(m, (uint8_t)(i / x->nsubvols));
		uint32_t subvol = i % x->nsubvols;
		if (recovered_find(r, subvol, name) || rules_name_legal(m, x->p, subvol, name, NULL))
			continue;
		const struct model_file *f = rules_name_promised(m, subvol, name);
		report(x, BROKEN_NAME, subvol, f ? f->name : name, 0, "the name %s is gone, and was promised", name);
	}
}

static void list_names(const struct model *m, uint64_t names, char *buf, unsigned size)
{
	unsigned n = 0;

	buf[0] = 0;
	for (uint8_t i = 0; i < MODEL_NAMES && n < size; i++)
		if (names >> i & 1)
			n += (unsigned)snprintf(buf + n, size - n, "%s%s", n ? ", " : "", model_name_text(m, i));
}

/* (rules.12) Each name by itself is legal. */
static void judge_names_of_files(struct finding *x, const uint64_t *names)
{
	const struct model *m = x->j->model;
	char list[120];

	for (uint32_t i = 0; i < model_nfiles(m); i++) {
		const struct model_file *f = model_file(m, i);
		if (rules_names_legal(m, x->p, f, names[i]))
			continue;
		list_names(m, names[i], list, sizeof(list));
		if (names[i])
			report(x, BROKEN_NAME, f->subvol, f->name, 0, "file %s has the name%s %s: no order of whole "
			       "calls leaves it so", f->name, names[i] & (names[i] - 1) ? "s" : "", list);
		else
			report(x, BROKEN_NAME, f->subvol, f->name, 0, "file %s has no name any more, and no call took "
			       "its last one", f->name);
	}
}

/* (rules.13) */
static void judge_links(struct finding *x, const struct recovered *r, const struct recovered_file *rf)
{
	uint32_t names = 0;

	for (uint32_t i = 0; i < r->nfiles; i++)
		names += r->file[i].subvol == rf->subvol && r->file[i].ino == rf->ino;
	if (!rf->err && rf->nlink != names)
		report(x, BROKEN_LINKS, rf->subvol, rf->name, 0, "file %s has link count %u and %u name%s", rf->name,
		       rf->nlink, names, names == 1 ? "" : "s");
}

static void judge_names(struct finding *x, const struct recovered *r)
{
	uint64_t names[MODEL_FILES] = { 0 };

	x->nsubvols = 1;
	for (uint32_t i = 0; i < model_nfiles(x->j->model); i++)
		if (model_file(x->j->model, i)->subvol >= x->nsubvols)
			x->nsubvols = model_file(x->j->model, i)->subvol + 1;
	for (uint32_t i = 0; i < r->nfiles; i++)
		judge_present(x, &r->file[i], names);
	for (uint32_t i = 0; i < r->nfiles; i++)
		judge_links(x, r, &r->file[i]);
	if (r->list_err)
		return;
	judge_absent(x, r);
	if (!x->n)
		judge_names_of_files(x, names);
}

uint32_t judge_recovered(struct judge *j, uint32_t p, const struct recovered *r, struct broken_list *out)
{
	struct finding x = { .j = j, .p = p, .out = out };

	if (j->at != p)
		rules_at(j->model, p);
	j->at = p;
	if (r->err) {
		report(&x, BROKEN_UNMOUNTABLE, 0, "", 0, "the file system cannot be mounted: %s", r->why.text);
		return x.n;
	}
	if (r->list_err)
		report(&x, BROKEN_LIST, 0, "", 0, "a directory cannot be listed: %s", strerror(-r->list_err));
	judge_names(&x, r);
	if (!x.n && r->damage)
		report(&x, BROKEN_WHOLE, 0, "", 0, "%s", r->damage);
	return x.n;
}

/* ---- images ---- */

/* Where the image is kept, or the free slot for it. */
static struct kept_image *kept_slot(struct judge *j, uint64_t hash)
{
	uint32_t i = (uint32_t)(hash ^ hash >> 32) & (j->kept_slots - 1);

	while (j->kept[i].r && j->kept[i].hash != hash)
		i = (i + 1) & (j->kept_slots - 1);
	return &j->kept[i];
}

static void make_room(struct judge *j)
{
	struct kept_image *old = j->kept;
	uint32_t n = j->kept_slots;

	if (j->nkept < n / 4 * 3)
		return;
	if (n == KEPT_SLOTS_MAX) {
		forget_kept(j);
		return;
	}
	j->kept_slots = 2 * n;
	j->kept = mem_zalloc(j->kept_slots * sizeof(*j->kept));
	for (uint32_t i = 0; i < n; i++)
		if (old[i].r)
			*kept_slot(j, old[i].hash) = old[i];
	free(old);
}

/* What the image of this cut holds: as kept, or made, mounted and read now. */
static const struct recovered *look_at(struct judge *j, const struct cut *c)
{
	struct kept_image *kept = kept_slot(j, c->hash);
	struct dev *image;

	if (kept->r)
		return kept->r;
	int ret = powercut_image(j->dev, c, &image);
	CHECK(!ret);
	struct recovered *r = j->recover ? j->recover(j->recover_arg, c, image) : recover_image(image);
	dev_close(image);
	j->images_mounted++;
	if (!j->recover && j->whole_every && c->hash % j->whole_every == 0)
		r->damage = judge_whole(j, c, r);
	make_room(j);
	*kept_slot(j, c->hash) = (struct kept_image){ c->hash, r };
	j->nkept++;
	return r;
}

const struct recovered *judge_look(struct judge *j, const struct cut *c, const uint64_t **read)
{
	const struct recovered *r = look_at(j, c);

	if (read)
		*read = r->read;
	return r;
}

uint32_t judge_cut(struct judge *j, const struct cut *c, struct broken_list *out)
{
	j->images_judged++;
	return judge_recovered(j, c->pos, look_at(j, c), out);
}
