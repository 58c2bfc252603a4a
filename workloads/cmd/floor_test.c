/*
 * floor_test.c: the floor of a folder, the shape of a run's I/O kept and played again, and what is
 * refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bench/shape.h"
#include "kit/spawn_test.h"

static struct why why;

static void record(struct shape *s, const char *target, const char *job)
{
	struct target_spec spec;
	struct job_file jf;

	assert_int_equal(job_parse("t.fio", job, &jf, &why), 0);
	assert_int_equal(target_parse(target, &spec, &why), 0);
	if (shape_record(&spec, &jf.job[0], s, &why))
		fail_msg("%s", why.text);
	strcpy(s->label, "A postfix");
	job_free(&jf);
}

static void a_request_ends_with_what_it_waited_for(void **state)
{
	unsigned open = 0, marks = 0, flushes = 0, together = 0;
	struct shape s;

	record(&s, "postfix@file:nosuch.img,size=64m", "[a]\nrw=randwrite\nsize=1m\nfsync=1\n");
	for (uint32_t i = 0; i < s.tape.n; i++) {
		const struct tape_event *e = &s.tape.event[i];

		open += e->kind == TAPE_WRITE || e->kind == TAPE_FLUSH || e->kind == TAPE_READ;
		together = open > together ? open : together;
		flushes += e->kind == TAPE_FLUSH;
		if (e->kind == TAPE_DONE) {
			assert_true(e->of < i);
			assert_int_not_equal(s.tape.event[e->of].kind, TAPE_DONE);
			open--;
		}
		if (e->kind == TAPE_MARK) {
			assert_int_equal(open, 0);
			marks++;
		}
	}
	assert_int_equal(marks, s.requests);
	assert_true(flushes >= s.requests);
	assert_true(together > 2); /* the blocks of a log are written side by side */
	shape_free(&s);
}

static void a_shape_is_read_as_it_was_written(void **state)
{
	struct shape s, again;
	json_t *o;

	record(&s, "prefix@ram:64m", "[a]\nrw=write\nbs=2300\nsize=1m\nfdatasync=2\n");
	s.p50_ns = 1234.5;
	o = shape_json(&s);
	assert_int_equal(shape_from_json(o, &again, &why), 0);
	assert_string_equal(again.label, "A postfix");
	assert_int_equal(again.requests, s.requests);
	assert_true(again.p50_ns == s.p50_ns);
	assert_int_equal(again.tape.n, s.tape.n);
	for (uint32_t i = 0; i < s.tape.n; i++) {
		assert_int_equal(again.tape.event[i].kind, s.tape.event[i].kind);
		assert_int_equal(again.tape.event[i].off, s.tape.event[i].off);
		assert_int_equal(again.tape.event[i].len, s.tape.event[i].len);
		assert_int_equal(again.tape.event[i].of, s.tape.event[i].of);
		assert_int_equal(again.tape.event[i].fua, s.tape.event[i].fua);
	}
	json_decref(o);
	shape_free(&s);
	shape_free(&again);
	o = json_loads("{\"label\":\"x\",\"requests\":1,\"p50_ns\":0,\"events\":[[3,0,0,0,0,0]]}", 0, NULL);
	assert_int_not_equal(shape_from_json(o, &again, &why), 0); /* done before it began */
	json_decref(o);
}

static void fails_with(const char *args, const char *says)
{
	if (spawn(args) != 2 || !strstr(spawn_err, says) ||
	    strchr(spawn_err, '\n') != spawn_err + strlen(spawn_err) - 1)
		fail_msg("`%s`: %s", args, spawn_err);
	assert_string_equal(spawn_out, "");
}

static void the_lower_look_counts(const json_t *trial)
{
	json_int_t before = json_integer_value(json_object_get(trial, "floor_before_ns"));
	json_int_t after = json_integer_value(json_object_get(trial, "floor_after_ns"));
	json_int_t p50 = json_integer_value(json_object_get(json_object_get(trial, "floor"), "p50_ns"));

	assert_true(before > 0 && after > 0);
	assert_int_equal(p50, before < after ? before : after);
}

