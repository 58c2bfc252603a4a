/*
 * rules.c: the rules of rules.h, over the model's history. Each question walks the whole history: it has tens of
 * calls in a hunt.
 */
#include "oracle/rules.h"

#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "machine/mem.h"

/* The sync is of what w changes. */
static bool is_of(const struct model_op *sync, const struct model_op *w)
{
	if (sync->file == MODEL_DIR)
		return model_is_naming(w) && w->off == sync->off;
	return sync->file == MODEL_ALL || sync->file == w->file;
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
		if (failed && is_of(f, w) && from < f->e && f->b < s->e)
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
	return w->kind == OP_TRUNCATE || w->kind == OP_FALLOCATE || w->kind == OP_LINK || w->kind == OP_RENAME ||
	       ((w->kind == OP_WRITE || w->kind == OP_PUNCH) && (w->off < s->off || w->off + w->len > s->off + s->len));
}

/* Sync s covers change w (rules.2, rules.7, rules.9, rules.10). any_failed: some sync of the history did. */
static bool covers(const struct model *m, const struct model_op *s, const struct model_op *w, bool any_failed)
{
	if (!is_of(s, w) || w->ret || w->e >= s->b || out_of_range(s, w))
		return false;
	if (s->kind == OP_FSYNC && s->how)
		return w->b == s->off;
	if (s->kind == OP_FDATASYNC && (w->kind == OP_TRUNCATE || w->kind == OP_FALLOCATE || w->kind == OP_LINK ||
					w->kind == OP_RENAME))
		return false;
	if (w->kind == OP_UNLINK && model_has_file(s))
		return false;
	return !any_failed || !tainted(m, w, s);
}

/* (rules.1) */
static bool counts(const struct model_op *s, uint32_t p)
{
	return model_is_sync(s) && s->e != TICK_NEVER && s->ret == 0 && s->pe <= p;
}

