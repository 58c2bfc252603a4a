/* range.c: see range.h. */
#include "fs/range.h"

/* [from, end) is wanted, for *range, which may have a part before that already. */
struct range_want {
	struct inode *inode;
	struct range *range;
	uint64_t from, end;
	struct task *_Atomic owner; /* who was last seen to be in the way */
};

/* How far [from, end) is free; `from`: not at all, and owner is who has its begin. range_lock held, or no task
 * runs. */
static uint64_t free_until(struct range_want *w)
{
	uint64_t until = w->end;
	struct list *pos;

	list_for_each(pos, &w->inode->ranges) {
		struct range *r = list_entry(pos, struct range, link);
		if (r->end <= w->from || r->start >= until || r == w->range)
			continue;
		until = r->start > w->from ? r->start : w->from;
		atomic_store(&w->owner, r->owner);
	}
	return until;
}

/* Called by the controlled scheduler (wait_take) while no task runs. It could not wait for range_lock, and does not
 * need it. */
static bool all_is_free(void *arg)
{
	struct range_want *w = arg;

	return free_until(w) == w->end;
}

static bool some_is_free(void *arg)
{
	struct range_want *w = arg;

	return free_until(w) > w->from;
}

/* [from, until) becomes the range's, unless that is nothing. range_lock held. */
static bool range_grow(struct range_want *w, uint64_t until)
{
	if (until == w->from)
		return false;
	if (w->range->start == w->from)
		list_add_tail(&w->range->link, &w->inode->ranges);
	w->range->end = until;
	w->range->owner = rt_self();
	return true;
}

static bool range_take(void *arg)
{
	struct range_want *w = arg;

	spin_lock_quiet(&w->inode->range_lock);
	bool taken = all_is_free(w) && range_grow(w, w->end);
	spin_unlock(&w->inode->range_lock);
	return taken;
}

static bool range_take_some(void *arg)
{
	struct range_want *w = arg;

	spin_lock_quiet(&w->inode->range_lock);
	bool taken = range_grow(w, free_until(w));
	spin_unlock(&w->inode->range_lock);
	return taken;
}

static void range_wait(struct range_want *w, bool (*is_free)(void *arg), bool (*take)(void *arg))
{
	struct waitq *wq = &w->inode->range_wait;
	const struct taking t = {
		.obj = wq->id, .sub = (int64_t)w->from, .free = is_free, .take = take, .arg = w, .owner = &w->owner,
	};

	wait_take(wq, &t);
}

void range_lock(struct inode *inode, struct range *r, uint64_t start, uint64_t end)
{
	struct range_want want = { .inode = inode, .range = r, .from = start, .end = end };

	CHECK(start < end);
	*r = (struct range){ .start = start, .end = start };
	range_wait(&want, all_is_free, range_take);
	owe(L_RANGE, (int64_t)start, &inode->range_wait);
}

void range_lock_in_pieces(struct inode *inode, struct range *r, uint64_t start, uint64_t end)
{
	struct range_want want = { .inode = inode, .range = r, .from = start, .end = end };

	CHECK(start < end);
	*r = (struct range){ .start = start, .end = start };
	while (r->end < end) {
		want.from = r->end;
		range_wait(&want, some_is_free, range_take_some);
		if (want.from == start)
			owe(L_RANGE, (int64_t)start, &inode->range_wait);
	}
}

bool range_is_locked(struct inode *inode, uint64_t start, uint64_t end)
{
	struct range_want want = { .inode = inode, .from = start, .end = end };

	rt_access(inode->range_wait.id, POINT_READ);
	spin_lock_quiet(&inode->range_lock);
	bool locked = !all_is_free(&want);
	spin_unlock(&inode->range_lock);
	return locked;
}

void range_unlock(struct inode *inode, struct range *r)
{
	spin_lock_quiet(&inode->range_lock);
	CHECK(!list_empty(&r->link));
	list_del(&r->link);
	spin_unlock(&inode->range_lock);
	paid(L_RANGE, (int64_t)r->start, &inode->range_wait);
	wake_all(&inode->range_wait);
}
