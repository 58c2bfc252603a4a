/*
 * model.c: the history, and the recorded calls: see model.h. Operations live in chunks that never move, and a call
 * takes its number by one atomic addition (model.1).
 */
#include "oracle/model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "dev/powercut.h"
#include "machine/mem.h"
#include "rt/trace.h"

#define CHUNK_OPS 256u
#define CHUNKS    4096u


const char *const model_op_name[] = {
	[OP_WRITE] = "write", [OP_TRUNCATE] = "truncate", [OP_FSYNC] = "fsync", [OP_FDATASYNC] = "fdatasync",
	[OP_SYNC] = "sync", [OP_CREATE] = "create", [OP_UNLINK] = "unlink", [OP_FALLOCATE] = "fallocate",
	[OP_PUNCH] = "punch", [OP_LINK] = "link", [OP_RENAME] = "rename", [OP_FSYNC_DIR] = "fsync_dir",
};

const char *model_call_name(const struct model_op *o)
{
	static const char *const write_name[] = { [WRITE_BUFFERED] = "write", [WRITE_DIRECT] = "direct write",
		                                [WRITE_MAPPED] = "mapped store" };

	return o->kind == OP_WRITE ? write_name[o->how] : model_op_name[o->kind];
}

struct model {
	struct dev *dev;
	uint32_t (*position)(void *arg); /* model_positions(); NULL: those of dev */
	void *position_arg;
	uint32_t id; /* names accesses: which calls ended before which others began */
	_Atomic uint64_t tick;
	_Atomic uint32_t nops, nfiles;
	struct model_op *_Atomic chunk[CHUNKS];
	struct model_file *_Atomic file[MODEL_FILES];
	char *_Atomic name[MODEL_NAMES]; /* from the first on; never taken out */
	/* model_mark() */
	uint64_t mark_tick;
	uint32_t mark_ops, mark_files;
	/* model_leave_out(), by task: */
	uint64_t left_out[MODEL_TASKS];
	uint8_t calls[MODEL_TASKS];
	uint32_t line[MODEL_TASKS]; /* model_at_line() */
};

/* ---- the history ---- */

struct model *model_new(struct dev *dev)
{
	struct model *m = mem_zalloc(sizeof(*m));

	m->dev = dev;
	m->id = rt_obj_id();
	atomic_store(&m->tick, 1);
	return m;
}

void model_free(struct model *m)
{
	for (uint32_t i = 0; i < CHUNKS; i++)
		free(atomic_load(&m->chunk[i]));
	for (uint32_t i = 0; i < MODEL_FILES; i++)
		free(atomic_load(&m->file[i]));
	for (uint32_t i = 0; i < MODEL_NAMES; i++)
		free(atomic_load(&m->name[i]));
	free(m);
}

void model_mark(struct model *m)
{
	m->mark_tick = atomic_load(&m->tick);
	m->mark_ops = atomic_load(&m->nops);
	m->mark_files = atomic_load(&m->nfiles);
}

void model_rewind(struct model *m)
{
	atomic_store(&m->tick, m->mark_tick);
	atomic_store(&m->nops, m->mark_ops);
	atomic_store(&m->nfiles, m->mark_files);
	memset(m->left_out, 0, sizeof(m->left_out));
	memset(m->calls, 0, sizeof(m->calls));
	memset(m->line, 0, sizeof(m->line));
	model_forget_open(m);
}

void model_forget_open(struct model *m)
{
	for (uint32_t i = 0; i < MODEL_FILES && atomic_load(&m->file[i]); i++)
		atomic_load(&m->file[i])->f = NULL;
}

/* The chunk of operation i. The first caller makes it; a second one that made its own at once frees that. */
static struct model_op *chunk_of(struct model *m, uint32_t i)
{
	struct model_op *_Atomic *slot = &m->chunk[i / CHUNK_OPS];
	struct model_op *chunk = atomic_load(slot), *none = NULL;

