/*
 * image.c: makes crash images: see image.h. Closed images are kept with the record that they were made from and used
 * again: a hunt opens and closes several in each schedule.
 */
#include "dev/image.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "dev/door.h"
#include "machine/mem.h"

struct image {
	struct dev *dev;
	struct dev_log *log;
	struct layer layer;
	uint64_t *read;     /* bit b: block b has been read */
	uint32_t words;
	struct arena mixed; /* blocks that a mount writes, and blocks of which only some sectors are kept */
	struct list link;
};

uint32_t tear_units(const struct dev_event *e, uint32_t tear)
{
	return (e->off + e->len - 1) / tear - e->off / tear + 1;
}

unsigned cut_sectors(const struct walk *w, const struct cut *c, uint32_t i, uint32_t blk, uint32_t tear)
{
	const struct dev_event *e = &w->log->event[c->pending[i]];
	unsigned mask = walk_sectors(w, c->pending[i], blk);

	if (!c->torn_units || c->torn != i)
		return mask;
	for (unsigned s = 0; s < DEV_BLOCK / SECTOR; s++) {
		uint64_t at = (uint64_t)blk * DEV_BLOCK + s * SECTOR;

		if (mask & 1u << s && !bit_of(c->torn_units, at / tear - e->off / tear))
			mask &= ~(1u << s);
	}
	return mask;
}

static void image_submit(struct dev *d, struct bio *bio)
{
	struct image *im = d->private;

	if (bio->stage == STAGE_READ && !bio->fault) {
		for (uint64_t blk = bio->off / DEV_BLOCK; blk <= (bio->off + bio->len - 1) / DEV_BLOCK; blk++)
			bit_set(im->read, (uint32_t)blk, true);
		layer_read(&im->layer, bio->off, bio->buf, bio->len);
	} else if (bio->stage == STAGE_WRITE && !bio->fault) {
		layer_write(&im->layer, &im->mixed, bio->off, bio->buf, bio->len, false);
	}
	door_complete(bio, bio->fault);
}

static void image_close(struct dev *d)
{
	struct image *im = d->private;

	layer_clear(&im->layer);
	arena_reset(&im->mixed);
	list_add(&im->link, &im->log->images);
	CHECK(im->log->images_open > 0);
	im->log->images_open--;
}

static const struct dev_ops image_ops = {
	.name = "image",
	.submit = image_submit,
	.close = image_close,
};

static struct image *image_new(struct dev *d)
{
	struct image *im = mem_zalloc(sizeof(*im));

	im->log = d->log;
	im->dev = door_new(&image_ops, "image", d->size);
	im->dev->quiet = true;
	im->dev->private = im;
	im->words = (uint32_t)(d->size / DEV_BLOCK / 64 + 1);
	im->read = mem_alloc(im->words * sizeof(*im->read));
	layer_init(&im->layer, &d->log->base, false);
	arena_init(&im->mixed);
	list_init(&im->link);
	return im;
}

/* An image of the base alone, from the pool or new. */
static struct image *image_get(struct dev *d)
{
	struct dev_log *l = d->log;
	struct image *im;

	if (list_empty(&l->images))
		im = image_new(d);
	else
		im = list_first(&l->images, struct image, link);
	CHECK(im->layer.ntouched == 0);
	list_del(&im->link);
	l->images_open++;
	im->dev->tear = d->tear;
	im->dev->faults = NULL;
	im->dev->stats = NULL;
	memset(im->read, 0, im->words * sizeof(*im->read));
	return im;
}

/* Puts on the image what the cut keeps of its i-th pending write. */
static void keep_write(struct image *im, struct walk *w, const struct cut *c, uint32_t i)
{
	struct dev_event *e = &w->log->event[c->pending[i]];

	for (uint32_t blk = write_first(e); blk <= write_last(e); blk++) {
		unsigned mask = cut_sectors(w, c, i, blk, im->dev->tear);

		if (mask)
			layer_patch(&im->layer, &im->mixed, blk, write_data(e, blk), 0, mask);
	}
}

int powercut_image(struct dev *d, const struct cut *c, struct dev **out)
{
	struct walk *w = d->log->walk;
	struct image *im = image_get(d);

	walk_to(w, c->pos);
	CHECK(c->npending == w->pending.n); /* the cut is of an epoch of this record */
	for (uint32_t i = 0; i < w->durable.ntouched; i++) {
		uint32_t blk = w->durable.touched[i];

		layer_set(&im->layer, blk, w->durable.block[blk].data, w->durable.block[blk].hash);
	}
	for (uint32_t i = 0; i < c->npending; i++)
		if (bit_of(c->keep, i))
			keep_write(im, w, c, i);
	*out = im->dev;
	return 0;
}

void powercut_image_blocks(const struct dev *image, void (*fn)(void *arg, uint32_t blk, const uint8_t *data),
                           void *arg)
{
	const struct image *im = image->private;

	CHECK(image->ops == &image_ops);
	for (uint32_t i = 0; i < im->layer.ntouched; i++)
		fn(arg, im->layer.touched[i], layer_at(&im->layer, im->layer.touched[i]));
}

const uint64_t *powercut_image_reads(const struct dev *image, uint32_t *words)
{
	const struct image *im = image->private;

	if (image->ops != &image_ops)
		return NULL;
	*words = im->words;
	return im->read;
}

void images_free(struct dev_log *l)
{
	struct list *pos, *tmp;

	CHECK(l->images_open == 0);
	list_for_each_safe(pos, tmp, &l->images) {
		struct image *im = list_entry(pos, struct image, link);

		layer_fini(&im->layer);
		free(im->read);
		arena_fini(&im->mixed);
		door_free(im->dev);
		free(im);
	}
	list_init(&l->images);
}
