/*
 * clock.c: the time stamp counter scaled to nanoseconds (about 12 ns a reading, against 28 and up
 * for clock_gettime), where it can be trusted: the CPU says that it runs at one rate through all
 * power states, and the kernel lets programs read its own time from it, so the processors' counters are equal.
 *
 * The clock is chosen and calibrated once, before main(); it is only read afterwards. Called through rt_now().
 */
#include "rt/clock.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S 1000000000ull

struct tsc_clock tsc_clock;

static uint64_t read_clock(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

uint64_t clock_library_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

uint64_t clock_cpu_ns(void)
{
	return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

#if defined(__x86_64__)
#include <cpuid.h>

#define CALIBRATE_NS 2000000

struct moment {
	uint64_t tsc, ns;
};

/* Both clocks at one moment: of a few tries the one during which the least time passed. */
static struct moment read_both(void)
{
	struct moment best = { 0, 0 };
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < 10; i++) {
		uint64_t before = __rdtsc();
		uint64_t ns = clock_library_ns();
		uint64_t took = __rdtsc() - before;
		if (took < least) {
			least = took;
			best = (struct moment){ .tsc = before + took / 2, .ns = ns };
		}
	}
	return best;
}

/* The least of a few, in ticks: nobody was in between. */
static uint64_t cost_of(void (*read)(void))
{
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < 10; i++) {
		uint64_t before = __rdtsc();
		read();
		uint64_t took = __rdtsc() - before;
		least = took < least ? took : least;
	}
	return least;
}

static void by_library(void)
{
	clock_library_ns();
}

static void by_system_call(void)
{
	struct timespec ts;

	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &ts);
}

/*
 * A guest of KVM has the counter under another name, with a rate and an offset that the host gives. Programs may read
 * it as long as the host says that the processors' counters are equal; else each reading is a system call, which costs
 * many times as much. A guest that moves to another machine while the program runs is not noticed.
 */
static bool kernel_trusts_tsc(void)
{
	char name[16] = "";
	FILE *f = fopen("/sys/devices/system/clocksource/clocksource0/current_clocksource", "r");

	if (!f)
		return false;
	if (!fgets(name, sizeof(name), f))
		name[0] = 0;
	fclose(f);
	return !strcmp(name, "tsc\n") ||
	       (!strcmp(name, "kvm-clock\n") && 2 * cost_of(by_library) < cost_of(by_system_call));
}

static bool tsc_is_invariant(void)
{
	unsigned a, b, c, d;

	return __get_cpuid(0x80000007, &a, &b, &c, &d) && (d & (1u << 8));
}

__attribute__((constructor)) static void calibrate(void)
{
	struct moment start, end;

	if (!tsc_is_invariant() || !kernel_trusts_tsc())
		return;
	start = read_both();
	while (clock_library_ns() - start.ns < CALIBRATE_NS)
		;
	end = read_both();
	tsc_clock.base_tsc = start.tsc;
	tsc_clock.base_ns = start.ns;
	tsc_clock.ns_per_tick = (uint64_t)(((unsigned __int128)(end.ns - start.ns) << 32) / (end.tsc - start.tsc));
}
#endif

const char *clock_name(void)
{
	return tsc_clock.ns_per_tick ? "tsc" : "clock_gettime";
}
