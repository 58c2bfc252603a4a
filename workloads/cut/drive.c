/* drive.c: see drive.h. */
#include "cut/drive.h"

#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/check.h"
#include "base/rng.h"
#include "base/stop.h"
#include "machine/mem.h"
#include "rt/rt.h"

#define OPEN_MAX_  (MODEL_FILES + SCENE_NAMES)
#define FILES_MOST (MODEL_FILES / 2)
#define AIO_MAX    32u
#define TURNS_MOST 10000u
#define PAUSE_NS   50000u          /* a task pauses up to so long before a turn */
#define STUCK_NS   60000000000ull

/* An open file: the descriptors of one word of the scenario. */
struct open_file {
	struct model_file *f;
	int fd, direct;  /* direct: the same with O_DIRECT, or -1 where the file system has no such */
	uint8_t *map;    /* SCENE_BYTES of it; NULL: not mapped yet */
	pthread_mutex_t mapping;
};

struct drive {
	const struct cut_fs *fs;
	const struct work *w;
	struct model *m;
	struct recorder *r;
	int root, dir[CUT_SUBVOLS];
	struct open_file *_Atomic slot[SCENE_NAMES]; /* by name; NULL: not open */
	struct open_file open[OPEN_MAX_];
	_Atomic unsigned nopen;
	pthread_mutex_t names; /* (drive.1) */
	_Atomic bool reached[SCENE_MARKS], over, go;
	_Atomic unsigned ended;
	struct drive_ways ways;
	uint32_t calls_before;
	uint32_t task[SCENE_THREADS]; /* of the last run: the threads' tasks */
};

/* One thread of a run. */
struct driver {
	struct drive *d;
	const struct scene_thread *t;
	unsigned me;
	struct task *task;
	struct rng rng;
	struct io_uring ring;
	bool has_ring;
	struct { uint32_t op; void *buf; uint32_t len; } aio[AIO_MAX];
	unsigned naio;
};

struct drive *drive_new(const struct cut_fs *fs, const struct work *w, struct model *m, struct recorder *r)
{
	struct drive *d = mem_zalloc(sizeof(*d));

	d->fs = fs;
	d->w = w;
	d->m = m;
	d->r = r;
	d->root = -1;
	for (unsigned i = 0; i < CUT_SUBVOLS; i++)
		d->dir[i] = -1;
	pthread_mutex_init(&d->names, NULL);
	return d;
}

void drive_free(struct drive *d)
{
	if (!d)
		return;
	pthread_mutex_destroy(&d->names);
	free(d);
}

/* ---- open files ---- */

/* Takes fd. */
static struct open_file *add_open(struct drive *d, struct model_file *f, int fd)
{
	unsigned i = atomic_fetch_add(&d->nopen, 1);
	char path[32];

	CHECK(i < OPEN_MAX_);
	struct open_file *o = &d->open[i];
	*o = (struct open_file){ .f = f, .fd = fd };
	pthread_mutex_init(&o->mapping, NULL);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	o->direct = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
	return o;
}

static void close_open(struct open_file *o)
{
	if (o->fd < 0)
		return;
	if (o->map)
		munmap(o->map, SCENE_BYTES);
	close(o->fd);
	if (o->direct >= 0)
		close(o->direct);
	o->fd = o->direct = -1;
	o->map = NULL;
	pthread_mutex_destroy(&o->mapping);
}

void drive_close(struct drive *d)
{
	for (unsigned i = 0; i < d->nopen; i++)
		close_open(&d->open[i]);
	atomic_store(&d->nopen, 0);
	for (unsigned i = 0; i < SCENE_NAMES; i++)
		atomic_store(&d->slot[i], NULL);
	for (unsigned i = 0; i < CUT_SUBVOLS; i++) {
		if (d->dir[i] >= 0)
			close(d->dir[i]);
		d->dir[i] = -1;
	}
	d->root = -1;
}

static int dir_of(const struct drive *d, uint32_t subvol)
{
	CHECK(subvol < CUT_SUBVOLS);
	return d->dir[subvol];
}

/* ---- a call that promises something is under way ---- */

static void sync_begins(struct drive *d)
{
	if (d->r)
		recorder_syncs(d->r, 1);
}

static void sync_ended(struct drive *d)
{
	if (d->r)
		recorder_syncs(d->r, -1);
}

static int result(long ret)
{
	return ret < 0 ? -errno : 0;
}

/* ---- names (drive.1) ---- */

