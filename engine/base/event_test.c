/* event_test.c: each event can be told: its text names its own arguments, and each argument has one role (event.1). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/event.h"

static bool has(unsigned event, enum role role)
{
	return event_position(event, role) >= 0;
}

static bool names_an_argument(unsigned event, const char *name, size_t n)
{
	for (unsigned r = ROLE_NONE + 1; r < ROLE_NR; r++)
		if (strlen(role_info[r].name) == n && !strncmp(role_info[r].name, name, n))
			return has(event, r);
	return n == 6 && !strncmp(name, "blocks", n) && has(event, ROLE_START) && has(event, ROLE_LEN);
}

static void a_text_names_arguments_that_the_event_has(void **state)
{
	for (unsigned e = 0; e < EV_NR; e++) {
		assert_true(event_info[e].text[0]);
		for (const char *p = event_info[e].text; (p = strchr(p, '{')); p++)
			if (!names_an_argument(e, p + 1, strcspn(p + 1, "}")))
				fail_msg("%s: %s", event_info[e].name, event_info[e].text);
	}
}

static void an_event_has_each_role_once_and_none_only_at_its_end(void **state)
{
	for (unsigned e = 0; e < EV_NR; e++)
		for (unsigned i = 0; i < EVENT_ARGS; i++) {
			enum role role = event_info[e].role[i];
			if (role != ROLE_NONE && event_position(e, role) != (int)i)
				fail_msg("%s: %s is there twice", event_info[e].name, role_info[role].name);
			if (role == ROLE_NONE && i + 1 < EVENT_ARGS && event_info[e].role[i + 1] != ROLE_NONE)
				fail_msg("%s: an argument after the last one", event_info[e].name);
		}
}

static void no_two_are_called_alike(void **state)
{
	for (unsigned e = 0; e < EV_NR; e++)
		for (unsigned other = 0; other < e; other++)
			if (!strcmp(event_info[e].text, event_info[other].text))
				fail_msg("%s, %s: %s", event_info[e].name, event_info[other].name, event_info[e].text);
	for (unsigned r = 0; r < ROLE_NR; r++)
		for (unsigned other = 0; other < r; other++)
			assert_string_not_equal(role_info[r].name, role_info[other].name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_text_names_arguments_that_the_event_has),
		cmocka_unit_test(an_event_has_each_role_once_and_none_only_at_its_end),
		cmocka_unit_test(no_two_are_called_alike),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
