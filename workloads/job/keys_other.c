/*
 * keys_other.c: fio's keys that change no call here, and those that cannot be done here; fio's second spellings; and
 * the names under which people look for a key. fio itself runs a job with a key that cannot be done here.
 */
#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "job/keys.h"

#define RESULTS "fio's own results and logs: here they are in the run's folder"
#define CONTENT "the content of a block, which is never the same twice here"
#define ENGINE  "how fio waits for its calls, which go one by one here, or iodepth at a time"
#define PLACE   "the target says where"
#define ALWAYS  "as it always is here"
#define HINT    "what the page cache is told before the run; each run has files of its own"
#define STOPS   "when others of a job are stopped: sections end each at its own time here"

const struct job_other_key job_other_keys[] = {
	{ "directory", JOB_NOTHING, 's', PLACE, NULL },
	{ "thread", JOB_NOTHING, 'b', "tasks are threads here, and share no descriptors", NULL },
	{ "invalidate", JOB_NOTHING, 'b', HINT, NULL },
	{ "fadvise_hint", JOB_NOTHING, 's', HINT, NULL },
	{ "write_hint", JOB_NOTHING, 's', "a hint to the device about the life of data", NULL },
	{ "create_serialize", JOB_NOTHING, 'b', "files are made before anything is measured", NULL },
	{ "create_fsync", JOB_NOTHING, 'b', "files are made before anything is measured", NULL },
	{ "allow_file_create", JOB_NOTHING, 'b', "each run has files of its own", NULL },
	{ "unique_filename", JOB_NOTHING, 'b', "each run has files of its own", NULL },
	{ "randrepeat", JOB_NOTHING, 'b', "--seed says it", NULL },
	{ "allrandrepeat", JOB_NOTHING, 'b', "--seed says it", NULL },
	{ "random_generator", JOB_NOTHING, 's', "chance has one generator here", NULL },
	{ "softrandommap", JOB_NOTHING, 'b', "there is always room for a map of the blocks", NULL },
	{ "refill_buffers", JOB_NOTHING, 'b', CONTENT, NULL },
	{ "scramble_buffers", JOB_NOTHING, 'b', CONTENT, NULL },
	{ "iodepth_batch", JOB_NOTHING, 'n', ENGINE, NULL },
	{ "iodepth_batch_complete_min", JOB_NOTHING, 'n', ENGINE, NULL },
	{ "iodepth_batch_complete_max", JOB_NOTHING, 'n', ENGINE, NULL },
	{ "iodepth_low", JOB_NOTHING, 'n', ENGINE, NULL },
	{ "userspace_reap", JOB_NOTHING, 'b', ENGINE, NULL },
	{ "fixedbufs", JOB_NOTHING, 'b', ENGINE, NULL },
	{ "registerfiles", JOB_NOTHING, 'b', ENGINE, NULL },
	{ "hipri", JOB_NOTHING, 'b', ENGINE, NULL },
	{ "sqthread_poll", JOB_NOTHING, 'b', ENGINE, NULL },
	{ "iomem", JOB_NOTHING, 's', "where fio's buffers come from", NULL },
	{ "mem", JOB_NOTHING, 's', "where fio's buffers come from", NULL },
	{ "iomem_align", JOB_NOTHING, 's', "buffers begin at a page here", NULL },
	{ "hugepage-size", JOB_NOTHING, 's', "where fio's buffers come from", NULL },
	{ "new_group", JOB_NOTHING, 'b', "each section has rows of its own", NULL },
	{ "stats", JOB_NOTHING, 'b', RESULTS, NULL },
	{ "per_job_logs", JOB_NOTHING, 'b', RESULTS, NULL },
	{ "write_bw_log", JOB_NOTHING, 's', RESULTS, NULL },
	{ "write_lat_log", JOB_NOTHING, 's', RESULTS, NULL },
	{ "write_iops_log", JOB_NOTHING, 's', RESULTS, NULL },
	{ "write_hist_log", JOB_NOTHING, 's', RESULTS, NULL },
	{ "log_avg_msec", JOB_NOTHING, 'n', RESULTS, NULL },
	{ "log_hist_msec", JOB_NOTHING, 'n', RESULTS, NULL },
	{ "log_hist_coarseness", JOB_NOTHING, 'n', RESULTS, NULL },
	{ "log_entries", JOB_NOTHING, 'n', RESULTS, NULL },
	{ "log_max_value", JOB_NOTHING, 'b', RESULTS, NULL },
	{ "log_offset", JOB_NOTHING, 'b', RESULTS, NULL },
	{ "log_prio", JOB_NOTHING, 'b', RESULTS, NULL },
	{ "log_compression", JOB_NOTHING, 's', RESULTS, NULL },
	{ "log_store_compressed", JOB_NOTHING, 'b', RESULTS, NULL },
	{ "log_unix_epoch", JOB_NOTHING, 'b', RESULTS, NULL },
	{ "bwavgtime", JOB_NOTHING, 'n', RESULTS, NULL },
	{ "iopsavgtime", JOB_NOTHING, 'n', RESULTS, NULL },
	{ "percentile_list", JOB_NOTHING, 's', "--percentile-list says it", NULL },
	{ "clat_percentiles", JOB_NOTHING, 'b', RESULTS, NULL },
	{ "lat_percentiles", JOB_NOTHING, 'b', RESULTS, NULL },
	{ "slat_percentiles", JOB_NOTHING, 'b', RESULTS, NULL },
	{ "significant_figures", JOB_NOTHING, 'n', RESULTS, NULL },
	{ "unified_rw_reporting", JOB_NOTHING, 's', RESULTS, NULL },
	{ "unit_base", JOB_NOTHING, 'n', RESULTS, NULL },
	{ "disk_util", JOB_NOTHING, 'b', RESULTS, NULL },
	{ "disable_lat", JOB_NOTHING, 'b', RESULTS, NULL },
	{ "disable_clat", JOB_NOTHING, 'b', RESULTS, NULL },
	{ "disable_slat", JOB_NOTHING, 'b', RESULTS, NULL },
	{ "disable_bw_measurement", JOB_NOTHING, 'b', RESULTS, NULL },
	{ "clocksource", JOB_NOTHING, 's', "each call is timed by the processor's own clock", NULL },
	{ "gtod_reduce", JOB_NOTHING, 'b', "each call is timed by the processor's own clock", NULL },
	{ "gtod_cpu", JOB_NOTHING, 'n', "each call is timed by the processor's own clock", NULL },
	{ "cpus_allowed_policy", JOB_NOTHING, 's', "tasks share the processors that are allowed", NULL },
	{ "exitall", JOB_NOTHING, 'b', STOPS, NULL },
	{ "exit_what", JOB_NOTHING, 's', STOPS, NULL },
	{ "exitall_on_error", JOB_NOTHING, 'b', "an error ends the run here", NULL },
	{ "error_dump", JOB_NOTHING, 'b', "an error ends the run here", NULL },
	{ "verify_fatal", JOB_NOTHING, 'b', "of verify", NULL },
	{ "verify_dump", JOB_NOTHING, 'b', "of verify", NULL },
	{ "verify_async", JOB_NOTHING, 'n', "of verify", NULL },
	{ "do_verify", JOB_NOTHING, 'b', "of verify", NULL },
	{ "ioscheduler", JOB_NOTHING, 's', "the device's scheduler is left as it is", NULL },
	{ "uncached", JOB_NOTHING, 'b', "of pvsync2 and io_uring: writes stay in the page cache here", NULL },
	/* only as options */
	{ "output", JOB_NOTHING, 's', RESULTS, NULL },
	{ "output-format", JOB_NOTHING, 's', RESULTS, NULL },
	{ "minimal", JOB_NOTHING, 'b', RESULTS, NULL },
	{ "eta", JOB_NOTHING, 's', RESULTS, NULL },
	{ "eta-newline", JOB_NOTHING, 's', RESULTS, NULL },
	{ "status-interval", JOB_NOTHING, 's', RESULTS, NULL },

	{ "verify", JOB_CANNOT, 's', "reads back what was written", "0" },
	{ "verify_pattern", JOB_CANNOT, 's', "reads back what was written", NULL },
	{ "verify_only", JOB_CANNOT, 'b', "reads back what was written", "0" },
	{ "verify_backlog", JOB_CANNOT, 'n', "reads back what was written", "0" },
	{ "experimental_verify", JOB_CANNOT, 'b', "reads back what was written", "0" },
	{ "verify_state_save", JOB_CANNOT, 'b', "reads back what was written", "0" },
	{ "write_iolog", JOB_REFUSED, 's', "keeps a log of all calls outside of the target", NULL },
	{ "replay_no_stall", JOB_CANNOT, 's', "plays calls from a log", NULL },
	{ "replay_redirect", JOB_CANNOT, 's', "plays calls from a log", NULL },
	{ "offset", JOB_CANNOT, 's', "leaves out the beginning of a file", "0" },
	{ "offset_increment", JOB_CANNOT, 's', "gives each task a part of a file", "0" },
	{ "offset_align", JOB_CANNOT, 's', "moves offsets", "0" },
	{ "blockalign", JOB_CANNOT, 's', "moves random offsets", NULL },
	{ "fill_device", JOB_CANNOT, 'b', "writes until there is no space", "0" },
	{ "zero_buffers", JOB_CANNOT, 'b', "blocks of zeros: no two blocks are the same here", "0" },
	{ "buffer_pattern", JOB_CANNOT, 's', "blocks of one pattern: no two blocks are the same here", NULL },
	{ "buffer_compress_percentage", JOB_CANNOT, 'n', "blocks that can be compressed", "0" },
	{ "buffer_compress_chunk", JOB_CANNOT, 's', "blocks that can be compressed", NULL },
	{ "dedupe_percentage", JOB_CANNOT, 'n', "blocks that are the same", "0" },
	{ "random_distribution", JOB_CANNOT, 's', "prefers some offsets", "random" },
	{ "percentage_random", JOB_CANNOT, 's', "mixes random calls and calls in order", "100" },
	{ "zonemode", JOB_CANNOT, 's', "keeps to zones", "none" },
	{ "zonesize", JOB_CANNOT, 's', "keeps to zones", "0" },
	{ "atomic", JOB_CANNOT, 'b', "writes that are atomic", "0" },
	{ "write_barrier", JOB_CANNOT, 'n', "makes each N-th write a barrier", "0" },
	{ "lockfile", JOB_CANNOT, 's', "locks files", "none" },
	{ "lockmem", JOB_CANNOT, 's', "takes memory away from the machine", "0" },
	{ "nice", JOB_CANNOT, 's', "changes who runs first", "0" },
	{ "prio", JOB_CANNOT, 's', "changes whose calls go first", NULL },
	{ "prioclass", JOB_CANNOT, 's', "changes whose calls go first", NULL },
	{ "rate_min", JOB_CANNOT, 's', "gives up when it is too slow", NULL },
	{ "rate_iops_min", JOB_CANNOT, 's', "gives up when it is too slow", NULL },
	{ "max_latency", JOB_CANNOT, 's', "gives up when it is too slow", "0" },
	{ "latency_target", JOB_CANNOT, 's', "looks for a depth by itself", "0" },
	{ "flow", JOB_CANNOT, 's', "keeps sections at a ratio", "0" },
	{ "ignore_error", JOB_CANNOT, 's', "goes on after an error", NULL },
	{ "continue_on_error", JOB_CANNOT, 's', "goes on after an error", "none" },
	{ "exec_prerun", JOB_CANNOT, 's', "runs a program", NULL },
	{ "exec_postrun", JOB_CANNOT, 's', "runs a program", NULL },
	{ "wait_for", JOB_CANNOT, 's', "waits for a section by its name", NULL },
	{ "opendir", JOB_REFUSED, 's', "takes the files of a folder", NULL },
	{ "create_only", JOB_CANNOT, 'b', "makes files and ends", "0" },
	{ "io_submit_mode", JOB_CANNOT, 's', "makes calls from other threads", "inline" },
	{ "serialize_overlap", JOB_CANNOT, 'b', "keeps calls apart that overlap", "0" },
	{ "steadystate", JOB_CANNOT, 's', "ends when figures stay the same", NULL },
	{ "trim_percentage", JOB_CANNOT, 'n', "trims", "0" },
	{ "cgroup", JOB_CANNOT, 's', "puts tasks into a control group", NULL },
	{ "uid", JOB_CANNOT, 'n', "changes who runs it", NULL },
	{ "gid", JOB_CANNOT, 'n', "changes who runs it", NULL },
	{ "profile", JOB_REFUSED, 's', "another program's workload", NULL },
};
const unsigned job_nother_keys = sizeof(job_other_keys) / sizeof(job_other_keys[0]);

