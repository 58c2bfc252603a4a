/* layer.c: layers over a base, and fingerprints: see layer.h. */
#include "dev/layer.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "machine/mem.h"

/* The two halves of the 128-bit product, XORed: one multiplication mixes 16 bytes. */
static inline uint64_t fold_mul(uint64_t a, uint64_t b)
{
	__extension__ unsigned __int128 m = (unsigned __int128)a * b;

	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

static inline uint64_t word(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

#define K0 0x9e3779b97f4a7c15ull
#define K1 0xd6e8feb86659fd93ull
#define K2 0xa0761d6478bd642full
#define K3 0xe7037ed1a0b428dbull

/* Four independent lanes, so that the multiplications overlap. */
uint64_t hash_bytes(const void *data, uint32_t len)
{
	const uint8_t *p = data;
	uint64_t a = K0 ^ len, b = K1, c = K2, d = K3;
	uint32_t i = 0;

	for (; i + 64 <= len; i += 64) {
		a = fold_mul(a ^ word(p + i), K1 ^ word(p + i + 8));
		b = fold_mul(b ^ word(p + i + 16), K2 ^ word(p + i + 24));
		c = fold_mul(c ^ word(p + i + 32), K3 ^ word(p + i + 40));
		d = fold_mul(d ^ word(p + i + 48), K0 ^ word(p + i + 56));
	}
	for (; i < len; i += 8)
		a = fold_mul(a ^ word(p + i), K3);
	return fold_mul(a ^ (b << 7 | b >> 57), c ^ (d << 31 | d >> 33) ^ K2);
}

uint64_t hash_block(const void *data)
{
	return hash_bytes(data, DEV_BLOCK) | 1;
}

uint64_t hash_at(uint32_t blk, uint64_t block_hash)
{
	return fold_mul(block_hash ^ K0, (blk + 1) * K2 ^ K1);
}

void base_init(struct base *b, uint8_t *mem, uint64_t size)
{
	b->mem = mem;
	b->nblocks = size / DEV_BLOCK;
	b->hash = mem_zalloc((size_t)b->nblocks * sizeof(*b->hash));
	b->sum = 0;
}

void base_fini(struct base *b)
{
	free(b->hash);
}

void layer_init(struct layer *l, struct base *base, bool sums)
{
	l->base = base;
	l->block = mem_zalloc((size_t)base->nblocks * sizeof(*l->block));
	l->touched = mem_alloc((size_t)base->nblocks * sizeof(*l->touched));
	l->ntouched = 0;
	l->sums = sums;
	l->sum = 0;
}

void layer_fini(struct layer *l)
{
	free(l->block);
	free(l->touched);
}

void layer_clear(struct layer *l)
{
	for (uint32_t i = 0; i < l->ntouched; i++)
		l->block[l->touched[i]] = (struct layer_block){0};
	l->ntouched = 0;
	l->sum = 0;
}

const uint8_t *layer_at(const struct layer *l, uint32_t blk)
{
	const uint8_t *data = l->block[blk].data;

	return data ? data : l->base->mem + (uint64_t)blk * DEV_BLOCK;
}

static uint64_t base_hash_at(struct base *b, uint32_t blk)
{
	if (!b->hash[blk])
		b->hash[blk] = hash_block(b->mem + (uint64_t)blk * DEV_BLOCK);
	return b->hash[blk];
}

uint64_t layer_hash_at(struct layer *l, uint32_t blk)
{
	struct layer_block *b = &l->block[blk];

	if (!b->data)
		return base_hash_at(l->base, blk);
	if (!b->hash)
		b->hash = hash_block(b->data);
	return b->hash;
}

void layer_fold(struct layer *l)
{
	struct base *b = l->base;

	for (uint32_t i = 0; i < l->ntouched; i++) {
		uint32_t blk = l->touched[i];
		uint64_t hash = layer_hash_at(l, blk);

		b->sum += hash_at(blk, hash) - hash_at(blk, base_hash_at(b, blk));
		memcpy(b->mem + (uint64_t)blk * DEV_BLOCK, l->block[blk].data, DEV_BLOCK);
		b->hash[blk] = hash;
	}
	layer_clear(l);
}

void layer_set(struct layer *l, uint32_t blk, const uint8_t *data, uint64_t hash)
{
	struct layer_block *b = &l->block[blk];

	CHECK(blk < l->base->nblocks);
	if (l->sums && !hash)
		hash = hash_block(data);
	if (l->sums)
		l->sum += hash_at(blk, hash) - hash_at(blk, layer_hash_at(l, blk));
	if (!b->data)
		l->touched[l->ntouched++] = blk;
	b->data = data;
	b->hash = hash;
}

void layer_patch(struct layer *l, struct arena *a, uint32_t blk, const uint8_t *data, uint64_t hash, unsigned mask)
{
	uint8_t *mixed;

	CHECK(mask && mask <= ALL_SECTORS);
	if (mask == ALL_SECTORS) {
		layer_set(l, blk, data, hash);
		return;
	}
	mixed = arena_get(a, DEV_BLOCK);
	memcpy(mixed, layer_at(l, blk), DEV_BLOCK);
	for (unsigned s = 0; s < 8; s++)
		if (mask & 1u << s)
			memcpy(mixed + s * SECTOR, data + s * SECTOR, SECTOR);
	layer_set(l, blk, mixed, 0);
}

void layer_read(const struct layer *l, uint64_t off, void *buf, uint32_t len)
{
	uint8_t *to = buf;

	while (len) {
		uint32_t in = off % DEV_BLOCK;
		uint32_t n = len < DEV_BLOCK - in ? len : DEV_BLOCK - in;

		memcpy(to, layer_at(l, off / DEV_BLOCK) + in, n);
		to += n;
		off += n;
		len -= n;
	}
}

void layer_write(struct layer *l, struct arena *a, uint64_t off, const void *data, uint32_t len, bool stable)
{
	const uint8_t *from = data;

	while (len) {
		uint32_t in = off % DEV_BLOCK, blk = off / DEV_BLOCK;
		uint32_t n = len < DEV_BLOCK - in ? len : DEV_BLOCK - in;

		if (n == DEV_BLOCK && stable) {
			layer_set(l, blk, from, 0);
		} else {
			uint8_t *copy = arena_get(a, DEV_BLOCK);

			if (n < DEV_BLOCK)
				memcpy(copy, layer_at(l, blk), DEV_BLOCK);
			memcpy(copy + in, from, n);
			layer_set(l, blk, copy, 0);
		}
		from += n;
		off += n;
		len -= n;
	}
}
