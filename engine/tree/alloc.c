/*
 * alloc.c: free space as one bit per 4 KiB unit, searched next-fit, a word at a time.
 *
 * Always true under a->lock:
 * - `used` has a bit for each unit that is in use or pinned; `pinned` for each that is pinned, and
 *   those are in `used` too. free counts the clear bits of used, npinned the set ones of pinned.
 * - Each pinned unit is in exactly one of the two pin sets: the running one, or the taken one.
 *
 * The lock is taken without a point: under the controlled scheduler no other task runs while it is held, and no
 * schedule should be spent on where a block lies. There is one exception: after alloc_free_written() a block may be
 * given out again while a super names it. From then on it matters which task gets which block, so each alloc_get() is
 * named as an access that changes something.
 */
#include "tree/alloc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "rt/lock.h"
#include "machine/mem.h"

#define WORD_BITS 64u

/* All in units, counted from the start of the region. */
struct region {
	uint64_t start; /* bytes */
	uint64_t units, free, npinned;
	uint64_t cursor; /* where the last piece ended (alloc.3) */
	uint64_t *used, *pinned;
};

struct pin {
	enum alloc_region region;
	uint64_t first, n;
};

struct pin_set {
	struct pin *pin;
	uint32_t n, cap;
};

struct alloc {
	struct mutex lock;
	/* lock guards these: */
	struct region region[ALLOC_REGIONS];
	struct pin_set running, taken;
	bool is_taken;
	bool has_again; /* alloc_free_written() was called */
	/* and nothing these: */
	struct alloc_limits limits;
};

/* ---- bitmaps ---- */

/* The first unit in [from, end) whose bit is `set`; end when there is none. */
static uint64_t bits_find(const uint64_t *map, uint64_t from, uint64_t end, bool set)
{
	while (from < end) {
		uint64_t word = map[from / WORD_BITS];

		if (!set)
			word = ~word;
		word &= ~0ull << (from % WORD_BITS);
		from -= from % WORD_BITS;
		if (word) {
			from += (uint64_t)__builtin_ctzll(word);
			break;
		}
		from += WORD_BITS;
	}
	return from < end ? from : end;
}

/* The bits of the word that `from` lies in, up to end. */
static uint64_t word_mask(uint64_t from, uint64_t end)
{
	uint64_t first = from % WORD_BITS;
	uint64_t n = end - from;

	if (n >= WORD_BITS - first)
		return ~0ull << first;
	return ((1ull << n) - 1) << first;
}

static uint64_t next_word(uint64_t from)
{
	return from - from % WORD_BITS + WORD_BITS;
}

static void bits_set(uint64_t *map, uint64_t from, uint64_t end)
{
	for (; from < end; from = next_word(from))
		map[from / WORD_BITS] |= word_mask(from, end);
}

static void bits_clear(uint64_t *map, uint64_t from, uint64_t end)
{
	for (; from < end; from = next_word(from))
		map[from / WORD_BITS] &= ~word_mask(from, end);
}

static bool bits_all(const uint64_t *map, uint64_t from, uint64_t end, bool set)
{
	return bits_find(map, from, end, !set) == end;
}

/* ---- life cycle ---- */

static void region_init(struct region *r, uint64_t start, uint64_t len)
{
	uint64_t words;

	CHECK(start % ALLOC_UNIT == 0 && len % ALLOC_UNIT == 0);
	r->start = start;
	r->units = r->free = len / ALLOC_UNIT;
	words = (r->units + WORD_BITS - 1) / WORD_BITS + 1;
	r->used = mem_zalloc(2 * words * sizeof(uint64_t));
	r->pinned = r->used + words;
}

struct alloc *alloc_open(uint64_t meta_start, uint64_t meta_len, uint64_t data_start, uint64_t data_len)
{
	struct alloc *a = mem_zalloc(sizeof(*a));

	mutex_init(&a->lock, L_ALLOC, 0);
	region_init(&a->region[ALLOC_META], meta_start, meta_len);
	region_init(&a->region[ALLOC_DATA], data_start, data_len);
	return a;
}

