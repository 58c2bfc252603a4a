/*
 * look_file.c: the files of one subvolume, from its items: see look_file.h. Every block of data is owned once and has
 * its checksum (if its file has any); every name has its inode, and every inode one name or an orphan mark.
 *
 * What is not looked at: whether extents lie beyond the size of a file. They may: a size on the disk reaches as far as
 * the first write that was under way, and what was written behind that is there already.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "item/csum.h"
#include "fs/extent_item.h"
#include "fs/look_file.h"
#include "machine/mem.h"

/* Room for one more element. */
static void *grow(void *array, uint64_t n, uint64_t cap, size_t size)
{
	if (n < cap)
		return array;
	array = realloc(array, (cap ? cap * 2 : 16) * size);
	CHECK(array);
	return array;
}
#define PUSH(array, n, cap)                                                   \
	((array) = grow(array, n, cap, sizeof(*(array))),                     \
	 (cap) = (n) < (cap) ? (cap) : (cap) ? (cap) * 2 : 16, &(array)[(n)++])

static unsigned long ul(uint64_t n)
{
	return (unsigned long)n;
}

void look_damage(struct look *l, const char *fmt, ...)
{
	char text[WHY_MAX];
	struct why why;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	why_set(&why, 0, "%s%s", l->when, text); /* one line, whatever a name holds */
	if (l->ops->damage)
		l->ops->damage(l->arg, why.text);
}

/* ---- checksums ---- */

void sums_add(struct sums *s, uint64_t bytenr, const void *data, uint32_t len)
{
	struct sum_run *r = PUSH(s->run, s->nruns, s->runs_cap);

	*r = (struct sum_run){ bytenr, len / 4, (uint32_t)s->n };
	for (uint32_t i = 0; i < r->n; i++)
		memcpy(PUSH(s->sum, s->n, s->cap), (const uint8_t *)data + 4 * i, 4);
}

const uint32_t *sums_find(const struct sums *s, uint64_t bytenr)
{
	uint32_t low = 0, high = s->nruns;

	while (low < high) { /* the last run that begins at or before it */
		uint32_t mid = (low + high) / 2;
		if (s->run[mid].bytenr <= bytenr)
			low = mid + 1;
		else
			high = mid;
	}
	const struct sum_run *r = low ? &s->run[low - 1] : NULL;
	if (!r || bytenr - r->bytenr >= (uint64_t)r->n * FS_BLOCK)
		return NULL;
	return &s->sum[r->first + (bytenr - r->bytenr) / FS_BLOCK];
}

void sums_free(struct sums *s)
{
	free(s->run);
	free(s->sum);
	*s = (struct sums){ 0 };
}

/* ---- items ---- */

struct volume_inode *volume_find(const struct volume *v, uint64_t ino)
{
	uint32_t low = 0, high = v->ninodes;

	while (low < high) {
		uint32_t mid = (low + high) / 2;
		if (v->inode[mid].ino < ino)
			low = mid + 1;
		else
			high = mid;
	}
	return low < v->ninodes && v->inode[low].ino == ino ? &v->inode[low] : NULL;
}

/* Keys rise, so an inode that is new is the last one. */
static struct volume_inode *inode_at_end(struct volume *v, uint64_t ino)
{
	if (v->ninodes && v->inode[v->ninodes - 1].ino == ino)
		return &v->inode[v->ninodes - 1];
	struct volume_inode *i = PUSH(v->inode, v->ninodes, v->inodes_cap);
	*i = (struct volume_inode){ .ino = ino, .first = v->nextents };
	return i;
}

void volume_add(struct volume *v, const struct key *k, const void *data, uint32_t len)
{
	struct volume_inode *i;
	struct volume_extent *e;

	switch (k->type) {
	case ITEM_INODE:
		i = inode_at_end(v, k->objectid);
		i->has_item = true;
		memcpy(&i->item, data, sizeof(i->item));
		break;
	case ITEM_INODE_REF:
		i = inode_at_end(v, k->objectid);
		i->first_ref = v->nrefs;
		i->nrefs = len / FS_NAME_MAX;
		for (uint32_t n = 0; n < i->nrefs; n++)
			memcpy(PUSH(v->ref, v->nrefs, v->refs_cap), (const char *)data + n * FS_NAME_MAX,
			       FS_NAME_MAX);
		break;
	case ITEM_DIR:
		memcpy(PUSH(v->name, v->nnames, v->names_cap), data, sizeof(struct dir_item));
		break;
	case ITEM_EXTENT:
		inode_at_end(v, k->objectid)->nextents++;
		e = PUSH(v->extent, v->nextents, v->extents_cap);
		e->start = k->offset;
		memcpy(&e->it, data, sizeof(e->it));
		break;
	case ITEM_ORPHAN:
		*PUSH(v->orphan, v->norphans, v->orphans_cap) = k->offset;
		break;
	}
}

