/* campaign.c: see campaign.h. */
#include "hunted/campaign.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "hunt/race.h"
#include "kit/options.h"
#include "machine/mem.h"

#define CMD        "race merge"
#define SHARDS_MAX 1000000u
#define COUNT_MAX  1000000000000000ll /* more than can be run; the sum of a million of them fits in 64 bits */

const char *result_text(const json_t *r, const char *key)
{
	const char *s = json_string_value(json_object_get(r, key));

	return s ? s : "";
}

uint64_t result_count(const json_t *r, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(r, key));
}

/* A proof's result has a bound on preemptions, null for none; a hunt's has not. */
static bool is_proof(const json_t *r)
{
	return json_object_get(r, "preemptions") != NULL;
}

bool campaign_is_proof(const struct campaign *c)
{
	return is_proof(c->of[0]);
}

/* ---- one shard ---- */

static bool is_count(const json_t *v)
{
	return json_is_integer(v) && json_integer_value(v) >= 0 && json_integer_value(v) <= COUNT_MAX;
}

static bool is_bound(const json_t *v)
{
	return json_is_null(v) || (is_count(v) && json_integer_value(v) < UINT32_MAX);
}

static bool is_boolean(const json_t *v)
{
	return json_is_boolean(v);
}

static bool is_time(const json_t *v)
{
	return json_is_number(v) && json_number_value(v) >= 0;
}

static bool is_verdict(const json_t *v)
{
	const char *s = json_string_value(v);

	return s && (!strcmp(s, verdict_name[VERDICT_HOLDS]) || !strcmp(s, verdict_name[VERDICT_BREAKS]));
}

/* A seed may be above INT64_MAX: then it is negative here. */
static bool is_number(const json_t *v)
{
	return json_is_integer(v);
}

static bool is_text(const json_t *v)
{
	return json_is_string(v);
}

enum kind { OF_BOTH, OF_HUNT, OF_PROOF };

/* What a result must have to be added to others. */
static const struct {
	const char *key;
	bool (*is)(const json_t *v);
	const char *due;
	enum kind of;
} fields[] = {
	{ "race", is_text, "a name", OF_BOTH },
	{ "design", is_text, "a name", OF_BOTH },
	{ "shard", is_count, "a count", OF_BOTH },
	{ "distinct", is_count, "a count", OF_BOTH },
	{ "seconds", is_time, "a time", OF_BOTH },
	{ "verdict", is_verdict, "holds or breaks", OF_BOTH },
	{ "strategy", is_text, "a picker", OF_HUNT },
	{ "seed", is_number, "a number", OF_HUNT },
	{ "schedules", is_count, "a count", OF_HUNT },
	{ "images_judged", is_count, "a count", OF_HUNT },
	{ "images_mounted", is_count, "a count", OF_HUNT },
	{ "stopped", is_boolean, "true or false", OF_HUNT },
	{ "preemptions", is_bound, "a bound or null", OF_PROOF },
	{ "reached", is_bound, "a bound or null", OF_PROOF },
	{ "executions", is_count, "a count", OF_PROOF },
	{ "cut", is_count, "a count", OF_PROOF },
	{ "complete", is_boolean, "true or false", OF_PROOF },
	{ "all", is_boolean, "true or false", OF_PROOF },
	{ "too_long", is_boolean, "true or false", OF_PROOF },
};

static int refuse_field(const char *path, const char *key, const json_t *v, const char *due)
{
	char *is = json_dumps(v, JSON_ENCODE_ANY);

	cmd_error(CMD, "%.200s: its %s is %.60s, and %s is expected: damaged, or of another version; run that shard "
	          "again", path, key, is ? is : "not there", due);
	free(is);
	return CMD_ERROR;
}

static int check_fields(const char *path, const json_t *r)
{
	const char *runs = is_proof(r) ? "executions" : "schedules";

	for (unsigned i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		const json_t *v = json_object_get(r, fields[i].key);
		if (fields[i].of != OF_BOTH && (fields[i].of == OF_PROOF) != is_proof(r))
			continue;
		if (!fields[i].is(v))
			return refuse_field(path, fields[i].key, v, fields[i].due);
	}
	if (!is_proof(r) && !strcmp(result_text(r, "verdict"), verdict_name[VERDICT_BREAKS]) &&
	    !result_count(r, "found_at"))
		return refuse_field(path, "found_at", json_object_get(r, "found_at"), "a schedule's number");
	if (result_count(r, "distinct") > result_count(r, runs))
		return cmd_error(CMD, "%.200s: %llu distinct traces of %llu %s: damaged; run that shard again", path,
		                 (unsigned long long)result_count(r, "distinct"),
		                 (unsigned long long)result_count(r, runs), runs);
	return 0;
}

/* NULL after a line on stderr. */
static json_t *load_json(const char *path)
{
	json_error_t why;
	struct stat st;
	json_t *o = NULL;

	if (!stat(path, &st) && S_ISDIR(st.st_mode))
		cmd_error(CMD, "%.200s: is a directory; the JSON of a shard is expected (race hunt --shard I/N "
		          "--json FILE)", path);
	else if (!(o = json_load_file(path, 0, &why)) && why.line > 0)
		cmd_error(CMD, "%.200s:%d: %s; the file is damaged", path, why.line, why.text);
	else if (!o)
		cmd_error(CMD, "%s; the JSON of a shard is expected (race hunt --shard I/N --json FILE)", why.text);
	return o;
}