void alloc_limit(struct alloc *a, const struct alloc_limits *l)
{
	CHECK(l->data_piece % ALLOC_UNIT == 0);
	a->limits = *l;
}

void alloc_close(struct alloc *a)
{
	for (int i = 0; i < ALLOC_REGIONS; i++)
		free(a->region[i].used);
	free(a->running.pin);
	free(a->taken.pin);
	free(a);
}

/* ---- taking ---- */

struct piece {
	uint64_t first, n;
};

static uint64_t round_up(uint64_t x, uint64_t to)
{
	return (x + to - 1) / to * to;
}

/*
 * Looks in [from, end) for `want` free units starting at a multiple of align. True when found;
 * else *best is at least as good as the largest piece that there was.
 */
static bool search(const struct region *r, uint64_t from, uint64_t end, uint64_t align, uint64_t want,
                   struct piece *best)
{
	for (;;) {
		uint64_t first = round_up(bits_find(r->used, from, end, false), align);
		uint64_t limit, past;

		if (first >= end)
			return false;
		limit = r->units - first < want ? r->units : first + want;
		past = bits_find(r->used, first, limit, true);
		if (past - first > best->n) {
			best->first = first;
			best->n = past - first;
		}
		if (best->n >= want)
			return true;
		from = past > first ? past : first + 1;
	}
}

/* From the cursor to the end of the region, then from its start to the cursor. */
static struct piece next_fit(const struct region *r, uint64_t align, uint64_t want)
{
	struct piece best = { 0, 0 };

	if (!search(r, r->cursor, r->units, align, want, &best))
		search(r, 0, r->cursor, align, want, &best);
	return best;
}

int alloc_get(struct alloc *a, enum alloc_region region, uint64_t align, uint64_t min, uint64_t *len, uint64_t *start)
{
	struct region *r = &a->region[region];
	struct piece p = { 0, 0 };
	int ret = -ENOSPC;

	CHECK(*len && *len % ALLOC_UNIT == 0 && min && min <= *len);
	CHECK(align && align % ALLOC_UNIT == 0);
	if (a->limits.refuse && a->limits.refuse(a->limits.arg, region == ALLOC_DATA))
		return -ENOSPC;
	if (region == ALLOC_DATA && a->limits.data_piece && *len > a->limits.data_piece)
		*len = a->limits.data_piece > min ? a->limits.data_piece : min;
	rt_access(a->lock.id, a->has_again ? POINT_WRITE : POINT_READ);
	mutex_lock_quiet(&a->lock);
	if (r->free)
		p = next_fit(r, align / ALLOC_UNIT, *len / ALLOC_UNIT);
	if (p.n * ALLOC_UNIT < min)
		goto unlock;
	CHECK(p.n <= r->free && p.first + p.n <= r->units);
	bits_set(r->used, p.first, p.first + p.n);
	r->free -= p.n;
	r->cursor = p.first + p.n;
	*start = r->start + p.first * ALLOC_UNIT;
	*len = p.n * ALLOC_UNIT;
	ret = 0;
unlock:
	mutex_unlock(&a->lock);
	return ret;
}

/* The units of [start, start + len); false when it is not inside of the region, or not of whole units. */
static bool units_of(const struct region *r, uint64_t start, uint64_t len, struct piece *p)
{
	uint64_t size = r->units * ALLOC_UNIT;

	if (start < r->start || start - r->start > size || len > size - (start - r->start))
		return false;
	if (!len || start % ALLOC_UNIT || len % ALLOC_UNIT)
		return false;
	p->first = (start - r->start) / ALLOC_UNIT;
	p->n = len / ALLOC_UNIT;
	return true;
}

int alloc_mark(struct alloc *a, enum alloc_region region, uint64_t start, uint64_t len)
{
	struct region *r = &a->region[region];
	struct piece p;
	int ret = -EIO;

	if (!units_of(r, start, len, &p))
		return -EIO;
	mutex_lock_quiet(&a->lock);
	if (!bits_all(r->used, p.first, p.first + p.n, false))
		goto unlock;
	bits_set(r->used, p.first, p.first + p.n);
	r->free -= p.n;
	ret = 0;
unlock:
	mutex_unlock(&a->lock);
	return ret;
}

