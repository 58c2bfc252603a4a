/* answer.c: see answer.h. */
#include "watch/answer.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/screen.h"
#include "machine/mem.h"
#include "recipe/env.h"

#define ANSWERS    3
#define WAITS      2    /* of an answer */
#define TOLD_SHARE 0.05 /* a wait that takes less of a sync is not told */
#define DIGITS     4    /* of a number in a name, at least */

/* ---- names ---- */

static size_t folder_length(const char *path)
{
	const char *last = strrchr(path, '/');

	return last ? (size_t)(last - path) + 1 : 0;
}

size_t answer_common(struct watched_file *const *list, unsigned n)
{
	size_t common = n ? folder_length(list[0]->path) : 0;

	if (common)
		for (common--; common && list[0]->path[common - 1] != '/';)
			common--; /* the folder that it is in stays */
	for (unsigned i = 1; i < n; i++) {
		size_t at = 0, most = folder_length(list[i]->path);

		for (size_t k = 0; k < common && k + 1 < most && list[i]->path[k] == list[0]->path[k]; k++)
			if (list[i]->path[k] == '/')
				at = k + 1;
		common = at;
	}
	return common > 1 ? common : 0;
}

static bool is_digit(char c)
{
	return isdigit((unsigned char)c) || (c >= 'A' && c <= 'F');
}

/* The letter is a digit of a number of some length. */
static bool in_number(const char *name, size_t at)
{
	size_t from = at, to = at;

	if (!is_digit(name[at]))
		return false;
	while (from && is_digit(name[from - 1]))
		from--;
	while (is_digit(name[to + 1]))
		to++;
	return to - from + 1 >= DIGITS;
}

/* Of one folder, and called the same but for a number. */
static bool alike(const char *a, const char *b)
{
	size_t folder = folder_length(a), n = strlen(a);

	if (strlen(b) != n || folder_length(b) != folder || strncmp(a, b, folder))
		return false;
	for (size_t i = folder; i < n; i++)
		if (a[i] != b[i] && !(in_number(a, i) && in_number(b, i)))
			return false;
	return true;
}

/* ---- words ---- */

static const char *say_time(double ns, char *out, size_t size)
{
	if (ns >= 1e9)
		snprintf(out, size, "%.1f s", ns / 1e9);
	else
		snprintf(out, size, ns >= 1e6 ? "%.1f ms" : "%.0f us", ns / (ns >= 1e6 ? 1e6 : 1e3));
	return out;
}

static int say_wait(const struct kwait_site *s, double share, char *out, size_t size)
{
	if (s->phase == KW_PREEMPTED)
		return snprintf(out, size, "%.0f %% while %s", 100 * share, s->what);
	if (!s->what[0])
		return snprintf(out, size, "%.0f %% waiting in %s", 100 * share, s->function);
	return snprintf(out, size, "%.0f %% waiting for %s (%s)", 100 * share, s->what, s->function);
}

void answer_waits(const struct kwait_sum *waits, unsigned most, char *out, size_t size)
{
	struct kwait_sum sorted = *waits;
	size_t at = 0;

	out[0] = '\0';
	kwait_sum_sort(&sorted);
	for (unsigned i = 0; i < sorted.nsites && i < most && at < size; i++) {
		double share = (double)sorted.site[i].ns / (double)sorted.sync_ns;

		if (share < TOLD_SHARE)
			break;
		if (i)
			at += (size_t)snprintf(out + at, size - at, ", ");
		if (at < size)
			at += (size_t)say_wait(&sorted.site[i], share, out + at, size - at);
	}
	if (!at)
		snprintf(out, size, "%.0f %% on a processor",
		         sorted.sync_ns ? 100.0 * (double)sorted.phase_ns[KW_ON_CPU] / (double)sorted.sync_ns : 100);
}

