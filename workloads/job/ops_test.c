/*
 * ops_test.c: the stream of operations of a clone: offsets, order of syncs, where it ends.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "job/job.h"
#include "job/ops.h"

static struct job_file jf;
static struct job_clone clone_0;

static void begin(struct op_stream *s, const char *text, uint64_t seed, bool unlimited)
{
	struct why why;

	if (job_parse("t.fio", text, &jf, &why))
		fail_msg("%s", why.text);
	clone_0 = (struct job_clone){ .job = &jf.job[0] };
	ops_begin(s, &clone_0, seed, unlimited);
}

static void sequential_writes_wrap_at_the_end(void **state)
{
	struct op_stream s;
	struct op op;

	begin(&s, "[a]\nrw=write\nbs=4k\nsize=12k\ntime_based\nruntime=1\n", 1, true);
	for (unsigned i = 0; i < 7; i++) {
		assert_true(ops_next(&s, &op));
		assert_int_equal(op.kind, OP_WRITE);
		assert_int_equal(op.off, i % 3 * 4096);
	}
	ops_end(&s);
	job_free(&jf);
}

static void a_job_ends_at_its_size(void **state)
{
	struct op_stream s;
	struct op op;
	unsigned writes = 0;

	begin(&s, "[a]\nrw=write\nbs=2300\nsize=22m\n", 1, false);
	while (ops_next(&s, &op))
		writes++;
	assert_int_equal(writes, (22 << 20) / 2300);
	ops_end(&s);
	job_free(&jf);
}

/* What a job does in all: "16 write 15 fsync", with the fsyncs of ops.1 apart. */
static const char *counted(const char *text, bool finish)
{
	static char told[200];
	unsigned n[OP_KINDS + 1] = { 0 };
	uint64_t bytes = 0;
	struct op_stream s;
	struct op op;
	size_t at = 0;

	begin(&s, text, 1, false);
	s.finish = finish;
	while (ops_next(&s, &op)) {
		n[op.closing ? OP_KINDS : op.kind]++;
		if (op.kind == OP_WRITE || op.kind == OP_READ)
			bytes += op.len;
	}
	ops_end(&s);
	job_free(&jf);
	for (int k = 0; k <= OP_KINDS; k++)
		if (n[k])
			at += (size_t)snprintf(told + at, sizeof(told) - at, "%u %s ", n[k],
			                       k < OP_KINDS ? op_name[k] : "closing");
	snprintf(told + at, sizeof(told) - at, "%llu bytes", (unsigned long long)bytes);
	return told;
}