/* The one result that a file has. A new reference; NULL after a line on stderr. */
static json_t *load(const char *path)
{
	json_t *o = load_json(path), *list = json_object_get(o, "results"), *r = json_array_get(list, 0);
	bool good = false;

	if (!o)
		return NULL;
	if (result_count(o, "schema_version") != 1)
		cmd_error(CMD, "%.200s: schema version %llu, this program reads version 1", path,
		          (unsigned long long)result_count(o, "schema_version"));
	else if (json_array_size(list) != 1 || !json_object_get(r, "shards"))
		cmd_error(CMD, "%.200s: not the result of one shard of one design", path);
	else
		good = !check_fields(path, r);
	r = good ? json_incref(r) : NULL;
	json_decref(o);
	return r;
}

/* ---- all shards ---- */

/* Do two shards agree in all that must be the same in all shards (shard_keys)? */
static int check_alike(const char *path, const json_t *a, const json_t *b)
{
	if (is_proof(a) != is_proof(b))
		return cmd_error(CMD, "%.200s: a hunt and a proof cannot be joined", path);
	for (unsigned i = 0; shard_keys[i]; i++) {
		json_t *x = json_object_get(a, shard_keys[i]), *y = json_object_get(b, shard_keys[i]);
		if ((!x && !y) || json_equal(x, y))
			continue;
		char *was = json_dumps(x, JSON_ENCODE_ANY), *is = json_dumps(y, JSON_ENCODE_ANY);
		int ret = cmd_error(CMD, "%.200s: of another campaign: its %s is %.60s, the first file's is %.60s",
		                    path, shard_keys[i], is ? is : "not there", was ? was : "not there");
		free(was);
		free(is);
		return ret;
	}
	return 0;
}

/* Puts a shard into its place in of[n], which must be free. */
static int place(json_t **of, unsigned n, const char *path, json_t *r)
{
	json_int_t shard = json_integer_value(json_object_get(r, "shard"));

	if (shard < 0 || shard >= n)
		return cmd_error(CMD, "%.200s: shard %lld of %u", path, (long long)shard + 1, n);
	if (of[shard])
		return cmd_error(CMD, "%.200s: shard %lld of %u is here twice", path, (long long)shard + 1, n);
	of[shard] = json_incref(r);
	return 0;
}

static int add_shard(struct campaign *c, const char *path, json_t *r)
{
	if (!c->of) {
		uint64_t n = result_count(r, "shards");
		if (!n || n > SHARDS_MAX)
			return cmd_error(CMD, "%.200s: %lld shards", path, (long long)n);
		c->n = (unsigned)n;
		c->of = mem_zalloc(c->n * sizeof(*c->of));
	}
	return place(c->of, c->n, path, r);
}

static int check_complete(const struct campaign *c)
{
	unsigned missing = 0, first = 0;

	for (unsigned i = 0; i < c->n; i++) {
		if (c->of[i])
			continue;
		if (!missing++)
			first = i;
	}
	if (!missing)
		return 0;
	return cmd_error(CMD, "%u of %u shards missing, the first is %u/%u: run it, then merge again", missing, c->n,
	                 first + 1, c->n);
}

int campaign_load(struct campaign *c, const char *const *file, unsigned nfiles)
{
	json_t *first = NULL;
	int ret = 0;

	for (unsigned i = 0; i < nfiles && !ret; i++) {
		json_t *r = load(file[i]);
		if (!r)
			ret = CMD_ERROR;
		if (!ret && first)
			ret = check_alike(file[i], first, r);
		if (!ret)
			ret = add_shard(c, file[i], r);
		if (!first)
			first = r;
		else
			json_decref(r);
	}
	json_decref(first);
	return ret ? ret : check_complete(c);
}

/* ---- traces ---- */

/* Those of one file; `seen` has the heads of the files before. */
static int add_traces(struct campaign *c, json_t **seen, const char *path)
{
	char name[256];
	struct why why;
	json_t *head;

	snprintf(name, sizeof(name), "--traces %.240s", path);
	if (traces_read(path, &c->hashes, &head, &why))
		return cmd_error(CMD, "--traces %s", why.text);
	int ret = check_alike(name, c->of[0], head);
	if (!ret)
		ret = place(seen, c->n, name, head);
	if (!ret) {
		uint64_t shard = result_count(head, "shard"), is = result_count(head, "distinct"),
		        due = result_count(c->of[shard], "distinct");
		if (is != due)
			ret = cmd_error(CMD,
			                "%s: of another run of shard %llu: %llu traces, and its result says %llu", name,
			                (unsigned long long)shard + 1, (unsigned long long)is, (unsigned long long)due);
	}
	json_decref(head);
	return ret;
}

int campaign_load_traces(struct campaign *c, const char *const *file, unsigned nfiles)
{
	json_t **seen = mem_zalloc(c->n * sizeof(*seen));
	int ret = 0;

	for (unsigned i = 0; i < nfiles && !ret; i++)
		ret = add_traces(c, seen, file[i]);
	if (!ret && nfiles < c->n)
		ret = cmd_error(CMD, "--traces: %u files for %u shards", nfiles, c->n);
	c->traces = !ret;
	for (unsigned i = 0; i < c->n; i++)
		json_decref(seen[i]);
	free(seen);
	return ret;
}

void campaign_free(struct campaign *c)
{
	for (unsigned i = 0; i < c->n; i++)
		json_decref(c->of[i]);
	free(c->of);
	free(c->hashes.all);
}
