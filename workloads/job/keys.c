/*
 * keys.c: the keys of a job file, one row a key. Meanings, units and defaults are fio's; where fio
 * takes a list for reads, writes and trims, the one for writes counts.
 */
#include "job/keys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define BS_MAX     (16u << 20)
#define JOBS_MAX   256u
#define SECOND_NS  1000000000ull

/* The part for writes of "read,write,trim"; what is not given is as the one before it. */
static int part_for_writes(const char *value, char *out, size_t size)
{
	const char *comma = strchr(value, ',');
	const char *from = comma && comma[1] && comma[1] != ',' ? comma + 1 : value;
	size_t len = strcspn(from, ",");

	if (!len || len >= size)
		return -EINVAL;
	memcpy(out, from, len);
	out[len] = '\0';
	return 0;
}

static int set_number(const char *value, uint64_t min, uint64_t max, unsigned *out)
{
	uint64_t n;

	if (text_number(value, &n) || n < min || n > max)
		return -EINVAL;
	*out = n;
	return 0;
}

static int set_flag(const char *value, bool *out)
{
	unsigned n;
	int ret = set_number(value, 0, 1, &n);

	if (!ret)
		*out = n;
	return ret;
}

static int set_string(const char *value, char *out, size_t size)
{
	if (!*value || strlen(value) >= size)
		return -EINVAL;
	strcpy(out, value);
	return 0;
}

static int set_block_size(const char *value, uint32_t *out)
{
	uint64_t bs;

	if (text_size(value, &bs) || !bs || bs > BS_MAX)
		return -EINVAL;
	*out = bs;
	return 0;
}

static int set_rw(struct job *j, const char *value)
{
	if (!strcmp(value, "write"))
		j->rw = JOB_WRITE;
	else if (!strcmp(value, "randwrite"))
		j->rw = JOB_RANDWRITE;
	else
		return -EINVAL;
	return 0;
}

static int set_bs(struct job *j, const char *value)
{
	char part[32];

	if (part_for_writes(value, part, sizeof(part)) || set_block_size(part, &j->split[0].bs))
		return -EINVAL;
	j->split[0].percent = 100;
	j->nsplit = 1;
	return 0;
}

/* What the sizes without a percentage share, in whole numbers; the first of them takes what is left over. */
static int share_the_rest(struct job_split *split, unsigned n, unsigned given, unsigned blanks)
{
	unsigned rest = 100 - given;
	bool first = true;

	if (given > 100 || (!blanks && given != 100))
		return -EINVAL;
	for (unsigned i = 0; i < n; i++) {
		if (split[i].percent != UINT32_MAX)
			continue;
		split[i].percent = rest / blanks + (first ? rest % blanks : 0);
		first = false;
	}
	return 0;
}

static int set_bssplit(struct job *j, const char *value)
{
	struct job_split split[JOB_SPLIT_MAX];
	unsigned n = 0, given = 0, blanks = 0;
	char buf[256], *save, *slash;

	if (set_string(value, buf, sizeof(buf)) || strchr(buf, ','))
		return -EINVAL;
	for (char *part = strtok_r(buf, ":", &save); part; part = strtok_r(NULL, ":", &save), n++) {
		if (n == JOB_SPLIT_MAX)
			return -EINVAL;
		slash = strchr(part, '/');
		split[n].percent = UINT32_MAX;
		if (slash) {
			*slash = '\0';
			if (slash[1] && set_number(slash + 1, 0, 100, &split[n].percent))
				return -EINVAL;
		}
		if (set_block_size(part, &split[n].bs))
			return -EINVAL;
		if (split[n].percent == UINT32_MAX)
			blanks++;
		else
			given += split[n].percent;
	}
	if (!n || share_the_rest(split, n, given, blanks))
		return -EINVAL;
	memcpy(j->split, split, sizeof(split[0]) * n);
	j->nsplit = n;
	return 0;
}

