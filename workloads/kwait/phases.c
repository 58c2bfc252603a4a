/* phases.c: see phases.h. To add a row: put it above those that are more general, and say where it was seen. */
#include "kwait/phases.h"

#include <string.h>

#define SEEN "6.18"

static const struct kwait_row rows[] = {
	/* btrfs: a full commit contains all other waits, so it comes first */
	{ "btrfs", "btrfs_commit_transaction", NULL, PH_TRANS, "a full commit of the transaction", SEEN },
	{ "btrfs", "wait_current_trans", NULL, PH_TRANS, "a transaction that lets nobody in", "" },
	{ "btrfs", "btrfs_wait_for_commit", NULL, PH_TRANS, "another task's commit of the transaction", "" },
	{ "btrfs", "wait_for_commit", NULL, PH_TRANS, "another task's commit of the transaction", "" },
	{ "btrfs", "wait_log_commit", NULL, PH_LOG_JOIN, "another task's log commit", SEEN },
	{ "btrfs", "wait_for_writer", NULL, PH_LOG_JOIN, "other tasks that write to the log", SEEN },
	{ "btrfs", "write_all_supers", "wait_for_completion_io", PH_DEV_FLUSH,
	  "the device's flush before the super block", SEEN },
	{ "btrfs", "write_all_supers", NULL, PH_SUPER, "the super block", SEEN },
	{ "btrfs", "btrfs_wait_tree_log_extents", NULL, PH_LOG_WRITE, "the log's blocks", SEEN },
	{ "btrfs", "btrfs_wait_tree_block_writeback", NULL, PH_LOG_WRITE, "the log's blocks", "" },
	{ "btrfs", "btrfs_write_marked_extents", NULL, PH_LOG_WRITE, "the log's blocks, handed to the device", SEEN },
	{ "btrfs", "btrfs_wait_ordered_range", NULL, PH_WAIT_DATA, "the file's data", SEEN },
	{ "btrfs", "btrfs_log_inode", NULL, PH_LOG_ITEMS, "the log tree, or a block of it", SEEN },
	{ "btrfs", "start_log_trans", NULL, PH_LOG_ITEMS, "the log tree", SEEN },
	{ "btrfs", "btrfs_sync_log", "__mutex_lock", PH_LOG_JOIN, "another task's log commit, at its mutex", SEEN },
	{ "btrfs", "btrfs_sync_log", "mutex_lock", PH_LOG_JOIN, "another task's log commit, at its mutex", SEEN },
	{ "btrfs", "btrfs_sync_log", "schedule_timeout", KW_JIFFY,
	  "a sleep of one tick for more writers, made because the device says rotational; mount with -o ssd",
	  SEEN },
	{ "btrfs", "btrfs_sync_log", NULL, PH_LOG_JOIN, "other tasks that write to the log, or commit it", "" },
	{ "btrfs", "start_ordered_ops", NULL, PH_FLUSH, "writeback of the file, started", SEEN },
	{ "btrfs", "btrfs_fdatawrite_range", NULL, PH_FLUSH, "writeback of the file, started", SEEN },
	/* ext4 */
	{ "ext4", "jbd2_log_wait_commit", NULL, PH_LOG_JOIN, "another task's journal commit", SEEN },
	{ "ext4", "jbd2_complete_transaction", NULL, PH_LOG_JOIN, "another task's journal commit", "" },
	{ "ext4", "ext4_fc_commit", "jbd2_fc_wait_bufs", PH_LOG_WRITE, "the fast commit's blocks", "" },
	{ "ext4", "ext4_fc_commit", NULL, PH_LOG_WRITE, "a fast commit", "" },
	{ "ext4", "ext4_force_commit", NULL, PH_TRANS, "a full commit of the journal", "" },
	{ "ext4", "wait_transaction_locked", NULL, PH_TRANS, "a journal transaction that lets nobody in", SEEN },
	{ "ext4", "ext4_write_inode", NULL, KW_META, "the inode's block, written where it lies: there is no journal",
	  SEEN },
	{ "ext4", "fsync_buffers_list", NULL, KW_META, "the file's blocks of metadata: there is no journal", SEEN },
	/* xfs */
	{ "xfs", "xlog_cil_push_now", NULL, PH_LOG_JOIN,
	  "the worker that writes what is gathered in memory into the log", SEEN },
	{ "xfs", "xlog_cil_force_seq", NULL, PH_LOG_JOIN, "the checkpoint before ours", SEEN },
	{ "xfs", "xlog_wait_on_iclog", NULL, PH_LOG_WRITE, "the log's write and its flush", SEEN },
	{ "xfs", "xlog_force_lsn", NULL, PH_LOG_WRITE, "the log's write and its flush", SEEN },
	{ "xfs", "xfs_log_force_seq", NULL, PH_LOG_WRITE, "the log", SEEN },
	/* f2fs */
	{ "f2fs", "f2fs_write_checkpoint", NULL, PH_TRANS, "a checkpoint", "" },
	{ "f2fs", "f2fs_issue_checkpoint", NULL, PH_TRANS, "a checkpoint made by its own thread", "" },
	{ "f2fs", "f2fs_issue_flush", NULL, PH_DEV_FLUSH, "the device's flush", "" },
	{ "f2fs", "f2fs_wait_on_node_pages_writeback", NULL, PH_LOG_WRITE, "the file's node blocks", "" },
	{ "f2fs", "f2fs_fsync_node_pages", NULL, PH_LOG_WRITE, "the file's node blocks, handed to the device", "" },
	/* bcachefs */
	{ "bcachefs", "bch2_journal_flush_seq", NULL, PH_LOG_JOIN, "the journal's write and its flush", "" },
	{ "bcachefs", "bch2_journal_flush", NULL, PH_LOG_JOIN, "the journal's write and its flush", "" },
	{ "bcachefs", "bch2_inode_flush_nocow_writes", NULL, PH_WAIT_DATA, "the file's data", "" },
	/* any of them */
	{ "", "blkdev_issue_flush", NULL, PH_DEV_FLUSH, "the device's flush", SEEN },
	{ "", "folio_wait_writeback", NULL, PH_WAIT_DATA, "the file's data", SEEN },
	{ "", "__filemap_fdatawait_range", NULL, PH_WAIT_DATA, "the file's data", SEEN },
	{ "", "wait_on_page_writeback", NULL, PH_WAIT_DATA, "the file's data", "" },
	{ "", "rwsem_down_write_slowpath", NULL, PH_INODE_LOCK, "the inode lock, or another read-write lock", "" },
	{ "", "rwsem_down_read_slowpath", NULL, PH_INODE_LOCK, "the inode lock, or another read-write lock", "" },
	{ "", "inode_wait_for_writeback", NULL, KW_LOCK, "the inode, which another task is writing", SEEN },
	{ "", "__mutex_lock", NULL, KW_LOCK, "a mutex", "" },
	{ "", "out_of_line_wait_on_bit", NULL, KW_LOCK, "a buffer that another task has locked", "" },
	{ "", "__folio_lock", NULL, KW_LOCK, "a page that another task has locked", SEEN },
	{ "", "try_to_free_pages", NULL, KW_MEMORY, "free memory", "" },
	{ "", "mempool_alloc", NULL, KW_MEMORY, "free memory", "" },
	{ "", "do_writepages", NULL, PH_FLUSH, "writeback of the file: a place in the device's queue", SEEN },
	{ "", "blk_finish_plug", NULL, PH_FLUSH, "a place in the device's queue", "" },
	{ "", "__blk_flush_plug", NULL, PH_FLUSH, "a place in the device's queue", "" },
	{ "", "irqentry_exit_to_user_mode", NULL, KW_PREEMPTED, "another task had the processor", SEEN },
	{ "", "exit_to_user_mode_loop", NULL, KW_PREEMPTED, "another task had the processor", SEEN },
	{ "", "task_numa_work", NULL, KW_PREEMPTED, "the scheduler, which looks where the task's memory is", "" },
	{ "", "migrate_swap", NULL, KW_PREEMPTED, "the scheduler, which moved the task to another node", "6.1" },
	{ "", "__cond_resched", NULL, KW_PREEMPTED, "another task had the processor", SEEN },
	{ "", "preempt_schedule", NULL, KW_PREEMPTED, "another task had the processor", "" },
	{ "", "preempt_schedule_irq", NULL, KW_PREEMPTED, "another task had the processor", "" },
};

