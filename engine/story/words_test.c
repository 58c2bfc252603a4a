/* words_test.c: an event of the trace is told with its arguments in it, each written as its role is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "item/item.h"
#include "story/story.h"

static void says(const struct trace_entry *e, const char *text)
{
	char buf[TEXT_MAX];

	story_event_text(e, buf, sizeof(buf));
	assert_string_equal(buf, text);
}

static void arguments_stand_where_the_text_names_them(void **state)
{
	says(&(struct trace_entry){ .event = EV_EXTENT_LOGGED, .arg = { 1, FS_BLOCK, 2 * FS_BLOCK, 8192 } },
	     "LOGS blocks 1-2 (data @8192)");
	says(&(struct trace_entry){ .event = EV_EXTENT_IN_TREES, .arg = { 1, FS_BLOCK, FS_BLOCK, 7 } },
	     "block 1 put into the trees of transaction 7");
	says(&(struct trace_entry){ .event = EV_INODE_WRITE_ERROR, .arg = { 257, (uint64_t)-5 } },
	     "inode 257: write error -5");
	says(&(struct trace_entry){ .event = EV_PAGE_LOGGED, .arg = { 3, 4 } }, "logs page 3, version 4");
	says(&(struct trace_entry){ .event = EV_LOG_COMMITTED }, "commits the log");
}

static void each_event_can_be_told(void **state)
{
	char buf[TEXT_MAX], small[12];

	for (unsigned i = 0; i < EV_NR; i++) {
		struct trace_entry e = { .event = i, .arg = { 1ull << 62, 1ull << 62, 1ull << 61, UINT64_MAX } };
		story_event_text(&e, buf, sizeof(buf));
		assert_true(strlen(buf) > 5 && strlen(buf) < TEXT_MAX - 1);
		assert_null(strpbrk(buf, "{}"));
		story_event_text(&e, small, sizeof(small));
		assert_memory_equal(small, buf, strlen(small));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arguments_stand_where_the_text_names_them),
		cmocka_unit_test(each_event_can_be_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