static int set_size(struct job *j, const char *value)
{
	return text_size(value, &j->size) || !j->size ? -EINVAL : 0;
}

static int set_filesize(struct job *j, const char *value)
{
	return text_size(value, &j->filesize) || !j->filesize ? -EINVAL : 0;
}

static int set_io_size(struct job *j, const char *value)
{
	return text_size(value, &j->io_size) || !j->io_size ? -EINVAL : 0;
}

static int set_nrfiles(struct job *j, const char *value)
{
	return set_number(value, 1, JOB_FILES_MAX, &j->nrfiles);
}

static int set_file_service_type(struct job *j, const char *value)
{
	static const char type[] = "roundrobin";
	const char *calls = value + strlen(type);

	if (strncmp(value, type, strlen(type)))
		return -EINVAL;
	if (*calls && *calls != ':')
		return -EINVAL;
	return set_number(*calls ? calls + 1 : "1", 1, UINT32_MAX, &j->file_service);
}

static int set_filename(struct job *j, const char *value)
{
	unsigned names = 1;

	for (const char *p = value; *p; p++) {
		if (*p == '/' || (*p == ':' && (p == value || p[1] == ':' || !p[1])))
			return -EINVAL;
		names += *p == ':';
	}
	return names > JOB_FILES_MAX ? -EINVAL : set_string(value, j->filename, sizeof(j->filename));
}

static int set_numjobs(struct job *j, const char *value)
{
	return set_number(value, 1, JOBS_MAX, &j->numjobs);
}

static int set_fsync(struct job *j, const char *value)
{
	return set_number(value, 0, UINT32_MAX, &j->fsync);
}

static int set_fdatasync(struct job *j, const char *value)
{
	return set_number(value, 0, UINT32_MAX, &j->fdatasync);
}

static int range_flag(const char *word, unsigned *flags)
{
	if (!strcmp(word, "wait_before"))
		*flags |= JOB_RANGE_WAIT_BEFORE;
	else if (!strcmp(word, "write"))
		*flags |= JOB_RANGE_WRITE;
	else if (!strcmp(word, "wait_after"))
		*flags |= JOB_RANGE_WAIT_AFTER;
	else
		return -EINVAL;
	return 0;
}

static int set_sync_file_range(struct job *j, const char *value)
{
	char buf[64], *save, *colon;
	unsigned flags = 0, every;

	if (set_string(value, buf, sizeof(buf)))
		return -EINVAL;
	colon = strchr(buf, ':');
	if (!colon || set_number(colon + 1, 1, UINT32_MAX, &every))
		return -EINVAL;
	*colon = '\0';
	for (char *word = strtok_r(buf, ",", &save); word; word = strtok_r(NULL, ",", &save))
		if (range_flag(word, &flags))
			return -EINVAL;
	if (!flags)
		return -EINVAL;
	j->range_flags = flags;
	j->range_every = every;
	return 0;
}

static int set_sync(struct job *j, const char *value)
{
	static const struct {
		const char *name;
		enum job_sync sync;
	} modes[] = { { "none", JOB_SYNC_NONE }, { "0", JOB_SYNC_NONE },   { "sync", JOB_SYNC_SYNC },
		      { "1", JOB_SYNC_SYNC },    { "dsync", JOB_SYNC_DSYNC } };

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (!strcmp(value, modes[i].name)) {
			j->sync = modes[i].sync;
			return 0;
		}
	return -EINVAL;
}

static int set_direct(struct job *j, const char *value)
{
	return set_flag(value, &j->direct);
}

static int set_fallocate(struct job *j, const char *value)
{
	static const struct {
		const char *name;
		enum job_fallocate fallocate;
	} ways[] = { { "none", JOB_FALLOCATE_NONE },  { "0", JOB_FALLOCATE_NONE }, { "native", JOB_FALLOCATE_SIZE },
		     { "posix", JOB_FALLOCATE_SIZE }, { "1", JOB_FALLOCATE_SIZE }, { "keep", JOB_FALLOCATE_KEEP } };

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		if (!strcmp(value, ways[i].name)) {
			j->fallocate = ways[i].fallocate;
			return 0;
		}
	return -EINVAL;
}