	if (chunk)
		return chunk;
	chunk = mem_zalloc(CHUNK_OPS * sizeof(*chunk));
	if (atomic_compare_exchange_strong(slot, &none, chunk))
		return chunk;
	free(chunk);
	return none;
}

void model_positions(struct model *m, uint32_t (*position)(void *arg), void *arg)
{
	m->position = position;
	m->position_arg = arg;
}

static uint32_t position(struct model *m)
{
	if (m->position)
		return m->position(m->position_arg);
	return m->dev && m->dev->log ? powercut_position(m->dev) : 0;
}

/*
 * The accesses named here and in model_end() are what the rules ask of the order of calls, and no more: which calls had
 * ended before which others began (two beginnings commute, and so do two ends); whether a sync had returned before
 * what is durable changed; and whether any other change but a write had begun before that. The beginning
 * of a write need not be named: a version that is on the media has begun.
 */
static uint32_t begin(struct model *m, struct model_op o)
{
	if (m->dev && o.kind != OP_WRITE && !model_is_sync(&o))
		rt_access(m->dev->id, POINT_READ);
	rt_access(m->id, POINT_READ);
	uint32_t i = atomic_fetch_add(&m->nops, 1), task = rt_self()->id;

	CHECK(i < CHUNK_OPS * CHUNKS);
	o.task = task;
	o.line = task < MODEL_TASKS ? m->line[task] : 0;
	o.pb = position(m);
	o.b = atomic_fetch_add(&m->tick, 1);
	o.e = TICK_NEVER;
	o.pe = POSITION_NEVER;
	chunk_of(m, i)[i % CHUNK_OPS] = o;
	trace(EV_CALL_BEGINS, i);
	return i;
}

uint32_t model_begin(struct model *m, enum op_kind kind, uint32_t file, uint64_t off, uint64_t len)
{
	CHECK(kind != OP_CREATE && kind != OP_UNLINK && kind != OP_LINK && kind != OP_RENAME);
	return begin(m, (struct model_op){ .kind = (uint8_t)kind, .file = file, .off = off, .len = len,
					   .from = MODEL_NO_NAME, .to = MODEL_NO_NAME });
}

static uint32_t begin_naming(struct model *m, enum op_kind kind, uint32_t subvol, uint32_t file, uint8_t from,
                             uint8_t to)
{
	return begin(m, (struct model_op){ .kind = (uint8_t)kind, .file = file, .off = subvol, .from = from,
					   .to = to });
}

uint32_t model_begin_naming(struct model *m, enum op_kind kind, uint32_t file, uint8_t from, uint8_t to)
{
	return begin_naming(m, kind, model_file(m, file)->subvol, file, from, to);
}

void model_end(struct model *m, uint32_t op, int ret)
{
	struct model_op *o = model_op(m, op);

	CHECK(o->e == TICK_NEVER); /* a call ends once */
	if (m->dev && model_is_sync(o))
		rt_access(m->dev->id, POINT_READ);
	o->ret = ret;
	o->e = atomic_fetch_add(&m->tick, 1);
	o->pe = position(m);
	CHECK(o->b < o->e && o->pb <= o->pe);
	rt_accessed(m->id, POINT_GIVE);
	trace(EV_CALL_RETURNS, op, (uint64_t)(int64_t)ret);
}

void model_sync_of_one(struct model *m, uint32_t op)
{
	const struct model_op *w = model_op(m, op);

	CHECK(w->kind == OP_WRITE && w->e != TICK_NEVER);
	if (w->ret)
		return;
	uint32_t sync = model_begin(m, OP_FSYNC, w->file, w->b, 0);
	model_op(m, sync)->how = 1;
	model_end(m, sync, 0);
}

void model_at_line(struct model *m, uint32_t line)
{
	uint32_t task = rt_self()->id;

	if (task < MODEL_TASKS)
		m->line[task] = line;
}

uint64_t model_tick(const struct model *m)
{
	return atomic_load(&m->tick);
}

uint32_t model_nops(const struct model *m)
{
	return atomic_load(&m->nops);
}