struct pair {
	const char *from, *to;
};

static const char *find(const struct pair *p, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(p[i].from, name))
			return p[i].to;
	return NULL;
}

const char *job_key_canon(const char *name)
{
	static const struct pair spelling[] = {
		{ "readwrite", "rw" }, { "blocksize", "bs" }, { "blocksize_range", "bsrange" },
		{ "blocksize_unaligned", "bs_unaligned" }, { "nr_files", "nrfiles" }, { "io_limit", "io_size" },
		{ "timeout", "runtime" }, { "wait_for_previous", "stonewall" }, { "dir", "directory" },
		{ "iodepth_batch_submit", "iodepth_batch" }, { "iodepth_batch_complete", "iodepth_batch_complete_min" },
		{ "disable_bw", "disable_bw_measurement" }, { "ba", "blockalign" }, { "fileoffset", "offset" },
		{ "fill_fs", "fill_device" }, { "ratemin", "rate_min" }, { "mem_align", "iomem_align" },
		{ "ss", "steadystate" },
	};
	const char *to = find(spelling, sizeof(spelling) / sizeof(spelling[0]), name);

	return to ? to : name;
}

const char *job_key_meant(const char *name)
{
	static const struct pair meant[] = {
		{ "numjob", "numjobs" },
		{ "jobs", "numjobs" },
		{ "threads", "numjobs" },
		{ "num_jobs", "numjobs" },
		{ "block_size", "bs" },
		{ "blksize", "bs" },
		{ "block", "bs" },
		{ "mode", "rw" },
		{ "pattern", "rw" },
		{ "file", "filename" },
		{ "path", "filename" },
		{ "folder", "directory" },
		{ "depth", "iodepth" },
		{ "queue_depth", "iodepth" },
		{ "qd", "iodepth" },
		{ "engine", "ioengine" },
		{ "time", "runtime" },
		{ "duration", "runtime" },
		{ "seconds", "runtime" },
		{ "file_size", "filesize" },
		{ "iosize", "io_size" },
		{ "files", "nrfiles" },
		{ "odirect", "direct" },
		{ "o_direct", "direct" },
		{ "dsync", "sync" },
		{ "osync", "sync" },
		{ "data_sync", "fdatasync" },
		{ "flush", "fsync" },
		{ "fsync_on_end", "end_fsync" },
		{ "end_sync", "end_fsync" },
		{ "close_fsync", "fsync_on_close" },
		{ "iops", "rate_iops" },
		{ "rwmix", "rwmixread" },
		{ "seed", "randseed" },
		{ "think_time", "thinktime" },
		{ "delay", "startdelay" },
		{ "loop", "loops" },
		{ "preallocate", "fallocate" },
		{ "ramp", "ramp_time" },
		{ "cpus", "cpus_allowed" },
	};

	return find(meant, sizeof(meant) / sizeof(meant[0]), name);
}

