/* draw.c: see draw.h. Each table below has the words of one kind, as likely as they are often in it. */
#include "hunted/draw.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/check.h"
#include "base/rng.h"
#include "scene/scene.h"

struct text {
	char *buf;
	size_t size, n;
	struct rng rng;
	bool makes_c; /* its first call makes the file c */
	bool of_names; /* most calls are of names, and of the directory */
	bool has_h;   /* its first thread has a file h of its own, which it closes and opens again */
	const char *beside_a; /* another file of a's subvolume, or a name there */
};

__attribute__((format(printf, 2, 3))) static void put(struct text *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	t->n += (size_t)vsnprintf(t->buf + t->n, t->n < t->size ? t->size - t->n : 0, fmt, ap);
	va_end(ap);
}

static bool one_in(struct text *t, uint32_t n)
{
	return rng_below(&t->rng, n) == 0;
}

static uint32_t from_to(struct text *t, uint32_t from, uint32_t to)
{
	return from + (uint32_t)rng_below(&t->rng, to - from + 1);
}

#define PICK(t, table) (table)[rng_below(&(t)->rng, sizeof(table) / sizeof((table)[0]))]

/* ---- files ---- */

static const char *const files[] = { "a", "a", "a", "a", "a", "b", "c" };
static const char *const contents[] = { " 0", " 512", " 4k", " 8k", " 8k", " 12k", " 9728" };
static const char *const attributes[] = { "", "", "", "", "", "", " nodatacow", " nodatasum" };
/* What is done to the first of them before it is durable. */
static const char *const befores[] = {
	"", "", "", "a truncate 20k", "a falloc -k 8k 8k", "a falloc 16k 8k", "a fpunch 0 4k", "ln a d",
};

static void put_files(struct text *t, bool two_subvols)
{
	put(t, "file a%s%s\n", PICK(t, contents), PICK(t, attributes));
	put(t, "file b%s%s\n", PICK(t, contents), two_subvols ? " in 1" : PICK(t, attributes));
	if (t->has_h)
		put(t, "file h%s%s\n", PICK(t, contents), PICK(t, attributes));
	put(t, "%s\n", PICK(t, befores));
}

static const char *pick_file(struct text *t)
{
	const char *f = PICK(t, files);

	return *f == 'c' && !t->makes_c ? "a" : f;
}

/* ---- calls ---- */

/* On one file: %s is its name. */
static const char *const calls[] = {
	"%s pwrite 0 4k", "%s pwrite 0 4k", "%s pwrite 4k 4k", "%s pwrite 4k 4k", "%s pwrite 8k 4k", "%s pwrite 0 8k",
	"%s pwrite 0 512", "%s pwrite 2k 4k", "%s pwrite 12k 4k", "%s pwrite 20k 4k", "%s pwrite 7k 512",
	"%s pwrite -d 0 4k", "%s pwrite -d 4k 8k", "%s pwrite -d 8k 4k", "%s aio_write 0 4k", "%s aio_write 8k 4k",
	"%s pwrite -D 4k 4k", "%s pwrite -D 6k 4k",
	"%s mmap 0 64k\n%1$s mwrite 0 512", "%s mmap 0 64k\n%1$s mwrite 4k 1k",
	"%s truncate 0", "%s truncate 4k", "%s truncate 512", "%s truncate 6k", "%s truncate 24k",
	"%s falloc 0 8k", "%s falloc -k 8k 8k", "%s falloc 16k 4k", "%s fpunch 0 4k", "%s fpunch 4k 8k",
	"%s fpunch 4k 4k", "%s writeback", "%s writeback", "%s writeback", "%s fadvise -d",
	"%s sync_range -b -w -a 0 4k", "%s sync_range -b -w -a 4k 4k", "%s pwrite 4k 12k",
};
static const char *const syncs[] = {
	"%s fsync", "%s fsync", "%s fsync", "%s fsync", "%s fdatasync", "%s mmap 0 64k\n%1$s msync 0 4k",
	"%s mmap 0 64k\n%1$s msync 4k 8k",
};
/* Of no file, or of names: the first %s is one, the second one another. */
static const char *const others[] = {
	"commit", "commit", "commit", "sync", "drop_caches", ". fsync", ". fsync", "aio_wait", "mv %s %s", "mv %s %s",
	"ln %s %s", "rm %s", "rm %s", "%s create",
};

