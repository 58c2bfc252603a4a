/* mem.c: see mem.h. */
#include "machine/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/check.h"

#define PAGE 4096

static const char hint[] = "a smaller device or job, or a higher limit (`ulimit -v`), may do";


size_t mem_peak_bytes(void)
{
	struct rusage u;

	return getrusage(RUSAGE_SELF, &u) ? 0 : (size_t)u.ru_maxrss * 1024;
}

void *mem_alloc(size_t n)
{
	void *p = malloc(n ? n : 1);

	if (!p)
		out_of("memory", ENOMEM, hint);
	return p;
}

void *mem_zalloc(size_t n)
{
	void *p = calloc(1, n ? n : 1);

	if (!p)
		out_of("memory", ENOMEM, hint);
	return p;
}

void *mem_alloc_pages(size_t n)
{
	void *p = aligned_alloc(PAGE, (n + PAGE - 1) / PAGE * PAGE);

	if (!p)
		out_of("memory", ENOMEM, hint);
	return p;
}