/* These have one value here (job.2): a job file says it so that fio does the same. */

static int set_overwrite(struct job *j, const char *value)
{
	j->overwrite = !strcmp(value, "1");
	return j->overwrite ? 0 : -EINVAL;
}

static int set_norandommap(struct job *j, const char *value)
{
	return strcmp(value, "1") ? -EINVAL : 0;
}

static int set_ioengine(struct job *j, const char *value)
{
	static const char *const plain[] = { "sync", "psync", "pvsync", "pvsync2" };

	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		if (!strcmp(value, plain[i]))
			return 0;
	j->mapped = !strcmp(value, "mmap");
	return j->mapped ? 0 : -EINVAL;
}

static int set_thread(struct job *j, const char *value)
{
	return strcmp(value, "1") ? -EINVAL : 0;
}

static int set_number_ios(struct job *j, const char *value)
{
	return text_size(value, &j->number_ios) || !j->number_ios ? -EINVAL : 0;
}

static int set_runtime(struct job *j, const char *value)
{
	return text_time(value, SECOND_NS, &j->runtime_ns);
}

static int set_time_based(struct job *j, const char *value)
{
	return set_flag(value, &j->time_based);
}

static int set_ramp_time(struct job *j, const char *value)
{
	return text_time(value, SECOND_NS, &j->ramp_ns);
}

static int set_rate_iops(struct job *j, const char *value)
{
	char part[32];

	if (part_for_writes(value, part, sizeof(part)))
		return -EINVAL;
	return set_number(part, 1, 100000000, &j->rate_iops);
}

static int set_rate_process(struct job *j, const char *value)
{
	j->arrivals = strcmp(value, "poisson") ? JOB_LINEAR : JOB_POISSON;
	return j->arrivals == JOB_LINEAR && strcmp(value, "linear") ? -EINVAL : 0;
}

static int set_thinktime(struct job *j, const char *value)
{
	return text_time(value, 1000, &j->thinktime_ns);
}

static int set_randseed(struct job *j, const char *value)
{
	return text_number(value, &j->randseed);
}

static int set_numa_cpu_nodes(struct job *j, const char *value)
{
	return set_string(value, j->numa_cpu_nodes, sizeof(j->numa_cpu_nodes));
}

static int set_numa_mem_policy(struct job *j, const char *value)
{
	static const struct {
		const char *name;
		enum place_memory policy;
		bool nodes;
	} known[] = {
		{ "default", PLACE_LOCAL, false }, { "local", PLACE_LOCAL, false }, { "prefer", PLACE_PREFER, true },
		{ "bind", PLACE_BIND, true }, { "interleave", PLACE_INTERLEAVE, true },
	};
	size_t len = strcspn(value, ":");

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strlen(known[i].name) != len || strncmp(known[i].name, value, len))
			continue;
		if (known[i].nodes != (value[len] == ':' && value[len + 1]))
			return -EINVAL;
		if (known[i].policy == PLACE_PREFER && value[len + 1 + strspn(value + len + 1, "0123456789")])
			return -EINVAL; /* as fio: one node */
		j->numa_mem_policy = known[i].policy;
		j->numa_mem_nodes[0] = '\0';
		return known[i].nodes ? set_string(value + len + 1, j->numa_mem_nodes, sizeof(j->numa_mem_nodes)) : 0;
	}
	return -EINVAL;
}

static int set_cpus_allowed(struct job *j, const char *value)
{
	return set_string(value, j->cpus_allowed, sizeof(j->cpus_allowed));
}

static int set_group_reporting(struct job *j, const char *value)
{
	return set_flag(value, &j->group_reporting);
}