/* A file that is open is kept in memory: what happens to one that is not, no other file shows. */
static const char *const calls_of_own[] = {
	"h close", "h close", "h open", "h open", "h pwrite 0 4k", "h pwrite 4k 4k", "h pwrite 2k 4k", "h truncate 6k",
	"h writeback", "h writeback", "h fsync", "drop_caches", "drop_caches", "rm h",
};

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static void put_call(struct text *t)
{
	uint32_t which = from_to(t, 0, 99);
	const char *f = pick_file(t);

	if (which < (t->of_names ? 60u : 22u))
		put(t, PICK(t, others), f, *f == 'b' ? "g" : *f == 'c' ? "a" : one_in(t, 2) ? t->beside_a : "e");
	else
		put(t, which < (t->of_names ? 80u : 52u) ? PICK(t, syncs) : PICK(t, calls), f);
	put(t, "\n");
}
#pragma GCC diagnostic pop

/* A thread's last call is a sync in half of the programs: what is promised last is what a crash can break. */
static void put_thread(struct text *t, uint32_t i, uint32_t ncalls)
{
	put(t, "\n[thread t%u]\n%s", i, t->makes_c && !i ? "c create\n" : "");
	for (uint32_t k = 0; k < ncalls; k++)
		if (t->has_h && !i && one_in(t, 2))
			put(t, "%s\n", PICK(t, calls_of_own));
		else
			put_call(t);
	if (one_in(t, 2))
		put(t, "a fsync\n");
}

/* ---- options ---- */

/* A hunt's device is small: two copies of larger blocks have no room on it. */
static void put_mkfs(struct text *t, bool small, bool dup)
{
	put(t, "\n[setup]\nmkfs = nodesize=%s, metadata=%s\n", small ? "4k" : dup ? "8k" : "16k",
	    dup ? "dup" : "single");
}

/* One of its kind fails, of so many at most. */
static const struct {
	enum scene_fault kind;
	const char *name;
	uint32_t most;
} faults[] = {
	{ SCENE_DATA_WRITE_ERROR, "data_write_error", 4 }, { SCENE_TREE_WRITE_ERROR, "tree_write_error", 12 },
	{ SCENE_SUPER_WRITE_ERROR, "super_write_error", 4 }, { SCENE_FLUSH_ERROR, "flush_error", 3 },
	{ SCENE_READ_ERROR, "read_error", 6 }, { SCENE_LOG_MEMORY_ERROR, "log_memory_error", 16 },
	{ SCENE_DATA_SPACE_ERROR, "data_space_error", 4 }, { SCENE_TREE_SPACE_ERROR, "tree_space_error", 24 },
};
#define FAULTS (sizeof(faults) / sizeof(faults[0]))

/* kinds: a bit for each (1 << kind). */
static void put_faults(struct text *t, uint32_t kinds)
{
	if (kinds)
		put(t, "\n[faults]\n");
	for (unsigned i = 0; i < FAULTS; i++)
		if (kinds >> faults[i].kind & 1)
			put(t, "%s = %u\n", faults[i].name, from_to(t, 1, faults[i].most));
}

#define ONE(kind) (1u << SCENE_##kind##_ERROR)

/* What fails in a row of the array, in the order of the rounds; and in two of three programs nothing does. */
static const uint32_t fault_rows[] = {
	0, ONE(DATA_WRITE), ONE(TREE_WRITE), ONE(LOG_MEMORY), ONE(FLUSH), ONE(DATA_WRITE) | ONE(TREE_WRITE),
	ONE(SUPER_WRITE), ONE(READ), ONE(DATA_WRITE) | ONE(LOG_MEMORY), ONE(DATA_SPACE), ONE(TREE_SPACE),
};
#define FAULT_ROWS (sizeof(fault_rows) / sizeof(fault_rows[0]))

