/*
 * sanitize.h: which sanitizer this build runs under, by one name for both compilers. RT_ASAN and RT_TSAN are 0 or 1.
 */
#ifndef RT_SANITIZE_H
#define RT_SANITIZE_H

#ifdef __SANITIZE_ADDRESS__
#define RT_ASAN 1
#endif
#ifdef __SANITIZE_THREAD__
#define RT_TSAN 1
#endif
#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define RT_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define RT_TSAN 1
#endif
#endif
#ifndef RT_ASAN
#define RT_ASAN 0
#endif
#ifndef RT_TSAN
#define RT_TSAN 0
#endif

/*
 * What passes from one task to another through the kernel alone (a ring of io_uring) is ordered by the kernel, which
 * ThreadSanitizer cannot see. Call kernel_give() before the kernel can have it, kernel_take() when it came back.
 */
#if RT_TSAN
void __tsan_release(void *p);
void __tsan_acquire(void *p);
#endif

static inline void kernel_give(void *p)
{
#if RT_TSAN
	__tsan_release(p);
#endif
}

static inline void kernel_take(void *p)
{
#if RT_TSAN
	__tsan_acquire(p);
#endif
}

#endif
