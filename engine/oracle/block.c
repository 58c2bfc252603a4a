/* block.c: the format of a sector that describes itself: see block.h. */
#include "oracle/block.h"

#include <string.h>

#include "base/crc32c.h"

#define SECTOR_MAGIC 0x6f726163u

struct sector {
	uint32_t magic, crc; /* crc: of the whole sector with this field 0 */
	uint32_t file, version, writer, pad;
	uint64_t sector;
	uint8_t filler[ORACLE_SECTOR - 32];
};
_Static_assert(sizeof(struct sector) == ORACLE_SECTOR, "struct sector fills one sector");

void block_fill(void *buf, uint32_t len, const struct stamp *s)
{
	struct sector x = { .magic = SECTOR_MAGIC, .file = s->file, .version = s->version, .writer = s->writer };

	memset(x.filler, (int)(s->version % 251 + 1), sizeof(x.filler));
	for (uint32_t at = 0; at < len; at += ORACLE_SECTOR) {
		x.sector = s->sector + at / ORACLE_SECTOR;
		x.crc = 0;
		x.crc = crc32c(0, &x, sizeof(x));
		memcpy((uint8_t *)buf + at, &x, sizeof(x));
	}
}

static bool all_zeros(const void *p, uint32_t len)
{
	const uint8_t *b = p;

	return b[0] == 0 && !memcmp(b, b + 1, len - 1);
}

struct seen block_identify(const void *sector)
{
	struct sector x;

	memcpy(&x, sector, sizeof(x));
	uint32_t crc = x.crc;
	x.crc = 0;
	if (x.magic == SECTOR_MAGIC && crc == crc32c(0, &x, sizeof(x)))
		return (struct seen){ SEEN_VERSION, { x.file, x.version, x.writer, x.sector } };
	return (struct seen){ .kind = all_zeros(sector, ORACLE_SECTOR) ? SEEN_ZEROS : SEEN_GARBAGE };
}
