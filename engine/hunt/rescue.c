/* rescue.c: see rescue.h. */
#include "hunt/rescue.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "hunt/schedule_file.h"
#include "machine/mem.h"
#include "rt/sanitize.h"

#define SIGNAL_STACK (256u << 10) /* a fiber's own stack may be what is full */

static struct hunt *rescued;

/* Once: what it does may fail for the same reason as the run. */
static void rescue(const char *what)
{
	struct hunt *h = rescued;
	struct why why;

	rescued = NULL;
	if (!h)
		return;
	struct violation v = { .kind = VIOLATION_CHECK, .seed = h->run.seed, .granularity = h->granularity,
		               .schedule = h->schedule };
	snprintf(v.text, sizeof(v.text), "%s", what);
	fprintf(stderr, "race %s, design %s, seed %lu, decision %u\n", h->race->name, h->design->name,
	        (unsigned long)h->run.seed, h->schedule.n);
	if (!h->rescue_path)
		return;
	if (schedule_file_write(h->rescue_path, h->race, h->design, &v, &why))
		fprintf(stderr, "%s\n", why.text);
	else
		fprintf(stderr, "replay: fsyncstorm race replay %s\n", h->rescue_path);
}

static void rescue_check(void)
{
	rescue("a CHECK failed");
}

/*
 * The program is at its end, whatever this does: so it may call what a handler of a signal may not. A second signal
 * while it runs ends the program at once.
 */
static void crashed(int sig)
{
	char what[64];

	snprintf(what, sizeof(what), "the run crashed: %s", strsignal(sig));
	fprintf(stderr, "%s\n", what);
	rescue(what);
	raise(sig);
}

/* Once for the life of the program. A sanitizer tells more of a crash than we could. */
static void catch_crashes(void)
{
	static const int signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };
	static bool caught;

	if (caught || RT_ASAN || RT_TSAN)
		return;
	caught = true;
	stack_t stack = { .ss_sp = mem_alloc(SIGNAL_STACK), .ss_size = SIGNAL_STACK };
	struct sigaction act = { .sa_handler = crashed, .sa_flags = SA_ONSTACK | SA_RESETHAND | SA_NODEFER };
	sigaltstack(&stack, NULL);
	for (unsigned i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &act, NULL);
}

void hunt_rescue(struct hunt *h, const char *path)
{
	if (h) {
		h->rescue_path = path;
		catch_crashes();
	}
	rescued = h;
	check_hook = h ? rescue_check : NULL;
}
