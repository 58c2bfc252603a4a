/*
 * figures.c: measures figures, prints each beside its bound, and counts what is missed. See figures.h.
 */
#include "figures/figures.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/stop.h"
#include "kit/options.h"
#include "bench/driver.h"
#include "recipe/env.h"
#include "recipe/results.h"
#include "machine/mem.h"
#include "base/text.h"

#define CHILD_KEY 0x1001

struct options {
	const struct self_suite *suite;
	const char *json, *dir;
	bool only[SELF_GROUPS_MAX], any;
	bool child;
};

/* ---- reporting ---- */

bool self_holds(double value, enum self_bound kind, double bound)
{
	switch (kind) {
	case AT_MOST:
		return value <= bound;
	case AT_LEAST:
		return value >= bound;
	default:
		return fabs(value - bound) <= 0.15 * bound;
	}
}

static void print_figure(const struct self_figure *f)
{
	static const char *const sign[] = { [AT_MOST] = "<=", [AT_LEAST] = ">=", [NEAR] = "~" };
	char value[40], bound[60];

	snprintf(value, sizeof(value), "%.*f %s", fabs(f->value) >= 100 ? 0 : 3, f->value, f->unit);
	snprintf(bound, sizeof(bound), "%s %g %s", sign[f->kind], f->bound, f->unit);
	if (f->why[0])
		printf("%-34s %-16s %-20s missed: %s\n", f->name, "not measured", "", f->why);
	else
		printf("%-34s %-16s %-20s %s\n", f->name, value, bound, f->holds ? "holds" : "missed");
	fflush(stdout);
}

static struct self_figure *next_figure(struct self *s, const char *name)
{
	struct self_figure *f = &s->figure[s->nfigures];

	if (s->nfigures == SELF_FIGURES_MAX)
		abort();
	s->nfigures++;
	snprintf(f->name, sizeof(f->name), "%s", name);
	return f;
}

void self_figure(struct self *s, const char *name, double value, enum self_bound kind, double bound, const char *unit)
{
	struct self_figure *f = next_figure(s, name);

	f->unit = unit;
	f->value = value;
	f->bound = bound;
	f->kind = kind;
	f->holds = self_holds(value, kind, bound);
	s->missed += !f->holds;
	print_figure(f);
}

void self_missing(struct self *s, const char *name, const char *fmt, ...)
{
	struct self_figure *f = next_figure(s, name);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f->why, sizeof(f->why), fmt, ap);
	va_end(ap);
	f->unit = "";
	s->missed++;
	print_figure(f);
}

