/*
 * designs.c: the table of designs: which score of fsync.c each has, and the verbs of its events, where they are not
 * those of postfix. A design of the corpus differs from postfix, or from one of the later designs, in one of the two.
 *
 * The first verbs below are of events that belong to no other file: what an fsync of a file without a name has to do,
 * and which write errors a sync tells of.
 *
 * Callers: mount.c fills fs->on from here; those who list designs, or look for one by its name (fs.h).
 */
#include "fs/dir.h"
#include "fs/direct.h"
#include "fs/disk_size.h"
#include "fs/extent_map.h"
#include "fs/inode.h"
#include "fs/log_name.h"
#include "fs/mount.h"
#include "fs/ordered.h"
#include "fs/page.h"
#include "fs/prealloc.h"
#include "fs/reclaim.h"
#include "fs/scores.h"
#include "fs/stream.h"
#include "fs/trans.h"
#include "fs/writeback.h"

/* ---- events that belong to no other file ---- */

/*
 * Once the unlink is on the media no crash leaves a way to the file. Until then a crash brings its name back, and what
 * fsync promises has to be there; the transaction is committed, since no log has an inode without a name
 * (log_item.c). So the unlink is durable then, as in Linux since 5e85262e542d, which logs a link count of 0.
 */
static bool unlink_is_committed(struct inode *inode)
{
	return atomic_load(&inode->last_unlink_trans) <= fs_committed(inode->root->fs);
}

static bool unlinked_is_gone(struct inode *inode)
{
	return true;
}

/* Are there errors that have not been seen? They have been now. What has been seen never becomes less: another call may
 * have seen more meanwhile. */
static bool errors_are_new(_Atomic uint32_t *errors, _Atomic uint32_t *seen)
{
	uint32_t now = atomic_load(errors), old = atomic_load(seen);

	while (old < now && !atomic_compare_exchange_weak(seen, &old, now))
		;
	return old < now;
}

/* A write error reaches each open file once (the kernel's errseq_t). */
static int file_report_error(struct file *f)
{
	rt_access(f->inode->flags_id, POINT_READ);
	return errors_are_new(&f->inode->wb_errors, &f->seen_errors) ? atomic_load(&f->inode->wb_error) : 0;
}

static int file_report_nothing(struct file *f)
{
	return 0;
}

/* And one sync of the file system (kernel: the super block's errseq_t, seen by syncfs() since 735e4ae5ba28). */
static int fs_report_error(struct fs *fs)
{
	rt_access(fs->numbers_id, POINT_READ);
	return errors_are_new(&fs->wb_errors, &fs->synced_errors) ? atomic_load(&fs->wb_error) : 0;
}

static int fs_report_nothing(struct fs *fs)
{
	return 0;
}

static const struct fs_events events_postfix = {
	.open_stream = stream_none,
	.sync_dir = dir_sync_log,
	.add_extent = writeback_map_first,
	.direct_has_range = direct_keep_lock,
	.prealloc_begins = prealloc_join,
	.sync_direct = direct_sync_unlocked,
	.release_maps = release_unneeded,
	.unpin_maps = em_unpin,
	.wrote = inode_touch_if_newer,
	.changed = inode_touch,
	.size_reaches = disk_size_to_unwritten,
	.take_dirty = page_take_dirty,
	.sums_made = ordered_show_sums,
	.io_failed = ordered_tell_later,
	.write_failed = inode_needs_holes,
	.log_lacks = log_lacks_in_place,
	.full_log_drops = log_drops_pending,
	.commit_logged = trans_wait_pending,
	.super_committed = trans_tell_completed,
	.make_log = log_make_after_super,
	.log_made = log_numbers_run_on,
	.logged_io = ordered_wait_io,
	.put_log_root = log_sync_parent,
	.joined_log_root = log_wait_own,
	.give_up_log_block = alloc_pin,
	.give_up_data = alloc_pin,
	.write_super = super_flush_and_write,
	.logged_in_full = em_forget_range,
	.rename = rename_pinned,
	.names_decline = names_are_taken,
	.log_names = log_own_names,
	.inode_logged = inode_is_logged,
	.logged_exists = inode_logged_names,
	.fsync_of_unlinked = unlink_is_committed,
	.fsync_returns = file_report_error,
	.sync_returns = fs_report_error,
};

