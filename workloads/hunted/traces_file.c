/* traces_file.c: see traces_file.h. */
#include "hunted/traces_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/order.h"
#include "base/replace.h"
#include "machine/mem.h"

#define HEAD_MAX 4096u

const char *const shard_keys[] = { "race", "design", "granularity", "strategy", "seed", "preemptions", "shards", NULL };

/* ---- out ---- */

static void write_head(const struct traces *t, const json_t *result, FILE *out)
{
	json_t *head = json_pack("{s:i}", "traces_version", TRACES_VERSION);

	for (unsigned i = 0; shard_keys[i]; i++)
		json_object_set(head, shard_keys[i], json_object_get(result, shard_keys[i]));
	json_object_set(head, "shard", json_object_get(result, "shard"));
	json_object_set_new(head, "distinct", json_integer((json_int_t)t->n));
	json_dumpf(head, out, JSON_COMPACT | JSON_PRESERVE_ORDER);
	fputc('\n', out);
	json_decref(head);
}

static void write_hashes(const struct traces *t, FILE *out)
{
	uint64_t *all = mem_alloc((t->n + 1) * sizeof(*all));

	traces_copy(t, all);
	qsort(all, t->n, sizeof(*all), order_u64);
	for (uint64_t i = 0; i < t->n; i++)
		fprintf(out, "%016lx\n", (unsigned long)all[i]);
	free(all);
}

int traces_write(const struct traces *t, const json_t *result, const char *path, struct why *why)
{
	struct replace file;
	int ret = replace_begin(&file, path);

	if (!ret) {
		write_head(t, result, file.out);
		write_hashes(t, file.out);
		ret = replace_end(&file, true);
	}
	return ret ? why_set(why, ret, "%.120s: cannot be written: %s", path, strerror(-ret)) : 0;
}

/* ---- in ---- */

static void add_hash(struct hashes *to, uint64_t hash)
{
	if (to->n == to->cap) {
		to->cap = to->cap ? to->cap * 2 : 4096;
		to->all = realloc(to->all, to->cap * sizeof(*to->all));
		CHECK(to->all);
	}
	to->all[to->n++] = hash;
}

static json_t *read_head(const char *path, FILE *in, struct why *why)
{
	char line[HEAD_MAX] = "";
	json_t *head;

	fgets(line, sizeof(line), in);
	head = json_loads(line, 0, NULL);
	if (json_integer_value(json_object_get(head, "traces_version")) == TRACES_VERSION)
		return head;
	why_set(why, -EINVAL, "%.120s:1: not the traces of a shard (its --traces), or not of version %d", path,
	        TRACES_VERSION);
	json_decref(head);
	return NULL;
}

/* How many; -EINVAL and why. */
static int64_t read_hashes(const char *path, FILE *in, struct hashes *to, struct why *why)
{
	char line[64];
	int64_t n = 0;

	while (fgets(line, sizeof(line), in)) {
		char *end;
		uint64_t hash = strtoull(line, &end, 16);
		n++;
		if (end != line + 16 || *end != '\n')
			return why_set(why, -EINVAL, "%.120s:%ld: not a hash of 16 digits", path, (long)n + 1);
		add_hash(to, hash);
	}
	return n;
}

int traces_read(const char *path, struct hashes *to, json_t **head, struct why *why)
{
	FILE *in = fopen(path, "r");

	if (!in)
		return why_set(why, -EINVAL, "%.120s: %s", path, strerror(errno));
	*head = read_head(path, in, why);
	int64_t n = *head ? read_hashes(path, in, to, why) : -EINVAL;
	int64_t due = json_integer_value(json_object_get(*head, "distinct"));
	fclose(in);
	if (n >= 0 && n == due)
		return 0;
	if (n >= 0)
		why_set(why, -EINVAL, "%.120s: cut short: %ld traces of %ld", path, (long)n, (long)due);
	json_decref(*head);
	*head = NULL;
	return -EINVAL;
}

uint64_t hashes_distinct(struct hashes *h)
{
	uint64_t distinct = 0;

	if (h->n)
		qsort(h->all, h->n, sizeof(*h->all), order_u64);
	for (size_t i = 0; i < h->n; i++)
		distinct += !i || h->all[i] != h->all[i - 1];
	return distinct;
}
