/* range.c: see range.h. */
#include "fs/range.h"

struct range_want {
	struct inode *inode;
	struct range *range;
};

static bool range_taken(void *arg)
{
	struct range_want *w = arg;
	struct inode *inode = w->inode;
	struct list *pos;
	bool free = true;

	spin_lock_quiet(&inode->range_lock);
	list_for_each(pos, &inode->ranges) {
		struct range *r = list_entry(pos, struct range, link);
		if (r->start < w->range->end && w->range->start < r->end)
			free = false;
	}
	if (free)
		list_add_tail(&w->range->link, &inode->ranges);
	spin_unlock(&inode->range_lock);
	return free;
}

void range_lock(struct inode *inode, struct range *r, uint64_t start, uint64_t end)
{
	struct range_want want = { inode, r };

	r->start = start;
	r->end = end;
	wait_until(&inode->range_wait, range_taken, &want);
	owe(L_RANGE, 0, &inode->range_wait);
}

void range_unlock(struct inode *inode, struct range *r)
{
	spin_lock_quiet(&inode->range_lock);
	list_del(&r->link);
	spin_unlock(&inode->range_lock);
	paid(L_RANGE, 0, &inode->range_wait);
	wake_all(&inode->range_wait);
}