static int do_create(struct drive *d, uint32_t subvol, const char *name, struct open_file **out)
{
	struct model_file *f = model_add_file(d->m, subvol, name);

	f->in_place = cut_fs_in_place(d->fs);
	uint32_t op = model_begin_naming(d->m, OP_CREATE, f->id, MODEL_NO_NAME, model_name(d->m, name));
	int fd = openat(dir_of(d, subvol), name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	int ret = result(fd);
	if (!ret)
		f->ino = cut_fs_file_id(d->fs, fd);
	model_end(d->m, op, ret);
	if (!ret)
		*out = add_open(d, f, fd);
	return ret;
}

static void step_create(struct drive *d, const struct scene_step *s)
{
	struct open_file *o = NULL;

	pthread_mutex_lock(&d->names);
	const char *name = d->w->scene->name_of[s->file].name;
	if (model_nfiles(d->m) < MODEL_FILES - SCENE_THREADS && !do_create(d, s->subvol, name, &o))
		atomic_store(&d->slot[s->file], o);
	pthread_mutex_unlock(&d->names);
}

/* What has that name now. */
static int open_name(struct drive *d, uint32_t subvol, const char *name, struct open_file **out)
{
	int fd = openat(dir_of(d, subvol), name, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	struct model_file *f = model_find(d->m, subvol, name, cut_fs_file_id(d->fs, fd));
	if (!f) {
		close(fd);
		return -ENOENT;
	}
	*out = add_open(d, f, fd);
	return 0;
}

static void step_open(struct drive *d, const struct scene_step *s)
{
	const struct scene_name *n = &d->w->scene->name_of[s->file];
	struct open_file *o;

	if (atomic_load(&d->slot[s->file]) || atomic_load(&d->nopen) >= MODEL_FILES)
		return;
	pthread_mutex_lock(&d->names);
	if (!open_name(d, n->subvol, n->name, &o))
		atomic_store(&d->slot[s->file], o);
	pthread_mutex_unlock(&d->names);
}

static bool is_same_file(int dir, const char *a, const char *b)
{
	struct stat x, y;

	return !fstatat(dir, a, &x, 0) && !fstatat(dir, b, &y, 0) && x.st_ino == y.st_ino;
}

static void step_names(struct drive *d, const struct scene_step *s)
{
	const struct scene_name *name = d->w->scene->name_of;
	const char *old = name[s->file].name, *new = s->to == SCENE_NONE ? NULL : name[s->to].name;
	int dir = dir_of(d, s->subvol), ret;

	CHECK(new || s->op == SCENE_RM);
	pthread_mutex_lock(&d->names);
	uint8_t from = model_name(d->m, old), to = new ? model_name(d->m, new) : MODEL_NO_NAME;
	uint32_t file = model_file_of_name(d->m, s->subvol, from), op;
	if (s->op == SCENE_RM) {
		op = model_begin_naming(d->m, OP_UNLINK, file, from, MODEL_NO_NAME);
		ret = result(unlinkat(dir, old, 0));
	} else if (s->op == SCENE_LN) {
		op = model_begin_naming(d->m, OP_LINK, file, MODEL_NO_NAME, to);
		ret = result(linkat(dir, old, dir, new, 0));
	} else {
		bool same = is_same_file(dir, old, new); /* then it has both names still */
		op = model_begin_naming(d->m, OP_RENAME, file, same ? MODEL_NO_NAME : from, same ? MODEL_NO_NAME : to);
		ret = result(renameat(dir, old, dir, new));
	}
	model_end(d->m, op, ret);
	pthread_mutex_unlock(&d->names);
}

/* ---- writes ---- */

static uint32_t write_begin(struct drive *d, struct model_file *f, enum write_how how, uint64_t off, uint32_t len,
                            void **buf)
{
	if (off % FS_BLOCK || len % FS_BLOCK)
		atomic_store_explicit(&f->partial, true, memory_order_relaxed);
	*buf = mem_alloc_pages(len);
	uint32_t op = model_begin(d->m, OP_WRITE, f->id, off, len);
	model_op(d->m, op)->how = (uint8_t)how;
	const struct stamp s = { f->id, model_version(op), rt_self()->id, off / ORACLE_SECTOR };
	block_fill(*buf, len, &s);
	return op;
}

static void write_end(struct drive *d, uint32_t op, void *buf, int ret)
{
	model_end(d->m, op, ret);
	free(buf);
}

/* 0, or -errno; of a part, the rest found no room. */
static int written(long did, uint32_t len)
{
	return did == (long)len ? 0 : did < 0 ? -errno : -ENOSPC;
}

static void step_pwrite(struct drive *d, const struct scene_step *s, struct open_file *o)
{
	bool direct = s->flags & SCENE_DIRECT && o->direct >= 0, dsync = s->flags & SCENE_DSYNC;
	uint32_t len = (uint32_t)s->len;
	void *buf;

	if (dsync)
		sync_begins(d);
	uint32_t op = write_begin(d, o->f, direct ? WRITE_DIRECT : WRITE_BUFFERED, s->off, len, &buf);
	struct iovec v = { buf, len };
	int ret = written(pwritev2(direct ? o->direct : o->fd, &v, 1, (off_t)s->off, dsync ? RWF_DSYNC : 0), len);
	write_end(d, op, buf, ret);
	if (!dsync)
		return;
	model_sync_of_one(d->m, op);
	sync_ended(d);
}

static void aio_reap(struct driver *me)
{
	struct io_uring_cqe *cqe;

	while (me->naio) {
		int ret = io_uring_wait_cqe(&me->ring, &cqe);
		if (ret == -EINTR || ret == -EAGAIN)
			continue;
		CHECK(!ret);
		unsigned i = (unsigned)io_uring_cqe_get_data64(cqe);
		int res = cqe->res;
		io_uring_cqe_seen(&me->ring, cqe);
		write_end(me->d, me->aio[i].op, me->aio[i].buf,
		          res == (int)me->aio[i].len ? 0 : res < 0 ? res : -ENOSPC);
		me->aio[i].buf = NULL;
		bool left = false;
		for (unsigned k = 0; k < me->naio; k++)
			left |= me->aio[k].buf != NULL;
		if (!left)
			me->naio = 0;
	}
}

static void step_aio_write(struct driver *me, const struct scene_step *s, struct open_file *o)
{
	struct io_uring_sqe *sqe;
	void *buf;
	int ret;

	if (!me->has_ring && io_uring_queue_init(AIO_MAX, &me->ring, 0))
		return;
	me->has_ring = true;
	if (me->naio == AIO_MAX)
		aio_reap(me);
	uint32_t op = write_begin(me->d, o->f, WRITE_DIRECT, s->off, (uint32_t)s->len, &buf);
	sqe = io_uring_get_sqe(&me->ring);
	io_uring_prep_write(sqe, o->direct >= 0 ? o->direct : o->fd, buf, (unsigned)s->len, s->off);
	io_uring_sqe_set_data64(sqe, me->naio);
	me->aio[me->naio].op = op;
	me->aio[me->naio].buf = buf;
	me->aio[me->naio++].len = (uint32_t)s->len;
	do
		ret = io_uring_submit(&me->ring);
	while (ret == -EINTR || ret == -EAGAIN);
	CHECK(ret == 1);
}

/* ---- mapped ---- */

static uint8_t *map_of(struct open_file *o)
{
	pthread_mutex_lock(&o->mapping);
	if (!o->map) {
		void *p = mmap(NULL, SCENE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, o->fd, 0);
		o->map = p == MAP_FAILED ? NULL : p;
	}
	pthread_mutex_unlock(&o->mapping);
	return o->map;
}

static __thread sigjmp_buf beyond_end;
static __thread volatile bool storing;

static void on_bus_error(int nr)
{
	if (storing)
		siglongjmp(beyond_end, 1);
	signal(SIGBUS, SIG_DFL);
}

/* A store beyond the file's end gets a signal. */
static int store(uint8_t *to, const void *from, uint32_t len)
{
	int ret = -EFAULT;

	if (!sigsetjmp(beyond_end, 1)) {
		storing = true;
		memcpy(to, from, len);
		ret = 0;
	}
	storing = false;
	return ret;
}

static void step_mwrite(struct drive *d, const struct scene_step *s, struct open_file *o)
{
	uint8_t *map = map_of(o);
	void *buf;

	if (!map)
		return;
	uint32_t op = write_begin(d, o->f, WRITE_MAPPED, s->off, (uint32_t)s->len, &buf);
	write_end(d, op, buf, store(map + s->off, buf, (uint32_t)s->len));
}

/* ---- syncs ---- */

static void step_sync(struct drive *d, const struct scene_step *s, struct open_file *o)
{
	static const uint8_t kind[SCENE_OPS] = { [SCENE_FSYNC] = OP_FSYNC, [SCENE_FDATASYNC] = OP_FDATASYNC,
		                                 [SCENE_MSYNC] = OP_FSYNC };
	uint8_t *map = s->op == SCENE_MSYNC ? map_of(o) : NULL;
	int ret;

	if (s->op == SCENE_MSYNC && !map)
		return;
	sync_begins(d);
	uint32_t op = model_begin(d->m, kind[s->op], o->f->id, map ? s->off : 0, map ? s->len : 0);
	if (map)
		ret = result(msync(map + s->off, s->len, MS_SYNC));
	else
		ret = result(s->op == SCENE_FSYNC ? fsync(o->fd) : fdatasync(o->fd));
	model_end(d->m, op, ret);
	sync_ended(d);
}

static void step_sync_all(struct drive *d)
{
	sync_begins(d);
	uint32_t op = model_begin(d->m, OP_SYNC, MODEL_ALL, 0, 0);
	model_end(d->m, op, result(syncfs(dir_of(d, 0))));
	sync_ended(d);
}

static void step_sync_dir(struct drive *d, uint32_t subvol)
{
	sync_begins(d);
	uint32_t op = model_begin(d->m, OP_FSYNC_DIR, MODEL_DIR, subvol, 0);
	model_end(d->m, op, result(fsync(dir_of(d, subvol))));
	sync_ended(d);
}

/* ---- the rest ---- */

static void step_truncate(struct drive *d, const struct scene_step *s, struct open_file *o)
{
	if (s->off % FS_BLOCK)
		atomic_store_explicit(&o->f->partial, true, memory_order_relaxed);
	uint32_t op = model_begin(d->m, OP_TRUNCATE, o->f->id, s->off, 0);
	model_end(d->m, op, result(ftruncate(o->fd, (off_t)s->off)));
}

static void step_falloc(struct drive *d, const struct scene_step *s, struct open_file *o)
{
	bool keep = s->flags & SCENE_KEEP_SIZE;
	uint32_t op = model_begin(d->m, OP_FALLOCATE, o->f->id, s->off, s->len);

	model_op(d->m, op)->how = keep;
	model_end(d->m, op, result(fallocate(o->fd, keep ? FALLOC_FL_KEEP_SIZE : 0, (off_t)s->off, (off_t)s->len)));
}

static void step_punch(struct drive *d, const struct scene_step *s, struct open_file *o)
{
	uint32_t op = model_begin(d->m, OP_PUNCH, o->f->id, s->off, s->len);

	model_end(d->m, op, result(fallocate(o->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)s->off,
	                                     (off_t)s->len)));
}

static void sync_range(const struct scene_step *s, struct open_file *o)
{
	bool wait = s->flags & SCENE_WAIT;

	sync_file_range(o->fd, (off_t)s->off, (off_t)s->len, SYNC_FILE_RANGE_WRITE |
	                (wait ? SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WAIT_AFTER : 0));
}

/* What it answers is nobody's promise. */
static void ask_extents(struct open_file *o)
{
	struct fiemap map = { .fm_length = FIEMAP_MAX_OFFSET };

	ioctl(o->fd, FS_IOC_FIEMAP, &map);
}

static void drop_caches(struct drive *d)
{
	for (unsigned i = 0; i < SCENE_NAMES; i++) {
		struct open_file *o = atomic_load(&d->slot[i]);
		if (o)
			posix_fadvise(o->fd, 0, 0, POSIX_FADV_DONTNEED);
	}
}

static void on_file(struct driver *me, const struct scene_step *s, struct open_file *o)
{
	struct drive *d = me->d;

	switch (s->op) {
	case SCENE_CLOSE:
		atomic_store(&d->slot[s->file], NULL);
		close_open(o);
		break;
	case SCENE_PWRITE:
		step_pwrite(d, s, o);
		break;
	case SCENE_AIO_WRITE:
		step_aio_write(me, s, o);
		break;
	case SCENE_TRUNCATE:
		step_truncate(d, s, o);
		break;
	case SCENE_FALLOC:
		step_falloc(d, s, o);
		break;
	case SCENE_FPUNCH:
		step_punch(d, s, o);
		break;
	case SCENE_MMAP:
		map_of(o);
		break;
	case SCENE_MWRITE:
		step_mwrite(d, s, o);
		break;
	case SCENE_FSYNC:
	case SCENE_FDATASYNC:
	case SCENE_MSYNC:
		step_sync(d, s, o);
		break;
	case SCENE_SYNC_RANGE:
		sync_range(s, o);
		break;
	case SCENE_WRITEBACK:
		sync_file_range(o->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
		break;
	case SCENE_FADVISE:
		posix_fadvise(o->fd, 0, 0, POSIX_FADV_DONTNEED);
		break;
	case SCENE_FIEMAP:
		ask_extents(o);
		break;
	}
}

static void wait_for_mark(struct drive *d, unsigned mark)
{
	while (!atomic_load(&d->reached[mark]) && !atomic_load(&d->over))
		rt->sleep(20000);
}

static void do_step(struct driver *me, const struct scene_step *s)
{
	struct drive *d = me->d;
	struct open_file *o = s->file < SCENE_NAMES ? atomic_load(&d->slot[s->file]) : NULL;

	model_at_line(d->m, s->line);
	switch (s->op) {
	case SCENE_CREATE:
		step_create(d, s);
		break;
	case SCENE_OPEN:
		step_open(d, s);
		break;
	case SCENE_MV:
	case SCENE_LN:
	case SCENE_RM:
		step_names(d, s);
		break;
	case SCENE_DIR_FSYNC:
		step_sync_dir(d, s->subvol);
		break;
	case SCENE_AIO_WAIT:
		aio_reap(me);
		break;
	case SCENE_SYNC:
		step_sync_all(d);
		break;
	case SCENE_COMMIT:
		cut_fs_commit(d->fs, dir_of(d, 0));
		break;
	case SCENE_DROP_CACHES:
		drop_caches(d);
		break;
	case SCENE_MARK:
		atomic_store(&d->reached[s->mark], true);
		break;
	case SCENE_AT:
		wait_for_mark(d, s->mark);
		break;
	default:
		if (o)
			on_file(me, s, o);
	}
}

/* ---- threads ---- */

/*
 * How long a task pauses before every other step, at most: by the seed of the run. An fsync takes milliseconds, a write
 * microseconds: without pauses a writer would make a hundred writes beside each fsync.
 */
static uint64_t step_pause(const struct drive *d)
{
	static const uint64_t most[] = { 50000, 500000, 2000000 };

	return most[rng_mix(d->ways.seed) % 3];
}

static void do_turn(struct driver *me)
{
	uint64_t most = step_pause(me->d);

	for (unsigned turn = 0; turn < me->t->repeat; turn++)
		for (unsigned i = 0; i < me->t->n; i++) {
			if (rng_below(&me->rng, 2))
				rt->sleep(1 + rng_below(&me->rng, most));
			do_step(me, &me->t->step[i]);
		}
}

static bool is_over(const struct drive *d)
{
	return model_nops(d->m) - d->calls_before >= DRIVE_CALLS || model_nfiles(d->m) >= FILES_MOST ||
	       atomic_load(&d->nopen) >= FILES_MOST;
}

/* The first task to see that the run is over ends it for all: no task goes on alone. */
static void driver_main(void *arg)
{
	struct driver *me = arg;
	struct drive *d = me->d;
	unsigned turns = d->ways.turns ? d->ways.turns : TURNS_MOST;

	while (!atomic_load(&d->go))
		rt->sleep(1000);
	for (unsigned turn = 0; turn < turns && (!turn || !atomic_load(&d->over)); turn++) {
		if (turn || me->me % 2)
			rt->sleep(1 + rng_below(&me->rng, PAUSE_NS));
		do_turn(me);
		if (!d->ways.turns && is_over(d))
			atomic_store(&d->over, true);
	}
	if (!d->ways.turns)
		atomic_store(&d->over, true);
	aio_reap(me);
	if (me->has_ring)
		io_uring_queue_exit(&me->ring);
	atomic_fetch_add(&d->ended, 1);
}

static int wait_for_all(struct drive *d, struct why *why)
{
	unsigned n = d->w->scene->nthreads;
	uint64_t since = rt_now();

	while (atomic_load(&d->ended) < n) {
		rt->sleep(50000);
		if (rt_now() - since > STUCK_NS)
			return why_set(why, -ETIMEDOUT, "%s: its threads did not end within %u s: the kernel hangs, or "
			               "waits for the recorder", d->w->name, (unsigned)(STUCK_NS / 1000000000));
	}
	return 0;
}

int drive_run(struct drive *d, const struct drive_ways *ways, struct why *why)
{
	const struct scene *s = d->w->scene;
	struct driver *me = mem_zalloc(s->nthreads * sizeof(*me));

	d->ways = *ways;
	d->calls_before = model_nops(d->m);
	atomic_store(&d->over, false);
	atomic_store(&d->go, false);
	atomic_store(&d->ended, 0);
	for (unsigned i = 0; i < SCENE_MARKS; i++)
		atomic_store(&d->reached[i], false);
	signal(SIGBUS, on_bus_error);
	for (unsigned i = 0; i < s->nthreads; i++) {
		me[i].d = d;
		me[i].t = &s->thread[i];
		me[i].me = i;
		rng_seed(&me[i].rng, rng_mix(ways->seed) ^ i);
		me[i].task = rt_spawn(s->thread[i].name, driver_main, &me[i], NULL);
		d->task[i] = me[i].task->id;
	}
	atomic_store(&d->go, true);
	int ret = wait_for_all(d, why);
	for (unsigned i = 0; i < s->nthreads && !ret; i++)
		rt_join(me[i].task);
	if (!ret)
		free(me);
	return ret;
}

const char *drive_thread(const struct drive *d, uint32_t task)
{
	for (unsigned i = 0; i < d->w->scene->nthreads; i++)
		if (d->task[i] == task)
			return d->w->scene->thread[i].name;
	return NULL;
}

/* ---- the files of [setup] ---- */

static int open_dirs(struct drive *d, int root, struct why *why)
{
	d->root = root;
	for (unsigned i = 0; i < d->w->scene->subvols; i++) {
		d->dir[i] = cut_fs_subvol_open(root, i);
		if (d->dir[i] < 0)
			return why_set(why, d->dir[i], "subvolume %u: %s", i, strerror(-d->dir[i]));
	}
	return 0;
}

static int make_file(struct drive *d, unsigned i, struct why *why)
{
	const struct scene_name *n = &d->w->scene->name_of[i];
	struct scene_step all = { .op = SCENE_PWRITE, .file = (uint8_t)i, .len = n->bytes };
	struct open_file *o;
	int ret = do_create(d, n->subvol, n->name, &o);

	if (ret)
		return why_set(why, ret, "file %s: %s", n->name, strerror(-ret));
	atomic_store(&d->slot[i], o);
	if (n->attribute != SCENE_DATASUM && !cut_fs_set_in_place(d->fs, o->fd))
		o->f->in_place = true;
	if (n->bytes)
		step_pwrite(d, &all, o);
	return 0;
}

static int check_calls(const struct drive *d, struct why *why)
{
	for (uint32_t i = 0; i < model_nops(d->m); i++) {
		const struct model_op *o = model_op(d->m, i);
		if (o->ret)
			return why_set(why, o->ret, "%s: the %s of its setup failed: %s", d->w->name,
			               model_call_name(o), strerror(-o->ret));
	}
	return 0;
}

int drive_set_up(struct drive *d, int root, struct why *why)
{
	const struct scene *s = d->w->scene;
	struct driver me = { .d = d, .t = &s->setup };
	int ret = 0;

	for (unsigned i = 1; i < s->subvols && !ret; i++)
		ret = cut_fs_subvol_make(d->fs, root, i);
	if (ret)
		return why_set(why, ret, "no subvolume can be made: %s", strerror(-ret));
	ret = open_dirs(d, root, why);
	for (unsigned i = 0; i < s->nnames && !ret; i++)
		if (s->name_of[i].there)
			ret = make_file(d, i, why);
	for (unsigned i = 0; i < s->setup.n && !ret; i++)
		do_step(&me, &s->setup.step[i]);
	aio_reap(&me);
	if (me.has_ring)
		io_uring_queue_exit(&me.ring);
	model_at_line(d->m, 0);
	if (!ret)
		step_sync_all(d);
	return ret ? ret : check_calls(d, why);
}

int drive_open(struct drive *d, int root, struct why *why)
{
	const struct scene *s = d->w->scene;
	int ret = open_dirs(d, root, why);

	for (unsigned i = 0; i < s->nnames && !ret; i++) {
		struct open_file *o;
		if (!s->name_of[i].there)
			continue;
		ret = open_name(d, s->name_of[i].subvol, s->name_of[i].name, &o);
		if (ret)
			why_set(why, ret, "file %s: %s", s->name_of[i].name, strerror(-ret));
		else
			atomic_store(&d->slot[i], o);
	}
	return ret;
}