bool alloc_in_use(struct alloc *a, enum alloc_region region, uint64_t start)
{
	struct region *r = &a->region[region];
	struct piece p;

	if (!units_of(r, start, ALLOC_UNIT, &p))
		return false;
	mutex_lock_quiet(&a->lock);
	bool used = bits_all(r->used, p.first, p.first + 1, true);
	mutex_unlock(&a->lock);
	return used;
}

/* ---- giving up ---- */

static void pin_add(struct pin_set *s, enum alloc_region region, const struct piece *p)
{
	struct pin *last = s->n ? &s->pin[s->n - 1] : NULL;

	if (last && last->region == region && last->first + last->n == p->first) {
		last->n += p->n;
		return;
	}
	if (s->n == s->cap) {
		s->cap = s->cap ? s->cap * 2 : 16;
		s->pin = realloc(s->pin, s->cap * sizeof(*s->pin));
	}
	CHECK(s->pin);
	s->pin[s->n++] = (struct pin){ region, p->first, p->n };
}

static void check_in_use(const struct region *r, const struct piece *p)
{
	CHECK(bits_all(r->used, p->first, p->first + p->n, true));
	CHECK(bits_all(r->pinned, p->first, p->first + p->n, false));
}

void alloc_pin(struct alloc *a, enum alloc_region region, uint64_t start, uint64_t len)
{
	struct region *r = &a->region[region];
	struct piece p = { 0, 0 };

	CHECK(units_of(r, start, len, &p));
	mutex_lock_quiet(&a->lock);
	check_in_use(r, &p);
	bits_set(r->pinned, p.first, p.first + p.n);
	r->npinned += p.n;
	pin_add(&a->running, region, &p);
	mutex_unlock(&a->lock);
}

void alloc_free(struct alloc *a, enum alloc_region region, uint64_t start, uint64_t len)
{
	struct region *r = &a->region[region];
	struct piece p = { 0, 0 };

	CHECK(units_of(r, start, len, &p));
	mutex_lock_quiet(&a->lock);
	check_in_use(r, &p);
	bits_clear(r->used, p.first, p.first + p.n);
	r->free += p.n;
	mutex_unlock(&a->lock);
}

void alloc_free_written(struct alloc *a, enum alloc_region region, uint64_t start, uint64_t len)
{
	struct region *r = &a->region[region];

	rt_access(a->lock.id, POINT_WRITE);
	alloc_free(a, region, start, len);
	mutex_lock_quiet(&a->lock);
	a->has_again = true;
	r->cursor = (start - r->start) / ALLOC_UNIT;
	mutex_unlock(&a->lock);
}

void alloc_commit_pins(struct alloc *a)
{
	struct pin_set empty;

	mutex_lock_quiet(&a->lock);
	CHECK(!a->is_taken);
	CHECK(!a->taken.n);
	empty = a->taken;
	a->taken = a->running;
	a->running = empty;
	a->is_taken = true;
	mutex_unlock(&a->lock);
}

static void unpin(struct region *r, const struct pin *p)
{
	CHECK(p->n <= r->npinned && r->npinned + r->free <= r->units);
	bits_clear(r->pinned, p->first, p->first + p->n);
	bits_clear(r->used, p->first, p->first + p->n);
	r->npinned -= p->n;
	r->free += p->n;
}

void alloc_release_pins(struct alloc *a)
{
	mutex_lock_quiet(&a->lock);
	CHECK(a->is_taken);
	for (uint32_t i = 0; i < a->taken.n; i++)
		unpin(&a->region[a->taken.pin[i].region], &a->taken.pin[i]);
	a->taken.n = 0;
	a->is_taken = false;
	mutex_unlock(&a->lock);
}

struct alloc_space alloc_space(struct alloc *a, enum alloc_region region)
{
	const struct region *r = &a->region[region];
	struct alloc_space s;

	mutex_lock_quiet(&a->lock);
	s.total = r->units * ALLOC_UNIT;
	s.free = r->free * ALLOC_UNIT;
	s.pinned = r->npinned * ALLOC_UNIT;
	mutex_unlock(&a->lock);
	return s;
}
