/* load.c: see load.h. */
#include "recipe/load.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "rt/rt.h"

#define BUSY  0.8  /* a processor: less is somebody's moment */
#define NEAR  0.03 /* of a tick: timers and the wake-up itself take their part */

/* All but idle and waiting for I/O; what another virtual machine took counts too. 0 where it cannot be read. */
static uint64_t busy_ns(uint64_t *stolen_ns)
{
	const uint64_t tick_ns = 1000000000u / (uint64_t)sysconf(_SC_CLK_TCK);
	unsigned long long user, nice, system, idle, iowait, irq, softirq, steal;
	FILE *in = fopen("/proc/stat", "re");
	uint64_t ticks = 0;

	*stolen_ns = 0;
	if (!in)
		return 0;
	if (fscanf(in, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &user, &nice, &system, &idle, &iowait, &irq,
	           &softirq, &steal) == 8) {
		ticks = user + nice + system + irq + softirq + steal;
		*stolen_ns = steal * tick_ns;
	}
	fclose(in);
	return ticks * tick_ns;
}

void load_begin(struct load *l)
{
	*l = (struct load){ .at_ns = rt_now(), .own_ns = rt_cpu_ns() };
	l->busy_ns = busy_ns(&l->stolen_ns);
}

double load_of_others(const struct load *since)
{
	struct load now;

	load_begin(&now);
	double busy = (double)(now.busy_ns - since->busy_ns), own = (double)(now.own_ns - since->own_ns);

	return now.at_ns > since->at_ns && busy > own ? (busy - own) / (double)(now.at_ns - since->at_ns) : 0;
}

double load_stolen(const struct load *since)
{
	struct load now;

	load_begin(&now);
	return now.busy_ns > since->busy_ns ?
	       (double)(now.stolen_ns - since->stolen_ns) / (double)(now.busy_ns - since->busy_ns) : 0;
}

double load_mhz(void)
{
	double sum = 0;
	unsigned n = 0;

	for (;; n++) {
		char path[96];
		unsigned long khz;
		FILE *in;

		snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/cpufreq/scaling_cur_freq", n);
		in = fopen(path, "re");
		if (!in)
			break;
		if (fscanf(in, "%lu", &khz) == 1)
			sum += (double)khz / 1e3;
		fclose(in);
	}
	return n ? sum / n : 0;
}

uint64_t load_tick_ns(void)
{
	struct timespec t;

	/* The coarse clock moves once a tick. */
	return clock_getres(CLOCK_MONOTONIC_COARSE, &t) ? 0 : (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

bool load_makes(uint64_t p50_ns, uint64_t tick_ns, double others)
{
	double off = (double)p50_ns - (double)tick_ns;

	return tick_ns && others >= BUSY && off < NEAR * (double)tick_ns && -off < NEAR * (double)tick_ns;
}

void load_say(uint64_t tick_ns, char *out, unsigned size)
{
	snprintf(out, size, "one tick of this kernel's clock (%g ms), while others kept its processors busy: it tells "
	         "of the machine, not of the device", (double)tick_ns / 1e6);
}
