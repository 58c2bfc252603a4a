/*
 * look.c: `fsyncstorm look`: what an image holds: its super blocks, trees, files, and what a mount would replay; with
 * --check also whether all of it fits together, every block of data read. Never writes to the image.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "dev/readonly.h"
#include "fs/look.h"

struct options {
	const char *path;
	bool check, json, extents;
};

/* What has been told so far. The headings of the text stand before the first line of their kind. */
struct telling {
	const struct options *o;
	bool trees, files, replays;
	unsigned damages;
	json_t *supers, *tree, *file, *replay, *damage;
};

enum { KEY_CHECK = 0x100 };

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case KEY_CHECK:
		o->check = true;
		return 0;
	case 'j':
		o->json = true;
		return 0;
	case 'x':
		o->extents = true;
		return 0;
	case ARGP_KEY_ARG:
		if (o->path) {
			cmd_error("look", "%.100s: one image is expected", arg);
			return EINVAL;
		}
		o->path = arg;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static json_int_t num(uint64_t n)
{
	return (json_int_t)n;
}

static unsigned long ul(uint64_t n)
{
	return (unsigned long)n;
}

/* A name from an image may hold any bytes: shown with ? for what is no printable ASCII. buf: FS_NAME_MAX. */
static const char *shown(const char *name, char *buf)
{
	size_t i;

	for (i = 0; i < FS_NAME_MAX - 1 && name[i]; i++)
		buf[i] = name[i] < ' ' || name[i] > '~' ? '?' : name[i];
	buf[i] = 0;
	return buf;
}

static json_t *names_json(const char (*names)[FS_NAME_MAX], uint32_t n)
{
	json_t *out = json_array();
	char name[FS_NAME_MAX];

	for (uint32_t i = 0; i < n; i++)
		json_array_append_new(out, json_string(shown(names[i], name)));
	return out;
}

static void print_names(const char (*names)[FS_NAME_MAX], uint32_t n)
{
	char name[FS_NAME_MAX];

	for (uint32_t i = 0; i < n; i++)
		printf("%s%s", i ? ", " : "", shown(names[i], name));
}

static json_t *ptr_json(const struct tree_ptr *p)
{
	return json_pack("{s:I,s:I,s:i}", "block", num(p->bytenr), "generation", num(p->generation), "level",
	                 (int)p->level);
}

static void tell_super(void *arg, unsigned copy, const struct super *s, const char *bad)
{
	struct telling *t = arg;

	if (t->o->json && bad) {
		json_array_append_new(t->supers, json_pack("{s:i,s:s}", "copy", (int)copy, "damaged", bad));
	} else if (t->o->json) {
		json_t *log = s->log_root.bytenr ? ptr_json(&s->log_root) : json_null();
		json_t *stream = s->stream.bytenr ? json_pack("{s:I,s:I,s:I}", "bytenr", num(s->stream.bytenr), "end",
			num(s->stream.end), "group", num(s->stream.lsn)) : json_null();
		json_array_append_new(t->supers,
			json_pack("{s:i,s:I,s:I,s:I,s:i,s:b,s:I,s:I,s:o,s:o,s:o}", "copy", (int)copy, "generation",
				  num(s->generation), "fsid", num(s->fsid), "size", num(s->dev_size), "nodesize",
				  (int)s->nodesize, "dup", (int)s->dup, "metadata", num(s->meta_len), "next_subvolume",
				  num(s->next_subvol), "roots", ptr_json(&s->root_tree), "log", log,
				  "stream", stream));
	} else if (!bad) { /* else it is told as damage */
		printf("super block %u: generation %lu, %lu bytes, nodes of %u bytes %s, %lu bytes for them; ", copy,
		       ul(s->generation), ul(s->dev_size), s->nodesize, s->dup ? "twice" : "once", ul(s->meta_len));
		printf("roots in block %lu", ul(s->root_tree.bytenr));
		if (s->log_root.bytenr)
			printf(", a log in block %lu", ul(s->log_root.bytenr));
		if (s->log_before.bytenr)
			printf(" (if all of it has arrived; else in block %lu)", ul(s->log_before.bytenr));
		if (s->stream.bytenr)
			printf(", a stream that begins at %lu", ul(s->stream.bytenr));
		putchar('\n');
	}
}

