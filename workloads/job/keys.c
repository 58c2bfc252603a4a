/*
 * keys.c: the keys of a job file that change its calls, one row a key. Meanings, units and defaults are fio's.
 */
#include "job/iolog.h"
#include "job/keys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define BS_MAX     (64u << 20)
#define JOBS_MAX   1024u
#define DEPTH_MAX  4096u
#define SECOND_NS  1000000000ull

enum { READS, WRITES };

/* The part for reads, or for writes, of "read,write,trim"; what is not given is as the one before it. */
static int part_of(const char *value, int which, char *out, size_t size)
{
	const char *comma = strchr(value, ',');
	const char *from = which == WRITES && comma && comma[1] && comma[1] != ',' ? comma + 1 : value;
	size_t len = strcspn(from, ",");

	if (which == READS && *value == ',') /* ",8k": reads have what they had */
		return -EINVAL;
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

static int set_block_size(const struct job *j, const char *value, uint32_t *out)
{
	uint64_t bs;

	if (job_size_text(value, j->kb, &bs) || !bs)
		return -EINVAL;
	if (bs > BS_MAX)
		return -ENOTSUP;
	*out = bs;
	return 0;
}

static int set_rw(struct job *j, const char *value)
{
	static const char *const names[] = {
		[JOB_READ] = "read", [JOB_WRITE] = "write", [JOB_RW] = "rw",
		[JOB_RANDREAD] = "randread", [JOB_RANDWRITE] = "randwrite", [JOB_RANDRW] = "randrw",
	};
	size_t len = strcspn(value, ":");
	unsigned run = 0;

	if (value[len] && set_number(value + len + 1, 1, UINT32_MAX, &run))
		return value[len + 1] == '-' || value[len + 1] == '+' ? -ENOTSUP : -EINVAL;
	if (!strncmp(value, "readwrite", len) && len == strlen("readwrite")) {
		value = "rw";
		len = 2;
	}
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strlen(names[i]) != len || strncmp(names[i], value, len))
			continue;
		j->rw = i;
		j->run = run;
		return run && !job_random(j) ? -ENOTSUP : 0; /* in order, with holes */
	}
	return strstr(value, "trim") ? -ENOTSUP : -EINVAL;
}

static int set_blocks(struct job *j, const char *value,
                      int (*set)(const struct job *j, const char *, struct job_blocks *))
{
	struct job_blocks *const blocks[] = { [READS] = &j->reads, [WRITES] = &j->writes };
	char part[256];
	int ret = 0;

	for (int i = READS; i <= WRITES && !ret; i++) {
		if (i == READS && *value == ',')
			continue;
		if (part_of(value, i, part, sizeof(part)))
			return -EINVAL;
		ret = set(j, part, blocks[i]);
	}
	return ret;
}

static int one_size(const struct job *j, const char *value, struct job_blocks *b)
{
	uint32_t bs;
	int ret = set_block_size(j, value, &bs);

	if (!ret)
		*b = (struct job_blocks){ .split = { { bs, 100 } }, .n = 1 };
	return ret;
}

static int set_bs(struct job *j, const char *value)
{
	return set_blocks(j, value, one_size);
}

static int size_range(const struct job *j, const char *value, struct job_blocks *b)
{
	char from[64];
	size_t len = strcspn(value, "-");
	uint32_t least = 0, most = 0;
	int ret;

	if (len >= sizeof(from) || !value[len])
		return -EINVAL;
	memcpy(from, value, len);
	from[len] = '\0';
	ret = set_block_size(j, from, &least);
	if (!ret)
		ret = set_block_size(j, value + len + 1, &most);
	if (ret || least > most)
		return ret ? ret : -EINVAL;
	*b = (struct job_blocks){ .split = { { least, 100 } }, .n = 1, .to = most > least ? most : 0 };
	return 0;
}