struct model_op *model_op(const struct model *m, uint32_t i)
{
	CHECK(i < CHUNK_OPS * CHUNKS && atomic_load(&m->chunk[i / CHUNK_OPS]));
	return &atomic_load(&m->chunk[i / CHUNK_OPS])[i % CHUNK_OPS];
}

/* ---- names ---- */

/* The first caller keeps a copy; one that brings another name at once goes on to the next place. */
uint8_t model_name(struct model *m, const char *name)
{
	char *copy = NULL;

	for (uint8_t i = 0; i < MODEL_NAMES; i++) {
		char *there = atomic_load(&m->name[i]);
		if (!there && !copy) {
			copy = mem_zalloc(FS_NAME_MAX);
			strncpy(copy, name, FS_NAME_MAX - 1);
		}
		if (!there && atomic_compare_exchange_strong(&m->name[i], &there, copy))
			return i;
		if (!strcmp(there, name)) {
			free(copy);
			return i;
		}
	}
	CHECK(!"a history has at most MODEL_NAMES names");
	return MODEL_NO_NAME;
}

const char *model_name_text(const struct model *m, uint8_t name)
{
	CHECK(name < MODEL_NAMES && atomic_load(&m->name[name]));
	return atomic_load(&m->name[name]);
}

uint32_t model_nnames(const struct model *m)
{
	uint32_t n = 0;

	while (n < MODEL_NAMES && atomic_load(&m->name[n]))
		n++;
	return n;
}

/* ---- files ---- */

struct model_file *model_add_file(struct model *m, uint32_t subvol, const char *name)
{
	uint32_t id = atomic_fetch_add(&m->nfiles, 1);

	CHECK(id < MODEL_FILES);
	struct model_file *f = atomic_load(&m->file[id]);
	if (!f)
		f = mem_alloc(sizeof(*f));
	*f = (struct model_file){ .model = m, .id = id, .subvol = subvol };
	strncpy(f->name, name, FS_NAME_MAX - 1);
	atomic_store(&m->file[id], f);
	return f;
}

uint32_t model_nfiles(const struct model *m)
{
	return atomic_load(&m->nfiles);
}

struct model_file *model_file(const struct model *m, uint32_t id)
{
	CHECK(id < atomic_load(&m->nfiles));
	return atomic_load(&m->file[id]);
}

struct model_file *model_find(const struct model *m, uint32_t subvol, const char *name, uint64_t ino)
{
	for (uint32_t i = 0; i < model_nfiles(m); i++)
		if (model_file(m, i)->subvol == subvol && ino && model_file(m, i)->ino == ino)
			return model_file(m, i);
	for (uint32_t i = 0; i < model_nfiles(m); i++) {
		struct model_file *f = model_file(m, i);
		if (f->subvol == subvol && !f->ino && !strcmp(f->name, name))
			return f;
	}
	return NULL;
}

/* ---- calls that are left out ---- */

void model_leave_out(struct model *m, uint32_t task, uint64_t calls)
{
	CHECK(task < MODEL_TASKS);
	m->left_out[task] = calls;
}

uint32_t model_calls(const struct model *m, uint32_t task)
{
	return task < MODEL_TASKS ? m->calls[task] : 0;
}

/* Counts the task's call, and says whether it is to be left out. Called once by each call, first thing. */
static bool left_out(struct model *m)
{
	uint32_t task = rt_self()->id;

	if (task >= MODEL_TASKS || m->calls[task] >= 63)
		return false;
	return m->left_out[task] >> m->calls[task]++ & 1;
}

/* ---- the calls ---- */

struct model_file *model_create(struct model *m, struct fs *fs, uint32_t subvol, const char *name, int *ret)
{
	struct model_file *f = model_add_file(m, subvol, name);
	uint32_t op = model_begin_naming(m, OP_CREATE, f->id, MODEL_NO_NAME, model_name(m, name));

