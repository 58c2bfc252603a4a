/* work.c: see work.h. */
#include "fs/trans.h"
#include "fs/work.h"
#include "fs/writeback.h"

/* ---- pools ---- */

static bool workers_have_work(void *arg)
{
	struct workers *w = arg;

	return atomic_load(&w->queued) || atomic_load(&w->stop);
}

static struct work *workers_take(struct workers *w)
{
	struct work *work = NULL;

	spin_lock_quiet(&w->lock);
	if (!list_empty(&w->queue)) {
		work = list_first(&w->queue, struct work, link);
		list_del(&work->link);
		uint32_t queued = atomic_fetch_sub(&w->queued, 1);
		CHECK(queued > 0);
	}
	rt_accessed(w->wait.id, work ? POINT_WRITE : POINT_READ);
	spin_unlock(&w->lock);
	return work;
}

static void workers_main(void *arg)
{
	struct workers *w = arg;

	phase(PH_IDLE);
	for (;;) {
		struct work *work = workers_take(w);
		if (work)
			work->fn(work);
		else if (atomic_load(&w->stop))
			return;
		else
			wait_until(&w->wait, workers_have_work, w);
	}
}

void workers_start(struct workers *w, const char *name, uint32_t ntasks)
{
	CHECK(ntasks <= sizeof(w->task) / sizeof(w->task[0]));
	w->name = name;
	spin_init(&w->lock, L_QUEUE);
	list_init(&w->queue);
	waitq_init(&w->wait, L_WORK);
	w->ntasks = ntasks;
	for (uint32_t i = 0; i < ntasks; i++)
		w->task[i] = rt_spawn(name, workers_main, w, NULL);
}

void workers_queue(struct workers *w, struct work *work)
{
	CHECK(w->ntasks > 0);
	spin_lock_quiet(&w->lock);
	list_add_tail(&work->link, &w->queue);
	atomic_fetch_add(&w->queued, 1);
	spin_unlock(&w->lock);
	wake_one(&w->wait);
}

void workers_stop(struct workers *w)
{
	atomic_store(&w->stop, true);
	if (w->ntasks)
		wake_all(&w->wait);
	for (uint32_t i = 0; i < w->ntasks; i++)
		rt_join(w->task[i]);
	CHECK(!atomic_load(&w->queued)); /* a task ends only when it finds the queue empty */
	w->ntasks = 0;
}

/* ---- the flusher and the periodic commit ---- */

static bool flusher_wanted(void *arg)
{
	struct fs *fs = arg;

	return atomic_load(&fs->flush_now) || atomic_load(&fs->stop);
}

static bool over_limit(struct fs *fs, unsigned times)
{
	return atomic_load(&fs->dirty_pages) * FS_BLOCK > fs->opt.dirty_limit * times;
}

static void flusher_main(void *arg)
{
	struct fs *fs = arg;

	phase(PH_IDLE);
	while (!atomic_load(&fs->stop)) {
		wait_until_timeout(&fs->flusher_wait, flusher_wanted, fs, fs->opt.dirty_age_ns / 4);
		bool now = atomic_exchange(&fs->flush_now, false);
		writeback_all(fs, now ? 0 : fs->opt.dirty_age_ns);
	}
}

static bool committer_wanted(void *arg)
{
	struct fs *fs = arg;

	return atomic_load(&fs->commit_now) || atomic_load(&fs->stop);
}

static void committer_main(void *arg)
{
	struct fs *fs = arg;

	phase(PH_IDLE);
	while (!atomic_load(&fs->stop)) {
		wait_until_timeout(&fs->committer_wait, committer_wanted, fs, fs->opt.commit_interval_ns);
		atomic_store(&fs->commit_now, false);
		if (!atomic_load(&fs->stop))
			trans_commit_running(fs); /* an error has aborted the file system: everybody else sees it */
	}
}

void background_start(struct fs *fs)
{
	fs->flusher = rt_spawn("flusher", flusher_main, fs, NULL);
	fs->committer = rt_spawn("committer", committer_main, fs, NULL);
}

void background_stop(struct fs *fs)
{
	atomic_store(&fs->stop, true);
	if (!fs->flusher)
		return;
	wake_all(&fs->flusher_wait);
	wake_all(&fs->committer_wait);
	rt_join(fs->flusher);
	rt_join(fs->committer);
	fs->flusher = NULL;
}

void background_balance(struct inode *inode)
{
	struct fs *fs = inode->root->fs;

	if (!fs->flusher || !over_limit(fs, 1))
		return;
	if (!atomic_exchange(&fs->flush_now, true))
		wake_all(&fs->flusher_wait);
	if (over_limit(fs, 2))
		writeback_start(inode, 0, UINT64_MAX);
}

static bool space_is_tight(struct fs *fs, enum alloc_region r)
{
	struct alloc_space s = alloc_space(fs->alloc, r);

	return s.pinned > s.total / 16 && s.free < s.total / 4;
}

void background_make_space(struct fs *fs)
{
	if (!space_is_tight(fs, ALLOC_META) && !space_is_tight(fs, ALLOC_DATA))
		return;
	enum phase was = phase(PH_TRANS);
	trans_commit_running(fs);
	phase(was);
}
