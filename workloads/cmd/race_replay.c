/*
 * race_replay.c: `fsyncstorm race replay`: runs a recorded schedule again, strictly, crashes where it
 * was crashed, and shows it. A run that leaves the schedule, or is not the recorded one event by event, is refused
 * with what was expected and what was there; --tolerant goes on.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/race.h"
#include "cmd/race_show.h"
#include "hunt/judge.h"
#include "hunt/rescue.h"
#include "hunt/run.h"
#include "hunt/schedule_file.h"
#include "race/registry.h"
#include "story/explain.h"
#include "story/timeline.h"

struct replay_options {
	const char *path;
	struct show_files files;
	bool all_lines, tolerant;
	FILE *text; /* stderr, when the JSON goes to standard output */
};

enum { KEY_TOLERANT = 0x100, KEY_SVG, KEY_HTML };

static error_t parse_replay(int key, char *arg, struct argp_state *state)
{
	struct replay_options *o = state->input;

	switch (key) {
	case 'A':
		o->all_lines = true;
		return 0;
	case KEY_TOLERANT:
		o->tolerant = true;
		return 0;
	case 'j':
		o->files.json = arg;
		return 0;
	case KEY_SVG:
		o->files.svg = arg;
		return 0;
	case KEY_HTML:
		o->files.html = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (o->path) {
			cmd_error("race replay", "%.60s: one schedule is expected", arg);
			return EINVAL;
		}
		o->path = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* The schedule was recorded from another program: says where the run left it. */
static int diverged(struct hunt *h, const struct violation *want, const char *path)
{
	char where[900];

	explain_divergence(h, want, where, sizeof(where));
	return cmd_error("race replay", "%.100s: it does not fit this program: %s (--tolerant goes on all the same)",
	                 path, where);
}

/* Runs the schedule again, as it is; *got: how it fails now. */
static int replay_strictly(struct hunt *h, const struct violation *want, const char *path, struct violation *got)
{
	uint64_t recorded = want->run.trace_hash;
	struct why why;

	hunt_again(h, want, true);
	if (h->result.end == COOP_DIVERGED)
		return diverged(h, want, path);
	if (recorded && h->result.trace_hash != recorded)
		return cmd_error(
			"race replay",
			"%.100s: it fits, but is another run: its trace is %016lx, recorded was %016lx (--tolerant "
			"goes on all the same)",
			path, (unsigned long)h->result.trace_hash, (unsigned long)recorded);
	if (want->kind == VIOLATION_PROMISE && hunt_crash_check(h, &want->crash, &why))
		return cmd_error("race replay",
		                 "%.100s: it fits, but not its crash %u of %u: %s (--tolerant judges every crash)",
		                 path, want->crash.pos, want->crash.npending, why.text);
	if (want->kind == VIOLATION_PROMISE)
		hunt_judge_crash(h, &want->crash, got);
	else
		hunt_judge(h, got);
	return 0;
}

static int show(struct hunt *h, const struct replay_options *o, struct violation *got)
{
	fprintf(o->text, "race %s, design %s: it breaks as recorded\n\n", h->race->name, h->design->name);
	if (!show_violation(h, got, o->all_lines, o->text))
		return cmd_error("race replay", "%.100s: the run cannot be repeated", o->path);
	if (show_files("race replay", h, got, &o->files))
		return CMD_ERROR;
	fprintf(o->text, "\nfsyncstorm race replay %s%s\n", o->tolerant ? "--tolerant " : "", o->path);
	return 1;
}

/* The file is of a run that holds: it is shown as well, to be laid beside the one that fails. */
static int show_holding(struct hunt *h, const struct replay_options *o, const struct violation *want,
                        const struct violation *got)
{
	fprintf(o->text, "race %s, design %s: it %s%s\n\n", h->race->name, h->design->name,
	        got->kind ? "was to hold, and breaks: " : "holds, as recorded", got->kind ? got->text : "");
	const struct violation *is = got->kind ? got : want;
	if (!timeline_print(h, is, o->all_lines, o->text))
		return cmd_error("race replay", "%.100s: the run cannot be repeated", o->path);
	if (show_files("race replay", h, is, &o->files))
		return CMD_ERROR;
	fprintf(o->text, "\nfsyncstorm race replay %s%s\n", o->tolerant ? "--tolerant " : "", o->path);
	return got->kind != VIOLATION_NONE;
}

static int replay_file(const struct replay_options *o, const struct race *race, const struct design *design,
                       const struct violation *want)
{
	struct violation got;
	struct hunt *h;
	struct why why;
	int ret = 0;

	if (hunt_open(race, design, &h, &why))
		return cmd_error("race replay", "%s", why.text);
	hunt_as_found(h, want);
	violation_init(&got);
	hunt_rescue(h, NULL);
	if (o->tolerant || want->kind == VIOLATION_CHECK) { /* the schedule ends where the CHECK failed */
		hunt_again(h, want, false);
		hunt_judge(h, &got); /* every crash: the recorded one may be another by now */
	} else {
		ret = replay_strictly(h, want, o->path, &got);
	}
	if (!ret && want->kind == VIOLATION_NONE)
		ret = show_holding(h, o, want, &got);
	else if (!ret && violation_same(&got, want))
		ret = show(h, o, &got);
	else if (!ret)
		fprintf(o->text, "race %s, design %s: it does not break any more%s%s\n", race->name, design->name,
		        got.kind ? " as recorded; now: " : "", got.kind ? got.text : "");
	hunt_rescue(NULL, NULL);
	violation_fini(&got);
	hunt_close(h);
	return ret;
}

int cmd_race_replay(int argc, char **argv)
{
	static const struct argp_option table[] = {
		{ "all-lines", 'A', NULL, 0, "A time line with nothing folded", 0 },
		{ "tolerant", KEY_TOLERANT, NULL, 0,
		  "Skip decisions that do not fit, and judge every crash: for a program that has changed", 0 },
		{ "json", 'j', "FILE|-", 0, "The story as JSON, too; \"-\": to standard output, and nothing else there",
		  0 },
		{ "svg", KEY_SVG, "FILE", 0, "The time line as a picture, too (drawn by Python)", 0 },
		{ "html", KEY_HTML, "FILE", 0, "All of it as a page, too (drawn by Python)", 0 },
		{ 0 },
	};
	static const struct argp argp = {
		table,
		parse_replay,
		"FILE",
		"Runs a recorded schedule again, crashes where it was crashed, and shows it.\v"
		"Exit status 1 when it breaks as recorded, 0 when it does not any more, or was recorded as one that "
		"holds.",
		NULL,
		NULL,
		NULL
	};
	struct replay_options o = { 0 };
	const struct race *race = NULL;
	const struct design *design = NULL;
	struct violation v;
	struct why why;

	int ret = cmd_options(&argp, argc, argv, &o);
	if (ret)
		return ret;
	if (!o.path)
		return cmd_error("race replay",
		                 "which schedule? a file that `fsyncstorm race hunt` has written is expected");
	if (show_files_check("race replay", &o.files))
		return CMD_ERROR;
	o.text = o.files.json && !strcmp(o.files.json, "-") ? stderr : stdout;
	ret = schedule_file_read(o.path, o.tolerant, &race_registry, &race, &design, &v, &why) ?
	              cmd_error("race replay", "%s", why.text) :
	              replay_file(&o, race, design, &v);
	violation_fini(&v);
	return ret;
}