static const char *tree_name(const struct look_tree *t, char *buf, size_t n)
{
	if (t->log && !t->id)
		return "roots of the logs";
	if (!t->log && t->id < 256)
		return t->id == 1 ? "roots" : "checksums";
	snprintf(buf, n, "%s %lu", t->log ? "log of subvolume" : "subvolume", ul(t->id));
	return buf;
}

static void tell_tree(void *arg, const struct look_tree *l)
{
	struct telling *t = arg;
	char buf[48];

	if (t->o->json) {
		json_array_append_new(t->tree, json_pack("{s:s,s:I,s:b,s:o,s:I,s:I}", "tree",
				      tree_name(l, buf, sizeof(buf)), "id", num(l->id), "log", (int)l->log, "root",
				      ptr_json(&l->root), "blocks", num(l->blocks), "items", num(l->items)));
		return;
	}
	if (!t->trees)
		printf("\n%-26s %12s %10s %5s %7s %8s\n", "tree", "root", "generation", "level", "blocks", "items");
	t->trees = true;
	printf("%-26s %12lu %10lu %5u %7lu %8lu\n", tree_name(l, buf, sizeof(buf)), ul(l->root.bytenr),
	       ul(l->root.generation), l->root.level, ul(l->blocks), ul(l->items));
	t->files = false; /* the files of the next tree get a heading of their own */
}

static json_t *extent_json(const struct look_extent *x)
{
	if (x->in_tree)
		return json_pack("{s:I,s:I,s:b}", "start", num(x->start), "len", num(x->len), "in_tree", 1);
	return json_pack("{s:I,s:I,s:I,s:I,s:I,s:b}", "start", num(x->start), "len", num(x->len), "disk",
	                 num(x->bytenr), "disk_len", num(x->disk_len), "offset", num(x->offset), "compressed",
	                 (int)x->compressed);
}

static void tell_file(void *arg, const struct look_file *f)
{
	struct telling *t = arg;
	char name[FS_NAME_MAX];

	if (t->o->json) {
		json_t *extents = json_array();
		for (uint32_t i = 0; i < f->nextents; i++)
			json_array_append_new(extents, extent_json(&f->extent[i]));
		json_array_append_new(t->file, json_pack("{s:I,s:I,s:s?,s:o,s:b,s:I,s:I,s:I,s:o}", "subvolume",
				      num(f->subvol), "inode", num(f->ino), "name",
				      f->name ? shown(f->name, name) : NULL, "names", names_json(f->names, f->nnames),
				      "orphan", (int)f->orphan, "size", num(f->size), "made", num(f->generation),
				      "changed", num(f->transid), "extents", extents));
		return;
	}
	if (!t->files)
		printf("\n%12s %14s %8s %10s  %s\n", "inode", "bytes", "extents", "changed in", "name");
	t->files = true;
	t->trees = false;
	printf("%12lu %14lu %8u %10lu  ", ul(f->ino), ul(f->size), f->nextents, ul(f->transid));
	if (f->nnames)
		print_names(f->names, f->nnames);
	else
		printf("%s", f->name ? shown(f->name, name) : "(no name)");
	printf("%s\n", f->orphan ? ", unlinked while it was open" : "");
	for (uint32_t i = 0; t->o->extents && i < f->nextents; i++) {
		const struct look_extent *x = &f->extent[i];
		if (x->in_tree)
			printf("%27lu+%lu in the tree\n", ul(x->start), ul(x->len));
		else
			printf("%27lu+%lu at %lu+%lu%s\n", ul(x->start), ul(x->len), ul(x->bytenr + x->offset),
			       ul(x->disk_len), x->compressed ? " compressed" : "");
	}
}

