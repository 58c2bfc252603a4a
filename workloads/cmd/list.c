/*
 * list.c: `fsyncstorm list`: what there is to choose from: designs, target keys, devices, jobs, job
 * keys, races.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "dev/dev.h"
#include "fs/fs.h"
#include "job/job.h"
#include "race/registry.h"
#include "target/target.h"

enum form { AS_TEXT, AS_JSON, AS_MARKDOWN };

static error_t parse(int key, char *arg, struct argp_state *state)
{
	enum form *form = state->input;

	if (key == 'j' || key == 'm') {
		*form = key == 'j' ? AS_JSON : AS_MARKDOWN;
		return 0;
	}
	if (key == ARGP_KEY_ARG) {
		cmd_error("list", "%.100s: no argument is expected", arg);
		return EINVAL;
	}
	return ARGP_ERR_UNKNOWN;
}

/* The description of the first section that has one. */
static const char *description(const struct job_file *jf)
{
	for (unsigned i = 0; i < jf->n; i++)
		if (jf->job[i].description[0])
			return jf->job[i].description;
	return "";
}

static void list_job(const char *path, void *arg)
{
	json_t *list = arg;
	struct job_file jf;
	struct why why;
	const char *what = why.text;

	if (!job_load(path, &jf, &why))
		what = description(&jf);
	if (list)
		json_array_append_new(list, json_pack("{s:s,s:s,s:s}", "name", jf.name, "path", path, "what", what));
	else
		printf("  %-16s %s\n", jf.name, what);
	job_free(&jf);
}

static void list_text(void)
{
	char *race[] = { "fsyncstorm race", "list", NULL };
	const char *name, *what;

	printf("designs of fsync (bench --target DESIGN@DEVICE[,key=value...]):\n");
	for (unsigned i = 0; fs_designs[i]; i++)
		printf("  %-16s %s\n", fs_designs[i]->name, fs_designs[i]->what);
	printf("  %-16s %s\n", target_path.name, target_path.what);
	printf("  %-16s %s\n", target_fs.name, target_fs.what);
	printf("  %-16s %s\n", target_null.name, target_null.what);
	printf("\nkeys of a target:\n");
	for (unsigned i = 0; (name = target_key(i, &what)); i++)
		printf("  %-16s %s\n", name, what);
	printf("\ndevices:\n");
	dev_describe(stdout);
	printf("\njobs:\n");
	if (job_each(list_job, NULL) < 0)
		printf("  none found beside the program: was it copied without its share/fsyncstorm?\n");
	printf("\nkeys of a job file:\n");
	for (unsigned i = 0; (name = job_key(i, &what)); i++)
		printf("  %-16s %s\n", name, what);
	printf("\nraces:\n");
	fflush(stdout);
	cmd_race(2, race);
}

static json_t *designs_json(void)
{
	json_t *list = json_array();

	for (unsigned i = 0; fs_designs[i]; i++)
		json_array_append_new(list,
		                      json_pack("{s:s,s:s}", "name", fs_designs[i]->name, "what", fs_designs[i]->what));
	return list;
}

static json_t *keys_json(const char *(*key)(unsigned, const char **))
{
	json_t *list = json_array();
	const char *name, *what;

	for (unsigned i = 0; (name = key(i, &what)); i++)
		json_array_append_new(list, json_pack("{s:s,s:s}", "name", name, "what", what));
	return list;
}

/* One string a line of dev_describe(). */
static json_t *devices_json(void)
{
	json_t *list = json_array();
	char *text = NULL, *save;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return list;
	dev_describe(out);
	fclose(out);
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		json_array_append_new(list, json_string(line + strspn(line, " ")));
	free(text);
	return list;
}

static void list_json(void)
{
	json_t *jobs = json_array(), *out;

	job_each(list_job, jobs);
	out = json_pack("{s:i,s:o,s:o,s:o,s:o,s:o}", "schema_version", 1, "designs", designs_json(), "target_keys",
	                keys_json(target_key), "devices", devices_json(), "jobs", jobs, "job_keys", keys_json(job_key));
	json_dumpf(out, stdout, JSON_INDENT(1) | JSON_PRESERVE_ORDER);
	putchar('\n');
	json_decref(out);
}

/* README.md has it: scripts/readme. */
static void list_markdown_rows(bool known_bugs)
{
	printf("| design | what it does | the race that is about it |\n|---|---|---|\n");
	for (unsigned i = 0; fs_designs[i]; i++) {
		const struct design *d = fs_designs[i];
		const struct race *race = race_about(d);

		if (known_bugs != (race && strncmp(d->what, "Linux ", 6)))
			continue;
		printf("| `%s` | %s | ", d->name, d->what);
		if (race)
			printf("[%s](workloads/scenarios/%s.scn) |\n", race->name, race->name);
		else
			printf("none: it is to hold |\n");
	}
}

/* Those of a kernel and those that are to hold; then, folded, those with a known bug each. */
static void list_markdown(void)
{
	list_markdown_rows(false);
	printf("\n<details><summary>The corpus: designs with a known bug each</summary>\n\n");
	list_markdown_rows(true);
	printf("\n</details>\n");
}

int cmd_list(int argc, char **argv)
{
	static const struct argp_option table[] = {
		{ "json", 'j', NULL, 0, "As JSON", 0 },
		{ "markdown", 'm', NULL, 0, "The designs alone, as a table in Markdown", 0 },
		{ 0 },
	};
	static const struct argp argp = { table, parse, "", "What there is: designs, devices, jobs, races.", NULL, NULL,
		                          NULL };
	enum form form = AS_TEXT;
	int ret = cmd_options(&argp, argc, argv, &form);

	if (ret)
		return ret;
	if (form == AS_JSON)
		list_json();
	else if (form == AS_MARKDOWN)
		list_markdown();
	else
		list_text();
	return 0;
}