static int set_bsrange(struct job *j, const char *value)
{
	return set_blocks(j, value, size_range);
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

static int split_sizes(const struct job *j, const char *value, struct job_blocks *b)
{
	struct job_split split[JOB_SPLIT_MAX];
	unsigned n = 0, given = 0, blanks = 0;
	char buf[256], *save, *slash;

	if (set_string(value, buf, sizeof(buf)))
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
		if (set_block_size(j, part, &split[n].bs))
			return -EINVAL;
		if (split[n].percent == UINT32_MAX)
			blanks++;
		else
			given += split[n].percent;
	}
	if (!n || share_the_rest(split, n, given, blanks))
		return -EINVAL;
	*b = (struct job_blocks){ .n = n };
	memcpy(b->split, split, sizeof(split[0]) * n);
	return 0;
}

static int set_bssplit(struct job *j, const char *value)
{
	return set_blocks(j, value, split_sizes);
}

/* "10%": 1 to 100. 0: it is no percentage. */
static unsigned percent_of(const char *value)
{
	char number[8];
	size_t len = strlen(value);
	unsigned n;

	if (len < 2 || value[len - 1] != '%' || len > sizeof(number))
		return 0;
	memcpy(number, value, len - 1);
	number[len - 1] = '\0';
	return set_number(number, 1, 100, &n) ? 0 : n;
}

static int set_bytes(const struct job *j, const char *value, uint64_t *out)
{
	return job_size_text(value, j->kb, out) || !*out ? -EINVAL : 0;
}

static int set_size(struct job *j, const char *value)
{
	j->size_percent = percent_of(value);
	return j->size_percent ? 0 : set_bytes(j, value, &j->size);
}

static int set_filesize(struct job *j, const char *value)
{
	int ret = set_bytes(j, value, &j->filesize);

	return ret && strchr(value, '-') ? -ENOTSUP : ret;
}

static int set_io_size(struct job *j, const char *value)
{
	j->io_percent = percent_of(value);
	return j->io_percent ? 0 : set_bytes(j, value, &j->io_size);
}

static int set_kb_base(struct job *j, const char *value)
{
	int ret = set_number(value, 1000, 1024, &j->kb);

	return ret || (j->kb != 1000 && j->kb != 1024) ? -EINVAL : 0;
}

static int set_nrfiles(struct job *j, const char *value)
{
	return set_number(value, 1, JOB_FILES_MAX, &j->nrfiles);
}

static int set_openfiles(struct job *j, const char *value)
{
	return set_number(value, 1, JOB_FILES_MAX, &j->openfiles);
}

static int set_file_service_type(struct job *j, const char *value)
{
	static const char *const names[] = { [JOB_ROUNDROBIN] = "roundrobin", [JOB_SEQUENTIAL] = "sequential",
		                             [JOB_RANDOM] = "random" };
	size_t len = strcspn(value, ":");
	unsigned calls = 1;

	if (!strncmp(value, "zipf", 4) || !strncmp(value, "pareto", 6) || !strncmp(value, "normal", 6) ||
	    !strncmp(value, "gauss", 5))
		return -ENOTSUP;
	if (value[len] && set_number(value + len + 1, 1, UINT32_MAX, &calls))
		return -EINVAL;
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strlen(names[i]) == len && !strncmp(names[i], value, len)) {
			j->service = i;
			j->service_calls = calls;
			return 0;
		}
	return -EINVAL;
}

/* What comes back from a folder that is no folder is not what was written: a device is a target, not a file's name. */
static int set_filename(struct job *j, const char *value)
{
	unsigned names = 1;

	if (!strncmp(value, "/dev/", 5) || !strcmp(value, "-"))
		return -EXDEV;
	for (const char *p = value; *p; p++) {
		if (*p == ':' && (p == value || p[1] == ':' || !p[1]))
			return -EINVAL;
		names += *p == ':';
	}
	return names > JOB_FILES_MAX ? -EINVAL : set_string(value, j->filename, sizeof(j->filename));
}

static int set_filename_format(struct job *j, const char *value)
{
	return set_string(value, j->format, sizeof(j->format));
}