	int err = fs_create(fs_subvol(fs, subvol), name, &f->f);
	if (!err)
		f->ino = fs_ino(f->f);
	model_end(m, op, err);
	if (ret)
		*ret = err;
	return err ? NULL : f;
}

int model_unlink(struct model_file *f, struct fs *fs)
{
	if (left_out(f->model))
		return 0;
	uint32_t op = model_begin_naming(f->model, OP_UNLINK, f->id, model_name(f->model, f->name), MODEL_NO_NAME);
	int ret = fs_unlink(fs_subvol(fs, f->subvol), f->name);

	model_end(f->model, op, ret);
	return ret;
}

/* File 0: the call will be refused, or meets what another call is bringing about. */
uint32_t model_file_of_name(const struct model *m, uint32_t subvol, uint8_t name)
{
	for (uint32_t i = model_nops(m); i-- > 0;) {
		const struct model_op *o = model_op(m, i);
		if (!model_is_naming(o) || o->e == TICK_NEVER || o->ret || o->off != subvol)
			continue;
		if (o->to == name)
			return o->file;
		if (o->from == name)
			break;
	}
	return 0;
}

int model_unlink_name(struct model *m, struct fs *fs, uint32_t subvol, const char *name)
{
	if (left_out(m))
		return 0;
	uint8_t from = model_name(m, name);
	uint32_t op = begin_naming(m, OP_UNLINK, subvol, model_file_of_name(m, subvol, from), from, MODEL_NO_NAME);
	int ret = fs_unlink(fs_subvol(fs, subvol), name);

	model_end(m, op, ret);
	return ret;
}

int model_link(struct model *m, struct fs *fs, uint32_t subvol, const char *old, const char *new)
{
	if (left_out(m))
		return 0;
	uint32_t file = model_file_of_name(m, subvol, model_name(m, old));
	uint32_t op = begin_naming(m, OP_LINK, subvol, file, MODEL_NO_NAME, model_name(m, new));
	uint64_t ino = 0;
	int ret = fs_link(fs_subvol(fs, subvol), old, new, &ino);
	struct model_file *linked = ino ? model_find(m, subvol, old, ino) : NULL;

	if (linked)
		model_op(m, op)->file = linked->id;
	model_end(m, op, ret);
	return ret;
}

int model_rename(struct model *m, struct fs *fs, uint32_t subvol, const char *old, const char *new)
{
	if (left_out(m))
		return 0;
	uint8_t from = model_name(m, old);
	uint32_t op = begin_naming(m, OP_RENAME, subvol, model_file_of_name(m, subvol, from), from, model_name(m, new));
	uint64_t ino = 0;
	int ret = fs_rename(fs_subvol(fs, subvol), old, new, &ino);
	struct model_file *moved = ino ? model_find(m, subvol, old, ino) : NULL;

	if (moved)
		model_op(m, op)->file = moved->id;
	else if (!ret && !ino) /* two names of one file: it has both still */
		model_op(m, op)->from = model_op(m, op)->to = MODEL_NO_NAME;
	model_end(m, op, ret);
	return ret;
}

int model_fsync_dir(struct model *m, struct fs *fs, uint32_t subvol)
{
	if (left_out(m))
		return 0;
	uint32_t op = model_begin(m, OP_FSYNC_DIR, MODEL_DIR, subvol, 0);
	int ret = fs_fsync_dir(fs_subvol(fs, subvol));

	model_end(m, op, ret);
	return ret;
}

/* Begins a write; *buf is what it writes, to be freed. */
static uint32_t write_begin(struct model_file *f, enum write_how how, uint64_t off, uint32_t len, void **buf)
{
	CHECK(off % ORACLE_SECTOR == 0 && len % ORACLE_SECTOR == 0 && len);
	if (off % FS_BLOCK || len % FS_BLOCK)
		atomic_store_explicit(&f->partial, true, memory_order_relaxed);
	*buf = mem_alloc_pages(len);
	uint32_t op = model_begin(f->model, OP_WRITE, f->id, off, len);
	model_op(f->model, op)->how = (uint8_t)how;
	struct stamp s = { f->id, model_version(op), rt_self()->id, off / ORACLE_SECTOR };
	block_fill(*buf, len, &s);
	return op;
}