void volume_free(struct volume *v)
{
	free(v->inode);
	free(v->extent);
	free(v->name);
	free(v->ref);
	free(v->orphan);
	*v = (struct volume){ 0 };
}

/* ---- names ---- */

static bool has_ref(const struct volume *v, const struct volume_inode *i, const char *name)
{
	for (uint32_t n = i->first_ref; n < i->first_ref + i->nrefs; n++)
		if (!strcmp(v->ref[n], name))
			return true;
	return false;
}

static void check_names(struct look *l, struct volume *v, uint64_t next_ino)
{
	for (uint32_t n = 0; n < v->nnames; n++) {
		struct volume_inode *i = volume_find(v, v->name[n].ino);
		if (!i || !i->has_item) {
			look_damage(l, "subvolume %lu: %s is inode %lu, which does not exist", ul(v->id),
				    v->name[n].name, ul(v->name[n].ino));
			continue;
		}
		i->name = v->name[n].name;
		i->names++;
		if (!has_ref(v, i, i->name))
			i->unsaid = i->name;
	}
	for (uint32_t n = 0; n < v->norphans; n++) {
		struct volume_inode *i = volume_find(v, v->orphan[n]);
		if (i)
			i->orphan = true;
		else
			look_damage(l, "subvolume %lu: inode %lu is marked as an orphan, and does not exist", ul(v->id),
				    ul(v->orphan[n]));
	}
	for (uint32_t n = 0; n < v->ninodes; n++) {
		const struct volume_inode *i = &v->inode[n];
		if (!i->has_item)
			look_damage(l, "subvolume %lu: inode %lu has items, but no inode item", ul(v->id), ul(i->ino));
		else if (i->ino >= next_ino)
			look_damage(l, "subvolume %lu: inode %lu is not below the next number, %lu", ul(v->id),
				    ul(i->ino), ul(next_ino));
		else if (i->orphan && i->names)
			look_damage(l, "subvolume %lu: inode %lu is marked as an orphan, and is %s", ul(v->id),
				    ul(i->ino), i->name);
		else if (!i->orphan && i->names != i->item.nlink)
			look_damage(l, "subvolume %lu: inode %lu has %u links and %u names", ul(v->id), ul(i->ino),
				    i->item.nlink, i->names);
		else if (!i->orphan && !i->names)
			look_damage(l, "subvolume %lu: inode %lu has no name, and is not marked as an orphan",
				    ul(v->id), ul(i->ino));
		else if (i->unsaid)
			look_damage(l, "subvolume %lu: inode %lu is %s, and does not say so", ul(v->id), ul(i->ino),
				    i->unsaid);
		else if (i->nrefs != i->names)
			look_damage(l, "subvolume %lu: inode %lu says that it has %u names, and has %u", ul(v->id),
				    ul(i->ino), i->nrefs, i->names);
	}
}

/* ---- space and data ---- */

/* The first item of a compressed extent: true. Another one: false, and it has to say the same. */
static bool meet_packed(struct look *l, const struct volume *v, uint64_t ino, const struct extent_item *it)
{
	uint32_t low = 0, high = l->npacked;

	while (low < high) {
		uint32_t mid = (low + high) / 2;
		if (l->packed[mid].bytenr < it->disk_bytenr)
			low = mid + 1;
		else
			high = mid;
	}
	if (low < l->npacked && l->packed[low].bytenr == it->disk_bytenr) {
		const struct packed *p = &l->packed[low];
		if (p->disk_len != it->disk_len || p->ram_bytes != it->ram_bytes)
			look_damage(l, "subvolume %lu, inode %lu: the compressed extent at %lu is of another length "
				    "elsewhere", ul(v->id), ul(ino), ul(it->disk_bytenr));
		return false;
	}
	(void)PUSH(l->packed, l->npacked, l->packed_cap);
	memmove(&l->packed[low + 1], &l->packed[low], (l->npacked - 1 - low) * sizeof(l->packed[0]));
	l->packed[low] = (struct packed){ it->disk_bytenr, it->disk_len, it->ram_bytes };
	return true;
}

/* The data at [at, at + len), read if that is wanted, against the checksums. */
static bool check_data(struct look *l, const struct volume *v, uint64_t ino, uint64_t at, uint64_t len, void *buf)
{
	bool right = true;
	int ret = buf ? dev_read(l->dev, at, buf, (uint32_t)len) : 0;

	if (ret)
		look_damage(l, "subvolume %lu, inode %lu: the data at %lu+%lu cannot be read: %s", ul(v->id), ul(ino),
			    ul(at), ul(len), strerror(-ret));
	for (uint64_t off = 0; off < len && !ret; off += FS_BLOCK) {
		const uint32_t *sum = sums_find(&l->sums, at + off);
		bool bad = sum && buf && *sum != csum_of_block((const uint8_t *)buf + off);
		if (sum && !bad)
			continue;
		look_damage(l, "subvolume %lu, inode %lu: the data at %lu %s", ul(v->id), ul(ino), ul(at + off),
			    bad ? "do not fit their checksum" : "have no checksum");
		right = false;
	}
	return right && !ret;
}