static int set_name(struct job *j, const char *value)
{
	return set_string(value, j->name, sizeof(j->name));
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

static int set_buffered(struct job *j, const char *value)
{
	bool buffered = false;
	int ret = set_flag(value, &buffered);

	j->direct = !buffered;
	return ret;
}

static int set_end_fsync(struct job *j, const char *value)
{
	return set_flag(value, &j->end_fsync);
}

static int set_fsync_on_close(struct job *j, const char *value)
{
	return set_flag(value, &j->fsync_on_close);
}

static int set_create_on_open(struct job *j, const char *value)
{
	return set_flag(value, &j->create_on_open);
}

static int set_unlink(struct job *j, const char *value)
{
	return set_flag(value, &j->unlink);
}

static int set_unlink_each_loop(struct job *j, const char *value)
{
	return set_flag(value, &j->unlink_each_loop);
}

static int set_pre_read(struct job *j, const char *value)
{
	return set_flag(value, &j->pre_read);
}

static int set_file_append(struct job *j, const char *value)
{
	return set_flag(value, &j->append);
}

static int set_stonewall(struct job *j, const char *value)
{
	return set_flag(value, &j->stonewall);
}

static int set_fallocate(struct job *j, const char *value)
{
	static const struct {
		const char *name;
		enum job_fallocate how;
	} ways[] = { { "none", JOB_FALLOC_NONE }, { "0", JOB_FALLOC_NONE }, { "native", JOB_FALLOC_NATIVE },
		     { "posix", JOB_FALLOC_NATIVE }, { "1", JOB_FALLOC_NATIVE }, { "keep", JOB_FALLOC_KEEP },
		     { "truncate", JOB_FALLOC_TRUNCATE } };

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		if (!strcmp(value, ways[i].name)) {
			j->fallocate = ways[i].how;
			return 0;
		}
	return -EINVAL;
}

static int set_overwrite(struct job *j, const char *value)
{
	return set_flag(value, &j->overwrite);
}

static int set_norandommap(struct job *j, const char *value)
{
	return set_flag(value, &j->norandommap);
}

static int set_ioengine(struct job *j, const char *value)
{
	static const struct {
		const char *name;
		bool async;
	} known[] = { { "sync", false }, { "psync", false }, { "pvsync", false }, { "pvsync2", false },
		      { "libaio", true }, { "io_uring", true }, { "posixaio", true } };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcmp(value, known[i].name)) {
			j->async = known[i].async;
			j->mapped = false;
			return 0;
		}
	j->mapped = !strcmp(value, "mmap");
	return j->mapped ? 0 : -ENOTSUP;
}

static int set_read_iolog(struct job *j, const char *value)
{
	if (!*value || strlen(value) >= sizeof(j->iolog))
		return -EINVAL;
	strcpy(j->iolog, value);
	return -ENOSYS;
}

static int set_iodepth(struct job *j, const char *value)
{
	return set_number(value, 1, DEPTH_MAX, &j->iodepth);
}

static int set_number_ios(struct job *j, const char *value)
{
	return job_size_text(value, j->kb, &j->number_ios) || !j->number_ios ? -EINVAL : 0;
}

static int set_loops(struct job *j, const char *value)
{
	return set_number(value, 1, UINT32_MAX, &j->loops);
}

static int set_rwmixread(struct job *j, const char *value)
{
	return set_number(value, 0, 100, &j->mix_read);
}

static int set_rwmixwrite(struct job *j, const char *value)
{
	unsigned n;
	int ret = set_number(value, 0, 100, &n);

	if (!ret)
		j->mix_read = 100 - n;
	return ret;
}

static int set_rw_sequencer(struct job *j, const char *value)
{
	j->identical = !strcmp(value, "identical");
	return j->identical || !strcmp(value, "sequential") ? 0 : -EINVAL;
}

static int set_bs_unaligned(struct job *j, const char *value)
{
	return set_flag(value, &j->unaligned);
}

static int set_startdelay(struct job *j, const char *value)
{
	int ret = text_time(value, SECOND_NS, &j->start_ns);

	return ret && strchr(value, '-') ? -ENOTSUP : ret; /* a range */
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
	unsigned iops[2];
	char part[32];

	for (int i = READS; i <= WRITES; i++)
		if (part_of(value, i, part, sizeof(part)) || set_number(part, 1, 100000000, &iops[i]))
			return -EINVAL;
	memcpy(j->rate_iops, iops, sizeof(iops));
	return 0;
}