/* One factor: a number and its unit, up to `*` or the end. */
static int factor(const char **at, unsigned kb, uint64_t *out)
{
	static const char letters[] = "kmgtp";
	const char *s = *at, *letter;
	unsigned base = kb;
	uint64_t n = 0;

	if (*s < '0' || *s > '9')
		return -EINVAL;
	for (; *s >= '0' && *s <= '9'; s++)
		if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, (uint64_t)(*s - '0'), &n))
			return -EINVAL;
	letter = *s ? strchr(letters, *s | 0x20) : NULL;
	if (letter) {
		s++;
		if ((*s | 0x20) == 'i') { /* (job.4) */
			base = kb == 1024 ? 1000 : 1024;
			s++;
		}
		for (long i = letter - letters; i >= 0; i--)
			if (__builtin_mul_overflow(n, base, &n))
				return -EINVAL;
	}
	if ((*s | 0x20) == 'b')
		s++;
	*at = s;
	*out = n;
	return 0;
}

int job_size_text(const char *s, unsigned kb, uint64_t *out)
{
	uint64_t n = 1, f;

	for (;;) {
		if (factor(&s, kb, &f) || __builtin_mul_overflow(n, f, &n))
			return -EINVAL;
		if (!*s)
			break;
		if (*s++ != '*')
			return -EINVAL;
	}
	*out = n;
	return 0;
}
