/*
 * fio_engine.c: an external ioengine: fio itself drives a design of fsync on a device.
 *
 *   fio --ioengine=external:build/fsyncstorm-fio.so --thread --design=postfix --device=ram:1g job.fio
 *
 * Without a word of them it is postfix in memory.
 *
 * This file alone is compiled against fio's own headers (GPL version 2), those of the installed version,
 * by `make fio-engine`, and it is no part of the program. What a session is: fio_session.h.
 *
 * Every call is synchronous. What fio measures includes the little that this file does.
 *
 * fio_engine.1: The design's tasks are threads of the process, so a job of fio must be a thread, too: fork is refused.
 */
#include "fio.h"
#include "optgroup.h"

#include "bench/fio_session.h"

struct engine_options {
	void *pad; /* fio takes an option at offset 0 for none */
	char *design, *device, *report;
};

static struct fio_option options[] = {
	{
		.name = "design",
		.lname = "Design of fsync",
		.type = FIO_OPT_STR_STORE,
		.off1 = offsetof(struct engine_options, design),
		.help = "Design of fsync (fsyncstorm list names them)",
		.def = "postfix",
		.category = FIO_OPT_C_ENGINE,
		.group = FIO_OPT_G_INVALID,
	},
	{
		.name = "device",
		.lname = "Device under the design",
		.type = FIO_OPT_STR_STORE,
		.off1 = offsetof(struct engine_options, device),
		.help = "Device and keys of the target: ram:1g, file:PATH,size=1g, slow:nvme/ram:1g,subvols=4",
		.def = "ram:1g",
		.category = FIO_OPT_C_ENGINE,
		.group = FIO_OPT_G_INVALID,
	},
	{
		.name = "report",
		.lname = "Report",
		.type = FIO_OPT_STR_STORE,
		.off1 = offsetof(struct engine_options, report),
		.help = "Where locks, waits and phases go as JSON (none: nowhere)",
		.def = "none",
		.category = FIO_OPT_C_ENGINE,
		.group = FIO_OPT_G_INVALID,
	},
	{
		.name = NULL,
	},
};

struct ioengine_ops ioengine;

/* What a job has of us: from setup, in fio's main thread, to cleanup, in its own. */
struct job_data {
	struct fio_session *session;
	struct fio_task *task;
};

static int refuse(struct thread_data *td, int err, const char *what)
{
	log_err("fsyncstorm: %s\n", what);
	td_verror(td, err, "fsyncstorm");
	return 1;
}

/* fio knows a file's size only from its job here: nothing is on a disk that it could ask. */
static void set_sizes(struct thread_data *td)
{
	uint64_t each = td->o.size / (td->o.nr_files ? td->o.nr_files : 1);
	struct fio_file *f;
	unsigned i;

	for_each_file (td, f, i) {
		f->real_file_size = td->o.file_size_high ? td->o.file_size_high : each;
		f->filetype = FIO_TYPE_FILE;
	}
}

static int engine_setup(struct thread_data *td)
{
	struct engine_options *o = td->eo;
	struct job_data *j = td->io_ops_data;
	struct why why = WHY_NONE;
	int ret;

	if (j)
		return 0;
	if (td->io_ops != &ioengine)
		return refuse(td, EINVAL, "built for another fio than this one; run make fio-engine again");
	if (!td->o.use_thread) /* fio_engine.1 */
		return refuse(td, EINVAL, "jobs must be threads: add thread=1 to the job, or --thread");
	j = calloc(1, sizeof(*j));
	if (!j)
		return refuse(td, ENOMEM, "no memory");
	ret = fio_session_join(o->design, o->device, o->report, &j->session, &why);
	if (ret) {
		free(j);
		return refuse(td, -ret, why.text);
	}
	td->io_ops_data = j;
	set_sizes(td);
	return 0;
}

/* Called by fio before any job starts. What is read or overwritten must be there; what is appended begins empty. */
static int engine_prepopulate(struct thread_data *td, struct fio_file *f)
{
	struct job_data *j = td->io_ops_data;
	bool needed = td_random(td) || td_read(td);
	struct why why = WHY_NONE;
	void *file;
	int ret = fio_session_file(j->session, f->file_name, td->thread_number, needed ? f->real_file_size : 0, &file,
	                           &why);

	if (ret)
		return refuse(td, -ret, why.text);
	FILE_SET_ENG_DATA(f, file);
	return 0;
}

static int engine_init(struct thread_data *td)
{
	struct job_data *j = td->io_ops_data;
	struct why why = WHY_NONE;

	j->task = fio_task_start(j->session, &why);
	return j->task ? 0 : refuse(td, EIO, why.text);
}

static void engine_cleanup(struct thread_data *td)
{
	struct job_data *j = td->io_ops_data;
	struct why why = WHY_NONE;

	if (!j)
		return;
	td->io_ops_data = NULL;
	if (j->task)
		fio_task_stop(j->task);
	if (fio_session_leave(j->session, &why))
		log_err("fsyncstorm: %s\n", why.text);
	free(j);
}

static int engine_open_file(struct thread_data *td, struct fio_file *f)
{
	return FILE_ENG_DATA(f) ? 0 : EBADF;
}

static int engine_close_file(struct thread_data *td, struct fio_file *f)
{
	return 0;
}

static int sync_range(struct fio_task *t, struct thread_data *td, struct fio_file *f)
{
	if (f->first_write == -1ULL)
		return 0;
	return fio_task_sync_range(t, FILE_ENG_DATA(f), f->first_write, f->last_write - f->first_write,
	                           td->o.sync_file_range);
}

/* A write under sync=sync or sync=dsync is durable when it returns. */
static int write_through(struct fio_task *t, struct thread_data *td, void *file)
{
	if (!td->o.sync_io)
		return 0;
	return (td->o.sync_io & O_SYNC) == O_SYNC ? fio_task_fsync(t, file) : fio_task_fdatasync(t, file);
}

static int do_io(struct thread_data *td, struct io_u *u)
{
	struct job_data *j = td->io_ops_data;
	void *file = FILE_ENG_DATA(u->file);
	int ret;

	switch (u->ddir) {
	case DDIR_WRITE:
		ret = fio_task_write(j->task, file, u->offset, u->xfer_buf, u->xfer_buflen);
		return ret ? ret : write_through(j->task, td, file);
	case DDIR_READ:
		return fio_task_read(j->task, file, u->offset, u->xfer_buf, u->xfer_buflen);
	case DDIR_SYNC:
		return fio_task_fsync(j->task, file);
	case DDIR_DATASYNC:
		return fio_task_fdatasync(j->task, file);
	case DDIR_SYNC_FILE_RANGE:
		return sync_range(j->task, td, u->file);
	default:
		return -EOPNOTSUPP;
	}
}

static enum fio_q_status engine_queue(struct thread_data *td, struct io_u *u)
{
	u->error = -do_io(td, u);
	if (u->error)
		td_verror(td, u->error, "fsyncstorm");
	return FIO_Q_COMPLETED;
}

struct ioengine_ops ioengine = {
	.name = "fsyncstorm",
	.version = FIO_IOOPS_VERSION,
	.flags = FIO_SYNCIO | FIO_DISKLESSIO | FIO_NODISKUTIL,
	.setup = engine_setup,
	.prepopulate_file = engine_prepopulate,
	.init = engine_init,
	.cleanup = engine_cleanup,
	.open_file = engine_open_file,
	.close_file = engine_close_file,
	.queue = engine_queue,
	.options = options,
	.option_struct_size = sizeof(struct engine_options),
};