static int set_rate(struct job *j, const char *value)
{
	uint64_t rate[2];
	char part[32];

	for (int i = READS; i <= WRITES; i++)
		if (part_of(value, i, part, sizeof(part)) || set_bytes(j, part, &rate[i]))
			return -EINVAL;
	memcpy(j->rate, rate, sizeof(rate));
	return 0;
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

static int set_thinktime_spin(struct job *j, const char *value)
{
	return text_time(value, 1000, &j->thinktime_spin_ns);
}

static int set_thinktime_blocks(struct job *j, const char *value)
{
	return set_number(value, 1, UINT32_MAX, &j->thinktime_blocks);
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
#define FLAG_WANTED "0 or 1"

const struct job_key job_keys[] = {
	{ "rw", "read, write, rw, randread, randwrite or randrw", set_rw, false, "how offsets go on (read)" },
	{ "rw_sequencer", "sequential or identical", set_rw_sequencer, false,
	  "with rw=randwrite:N: the N calls of a run" },
	{ "rwmixread", "a number from 0 to 100", set_rwmixread, false, "of a mix: reads of 100 calls (50)" },
	{ "rwmixwrite", "a number from 0 to 100", set_rwmixwrite, false, "of a mix: writes of 100 calls (50)" },
	{ "bs", "a block size from 1 to 64m, such as 4k", set_bs, false, "bytes a call; of reads,writes (4k)" },
	{ "bsrange", "two block sizes such as 4k-16k", set_bsrange, false, "any block size between the two" },
	{ "bssplit", "sizes with percentages that sum to 100, such as 4k/50:8k/50", set_bssplit, false,
	  "several block sizes, each with its share of the calls" },
	{ "bs_unaligned", FLAG_WANTED, set_bs_unaligned, true, "with bsrange: lengths of any number of bytes" },
	{ "size", SIZE_WANTED, set_size, false, "bytes of all files of a task together" },
	{ "filesize", SIZE_WANTED, set_filesize, false, "bytes of each file" },
	{ "kb_base", "1000 or 1024", set_kb_base, false, "1024: k and kB are 1024, KiB is 1000 (1024)" },
	{ "nrfiles", "a number from 1 to 100000", set_nrfiles, false, "files of a task, written in turn" },
	{ "openfiles", "a number from 1 to 100000", set_openfiles, false,
	  "files of a task that are in turn at a time (all)" },
	{ "file_service_type", "roundrobin, sequential or random, or roundrobin:CALLS", set_file_service_type, false,
	  "which file is next, after how many calls; a sync stays with its write" },
	{ "filename", "names, with : between", set_filename, false, "files shared by all tasks that name them" },
	{ "filename_format", "a name such as $jobname.$jobnum.$filenum", set_filename_format, false, "names of files" },
	{ "name", "up to 63 letters", set_name, false, "the section's name" },
	{ "numjobs", "a number from 1 to 1024", set_numjobs, false, "tasks that do the same" },
	{ "fsync", "a number of writes", set_fsync, false, "fsync after every N writes" },
	{ "fdatasync", "a number of writes", set_fdatasync, false, "fdatasync after every N writes" },
	{ "sync_file_range", "steps and a number of writes, such as write:8 or wait_before,write:8",
	  set_sync_file_range, false, "start or wait for writeback after every N writes" },
	{ "sync", "none, sync or dsync", set_sync, false, "files opened with O_SYNC or O_DSYNC: each write is a sync" },
	{ "end_fsync", FLAG_WANTED, set_end_fsync, true, "fsync of each file when all is written" },
	{ "fsync_on_close", FLAG_WANTED, set_fsync_on_close, true,
	  "fsync of each file when it is full, or all is written" },
	{ "create_on_open", FLAG_WANTED, set_create_on_open, true,
	  "files are made at their first call, inside the run" },
	{ "unlink", FLAG_WANTED, set_unlink, true, "a task removes its files at its end" },
	{ "unlink_each_loop", FLAG_WANTED, set_unlink_each_loop, true, "and before each pass but the first (loops)" },
	{ "pre_read", FLAG_WANTED, set_pre_read, true, "what is laid out is read before the run" },
	{ "file_append", FLAG_WANTED, set_file_append, true,
	  "passes go on at a file's end: the first fills it, the others find no room" },
	{ "direct", FLAG_WANTED, set_direct, true, "O_DIRECT: past the page cache" },
	{ "buffered", FLAG_WANTED, set_buffered, true, "0: as direct=1" },
	{ "ioengine", "sync, psync, pvsync, pvsync2, libaio, io_uring, posixaio or mmap", set_ioengine, false,
	  "whether iodepth calls can be in flight; mmap: stores through a mapping, designs only" },
	{ "iodepth", "a number from 1 to 4096", set_iodepth, false,
	  "calls in flight, with libaio, io_uring or posixaio" },
	{ "read_iolog", "a file that fio's write_iolog made", set_read_iolog, false, "plays calls from a log" },
	{ "fallocate", "none, native, posix, keep or truncate", set_fallocate, false,
	  "how space is made of a file that is not laid out (native)" },
	{ "overwrite", FLAG_WANTED, set_overwrite, true, "files are written before, so that writes go over something" },
	{ "norandommap", FLAG_WANTED, set_norandommap, true, "random offsets with repetition (each block once)" },
	{ "loops", "a number above 0", set_loops, false, "passes over the files" },
	{ "number_ios", "a number above 0", set_number_ios, false, "reads and writes of a task at most" },
	{ "io_size", SIZE_WANTED, set_io_size, false, "bytes that a task reads and writes, when not `size`" },
	{ "runtime", TIME_WANTED, set_runtime, false, "time limit" },
	{ "time_based", FLAG_WANTED, set_time_based, true, "goes on until runtime has passed" },
	{ "ramp_time", TIME_WANTED, set_ramp_time, false, "runs this long before it measures" },
	{ "startdelay", TIME_WANTED, set_startdelay, false, "a section begins so much later" },
	{ "stonewall", FLAG_WANTED, set_stonewall, true, "a section begins when those above it have ended" },
	{ "rate_iops", "a number from 1 to 100000000", set_rate_iops, false,
	  "calls a second of a task; latency from the intended start" },
	{ "rate", SIZE_WANTED, set_rate, false, "bytes a second of a task; latency from the intended start" },
	{ "rate_process", "linear or poisson", set_rate_process, false, "with rate_iops: evenly spaced, or at random" },
	{ "thinktime", "a time such as 100 (microseconds), 10ms or 1s", set_thinktime, false, "idle after each call" },
	{ "thinktime_spin", "a time such as 100 (microseconds), 10ms or 1s", set_thinktime_spin, false,
	  "of that, so much busy" },
	{ "thinktime_blocks", "a number above 0", set_thinktime_blocks, false,
	  "with thinktime: after so many calls (1)" },
	{ "randseed", "a number", set_randseed, false, "seed of the offsets" },
	{ "numa_cpu_nodes", "NUMA nodes such as 0, 0-1 or all", set_numa_cpu_nodes, false,
	  "nodes on whose CPUs its tasks run" },
	{ "numa_mem_policy", "default, local, prefer:NODE, bind:NODES or interleave:NODES", set_numa_mem_policy, false,
	  "where a task's memory comes from" },
	{ "cpus_allowed", "CPUs such as 0-3,8", set_cpus_allowed, false, "CPUs that tasks run on" },
	{ "group_reporting", FLAG_WANTED, set_group_reporting, true, "tasks are not told apart in the results" },
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
	static const struct job_blocks blocks = { .split = { { 4096, 100 } }, .n = 1 };

	*j = (struct job){ .reads = blocks, .writes = blocks, .mix_read = 50, .kb = 1024, .nrfiles = 1, .numjobs = 1,
		           .service_calls = 1, .iodepth = 1, .loops = 1, .thinktime_blocks = 1, .randseed = 1 };
}

/*
 * Files, the size of each and of all, from what was given of size, filesize, nrfiles and filename. What does not divide
 * is a block more for each of the first files.
 */
static int derive_sizes(struct job *j, struct why *why)
{
	uint64_t rest;

	if (j->filename[0]) {
		j->nrfiles = 1;
		for (const char *p = j->filename; *p; p++)
			j->nrfiles += *p == ':';
	}
	if (j->size_percent && !j->filesize)
		return why_set(why, -EINVAL, "size: a percentage is of filesize, which is missing");
	if (!j->size && !j->filesize)
		return why_set(why, -EINVAL, "size: missing (filesize, or bench --size, will do)");
	if (!j->filesize) {
		j->filesize = j->size / j->nrfiles;
		rest = j->size - j->filesize * j->nrfiles;
		j->larger = (unsigned)(rest / job_min_bs(j));
	}
	if (j->size_percent && j->size_percent < 100) {
		j->filesize = j->filesize * j->size_percent / 100;
		j->filesize -= j->filesize % job_min_bs(j);
	}
	if (j->filesize + (j->larger ? job_min_bs(j) : 0) < job_min_bs(j))
		return why_set(why, -EINVAL, "size: a file is smaller than a block (bs)");
	if (!j->size || j->size > job_bytes(j))
		j->size = job_bytes(j);
	if (j->io_percent)
		j->io_size = j->size / 100 * j->io_percent;
	return 0;
}

/* What its log of calls needs and syncs; all else that the section says, fio ignores. */
static int take_iolog(struct job *j, struct why *why)
{
	struct job_iolog log;
	int ret = job_iolog_look(j->iolog, &log, why);

	if (ret)
		return why_set(why, ret, "read_iolog: %s", why->text);
	j->rw = !log.reads ? JOB_WRITE : log.writes ? JOB_RW : JOB_READ;
	j->size = log.bytes > job_min_bs(j) ? log.bytes : job_min_bs(j);
	j->filesize = j->size_percent = 0;
	j->nrfiles = 1;
	j->fsync = log.fsync;
	j->fdatasync = log.fdatasync && !log.fsync;
	j->range_every = 0;
	return 0;
}

/* A file's name: what it may not have. */
static int check_names(const struct job *j, struct why *why)
{
	bool named = j->filename[0] || (j->format[0] && !strstr(j->format, "$jobname"));

	if (!named && strchr(j->name, '/'))
		return why_set(why, -EINVAL, "a section's name is in the names of its files: expected one without /");
	return 0;
}

int job_check(struct job *j, struct why *why)
{
	if (check_names(j, why))
		return -EINVAL;
	if (j->time_based && !j->runtime_ns)
		j->time_based = false; /* as fio: without a runtime it ends by its size */
	if (j->unlink_each_loop && (job_reads(j) || j->mapped))
		return why_set(why, -EINVAL, "unlink_each_loop: cannot go with %s: the next pass would find nothing in "
		               "the files", j->mapped ? "ioengine=mmap" : "reads");
	if (j->cpus_allowed[0] && j->numa_cpu_nodes[0])
		return why_set(why, -EINVAL, "cpus_allowed: cannot go with numa_cpu_nodes");
	if (j->iolog[0] && take_iolog(j, why))
		return -EINVAL;
	return derive_sizes(j, why);
}

unsigned job_sync_kinds(const struct job *j)
{
	return !!j->fsync + !!j->fdatasync + !!j->range_every;
}

unsigned job_sync_every(const struct job *j)
{
	return j->fsync ? j->fsync : j->fdatasync ? j->fdatasync : j->range_every;
}

bool job_reads(const struct job *j)
{
	return j->rw != JOB_WRITE && j->rw != JOB_RANDWRITE;
}

bool job_writes(const struct job *j)
{
	return j->rw != JOB_READ && j->rw != JOB_RANDREAD;
}

bool job_random(const struct job *j)
{
	return j->rw >= JOB_RANDREAD;
}

unsigned job_depth(const struct job *j)
{
	return j->async ? j->iodepth : 1;
}

static void look_at(const struct job_blocks *b, uint32_t *min, uint32_t *max)
{
	for (unsigned i = 0; i < b->n; i++) {
		*max = b->split[i].bs > *max ? b->split[i].bs : *max;
		*min = b->split[i].bs < *min ? b->split[i].bs : *min;
	}
	*max = b->to > *max ? b->to : *max;
}

static uint32_t extreme_bs(const struct job *j, bool largest)
{
	uint32_t min = UINT32_MAX, max = 0;

	if (job_reads(j))
		look_at(&j->reads, &min, &max);
	if (job_writes(j))
		look_at(&j->writes, &min, &max);
	return largest ? max : min;
}

uint32_t job_max_bs(const struct job *j)
{
	return extreme_bs(j, true);
}

uint32_t job_min_bs(const struct job *j)
{
	return extreme_bs(j, false);
}
