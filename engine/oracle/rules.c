/*
 * rules.c: the rules of rules.h, over the model's history. Each question walks the whole history: it has tens of
 * calls in a hunt.
 */
#include "oracle/rules.h"

#include <string.h>

#include "base/rng.h"

static bool on_file(const struct model_op *sync, uint32_t file)
{
	return sync->file == MODEL_ALL || sync->file == file;
}

/* ---- which calls are covered ---- */

/* (rules.9) A sync that failed may have written w, ending after w had begun, and began before s ended: s does not
 * cover w. */
static bool tainted(const struct model *m, const struct model_op *w, const struct model_op *s)
{
	uint64_t from = w->kind == OP_WRITE || w->kind == OP_PUNCH ? w->b : w->e;

	for (uint32_t i = 0; i < model_nops(m); i++) {
		const struct model_op *f = model_op(m, i);
		bool failed = model_is_sync(f) && f->ret && f->e != TICK_NEVER;
		if (failed && on_file(f, w->file) && from < f->e && f->b < s->e)
			return true;
	}
	return false;
}

/*
 * (rules.2) A write that reaches out of a range is taken as not covered at all, though its part within is due: the
 * promise is weaker than the truth.
 */
static bool out_of_range(const struct model_op *s, const struct model_op *w)
{
	if (!s->len)
		return false;
	return w->kind == OP_TRUNCATE || w->kind == OP_FALLOCATE ||
	       ((w->kind == OP_WRITE || w->kind == OP_PUNCH) && (w->off < s->off || w->off + w->len > s->off + s->len));
}

/* Sync s covers change w (rules.2, rules.7, rules.9, rules.10). */
static bool covers(const struct model *m, const struct model_op *s, const struct model_op *w)
{
	if (!on_file(s, w->file) || w->ret || w->e >= s->b || out_of_range(s, w))
		return false;
	if ((w->kind == OP_TRUNCATE || w->kind == OP_FALLOCATE) && s->kind == OP_FDATASYNC)
		return false;
	if (w->kind == OP_UNLINK && s->kind != OP_SYNC)
		return false;
	return !tainted(m, w, s);
}

/* (rules.1) */
static bool counts(const struct model_op *s, uint32_t p)
{
	return model_is_sync(s) && s->e != TICK_NEVER && s->ret == 0 && s->pe <= p;
}

void rules_at(struct model *m, uint32_t p)
{
	uint32_t n = model_nops(m);

	for (uint32_t i = 0; i < n; i++)
		model_op(m, i)->covered = false;
	for (uint32_t i = 0; i < n; i++) {
		const struct model_op *s = model_op(m, i);
		if (!counts(s, p))
			continue;
		for (uint32_t j = 0; j < i; j++) {
			struct model_op *w = model_op(m, j);
			if (!model_is_sync(w) && !w->covered)
				w->covered = covers(m, s, w);
		}
	}
}

/* ---- what the rules look at ---- */

/* Does it make zeros of content? (rules.8) */
static bool zeroes(const struct model_op *o)
{
	return o->kind == OP_TRUNCATE || o->kind == OP_PUNCH;
}

static uint64_t fold(uint64_t h, uint64_t x)
{
	return rng_mix(h + x);
}

/*
 * No rule looks at a call that had not begun by p, with one exception: rules_together() takes zeros for those of
 * any truncation or punch. A call that had not ended by p ended after every beginning that counts at p: at which tick does
 * not matter.
 */
static uint64_t fold_op(uint64_t h, const struct model_op *o, uint32_t i, uint32_t p)
{
	if (o->pb > p && !zeroes(o))
		return h;
	h = fold(h, (uint64_t)i << 40 | (uint64_t)o->kind << 32 | o->file);
	h = fold(h, o->off);
	h = fold(h, (uint64_t)o->how << 56 ^ o->len);
	if (o->pb > p)
		return h;
	h = fold(h, (uint64_t)(int64_t)(o->e == TICK_NEVER ? 1 : o->ret));
	h = fold(h, o->b);
	return fold(h, o->e != TICK_NEVER && o->pe <= p ? o->e : TICK_NEVER);
}

uint64_t rules_hash(const struct model *m, uint32_t p)
{
	uint64_t h = 0;

	for (uint32_t i = 0; i < model_nops(m); i++)
		h = fold_op(h, model_op(m, i), i, p);
	for (uint32_t i = 0; i < model_nfiles(m); i++) {
		const struct model_file *f = model_file(m, i);
		h = fold(h, f->ino << 2 | (uint64_t)f->in_place << 1 | f->partial);
		for (const char *c = f->name; *c; c++)
			h = fold(h, (uint8_t)*c);
	}
	return h;
}