struct fs_events design_events(const struct design *d)
{
	const struct fs_events none = { 0 }, *on = d->on ? d->on : &none, *postfix = &events_postfix;
	add_extent_fn add_extent = on->add_extent ? on->add_extent : postfix->add_extent;

	return (struct fs_events){
		.open_stream = on->open_stream ? on->open_stream : postfix->open_stream,
		.sync_dir = on->sync_dir ? on->sync_dir : postfix->sync_dir,
		.add_extent = add_extent,
		.add_direct_extent = on->add_direct_extent ? on->add_direct_extent : add_extent,
		.add_direct_prealloc = on->add_direct_prealloc ? on->add_direct_prealloc :
			on->add_direct_extent ? on->add_direct_extent : add_extent,
		.direct_has_range = on->direct_has_range ? on->direct_has_range : postfix->direct_has_range,
		.prealloc_begins = on->prealloc_begins ? on->prealloc_begins : postfix->prealloc_begins,
		.sync_direct = on->sync_direct ? on->sync_direct : postfix->sync_direct,
		.release_maps = on->release_maps ? on->release_maps : postfix->release_maps,
		.unpin_maps = on->unpin_maps ? on->unpin_maps : postfix->unpin_maps,
		.wrote = on->wrote ? on->wrote : postfix->wrote,
		.changed = on->changed ? on->changed : postfix->changed,
		.size_reaches = on->size_reaches ? on->size_reaches : postfix->size_reaches,
		.take_dirty = on->take_dirty ? on->take_dirty : postfix->take_dirty,
		.sums_made = on->sums_made ? on->sums_made : postfix->sums_made,
		.io_failed = on->io_failed ? on->io_failed : postfix->io_failed,
		.write_failed = on->write_failed ? on->write_failed : postfix->write_failed,
		.log_lacks = on->log_lacks ? on->log_lacks : postfix->log_lacks,
		.full_log_drops = on->full_log_drops ? on->full_log_drops : postfix->full_log_drops,
		.commit_logged = on->commit_logged ? on->commit_logged : postfix->commit_logged,
		.super_committed = on->super_committed ? on->super_committed : postfix->super_committed,
		.make_log = on->make_log ? on->make_log : postfix->make_log,
		.log_made = on->log_made ? on->log_made : postfix->log_made,
		.logged_io = on->logged_io ? on->logged_io : postfix->logged_io,
		.put_log_root = on->put_log_root ? on->put_log_root : postfix->put_log_root,
		.joined_log_root = on->joined_log_root ? on->joined_log_root : postfix->joined_log_root,
		.give_up_log_block = on->give_up_log_block ? on->give_up_log_block : postfix->give_up_log_block,
		.give_up_data = on->give_up_data ? on->give_up_data : postfix->give_up_data,
		.write_super = on->write_super ? on->write_super : postfix->write_super,
		.logged_in_full = on->logged_in_full ? on->logged_in_full : postfix->logged_in_full,
		.rename = on->rename ? on->rename : postfix->rename,
		.names_decline = on->names_decline ? on->names_decline : postfix->names_decline,
		.log_names = on->log_names ? on->log_names : postfix->log_names,
		.inode_logged = on->inode_logged ? on->inode_logged : postfix->inode_logged,
		.logged_exists = on->logged_exists ? on->logged_exists : postfix->logged_exists,
		.fsync_of_unlinked = on->fsync_of_unlinked ? on->fsync_of_unlinked : postfix->fsync_of_unlinked,
		.fsync_returns = on->fsync_returns ? on->fsync_returns : postfix->fsync_returns,
		.sync_returns = on->sync_returns ? on->sync_returns : postfix->sync_returns,
	};
}