static void a_run_is_played_again(void **state)
{
	json_error_t e;
	json_t *o, *rows, *row;
	size_t i;

	spawn_file("j.fio", "[a]\nrw=randwrite\nsize=1m\nnumber_ios=21\nfsync=1\n");
	if (spawn("bench j.fio -t postfix@file:d.img,size=64m -t path:. -t prefix@ram:64m -t "
	          "postfix@slow:nvme/uring:u.img,size=64m "
	          "-n 1 -o kept -j -"))
		fail_msg("%s", spawn_err);
	o = json_loads(spawn_out, 0, &e);
	json_array_foreach(json_object_get(o, "runs"), i, row) {
		assert_true(json_integer_value(json_object_get(json_object_get(row, "floor"), "n")) >= 5);
		assert_int_equal(json_integer_value(json_object_get(row, "promised")), 20);
		the_lower_look_counts(row);
	}
	json_decref(o);
	if (spawn("floor . --run kept --seconds 80ms --json -"))
		fail_msg("%s", spawn_err);
	o = json_loads(spawn_out, 0, &e);
	rows = json_object_get(o, "rows");
	assert_int_equal(json_array_size(rows), 5);
	for (i = 0; i < 5; i++)
		assert_true(json_integer_value(json_object_get(json_array_get(rows, i), "p50_ns")) > 0);
	json_decref(o);
	assert_int_equal(spawn("floor . --run kept --seconds 80ms"), 0);
	assert_non_null(strstr(spawn_out, "the I/O of A postfix"));
	assert_int_equal(spawn("floor uring:d.img,size=64m --run kept --seconds 80ms"), 0);
	assert_non_null(strstr(spawn_out, "the I/O of A postfix"));
	fails_with("floor ram:8m --run kept", "ram:8m: has 8388608 bytes, at least 67108864 are needed");
	assert_int_equal(system("rm -r kept j.fio"), 0);
	assert_int_equal(spawn_left(), 0);
}

/* A model of a drive, in front of memory: its own latency, and nothing of a disk's. */
static void a_device_of_ours_has_the_floor_of_its_own_door(void **state)
{
	json_error_t e;
	json_t *o, *row;
	size_t i;

	assert_int_equal(spawn("floor slow:nvme,write=1000000,flush=2000000,jitter=0/ram:4m -s 40ms -j -"), 0);
	o = json_loads(spawn_out, 0, &e);
	json_array_foreach(json_object_get(o, "rows"), i, row) {
		assert_true(json_integer_value(json_object_get(row, "n")) >= 5);
		assert_true(json_integer_value(json_object_get(row, "p50_ns")) >= 2970000); /* hist.h: within 1 % */
	}
	assert_int_equal(i, 2);
	assert_null(json_object_get(o, "backing"));
	json_decref(o);
}

static void a_file_of_ours_stays_ours(void **state)
{
	spawn_file("j.fio", "[a]\nrw=randwrite\nsize=1m\nnumber_ios=21\nfsync=1\n");
	assert_int_equal(spawn("floor file:new.img,size=64m -s 10ms"), 0);
	assert_int_equal(spawn_left(), 1); /* not there before, gone */
	assert_int_equal(spawn("bench j.fio -t postfix@file:d.img,size=64m -n 1 --keep -o kept -j -"), 0);
	assert_non_null(strstr(spawn_out, "floor_before_ns"));
	assert_null(strstr(spawn_out, "floor_after_ns")); /* it would write over what is kept */
	assert_int_equal(spawn("floor file:d.img -s 10ms"), 0);
	assert_int_equal(spawn("floor file:d.img -s 10ms --run kept"), 0);
	assert_int_equal(spawn("floor file:d.img -s 10ms"), 0); /* it can still be told that it is ours */
	assert_int_equal(system("rm -r kept j.fio d.img"), 0);
	assert_int_equal(spawn_left(), 0);
}

static void mistakes_are_one_line(void **state)
{
	spawn_file("file", "somebody's");
	fails_with("floor", "expected a folder, a block device or a device's spec");
	fails_with("floor . .", "one folder or device");
	fails_with("floor nosuch", "nosuch: No such file");
	fails_with("floor file", "neither a folder nor a block device");
	fails_with("floor /dev/null", "neither a folder nor a block device");
	fails_with("floor /proc", "/proc:");
	fails_with("floor ram:5", "multiple of 4096");
	fails_with("floor file:file", "was not made by fsyncstorm");
	fails_with("floor slow:nvme/uring:nosuch.img", "give a size");
	fails_with("floor . --run nosuch", "nosuch/shape.json");
	fails_with("floor . --seconds 0", "--seconds");
	fails_with("floor . --json nosuch/f", "--json");
	unlink("file");
	assert_int_equal(spawn_left(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_ends_with_what_it_waited_for),
		cmocka_unit_test(a_shape_is_read_as_it_was_written),
		cmocka_unit_test(a_run_is_played_again),
		cmocka_unit_test(a_device_of_ours_has_the_floor_of_its_own_door),
		cmocka_unit_test(a_file_of_ours_stays_ours),
		cmocka_unit_test(mistakes_are_one_line),
	};
	return cmocka_run_group_tests(tests, spawn_begin, spawn_end);
}
