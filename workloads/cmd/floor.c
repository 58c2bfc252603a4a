/*
 * floor.c: `fsyncstorm floor DIR|DEVICE|SPEC`: what the least durable write costs there: 4 KiB and a
 * flush, 20 KiB in one write and a flush, and the I/O of a bench's designs played again without them.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/screen.h"
#include "base/stop.h"
#include "figures/player.h"
#include "cmd/cmd.h"
#include "bench/driver.h"
#include "target/disk.h"
#include "target/floor.h"
#include "bench/shape.h"
#include "kit/interrupt.h"
#include "recipe/env.h"
#include "recipe/load.h"
#include "recipe/results.h"
#include "machine/mem.h"
#include "base/text.h"

#define SHAPES_MAX 8
#define ROUNDS     8              /* the shapes take turns */
#define REPLAYED   (64ull << 20)  /* bytes of the file that a replay writes over */
#define REACH      (16ull << 20)  /* the longest write on a tape */

struct options {
	const char *where, *run, *json;
	uint64_t seconds_ns;
	bool force;
};

/* One row of the table. */
struct measured {
	char name[128];
	uint32_t bytes;       /* of a write and flush; 0: a shape is played */
	struct shape *shape;
	struct hist hist;
};

struct floor_run {
	struct floor floor;
	struct shape *shape; /* SHAPES_MAX */
	struct measured row[SHAPES_MAX + 2];
	unsigned nshapes, nrows;
	double others;        /* processors that others kept busy meanwhile */
};

/* ---- options ---- */

enum { KEY_RUN = 0x100, KEY_FORCE };

static const struct argp_option table[] = {
	{ "run", KEY_RUN, "FOLDER", 0, "Play the I/O of this run's designs, too: a folder that a bench kept", 0 },
	{ "seconds", 's', "TIME", 0, "For each figure (1)", 0 },
	{ "json", 'j', "FILE", 0, "Also as JSON; - writes it to stdout in place of the table", 0 },
	{ "force", KEY_FORCE, NULL, 0, "Write over the block device", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case KEY_RUN:
		o->run = arg;
		return 0;
	case 's':
		if (!text_time(arg, 1000000000, &o->seconds_ns) && o->seconds_ns)
			return 0;
		cmd_error("floor", "--seconds: expected a time above 0 such as 2 or 500ms, not `%.60s`", arg);
		return EINVAL;
	case 'j':
		o->json = arg;
		return 0;
	case KEY_FORCE:
		o->force = true;
		return 0;
	case ARGP_KEY_ARG:
		if (!o->where) {
			o->where = arg;
			return 0;
		}
		cmd_error("floor", "%.100s: one folder or device at a time is expected", arg);
		return EINVAL;
	case ARGP_KEY_END:
		if (o->where)
			return 0;
		cmd_error("floor", "expected a folder, a block device or a device's spec such as ram:64m");
		return EINVAL;
	}
	return ARGP_ERR_UNKNOWN;
}

/* ---- shapes ---- */

/*
 * Where the device was larger than what is written over here: the distance between writes is kept, up to a fold.
 * The first block of a file of ours is its mark.
 */
static void fold(struct tape *t, uint64_t size)
{
	for (uint32_t i = 0; i < t->n; i++)
		t->event[i].off = (1 + t->event[i].off / DEV_BLOCK % ((size - REACH) / DEV_BLOCK - 1)) * DEV_BLOCK;
}

static int load_shapes(const struct options *o, struct floor_run *f)
{
	char path[PATH_MAX];
	struct why why;
	json_t *all, *one, *list;
	json_error_t e;
	int ret = 0;
	size_t i;

	snprintf(path, sizeof(path), "%.3000s/shape.json", o->run);
	all = json_load_file(path, 0, &e);
	if (!all)
		return cmd_error("floor", "--run: %.300s: %.200s (a bench of a design keeps it)", path, e.text);
	list = json_object_get(all, "shapes");
	json_array_foreach(list, i, one) {
		if (i == SHAPES_MAX)
			break;
		ret = shape_from_json(one, &f->shape[i], &why);
		if (ret)
			break;
		fold(&f->shape[i].tape, REPLAYED);
		f->nshapes++;
	}
	if (ret || !f->nshapes)
		ret = cmd_error("floor", "--run: %.300s: %s", path, ret ? why.text : "no shapes are in it");
	json_decref(all);
	return ret;
}

static struct player *new_player(const struct floor *f, const struct tape *t)
{
	char path[64];

	if (f->dev)
		return player_on_dev(f->dev, t);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", f->fd);
	return player_on_file(path, f->direct, t);
}