/* Each was counted with strace when fio 3.33 ran it. */
static void a_job_makes_as_many_calls_as_fio(void **state)
{
	static const struct {
		const char *keys, *calls;
	} jobs[] = {
		{ "rw=write\nsize=64k\nfsync=1", "16 write 15 fsync 65536 bytes" },
		{ "rw=write\nsize=64k\nfsync=1\nfdatasync=1", "16 write 15 fsync 65536 bytes" },
		{ "rw=write\nsize=64k\nfsync=16", "16 write 65536 bytes" },
		{ "rw=write\nsize=64k\nfsync=1\nnumber_ios=4", "4 write 3 fsync 16384 bytes" },
		{ "rw=write\nbs=2300\nsize=64k\nfsync=1", "28 write 28 fsync 64400 bytes" },
		{ "rw=write\nsize=64k\nfsync=3\nend_fsync=1", "16 write 5 fsync 1 closing 65536 bytes" },
		{ "rw=write\nsize=64k\nfsync=1\nend_fsync=1", "16 write 15 fsync 1 closing 65536 bytes" },
		{ "rw=write\nsize=64k\nend_fsync=1\nfsync_on_close=1", "16 write 1 closing 65536 bytes" },
		{ "rw=randwrite\nsize=64k\nfdatasync=1\nloops=3", "48 write 49 fdatasync 196608 bytes" },
		{ "rw=write\nsize=64k\nfdatasync=1\nloops=3\nend_fsync=1",
		  "48 write 49 fdatasync 1 closing 196608 bytes" },
		{ "rw=randwrite\nsize=64k\nio_size=128k\nfsync=1", "32 write 32 fsync 131072 bytes" },
		{ "rw=randwrite\nsize=64k\nio_size=128k\nfsync=1\nioengine=libaio", "32 write 31 fsync 131072 bytes" },
		{ "rw=randwrite\nsize=64k\nnorandommap\nfsync=1\nloops=2", "32 write 31 fsync 131072 bytes" },
		{ "rw=randwrite\nsize=64k\nnorandommap\nio_size=1m\nnumber_ios=7\nfsync=1",
		  "7 write 6 fsync 28672 bytes" },
		{ "rw=write\nsize=64k\nnumber_ios=4\nloops=2\nfsync=1", "8 write 7 fsync 32768 bytes" },
		{ "rw=write\nfilesize=10k\nnrfiles=8\nfsync=1", "16 write 16 fsync 65536 bytes" },
		{ "rw=write\nsize=100k\nnrfiles=3", "24 write 98304 bytes" },
		{ "rw=write\nfilesize=16k\nnrfiles=4\nfsync_on_close=1", "16 write 4 closing 65536 bytes" },
		{ "rw=write\nfilesize=16k\nnrfiles=4\nfsync_on_close=1\nopenfiles=1",
		  "16 write 7 closing 65536 bytes" },
		{ "rw=write\nsize=64k\nnrfiles=4\nfsync_on_close=1\nfile_service_type=sequential",
		  "16 write 7 closing 65536 bytes" },
		{ "rw=write\nbs=2300\nsize=64k\nfsync_on_close=1\nfdatasync=1", "28 write 28 fdatasync 64400 bytes" },
		{ "rw=write\nbs=2300\nsize=64k\nend_fsync=1\nloops=2", "56 write 2 closing 128800 bytes" },
		{ "rw=randwrite\nsize=64k\nend_fsync=1\nfsync_on_close=1\nloops=2", "32 write 3 closing 131072 bytes" },
		{ "rw=write\nsize=64k\nsync_file_range=write:4\nfsync=8",
		  "16 write 2 sync_file_range 1 fsync 65536 bytes" },
		{ "rw=randread\nsize=64k\nloops=2\nfsync=1\nend_fsync=1", "32 read 131072 bytes" },
		{ "rw=randrw\nrwmixread=0\nsize=64k", "16 write 65536 bytes" },
		{ "rw=write\nsize=1m\nfilesize=4m", "256 write 1048576 bytes" },
		{ "rw=write\nsize=16k\nfile_append=1\nfsync=1\nloops=3", "4 write 5 fsync 16384 bytes" },
		{ "rw=randwrite\nsize=16k\nfile_append=1\nfsync=1", "4 write 3 fsync 16384 bytes" },
		{ "rw=write\nsize=8k\nunlink_each_loop=1\nfsync_on_close=1\nloops=3", "6 write 5 closing 24576 bytes" },
	};
	char text[300];

	for (size_t i = 0; i < sizeof(jobs) / sizeof(jobs[0]); i++) {
		snprintf(text, sizeof(text), "[a]\n%s\n", jobs[i].keys);
		assert_string_equal(counted(text, false), jobs[i].calls);
	}
}

static void the_last_sync_comes_where_it_is_asked_for(void **state)
{
	assert_string_equal(
		counted("[a]\nrw=randwrite\nsize=1m\nio_size=8m\nnumber_ios=10\nfsync=5\nfdatasync=2\n", true),
		"10 write 4 fdatasync 2 fsync 40960 bytes");
	assert_string_equal(counted("[a]\nrw=write\nsize=64k\nfsync=1\n", true), "16 write 16 fsync 65536 bytes");
}

