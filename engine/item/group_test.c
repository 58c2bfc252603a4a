/*
 * group_test.c: a group as it goes to the device and comes back: what it holds, and that nothing else is taken for it:
 * each byte of its head and records flipped in turn, another place, another life, another one before it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "item/group.h"
#include "machine/mem.h"

#define BASE 0x200000ull
#define MAX  16u

static const struct group_place place = {
	.nonce = 77, .lsn = 5, .before = 0x1234, .bytenr = BASE, .end = BASE + MAX * FS_BLOCK,
};

struct seen {
	uint32_t n, put, cut, data, bytes;
	uint64_t last;
};

static int see(void *arg, const struct record *r)
{
	struct seen *s = arg;
	const uint8_t *bytes = r->data;

	s->n++;
	s->put += r->kind == RECORD_PUT;
	s->cut += r->kind == RECORD_CUT;
	s->data += r->kind == RECORD_DATA;
	for (uint32_t i = 0; i < r->len; i++)
		assert_int_equal(bytes[i], (uint8_t)(r->key.offset + i));
	s->bytes += r->len;
	s->last = r->key.offset;
	return 0;
}

/* n records, the i-th of i bytes; and so many blocks of data. Its memory, to be freed; how long it is. */
static uint8_t *make(uint32_t n, uint32_t ndata, uint32_t *blocks)
{
	uint8_t *mem = mem_alloc_pages(MAX * FS_BLOCK), bytes[4096], block[FS_BLOCK];
	struct group g;

	memset(mem, 0xee, MAX * FS_BLOCK);
	group_open(&g, &place, mem, MAX);
	for (uint32_t i = 0; i < ndata; i++) {
		memset(block, (int)i + 1, sizeof(block));
		uint64_t at = group_reserve(&g, 1, 0);
		assert_int_equal(at, BASE + (1 + i) * (uint64_t)FS_BLOCK);
		memcpy(group_data_at(&g, at), block, FS_BLOCK);
	}
	for (uint32_t i = 0; i < n; i++) {
		struct record r = { .kind = i % 3 == 0 ? RECORD_CUT : RECORD_PUT, .root = 256,
				    .key = { 257, 108, i }, .data = bytes };
		r.len = i % 3 == 0 ? 0 : i % 2000;
		for (uint32_t k = 0; k < r.len; k++)
			bytes[k] = (uint8_t)(i + k);
		assert_true(group_add(&g, &r));
	}
	*blocks = group_close(&g, place.bytenr + 4096, place.end);
	return mem;
}

static void what_was_put_in_comes_out(void **state)
{
	static const struct { uint32_t n, ndata; } shapes[] = { { 0, 0 }, { 1, 0 }, { 5, 1 }, { 200, 0 }, { 200, 7 } };

	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		uint32_t blocks;
		uint8_t *mem = make(shapes[i].n, shapes[i].ndata, &blocks);
		struct group_facts facts;
		struct seen seen = { 0 };
		assert_int_equal(group_blocks(mem, &place), blocks);
		assert_true(group_is_whole(mem, &place, &facts));
		assert_int_equal(facts.blocks, blocks);
		assert_int_equal(facts.ndata, shapes[i].ndata);
		assert_int_equal(facts.next, place.bytenr + 4096);
		assert_int_equal(facts.next_end, place.end);
		struct group_place next = place;
		assert_true(group_skip(mem, &next));
		assert_true(next.nonce == place.nonce && next.lsn == place.lsn + 1 && next.before == facts.hash &&
		            next.bytenr == facts.next && next.end == facts.next_end);
		assert_false(group_skip(mem, &next));
		uint32_t len;
		uint8_t *records = group_records(mem, &len);
		assert_int_equal(group_each(records, len, see, &seen), 0);
		free(records);
		assert_int_equal(seen.n, shapes[i].n);
		assert_int_equal(seen.cut, (shapes[i].n + 2) / 3);
		if (shapes[i].n)
			assert_int_equal(seen.last, shapes[i].n - 1);
		for (uint32_t k = 0; k < facts.ndata; k++)
			assert_int_equal(mem[(1 + k) * FS_BLOCK + 17], k + 1);
		free(mem);
	}
}

/* Data are not looked at here: what they hash to is in the records. */
static void no_byte_of_head_or_records_can_be_another(void **state)
{
	uint32_t blocks;
	uint8_t *mem = make(160, 2, &blocks);
	struct group_facts facts;

	assert_true(blocks > 3);
	for (uint32_t at = 0; at < blocks * FS_BLOCK; at++) {
		bool data = at / FS_BLOCK >= 1 && at / FS_BLOCK <= 2;
		mem[at] ^= 0x10;
		if (group_is_whole(mem, &place, &facts) != data)
			fail_msg("byte %u", at);
		mem[at] ^= 0x10;
	}
	assert_true(group_is_whole(mem, &place, &facts));
	free(mem);
}

/* group.1 */
static void a_group_of_elsewhere_is_none(void **state)
{
	uint32_t blocks;
	uint8_t *mem = make(5, 1, &blocks);
	struct group_place other[6];

	for (size_t i = 0; i < 6; i++)
		other[i] = place;
	other[0].nonce++;
	other[1].lsn++;
	other[2].before++;
	other[3].bytenr += FS_BLOCK;
	other[4].end = place.bytenr + FS_BLOCK; /* the segment is too short for it */
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(group_blocks(mem, &other[i]), 0);
	assert_int_equal(group_blocks(mem, &other[5]), blocks);
	free(mem);
}

/* A group is never longer than it may be, and what does not fit is refused. */
static void what_has_no_room_is_refused(void **state)
{
	uint8_t *mem = mem_alloc_pages(MAX * FS_BLOCK), bytes[2000] = { 0 };
	struct record r = { .kind = RECORD_PUT, .root = 256, .key = { 257, 108, 0 }, .data = bytes,
			    .len = sizeof(bytes) };
	struct group_facts facts;
	struct group g;
	uint32_t n = 0;

	group_open(&g, &place, mem, 4);
	assert_int_equal(group_reserve(&g, 4, 0), 0);
	assert_int_equal(group_reserve(&g, 3, FS_BLOCK), 0);
	assert_int_equal(group_reserve(&g, 1, FS_BLOCK), BASE + FS_BLOCK);
	memset(group_data_at(&g, BASE + FS_BLOCK), 1, FS_BLOCK);
	for (; group_add(&g, &r); n++)
		;
	assert_true(n >= 5 && n <= 6);
	assert_int_equal(group_reserve(&g, 1, 0), 0);
	assert_int_equal(group_size(&g), 4);
	assert_int_equal(group_close(&g, 0, 0), 4);
	assert_true(group_is_whole(mem, &place, &facts));
	assert_int_equal(facts.nrecords, n);
	assert_int_equal(facts.next, 0);
	free(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_put_in_comes_out),
		cmocka_unit_test(no_byte_of_head_or_records_can_be_another),
		cmocka_unit_test(a_group_of_elsewhere_is_none),
		cmocka_unit_test(what_has_no_room_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
