/* phases_test.c: stacks that were seen find the phase that is due, and no row of the table is out of reach. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "kwait/phases.h"

#define FRAMES 12

/* As they were recorded, the innermost first. */
static const struct {
	const char *frame[FRAMES];
	unsigned phase;
	const char *function;
} seen[] = {
	{ { "__schedule", "schedule", "io_schedule", "folio_wait_bit_common", "folio_wait_bit",
	    "folio_wait_writeback", "__filemap_fdatawait_range",
	    "file_write_and_wait_range", "ext4_sync_file", "do_fsync" },
	  PH_WAIT_DATA, "folio_wait_writeback" },
	{ { "__schedule", "schedule", "jbd2_log_wait_commit", "ext4_sync_file", "do_fsync" }, PH_LOG_JOIN,
	  "jbd2_log_wait_commit" },
	{ { "__schedule", "schedule", "schedule_timeout", "__wait_for_common", "submit_bio_wait", "blkdev_issue_flush",
	    "ext4_sync_file", "do_fsync" }, PH_DEV_FLUSH, "blkdev_issue_flush" },
	{ { "__schedule", "schedule", "xlog_wait_on_iclog", "xfs_log_force_seq", "xfs_file_fsync" }, PH_LOG_WRITE,
	  "xlog_wait_on_iclog" },
	{ { "__schedule", "schedule", "schedule_timeout", "__flush_workqueue", "xlog_cil_push_now",
	    "xlog_cil_force_seq", "xfs_log_force_seq", "xfs_file_fsync" }, PH_LOG_JOIN, "xlog_cil_push_now" },
	{ { "__schedule", "schedule", "wait_log_commit", "btrfs_sync_log", "btrfs_sync_file" }, PH_LOG_JOIN,
	  "wait_log_commit" },
	{ { "__schedule", "schedule", "schedule_timeout", "btrfs_sync_log", "btrfs_sync_file", "do_fsync" }, KW_JIFFY,
	  "btrfs_sync_log" },
	{ { "__schedule", "schedule", "inode_wait_for_writeback", "writeback_single_inode", "sync_inode_metadata" },
	  KW_LOCK, "inode_wait_for_writeback" },
	/* A wait for I/O has a time limit, too: it is no such sleep. */
	{ { "__schedule", "schedule", "schedule_timeout", "io_schedule_timeout", "wait_for_completion_io",
	    "write_all_supers", "btrfs_sync_log", "btrfs_sync_file" }, PH_DEV_FLUSH, "write_all_supers" },
	{ { "__schedule", "schedule", "io_schedule", "folio_wait_bit_common", "write_all_supers", "btrfs_sync_log" },
	  PH_SUPER, "write_all_supers" },
	/* All that a full commit waits for is the full commit. */
	{ { "__schedule", "schedule", "schedule_timeout", "wait_for_completion_io", "write_all_supers",
	    "btrfs_commit_transaction", "btrfs_sync_file" }, PH_TRANS, "btrfs_commit_transaction" },
};

static void stacks_that_were_seen_find_their_phase(void **state)
{
	for (size_t i = 0; i < sizeof(seen) / sizeof(seen[0]); i++) {
		unsigned n = 0;
		const struct kwait_row *row;

		while (n < FRAMES && seen[i].frame[n])
			n++;
		row = kwait_find(seen[i].frame, n);
		assert_non_null(row);
		assert_string_equal(kwait_phase_name(row->phase), kwait_phase_name(seen[i].phase));
		assert_string_equal(row->function, seen[i].function);
	}
}

static void each_row_is_within_reach(void **state)
{
	const struct kwait_row *row;

	for (unsigned i = 0; (row = kwait_row(i)); i++) {
		const char *frame[] = { "__schedule", row->inner ? row->inner : "schedule", row->function, "do_fsync" };

		if (kwait_find(frame, 4) != row)
			fail_msg("a row above it takes the stack of %s%s%s", row->function, row->inner ? " over " : "",
			         row->inner ? row->inner : "");
	}
}

static void rows_and_phases_have_words(void **state)
{
	const struct kwait_row *row;

	for (unsigned i = 0; (row = kwait_row(i)); i++) {
		assert_true(row->what[0] && row->phase < KW_NR && row->phase != PH_OTHER && row->phase != PH_IDLE);
		assert_non_null(row->seen);
	}
	for (unsigned p = 0; p < KW_NR; p++) {
		assert_true(kwait_phase_name(p)[0] && kwait_phase_what(p)[0]);
		for (unsigned k = 0; k < p; k++)
			assert_string_not_equal(kwait_phase_name(p), kwait_phase_name(k));
	}
}

static void an_unknown_stack_has_no_row(void **state)
{
	const char *const frame[] = { "__schedule", "schedule", "pipe_read", "vfs_read" };

	assert_null(kwait_find(frame, 4));
	assert_null(kwait_find(frame, 0));
	/* The inner function counts only further in than the row's own. */
	const char *const outside[] = { "write_all_supers", "wait_for_completion_io" };
	assert_int_equal(kwait_find(outside, 2)->phase, PH_SUPER);
}

/* It waits for work, and is not in a sync. */
static void a_worker_of_io_uring_may_be_idle(void **state)
{
	const char *const idle[] = { "__schedule", "schedule", "schedule_timeout", "io_wq_worker", "ret_from_fork" };
	const char *const works[] = { "__schedule", "io_schedule", "folio_wait_writeback", "vfs_fsync_range",
		                      "io_wq_submit_work", "io_wq_worker", "ret_from_fork" };

	assert_true(kwait_is_idle_worker(idle, 5));
	assert_false(kwait_is_idle_worker(works, 7));
	assert_false(kwait_is_idle_worker(idle, 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stacks_that_were_seen_find_their_phase),
		cmocka_unit_test(each_row_is_within_reach),
		cmocka_unit_test(rows_and_phases_have_words),
		cmocka_unit_test(an_unknown_stack_has_no_row),
		cmocka_unit_test(a_worker_of_io_uring_may_be_idle),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
