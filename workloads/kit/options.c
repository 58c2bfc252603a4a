/* options.c: see options.h. */
#include "kit/options.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/screen.h"
#include "base/text.h"
#include "machine/place.h"

#undef cmd_error

#define NARROWEST 40 /* less than this argp has no room for */

int cmd_error(const char *name, const char *fmt, ...)
{
	char line[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	/* One line, whatever a user's text had in it. */
	for (char *p = line; *p; p++)
		if (*p == '\n' || *p == '\r')
			*p = ' ';
	fprintf(stderr, "fsyncstorm%s%s: %s\n", name ? " " : "", name ? name : "", line);
	return CMD_ERROR;
}

static const struct argp_option own_options[] = {
	{ "help", '?', NULL, 0, NULL, 0 },
	{ "usage", 0x1000, NULL, 0, NULL, 0 },
	{ 0 },
};

static bool is_end(const struct argp_option *o)
{
	return !o->name && !o->key && !o->doc;
}

/* The option of that name, or the only one that begins so. */
static const struct argp_option *find_long(const struct argp_option *table, const char *name, size_t len)
{
	const struct argp_option *found = NULL;

	for (const struct argp_option *o = table; o && !is_end(o); o++) {
		if (!o->name || strncmp(o->name, name, len))
			continue;
		if (!o->name[len])
			return o;
		if (found)
			return NULL;
		found = o;
	}
	return found;
}

static const struct argp_option *find_short(const struct argp_option *table, int key)
{
	for (const struct argp_option *o = table; o && !is_end(o); o++)
		if (o->key == key)
			return o;
	return NULL;
}

static int unknown_option(const char *cmd, const struct argp *argp, const char *name, int len)
{
	char word[64], hint[80] = "";
	const char *near;
	size_t n = 0;

	snprintf(word, sizeof(word), "%.*s", len, name);
	while (!is_end(&argp->options[n]))
		n++;
	near = text_nearest(word, argp->options, n, sizeof(argp->options[0]));
	if (near)
		snprintf(hint, sizeof(hint), "; did you mean --%s?", near);
	return cmd_error(cmd, "--%s: not a known option%s", word, hint);
}

/* Checks argv[*i], and moves *i on to its value if that stands apart. */
static int check_long(const char *cmd, const struct argp *argp, int argc, char **argv, int *i)
{
	const char *name = argv[*i] + 2;
	size_t len = strcspn(name, "=");
	const struct argp_option *o = find_long(argp->options, name, len);

	if (!o)
		o = find_long(own_options, name, len);
	if (!o)
		return unknown_option(cmd, argp, name, (int)len);
	if (!o->arg && name[len] == '=')
		return cmd_error(cmd, "--%s: takes no value", o->name);
	if (o->arg && name[len] != '=' && ++*i >= argc)
		return cmd_error(cmd, "--%s: needs a value: %s", o->name, o->arg);
	return 0;
}

static int check_short(const char *cmd, const struct argp *argp, int argc, char **argv, int *i)
{
	if (!strcmp(argv[*i], "-h")) { /* no command has it for anything else */
		argv[*i] = "--help";
		return 0;
	}
	for (const char *p = argv[*i] + 1; *p; p++) {
		const struct argp_option *o = find_short(argp->options, *p);

		if (!o)
			o = find_short(own_options, *p);
		if (!o)
			return cmd_error(cmd, "-%c: not a known option; `fsyncstorm %s --help` lists them", *p, cmd);
		if (!o->arg)
			continue;
		if (!p[1] && ++*i >= argc)
			return cmd_error(cmd, "-%c: needs a value: %s", *p, o->arg);
		return 0;
	}
	return 0;
}

/*
 * A topology that is made up by mistake must not be taken for this machine. The topology is loaded here only if one is
 * made up: that takes its time.
 */
static int check_topology(const char *cmd)
{
	const char *synthetic = getenv("HWLOC_SYNTHETIC");

	if (!synthetic || place_init() != -EINVAL)
		return 0;
	return cmd_error(cmd, "HWLOC_SYNTHETIC: `%.100s` is not a topology that hwloc knows; expected such as "
	                 "`node:2 core:4 pu:2`", synthetic);
}

/* --help keeps to the screen; lines of more than a hundred letters are hard to read on a wider one, too. */
static void fit_help(void)
{
	unsigned width = screen_width(stdout);
	char format[64];

	if (width < NARROWEST)
		return;
	snprintf(format, sizeof(format), "rmargin=%u%s", width > 100 ? 100 : width - 1,
	         width < 80 ? ",short-opt-col=1,long-opt-col=5,opt-doc-col=21" : "");
	setenv("ARGP_HELP_FMT", format, 0);
}

int cmd_options(const struct argp *argp, int argc, char **argv, void *input)
{
	const char *space = strchr(argv[0], ' ');
	const char *cmd = space ? space + 1 : argv[0];
	int ret = 0;

	for (int i = 1; i < argc && !ret && strcmp(argv[i], "--"); i++) {
		if (!strncmp(argv[i], "--", 2))
			ret = check_long(cmd, argp, argc, argv, &i);
		else if (argv[i][0] == '-' && argv[i][1])
			ret = check_short(cmd, argp, argc, argv, &i);
	}
	if (ret)
		return ret;
	fit_help();
	return argp_parse(argp, argc, argv, 0, NULL, input) ? CMD_ERROR : check_topology(cmd);
}