/* ---- sectors ---- */

/* Operation o changes this sector: a truncation writes zeros to what it cuts off (rules.8). */
static bool changes(const struct model_op *o, const struct model_file *f, uint64_t sector)
{
	uint64_t off = sector * ORACLE_SECTOR;

	if (o->file != f->id)
		return false;
	if (o->kind == OP_WRITE || o->kind == OP_PUNCH)
		return off >= o->off && off < o->off + o->len;
	return o->kind == OP_TRUNCATE && off >= o->off;
}

/* Legal, given the cut of the place that o changes (rules.3). */
static bool reachable(const struct model_op *o, uint64_t cut, uint32_t p)
{
	return o->e > cut && o->pb <= p;
}

static uint64_t sector_cut(const struct model *m, const struct model_file *f, uint64_t sector)
{
	uint64_t cut = 0;

	for (uint32_t i = 0; i < model_nops(m); i++) {
		const struct model_op *o = model_op(m, i);
		if (o->covered && o->b > cut && changes(o, f, sector))
			cut = o->b;
	}
	return cut;
}

static bool zeros_legal(const struct model *m, uint32_t p, const struct model_file *f, uint64_t sector, uint64_t cut)
{
	for (uint32_t i = 0; i < model_nops(m); i++) {
		const struct model_op *o = model_op(m, i);
		if (zeroes(o) && changes(o, f, sector) && reachable(o, cut, p))
			return true;
	}
	return cut == 0;
}

bool rules_sector_legal(const struct model *m, uint32_t p, const struct model_file *f, uint64_t sector,
                        const struct seen *s)
{
	uint64_t cut = sector_cut(m, f, sector);

	if (s->kind == SEEN_ZEROS)
		return zeros_legal(m, p, f, sector, cut);
	if (s->kind != SEEN_VERSION || s->stamp.file != f->id || s->stamp.sector != sector)
		return false;
	if (s->stamp.version == 0 || s->stamp.version > model_nops(m))
		return false;
	const struct model_op *w = model_op(m, s->stamp.version - 1);
	return w->kind == OP_WRITE && changes(w, f, sector) && reachable(w, cut, p);
}

struct due rules_sector_due(const struct model *m, uint32_t p, const struct model_file *f, uint64_t sector)
{
	uint64_t cut = sector_cut(m, f, sector);
	struct due d = { .zeros = zeros_legal(m, p, f, sector, cut) };

	for (uint32_t i = 0; i < model_nops(m); i++) {
		const struct model_op *o = model_op(m, i);
		if (o->kind != OP_WRITE || !changes(o, f, sector) || !reachable(o, cut, p))
			continue;
		d.newest = model_version(i);
		if (o->b == cut)
			d.promised = model_version(i);
	}
	return d;
}

/* ---- blocks ---- */

/*
 * (rules.5) The page never held `older` in `sector` and `newer` in another sector at once: newer was written after
 * older and covers both.
 */
static bool impossible(const struct model *m, const struct model_file *f, const struct seen *older, uint64_t sector,
                       const struct seen *newer)
{
	const struct model_op *n = model_op(m, newer->stamp.version - 1);

	if (!changes(n, f, sector) || n->how == WRITE_MAPPED)
		return false;
	if (older->kind == SEEN_VERSION)
		return model_op(m, older->stamp.version - 1)->e < n->b;
	for (uint32_t i = 0; i < model_nops(m); i++)
		if (zeroes(model_op(m, i)) && changes(model_op(m, i), f, sector))
			return false; /* the zeros may come from it */
	return true;
}

/* Each of the two writes covers the other's sector too, and was made at once. */
static bool both_whole(const struct model *m, const struct model_file *f, const struct seen *s1, uint64_t sector2,
                       const struct seen *s2, uint64_t sector1)
{
	const struct model_op *w1 = model_op(m, s1->stamp.version - 1), *w2 = model_op(m, s2->stamp.version - 1);

	return w1->how != WRITE_MAPPED && w2->how != WRITE_MAPPED && changes(w1, f, sector2) && changes(w2, f, sector1);
}

bool rules_together(const struct model *m, const struct model_file *f, uint64_t sector1, const struct seen *s1,
                    uint64_t sector2, const struct seen *s2)
{
	bool v1 = s1->kind == SEEN_VERSION, v2 = s2->kind == SEEN_VERSION;

	if (v1 && v2 && s1->stamp.version == s2->stamp.version)
		return true;
	if (v1 && v2 && both_whole(m, f, s1, sector2, s2, sector1))
		return false;
	if (v2 && impossible(m, f, s1, sector1, s2))
		return false;
	return !(v1 && impossible(m, f, s2, sector2, s1));
}

