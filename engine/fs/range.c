/* range.c: see range.h. */
#include "fs/range.h"

struct range_want {
	struct inode *inode;
	struct range *range;
};

/* range_lock held */
static bool nobody_has_it(const struct range_want *w)
{
	struct list *pos;

	list_for_each(pos, &w->inode->ranges) {
		struct range *r = list_entry(pos, struct range, link);
		if (r->start < w->range->end && w->range->start < r->end)
			return false;
	}
	return true;
}

/* Called by the controlled scheduler (wait_take) while no task runs. It could not wait for range_lock, and does not
 * need it. */
static bool range_is_free(void *arg)
{
	return nobody_has_it(arg);
}

static bool range_take(void *arg)
{
	struct range_want *w = arg;

	spin_lock_quiet(&w->inode->range_lock);
	bool free = nobody_has_it(w);
	if (free)
		list_add_tail(&w->range->link, &w->inode->ranges);
	spin_unlock(&w->inode->range_lock);
	return free;
}

void range_lock(struct inode *inode, struct range *r, uint64_t start, uint64_t end)
{
	struct range_want want = { inode, r };

	CHECK(start < end);
	r->start = start;
	r->end = end;
	wait_take(&inode->range_wait, inode->range_wait.id, range_is_free, range_take, &want);
	owe(L_RANGE, 0, &inode->range_wait);
}

bool range_is_locked(struct inode *inode, uint64_t start, uint64_t end)
{
	struct range r = { .start = start, .end = end };
	struct range_want want = { inode, &r };

	rt_access(inode->range_wait.id, POINT_READ);
	spin_lock_quiet(&inode->range_lock);
	bool locked = !nobody_has_it(&want);
	spin_unlock(&inode->range_lock);
	return locked;
}

void range_unlock(struct inode *inode, struct range *r)
{
	spin_lock_quiet(&inode->range_lock);
	CHECK(!list_empty(&r->link));
	list_del(&r->link);
	spin_unlock(&inode->range_lock);
	paid(L_RANGE, 0, &inode->range_wait);
	wake_all(&inode->range_wait);
}