/* What the kernel does at the events in 4.19, and in 5.10 to 6.12. */
static const struct fs_events events_complete = {
	.prealloc_begins = prealloc_start,
	.wrote = inode_touch_sub,
	.changed = inode_touch_torn,
	.io_failed = ordered_tell_at_once,
	.write_failed = inode_needs_nothing,
	.log_made = log_numbers_restart,
	.put_log_root = log_sync_parent_written,
	.fsync_of_unlinked = unlinked_is_gone,
};

static const struct fs_events events_modern = {
	.prealloc_begins = prealloc_start,
	.sync_direct = direct_sync_locked,
	.wrote = inode_touch_sub,
	.io_failed = ordered_tell_and_flag,
	.write_failed = inode_needs_nothing,
	.super_committed = trans_tell_super,
	.make_log = log_make_at_once,
	.log_made = log_numbers_restart,
	.put_log_root = log_sync_parent_written,
	.fsync_of_unlinked = unlinked_is_gone,
};

/* The log is a stream; and with one fault each. */
#define STREAM_EVENTS(open) .open_stream = (open), .make_log = stream_make_log, .sync_dir = dir_sync_stream
static const struct fs_events events_oneflush = { STREAM_EVENTS(stream_open) };
static const struct fs_events events_oneflush_fua = { STREAM_EVENTS(stream_open_by_fua) };

/* Their repairs. */
static const struct fs_events events_complete_repaired = {
	.wrote = inode_touch_sub,
	.io_failed = ordered_tell_and_flag,
	.put_log_root = log_sync_parent_repaired,
};

static const struct fs_events events_modern_repaired = {
	.wrote = inode_touch_sub,
	.io_failed = ordered_tell_and_flag,
	.super_committed = trans_tell_super,
	.make_log = log_make_at_once,
	.put_log_root = log_sync_parent_repaired,
};

/* modern or modern_repaired, with one known bug each. */
static const struct fs_events events_stamp_torn = {
	.wrote = inode_touch_sub,
	.changed = inode_touch_torn,
	.io_failed = ordered_tell_and_flag,
	.super_committed = trans_tell_super,
	.make_log = log_make_at_once,
	.put_log_root = log_sync_parent_repaired,
};

static const struct fs_events events_logs_failed_write = {
	.prealloc_begins = prealloc_start,
	.sync_direct = direct_sync_locked,
	.wrote = inode_touch_sub,
	.io_failed = ordered_tell_at_once,
	.write_failed = inode_needs_nothing,
	.super_committed = trans_tell_super,
	.make_log = log_make_at_once,
	.log_made = log_numbers_restart,
	.put_log_root = log_sync_parent_written,
	.fsync_of_unlinked = unlinked_is_gone,
};

static const struct fs_events events_release_takes_all = {
	.prealloc_begins = prealloc_start,
	.sync_direct = direct_sync_locked,
	.release_maps = release_all,
	.wrote = inode_touch_sub,
	.io_failed = ordered_tell_and_flag,
	.write_failed = inode_needs_nothing,
	.super_committed = trans_tell_super,
	.make_log = log_make_at_once,
	.log_made = log_numbers_restart,
	.put_log_root = log_sync_parent_written,
	.fsync_of_unlinked = unlinked_is_gone,
};

static const struct fs_events events_commits_with_handle = {
	.prealloc_begins = prealloc_start,
	.wrote = inode_touch_sub,
	.io_failed = ordered_tell_and_flag,
	.super_committed = trans_tell_super,
	.make_log = log_make_at_once,
	.put_log_root = log_sync_parent_repaired,
};

static const struct fs_events events_dsync_marks_file = {
	.sync_direct = direct_sync_marked,
	.wrote = inode_touch_sub,
	.io_failed = ordered_tell_and_flag,
	.super_committed = trans_tell_super,
	.make_log = log_make_at_once,
	.put_log_root = log_sync_parent_repaired,
};

static const struct fs_events events_dsync_shares_lock = {
	.sync_direct = direct_sync_locked,
	.wrote = inode_touch_sub,
	.io_failed = ordered_tell_and_flag,
	.super_committed = trans_tell_super,
	.make_log = log_make_at_once,
	.put_log_root = log_sync_parent_repaired,
};

