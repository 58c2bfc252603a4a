/*
 * target.c: reads what a user calls a target. Of DESIGN@DEVICE[,key=value...] the keys of the target are
 * taken out; what is left is the device, whose own keys dev_open() reads.
 */
#include "target/target.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "fs/fs.h"
#include "target/disk.h"

static int set_count(const char *v, uint32_t max, uint32_t *out)
{
	uint64_t n;

	if (text_number(v, &n) || !n || n > max)
		return -EINVAL;
	*out = n;
	return 0;
}

static int set_choice(const char *v, const char *no, const char *yes, bool *out)
{
	*out = !strcmp(v, yes);
	return *out || !strcmp(v, no) ? 0 : -EINVAL;
}

static int set_subvols(struct target_spec *s, const char *v)
{
	return set_count(v, 256, &s->subvols);
}

static int set_metadata(struct target_spec *s, const char *v)
{
	return set_choice(v, "dup", "single", &s->single);
}

static int set_nodesize(struct target_spec *s, const char *v)
{
	uint64_t n;

	if (text_size(v, &n) || n < 4096 || n > 65536 || (n & (n - 1)))
		return -EINVAL;
	s->nodesize = n;
	return 0;
}

static int set_compress(struct target_spec *s, const char *v)
{
	return set_choice(v, "none", "zstd", &s->compress);
}

static int set_inline(struct target_spec *s, const char *v)
{
	uint64_t n;

	if (text_size(v, &n) || n > FS_BLOCK)
		return -EINVAL;
	s->inline_max = n;
	return 0;
}

static int set_endio(struct target_spec *s, const char *v)
{
	return set_count(v, 64, &s->endio_workers);
}

static int set_compressors(struct target_spec *s, const char *v)
{
	return set_count(v, 64, &s->compress_workers);
}

static int set_log_wait(struct target_spec *s, const char *v)
{
	return text_time(v, 1000, &s->log_wait_ns) || s->log_wait_ns > 1000000000 ? -EINVAL : 0;
}

static const struct target_key {
	const char *name, *expected;
	int (*set)(struct target_spec *s, const char *value);
	const char *what;
} keys[] = {
	{ "subvols", "a number from 1 to 256", set_subvols, "subvolumes; tasks take them in turn" },
	{ "metadata", "single or dup", set_metadata, "copies of each tree block (dup)" },
	{ "nodesize", "a power of two from 4k to 64k", set_nodesize, "bytes of a tree block (16k)" },
	{ "compress", "none or zstd", set_compress, "compressed extents (none)" },
	{ "inline", "a size up to 4k", set_inline, "files up to this size lie in the tree (0)" },
	{ "endio_workers", "a number from 1 to 64", set_endio, "tasks that complete ordered extents (1)" },
	{ "compress_workers", "a number from 1 to 64", set_compressors, "tasks that compress (2)" },
	{ "log_wait", "a time up to 1s such as 200us", set_log_wait,
	  "a log commit of several tasks waits for more (0)" },
};

const char *target_key(unsigned i, const char **what)
{
	if (i >= sizeof(keys) / sizeof(keys[0]))
		return NULL;
	*what = keys[i].what;
	return keys[i].name;
}

/* 1: the part is a key of ours. 0: it belongs to the device. -EINVAL with why. */
static int take_part(struct target_spec *s, const char *part, struct why *why)
{
	size_t len = strcspn(part, "=");

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (strlen(keys[i].name) != len || memcmp(keys[i].name, part, len))
			continue;
		if (part[len] == '=' && !keys[i].set(s, part + len + 1))
			return 1;
		return why_set(why, -EINVAL, "%s: expected %s in `%s`", keys[i].name, keys[i].expected, s->text);
	}
	return 0;
}

static int split_device(struct target_spec *s, const char *rest, struct why *why)
{
	char buf[TARGET_TEXT_MAX], *save;
	int ret;

	strcpy(buf, rest);
	for (char *part = strtok_r(buf, ",", &save); part; part = strtok_r(NULL, ",", &save)) {
		ret = take_part(s, part, why);
		if (ret < 0)
			return ret;
		if (ret)
			continue;
		if (s->device[0])
			strcat(s->device, ",");
		strcat(s->device, part);
	}
	if (s->device[0])
		return 0;
	return why_set(why, -EINVAL, "no device in `%s`, expected DESIGN@DEVICE", s->text);
}

static const char *nearest_design(const char *name)
{
	const char *const others[] = { target_null.name, target_path.name, target_fs.name };
	const char *near = text_nearest(name, others, sizeof(others) / sizeof(others[0]), sizeof(others[0]));

	for (unsigned i = 0; fs_designs[i]; i++) {
		const char *n = text_nearest(name, &fs_designs[i]->name, 1, sizeof(n));
		if (n && (!near || text_distance(name, n) < text_distance(name, near)))
			near = n;
	}
	return near;
}

int target_parse(const char *text, struct target_spec *out, struct why *why)
{
	const char *at = strchr(text, '@');
	char hint[64];

	*out = (struct target_spec){ .target = &target_engine, .subvols = 1 };
	if (strlen(text) >= TARGET_TEXT_MAX)
		return why_set(why, -EINVAL, "longer than %d letters", TARGET_TEXT_MAX - 1);
	strcpy(out->text, text);
	if (!strncmp(text, "path:", 5)) {
		out->target = &target_path;
		strcpy(out->design, target_path.name);
		strcpy(out->path, text + 5);
		return text[5] ? 0 : why_set(why, -EINVAL, "no folder in `%s`, expected path:DIR", text);
	}
	if (!strncmp(text, "fs:", 3))
		return target_fs_parse(text + 3, out, why);
	snprintf(out->design, sizeof(out->design), "%.*s", (int)strcspn(text, at ? "@" : ":"), text);
	if (!strcmp(text, target_null.name)) {
		out->target = &target_null;
		return 0;
	}
	if (!strcmp(out->design, target_null.name))
		return why_set(why, -EINVAL, "`%s` takes nothing after its name, not `%s`", target_null.name,
			       text + strlen(target_null.name));
	if (!fs_design_find(out->design))
		return why_set(why, -EINVAL, "no design is called `%s`%s", out->design,
			       text_did_you_mean(hint, sizeof(hint), nearest_design(out->design)));
	if (split_device(out, at ? at + 1 : "", why))
		return -EINVAL;
	disk_spec_path(out->device, out->path, sizeof(out->path));
	return 0;
}
