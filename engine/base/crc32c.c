/*
 * crc32c.c: CRC-32C two ways, chosen once before main(): the CPU's instruction, or a table.
 *
 * The instruction has a latency of three cycles and can start one a cycle, so long buffers go as
 * three interleaved streams. A stream's CRC is moved past the bytes of the streams after it by a
 * linear map ("append n zero bytes"), tabulated once for the one stream length that is used.
 *
 * (C1) Inside, the register is the complement of the public value; only crc32c() and crc32c_table()
 *      complement.
 */
#include "base/crc32c.h"

#include <string.h>

#define POLY   0x82f63b78u /* bit-reversed 0x1edc6f41 */
#define STREAM 1344u       /* three of them are 4032 bytes: a 4 KiB block is one round and 64 bytes */

static uint32_t by_byte[256];
static uint32_t past_stream[4][256]; /* by byte of the register: the register after STREAM zero bytes */
static uint32_t (*update)(uint32_t reg, const uint8_t *p, size_t len);

static uint32_t update_table(uint32_t reg, const uint8_t *p, size_t len)
{
	while (len--)
		reg = by_byte[(reg ^ *p++) & 0xff] ^ (reg >> 8);
	return reg;
}

#if defined(__x86_64__)
#include <nmmintrin.h>

#define HARDWARE __attribute__((target("sse4.2")))
#define STEP_8(reg, word) ((uint32_t)_mm_crc32_u64(reg, word))
#define STEP_1(reg, byte) _mm_crc32_u8(reg, byte)

static bool cpu_has_crc(void)
{
	return __builtin_cpu_supports("sse4.2");
}
#elif defined(__aarch64__)
#include <sys/auxv.h>

#ifdef __clang__
#define HARDWARE __attribute__((target("crc")))
#define STEP_8(reg, word) __builtin_arm_crc32cd(reg, word)
#define STEP_1(reg, byte) __builtin_arm_crc32cb(reg, byte)
#else
#define HARDWARE __attribute__((target("+crc")))
#define STEP_8(reg, word) __builtin_aarch64_crc32cx(reg, word)
#define STEP_1(reg, byte) __builtin_aarch64_crc32cb(reg, byte)
#endif

static bool cpu_has_crc(void)
{
	return getauxval(AT_HWCAP) & (1 << 7); /* HWCAP_CRC32 */
}
#endif

#ifdef HARDWARE
static inline uint64_t load_8(const uint8_t *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof(word));
	return word;
}

static inline uint32_t move_past_stream(uint32_t reg)
{
	return past_stream[0][reg & 0xff] ^ past_stream[1][(reg >> 8) & 0xff] ^
	       past_stream[2][(reg >> 16) & 0xff] ^ past_stream[3][reg >> 24];
}

HARDWARE static uint32_t update_three_streams(uint32_t reg, const uint8_t *p)
{
	uint32_t a = reg, b = 0, c = 0;

	for (size_t i = 0; i < STREAM; i += 8) {
		a = STEP_8(a, load_8(p + i));
		b = STEP_8(b, load_8(p + STREAM + i));
		c = STEP_8(c, load_8(p + 2 * STREAM + i));
	}
	return move_past_stream(move_past_stream(a) ^ b) ^ c;
}

HARDWARE static uint32_t update_hardware(uint32_t reg, const uint8_t *p, size_t len)
{
	for (; len >= 3 * STREAM; len -= 3 * STREAM, p += 3 * STREAM)
		reg = update_three_streams(reg, p);
	for (; len >= 8; len -= 8, p += 8)
		reg = STEP_8(reg, load_8(p));
	while (len--)
		reg = STEP_1(reg, *p++);
	return reg;
}
#endif

static void fill_by_byte(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t reg = i;
		for (int bit = 0; bit < 8; bit++)
			reg = reg & 1 ? (reg >> 1) ^ POLY : reg >> 1;
		by_byte[i] = reg;
	}
}

/* Appending zeros is linear over GF(2): the images of the 32 single bits give all others. */
static void fill_past_stream(void)
{
	static const uint8_t zeros[STREAM];
	uint32_t image[32];

	for (int bit = 0; bit < 32; bit++)
		image[bit] = update_table(1u << bit, zeros, STREAM);
	for (uint32_t i = 0; i < 4 * 256; i++)
		for (int bit = 0; bit < 8; bit++)
			if (i & (1u << bit))
				past_stream[i / 256][i % 256] ^= image[i / 256 * 8 + bit];
}

__attribute__((constructor)) static void choose(void)
{
	fill_by_byte();
	update = update_table;
#ifdef HARDWARE
	if (cpu_has_crc()) {
		fill_past_stream();
		update = update_hardware;
	}
#endif
}

uint32_t crc32c(uint32_t crc, const void *data, size_t len)
{
	return ~update(~crc, data, len); /* C1 */
}

uint32_t crc32c_table(uint32_t crc, const void *data, size_t len)
{
	return ~update_table(~crc, data, len);
}

bool crc32c_is_hardware(void)
{
	return update != update_table;
}