static int set_description(struct job *j, const char *value)
{
	return set_string(value, j->description, sizeof(j->description));
}

#define SIZE_WANTED "a size above 0, such as 4096, 64k, 8m or 1g"
#define TIME_WANTED "a time such as 30, 30s, 500ms or 2m"

const struct job_key job_keys[] = {
	{ "rw", "write or randwrite", set_rw, false, "how offsets go on" },
	{ "bs", "a block size from 1 to 16m, such as 4k", set_bs, false, "bytes a write" },
	{ "bssplit", "sizes with percentages that sum to 100, such as 4k/50:8k/50", set_bssplit, false,
	  "several block sizes, each with its share of the writes" },
	{ "size", SIZE_WANTED, set_size, false, "bytes of all files of a task together" },
	{ "filesize", SIZE_WANTED, set_filesize, false, "bytes of each file" },
	{ "nrfiles", "a number from 1 to 64", set_nrfiles, false, "files of a task, written in turn" },
	{ "file_service_type", "roundrobin or roundrobin:CALLS", set_file_service_type, false,
	  "calls on a file before the next is its turn: a write and its sync, as here" },
	{ "filename", "names without /, with : between", set_filename, false,
	  "files shared by all tasks that name them" },
	{ "numjobs", "a number from 1 to 256", set_numjobs, false, "tasks that do the same" },
	{ "fsync", "a number of writes", set_fsync, false, "fsync after every N writes" },
	{ "fdatasync", "a number of writes", set_fdatasync, false, "fdatasync after every N writes" },
	{ "sync_file_range", "steps and a number of writes, such as write:8 or wait_before,write:8",
	  set_sync_file_range, false, "start or wait for writeback after every N writes" },
	{ "sync", "none, sync or dsync", set_sync, false, "files opened with O_SYNC or O_DSYNC: each write is a sync" },
	{ "direct", "0 or 1", set_direct, true, "O_DIRECT: past the page cache" },
	{ "ioengine", "sync, psync, pvsync, pvsync2 or mmap", set_ioengine, false,
	  "one system call after the other, as here; mmap: stores through a mapping, designs only" },
	{ "fallocate", "none, native, posix or keep", set_fallocate, false,
	  "space for a file that is written in order, which starts empty; keep: its size stays 0" },
	{ "overwrite", "1", set_overwrite, true,
	  "writes go to what was laid out before; random ones do here in any case" },
	{ "norandommap", "1", set_norandommap, true, "random offsets with repetition, as here" },
	{ "thread", "1", set_thread, true, "tasks are threads, as here" },
	{ "number_ios", "a number above 0", set_number_ios, false, "writes of a task at most" },
	{ "io_size", SIZE_WANTED, set_io_size, false, "bytes that a task writes, when not `size`" },
	{ "runtime", TIME_WANTED, set_runtime, false, "time limit" },
	{ "time_based", "0 or 1", set_time_based, true, "goes on until runtime has passed" },
	{ "ramp_time", TIME_WANTED, set_ramp_time, false, "runs this long before it measures" },
	{ "rate_iops", "a number from 1 to 100000000", set_rate_iops, false,
	  "writes a second of a task; latency from the intended start" },
	{ "rate_process", "linear or poisson", set_rate_process, false, "with rate_iops: evenly spaced, or at random" },
	{ "thinktime", "a time such as 100 (microseconds), 10ms or 1s", set_thinktime, false, "idle after each write" },
	{ "randseed", "a number", set_randseed, false, "seed of the offsets" },
	{ "numa_cpu_nodes", "NUMA nodes such as 0, 0-1 or all", set_numa_cpu_nodes, false,
	  "nodes on whose CPUs its tasks run" },
	{ "numa_mem_policy", "default, local, prefer:NODE, bind:NODES or interleave:NODES", set_numa_mem_policy, false,
	  "where a task's memory comes from" },
	{ "cpus_allowed", "CPUs such as 0-3,8", set_cpus_allowed, false, "CPUs that tasks run on" },
	{ "group_reporting", "0 or 1", set_group_reporting, true, "tasks are not told apart in the results" },
	{ "description", "up to 255 letters", set_description, false, "what it imitates" },
};
const unsigned job_nkeys = sizeof(job_keys) / sizeof(job_keys[0]);