const struct kwait_row *kwait_row(unsigned i)
{
	return i < sizeof(rows) / sizeof(rows[0]) ? &rows[i] : NULL;
}

/* The frame, from `from` outwards, that the function is in; n when it is in none. */
static unsigned frame_of(const char *function, const char *const *frame, unsigned from, unsigned n)
{
	while (from < n && strcmp(frame[from], function))
		from++;
	return from;
}

const struct kwait_row *kwait_find(const char *const *frame, unsigned n)
{
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned at = frame_of(rows[i].function, frame, 0, n);

		if (at < n && (!rows[i].inner || frame_of(rows[i].inner, frame, 0, at) < at))
			return &rows[i];
	}
	return NULL;
}

static const struct {
	const char *name, *what;
} beyond[KW_NR - PH_NR] = {
	[KW_JIFFY - PH_NR] = { "jiffy_sleep",
	                       "btrfs sleeps one tick where the device says rotational; -o ssd spares it" },
	[KW_META - PH_NR] = { "metadata", "writing metadata where it lies: a file system without a log" },
	[KW_LOCK - PH_NR] = { "lock", "waiting for a lock, a page or a buffer of another task" },
	[KW_MEMORY - PH_NR] = { "memory", "waiting for free memory" },
	[KW_WORKER - PH_NR] = { "worker", "through io_uring: until a worker begins, and from its end to completion" },
	[KW_ON_CPU - PH_NR] = { "on_cpu", "running, in the kernel" },
	[KW_PREEMPTED - PH_NR] = { "preempted", "could run, and another task had the processor" },
};

