/* faults.c: see faults.h. */
#include "hunt/faults.h"

#include <errno.h>

#include "tree/super.h"

/* Is this the one that the race lets fail? */
static bool fails(struct hunt *h, enum race_fault kind)
{
	if (!h->race->fail[kind] || !atomic_load(&h->may_fail))
		return false;
	rt_access(h->faults_id, POINT_WRITE); /* which one it is depends on their order */
	return atomic_fetch_add(&h->met[kind], 1) + 1 == h->race->fail[kind];
}

static enum race_fault kind_of(const struct bio *bio)
{
	if (!(bio->flags & BIO_WRITE))
		return FAULT_READ;
	if (!bio->len)
		return FAULT_FLUSH;
	if (!(bio->flags & BIO_META))
		return FAULT_DATA_WRITE;
	return bio->off < SUPER_END ? FAULT_SUPER_WRITE : FAULT_TREE_WRITE;
}

static int fail_bio(void *arg, const struct bio *bio)
{
	return fails(arg, kind_of(bio)) ? -EIO : 0;
}

static int fail_log_memory(void *arg)
{
	return fails(arg, FAULT_LOG_MEMORY) ? -ENOMEM : 0;
}

static int fail_space(void *arg, bool data)
{
	return fails(arg, data ? FAULT_DATA_SPACE : FAULT_TREE_SPACE) ? -ENOSPC : 0;
}

static bool is_of_device(enum race_fault kind)
{
	return kind != FAULT_LOG_MEMORY && kind != FAULT_DATA_SPACE && kind != FAULT_TREE_SPACE;
}

void faults_open(struct hunt *h)
{
	h->faults = (struct dev_faults){ .fail = fail_bio, .arg = h };
	for (unsigned i = 0; i < RACE_FAULTS; i++)
		if (h->race->fail[i] && is_of_device(i))
			h->dev->faults = &h->faults;
}

void faults_mount(struct hunt *h, struct mount_options *o)
{
	if (h->race->fail[FAULT_LOG_MEMORY]) {
		o->log_memory = fail_log_memory;
		o->log_memory_arg = h;
	}
	if (h->race->fail[FAULT_DATA_SPACE] || h->race->fail[FAULT_TREE_SPACE]) {
		o->space = fail_space;
		o->space_arg = h;
	}
}

void faults_rewind(struct hunt *h)
{
	atomic_store(&h->may_fail, false);
	for (unsigned i = 0; i < RACE_FAULTS; i++)
		atomic_store(&h->met[i], 0);
}

void faults_start(struct hunt *h)
{
	atomic_store(&h->may_fail, true);
}

bool faults_met(const struct hunt *h, enum race_fault kind)
{
	return h->race->fail[kind] && atomic_load(&h->met[kind]) >= h->race->fail[kind];
}