/* ret: what the fs_ function returned. 0 or -errno. */
static int write_end(struct model_file *f, uint32_t op, uint32_t len, int ret, void *buf)
{
	CHECK(ret < 0 || (uint32_t)ret == len);
	model_end(f->model, op, ret < 0 ? ret : 0);
	free(buf);
	return ret < 0 ? ret : 0;
}

static int write_now(struct model_file *f, uint64_t off, uint32_t len, bool direct)
{
	void *buf;
	uint32_t op = write_begin(f, direct ? WRITE_DIRECT : WRITE_BUFFERED, off, len, &buf);
	int ret = direct ? fs_write_direct(f->f, off, buf, len) : fs_write(f->f, off, buf, len);

	return write_end(f, op, len, ret, buf);
}

int model_write(struct model_file *f, uint64_t off, uint32_t len)
{
	return left_out(f->model) ? 0 : write_now(f, off, len, false);
}

int model_write_direct(struct model_file *f, uint64_t off, uint32_t len)
{
	return left_out(f->model) ? 0 : write_now(f, off, len, true);
}

static int write_direct_dsync(struct model_file *f, uint64_t off, uint32_t len)
{
	uint64_t start = off / FS_BLOCK * FS_BLOCK, end = round_up_block(off + len);
	struct fs_direct *io;
	void *buf;
	uint32_t op = write_begin(f, WRITE_DIRECT, off, len, &buf);
	int ret = fs_write_direct_dsync(f->f, off, buf, len, &io);

	ret = write_end(f, op, len, ret, buf);
	if (!io)
		return ret;
	op = model_begin(f->model, OP_FSYNC, f->id, start, end - start);
	ret = fs_direct_sync(io);
	model_end(f->model, op, ret);
	return ret;
}

int model_write_dsync(struct model_file *f, uint64_t off, uint32_t len, bool direct)
{
	if (left_out(f->model))
		return 0;
	if (direct)
		return write_direct_dsync(f, off, len);
	int ret = write_now(f, off, len, false);
	return ret ? ret : model_fsync_range(f, off, len);
}

struct model_direct {
	struct model_file *f;
	struct fs_direct *io;
	void *buf;
	uint32_t op, len;
};

struct model_direct *model_write_direct_start(struct model_file *f, uint64_t off, uint32_t len)
{
	if (left_out(f->model))
		return NULL;
	struct model_direct *d = mem_alloc(sizeof(*d));
	*d = (struct model_direct){ .f = f, .len = len };
	d->op = write_begin(f, WRITE_DIRECT, off, len, &d->buf);
	int ret = fs_write_direct_start(f->f, off, d->buf, len, &d->io);
	if (!ret)
		return d;
	write_end(f, d->op, len, ret, d->buf);
	free(d);
	return NULL;
}

int model_direct_wait(struct model_direct *d)
{
	if (!d)
		return 0;
	int ret = write_end(d->f, d->op, d->len, fs_direct_wait(d->io), d->buf);
	free(d);
	return ret;
}

int model_mmap(struct model_file *f)
{
	return fs_mmap(f->f);
}

int model_mmap_store(struct model_file *f, uint64_t off, uint32_t len)
{
	void *buf;

	if (left_out(f->model))
		return 0;
	uint32_t op = write_begin(f, WRITE_MAPPED, off, len, &buf);
	return write_end(f, op, len, fs_mmap_store(f->f, off, buf, len), buf);
}

int model_truncate(struct model_file *f, uint64_t size)
{
	CHECK(size % ORACLE_SECTOR == 0);
	if (left_out(f->model))
		return 0;
	if (size % FS_BLOCK)
		atomic_store_explicit(&f->partial, true, memory_order_relaxed);
	uint32_t op = model_begin(f->model, OP_TRUNCATE, f->id, size, 0);
	int ret = fs_truncate(f->f, size);

	model_end(f->model, op, ret);
	return ret;
}

