/*
 * ops_test.c: the stream of operations of a clone: offsets, order of syncs, where it ends.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

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
	clone_0 = (struct job_clone){ &jf.job[0], 0 };
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
	job_free(&jf);
}

static void number_ios_counts_writes_and_the_last_sync_comes(void **state)
{
	struct op_stream s;
	struct op op;
	unsigned n[OP_KINDS] = { 0 };
	enum op_kind last = OP_WRITE;

	begin(&s, "[a]\nrw=randwrite\nbs=4k\nsize=1m\nio_size=8m\nnumber_ios=10\nfsync=5\nfdatasync=2\n", 1, false);
	while (ops_next(&s, &op)) {
		n[op.kind]++;
		last = op.kind;
	}
	assert_int_equal(n[OP_WRITE], 10);
	assert_int_equal(n[OP_FSYNC], 2);
	assert_int_equal(n[OP_FDATASYNC], 5);
	assert_int_equal(last, OP_FSYNC);
	job_free(&jf);
}

static void a_sync_follows_every_nth_write(void **state)
{
	static const enum op_kind expected[] = { OP_WRITE, OP_WRITE, OP_FDATASYNC, OP_WRITE, OP_FSYNC, OP_WRITE,
		                                 OP_FDATASYNC, OP_WRITE, OP_WRITE, OP_FDATASYNC, OP_FSYNC };
	struct op_stream s;
	struct op op;

	begin(&s, "[a]\nrw=write\nbs=4k\nsize=1m\nfsync=3\nfdatasync=2\n", 1, false);
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		assert_true(ops_next(&s, &op));
		assert_int_equal(op.kind, expected[i]);
	}
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
	job_free(&jf);
}

static void a_split_is_used_by_its_shares(void **state)
{
	struct op_stream s;
	struct op op;
	unsigned small = 0;

	begin(&s, "[a]\nrw=randwrite\nbssplit=4k/80:8k/20\nsize=1m\ntime_based\nruntime=1\n", 3, true);
	for (unsigned i = 0; i < 10000 && ops_next(&s, &op); i++)
		small += op.len == 4096;
	assert_in_range(small, 7800, 8200);
	job_free(&jf);
}

static void clones_draw_different_offsets(void **state)
{
	struct op_stream s, other;
	struct job_clone second;
	struct op op, op2;
	unsigned same = 0;

	begin(&s, "[a]\nrw=randwrite\nsize=4m\nnumjobs=2\ntime_based\nruntime=1\n", 1, true);
	second = (struct job_clone){ &jf.job[0], 1 };
	ops_begin(&other, &second, 1, true);
	for (unsigned i = 0; i < 1000 && ops_next(&s, &op) && ops_next(&other, &op2); i++)
		same += op.off == op2.off;
	assert_true(same < 20);
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
	job_free(&jf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sequential_writes_wrap_at_the_end),
		cmocka_unit_test(a_job_ends_at_its_size),
		cmocka_unit_test(number_ios_counts_writes_and_the_last_sync_comes),
		cmocka_unit_test(a_sync_follows_every_nth_write),
		cmocka_unit_test(random_offsets_are_aligned_inside_and_repeatable),
		cmocka_unit_test(a_split_is_used_by_its_shares),
		cmocka_unit_test(clones_draw_different_offsets),
		cmocka_unit_test(each_file_is_synced_in_its_turn),
		cmocka_unit_test(a_range_covers_what_was_written_since),
		cmocka_unit_test(the_ramp_does_not_count),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