static const struct fs_events events_sums_late = {
	.wrote = inode_touch_sub,
	.sums_made = ordered_leave_sums,
	.io_failed = ordered_tell_and_flag,
	.super_committed = trans_tell_super,
	.make_log = log_make_at_once,
	.put_log_root = log_sync_parent_repaired,
};

static const struct fs_events events_super_over_error = {
	.wrote = inode_touch_sub,
	.io_failed = ordered_tell_and_flag,
	.super_committed = trans_tell_super,
	.make_log = log_make_at_once,
	.put_log_root = log_sync_parent_over_error,
};

/* ---- the table ---- */

const struct design *const fs_designs[] = {
	&(const struct design){
		.name = "prefix",
		.what = "Linux 3.17: data is flushed before the inode lock only",
		.fsync = fsync_prefix,
	},
	&(const struct design){
		.name = "postfix",
		.what = "Linux 3.18 (669249eea365): flushed again under the inode lock",
		.fsync = fsync_postfix,
	},
	&(const struct design){
		.name = "complete",
		.what = "Linux 4.19: all of the range is in the trees before the inode is logged",
		.fsync = fsync_complete_4_19,
		.on = &events_complete,
	},
	&(const struct design){
		.name = "complete_repaired",
		.what = "complete, with what hunts have found in it made right",
		.fsync = fsync_complete_repaired,
		.on = &events_complete_repaired,
	},
	&(const struct design){
		.name = "modern",
		.what = "Linux 5.10 to 6.12 (487781796d30): page writeback alone is waited for, and then logged",
		.fsync = fsync_modern,
		.on = &events_modern,
	},
	&(const struct design){
		.name = "modern_repaired",
		.what = "modern, with what hunts have found in it made right",
		.fsync = fsync_modern_repaired,
		.on = &events_modern_repaired,
	},
	&(const struct design){
		.name = "ordered_first",
		.what = "flushed once; an extent's ordered extent comes before its map, and fsync takes maps first",
		.fsync = fsync_ordered_first,
		.on = &(const struct fs_events){ .add_extent = writeback_ordered_first },
	},
	&(const struct design){
		.name = "verify",
		.what = "postfix; replay leaves out an extent whose data do not agree with their checksums",
		.fsync = fsync_postfix,
		.on = &(const struct fs_events){ .write_super = super_flush_and_write_gaps },
	},
	&(const struct design){
		.name = "verify_oneflush",
		.what = "postfix; data, log and super are in flight together, one flush follows, and replay verifies",
		.fsync = fsync_postfix,
		.on = &(const struct fs_events){ .put_log_root = log_sync_parent_in_flight },
	},
	&(const struct design){
		.name = "oneflush",
		.what = "a log of its own: data and record in one write, one flush, and recovery hashes both",
		.fsync = fsync_oneflush,
		.on = &events_oneflush,
	},
	&(const struct design){
		.name = "oneflush_fua",
		.what = "oneflush; a group that needs no data beside it is a FUA write, and no flush follows",
		.fsync = fsync_oneflush,
		.on = &events_oneflush_fua,
	},
	&(const struct design){
		.name = "verify_prefix",
		.what = "prefix; replay leaves out an extent whose data do not agree with their checksums",
		.fsync = fsync_prefix,
		.any_race = true,
		.on = &(const struct fs_events){ .write_super = super_flush_and_write_gaps },
	},
	&(const struct design){
		.name = "oneflush_forgets_before",
		.what = "verify_oneflush; the super does not name the log that it replaces",
		.fsync = fsync_postfix,
		.any_race = true,
		.on = &(const struct fs_events){ .put_log_root = log_sync_parent_forgets_before },
	},
	&(const struct design){
		.name = "oneflush_trusts",
		.what = "verify_oneflush; replay believes the log as it is",
		.fsync = fsync_postfix,
		.any_race = true,
		.on = &(const struct fs_events){ .put_log_root = log_sync_parent_claims_written },
	},
	&(const struct design){
		.name = "oneflush_early",
		.what = "verify_oneflush; the flush does not wait for the data",
		.fsync = fsync_postfix,
		.any_race = true,
		.on = &(const struct fs_events){ .put_log_root = log_sync_parent_flushes_early },
	},
	&(const struct design){
		.name = "oneflush_unsummed",
		.what = "verify_oneflush; data without checksums are in flight, too",
		.fsync = fsync_postfix,
		.any_race = true,
		.on = &(const struct fs_events){ .put_log_root = log_sync_parent_takes_unsummed },
	},
	&(const struct design){
		.name = "oneflush_reuses",
		.what = "verify_oneflush; written blocks of the log are free again before the commit",
		.fsync = fsync_postfix,
		.any_race = true,
		.on = &(const struct fs_events){ .put_log_root = log_sync_parent_in_flight,
						 .give_up_log_block = alloc_free_written },
	},
	&(const struct design){
		.name = "stream_flushes_early",
		.what = "oneflush; the flush does not wait for the data beside a group",
		.fsync = fsync_oneflush,
		.any_race = true,
		.on = &(const struct fs_events){ STREAM_EVENTS(stream_open_flushes_early) },
	},
	&(const struct design){
		.name = "stream_reuses_data",
		.what = "oneflush; what a file gives up is free again before the commit",
		.fsync = fsync_oneflush,
		.any_race = true,
		.on = &(const struct fs_events){ STREAM_EVENTS(stream_open),
						 .give_up_data = alloc_free_written },
	},
	&(const struct design){
		.name = "stream_reuses_groups",
		.what = "oneflush; a group's own blocks are free again before the super that begins behind it",
		.fsync = fsync_oneflush,
		.any_race = true,
		.on = &(const struct fs_events){ STREAM_EVENTS(stream_open),
						 .give_up_log_block = alloc_free_written },
	},
	&(const struct design){
		.name = "stream_tells_early",
		.what = "oneflush; a group counts as durable before the flush",
		.fsync = fsync_oneflush,
		.any_race = true,
		.on = &(const struct fs_events){ STREAM_EVENTS(stream_open_tells_early) },
	},
	&(const struct design){
		.name = "stream_before_super",
		.what = "oneflush; a group counts as durable before the super that leads to it is on the media",
		.fsync = fsync_oneflush,
		.any_race = true,
		.on = &(const struct fs_events){ STREAM_EVENTS(stream_open_tells_before_super) },
	},
	&(const struct design){
		.name = "stream_rides_late",
		.what = "oneflush; a commit's flush that has begun counts for a group that arrives meanwhile",
		.fsync = fsync_oneflush,
		.any_race = true,
		.on = &(const struct fs_events){ STREAM_EVENTS(stream_open_rides_late) },
	},
	&(const struct design){
		.name = "stream_splits_rename",
		.what = "oneflush; the two names of a rename may be in two groups",
		.fsync = fsync_oneflush,
		.any_race = true,
		.on = &(const struct fs_events){ STREAM_EVENTS(stream_open), .rename = rename_unpinned },
	},
	&(const struct design){
		.name = "stream_trusts_clean",
		.what = "oneflush; who finds nothing new does not wait for the group that has it",
		.fsync = fsync_trusts_clean,
		.any_race = true,
		.on = &(const struct fs_events){ STREAM_EVENTS(stream_open) },
	},
	&(const struct design){
		.name = "stream_writes_short",
		.what = "oneflush; the last of several blocks of a group is not written, and counts as written",
		.fsync = fsync_oneflush,
		.any_race = true,
		.on = &(const struct fs_events){ STREAM_EVENTS(stream_open_writes_short) },
	},
	&(const struct design){
		.name = "stream_takes_unhashed",
		.what = "oneflush; data without a hash are in flight together with the group that needs them",
		.fsync = fsync_oneflush,
		.any_race = true,
		.on = &(const struct fs_events){ STREAM_EVENTS(stream_open_takes_unhashed) },
	},
	&(const struct design){
		.name = "stream_forgives_data",
		.what = "oneflush; the stream goes on behind a group whose data could not be written",
		.fsync = fsync_oneflush,
		.any_race = true,
		.on = &(const struct fs_events){ STREAM_EVENTS(stream_open_forgives_data) },
	},
	&(const struct design){
		.name = "stream_keeps_nonce",
		.what = "oneflush; a stream begins with the nonce of the one before",
		.fsync = fsync_oneflush,
		.any_race = true,
		.on = &(const struct fs_events){ STREAM_EVENTS(stream_open_keeps_nonce) },
	},
	&(const struct design){
		.name = "stream_joins_closed",
		.what = "oneflush; who is in the middle of a change goes on in a group that has its hash already",
		.fsync = fsync_oneflush,
		.any_race = true,
		.on = &(const struct fs_events){ STREAM_EVENTS(stream_open_joins_closed) },
	},
	&(const struct design){
		.name = "stream_hashes_unstable",
		.what = "oneflush; a page that is written back is hashed before mapped stores are kept out",
		.fsync = fsync_oneflush,
		.any_race = true,
		.on = &(const struct fs_events){ STREAM_EVENTS(stream_open), .sums_made = ordered_protect_late,
						 .take_dirty = page_take_dirty_unprotected },
	},
	&(const struct design){
		.name = "stream_fua_alone",
		.what = "oneflush_fua; a FUA write stands for the flush of data beside the group, too",
		.fsync = fsync_oneflush,
		.any_race = true,
		.on = &(const struct fs_events){ STREAM_EVENTS(stream_open_fua_alone) },
	},
	&(const struct design){
		.name = "flush_twice_early",
		.what = "flushed twice, both times before the inode lock",
		.fsync = fsync_flush_twice_early,
	},
	&(const struct design){
		.name = "commit_forgets_logged",
		.what = "a commit deletes the log and does not wait for what only the log has (as before 50d9aa99bd35)",
		.fsync = fsync_postfix,
		.on = &(const struct fs_events){ .commit_logged = trans_leave_pending },
	},
	&(const struct design){
		.name = "unpin_relists",
		.what = "the same, and a map that is no longer in flight is logged again (as before a28046956c71)",
		.fsync = fsync_postfix,
		.any_race = true,
		.on = &(const struct fs_events){ .commit_logged = trans_leave_pending, .unpin_maps = em_unpin_relist },
	},
	&(const struct design){
		.name = "ignores_data_error",
		.what = "a log commit waits for logged data and ignores its write errors (as before 8407f553268a)",
		.fsync = fsync_postfix,
		.on = &(const struct fs_events){ .logged_io = ordered_wait_io_blindly },
	},
	&(const struct design){
		.name = "misses_early_error",
		.what = "fsync reports only write errors of the data that it waits for (as before b38ef71cb102)",
		.fsync = fsync_postfix,
		.on = &(const struct fs_events){ .fsync_returns = file_report_nothing },
	},
	&(const struct design){
		.name = "joiner_leaves_data",
		.what = "a task that joins a log-root commit does not wait for its data (as before 9dba8cf128ef)",
		.fsync = fsync_postfix,
		.on = &(const struct fs_events){ .joined_log_root = log_wait_own_blocks },
	},
	&(const struct design){
		.name = "log_root_unlocked",
		.what = "a log's root item is put without the mutex of the tree of log roots (as before 4203e9689470)",
		.fsync = fsync_postfix,
		.on = &(const struct fs_events){ .put_log_root = log_sync_parent_unlocked },
	},
	&(const struct design){
		.name = "flush_before_last_super",
		.what = "of a commit's two supers, the flush comes before the last (as before 387125fc722a)",
		.fsync = fsync_postfix,
		.on = &(const struct fs_events){ .write_super = super_flush_before_last },
	},
	&(const struct design){
		.name = "reuses_log_blocks",
		.what = "written blocks of the log are free again before the commit (as before e688b7252f78)",
		.fsync = fsync_postfix,
		.on = &(const struct fs_events){ .give_up_log_block = alloc_free_written },
	},
	&(const struct design){
		.name = "ranged_forgets_all",
		.what = "a full fsync of a range forgets what changed outside of it, too (as before 49dae1bc1c66)",
		.fsync = fsync_postfix,
		.on = &(const struct fs_events){ .logged_in_full = em_forget_all },
	},
	&(const struct design){
		.name = "rewrite_holds_size",
		.what = "a block that is written again holds back the size on disk (as before 9ddc959e802b)",
		.fsync = fsync_postfix,
		.on = &(const struct fs_events){ .size_reaches = ordered_first_below },
	},
	&(const struct design){
		.name = "stamp_goes_back",
		.what = "a write that stamps late takes an inode's last transaction back (as before 3a8b36f37806)",
		.fsync = fsync_postfix,
		.on = &(const struct fs_events){ .wrote = inode_touch },
	},
	&(const struct design){
		.name = "failed_write_unnoticed",
		.what = "after a failed write the inode is logged as if its extent maps told all (as in Linux)",
		.fsync = fsync_postfix,
		.on = &(const struct fs_events){ .write_failed = inode_needs_nothing },
	},
	&(const struct design){
		.name = "sync_misses_error",
		.what = "a sync of the file system does not tell of write errors (as before 735e4ae5ba28)",
		.fsync = fsync_postfix,
		.on = &(const struct fs_events){ .sync_returns = fs_report_nothing },
	},
	&(const struct design){
		.name = "full_log_drops",
		.what = "a full fsync of a range drops what the log alone has of the rest (as before 0c713cbab620)",
		.fsync = fsync_postfix,
		.on = &(const struct fs_events){ .full_log_drops = log_drops_nothing },
	},
	&(const struct design){
		.name = "skips_in_place",
		.what = "an inode in the log is skipped while its data is under way in place (as before 626e9f41f7c2)",
		.fsync = fsync_postfix,
		.on = &(const struct fs_events){ .log_lacks = log_lacks_nothing },
	},
	&(const struct design){
		.name = "trusts_stamp",
		.what = "the stamp of a write is believed while its data is under way (as before 3a8b36f37806)",
		.fsync = fsync_trusts_stamp,
	},
	&(const struct design){
		.name = "looks_late",
		.what = "the stamp is read before ordered extents are looked for (as before affc0ff902d5)",
		.fsync = fsync_looks_late,
	},
	&(const struct design){
		.name = "complete_flushed_once",
		.what = "complete, without the flush under the inode lock (as before aab15e8ec257)",
		.fsync = fsync_complete_flushed_once,
		.on = &events_complete,
	},
	&(const struct design){
		.name = "trusts_collected",
		.what = "modern_repaired; an early-out asks only for what it has collected (as since 487781796d30)",
		.fsync = fsync_trusts_collected,
		.on = &events_modern_repaired,
	},
	&(const struct design){
		.name = "covers_change",
		.what = "modern_repaired; a log covers the change, not the logging (as since 257c62e1bce0)",
		.fsync = fsync_covers_change,
		.on = &events_modern_repaired,
	},
	&(const struct design){
		.name = "skips_collected",
		.what = "modern_repaired; an early-out ignores what it has collected (as before 626e9f41f7c2)",
		.fsync = fsync_skips_collected,
		.on = &events_modern_repaired,
	},
	&(const struct design){
		.name = "stamp_torn",
		.what = "modern_repaired; a change reads two numbers of the log, one by one (as before bc0939fcfab0)",
		.fsync = fsync_modern_repaired,
		.on = &events_stamp_torn,
	},
	&(const struct design){
		.name = "logs_failed_write",
		.what = "modern; a failed write does not make the next fsync wait (as before f13e01b89daf)",
		.fsync = fsync_modern,
		.on = &events_logs_failed_write,
	},
	&(const struct design){
		.name = "release_takes_all",
		.what = "modern; a released page takes a map along that fsync needs (as before 3d6448e63159)",
		.fsync = fsync_modern,
		.on = &events_release_takes_all,
	},
	&(const struct design){
		.name = "super_over_error",
		.what = "modern_repaired; a log's super is written after an abort (as before 165ea85f1483)",
		.fsync = fsync_modern_repaired,
		.on = &events_super_over_error,
	},
	&(const struct design){
		.name = "commits_with_handle",
		.what = "modern_repaired; who falls back waits for data with its handle open (as before bf7ba8ee759b)",
		.fsync = fsync_commits_with_handle,
		.on = &events_commits_with_handle,
	},
	&(const struct design){
		.name = "dsync_shares_lock",
		.what = "modern_repaired; an O_DSYNC direct write syncs with the lock shared (since 939b656bc8ab)",
		.fsync = fsync_modern_repaired,
		.on = &events_dsync_shares_lock,
	},
	&(const struct design){
		.name = "dsync_marks_file",
		.what = "the same, and so does every sync by its descriptor meanwhile (as before cd9253c23aed)",
		.fsync = fsync_modern_repaired,
		.on = &events_dsync_marks_file,
	},
	&(const struct design){
		.name = "sums_late",
		.what = "modern_repaired; a worker makes checksums, and a log does not wait (as before e917ff56c8e7)",
		.fsync = fsync_modern_repaired,
		.on = &events_sums_late,
	},
	&(const struct design){
		.name = "skips_unlinked",
		.what = "fsync of an unlinked file does nothing before the unlink is durable (as before 5e85262e542d)",
		.fsync = fsync_postfix,
		.on = &(const struct fs_events){ .fsync_of_unlinked = unlinked_is_gone },
	},
	&(const struct design){
		.name = "rename_unpinned",
		.what = "a rename lets the log be committed before that has the new name (as before 12fcfd22fe5b)",
		.fsync = fsync_postfix,
		.on = &(const struct fs_events){ .rename = rename_unpinned },
	},
	&(const struct design){
		.name = "rename_pins_late",
		.what = "the same before it has told the log, and fsync logs the directory (as before 3ca864de852b)",
		.fsync = fsync_postfix,
		.on = &(const struct fs_events){ .rename = rename_pinned_late, .names_decline = names_go_with_others,
						 .log_names = log_names_of_parent },
	},
	&(const struct design){
		.name = "names_count_as_log",
		.what = "an inode whose names are logged counts as logged, and is skipped (as before 9acc8103ab59)",
		.fsync = fsync_postfix,
		.on = &(const struct fs_events){ .logged_exists = inode_logged_all, .log_lacks = log_lacks_nothing },
	},
	&(const struct design){
		.name = "mark_overwritten",
		.what = "who looks for an inode in the log notes what it found, too late (as before ef07b74e1be5)",
		.fsync = fsync_postfix,
		.on = &(const struct fs_events){ .inode_logged = inode_is_logged_torn,
						 .names_decline = names_go_with_others,
						 .log_names = log_names_of_parent },
	},
	&(const struct design){
		.name = "direct_unlocked",
		.what = "a direct write inside a file drops the inode lock, map first (as before de0ee0edb21f)",
		.fsync = fsync_postfix,
		.on = &(const struct fs_events){ .direct_has_range = direct_drop_lock },
	},
	&(const struct design){
		.name = "direct_ordered_first",
		.what = "the same, its ordered extent comes first, and fsync looks twice (as before 5f9a8a51d8b9)",
		.fsync = fsync_collect_twice,
		.on = &(const struct fs_events){ .direct_has_range = direct_drop_lock,
						 .add_direct_extent = writeback_ordered_first },
	},
	&(const struct design){
		.name = "direct_prealloc_map_first",
		.what = "the same, but into preallocated space the map comes first (before a twin of de0ee0edb21f)",
		.fsync = fsync_collect_twice,
		.on = &(const struct fs_events){ .direct_has_range = direct_drop_lock,
						 .add_direct_extent = writeback_ordered_first,
						 .add_direct_prealloc = writeback_map_first },
	},
	&(const struct design){
		.name = "mmap_unlocked",
		.what = "an fsync does not keep faults of mapped stores out while it logs (as before 885f46d87f29)",
		.fsync = fsync_beside_faults,
	},
	NULL
};

const struct design *fs_design_find(const char *name)
{
	for (const struct design *const *d = fs_designs; *d; d++)
		if (!strcmp((*d)->name, name))
			return *d;
	return NULL;
}
