/*
 * sum_test.c: what a thread's sleeps add up to: a read of an empty pipe is the call's time, by the kernel's own stack;
 * phases sum to the calls; what was lost is told. Where stacks are not allowed the tests skip themselves.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kwait/ksyms.h"
#include "kwait/sum.h"

#define MS 1000000ull

static void need_stacks(void)
{
	struct why why;

	if (!kwait_allowed(&why))
		return;
	print_message("skipped: %s\n", why.text);
	skip();
}

static void doze(uint64_t ns)
{
	poll(NULL, 0, (int)(ns / MS));
}

static void *write_later(void *arg)
{
	doze(20 * MS);
	assert_int_equal(write(*(int *)arg, "x", 1), 1);
	return NULL;
}

/* The caller sleeps in read() for 20 ms or more. */
static void wait_in_a_pipe(void)
{
	int fd[2];
	pthread_t writer;
	char c;

	assert_int_equal(pipe(fd), 0);
	assert_int_equal(pthread_create(&writer, NULL, write_later, &fd[1]), 0);
	assert_int_equal(read(fd[0], &c, 1), 1);
	pthread_join(writer, NULL);
	close(fd[0]);
	close(fd[1]);
}

static uint64_t all_phases(const struct kwait_sum *s)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < KW_NR; i++)
		sum += s->phase_ns[i];
	return sum;
}

static const struct kwait_site *site_with(const struct kwait_sum *s, const char *function)
{
	for (unsigned i = 0; i < s->nsites; i++)
		if (strstr(s->site[i].function, function))
			return &s->site[i];
	return NULL;
}

static void a_sleep_is_found_by_its_stack(void **state)
{
	struct kwait_sum sum = { .syncs = 0 };
	struct kwait_task *t;
	uint64_t begin;

	need_stacks();
	t = kwait_task_open(0, NULL);
	assert_non_null(t);
	doze(5 * MS); /* in no call */
	begin = kwait_now();
	wait_in_a_pipe();
	kwait_task_call(t, 0, begin, kwait_now());
	doze(5 * MS);
	kwait_task_stop(t);
	kwait_sum_task(&sum, t, NULL);
	kwait_task_close(t);
	assert_int_equal(sum.syncs, 1);
	assert_int_equal(sum.lost, 0);
	assert_int_equal(all_phases(&sum), sum.sync_ns); /* sum.1 */
	assert_non_null(site_with(&sum, "pipe_read"));
	assert_true(site_with(&sum, "pipe_read")->ns >= 15 * MS);
	assert_int_equal(site_with(&sum, "pipe_read")->phase, PH_OTHER); /* sum.2 */
	assert_null(site_with(&sum, "poll"));
	assert_true(kwait_sum_named(&sum) < 0.5);
}

static void a_call_without_a_sleep_is_on_the_processor(void **state)
{
	struct kwait_sum sum = { .syncs = 0 };
	struct kwait_task *t;
	uint64_t begin, end;

	need_stacks();
	t = kwait_task_open(0, NULL);
	begin = kwait_now();
	do
		end = kwait_now();
	while (end < begin + 10 * MS);
	kwait_task_call(t, 0, begin, end);
	kwait_task_stop(t);
	kwait_sum_task(&sum, t, NULL);
	kwait_task_close(t);
	assert_int_equal(sum.phase_ns[KW_ON_CPU] + sum.phase_ns[KW_PREEMPTED], sum.sync_ns);
	assert_true(sum.phase_ns[KW_ON_CPU] > 0);
}

/* Part of a sleep may lie outside of the call. */
static void a_sleep_is_cut_at_the_ends_of_its_call(void **state)
{
	struct kwait_sum sum = { .syncs = 0 };
	struct kwait_task *t;
	struct kwait_call c;
	size_t n;

	need_stacks();
	t = kwait_task_open(0, NULL);
	wait_in_a_pipe();
	kwait_task_stop(t);
	const struct kwait_sleep *s = kwait_task_sleeps(t, &n), *longest = s;
	for (size_t i = 0; i < n; i++)
		if (s[i].in_ns - s[i].out_ns > longest->in_ns - longest->out_ns)
			longest = &s[i];
	c = (struct kwait_call){ .begin_ns = longest->out_ns + 4 * MS, .end_ns = longest->out_ns + 9 * MS };
	kwait_sum_call(&sum, t, &c, NULL);
	assert_int_equal(sum.sync_ns, 5 * MS);
	assert_int_equal(sum.phase_ns[PH_OTHER], 5 * MS);
	/* through io_uring: before a worker began with it nothing that the worker did is of it */
	c.start_ns = c.begin_ns + MS;
	kwait_sum_call(&sum, t, &c, NULL);
	assert_int_equal(sum.phase_ns[PH_OTHER], 9 * MS);
	assert_int_equal(sum.phase_ns[KW_WORKER], MS);
	kwait_sum_call(&sum, NULL, &c, NULL); /* by a worker that was not seen */
	assert_int_equal(sum.phase_ns[PH_OTHER], 13 * MS);
	assert_int_equal(site_with(&sum, "a worker of io_uring")->ns, 4 * MS);
	assert_int_equal(all_phases(&sum), sum.sync_ns);
	kwait_task_close(t);
}

