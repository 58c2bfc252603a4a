/*
 * cut_finding.c: what is done with a crash that was found: `fsyncstorm cut replay`, `cut shrink`, `cut export`.
 */
#include "cmd/cut_finding.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/replace.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "cut/dmlog.h"
#include "cut/recorder.h"
#include "cut/smaller.h"
#include "kit/abandoned.h"
#include "kit/interrupt.h"
#include "kit/program.h"

static int load_finding(const char *cmd, const char *folder, struct evidence *e, struct saved_cut *c)
{
	char path[FINDING_PATH];
	struct why why;

	if (strlen(folder) + 32 > sizeof(path))
		return cmd_error(cmd, "%.60s...: the path is too long", folder);
	if (geteuid())
		return cmd_error(cmd, "mounting a file system needs root");
	if (saved_cut_load(folder, c, &why))
		return cmd_error(cmd, "%s", why.text);
	snprintf(path, sizeof(path), "%s/log.zst", folder);
	int ret = evidence_load(path, e, &why);
	if (!ret) {
		ret = evidence_open_slot(e, &why);
		if (ret)
			evidence_free(e);
	}
	if (ret) {
		saved_cut_free(c);
		return cmd_error(cmd, "%s", why.text);
	}
	return 0;
}

/* What the two commands that have no options are given. */
struct places {
	const char *path[3];
	unsigned n;
};

static const struct argp_option no_options[] = { { 0 } };

static error_t parse_places(int key, char *arg, struct argp_state *state)
{
	struct places *p = state->input;

	if (key != ARGP_KEY_ARG)
		return ARGP_ERR_UNKNOWN;
	if (p->n < 3)
		p->path[p->n++] = arg;
	return 0;
}

/* What was found was in the kernel's log. */
static bool needs_klog(const char *folder)
{
	char path[FINDING_PATH];

	snprintf(path, sizeof(path), "%s/kernel.log", folder);
	return !access(path, F_OK);
}

int cut_replay(int argc, char **argv)
{
	static const struct argp argp = { no_options, parse_places, "DIR",
		                          "Judges the crash of a finding again: the running kernel mounts its image. "
		                          "Exit status 1: something is broken.", NULL, NULL, NULL };
	struct places places = { .n = 0 };
	struct verdict v;
	struct saved_cut c;
	struct evidence e;
	struct why why;
	int ret = cmd_options(&argp, argc, argv, &places);
	const char *folder = places.path[0];

	if (!ret && places.n != 1)
		ret = cmd_error("cut replay", "the folder of one finding is expected");
	if (!ret)
		ret = load_finding("cut replay", folder, &e, &c);
	if (ret)
		return ret;
	if (finding_judge(&e, &c, true, &v, &why))
		ret = cmd_error("cut replay", "%.300s: %s", folder, why.text);
	else if (v.classes)
		finding_tell(&e, &c, &v, stdout);
	else if (needs_klog(folder) && !klog_is_there())
		ret = cmd_error("cut replay", "%.300s: the kernel had logged an error, and this kernel's log "
		                "(/dev/kmsg) cannot be read here", folder);
	else
		printf("On this kernel the image of this crash holds what was promised.\n");
	saved_cut_free(&c);
	evidence_free(&e);
	return ret ? ret : v.classes != 0;
}

/* ---- made simpler ---- */

#define SHRINK        "cut shrink"
#define TIME_NS       (120 * 1000000000ull) /* for programs, when nothing is said */
#define TRIES         12u
#define PATH_MOST     300u /* letters, beside which findings of findings have room */

enum { KEY_TIME = 0x1001, KEY_TRIES };

struct shrink_options {
	const char *folder;
	uint64_t time_ns, tries;
};