void rules_at(struct model *m, uint32_t p)
{
	uint32_t n = model_nops(m);
	bool any_failed = false;

	for (uint32_t i = 0; i < n; i++) {
		struct model_op *o = model_op(m, i);
		o->covered = false;
		any_failed |= model_is_sync(o) && o->ret;
	}
	for (uint32_t i = 0; i < n; i++) {
		const struct model_op *s = model_op(m, i);
		if (!counts(s, p))
			continue;
		for (uint32_t j = 0; j < i; j++) {
			struct model_op *w = model_op(m, j);
			if (!model_is_sync(w) && !w->covered)
				w->covered = covers(m, s, w, any_failed);
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
 * No rule looks at a call that had not begun by p, with one exception: rules_together() takes zeros for those of any
 * truncation or punch. A call that had not ended by p ended after every beginning that counts at p: at which tick does
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
	h = fold(h, (uint64_t)o->from << 8 | o->to);
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

/* How many bytes from `at` on are those of the sector as `s` has it; NULL: zeros. */
static uint32_t matches(const uint8_t *bytes, uint32_t at, const struct stamp *s)
{
	uint8_t want[ORACLE_SECTOR] = { 0 };
	uint32_t n = 0;

	if (s)
		block_fill(want, sizeof(want), s);
	while (at + n < ORACLE_SECTOR && bytes[at + n] == want[at + n])
		n++;
	return n;
}

#define PIECE_MIN 4u

/* The longest piece from `at` on that some legal content has there. *mapped: a mapped store is among these contents. */
static uint32_t longest_piece(const struct model *m, uint32_t p, const struct model_file *f, uint64_t sector,
                              const uint8_t *bytes, uint32_t at, bool *mapped)
{
	uint64_t cut = sector_cut(m, f, sector);
	uint32_t longest = zeros_legal(m, p, f, sector, cut) ? matches(bytes, at, NULL) : 0;

	for (uint32_t i = 0; i < model_nops(m); i++) {
		const struct model_op *o = model_op(m, i);
		if (o->kind != OP_WRITE || !changes(o, f, sector) || !reachable(o, cut, p))
			continue;
		const struct stamp s = { f->id, model_version(i), o->task, sector };
		uint32_t n = matches(bytes, at, &s);
		longest = n > longest ? n : longest;
		*mapped |= o->how == WRITE_MAPPED;
	}
	return longest;
}

bool rules_sector_spliced(const struct model *m, uint32_t p, const struct model_file *f, uint64_t sector,
                          const uint8_t *bytes)
{
	bool mapped = false;

	for (uint32_t at = 0; at < ORACLE_SECTOR;) {
		uint32_t n = longest_piece(m, p, f, sector, bytes, at, &mapped);
		if (n < PIECE_MIN && at + n < ORACLE_SECTOR)
			return false;
		at += n;
	}
	return f->in_place || mapped;
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

/* ---- holes (rules.15) ---- */

/* A truncation that may have come after w cuts into the block that ends at `end`. */
static bool cut_since(const struct model *m, const struct model_file *f, const struct model_op *w, uint64_t end)
{
	for (uint32_t i = 0; i < model_nops(m); i++) {
		const struct model_op *o = model_op(m, i);
		if (o->kind == OP_TRUNCATE && o->file == f->id && o->off < end && o->e > w->b)
			return true;
	}
	return false;
}

/* Some write that put data into the block that ends at `end`, or behind it, had ended before tick b, and none of it was
 * cut off: what makes the file longer then skips nothing of the block. */
static bool reached_before(const struct model *m, const struct model_file *f, uint64_t end, uint64_t b)
{
	for (uint32_t i = 0; i < model_nops(m); i++) {
		const struct model_op *w = model_op(m, i);
		bool reaches = w->kind == OP_WRITE && w->file == f->id && w->off + w->len > end - FS_BLOCK;
		if (reaches && w->e < b && !w->ret && !cut_since(m, f, w, end))
			return true;
	}
	return false;
}

/* Call o, which has begun, may leave the block that ends at `end` without data, with the size behind it. */
static bool leaves_hole(const struct model *m, const struct model_file *f, const struct model_op *o, uint64_t end)
{
	uint64_t start = end - FS_BLOCK;

	switch (o->kind) {
	case OP_WRITE:
		return o->off >= end && !reached_before(m, f, end, o->b);
	case OP_TRUNCATE:
		return o->off > start && !reached_before(m, f, end, o->b);
	case OP_FALLOCATE:
		return !o->how && o->off + o->len > start && !reached_before(m, f, end, o->b);
	case OP_PUNCH:
		return o->off < end && o->off + o->len > start;
	default:
		return false;
	}
}

bool rules_may_be_hole(const struct model *m, uint32_t p, const struct model_file *f, uint64_t block)
{
	for (uint32_t i = 0; i < model_nops(m); i++) {
		const struct model_op *o = model_op(m, i);
		if (o->file == f->id && o->pb <= p && leaves_hole(m, f, o, (block + 1) * FS_BLOCK))
			return true;
	}
	return false;
}

/* ---- names (rules.10) ---- */

static bool was_refused(const struct model_op *o)
{
	return o->e != TICK_NEVER && o->ret;
}

/* The model's number of the name; MODEL_NO_NAME: no call has ever named it. */
static uint8_t number_of(const struct model *m, const char *name)
{
	for (uint32_t i = 0; i < model_nnames(m); i++)
		if (!strcmp(model_name_text(m, (uint8_t)i), name))
			return (uint8_t)i;
	return MODEL_NO_NAME;
}

/* Operation o binds this name to a file, or to nothing. */
static bool binds(const struct model_op *o, uint32_t subvol, uint8_t name)
{
	return model_is_naming(o) && !was_refused(o) && o->off == subvol && name != MODEL_NO_NAME &&
	       (o->from == name || o->to == name);
}

static uint64_t name_cut(const struct model *m, uint32_t subvol, uint8_t name)
{
	uint64_t cut = 0;

	for (uint32_t i = 0; i < model_nops(m); i++) {
		const struct model_op *o = model_op(m, i);
		if (o->covered && o->b > cut && binds(o, subvol, name))
			cut = o->b;
	}
	return cut;
}

bool rules_name_legal(const struct model *m, uint32_t p, uint32_t subvol, const char *name, const struct model_file *f)
{
	uint8_t nr = number_of(m, name);
	uint64_t cut = name_cut(m, subvol, nr);

	for (uint32_t i = 0; i < model_nops(m); i++) {
		const struct model_op *o = model_op(m, i);
		if (!binds(o, subvol, nr) || !reachable(o, cut, p))
			continue;
		if (f ? o->to == nr && o->file == f->id : o->from == nr)
			return true;
	}
	return !f && cut == 0;
}

const struct model_file *rules_name_promised(const struct model *m, uint32_t subvol, const char *name)
{
	uint8_t nr = number_of(m, name);
	uint64_t cut = name_cut(m, subvol, nr);

	for (uint32_t i = 0; i < model_nops(m); i++) {
		const struct model_op *o = model_op(m, i);
		if (o->covered && o->b == cut && binds(o, subvol, nr))
			return o->to == nr ? model_file(m, o->file) : NULL;
	}
	return NULL;
}

/* ---- the names of one file (rules.12) ---- */

/*
 * All orders and choices are walked at once, call by call: a state is which calls are decided, and the names that the
 * file has then. Few calls overlap, so a state is where the decided calls end, which of the next WINDOW are decided
 * too, and the names.
 */
#define WINDOW     64u
#define STATES_MAX 512u /* with more of them, everything is taken for legal */

struct names_state {
	uint32_t first;     /* calls before it are decided, and it is not */
	uint64_t decided;   /* bit i: call first + i is */
	uint64_t names;
	bool lacks;         /* a call that gave it a name has been left out */
};

struct names_walk {
	const struct model_file *f;
	const struct model_op **op; /* those that may change its names, in the order of their beginnings */
	uint32_t n;
	struct names_state *now, *next; /* STATES_MAX each */
	uint32_t nnow, nnext;
	bool too_many;
};

static void add_state(struct names_walk *w, struct names_state s, uint32_t decided)
{
	s.decided |= 1ull << (decided - s.first);
	for (; s.decided & 1; s.first++)
		s.decided >>= 1;
	for (uint32_t i = 0; i < w->nnext; i++)
		if (w->next[i].first == s.first && w->next[i].decided == s.decided && w->next[i].names == s.names &&
		    w->next[i].lacks == s.lacks)
			return;
	if (w->nnext == STATES_MAX)
		w->too_many = true;
	else
		w->next[w->nnext++] = s;
}

/* The call gives the file a name; else it takes one away, if that is the file's at all. */
static bool gives(const struct model_op *o, const struct model_file *f)
{
	return o->file == f->id && o->kind != OP_UNLINK;
}

/* What the call makes of the file's names. False: it cannot be done to them. */
static bool done_to(const struct model_op *o, const struct model_file *f, struct names_state *s)
{
	uint64_t from = o->from == MODEL_NO_NAME ? 0 : 1ull << o->from;
	uint64_t to = o->to == MODEL_NO_NAME ? 0 : 1ull << o->to;

	if (!gives(o, f)) {
		from = s->names & (o->kind == OP_UNLINK ? from : to);
		to = 0;
	} else if (o->kind == OP_CREATE ? s->names != 0 : !s->names || (s->names & from) != from) {
		return false;
	}
	s->names = (s->names & ~from) | to;
	return !from || !s->lacks;
}

/* Is there a call, not decided yet, that had ended before call i began? */
static bool comes_too_early(const struct names_walk *w, const struct names_state *s, uint32_t i)
{
	for (uint32_t k = s->first; k < i; k++)
		if (!(s->decided >> (k - s->first) & 1) && w->op[k]->e < w->op[i]->b)
			return true;
	return false;
}

static void step_state(struct names_walk *w, const struct names_state *s)
{
	for (uint32_t i = s->first; i < w->n && i - s->first < WINDOW; i++) {
		if (s->decided >> (i - s->first) & 1 || comes_too_early(w, s, i))
			continue;
		struct names_state with = *s, without = *s;
		if (done_to(w->op[i], w->f, &with))
			add_state(w, with, i);
		without.lacks |= gives(w->op[i], w->f);
		if (!w->op[i]->covered)
			add_state(w, without, i);
	}
}

/* A call of another file takes a name away at most: one that a rename gives. */
static bool may_change(const struct model_op *o, uint32_t p, const struct model_file *f)
{
	if (!model_is_naming(o) || was_refused(o) || o->off != f->subvol || o->pb > p)
		return false;
	if (o->from == o->to) /* it did nothing */
		return false;
	return o->file == f->id || o->kind == OP_UNLINK || o->kind == OP_RENAME;
}

static bool walk_names(struct names_walk *w, uint64_t names)
{
	w->nnow = 1;
	w->now[0] = (struct names_state){ 0 };
	for (uint32_t i = 0; i < w->n && !w->too_many; i++) {
		w->nnext = 0;
		for (uint32_t k = 0; k < w->nnow; k++)
			step_state(w, &w->now[k]);
		struct names_state *now = w->now;
		w->now = w->next;
		w->next = now;
		w->nnow = w->nnext;
	}
	for (uint32_t k = 0; k < w->nnow; k++)
		if (w->now[k].names == names)
			return true;
	return w->too_many;
}

bool rules_names_legal(const struct model *m, uint32_t p, const struct model_file *f, uint64_t names)
{
	static _Thread_local struct names_state states[2][STATES_MAX];
	struct names_walk w = { .f = f, .now = states[0], .next = states[1] };

	w.op = mem_alloc((model_nops(m) + 1) * sizeof(*w.op));
	for (uint32_t i = 0; i < model_nops(m); i++)
		if (may_change(model_op(m, i), p, f))
			w.op[w.n++] = model_op(m, i);
	bool legal = walk_names(&w, names);
	free(w.op);
	return legal;
}