int model_fallocate(struct model_file *f, uint64_t off, uint64_t len, bool keep_size)
{
	CHECK(off % ORACLE_SECTOR == 0 && len % ORACLE_SECTOR == 0 && len);
	if (left_out(f->model))
		return 0;
	uint32_t op = model_begin(f->model, OP_FALLOCATE, f->id, off, len);
	model_op(f->model, op)->how = keep_size;
	int ret = fs_fallocate(f->f, off, len, keep_size);

	model_end(f->model, op, ret);
	return ret;
}

int model_punch(struct model_file *f, uint64_t off, uint64_t len)
{
	CHECK(off % ORACLE_SECTOR == 0 && len % ORACLE_SECTOR == 0 && len);
	if (left_out(f->model))
		return 0;
	if (off % FS_BLOCK || len % FS_BLOCK)
		atomic_store_explicit(&f->partial, true, memory_order_relaxed);
	uint32_t op = model_begin(f->model, OP_PUNCH, f->id, off, len);
	int ret = fs_punch(f->f, off, len);

	model_end(f->model, op, ret);
	return ret;
}

int model_set_flags(struct model_file *f, uint32_t flags)
{
	f->in_place = flags & FS_NODATACOW;
	return fs_set_flags(f->f, flags);
}

int model_fsync(struct model_file *f)
{
	if (left_out(f->model))
		return 0;
	uint32_t op = model_begin(f->model, OP_FSYNC, f->id, 0, 0);
	int ret = fs_fsync(f->f);

	model_end(f->model, op, ret);
	return ret;
}

int model_fsync_range(struct model_file *f, uint64_t off, uint64_t len)
{
	CHECK(len);
	uint32_t op = model_begin(f->model, OP_FSYNC, f->id, off, len);
	int ret = fs_fsync_range(f->f, off, len);

	model_end(f->model, op, ret);
	return ret;
}

int model_msync(struct model_file *f, uint64_t off, uint64_t len)
{
	return left_out(f->model) ? 0 : model_fsync_range(f, off, len);
}

int model_fdatasync(struct model_file *f)
{
	if (left_out(f->model))
		return 0;
	uint32_t op = model_begin(f->model, OP_FDATASYNC, f->id, 0, 0);
	int ret = fs_fdatasync(f->f);

	model_end(f->model, op, ret);
	return ret;
}

int model_sync(struct model *m, struct fs *fs)
{
	if (left_out(m))
		return 0;
	uint32_t op = model_begin(m, OP_SYNC, MODEL_ALL, 0, 0);
	int ret = fs_sync(fs);

	model_end(m, op, ret);
	return ret;
}

void model_flush_pass(struct model_file *f)
{
	if (!left_out(f->model))
		fs_flush_pass(f->f);
}

int model_sync_range(struct model_file *f, uint64_t off, uint64_t len, bool wait)
{
	return left_out(f->model) ? 0 : fs_sync_range(f->f, off, len, wait);
}

int model_commit(struct model *m, struct fs *fs)
{
	return left_out(m) ? 0 : fs_commit(fs);
}

void model_fiemap(struct model_file *f)
{
	if (!left_out(f->model))
		fs_fiemap(f->f);
}

void model_release(struct model_file *f)
{
	if (!left_out(f->model))
		fs_release(f->f);
}

void model_shrink_maps(struct model *m, struct fs *fs)
{
	if (!left_out(m))
		fs_shrink_maps(fs);
}

void model_evict(struct model *m, struct fs *fs)
{
	if (!left_out(m))
		fs_evict(fs);
}

int model_open(struct model_file *f, struct fs *fs)
{
	return fs_open(fs_subvol(fs, f->subvol), f->name, &f->f);
}

void model_close(struct model_file *f)
{
	fs_close(f->f);
	f->f = NULL;
}