static error_t parse_shrink(int key, char *arg, struct argp_state *state)
{
	struct shrink_options *o = state->input;

	switch (key) {
	case KEY_TIME:
		if (!text_time(arg, 1000000000, &o->time_ns))
			return 0;
		cmd_error(SHRINK, "--time: `%.40s`: a time as 60s is expected", arg);
		return EINVAL;
	case KEY_TRIES:
		if (!text_number(arg, &o->tries) && o->tries && o->tries <= 10000)
			return 0;
		cmd_error(SHRINK, "--tries: `%.40s`: a number from 1 to 10000 is expected", arg);
		return EINVAL;
	case ARGP_KEY_ARG:
		if (o->folder) {
			cmd_error(SHRINK, "the folder of one finding is expected");
			return EINVAL;
		}
		o->folder = arg;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp_option shrink_table[] = {
	{ "time", KEY_TIME, "TIME", 0, "Smaller programs are looked for so long (default: 2m; 0: none are)", 0 },
	{ "tries", KEY_TRIES, "N", 0, "A program is run so many times before what it lacks is called needed "
	  "(default: 12)", 0 },
	{ 0 },
};

/* The mask and the position, where it lies. */
static int shrink_cut(const char *folder, struct evidence *e, struct saved_cut *c, struct verdict *v, unsigned *tried)
{
	char path[FINDING_PATH + 16];
	struct replace r;
	struct why why;
	int ret = finding_shrink(e, c, tried, &why);

	if (!ret)
		ret = saved_cut_save(folder, c, &why);
	if (!ret)
		ret = finding_judge(e, c, true, v, &why);
	if (ret)
		return cmd_error(SHRINK, "%.300s: %s", folder, why.text);
	snprintf(path, sizeof(path), "%s/story.txt", folder);
	if (replace_begin(&r, path))
		return cmd_error(SHRINK, "%.300s: its story cannot be written", folder);
	finding_tell(e, c, v, r.out);
	return replace_end(&r, true) ? cmd_error(SHRINK, "%.300s: its story cannot be written", folder) : 0;
}

/* The same of another folder. */
static int shrink_other(const char *folder, unsigned *tried)
{
	struct saved_cut c;
	struct evidence e;
	struct verdict v;
	unsigned more = 0;
	int ret = load_finding(SHRINK, folder, &e, &c);

	if (ret)
		return ret;
	ret = shrink_cut(folder, &e, &c, &v, &more);
	*tried += more;
	saved_cut_free(&c);
	evidence_free(&e);
	return ret;
}

static void tell_programs(const struct smaller *s)
{
	printf("%lu runs of %u programs, %lu states of them judged: ", (unsigned long)s->runs, s->programs,
	       (unsigned long)s->states);
	if (s->best[0])
		printf("%u lines of %u are left in the threads", s->lines, s->lines_before);
	else if (s->breaks_again)
		printf("none with fewer lines was seen to break");
	else
		printf("the program was not seen to break again, so all of it is left (--tries, --time)");
	printf("%s\n", s->cut_short ? "; there was no time for more" : "");
}

/* Smaller programs, in a folder beside it that is gone then; the smallest takes the finding's place. */
static int shrink_program(const struct shrink_options *o, const struct evidence *e, struct smaller *s,
                          unsigned *tried)
{
	char folder[FINDING_PATH], prefix[FINDING_PATH];
	struct why why;

	if (recorder_choose("auto", &why))
		return cmd_error(SHRINK, "%s", why.text);
	if (strlen(o->folder) > PATH_MOST)
		return cmd_error(SHRINK, "%.60s...: the path is too long; --time 0 leaves the program as it is",
		                 o->folder);
	snprintf(folder, sizeof(folder), "%s", o->folder);
	for (size_t n = strlen(folder); n && folder[n - 1] == '/';)
		folder[--n] = '\0';
	strcat(folder, ".smaller-");
	strcpy(prefix, strrchr(folder, '/') ? strrchr(folder, '/') + 1 : folder);
	strcat(folder, "XXXXXX");
	if (!mkdtemp(folder))
		return cmd_error(SHRINK, "%.300s: %s", folder, strerror(errno));
	int lock = abandoned_lock(folder);
	abandoned_tell(folder, prefix);
	int ret = smaller_find(e, folder, s, &why);
	if (ret)
		ret = cmd_error(SHRINK, "%s", why.text);
	else if (s->best[0])
		ret = shrink_other(s->best, tried);
	if (!ret && s->best[0] && renameat2(AT_FDCWD, s->best, AT_FDCWD, o->folder, RENAME_EXCHANGE))
		ret = cmd_error(SHRINK, "%.300s: %s", o->folder, strerror(errno));
	abandoned_remove(folder, lock);
	return ret;
}

static int print_file(const char *folder, const char *name)
{
	char path[FINDING_PATH + 16];
	int c;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *in = fopen(path, "r");
	if (!in)
		return cmd_error(SHRINK, "%.300s: %s", path, strerror(errno));
	while ((c = getc(in)) != EOF)
		putchar(c);
	fclose(in);
	return 0;
}

static int shrink_all(const struct shrink_options *o, struct evidence *e, struct saved_cut *c)
{
	struct smaller s = { .seconds = (double)o->time_ns / 1e9, .tries = (unsigned)o->tries, .seed = e->seed };
	struct verdict v;
	unsigned tried = 0;
	bool programs = e->program && o->time_ns;
	int ret = shrink_cut(o->folder, e, c, &v, &tried);

	if (!ret && programs) {
		s.class = finding_class(&v);
		ret = shrink_program(o, e, &s, &tried);
	}
	if (!ret)
		ret = print_file(o->folder, "story.txt");
	if (ret)
		return ret;
	printf("%u states were judged\n", tried);
	if (programs)
		tell_programs(&s);
	return 0;
}

int cut_shrink(int argc, char **argv)
{
	static const struct argp argp = { shrink_table, parse_shrink, "DIR",
		                          "Makes a finding simpler where it lies: fewer writes lost, an earlier cut, "
		                          "and then fewer threads and operations. A smaller program is run again and "
		                          "its crashes are judged, on this kernel; the smallest that broke takes the "
		                          "finding's place.", NULL, NULL, NULL };
	struct shrink_options o = { .time_ns = TIME_NS, .tries = TRIES };
	struct saved_cut c;
	struct evidence e;
	int ret = cmd_options(&argp, argc, argv, &o);

	if (!ret && !o.folder)
		ret = cmd_error(SHRINK, "the folder of one finding is expected");
	if (!ret)
		ret = load_finding(SHRINK, o.folder, &e, &c);
	if (ret)
		return ret;
	stop_searches_at_interrupt();
	ret = shrink_all(&o, &e, &c);
	saved_cut_free(&c);
	evidence_free(&e);
	return ret;
}

int cut_export(int argc, char **argv)
{
	static const struct argp argp = { no_options, parse_places, "DIR FILE",
		                          "Writes what led to the image of a finding as a log of dm-log-writes, for "
		                          "replay-log.", NULL, NULL, NULL };
	struct places places = { .n = 0 };
	char path[FINDING_PATH];
	struct saved_cut c;
	struct evidence e;
	struct why why;
	int ret = cmd_options(&argp, argc, argv, &places);
	const char *folder = places.path[0];

	if (ret)
		return ret;
	if (places.n != 2)
		return cmd_error("cut export", "the folder of one finding and a file to write are expected");
	if (strlen(folder) + 32 > sizeof(path))
		return cmd_error("cut export", "%.60s...: the path is too long", folder);
	if (saved_cut_load(folder, &c, &why))
		return cmd_error("cut export", "%s", why.text);
	snprintf(path, sizeof(path), "%s/log.zst", folder);
	ret = evidence_load(path, &e, &why);
	if (!ret) {
		ret = dmlog_export(&e, &c, places.path[1], &why);
		evidence_free(&e);
	}
	saved_cut_free(&c);
	return ret ? cmd_error("cut export", "%s", why.text) : 0;
}
