/*
 * cpu.h: how a spinning task relaxes its processor, and a raw spin bit ("guard") over a few list operations. A guard
 * has no class and no order: while it is held nothing else is taken. Used by the files of this room.
 */
#ifndef RT_CPU_H
#define RT_CPU_H

#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>

static inline void cpu_relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

/* Held for a few loads and stores only. Yields now and then, because the holder may have lost its processor. */
static inline void guard_lock(_Atomic uint32_t *guard)
{
	for (unsigned tries = 1; atomic_exchange_explicit(guard, 1, memory_order_acquire); tries++) {
		if (tries % 64 == 0)
			sched_yield();
		else
			cpu_relax();
	}
}

static inline void guard_unlock(_Atomic uint32_t *guard)
{
	atomic_store_explicit(guard, 0, memory_order_release);
}

#endif
