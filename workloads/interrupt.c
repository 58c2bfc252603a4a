/* interrupt.c: see interrupt.h. */
#include "interrupt.h"

#include <signal.h>
#include <stddef.h>

#include "driver.h"

static volatile sig_atomic_t signal_nr;

static void on_signal(int nr)
{
	signal_nr = nr;
	driver_stop = true;
}

void watch_interrupts(void)
{
	struct sigaction act = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND };

	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGHUP, &act, NULL);
}

int interrupted(void)
{
	return signal_nr ? 128 + signal_nr : 0;
}