static void one_sync_follows_every_nth_write(void **state)
{
	static const enum op_kind expected[] = { OP_WRITE, OP_WRITE, OP_FDATASYNC, OP_WRITE, OP_FSYNC, OP_WRITE,
		                                 OP_FDATASYNC, OP_WRITE, OP_WRITE, OP_FSYNC, OP_WRITE };
	struct op_stream s;
	struct op op;

	begin(&s, "[a]\nrw=write\nbs=4k\nsize=1m\nfsync=3\nfdatasync=2\n", 1, false);
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		assert_int_equal(ops_due(&s), expected[i] != OP_WRITE);
		assert_true(ops_next(&s, &op));
		assert_int_equal(op.kind, expected[i]);
	}
	ops_end(&s);
	job_free(&jf);
}

/* fio's random map: in a pass each block is written once, and with several sizes no byte is written twice. */
static void each_block_has_its_turn_once(void **state)
{
	static const char *const jobs[] = { "[a]\nrw=randwrite\nsize=300k\n",
		                            "[a]\nrw=randwrite\nbssplit=4k/50:16k\nsize=300k\n",
		                            "[a]\nrw=randwrite\nbsrange=4k-32k\nsize=300k\n" };

	for (size_t i = 0; i < sizeof(jobs) / sizeof(jobs[0]); i++) {
		uint8_t seen[75] = { 0 };
		struct op_stream s;
		struct op op;

		begin(&s, jobs[i], 5, false);
		while (ops_next(&s, &op))
			for (uint64_t b = op.off / 4096; b < (op.off + op.len) / 4096; b++)
				assert_int_equal(seen[b]++, 0);
		for (unsigned b = 0; b < 75; b++)
			assert_int_equal(seen[b], 1);
		ops_end(&s);
		job_free(&jf);
	}
}

/* Blocks of several sizes end at the file's end, not behind it, and leave nothing out. */
static void a_split_fills_the_file_to_its_end(void **state)
{
	struct op_stream s;
	struct op op;
	uint64_t end = 0;

	begin(&s, "[mail]\nrw=write\nbssplit=4k/30:16k/40:64k/30\nsize=1m\nfallocate=none\n", 1, false);
	while (ops_next(&s, &op)) {
		assert_int_equal(op.off, end);
		end += op.len;
	}
	assert_int_equal(end, 1 << 20);
	ops_end(&s);
	job_free(&jf);
}

/* Files of which only so many are open take turns among those; in order, one after the other; a run keeps going on. */
static void files_and_offsets_go_on_as_the_keys_say(void **state)
{
	static const struct {
		const char *keys, *order; /* of files, or of blocks where there is one file */
	} jobs[] = {
		{ "rw=write\nfilesize=8k\nnrfiles=4", "01230123" },
		{ "rw=write\nfilesize=8k\nnrfiles=4\nopenfiles=2", "01012323" },
		{ "rw=write\nfilesize=8k\nnrfiles=4\nfile_service_type=sequential", "00112233" },
		{ "rw=write\nfilesize=8k\nnrfiles=4\nfile_service_type=roundrobin:2", "00112233" },
		{ "rw=write\nfilesize=8k\nnrfiles=4\nfile_service_type=roundrobin:2\nfsync=1", "01230123" },
	};
	struct op_stream s;
	struct op op;

	for (size_t i = 0; i < sizeof(jobs) / sizeof(jobs[0]); i++) {
		char text[200], order[20] = "";

		snprintf(text, sizeof(text), "[a]\n%s\n", jobs[i].keys);
		begin(&s, text, 1, false);
		while (ops_next(&s, &op))
			if (op.kind == OP_WRITE)
				order[strlen(order)] = (char)('0' + op.file);
		assert_string_equal(order, jobs[i].order);
		ops_end(&s);
		job_free(&jf);
	}
	begin(&s, "[a]\nrw=randwrite:4\nsize=1m\n", 1, false);
	for (unsigned run = 0; run < 10; run++) {
		uint64_t next = 0;
		for (unsigned i = 0; i < 4; i++) {
			assert_true(ops_next(&s, &op));
			assert_true(!i || op.off == next || next == 1 << 20);
			next = op.off + op.len;
		}
	}
	ops_end(&s);
	job_free(&jf);
}

