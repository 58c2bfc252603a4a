/*
 * crc32c.c: ISA-L's crc32_iscsi(), which has the register (the complement of the public value) and takes a buffer
 * that it does not write.
 *
 * Version 2.30 returns from its AVX-512 code with the upper halves of vector registers in use. Until they are
 * cleaned every SSE instruction that follows waits for what was in them before: `make bench-race ONLY=pipeline`
 * ran 43,400 schedules a second, and 51,500 with them cleaned.
 */
#include "base/crc32c.h"

#include <isa-l/crc.h>

#if defined(__x86_64__)
#include <immintrin.h>

__attribute__((target("avx"))) static void zero_upper_halves(void)
{
	_mm256_zeroupper();
}

static void clean_vectors(void)
{
	if (__builtin_cpu_supports("avx"))
		zero_upper_halves();
}
#else
static void clean_vectors(void)
{
}
#endif

uint32_t crc32c(uint32_t crc, const void *data, size_t len)
{
	uint32_t reg = crc32_iscsi((unsigned char *)data, (int)len, ~crc);

	clean_vectors();
	return ~reg;
}
