/*
 * cut_finding.c: what is done with a crash that was found: `fsyncstorm cut replay`, `cut shrink`, `cut export`.
 */
#include "cmd/cut_finding.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/replace.h"
#include "cmd/cmd.h"
#include "cut/dmlog.h"
#include "cut/finding.h"

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

static int take_folder(const char *cmd, int argc, char **argv, const char **out)
{
	if (argc != 2 || argv[1][0] == '-')
		return cmd_error(cmd, "the folder of one finding is expected");
	*out = argv[1];
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
	struct verdict v;
	struct saved_cut c;
	struct evidence e;
	const char *folder = "";
	struct why why;
	int ret = take_folder("cut replay", argc, argv, &folder);

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

static int rewrite_story(struct evidence *e, const struct saved_cut *c, const char *folder)
{
	char path[FINDING_PATH + 16];
	struct verdict v;
	struct replace r;
	struct why why;
	int ret = finding_judge(e, c, true, &v, &why);

	if (ret)
		return ret;
	snprintf(path, sizeof(path), "%s/story.txt", folder);
	ret = replace_begin(&r, path);
	if (ret)
		return ret;
	finding_tell(e, c, &v, r.out);
	finding_tell(e, c, &v, stdout);
	return replace_end(&r, true);
}

int cut_shrink(int argc, char **argv)
{
	struct saved_cut c;
	struct evidence e;
	const char *folder = "";
	unsigned tried;
	struct why why;
	int ret = take_folder("cut shrink", argc, argv, &folder);

	if (!ret)
		ret = load_finding("cut shrink", folder, &e, &c);
	if (ret)
		return ret;
	ret = finding_shrink(&e, &c, &tried, &why);
	if (!ret)
		ret = saved_cut_save(folder, &c, &why);
	if (ret)
		ret = cmd_error("cut shrink", "%.300s: %s", folder, why.text);
	else if (rewrite_story(&e, &c, folder))
		ret = cmd_error("cut shrink", "%.300s: its story cannot be written", folder);
	else
		printf("%u states were judged\n", tried);
	saved_cut_free(&c);
	evidence_free(&e);
	return ret;
}

int cut_export(int argc, char **argv)
{
	char path[FINDING_PATH];
	struct saved_cut c;
	struct evidence e;
	struct why why;

	if (argc != 3 || argv[1][0] == '-')
		return cmd_error("cut export", "the folder of one finding and a file to write are expected");
	if (strlen(argv[1]) + 32 > sizeof(path))
		return cmd_error("cut export", "%.60s...: the path is too long", argv[1]);
	if (saved_cut_load(argv[1], &c, &why))
		return cmd_error("cut export", "%s", why.text);
	snprintf(path, sizeof(path), "%s/log.zst", argv[1]);
	int ret = evidence_load(path, &e, &why);
	if (!ret) {
		ret = dmlog_export(&e, &c, argv[2], &why);
		evidence_free(&e);
	}
	saved_cut_free(&c);
	return ret ? cmd_error("cut export", "%s", why.text) : 0;
}