/* With calls in flight a sync waits until something was done since the last one. */
static void a_sync_waits_for_what_is_in_flight(void **state)
{
	struct op_stream s;
	struct op op;

	begin(&s, "[a]\nrw=write\nsize=1m\nfsync=1\nioengine=libaio\niodepth=4\n", 1, false);
	s.queued = true;
	for (unsigned i = 0; i < 2; i++) {
		assert_true(ops_next(&s, &op));
		assert_int_equal(op.kind, i ? OP_FSYNC : OP_WRITE);
	}
	for (unsigned i = 0; i < 3; i++) {
		assert_true(ops_next(&s, &op));
		assert_int_equal(op.kind, OP_WRITE);
	}
	ops_completed(&s);
	assert_true(ops_next(&s, &op));
	assert_int_equal(op.kind, OP_FSYNC);
	ops_end(&s);
	job_free(&jf);
}

static void a_mix_has_its_share_of_reads(void **state)
{
	struct op_stream s;
	unsigned reads = 0;
	struct op op;

	begin(&s, "[a]\nrw=randrw\nrwmixread=70\nsize=64m\nbs=4k,8k\n", 1, false);
	for (unsigned i = 0; i < 10000 && ops_next(&s, &op); i++) {
		reads += op.kind == OP_READ;
		assert_true(op.len == (op.kind == OP_READ ? 4096 : 8192) || op.len == 4096);
	}
	assert_in_range(reads, 6800, 7200);
	ops_end(&s);
	job_free(&jf);
}

static void random_offsets_are_aligned_inside_and_repeatable(void **state)
{
	struct op_stream s, again;
	struct op op, op2;
	uint64_t seen = 0;

	begin(&s, "[a]\nrw=randwrite\nbssplit=4k/50:16k/50\nsize=64k\ntime_based\nruntime=1\n", 3, true);
	ops_begin(&again, &clone_0, 3, true);
	for (unsigned i = 0; i < 2000; i++) {
		assert_true(ops_next(&s, &op));
		assert_true(ops_next(&again, &op2));
		assert_memory_equal(&op, &op2, sizeof(op));
		assert_int_equal(op.off % 4096, 0);
		assert_true(op.off + op.len <= 65536);
		seen |= 1ull << op.off / 4096;
	}
	assert_int_equal(seen, 0xffff);
	ops_end(&s);
	ops_end(&again);
	job_free(&jf);
}

static void a_split_is_used_by_its_shares(void **state)
{
	struct op_stream s;
	struct op op;
	unsigned small = 0;

	begin(&s, "[a]\nrw=randwrite\nbssplit=4k/80:8k/20\nsize=1m\nnorandommap=1\ntime_based\nruntime=1\n", 3, true);
	for (unsigned i = 0; i < 10000 && ops_next(&s, &op); i++)
		small += op.len == 4096;
	assert_in_range(small, 7800, 8200);
	ops_end(&s);
	job_free(&jf);
}

/* As fio: lengths are whole smallest blocks, and where the one drawn is too long, the next that is not is taken. */
static void a_split_is_cut_to_its_smallest_blocks(void **state)
{
	static const struct {
		const char *keys;
		uint64_t each, end; /* all lengths are multiples of it; where the file ends */
	} jobs[] = {
		{ "bssplit=4k/50:6k/50", 4096, 1 << 18 },
		{ "bssplit=4k/50:170/50", 170, 262140 },
		{ "bssplit=4k/100:170", 170, 262140 },  /* fio never ends */
		{ "bssplit=170/0:4k/100", 170, 262140 - 262140 % 4080 },
		{ "bssplit=4k/70:170:16k/20:28k/10", 170, 262140 },
		{ "bssplit=4k/50:6k/50\nbs_unaligned=1", 2048, 1 << 18 },
	};

	for (size_t i = 0; i < sizeof(jobs) / sizeof(jobs[0]); i++) {
		struct op_stream s;
		struct op op;
		char text[256];
		uint64_t end = 0;

		snprintf(text, sizeof(text), "[a]\nrw=write\nsize=256k\n%s\n", jobs[i].keys);
		begin(&s, text, 1, false);
		for (unsigned n = 0; n < 10000 && ops_next(&s, &op); n++) {
			assert_int_equal(op.len % jobs[i].each, 0);
			end = op.off + op.len;
		}
		assert_true(s.over);
		assert_in_range(end, jobs[i].end - 4096, jobs[i].end);
		ops_end(&s);
		job_free(&jf);
	}
}