const char *job_key(unsigned i, const char **what)
{
	if (i >= job_nkeys)
		return NULL;
	*what = job_keys[i].what;
	return job_keys[i].name;
}

/* POLICY:NODES, or a policy that has none. */
static int check_memory_nodes(const char *value, char *err)
{
	const char *colon = strchr(value, ':');

	return colon && colon[1] ? place_check_nodes(colon + 1, err) : 0;
}

int job_check_place(const struct job_key *key, const char *value, struct why *why)
{
	static const struct {
		const char *name;
		int (*check)(const char *value, char *err);
	} places[] = { { "cpus_allowed", place_check_cpus }, { "numa_cpu_nodes", place_check_nodes },
		       { "numa_mem_policy", check_memory_nodes } };

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (!strcmp(key->name, places[i].name))
			return places[i].check(value, why->text);
	return 0;
}

void job_defaults(struct job *j)
{
	*j = (struct job){ .split = { { 4096, 100 } }, .nsplit = 1, .nrfiles = 1, .numjobs = 1, .randseed = 1 };
}

/* Files, then the size of each, from what was given of size, filesize, nrfiles and filename. */
static int derive_sizes(struct job *j, struct why *why)
{
	if (j->filename[0]) {
		j->nrfiles = 1;
		for (const char *p = j->filename; *p; p++)
			j->nrfiles += *p == ':';
	}
	if (!j->size && !j->filesize)
		return why_set(why, -EINVAL, "size: missing (or filesize)");
	if (!j->filesize)
		j->filesize = j->size / j->nrfiles;
	if (j->filesize < job_max_bs(j))
		return why_set(why, -EINVAL, "size: a file is smaller than a block (bs)");
	return 0;
}

/* (job.3) */
static int check_file_service(const struct job *j, struct why *why)
{
	unsigned every = job_sync_every(j);

	if (!j->file_service || j->nrfiles == 1)
		return 0;
	if (job_sync_kinds(j) > 1 || every > 1)
		return why_set(why, -EINVAL, "file_service_type: with several files, expected one sync after each "
		               "write, or none; or leave it out");
	if (j->file_service == every + 1)
		return 0;
	return why_set(why, -EINVAL, "file_service_type: expected %s", every ?
	               "roundrobin:2, a write and its sync of each file" : "roundrobin:1, a write of each file");
}

int job_check(struct job *j, struct why *why)
{
	if (j->rw == JOB_RW_NONE)
		return why_set(why, -EINVAL, "rw: missing, expected write or randwrite");
	if (j->time_based && !j->runtime_ns)
		return why_set(why, -EINVAL, "time_based: needs a runtime");
	if (j->cpus_allowed[0] && j->numa_cpu_nodes[0])
		return why_set(why, -EINVAL, "cpus_allowed: cannot go with numa_cpu_nodes");
	if (derive_sizes(j, why))
		return -EINVAL;
	return check_file_service(j, why);
}

unsigned job_sync_kinds(const struct job *j)
{
	return !!j->fsync + !!j->fdatasync + !!j->range_every;
}

unsigned job_sync_every(const struct job *j)
{
	return j->fsync ? j->fsync : j->fdatasync ? j->fdatasync : j->range_every;
}

uint32_t job_max_bs(const struct job *j)
{
	uint32_t max = 0;

	for (unsigned i = 0; i < j->nsplit; i++)
		if (j->split[i].bs > max)
			max = j->split[i].bs;
	return max;
}