static int play(struct floor_run *f, struct measured *m, uint64_t length_ns)
{
	uint64_t begin = rt_now(), at_ns;
	struct player *p = new_player(&f->floor, &m->shape->tape);
	uint32_t at = 0;
	int ret = 0;

	if (!p)
		return -errno;
	while (!ret && !stop_asked() && rt_now() - begin < length_ns) {
		at_ns = rt_now();
		ret = player_play(p, &at);
		if (!ret)
			hist_add(&m->hist, rt_now() - at_ns);
		else if (ret == -ENODATA)
			ret = at = 0;
	}
	player_free(p);
	return ret;
}

/* ---- the rows ---- */

static void add_row(struct floor_run *f, uint32_t bytes, struct shape *s)
{
	struct measured *m = &f->row[f->nrows++];

	m->bytes = bytes;
	m->shape = s;
	hist_init(&m->hist);
	if (s)
		snprintf(m->name, sizeof(m->name), "the I/O of %s", s->label);
	else
		snprintf(m->name, sizeof(m->name), "%u KiB in one write, flush", bytes / 1024);
}

/* They take turns, so that what drifts in the machine is in all. */
static int measure(struct floor_run *f, uint64_t length_ns)
{
	struct load load;
	int ret = 0;

	load_begin(&load);
	for (unsigned round = 0; round < ROUNDS && !ret; round++)
		for (unsigned i = 0; i < f->nrows && !ret; i++) {
			struct measured *m = &f->row[round % 2 ? f->nrows - 1 - i : i];

			ret = m->bytes ? floor_write_flush(&f->floor, m->bytes, length_ns / ROUNDS, &m->hist)
				       : play(f, m, length_ns / ROUNDS);
		}
	f->others = load_of_others(&load);
	return ret;
}

/* A row whose turn did not come is not 0. */
static void put_figure(struct screen_table *t, const struct hist *h, double percentile)
{
	if (h->n)
		screen_cell(t, "%.1f", (double)hist_percentile(h, percentile) / 1e3);
	else
		screen_cell(t, "-");
}

static bool has_shapes(const struct floor_run *f)
{
	return f->nshapes > 0;
}

static void print_table(const struct floor_run *f)
{
	static const char *const name[] = { "p50", "p99", "p99.9", "x floor", "the run's" };
	double floor = (double)hist_percentile(&f->row[0].hist, 50);
	struct screen_table *t = screen_table(1);

	screen_column(t, "us", true);
	for (unsigned i = 0; i < (has_shapes(f) ? 5u : 4u); i++)
		screen_column(t, name[i], false);
	for (unsigned i = 0; i < f->nrows; i++) {
		const struct measured *m = &f->row[i];

		screen_cell(t, "%s", m->name);
		put_figure(t, &m->hist, 50);
		put_figure(t, &m->hist, 99);
		put_figure(t, &m->hist, 99.9);
		if (m->hist.n && floor > 0 && (double)hist_percentile(&m->hist, 50) >= floor) /* below 1 is no figure */
			screen_cell(t, "%.2f", (double)hist_percentile(&m->hist, 50) / floor);
		else
			screen_cell(t, "-");
		if (m->shape && m->shape->p50_ns > 0)
			screen_cell(t, "%.1f", m->shape->p50_ns / 1e3);
		else if (has_shapes(f))
			screen_cell(t, "-");
	}
	screen_table_print(t, stdout);
	screen_table_free(t);
}

static bool is_of_the_machine(const struct floor_run *f, char *out, unsigned size)
{
	if (!load_makes(hist_percentile(&f->row[0].hist, 50), load_tick_ns(), f->others))
		return false;
	load_say(load_tick_ns(), out, size);
	return true;
}

static void print_rows(const struct options *o, const struct floor_run *f)
{
	char machine[512], tick[200];

	env_line(machine, sizeof(machine));
	screen_sayf(stdout, "", "the floor of %s%s", o->where,
	            f->floor.dev || f->floor.direct ? "" : " (through the page cache: O_DIRECT is refused)");
	screen_say(stdout, "  ", machine);
	printf("\n");
	print_table(f);
	printf("\n");
	screen_sayf(stdout, "", "one task, nothing else; x floor: against the first row%s", !has_shapes(f) ? "" :
	            "; the run's: p50 of a write with its sync when it was measured, then and there");
	if (is_of_the_machine(f, tick, sizeof(tick)))
		screen_sayf(stdout, "notice: ", "the first row is %s", tick);
	if (stop_asked())
		printf("notice: interrupted; this is what was measured until then\n");
	if (f->floor.dev && f->floor.dev->notice[0])
		screen_say(stdout, "notice: ", f->floor.dev->notice);
}