static void clones_draw_different_offsets(void **state)
{
	struct op_stream s, other;
	struct job_clone second;
	struct op op, op2;
	unsigned same = 0;

	begin(&s, "[a]\nrw=randwrite\nsize=4m\nnumjobs=2\ntime_based\nruntime=1\n", 1, true);
	second = (struct job_clone){ &jf.job[0], 1, 1 };
	ops_begin(&other, &second, 1, true);
	for (unsigned i = 0; i < 1000 && ops_next(&s, &op) && ops_next(&other, &op2); i++)
		same += op.off == op2.off;
	assert_true(same < 20);
	ops_end(&s);
	ops_end(&other);
	job_free(&jf);
}

static void each_file_is_synced_in_its_turn(void **state)
{
	struct op_stream s;
	struct op op;
	unsigned last = 0, synced = 0;

	begin(&s, "[a]\nrw=randwrite\nnrfiles=3\nsize=12m\nfsync=16\ntime_based\nruntime=1\n", 1, true);
	for (unsigned i = 0; i < 200 && ops_next(&s, &op); i++) {
		if (op.kind == OP_WRITE)
			last = op.file;
		if (op.kind == OP_FSYNC) {
			assert_int_equal(op.file, last);
			synced |= 1u << op.file;
		}
	}
	assert_int_equal(synced, 7);
	ops_end(&s);
	job_free(&jf);
}

static void a_range_covers_what_was_written_since(void **state)
{
	struct op_stream s;
	struct op op;

	begin(&s, "[a]\nrw=write\nbs=4k\nsize=1m\nsync_file_range=write:4\ntime_based\nruntime=1\n", 1, true);
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 4; i++)
			assert_true(ops_next(&s, &op));
		assert_true(ops_next(&s, &op));
		assert_int_equal(op.kind, OP_RANGE);
		assert_int_equal(op.off, round * 16384);
		assert_int_equal(op.len, 16384);
		assert_int_equal(op.flags, JOB_RANGE_WRITE);
	}
	ops_end(&s);
	job_free(&jf);
}

static void the_ramp_does_not_count(void **state)
{
	struct op_stream s;
	struct op op;
	unsigned writes = 0;

	begin(&s, "[a]\nrw=randwrite\nsize=1m\nnumber_ios=10\n", 1, false);
	for (unsigned i = 0; i < 5; i++)
		assert_true(ops_next(&s, &op));
	ops_uncount(&s);
	while (ops_next(&s, &op))
		writes++;
	assert_int_equal(writes, 10);
	ops_end(&s);
	job_free(&jf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sequential_writes_wrap_at_the_end),
		cmocka_unit_test(a_job_ends_at_its_size),
		cmocka_unit_test(a_job_makes_as_many_calls_as_fio),
		cmocka_unit_test(the_last_sync_comes_where_it_is_asked_for),
		cmocka_unit_test(one_sync_follows_every_nth_write),
		cmocka_unit_test(each_block_has_its_turn_once),
		cmocka_unit_test(a_split_fills_the_file_to_its_end),
		cmocka_unit_test(files_and_offsets_go_on_as_the_keys_say),
		cmocka_unit_test(a_sync_waits_for_what_is_in_flight),
		cmocka_unit_test(a_mix_has_its_share_of_reads),
		cmocka_unit_test(random_offsets_are_aligned_inside_and_repeatable),
		cmocka_unit_test(a_split_is_used_by_its_shares),
		cmocka_unit_test(a_split_is_cut_to_its_smallest_blocks),
		cmocka_unit_test(clones_draw_different_offsets),
		cmocka_unit_test(each_file_is_synced_in_its_turn),
		cmocka_unit_test(a_range_covers_what_was_written_since),
		cmocka_unit_test(the_ramp_does_not_count),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