const char *kwait_phase_name(unsigned phase)
{
	return phase < PH_NR ? phase_info[phase].name : beyond[phase - PH_NR].name;
}

const char *kwait_phase_what(unsigned phase)
{
	return phase < PH_NR ? phase_info[phase].what : beyond[phase - PH_NR].what;
}

bool kwait_is_scheduler(const char *function)
{
	static const char *const of_it[] = {
		"__schedule", "schedule", "schedule_timeout", "io_schedule", "io_schedule_timeout",
		"bit_wait", "bit_wait_io", "__wait_on_bit", "out_of_line_wait_on_bit", "perf_event_task_sched_out",
		"__perf_event_task_sched_out", "__wait_for_common", "wait_for_common_io", "prepare_task_switch", "?",
		"perf_trace_sched_switch", "__perf_sw_event", "___perf_sw_event", "preempt_schedule_common",
		"__perf_event_overflow", "perf_swevent_overflow", "perf_tp_event", "__traceiter_sched_switch",
		"perf_callchain", "get_perf_callchain", "perf_prepare_sample", "perf_event_output_forward",
	};

	for (unsigned i = 0; i < sizeof(of_it) / sizeof(of_it[0]); i++)
		if (!strcmp(of_it[i], function))
			return true;
	return false;
}

bool kwait_is_idle_worker(const char *const *frame, unsigned n)
{
	unsigned at = 0;

	while (at < n && kwait_is_scheduler(frame[at]))
		at++;
	return at < n && !strcmp(frame[at], "io_wq_worker");
}