void self_info(struct self *s, const char *fmt, ...)
{
	char line[WHY_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (s->ninfo < SELF_INFO_MAX)
		memcpy(s->info[s->ninfo++], line, sizeof(line));
	printf("info  %s\n", line);
	fflush(stdout);
}

/* ---- as JSON ---- */

static json_t *figure_json(const struct self_figure *f)
{
	static const char *const kind[] = { [AT_MOST] = "at most", [AT_LEAST] = "at least", [NEAR] = "within 15 %" };

	if (f->why[0])
		return json_pack("{s:s, s:b, s:s}", "name", f->name, "holds", 0, "not_measured", f->why);
	return json_pack("{s:s, s:f, s:s, s:s, s:f, s:b}", "name", f->name, "value", f->value, "unit", f->unit, "kind",
	                 kind[f->kind], "bound", f->bound, "holds", f->holds);
}

static json_t *all_json(const struct self *s)
{
	json_t *figures = json_array(), *info = json_array();

	for (unsigned i = 0; i < s->nfigures; i++)
		json_array_append_new(figures, figure_json(&s->figure[i]));
	for (unsigned i = 0; i < s->ninfo; i++)
		json_array_append_new(info, json_string(s->info[i]));
	return json_pack("{s:s, s:o, s:o, s:o, s:i}", "commit", env_commit(), "machine", env_machine(), "figures",
	                 figures, "info", info, "missed", (int)s->missed);
}

/* ---- options ---- */

static const struct argp_option options[] = {
	{ "only", 'o', "NAME", 0, "only this group of figures; may be given again", 0 },
	{ "json", 'j', "FILE", 0, "the figures as JSON, too", 0 },
	{ "dir", 'd', "DIR", 0, "where device files are made and removed (default: the current folder)", 0 },
	{ "child", CHILD_KEY, NULL, OPTION_HIDDEN, NULL, 0 },
	{ 0 },
};

static int add_only(struct options *o, const char *name)
{
	const struct self_group *g = o->suite->group;
	const char *names[SELF_GROUPS_MAX];
	char hint[80];
	size_t n = 0;

	for (; g[n].name; n++) {
		names[n] = g[n].name;
		if (!strcmp(g[n].name, name)) {
			o->only[n] = o->any = true;
			return 0;
		}
	}
	cmd_error(o->suite->command, "--only: %.60s: no such figures%s", name,
	          text_did_you_mean(hint, sizeof(hint), text_nearest(name, names, n, sizeof(names[0]))));
	return EINVAL;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case 'o':
		return add_only(o, arg);
	case 'j':
		o->json = arg;
		return 0;
	case 'd':
		o->dir = arg;
		return 0;
	case CHILD_KEY:
		o->child = true;
		return 0;
	case ARGP_KEY_ARG:
		cmd_error(o->suite->command, "%s: no argument is expected", arg);
		return EINVAL;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static char *list_groups(int key, const char *text, void *input)
{
	char *out = NULL;
	size_t size;
	FILE *f;

	if (key != ARGP_KEY_HELP_POST_DOC)
		return (char *)text;
	f = open_memstream(&out, &size);
	if (!f)
		return (char *)text;
	fprintf(f, "Groups:\n");
	for (const struct self_group *g = ((const struct options *)input)->suite->group; g->name; g++)
		fprintf(f, "  %-12s %s%s\n", g->name, g->what, g->apart ? " (only when it is named)" : "");
	fclose(f);
	return out;
}

/* ---- the whole ---- */

static int run(const struct options *o)
{
	struct self *s = mem_zalloc(sizeof(*s));
	const char *bare = getenv("BARE_FSYNCSTORM");
	char machine[256];
	struct why why;
	int ret = 0;

	/* readlink() adds no zero, and needs none: there are zeros behind. */
	if (readlink("/proc/self/exe", s->program, sizeof(s->program) - 1) < 0)
		ret = cmd_error(o->suite->command, "cannot find this program: %s", strerror(errno));
	snprintf(s->bare, sizeof(s->bare), "%s", bare ? bare : "");
	if (!ret && o->json && results_json_check(o->json, &why))
		ret = cmd_error(o->suite->command, "--json: %s", why.text);
	if (!ret && access(o->dir, W_OK | X_OK))
		ret = cmd_error(o->suite->command, "--dir: %.200s: %s", o->dir, strerror(errno));
	if (ret)
		goto free_self;
	s->dir = o->dir;
	env_line(machine, sizeof(machine));
	printf("fsyncstorm %s on %s\n", env_commit(), machine);
	for (unsigned i = 0; o->suite->group[i].name; i++)
		if (o->any ? o->only[i] : !o->suite->group[i].apart)
			o->suite->group[i].run(s);
		else if (!o->any)
			self_info(s, "not run, since it takes long: --only %s", o->suite->group[i].name);
	printf("%u figures, %u missed\n", s->nfigures, s->missed);
	if (o->json) {
		json_t *all = all_json(s);
		if (results_json_file(o->json, all, &why))
			ret = cmd_error(o->suite->command, "--json: %s", why.text);
		json_decref(all);
	}
	if (!ret)
		ret = s->missed ? 1 : 0;
free_self:
	free(s);
	return ret;
}

/* ---- what it leaves behind: nothing ---- */

#define SCRATCH_MAX 16 /* names; each is used many times */

static char scratch[SCRATCH_MAX][PATH_MAX];
static unsigned nscratch;

void self_scratch_in(const char *dir, const char *name, char *out, size_t size)
{
	char path[PATH_MAX];
	unsigned i = 0;

	snprintf(path, sizeof(path), "%.3000s/%.80s", dir, name);
	while (i < nscratch && strcmp(scratch[i], path))
		i++;
	CHECK(i < SCRATCH_MAX);
	if (i == nscratch) {
		memcpy(scratch[i], path, sizeof(path));
		nscratch++; /* now the handler of signals sees it */
	}
	snprintf(out, size, "%s", path);
}

void self_scratch(const struct self *s, const char *name, char *out, size_t size)
{
	self_scratch_in(s->dir, name, out, size);
}

int self_scratch_text(const struct self *s, const char *name, const char *text, char *out, size_t size,
                      struct why *why)
{
	FILE *f;

	self_scratch(s, name, out, size);
	f = fopen(out, "we");
	if (!f)
		return why_set(why, -errno, "%s: %s", out, strerror(errno));
	fputs(text, f);
	return fclose(f) ? why_set(why, -errno, "%s: %s", out, strerror(errno)) : 0;
}

static void remove_scratch(void)
{
	for (unsigned i = 0; i < nscratch; i++)
		unlink(scratch[i]);
}

static volatile sig_atomic_t in_trial, stopped_by;

static void on_signal(int nr)
{
	stopped_by = nr;
	stop_ask();
	if (in_trial)
		return;
	remove_scratch();
	_exit(128 + nr);
}

void self_in_trial(bool on)
{
	in_trial = on;
	if (!on && stopped_by)
		exit(128 + stopped_by);
}

static void watch_signals(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE };
	const struct sigaction act = { .sa_handler = on_signal };

	for (unsigned i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &act, NULL);
	atexit(remove_scratch);
}

int self_main(const struct self_suite *suite, int argc, char **argv)
{
	const struct argp argp = { options, parse, NULL, suite->doc, NULL, list_groups, NULL };
	struct options o = { .suite = suite, .dir = "." };
	int ret = cmd_options(&argp, argc, argv, &o);

	if (ret)
		return ret;
	if (o.child && suite->child)
		return suite->child();
	watch_signals();
	return run(&o);
}
