/* stop.c: see stop.h. */
#include "base/stop.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/check.h"

static _Atomic bool own_flag;
_Atomic bool *stop_flag = &own_flag;

void stop_ask(void)
{
	atomic_store(stop_flag, true);
}

void stop_clear(void)
{
	atomic_store(stop_flag, false);
}

void stop_share(void)
{
	_Atomic bool *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	CHECK(shared != MAP_FAILED);
	atomic_store(shared, stop_asked());
	stop_flag = shared;
}

void end_with(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
}
