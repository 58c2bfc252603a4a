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
#define FSS_COMMIT "unknown" /* the Makefile says */
#endif

const char *env_commit(void)
{
	return FSS_COMMIT;
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
	snprintf(out, size, "%s, %u CPUs on %u node%s%s, Linux %s, commit %s", cpu_model(cpu, sizeof(cpu)), t->pus,
	         t->nodes, t->nodes == 1 ? "" : "s", t->real ? "" : " (synthetic topology)", u.release, env_commit());
}

/* ---- what is under the device's file ---- */

static void put_drive(json_t *o, const struct stat *st)
{
	struct dev_facts facts = { .n = 0 };

	facts_of_stat(st, &facts);
	for (unsigned i = 0; i < facts.n; i++)
		put(o, facts.fact[i].key, facts.fact[i].value);
}

json_t *env_backing(const char *path)
{
	json_t *o = json_object();
	struct mounted m;
	struct stat st;

	put(o, "path", path);
	if (facts_stat(path, &st)) {
		put(o, "filesystem", "unknown");
		return o;
	}
	if (S_ISBLK(st.st_mode)) {
		put(o, "filesystem", "none: a block device");
		put_drive(o, &st);
		return o;
	}
	if (mounts_find(st.st_dev, &m)) {
		put(o, "filesystem", m.type);
		put(o, "source", m.source);
		put(o, "mounted_at", m.folder);
		put(o, "mount_options", m.options);
	}
	put_drive(o, &st);
	return o;
}
