/* interrupt.c: see interrupt.h. */
#include "kit/interrupt.h"

#include <signal.h>
#include <stddef.h>

#include "base/stop.h"

static volatile sig_atomic_t signal_nr, broken_pipe;

static void on_signal(int nr)
{
	signal_nr = nr;
	stop_ask();
}

/* The write that raised it fails with EPIPE. Not SIG_IGN: a program that we run would inherit that. */
static void on_pipe(int nr)
{
	broken_pipe = true;
}

void watch_interrupts(void)
{
	struct sigaction act = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND };

	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGHUP, &act, NULL);
	sigaction(SIGPIPE, &(struct sigaction){ .sa_handler = on_pipe, .sa_flags = SA_RESTART }, NULL);
}

static void on_limit(int nr)
{
}

void fail_writes_at_limit(void)
{
	sigaction(SIGXFSZ, &(struct sigaction){ .sa_handler = on_limit, .sa_flags = SA_RESTART }, NULL);
}

static void stop_search(int nr)
{
	stop_ask();
}

void stop_searches_at_interrupt(void)
{
	stop_share();
	signal(SIGINT, stop_search);
	signal(SIGTERM, stop_search);
}

int interrupted(void)
{
	return signal_nr ? 128 + signal_nr : 0;
}

bool reader_is_gone(void)
{
	return broken_pipe;
}
