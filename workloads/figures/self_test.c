/* `fsyncstorm bench-self` as a program: its lines, its JSON and its exit status say the same; mistakes are one line. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <glob.h>
#include <jansson.h>
#include <sys/stat.h>

#include "kit/spawn_test.h"


static void mistakes_are_one_line_and_status_2(void **state)
{
	static const struct {
		const char *args, *says;
	} bad[] = {
		{ "bench-self --only lok", "did you mean lock?" },
		{ "bench-race --only sead", "did you mean seed?" },
		{ "bench-race seed", "no argument is expected" },
		{ "bench-self --only", "--only: needs a value" },
		{ "bench-self --olny lock", "did you mean --only?" },
		{ "bench-self lock", "no argument is expected" },
		{ "bench-self --only lock --json nosuch/x.json", "--json" },
		{ "bench-self --only lock --dir nosuch", "--dir: nosuch" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		unsigned before = spawn_left();
		assert_int_equal(spawn(bad[i].args), 2);
		assert_string_equal(spawn_out, "");
		assert_non_null(strstr(spawn_err, bad[i].says));
		assert_ptr_equal(strchr(spawn_err, '\n'), spawn_err + strlen(spawn_err) - 1);
		assert_int_equal(spawn_left(), before);
	}
}

/* What a figure's line, its JSON and the exit status say of it. Timing decides which: not what is tested here. */
static void line_json_and_status_agree(void **state)
{
	int status = spawn("bench-self --only lock --json figures.json");
	json_t *all = json_load_file("figures.json", 0, NULL), *figure;
	char last[32];

	assert_true(status == 0 || status == 1);
	assert_non_null(all);
	assert_int_equal(json_array_size(json_object_get(all, "figures")), 1);
	assert_int_equal(json_integer_value(json_object_get(all, "missed")), status);
	figure = json_array_get(json_object_get(all, "figures"), 0);
	double value = json_real_value(json_object_get(figure, "value"));
	assert_true(value > 0);
	assert_int_equal(json_is_true(json_object_get(figure, "holds")), value <= 1.25);
	assert_int_equal(status, value > 1.25);
	assert_non_null(strstr(spawn_out, status ? "missed\n" : "holds\n"));
	snprintf(last, sizeof(last), "\n1 figures, %d missed\n", status);
	assert_string_equal(spawn_out + strlen(spawn_out) - strlen(last), last);
	json_decref(all);
	unlink("figures.json");
}

/* Stopped as soon as this is there. */
static void stop_when_there(const char *group, const char *there)
{
	char *argv[] = { spawn_program, "bench-self", "--only", (char *)group, NULL };
	glob_t found = { 0 };
	int status;
	pid_t pid = fork();

	if (!pid) {
		int null = open("/dev/null", O_WRONLY);
		dup2(null, 1);
		execv(spawn_program, argv);
		_exit(127);
	}
	while (glob(there, 0, NULL, &found))
		assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
	globfree(&found);
	kill(pid, SIGINT);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 128 + SIGINT);
	assert_int_equal(spawn_left(), 0);
}

static void nothing_is_left_when_it_is_stopped(void **state)
{
	stop_when_there("shape", "bench-self.img");
	stop_when_there("fio", "fsyncstorm-*");
	stop_when_there("fio", "fsyncstorm-*/*.0"); /* in the middle of a trial */
}

static void a_figure_that_needs_root_says_so(void **state)
{
	if (geteuid())
		skip();
	pid_t pid = fork();
	int status;

	if (!pid) {
		chmod(".", 0777);
		dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), 1);
		execlp("setpriv", "setpriv", "--reuid=65534", "--clear-groups", spawn_program, "bench-self", "--only",
		       "fidelity", "--json", "figures.json", NULL);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	assert_int_equal(WEXITSTATUS(status), 1);
	json_t *all = json_load_file("figures.json", 0, NULL);
	assert_int_equal(json_integer_value(json_object_get(all, "missed")), 10);
	for (size_t i = 0; i < 10; i++)
		assert_non_null(strstr(json_string_value(json_object_get(
					       json_array_get(json_object_get(all, "figures"), i), "not_measured")),
		                       "needs root"));
	json_decref(all);
	unlink("figures.json");
}

static void what_cannot_be_measured_is_missed(void **state)
{
	unsetenv("BARE_FSYNCSTORM");
	assert_int_equal(spawn("bench-self --only instruments"), 1);
	assert_non_null(strstr(spawn_out, "missed: BARE_FSYNCSTORM"));
	assert_non_null(strstr(spawn_out, "3 figures, 3 missed\n"));
	setenv("BARE_FSYNCSTORM", "/nosuch", 1);
	assert_int_equal(spawn("bench-self --only instruments"), 1);
	assert_non_null(strstr(spawn_out, "missed: a child does not answer"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mistakes_are_one_line_and_status_2),
		cmocka_unit_test(line_json_and_status_agree),
		cmocka_unit_test(nothing_is_left_when_it_is_stopped),
		cmocka_unit_test(a_figure_that_needs_root_says_so),
		cmocka_unit_test(what_cannot_be_measured_is_missed),
	};

	return cmocka_run_group_tests(tests, spawn_begin, spawn_end);
}