static void tell_replay(void *arg, const struct look_replay *r)
{
	struct telling *t = arg;
	if (t->o->json) {
		json_t *out = json_pack("{s:I,s:I,s:b,s:o,s:i,s:i,s:I}", "subvolume", num(r->subvol), "inode",
		                        num(r->ino), "new", (int)r->is_new, "names",
		                        names_json(r->names, r->nnames), "extents", (int)r->extents, "holes",
		                        (int)r->holes, "bytes", num(r->bytes));
		if (r->sized)
			json_object_set_new(out, "size", json_integer(num(r->size)));
		json_array_append_new(t->replay, out);
		return;
	}
	if (!t->replays)
		printf("\nA mount would replay the log:\n");
	t->replays = true;
	printf("  subvolume %lu, inode %lu", ul(r->subvol), ul(r->ino));
	if (r->is_new)
		printf(", which is new");
	if (r->nnames) {
		printf(", by the name%s ", r->nnames > 1 ? "s" : "");
		print_names(r->names, r->nnames);
	}
	if (r->sized && r->size == r->old_size && !r->is_new)
		printf(": %lu bytes as before", ul(r->size));
	else if (r->sized)
		printf(": %lu bytes, now %lu", ul(r->size), ul(r->old_size));
	printf("; %u extents of %lu bytes, %u holes\n", r->extents, ul(r->bytes), r->holes);
}

static void tell_damage(void *arg, const char *line)
{
	struct telling *t = arg;

	t->damages++;
	if (t->o->json)
		json_array_append_new(t->damage, json_string(line));
	else
		printf("DAMAGED: %s\n", line);
}

static int look(const struct options *o, struct telling *t)
{
	static const struct look_ops ops = { tell_super, tell_tree, tell_file, tell_replay, tell_damage };
	struct why why;
	struct dev *dev;
	int ret = dev_open_readonly(o->path, &dev, &why);

	if (ret)
		return cmd_error("look", "%s", why.text);
	ret = look_image(dev, o->check, &ops, t, &why);
	dev_close(dev);
	return ret ? cmd_error("look", "%.200s: %s", o->path, why.text) : 0;
}

int cmd_look(int argc, char **argv)
{
	static const struct argp_option table[] = {
		{ "check", KEY_CHECK, NULL, 0, "Read all data as well; exit status 1 when anything is damaged", 0 },
		{ "extents", 'x', NULL, 0, "Each extent of each file", 0 },
		{ "json", 'j', NULL, 0, "As JSON, extents included", 0 },
		{ 0 },
	};
	static const struct argp argp = { table, parse, "IMAGE", "What an image of fsyncstorm holds, and what a mount "
		                          "would replay. IMAGE is a file or a block device; it is never written to.",
		                          NULL, NULL, NULL };
	struct options o = { 0 };
	struct telling t = { .o = &o };
	int ret = cmd_options(&argp, argc, argv, &o);

	if (ret)
		return ret;
	if (!o.path)
		return cmd_error("look", "an image is expected: a file or a block device");
	t.supers = json_array();
	t.tree = json_array();
	t.file = json_array();
	t.replay = json_array();
	t.damage = json_array();
	ret = look(&o, &t);
	json_t *out = json_pack("{s:i,s:s,s:b,s:o,s:o,s:o,s:o,s:o}", "schema_version", 1, "image", o.path, "checked",
	                        (int)o.check, "super", t.supers, "trees", t.tree, "files", t.file, "replay", t.replay,
	                        "damage", t.damage);
	if (!ret && o.json) {
		json_dumpf(out, stdout, JSON_INDENT(1) | JSON_PRESERVE_ORDER);
		putchar('\n');
	} else if (!ret && o.check && !t.damages) {
		printf("\nWhole: every block is owned once, every file has its name, all data fit their checksums.\n");
	} else if (!ret && t.damages) {
		printf("\nDamaged in %u place%s.\n", t.damages, t.damages == 1 ? "" : "s");
	}
	json_decref(out);
	if (ret)
		return ret;
	return o.check && t.damages ? 1 : 0;
}