static json_t *rows_json(const struct options *o, const struct floor_run *f)
{
	json_t *rows = json_array(), *all;
	char path[PATH_MAX], tick[200];

	for (unsigned i = 0; i < f->nrows; i++) {
		const struct hist *h = &f->row[i].hist;

		json_array_append_new(rows, json_pack("{s:s,s:I,s:I,s:I,s:I}", "name", f->row[i].name, "n",
		                                      (json_int_t)h->n, "p50_ns", (json_int_t)hist_percentile(h, 50),
		                                      "p99_ns", (json_int_t)hist_percentile(h, 99), "p999_ns",
		                                      (json_int_t)hist_percentile(h, 99.9)));
	}
	all = json_pack("{s:s,s:i,s:s,s:b,s:o,s:o}", "schema", "fsyncstorm-floor", "schema_version", 1, "where",
	                o->where, "interrupted", stop_asked(), "machine", env_machine(), "rows", rows);
	snprintf(path, sizeof(path), "%s", o->where);
	if (f->floor.dev) {
		disk_spec_path(o->where, path, sizeof(path));
		json_object_set_new(all, "notice", json_string(f->floor.dev->notice));
	} else {
		json_object_set_new(all, "direct", json_boolean(f->floor.direct));
	}
	if (path[0])
		json_object_set_new(all, "backing", env_backing(path));
	if (is_of_the_machine(f, tick, sizeof(tick)))
		json_object_set_new(all, "of_the_machine", json_string(tick));
	return all;
}

static int put_out(const struct options *o, const struct floor_run *f)
{
	bool to_stdout = o->json && !strcmp(o->json, "-");
	struct why why;
	json_t *all;
	int ret = 0;

	if (!to_stdout)
		print_rows(o, f);
	if (!o->json)
		return 0;
	all = rows_json(o, f);
	if (to_stdout) {
		json_dumpf(all, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER);
		putchar('\n');
	} else if (results_json_file(o->json, all, &why)) {
		ret = cmd_error("floor", "--json: %s", why.text);
	}
	json_decref(all);
	return ret;
}

static int open_floor(const struct options *o, struct floor *f, struct why *why)
{
	if (dev_is_spec(o->where))
		return floor_open_spec(f, o->where, o->run ? REPLAYED : 0, o->force, why);
	return floor_open(f, o->where, o->run ? REPLAYED : FLOOR_SIZE, o->force, why);
}

static int run(const struct options *o, struct floor_run *f)
{
	struct why why;
	int ret = o->run ? load_shapes(o, f) : 0;

	if (ret)
		return ret;
	if (o->json && strcmp(o->json, "-") && results_json_check(o->json, &why))
		return cmd_error("floor", "--json: %s", why.text);
	ret = open_floor(o, &f->floor, &why);
	if (ret) {
		ret = cmd_error("floor", "%s", stop_asked() ? "interrupted before anything was measured" : why.text);
		return interrupted() ? interrupted() : ret;
	}
	add_row(f, 4096, NULL);
	add_row(f, 20480, NULL);
	for (unsigned i = 0; i < f->nshapes; i++)
		add_row(f, 0, &f->shape[i]);
	ret = measure(f, o->seconds_ns);
	if (ret)
		ret = cmd_error("floor", "%.200s: %s", o->where, strerror(-ret));
	else if (!f->row[0].hist.n)
		ret = cmd_error("floor", "interrupted before anything was measured");
	else
		ret = put_out(o, f);
	floor_close(&f->floor);
	return interrupted() ? interrupted() : ret;
}

int cmd_floor(int argc, char **argv)
{
	static const struct argp argp = {
		.options = table, .parser = parse, .args_doc = "DIR|DEVICE|SPEC",
		.doc = "The least that an fsync can cost there: a write and a flush with nothing in the way, and the "
		       "I/O of a run played again.",
	};
	struct options o = { .seconds_ns = 1000000000 };
	struct floor_run *f = mem_zalloc(sizeof(*f));
	int ret = cmd_options(&argp, argc, argv, &o);

	f->shape = mem_zalloc(sizeof(*f->shape) * SHAPES_MAX);
	watch_interrupts();
	if (!ret)
		ret = run(&o, f);
	for (unsigned i = 0; i < f->nshapes; i++)
		shape_free(&f->shape[i]);
	free(f->shape);
	free(f);
	return ret;
}
