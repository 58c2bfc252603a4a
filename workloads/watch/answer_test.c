/* answer_test.c: how a report names files, which of them are one answer, and what its sentences say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "machine/mem.h"
#include "watch/answer.h"

#define MS 1000000ull

static struct watched_file *file_new(const char *path, unsigned syncs, uint64_t ns)
{
	struct watched_file *file = mem_zalloc(sizeof(*file));

	snprintf(file->path, sizeof(file->path), "%s", path);
	hist_init(&file->sync);
	for (unsigned i = 0; i < syncs; i++)
		hist_add(&file->sync, ns);
	file->count[KWAIT_FDATASYNC] = syncs;
	file->waits.syncs = syncs;
	file->waits.sync_ns = syncs * ns;
	file->waits.phase_ns[PH_DEV_FLUSH] = syncs * ns;
	file->waits.site[0] = (struct kwait_site){ .function = "blkdev_issue_flush", .what = "the device's flush",
		                                   .phase = PH_DEV_FLUSH, .ns = syncs * ns / 4 * 3, .n = syncs };
	file->waits.nsites = 1;
	return file;
}

static size_t common_of(const char *const *path, unsigned n)
{
	struct watched_file *list[4] = { NULL };
	size_t common;

	for (unsigned i = 0; i < n; i++)
		list[i] = file_new(path[i], 1, 1);
	common = answer_common(list, n);
	for (unsigned i = 0; i < n; i++)
		free(list[i]);
	return common;
}

static void each_name_keeps_its_folder(void **state)
{
	static const char *const one[] = { "/var/lib/data/pg_wal/0001" };
	static const char *const two[] = { "/var/lib/data/pg_wal/0001", "/var/lib/data/base/5/1663" };
	static const char *const same[] = { "/var/lib/a.db", "/var/lib/a.db-journal" };
	static const char *const upper[] = { "/var/lib/data/x/1", "/var/lib/2" };
	static const char *const half[] = { "/var/lib/data/x/1", "/var/lib/date/x/1" };
	static const char *const apart[] = { "/var/lib/a", "/srv/b/c" };
	static const char *const none[] = { "/var/lib/a", "(mapped memory)" };
	static const char *const top[] = { "/a" };

	assert_int_equal(common_of(one, 1), strlen("/var/lib/data/"));
	assert_int_equal(common_of(two, 2), strlen("/var/lib/data/"));
	assert_int_equal(common_of(same, 2), strlen("/var/"));
	assert_int_equal(common_of(upper, 2), strlen("/var/"));
	assert_int_equal(common_of(half, 2), strlen("/var/lib/"));
	assert_int_equal(common_of(apart, 2), 0);
	assert_int_equal(common_of(none, 2), 0);
	assert_int_equal(common_of(top, 1), 0);
	assert_int_equal(common_of(NULL, 0), 0);
}

static char *answer_of(struct watched_file **list, unsigned n)
{
	struct watched_files f = { .file = list, .n = n, .begin_ns = MS, .end_ns = 2001 * MS };
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	answer_print(list, n, &f, "db (pid 1)", out);
	fclose(out);
	for (unsigned i = 0; i < n; i++)
		free(list[i]);
	return text;
}

static void segments_of_a_log_are_one_answer(void **state)
{
	struct watched_file *list[] = {
		file_new("/no/pg_wal/00000001000000000000000A", 300, 2 * MS),
		file_new("/no/pg_wal/000000010000000000000009", 100, 2 * MS),
	};
	char *text = answer_of(list, 2);

	assert_non_null(strstr(text, "db (pid 1): 200 fdatasync/s on pg_wal/00000001000000000000000A and 1 more like "
	                             "it"));
	assert_non_null(strstr(text, ": p50 2.0 ms, p99 2.0 ms; of that time 75 % waiting for the device's flush "
	                             "(blkdev_issue_flush).\n"));
	assert_int_equal(strchr(text, '\n') - text, strlen(text) - 1);
	free(text);
}

static void other_files_are_answers_of_their_own(void **state)
{
	static const char *const other[] = {
		"/no/a/B.db",              /* a letter or two are no number */
		"/no/c/0001",              /* of another folder */
		"/no/a/00011",             /* longer */
		"/no/a/001x",
	};

	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
		struct watched_file *list[] = { file_new(i ? "/no/a/0001" : "/no/a/A.db", 4, MS),
			                        file_new(other[i], 2, MS) };
		char *text = answer_of(list, 2);

		assert_null(strstr(text, "like it"));
		assert_non_null(strstr(text, ": 2 fdatasync/s"));
		assert_non_null(strstr(text, ": 1 fdatasync/s"));
		assert_non_null(strstr(text, ": mean 1.0 ms, at most 1.0 ms;")); /* too few for percentiles */
		free(text);
	}
}

/* What is written, not synced, to the same file system; of another or of no file system nothing is said. */
static void what_a_flush_carries_along_is_told(void **state)
{
	struct watched_file *list[4] = { file_new("/no/wal/0001", 4, MS), file_new("/no/wal/0002", 2, MS),
		                         file_new("/no/base/1", 0, 0), file_new("/no/other/1", 0, 0) };
	struct watched_files f = { .file = list, .n = 4, .end_ns = 1000 * MS };
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	for (unsigned i = 0; i < 4; i++) {
		list[i]->dev = i == 3 ? 8 : 7;
		list[i]->bytes = 5000;
	}
	answer_print(list, 2, &f, "db", out);
	fclose(out);
	assert_non_null(strstr(text, "written 5 KiB to 1 other file:"));
	free(text);
	for (unsigned i = 0; i < 4; i++)
		free(list[i]);
}

static void a_wait_without_words_is_where_it_was(void **state)
{
	struct kwait_sum waits = { .sync_ns = 100, .nsites = 3 };
	char text[256];

	waits.phase_ns[KW_ON_CPU] = 100;
	waits.site[0] = (struct kwait_site){ .function = "f < g", .what = "", .ns = 30 };
	waits.site[1] = (struct kwait_site){ .function = "preempted", .what = "another task had the processor",
		                             .phase = KW_PREEMPTED, .ns = 60 };
	waits.site[2] = (struct kwait_site){ .function = "h", .what = "little", .ns = 4 };
	answer_waits(&waits, 3, text, sizeof(text));
	assert_string_equal(text, "60 % while another task had the processor, 30 % waiting in f < g");
	answer_waits(&waits, 1, text, sizeof(text));
	assert_string_equal(text, "60 % while another task had the processor");
	waits.nsites = 0;
	answer_waits(&waits, 3, text, sizeof(text));
	assert_string_equal(text, "100 % on a processor");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_name_keeps_its_folder),
		cmocka_unit_test(segments_of_a_log_are_one_answer),
		cmocka_unit_test(other_files_are_answers_of_their_own),
		cmocka_unit_test(what_a_flush_carries_along_is_told),
		cmocka_unit_test(a_wait_without_words_is_where_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
