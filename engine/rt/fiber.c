/*
 * fiber.c: fibers over the hand-written switch (switch.S). On a CPU that it does not know, or with FSS_UCONTEXT, which
 * tests this way, fibers are made of ucontext, which costs 50 times as much for its system calls.
 *
 * A stack is mapped once, with a guard page below it, and never unmapped.
 */
#include "rt/fiber.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "base/check.h"
#include "machine/mem.h"
#include "rt/sanitize.h"

#if (!defined(__x86_64__) && !defined(__aarch64__)) || defined(FSS_UCONTEXT)
#define SWITCH_BY_UCONTEXT
#include <ucontext.h>
#endif

#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define VALGRIND_STACK_REGISTER(from, to) 0
#endif

#define PAGE 4096
#if RT_ASAN
#define STACK_SIZE (256u << 10) /* its frames are several times larger */
#else
#define STACK_SIZE (64u << 10)
#endif

/* ---- AddressSanitizer: it must know which stack is in use ---- */

#if RT_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>

static struct fiber *came_from;

static void before_switch(struct fiber *from, struct fiber *to, bool from_ends)
{
	came_from = from;
	__sanitizer_start_switch_fiber(from_ends ? NULL : &from->fake_stack, to->stack, to->stack_size);
}

/* The bounds of the thread's own stack are learnt when a fiber is entered from it. */
static void after_switch(struct fiber *self)
{
	const void *bottom;
	size_t size;

	__sanitizer_finish_switch_fiber(self->fake_stack, &bottom, &size);
	if (!came_from->stack) {
		came_from->stack = (char *)bottom;
		came_from->stack_size = size;
	}
}

static void forget_frames(struct fiber *f)
{
	f->fake_stack = NULL;
	__asan_unpoison_memory_region(f->stack, f->stack_size);
}
#else
static void before_switch(struct fiber *from, struct fiber *to, bool from_ends)
{
}

static void after_switch(struct fiber *self)
{
}

static void forget_frames(struct fiber *f)
{
}
#endif

/* ---- life ---- */

static struct fiber *entering; /* the fiber that is switched to; a new one finds itself by it */

static void fiber_entry(void)
{
	struct fiber *self = entering;

	CHECK((uintptr_t)__builtin_frame_address(0) % 16 == 0); /* vector stores rely on it */
	after_switch(self);
	self->fn();
	CHECK(!"a fiber's function returned");
}

void fiber_make(struct fiber *f)
{
	char *p = mmap(NULL, STACK_SIZE + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
	               -1, 0);

	if (p == MAP_FAILED)
		out_of("memory for a fiber", errno, "a higher limit (`ulimit -v`) may do");
	CHECK(mprotect(p, PAGE, PROT_NONE) == 0);
	f->stack = p + PAGE;
	f->stack_size = STACK_SIZE;
	(void)VALGRIND_STACK_REGISTER(f->stack, f->stack + STACK_SIZE);
}

#ifdef SWITCH_BY_UCONTEXT
static void make_context(ucontext_t *uc, char *stack, size_t size)
{
	CHECK(getcontext(uc) == 0);
	uc->uc_stack.ss_sp = stack;
	uc->uc_stack.ss_size = size;
	makecontext(uc, fiber_entry, 0);
}

void fiber_start(struct fiber *f, void (*fn)(void))
{
	if (!f->sp)
		f->sp = mem_zalloc(sizeof(ucontext_t));
	forget_frames(f);
	f->fn = fn;
	make_context(f->sp, f->stack, f->stack_size);
}

static void switch_stacks(struct fiber *from, struct fiber *to)
{
	if (!from->sp)
		from->sp = mem_zalloc(sizeof(ucontext_t));
	CHECK(swapcontext(from->sp, to->sp) == 0);
}
#else
/* switch.S: pushes what a callee must preserve, stores the stack pointer in *save, and pops from `load`. */
void fiber_switch_stacks(void **save, void *load);

#if defined(__x86_64__)
#define SAVED_WORDS 6 /* rbp rbx r12-r15 */
#define AFTER_ENTRY 3 /* what a call leaves: a return address (0: the end of backtraces), 8 below a multiple of 16 */
#else
#define SAVED_WORDS 20 /* x19-x30, d8-d15; x30 is the entry */
#define AFTER_ENTRY 0
#endif

void fiber_start(struct fiber *f, void (*fn)(void))
{
	uintptr_t *top = (uintptr_t *)(f->stack + f->stack_size);
	uintptr_t *sp = top - AFTER_ENTRY - (AFTER_ENTRY ? 1 : 0) - SAVED_WORDS;

	forget_frames(f);
	f->fn = fn;
	memset(sp, 0, (size_t)((char *)top - (char *)sp));
#if defined(__x86_64__)
	sp[SAVED_WORDS] = (uintptr_t)fiber_entry;
#else
	sp[11] = (uintptr_t)fiber_entry;
#endif
	f->sp = sp;
}

static void switch_stacks(struct fiber *from, struct fiber *to)
{
	fiber_switch_stacks(&from->sp, to->sp);
}
#endif

void fiber_switch(struct fiber *from, struct fiber *to, bool from_ends)
{
	entering = to;
	before_switch(from, to, from_ends);
	switch_stacks(from, to);
	after_switch(from);
}