/* A ring holds some hundred switches: who does not drain it is told how many are missing. */
static void what_was_dropped_is_counted(void **state)
{
	struct kwait_sum sum = { .syncs = 0 };
	struct kwait_task *t;
	uint64_t begin;

	need_stacks();
	t = kwait_task_open(0, NULL);
	begin = kwait_now();
	for (int i = 0; i < 2500; i++)
		doze(MS);
	kwait_task_call(t, 0, begin, kwait_now());
	kwait_task_stop(t);
	kwait_sum_task(&sum, t, NULL);
	kwait_task_close(t);
	assert_true(sum.lost > 500);
	assert_int_equal(all_phases(&sum), sum.sync_ns);
}

static void sums_are_merged_by_what_was_waited_for(void **state)
{
	struct kwait_sum a = { .syncs = 2, .sync_ns = 100, .nsites = 1, .lost = 1 }, b = { .syncs = 1, .sync_ns = 50 };

	a.phase_ns[PH_LOG_JOIN] = 100;
	a.site[0] = (struct kwait_site){ .function = "f", .what = "w", .phase = PH_LOG_JOIN, .ns = 100, .n = 2 };
	b = (struct kwait_sum){ .syncs = 1, .sync_ns = 50, .nsites = 2, .lost = 2 };
	b.phase_ns[PH_LOG_JOIN] = 20;
	b.phase_ns[PH_OTHER] = 30;
	b.site[0] = (struct kwait_site){ .function = "f", .what = "w", .phase = PH_LOG_JOIN, .ns = 20, .n = 1 };
	b.site[1] = (struct kwait_site){ .function = "g", .what = "", .phase = PH_OTHER, .ns = 30, .n = 1 };
	kwait_sum_merge(&a, &b);
	assert_int_equal(a.syncs, 3);
	assert_int_equal(a.sync_ns, 150);
	assert_int_equal(a.lost, 3);
	assert_int_equal(a.nsites, 2);
	assert_int_equal(site_with(&a, "f")->ns, 120);
	assert_int_equal(all_phases(&a), a.sync_ns);
	assert_true(kwait_sum_named(&a) > 0.79 && kwait_sum_named(&a) < 0.81);
}

/* As /proc/kallsyms has it. */
static uint64_t address_of(const char *function)
{
	unsigned long long at, found = 0;
	char line[512], name[128], type;
	FILE *in = fopen("/proc/kallsyms", "re");

	while (in && !found && fgets(line, sizeof(line), in))
		if (sscanf(line, "%llx %c %127s", &at, &type, name) == 3 && !strcmp(name, function))
			found = at;
	if (in)
		fclose(in);
	return found;
}

static void an_address_has_the_name_of_its_function(void **state)
{
	struct why why;

	if (ksyms_load(&why)) {
		print_message("skipped: %s\n", why.text);
		skip();
	}
	assert_string_equal(ksyms_name(1), "?");
	assert_string_equal(ksyms_name(address_of("vfs_read")), "vfs_read");
	assert_string_equal(ksyms_name(address_of("vfs_read") + 1), "vfs_read");
	assert_string_not_equal(ksyms_name(address_of("vfs_read") - 1), "vfs_read");
	assert_string_not_equal(ksyms_name(UINT64_MAX / 2 + UINT64_MAX / 4), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sleep_is_found_by_its_stack),
		cmocka_unit_test(a_call_without_a_sleep_is_on_the_processor),
		cmocka_unit_test(a_sleep_is_cut_at_the_ends_of_its_call),
		cmocka_unit_test(what_was_dropped_is_counted),
		cmocka_unit_test(sums_are_merged_by_what_was_waited_for),
		cmocka_unit_test(an_address_has_the_name_of_its_function),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
