/* world_test.c: the recorder, the judge of real file systems and the controls. Skips itself where not root. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#include "cut/controls.h"

static void controls_of(const char *text)
{
	struct controls c;
	struct cut_fs fs;
	struct why why;

	if (geteuid())
		skip();
	assert_int_equal(cut_fs_parse(text, &fs, &why), 0);
	int ret = cut_controls(&fs, 3, &c, &why);
	if (ret)
		fail_msg("%s", why.text);
	assert_int_equal(c.broken, 0);
	assert_true(c.lied_broken > 0);
	assert_true(c.beside > 0);
}

static void controls_hold_on_ext4(void **state)
{
	controls_of("fs:ext4");
}

static void controls_hold_on_xfs(void **state)
{
	controls_of("fs:xfs");
}

static void controls_hold_on_btrfs(void **state)
{
	controls_of("fs:btrfs");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(controls_hold_on_ext4),
		cmocka_unit_test(controls_hold_on_xfs),
		cmocka_unit_test(controls_hold_on_btrfs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
