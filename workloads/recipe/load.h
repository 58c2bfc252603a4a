/*
 * load.h: whether others kept this machine's processors busy while something was measured, and what that can make of a
 * figure.
 *
 * load.1: A task that sleeps and is woken on a busy processor goes on at the next tick of the kernel's clock (of
 *      CONFIG_HZ: 1, 4 or 10 ms). So where all that is measured takes one tick, the machine was measured, and not the
 *      device.
 *
 * Called by bench/driver.c and the floor command, around what they measure.
 */
#ifndef RECIPE_LOAD_H
#define RECIPE_LOAD_H

#include <stdbool.h>
#include <stdint.h>

struct load {
	/* busy: of all processors together, by whomever; stolen: of it, by the host; own: by this process */
	uint64_t at_ns, busy_ns, stolen_ns, own_ns;
};

void load_begin(struct load *l);
/* How many processors others kept busy since, on average; 0 where the kernel does not tell. */
double load_of_others(const struct load *since);

/* The share of the time that processors wanted to run which the host took since; 0 where there is none. */
double load_stolen(const struct load *since);
/* At how many MHz the processors run now, on average; 0 where the kernel does not tell, as in a virtual machine. */
double load_mhz(void);

/* Between two ticks of the kernel's clock. */
uint64_t load_tick_ns(void);
/* Whether a median of this size is a tick, with so many processors kept busy by others (load.1). */
bool load_makes(uint64_t p50_ns, uint64_t tick_ns, double others);
/* "one tick of this kernel's clock (4 ms) ...": what is to be said of such a figure, in 200 letters. */
void load_say(uint64_t tick_ns, char *out, unsigned size);

#endif