/* ---- sizes (rules.7) ---- */

/*
 * The legal sizes are those that start from a base (the initial size, or a truncation that may be the last one) and
 * that writes reach from there. least and most are over all bases; legal: `asked` is one of them.
 */
struct sizes {
	const struct model *m;
	const struct model_file *f;
	uint32_t p;
	uint64_t least, most, asked;
	bool legal;
};

static bool extends(const struct model_op *o, const struct sizes *z)
{
	bool longer = o->kind == OP_WRITE || (o->kind == OP_FALLOCATE && !o->how);

	return longer && o->file == z->f->id && o->pb <= z->p;
}

/* The size that a base and the covered writes after it come to; base_e: the tick at which the base ended. */
static uint64_t promised_size(const struct sizes *z, uint64_t base, uint64_t base_e)
{
	for (uint32_t i = 0; i < model_nops(z->m); i++) {
		const struct model_op *o = model_op(z->m, i);
		if (extends(o, z) && o->covered && o->b > base_e && o->off + o->len > base)
			base = o->off + o->len;
	}
	return base;
}

/*
 * Write o, not covered, may have brought the file to this size: its own end, or the end of a block before that. What
 * lies between the old end and its beginning is zeros.
 */
static bool on_the_way(const struct model_op *o, uint64_t size)
{
	return size == o->off + o->len || (size < o->off + o->len && size % FS_BLOCK == 0);
}

/* Adds the sizes that can be reached from one base, whose call began at base_b and ended at base_e. */
static void sizes_from(struct sizes *z, uint64_t base, uint64_t base_b, uint64_t base_e)
{
	uint64_t least = promised_size(z, base, base_e);

	if (least < z->least)
		z->least = least;
	if (least > z->most)
		z->most = least;
	z->legal |= z->asked == least;
	for (uint32_t i = 0; i < model_nops(z->m); i++) {
		const struct model_op *o = model_op(z->m, i);
		if (!extends(o, z) || o->e < base_b)
			continue;
		if (o->off + o->len > z->most)
			z->most = o->off + o->len;
		z->legal |= z->asked > least && on_the_way(o, z->asked);
	}
}

static void sizes_all(struct sizes *z)
{
	uint64_t cut = 0;

	z->least = UINT64_MAX;
	for (uint32_t i = 0; i < model_nops(z->m); i++) {
		const struct model_op *o = model_op(z->m, i);
		if (o->kind == OP_TRUNCATE && o->file == z->f->id && o->covered && o->b > cut)
			cut = o->b;
	}
	if (!cut)
		sizes_from(z, 0, 0, 0);
	for (uint32_t i = 0; i < model_nops(z->m); i++) {
		const struct model_op *o = model_op(z->m, i);
		if (o->kind == OP_TRUNCATE && o->file == z->f->id && reachable(o, cut, z->p))
			sizes_from(z, o->off, o->b, o->e);
	}
}

bool rules_size_legal(const struct model *m, uint32_t p, const struct model_file *f, uint64_t size)
{
	struct sizes z = { .m = m, .f = f, .p = p, .asked = size };

	sizes_all(&z);
	return z.legal;
}

void rules_size_due(const struct model *m, uint32_t p, const struct model_file *f, uint64_t *least, uint64_t *most)
{
	struct sizes z = { .m = m, .f = f, .p = p };

	sizes_all(&z);
	*least = z.least;
	*most = z.most;
}

/* ---- names (rules.10) ---- */

/* Operation o binds this name to a file, or to nothing. */
static bool binds(const struct model *m, const struct model_op *o, uint32_t subvol, const char *name)
{
	if (o->kind != OP_CREATE && o->kind != OP_UNLINK)
		return false;
	if (o->e != TICK_NEVER && o->ret) /* refused: the name is as it was */
		return false;
	const struct model_file *f = model_file(m, o->file);
	return f->subvol == subvol && !strcmp(f->name, name);
}

bool rules_name_legal(const struct model *m, uint32_t p, uint32_t subvol, const char *name, const struct model_file *f)
{
	uint64_t cut = 0;

	for (uint32_t i = 0; i < model_nops(m); i++) {
		const struct model_op *o = model_op(m, i);
		if (o->covered && o->b > cut && binds(m, o, subvol, name))
			cut = o->b;
	}
	for (uint32_t i = 0; i < model_nops(m); i++) {
		const struct model_op *o = model_op(m, i);
		if (!binds(m, o, subvol, name) || !reachable(o, cut, p))
			continue;
		if (f ? o->kind == OP_CREATE && o->file == f->id : o->kind == OP_UNLINK)
			return true;
	}
	return !f && cut == 0;
}
