/*
 * env.c: what a run records about where it ran. See env.h.
 *
 * Read from /proc and /sys; each reader gives "unknown" for what is not there.
 */
#include "recipe/env.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "dev/facts.h"
#include "dev/mounts.h"
#include "machine/mem_node.h"
#include "machine/place.h"
#include "rt/rt.h"

#ifndef FSS_COMMIT
#define FSS_COMMIT  "unknown" /* the Makefile says */
#define FSS_VERSION "unknown"
#endif

const char *env_commit(void)
{
	return FSS_COMMIT;
}

const char *env_version(void)
{
	return FSS_VERSION;
}

/* The first line of a file of the kernel's. */
static const char *read_line(const char *path, char *out, int size)
{
	FILE *in = fopen(path, "re");

	strcpy(out, "unknown");
	if (!in)
		return out;
	if (!fgets(out, size, in))
		strcpy(out, "unknown");
	out[strcspn(out, "\n")] = '\0';
	fclose(in);
	return out;
}

/* The value after the first "key ...:" of /proc/cpuinfo, /proc/meminfo. */
static const char *read_field(const char *path, const char *key, char *out, int size)
{
	FILE *in = fopen(path, "re");
	char line[512], *colon;

	strcpy(out, "unknown");
	if (!in)
		return out;
	while (fgets(line, sizeof(line), in)) {
		colon = strchr(line, ':');
		if (strncmp(line, key, strlen(key)) || !colon)
			continue;
		colon += 1 + strspn(colon + 1, " \t");
		snprintf(out, size, "%.*s", (int)strcspn(colon, "\n"), colon);
		break;
	}
	fclose(in);
	return out;
}

static const char *cpu_model(char *out, int size)
{
	read_field("/proc/cpuinfo", "model name", out, size);
	if (!strcmp(out, "unknown"))
		read_field("/proc/cpuinfo", "CPU implementer", out, size);
	return out;
}

const char *env_host(void)
{
	static struct utsname u;

	return uname(&u) ? "unknown" : u.nodename;
}

static void put(json_t *o, const char *key, const char *value)
{
	json_object_set_new(o, key, json_string(value));
}

json_t *env_machine(void)
{
	const struct place_topology *t;
	json_t *o = json_object(), *topo;
	struct utsname u;
	char buf[256];

	put(o, "commit", env_commit());
	put(o, "clock", rt_clock_name());
	if (!uname(&u)) {
		put(o, "host", u.nodename);
		put(o, "kernel", u.release);
		put(o, "machine", u.machine);
	}
	put(o, "cpu", cpu_model(buf, sizeof(buf)));
	put(o, "governor", read_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", buf, sizeof(buf)));
	put(o, "memory", read_field("/proc/meminfo", "MemTotal", buf, sizeof(buf)));
	put(o, "load_before", read_line("/proc/loadavg", buf, sizeof(buf)));
	put(o, "memory_notice", mem_notice());
	if (place_init())
		return o;
	t = place_topology();
	topo = json_pack("{s:i,s:i,s:i,s:i,s:b}", "pus", (int)t->pus, "cores", (int)t->cores, "packages",
	                 (int)t->packages, "nodes", (int)t->nodes, "real", t->real);
	json_object_set_new(o, "topology", topo);
	return o;
}

void env_line(char *out, size_t size)
{
	char cpu[128];
	struct utsname u;
	const struct place_topology *t;

	if (uname(&u) || place_init()) {
		snprintf(out, size, "unknown machine");
		return;
	}
	t = place_topology();
	snprintf(out, size, "%s, %u CPUs on %u node%s%s, Linux %s", cpu_model(cpu, sizeof(cpu)), t->pus, t->nodes,
	         t->nodes == 1 ? "" : "s", t->real ? "" : " (synthetic topology)", u.release);
}

/* ---- what is under a target ---- */

#define DEEPEST 4 /* a file on a loop device over a file on a loop device ... */

static json_t *backing(const char *path, unsigned deep);

/* What the kernel knows of the drive; of a loop device also what is under the file behind it. */
static void put_drive(json_t *o, int fd, unsigned deep)
{
	struct dev_facts facts = { .n = 0 };

	facts_of_fd(fd, &facts);
	for (unsigned i = 0; i < facts.n; i++)
		put(o, facts.fact[i].key, facts.fact[i].value);
	if (facts_get(&facts, "backing_file")[0] && deep < DEEPEST)
		json_object_set_new(o, "under", backing(facts_get(&facts, "backing_file"), deep + 1));
}

static void put_mount(json_t *o, int fd, const struct stat *st)
{
	struct mounted m;

	if (!mounts_find_fd(fd, &m) && !mounts_find(st->st_dev, &m))
		return;
	put(o, "filesystem", m.type);
	put(o, "source", m.source);
	put(o, "mounted_at", m.folder);
	put(o, "mount_options", m.options);
	put(o, "fs_options", m.fs_options);
}

static json_t *backing(const char *path, unsigned deep)
{
	json_t *o = json_object();
	int fd = facts_open(path);
	struct stat st;

	put(o, "path", path);
	put(o, "filesystem", "unknown");
	if (fd < 0)
		return o;
	if (!fstat(fd, &st) && S_ISBLK(st.st_mode))
		put(o, "filesystem", "none: a block device");
	else
		put_mount(o, fd, &st);
	put_drive(o, fd, deep);
	close(fd);
	return o;
}

json_t *env_backing(const char *path)
{
	return backing(path, 0);
}

static const char *fact(const json_t *o, const char *key)
{
	const char *value = json_string_value(json_object_get(o, key));

	return value ? value : "";
}

void env_place(const json_t *o, char *out, size_t size)
{
	const char *drive = fact(o, "drive"), *model = fact(o, "model"), *cache = fact(o, "write_cache");
	const json_t *under = json_object_get(o, "under");
	bool is_block = !strncmp(fact(o, "filesystem"), "none", 4);
	int n = snprintf(out, size, "%s", is_block ? "a block device" : fact(o, "filesystem"));

	if (drive[0])
		n += snprintf(out + n, size - (size_t)n, " on %s", drive);
	if (model[0] && (size_t)n < size)
		n += snprintf(out + n, size - (size_t)n, " (%s)", model);
	if (cache[0] && (size_t)n < size)
		n += snprintf(out + n, size - (size_t)n, ", %s", cache);
	if (under && (size_t)n < size) {
		n += snprintf(out + n, size - (size_t)n, ", over %s: ", fact(under, "path"));
		if ((size_t)n < size)
			env_place(under, out + n, size - (size_t)n);
	}
}