const char *answer_call(const struct watched_file *file)
{
	unsigned best = 0, end = file->is_dsync ? KWAIT_KINDS : KWAIT_WRITE;

	for (unsigned k = 1; k < end; k++)
		if (file->count[k] > file->count[best])
			best = k;
	return kwait_kind_name[best];
}

/* ---- sentences ---- */

/* Files that are one answer. */
struct answer {
	const struct watched_file *first; /* the dearest */
	unsigned nfiles;
	struct hist sync;
	struct kwait_sum waits;
};

static bool belongs(const struct answer *a, const struct watched_file *file)
{
	return a->first->is_dsync == file->is_dsync && !strcmp(answer_call(a->first), answer_call(file)) &&
	       alike(a->first->path, file->path);
}

/* In a report of files that are sorted by cost, the answers are nearly so, too: each begins with its dearest. */
static unsigned gather(struct answer *a, struct watched_file *const *list, unsigned n)
{
	unsigned have = 0, at;

	for (unsigned i = 0; i < n; i++) {
		for (at = 0; at < have && !belongs(&a[at], list[i]);)
			at++;
		if (at == ANSWERS)
			continue;
		if (at == have) {
			a[have++].first = list[i];
			hist_init(&a[at].sync);
		}
		a[at].nfiles++;
		hist_merge(&a[at].sync, &list[i]->sync);
		kwait_sum_merge(&a[at].waits, &list[i]->waits);
	}
	return have;
}

static void say_answer(const struct answer *a, size_t common, const struct watched_files *f, const char *name,
                       FILE *out)
{
	double seconds = f->end_ns > f->begin_ns ? (double)(f->end_ns - f->begin_ns) / 1e9 : 0;
	uint64_t p50 = hist_told(&a->sync, 50), p99 = hist_told(&a->sync, 99);
	char waits[1024], half[32], most[32], place[256] = "", others[64] = "";

	answer_waits(&a->waits, WAITS, waits, sizeof(waits));
	if (a->first->path[0] == '/') {
		json_t *backing = env_backing(a->first->path);

		env_place(backing, place, sizeof(place));
		json_decref(backing);
	}
	if (a->nfiles > 1)
		snprintf(others, sizeof(others), " and %u more like it", a->nfiles - 1);
	screen_sayf(out, "", "%s: %.0f %s/s on %s%s%s%s%s: %s %s, %s %s; of that time %s.", name,
	            seconds > 0 ? (double)a->sync.n / seconds : 0, answer_call(a->first),
	            a->first->path + common, others, place[0] ? " (" : "", place, place[0] ? ")" : "",
	            p50 ? "p50" : "mean",
	            say_time(p50 ? (double)p50 : hist_mean(&a->sync), half, sizeof(half)),
	            p99 ? "p99" : "at most", say_time((double)(p99 ? p99 : a->sync.max), most, sizeof(most)), waits);
}

/* What else the same flushes and journal commits carry: what is written to other files of that file system. */
static void say_neighbours(const struct answer *a, const struct watched_files *f, FILE *out)
{
	uint64_t bytes = 0;
	unsigned n = 0;

	for (unsigned i = 0; i < f->n; i++) {
		const struct watched_file *file = f->file[i];

		if (!file->bytes || !file->dev || file->dev != a->first->dev || belongs(a, file))
			continue;
		bytes += file->bytes;
		n++;
	}
	if (n)
		screen_sayf(out, "", "On the same file system it has written %llu KiB to %u other file%s: a flush, or "
		            "a commit of a journal, carries these along.",
		            (unsigned long long)(bytes + 1023) / 1024, n, n == 1 ? "" : "s");
}

void answer_print(struct watched_file *const *list, unsigned n, const struct watched_files *f, const char *name,
                  FILE *out)
{
	struct answer *a = mem_zalloc(ANSWERS * sizeof(*a));
	unsigned have = gather(a, list, n);

	for (unsigned i = 0; i < have; i++)
		say_answer(&a[i], answer_common(list, n), f, name, out);
	if (have)
		say_neighbours(&a[0], f, out);
	free(a);
}
