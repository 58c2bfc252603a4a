/*
 * model.h: what the acknowledged calls promised: a history of every call, with ticks and device positions. From it
 * follows what may be read after a crash at any position: rules.h has the rules.
 *
 * A call takes a tick when it begins and another when it ends, and reads the device's position before and after:
 * reading it after the return can only weaken a promise. Every file and every name is made through the model, so the
 * model knows the whole file system.
 *
 * model.1: Recording a call adds no scheduling point, takes no lock, and never blocks. Tasks of either back end
 *      (threads, fibers) may call at once.
 *
 * Called by races, stress scenarios and tests instead of fs_*(); read by rules.c and check.c when nothing runs.
 */
#ifndef ORACLE_MODEL_H
#define ORACLE_MODEL_H

#include <stdatomic.h>

#include "fs/fs.h"
#include "oracle/block.h"

enum op_kind {
	OP_WRITE, OP_TRUNCATE, OP_FSYNC, OP_FDATASYNC, OP_SYNC, OP_CREATE, OP_UNLINK, OP_FALLOCATE, OP_PUNCH, OP_LINK,
	OP_RENAME, OP_FSYNC_DIR
};

/* How a write came about. */
enum write_how { WRITE_BUFFERED, WRITE_DIRECT, WRITE_MAPPED };

extern const char *const model_op_name[]; /* by kind */
struct model_op;
/* The call's word, with how it was made: "direct write". */
const char *model_call_name(const struct model_op *o);

#define TICK_NEVER     UINT64_MAX
#define POSITION_NEVER UINT32_MAX
#define MODEL_FILES    64u
#define MODEL_NAMES    64u
#define MODEL_ALL      UINT32_MAX /* op->file of a sync of everything */
#define MODEL_DIR      (UINT32_MAX - 1) /* op->file of an fsync of a directory */
#define MODEL_NO_NAME  UINT8_MAX

struct model_op {
	uint8_t kind;      /* enum op_kind */
	uint8_t how;       /* of a write: enum write_how; of a fallocate: 1 when it keeps the size; of an fsync: 1 when
	                    * it promises one write alone, the one that began at tick `off` (model_sync_of_one()) */
	bool covered;      /* rules.c: a sync that counts at the judged position covers it */
	uint8_t from, to;  /* the name that it takes away, and the one that it gives (model_name()), or MODEL_NO_NAME */
	int ret;
	uint32_t task, file;
	uint64_t off, len; /* of a write, and of an fsync of a range (len 0: of all); off: a truncate's new size, and
	                    * the subvolume of a change of names and of an fsync of a directory */
	uint64_t b, e;     /* the ticks of its begin and its end; e is TICK_NEVER while it runs */
	uint32_t pb, pe;   /* the device's positions then; pe is POSITION_NEVER while it runs */
	uint32_t line;     /* of the scenario that the call is of (model_at_line()); 0: of none */
};

static inline bool model_is_sync(const struct model_op *o)
{
	return o->kind == OP_FSYNC || o->kind == OP_FDATASYNC || o->kind == OP_SYNC || o->kind == OP_FSYNC_DIR;
}

/* It changes names. */
static inline bool model_is_naming(const struct model_op *o)
{
	return o->kind == OP_CREATE || o->kind == OP_UNLINK || o->kind == OP_LINK || o->kind == OP_RENAME;
}

/* It is of one file: op->file is its number. */
static inline bool model_has_file(const struct model_op *o)
{
	return o->file != MODEL_ALL && o->file != MODEL_DIR;
}

/* One inode, from its creation on. Written by its creator, and by model_open(). */
struct model_file {
	struct model *model;
	uint32_t id, subvol;
	uint64_t ino;      /* 0 until its creation has returned */
	_Atomic bool partial; /* some write or truncate was not of whole blocks */
	bool in_place;     /* it is written over where it lies, so a block may hold parts of two writes */
	char name[FS_NAME_MAX]; /* that it was created with; what the file is called in sentences */
	struct file *f;    /* open in the present mount; NULL when not */
};

struct model;

/*
 * From now on the positions that stamp calls come from here, not from a device: of a record that another program
 * writes. `position` may be called by any task at any time.
 */
void model_positions(struct model *m, uint32_t (*position)(void *arg), void *arg);
/* The tick that the next begin or end of a call takes. */
uint64_t model_tick(const struct model *m);

/* dev: its positions stamp the calls; while it does not record they are 0. NULL: no device. */
struct model *model_new(struct dev *dev);
void model_free(struct model *m);
/* From now on, every schedule starts with the history so far ... */
void model_mark(struct model *m);
/* ... to which this goes back. Nothing runs. */
void model_rewind(struct model *m);

/* ---- calls, recorded. Each returns what the fs_ function returned, a write 0 for all of it. ---- */

/* The new file is open. NULL and *ret (may be NULL) when it could not be made. */
struct model_file *model_create(struct model *m, struct fs *fs, uint32_t subvol, const char *name, int *ret);
/* Unlinks the name that the file was created with. */
int model_unlink(struct model_file *f, struct fs *fs);
/*
 * By name, as a shell would. The file is the one that has the name as far as the model has seen: it need not be the
 * one that the call meets, when others change the same name at the same time. A rename that has returned is booked to
 * the file that it has moved.
 */
