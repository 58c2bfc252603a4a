/* crc32c_test.c: the published vectors, and random pieces against the definition, bit by bit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/crc32c.h"
#include "base/rng.h"

/* RFC 3720, B.4 */
static void the_published_vectors_hold(void **state)
{
	uint8_t buf[32];

	assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283u);
	assert_int_equal(crc32c(0, "", 0), 0);
	memset(buf, 0, sizeof(buf));
	assert_int_equal(crc32c(0, buf, sizeof(buf)), 0x8a9136aau);
	memset(buf, 0xff, sizeof(buf));
	assert_int_equal(crc32c(0, buf, sizeof(buf)), 0x62a8ab43u);
	for (uint8_t i = 0; i < 32; i++)
		buf[i] = i;
	assert_int_equal(crc32c(0, buf, sizeof(buf)), 0x46dd794eu);
	for (uint8_t i = 0; i < 32; i++)
		buf[i] = 31 - i;
	assert_int_equal(crc32c(0, buf, sizeof(buf)), 0x113fdb5cu);
}

static uint32_t by_definition(uint32_t crc, const uint8_t *p, size_t len)
{
	for (crc = ~crc; len--; p++) {
		crc ^= *p;
		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? (crc >> 1) ^ 0x82f63b78u : crc >> 1; /* 0x1edc6f41, bit-reversed */
	}
	return ~crc;
}

/* Of every length that a way of computing it treats apart, at every alignment. */
static void random_pieces_have_the_crc_that_is_defined(void **state)
{
	static uint8_t buf[9000];
	struct rng r;

	rng_seed(&r, 3);
	for (size_t i = 0; i < sizeof(buf); i++)
		buf[i] = (uint8_t)rng_next(&r);
	for (int round = 0; round < 2000; round++) {
		size_t at = rng_below(&r, 64);
		size_t len = rng_below(&r, round % 2 ? 100 : sizeof(buf) - at);
		uint32_t start = (uint32_t)rng_next(&r);
		assert_int_equal(crc32c(start, buf + at, len), by_definition(start, buf + at, len));
	}
}

static void a_crc_can_be_continued(void **state)
{
	static uint8_t buf[9000];
	struct rng r;

	rng_seed(&r, 4);
	for (size_t i = 0; i < sizeof(buf); i++)
		buf[i] = (uint8_t)rng_next(&r);
	for (int round = 0; round < 200; round++) {
		size_t cut = rng_below(&r, sizeof(buf) + 1);
		uint32_t first = crc32c(0, buf, cut);
		assert_int_equal(crc32c(first, buf + cut, sizeof(buf) - cut), crc32c(0, buf, sizeof(buf)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_published_vectors_hold),
		cmocka_unit_test(random_pieces_have_the_crc_that_is_defined),
		cmocka_unit_test(a_crc_can_be_continued),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