static void check_packed(struct look *l, const struct volume *v, uint64_t ino, const struct extent_item *it)
{
	void *in = l->data ? mem_alloc_pages(it->disk_len) : NULL;

	if (check_data(l, v, ino, it->disk_bytenr, it->disk_len, in) && in) {
		void *raw = mem_alloc_pages(it->ram_bytes);
		if (compressed_unpack(it, in, raw))
			look_damage(l, "subvolume %lu, inode %lu: the compressed extent at %lu cannot be unpacked",
				    ul(v->id), ul(ino), ul(it->disk_bytenr));
		free(raw);
	}
	free(in);
}

#define READ_AT_ONCE (1u << 20)

static void check_extent(struct look *l, const struct volume *v, const struct volume_inode *i,
                         const struct extent_item *it)
{
	uint64_t ino = i->ino;
	uint64_t at = it->compress ? it->disk_bytenr : it->disk_bytenr + it->offset;
	uint64_t len = it->compress ? it->disk_len : it->len;

	if (it->compress && !meet_packed(l, v, ino, it))
		return;
	if (alloc_mark(l->alloc, ALLOC_DATA, at, len))
		look_damage(l, "subvolume %lu, inode %lu: the data at %lu+%lu are used twice", ul(v->id), ul(ino),
			    ul(at), ul(len));
	if (it->compress) {
		check_packed(l, v, ino, it);
		return;
	}
	if (it->kind == EXTENT_PREALLOC || (i->item.flags & INODE_ITEM_NODATASUM))
		return;
	void *buf = l->data ? mem_alloc_pages(len < READ_AT_ONCE ? len : READ_AT_ONCE) : NULL;
	for (uint64_t done = 0; done < len; done += READ_AT_ONCE)
		check_data(l, v, ino, at + done, len - done < READ_AT_ONCE ? len - done : READ_AT_ONCE, buf);
	free(buf);
}

void volume_check(struct look *l, struct volume *v, uint64_t next_ino)
{
	check_names(l, v, next_ino);
	for (uint32_t n = 0; n < v->ninodes; n++) {
		const struct volume_inode *i = &v->inode[n];
		uint64_t end = 0;
		for (uint32_t k = i->first; k < i->first + i->nextents; k++) {
			const struct volume_extent *e = &v->extent[k];
			if (e->start < end)
				look_damage(l, "subvolume %lu, inode %lu: two extents at %lu", ul(v->id), ul(i->ino),
					    ul(e->start));
			end = e->start + e->it.len;
			if (e->it.kind != EXTENT_INLINE && e->it.disk_bytenr)
				check_extent(l, v, i, &e->it);
		}
	}
}

/* ---- telling ---- */

void volume_tell(struct look *l, const struct volume *v)
{
	for (uint32_t n = 0; n < v->ninodes && l->ops->file; n++) {
		const struct volume_inode *i = &v->inode[n];
		struct look_extent *x = mem_zalloc((i->nextents + 1) * sizeof(*x));
		for (uint32_t k = 0; k < i->nextents; k++) {
			const struct volume_extent *e = &v->extent[i->first + k];
			x[k] = (struct look_extent){ .start = e->start, .len = e->it.len, .bytenr = e->it.disk_bytenr,
						     .disk_len = e->it.disk_len, .offset = e->it.offset,
						     .in_tree = e->it.kind == EXTENT_INLINE,
						     .compressed = e->it.compress != COMPRESS_NONE };
		}
		struct look_file f = { .subvol = v->id, .ino = i->ino, .size = i->item.size,
				       .generation = i->item.generation, .transid = i->item.transid, .name = i->name,
				       .names = i->nrefs ? v->ref + i->first_ref : NULL, .nnames = i->nrefs,
				       .orphan = i->orphan, .extent = x, .nextents = i->nextents };
		l->ops->file(l->arg, &f);
		free(x);
	}
}

void volume_tell_replay(struct look *l, const struct volume *v, const struct volume *log)
{
	for (uint32_t n = 0; n < log->ninodes && l->ops->replay; n++) {
		const struct volume_inode *i = &log->inode[n], *was = v ? volume_find(v, i->ino) : NULL;
		struct look_replay r = { .subvol = log->id, .ino = i->ino, .is_new = !was || !was->has_item,
					 .names = i->nrefs ? log->ref + i->first_ref : NULL, .nnames = i->nrefs,
					 .sized = i->has_item, .size = i->item.size,
					 .old_size = was ? was->item.size : 0 };
		for (uint32_t k = i->first; k < i->first + i->nextents; k++) {
			const struct extent_item *it = &log->extent[k].it;
			bool hole = it->kind == EXTENT_REG && !it->disk_bytenr;
			r.holes += hole;
			r.extents += !hole;
			r.bytes += hole ? 0 : it->len;
		}
		l->ops->replay(l->arg, &r);
	}
}