int model_unlink_name(struct model *m, struct fs *fs, uint32_t subvol, const char *name);
int model_link(struct model *m, struct fs *fs, uint32_t subvol, const char *old, const char *new);
int model_rename(struct model *m, struct fs *fs, uint32_t subvol, const char *old, const char *new);
int model_fsync_dir(struct model *m, struct fs *fs, uint32_t subvol);
/* off, len and size in whole sectors. */
int model_write(struct model_file *f, uint64_t off, uint32_t len);
int model_write_direct(struct model_file *f, uint64_t off, uint32_t len);
/* A write with O_DSYNC, recorded as that write and an fsync of its range: in 2014 it is just that. */
int model_write_dsync(struct model_file *f, uint64_t off, uint32_t len, bool direct);
/* A direct write that is waited for later: the call ends with model_direct_wait(), which returns what the write did.
 * NULL: it was refused, or left out; waiting for NULL does nothing and returns 0. */
struct model_direct *model_write_direct_start(struct model_file *f, uint64_t off, uint32_t len);
int model_direct_wait(struct model_direct *d);
/* Through a mapping, inside the file. */
int model_mmap_store(struct model_file *f, uint64_t off, uint32_t len);
/* An fsync of the range; off and len in whole blocks. */
int model_msync(struct model_file *f, uint64_t off, uint64_t len);
int model_truncate(struct model_file *f, uint64_t size);
/* off and len in whole sectors. */
int model_fallocate(struct model_file *f, uint64_t off, uint64_t len, bool keep_size);
int model_punch(struct model_file *f, uint64_t off, uint64_t len);
/* As fs_set_flags(), of a file that is empty. Not recorded, and never left out. */
int model_set_flags(struct model_file *f, uint32_t flags);
int model_fsync(struct model_file *f);
int model_fdatasync(struct model_file *f);
/* Where it begins or ends inside a block, that is for the file system to see to. */
int model_fsync_range(struct model_file *f, uint64_t off, uint64_t len);
int model_sync(struct model *m, struct fs *fs);

/* As fs_mmap(). Not recorded: it promises nothing, and is never left out. */
int model_mmap(struct model_file *f);
/* As fs_flush_pass(), fs_sync_range(), fs_commit(). Not recorded: they promise nothing (rules.4). */
void model_flush_pass(struct model_file *f);
int model_sync_range(struct model_file *f, uint64_t off, uint64_t len, bool wait);
int model_commit(struct model *m, struct fs *fs);
/* As fs_fiemap(), fs_release(), fs_shrink_maps(), fs_evict(): they promise nothing either. */
void model_fiemap(struct model_file *f);
void model_release(struct model_file *f);
void model_shrink_maps(struct model *m, struct fs *fs);
void model_evict(struct model *m, struct fs *fs);

/*
 * Makes a run smaller. The calls above, except model_create() and model_fsync_range(), are counted for each task
 * from 0 since the last model_rewind(). Those of `task` whose bit is set in `calls` do nothing and return 0, until
 * the next rewind.
 */
#define MODEL_TASKS 64u
void model_leave_out(struct model *m, uint32_t task, uint64_t calls);
/* How many such calls the task has made since the last rewind, those left out included. */
uint32_t model_calls(const struct model *m, uint32_t task);

/* The recorded calls of the running task are from now on those of this line of a scenario's text; for stories. */
void model_at_line(struct model *m, uint32_t line);

/* Not recorded either. Files of a mount are opened after it, and closed before it ends. */
int model_open(struct model_file *f, struct fs *fs);
void model_close(struct model_file *f);
/* Forgets open files of a run that did not finish. */
void model_forget_open(struct model *m);

/* ---- for tests that record by hand, and for readers of the history ---- */

/* Begins a call and returns its number; a write is WRITE_BUFFERED until its caller says otherwise. `file`: MODEL_ALL
 * for a sync of everything. */
uint32_t model_begin(struct model *m, enum op_kind kind, uint32_t file, uint64_t off, uint64_t len);
/* Ends it, once: from here on its promise, if it makes one, is on record. ret: what the call returned. */
void model_end(struct model *m, uint32_t op, int ret);
/* The same for a call that takes the name `from` away and gives the name `to`; either may be MODEL_NO_NAME. */
uint32_t model_begin_naming(struct model *m, enum op_kind kind, uint32_t file, uint8_t from, uint8_t to);
/*
 * Records that write op, which has ended, was waited for by its own call (O_DSYNC, RWF_DSYNC of a kernel): it is
 * promised from now on, and nothing else is. One that failed is promised by nobody.
 */
void model_sync_of_one(struct model *m, uint32_t op);
/* The file that has the name, as far as the calls tell that have returned; file 0 when none has. */
uint32_t model_file_of_name(const struct model *m, uint32_t subvol, uint8_t name);
/* The number of a name, which is the same from now on. */
uint8_t model_name(struct model *m, const char *name);
const char *model_name_text(const struct model *m, uint8_t name);
uint32_t model_nnames(const struct model *m);
/* Tells the model of a file; no call is recorded. */
struct model_file *model_add_file(struct model *m, uint32_t subvol, const char *name);

uint32_t model_nops(const struct model *m);
struct model_op *model_op(const struct model *m, uint32_t i);
uint32_t model_nfiles(const struct model *m);
struct model_file *model_file(const struct model *m, uint32_t id);
/* The file with that inode. One whose creation has not returned has none yet: it is found by the name that it is being
 * created with. NULL when the model knows none. */
struct model_file *model_find(const struct model *m, uint32_t subvol, const char *name, uint64_t ino);
/* The version that write op i writes. */
static inline uint32_t model_version(uint32_t op)
{
	return op + 1;
}

#endif
