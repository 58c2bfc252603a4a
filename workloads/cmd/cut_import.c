/*
 * cut_import.c: `fsyncstorm cut import`: a log that dm-log-writes has written, on any machine, as records that `cut
 * judge` judges.
 */
#include "cmd/cut_import.h"

#include <errno.h>
#include <stdio.h>

#include "base/screen.h"
#include "base/stop.h"
#include "cmd/cmd.h"
#include "cut/dmlog.h"
#include "kit/interrupt.h"

#define CMD "cut import"

enum { KEY_FROM = 0x1001, KEY_TO, KEY_DEVICE };

struct options {
	struct dmlog_part part;
	const char *folder;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case KEY_DEVICE:
		o->part.device = arg;
		return 0;
	case 't':
		o->part.target = arg;
		return 0;
	case KEY_FROM:
		o->part.from = arg;
		return 0;
	case KEY_TO:
		o->part.to = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (o->folder) {
			cmd_error(CMD, "a log and a folder to make are expected");
			return EINVAL;
		}
		*(o->part.log ? &o->folder : &o->part.log) = arg;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp_option table[] = {
	{ "device", KEY_DEVICE, "IMAGE", 0, "The content of the device as it was when the log began: a file, or a "
	  "block device, which is only read", 0 },
	{ "target", 't', "FS", 0, "fs:ext4, fs:xfs or fs:btrfs, with ,mount=OPTIONS (default: what lies on the device)",
	  0 },
	{ "from", KEY_FROM, "MARK", 0, "What comes before this mark is content: no crash in it is judged, as in mkfs",
	  0 },
	{ "to", KEY_TO, "MARK", 0, "What comes after this mark is left out", 0 },
	{ 0 },
};

static void tell(const struct options *o, const struct dmlog_counts *c)
{
	printf("%s: %lu writes, %lu flushes, %lu discards, %lu marks over %s\n", o->part.log, (unsigned long)c->writes,
	       (unsigned long)c->flushes, (unsigned long)c->discards, (unsigned long)c->marks, c->target);
	screen_sayf(stdout, "  judged can be: ", "after any cut it mounts, every name and byte can be read, its "
	            "checker and a second mount agree, and the kernel logs no error; and the promises of %lu marks "
	            "(holds:PATH:XXH64).", (unsigned long)c->promises);
	screen_say(stdout, "  judged cannot be: ", "what any call had promised, for such a log tells of none; and "
	           "crashes with a write on the disk that was in flight beside a flush, for it does not tell when a "
	           "write began.");
	if (c->discards)
		screen_say(stdout, "  note: ", "a discard is taken for a write of zeros.");
	printf("%u rounds are in %s\njudge them: fsyncstorm cut judge %s\n", c->rounds, o->folder, o->folder);
}

int cut_import(int argc, char **argv)
{
	static const struct argp argp = { table, parse, "LOG DIR",
		                          "Makes records of a log that the kernel's dm-log-writes has written, on any "
		                          "machine, for `fsyncstorm cut judge DIR`. A mark `holds:PATH:XXH64` promises "
		                          "that the file has that content (as xxh64sum prints it) until the next mark "
		                          "that promises nothing, or names the same file.", NULL, NULL, NULL };
	struct dmlog_counts counts;
	struct options o = { .folder = NULL };
	struct why why;
	int ret = cmd_options(&argp, argc, argv, &o);

	if (ret)
		return ret;
	if (!o.folder)
		return cmd_error(CMD, "a log and a folder to make are expected");
	if (!o.part.device)
		return cmd_error(CMD, "--device: the content of the device as it was when the log began is expected");
	stop_searches_at_interrupt();
	if (dmlog_import(&o.part, o.folder, &counts, &why))
		return cmd_error(CMD, "%s", why.text);
	tell(&o, &counts);
	return 0;
}
