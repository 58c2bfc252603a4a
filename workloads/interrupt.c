/* interrupt.c: see interrupt.h. */
#include "interrupt.h"

#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/check.h"
#include "dev/dev.h"
#include "driver.h"

static volatile sig_atomic_t signal_nr, broken_pipe;

static void on_signal(int nr)
{
	signal_nr = nr;
	driver_stop = true;
	dev_give_up = true;
}

/* The write that met it fails with EPIPE. Not SIG_IGN, which a program that we run would inherit. */
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

static bool *search_stop;

static void stop_search(int nr)
{
	*search_stop = true;
}

bool *stop_at_interrupt(void)
{
	search_stop = mmap(NULL, sizeof(*search_stop), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(search_stop != MAP_FAILED);
	signal(SIGINT, stop_search);
	signal(SIGTERM, stop_search);
	return search_stop;
}

int interrupted(void)
{
	return signal_nr ? 128 + signal_nr : 0;
}

void end_with(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
}

bool reader_is_gone(void)
{
	return broken_pipe;
}