static uint32_t draw_faults(struct text *t)
{
	return one_in(t, 3) ? PICK(t, fault_rows) : 0;
}

static void put_hunt(struct text *t, bool fine, uint32_t workers)
{
	put(t, "\n[hunt]\ngranularity = %s\ncompletion_workers = %u\n", fine ? "fine" : "coarse", workers);
}

static const char *end_text(struct text *t)
{
	CHECK(t->n < t->size);
	return t->buf;
}

const char *draw_program(uint64_t seed, char *buf, size_t size)
{
	struct text t = { .buf = buf, .size = size };

	rng_seed(&t.rng, rng_mix(seed));
	bool compress = one_in(&t, 5), inlines = one_in(&t, 5), subvols = one_in(&t, 4), pieces = one_in(&t, 5);
	put_mkfs(&t, !one_in(&t, 4), one_in(&t, 4));
	put(&t, "mkfs = subvols=%u\n", subvols ? 2 : 1);
	put(&t, "mount = %s%s%s\n", compress ? "compress, " : "", pieces ? "pieces, " : "",
	    inlines ? "max_inline=2k" : "max_inline=0");
	t.has_h = one_in(&t, 5);
	t.of_names = one_in(&t, 5);
	put_files(&t, subvols);
	uint32_t threads = from_to(&t, 1, 3);
	t.makes_c = t.of_names || one_in(&t, 3);
	t.beside_a = subvols ? "d" : "b";
	for (uint32_t i = 0; i < threads; i++)
		put_thread(&t, i, threads == 1 ? from_to(&t, 3, 8) : from_to(&t, 1, 5));
	put_faults(&t, draw_faults(&t));
	put_hunt(&t, one_in(&t, 3), one_in(&t, 3) ? 2 : 1);
	return end_text(&t);
}

/* ---- the array ---- */

/* Of two-valued options alone, so 8 rows suffice for more than there are. */
#define OPTION_ROWS 8u
static const struct {
	bool small_nodes, dup, compress, inlines, fine, two_workers, pieces;
} rows[OPTION_ROWS] = {
	{ 0, 0, 0, 0, 1, 0, 0 },
	{ 1, 0, 0, 1, 0, 1, 0 },
	{ 0, 1, 0, 1, 0, 1, 1 },
	{ 1, 1, 0, 0, 1, 0, 1 },
	{ 0, 0, 1, 1, 1, 0, 1 },
	{ 1, 0, 1, 0, 0, 1, 1 },
	{ 0, 1, 1, 0, 0, 0, 0 },
	{ 1, 1, 1, 1, 1, 1, 0 },
};

/* Row r has row r % 8 of the one and r % 11 of the other: 8 and 11 have no divisor in common, so each two come
 * together. */
_Static_assert(OPTION_ROWS == 8 && FAULT_ROWS == 11 && DRAW_ROWS == OPTION_ROWS * FAULT_ROWS, "all pairs, once each");

const char *draw_options(uint32_t row, uint64_t seed, char *buf, size_t size)
{
	struct text t = { .buf = buf, .size = size };
	uint32_t r = row % OPTION_ROWS;

	rng_seed(&t.rng, rng_mix(seed));
	put_mkfs(&t, rows[r].small_nodes, rows[r].dup);
	put(&t, "mount = max_inline=%s%s%s\n", rows[r].inlines ? "2k" : "0", rows[r].compress ? ", compress" : "",
	    rows[r].pieces ? ", pieces" : "");
	put_faults(&t, fault_rows[row % FAULT_ROWS]);
	put_hunt(&t, rows[r].fine, rows[r].two_workers ? 2 : 1);
	return end_text(&t);
}
