/*
 * test_script.h: for tests of the power cut: a sequence of device events, a word each, played into a record without a
 * file system and without time. E.g. "wA cA F1 f1": write A is submitted and completes, flush 1 the same.
 *
 *   wA    write A is submitted, to block 0 (A: block 0, B: block 1, ...); wA3: to block 3
 *   mA uA the same, as metadata, as a FUA write
 *   hA    the same, only the second half of the block (512-byte sectors 4..7)
 *   2A    two blocks, A's and the next
 *   cA eA it completes, it fails
 *   Fn fn flush n is submitted, completes; gn: completes with an error
 *
 * Each byte that a write writes is its letter. Tests look at the first SCRIPT_BLOCKS blocks of the device.
 */
#ifndef DEV_TEST_SCRIPT_H
#define DEV_TEST_SCRIPT_H

#include <ctype.h>
#include <string.h>

#include "base/check.h"
#include "dev/record.h"

#define SCRIPT_BLOCKS 8

static _Alignas(4096) uint8_t script_data[26][2 * DEV_BLOCK];
static struct bio script_write[26], script_flush[10];

static inline void script_submit(struct dev *d, const char *word)
{
	unsigned id = (unsigned)(word[1] - 'A'), blk = isdigit((unsigned char)word[2]) ? (unsigned)(word[2] - '0') : id;
	struct bio *bio = &script_write[id];

	memset(script_data[id], word[1], sizeof(script_data[id]));
	*bio = (struct bio){
		.off = blk * DEV_BLOCK, .len = DEV_BLOCK, .flags = BIO_WRITE, .buf = script_data[id], .dev = d,
		.stage = STAGE_WRITE,
	};
	if (word[0] == 'm')
		bio->flags |= BIO_META;
	if (word[0] == 'u')
		bio->flags |= BIO_FUA;
	if (word[0] == '2')
		bio->len = 2 * DEV_BLOCK;
	if (word[0] == 'h') {
		bio->off += DEV_BLOCK / 2;
		bio->len = DEV_BLOCK / 2;
	}
	record_submit(d, bio);
}

static inline void script_word(struct dev *d, const char *word)
{
	unsigned id = (unsigned)(word[1] - 'A'), flush = (unsigned)(word[1] - '0');

	switch (word[0]) {
	case 'w':
	case 'm':
	case 'u':
	case 'h':
	case '2':
		script_submit(d, word);
		break;
	case 'c':
	case 'e':
		record_complete(d, &script_write[id], word[0] == 'e' ? -5 : 0);
		break;
	case 'F':
		script_flush[flush] = (struct bio){.flags = BIO_WRITE | BIO_PREFLUSH, .dev = d, .stage = STAGE_FLUSH};
		record_submit(d, &script_flush[flush]);
		break;
	case 'f':
	case 'g':
		record_complete(d, &script_flush[flush], word[0] == 'g' ? -5 : 0);
		break;
	default:
		CHECK(!"a word of a script");
	}
}

static inline void script_play(struct dev *d, const char *script)
{
	char words[256], *save;

	CHECK(strlen(script) < sizeof(words));
	strcpy(words, script);
	for (char *w = strtok_r(words, " ", &save); w; w = strtok_r(NULL, " ", &save))
		script_word(d, w);
}

/* The content of a device, a character a block: '.' for zeros, "(xy)" for a block whose halves differ. */
static inline void script_content(struct dev *d, char *out)
{
	static _Alignas(4096) uint8_t buf[DEV_BLOCK];

	for (unsigned blk = 0; blk < SCRIPT_BLOCKS; blk++) {
		CHECK(dev_read(d, blk * DEV_BLOCK, buf, sizeof(buf)) == 0);
		char a = buf[0] ? (char)buf[0] : '.', b = buf[DEV_BLOCK - 1] ? (char)buf[DEV_BLOCK - 1] : '.';

		if (a == b)
			*out++ = a;
		else
			out += sprintf(out, "(%c%c)", a, b);
	}
	*out = 0;
}

/* A recorded device, for a test's setup and teardown. */
static inline int script_open(void **state)
{
	struct dev *d;

	CHECK(ram_open(1 << 20, &d) == 0);
	powercut_start(d);
	*state = d;
	return 0;
}

static inline int script_close(void **state)
{
	dev_close(*state);
	return 0;
}

#define RECORDED(test) cmocka_unit_test_setup_teardown(test, script_open, script_close)

#endif
