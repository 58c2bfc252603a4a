/*
 * recorder_ublk.c: the recorded device as a ublk device: see recorder.h, recording.h. FUA comes as FUA, and each queue
 * may have a flush of its own in flight.
 *
 * The server's threads have a queue each. A keeper (keeper.h) makes the device and takes it away.
 */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/ublk_cmd.h>

#include "base/check.h"
#include "base/stop.h"
#include "cut/keeper.h"
#include "cut/recording.h"
#include "machine/mem.h"
#include "rt/rt.h"

#define CONTROL     "/dev/ublk-control"
#define QUEUES_MAX  4u
#define DEPTH       64u
#define IO_BYTES    (256u << 10) /* of one request, at most */
#define WAKE        UINT64_MAX   /* user data of the poll of a queue's event */
#define NS          1000000000u
#define STEP_MS     20

/* The numbers that kernels from 6.4 on want, and the only ones that some take. */
#define CONTROL_OP(nr) _IOWR('u', nr, struct ublksrv_ctrl_cmd)
#define DEL_DEV_ASYNC  0x14 /* from 6.9 on: waits for no user of the device */
#define IO_OP(nr)      _IOWR('u', nr, struct ublksrv_io_cmd)

/* ---- the server ---- */

struct queue;

struct tag {
	struct queue *q;
	unsigned nr;
};

struct answer {
	unsigned tag;
	int result;
};

struct queue {
	struct recording *s;
	unsigned nr;
	bool encoded;           /* IO_OP() */
	int device, event;
	struct io_uring ring;
	const struct ublksrv_io_desc *request;
	uint8_t *buf;           /* IO_BYTES for each tag */
	struct tag tag[DEPTH];
	unsigned gone;          /* tags that have ended with the device */
	pthread_mutex_t lock;   /* of what is below, which any queue's thread adds to */
	struct answer answer[DEPTH];
	unsigned nanswers;
};

static _Thread_local struct queue *own; /* of the running thread */

static void add_answer(struct queue *q, unsigned tag, int result)
{
	pthread_mutex_lock(&q->lock);
	CHECK(q->nanswers < DEPTH);
	q->answer[q->nanswers++] = (struct answer){ tag, result };
	pthread_mutex_unlock(&q->lock);
	if (q != own)
		CHECK(!eventfd_write(q->event, 1));
}

static void give(const struct request *r)
{
	const struct tag *t = r->of;

	add_answer(t->q, t->nr, r->is_flush ? 0 : (int)r->len);
}

static struct io_uring_sqe *next_sqe(struct queue *q)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&q->ring);

	CHECK(sqe); /* a slot for each tag and the event */
	return sqe;
}

/* Asks for the tag's next request, with an answer to the last one unless it is the first. */
static void ask(struct queue *q, unsigned op, unsigned tag, int result)
{
	struct io_uring_sqe *sqe = next_sqe(q);
	const struct ublksrv_io_cmd cmd = { .q_id = (uint16_t)q->nr, .tag = (uint16_t)tag, .result = result,
		                            .addr = (uintptr_t)q->buf + (uint64_t)tag * IO_BYTES };

	io_uring_prep_rw(IORING_OP_URING_CMD, sqe, q->device, NULL, 0, 0);
	sqe->cmd_op = q->encoded ? (uint32_t)IO_OP(op) : op;
	memcpy(sqe->cmd, &cmd, sizeof(cmd));
	io_uring_sqe_set_data64(sqe, tag);
}

static void ask_event(struct queue *q)
{
	struct io_uring_sqe *sqe = next_sqe(q);

	io_uring_prep_poll_add(sqe, q->event, POLLIN);
	io_uring_sqe_set_data64(sqe, WAKE);
}

static void send_answers(struct queue *q)
{
	struct answer now[DEPTH];

	pthread_mutex_lock(&q->lock);
	unsigned n = q->nanswers;
	memcpy(now, q->answer, n * sizeof(*now));
	q->nanswers = 0;
	pthread_mutex_unlock(&q->lock);
	for (unsigned i = 0; i < n; i++)
		ask(q, UBLK_IO_COMMIT_AND_FETCH_REQ, now[i].tag, now[i].result);
}

static void serve_request(struct queue *q, unsigned tag)
{
	const struct ublksrv_io_desc *d = &q->request[tag];
	uint64_t off = d->start_sector * 512, len = (uint64_t)d->nr_sectors * 512;
	uint8_t *buf = q->buf + (uint64_t)tag * IO_BYTES;
	unsigned op = ublksrv_get_op(d);

	if (op == UBLK_IO_OP_FLUSH) {
		recording_flush(&q->tag[tag]);
	} else if ((op != UBLK_IO_OP_READ && op != UBLK_IO_OP_WRITE) || !len || len > IO_BYTES ||
	           !recording_has(q->s, off, len)) {
		add_answer(q, tag, -EIO);
	} else if (op == UBLK_IO_OP_READ) {
		memcpy(buf, q->s->bytes + off, len);
		add_answer(q, tag, (int)len);
	} else {
		recording_write(&q->tag[tag], off, (uint32_t)len, buf, d->op_flags & UBLK_IO_F_FUA);
	}
}

static void take_completion(struct queue *q, uint64_t what, int result)
{
	eventfd_t n;

	if (what == WAKE) {
		eventfd_read(q->event, &n);
		ask_event(q);
	} else if (result == UBLK_IO_RES_OK) {
		serve_request(q, (unsigned)what);
	} else { /* the device goes */
		q->gone++;
	}
}

/* A thread of the server. It ends with the device. */
static void serve_queue(void *arg)
{
	struct queue *q = own = arg;
	struct io_uring_cqe *cqe;

	CHECK(!io_uring_queue_init(2 * DEPTH, &q->ring, 0));
	for (unsigned i = 0; i < DEPTH; i++)
		ask(q, UBLK_IO_FETCH_REQ, i, 0);
	ask_event(q);
	while (q->gone < DEPTH) {
		uint64_t wait = recording_release() + 1;
		struct __kernel_timespec ts = { .tv_sec = (int64_t)(wait / NS), .tv_nsec = (long)(wait % NS) };
		send_answers(q);
		io_uring_submit_and_wait_timeout(&q->ring, &cqe, 1, &ts, NULL);
		while (!io_uring_peek_cqe(&q->ring, &cqe)) {
			uint64_t what = cqe->user_data;
			int result = cqe->res;
			io_uring_cqe_seen(&q->ring, cqe);
			take_completion(q, what, result);
		}
	}
}

static void open_queue(struct queue *q, int device)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), size = (DEPTH * sizeof(*q->request) + page - 1) / page * page;

	q->device = device;
	q->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	q->request = mmap(NULL, size, PROT_READ, MAP_SHARED | MAP_POPULATE, device, UBLKSRV_CMD_BUF_OFFSET +
	                  (off_t)(q->nr * UBLK_MAX_QUEUE_DEPTH * sizeof(*q->request)));
	q->buf = mmap(NULL, (size_t)DEPTH * IO_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(q->event >= 0 && q->request != MAP_FAILED && q->buf != MAP_FAILED);
	pthread_mutex_init(&q->lock, NULL);
	for (unsigned i = 0; i < DEPTH; i++)
		q->tag[i] = (struct tag){ q, i };
}

static int serve(struct recording *s, uint32_t id, unsigned queues, bool encoded)
{
	struct queue *q = mem_zalloc(queues * sizeof(*q));
	struct task *thread[QUEUES_MAX];
	char path[64];

	snprintf(path, sizeof(path), "/dev/ublkc%u", id);
	int device = open(path, O_RDWR | O_CLOEXEC);
	if (device < 0)
		return 1;
	recording_serve(s, give, NULL);
	for (unsigned i = 0; i < queues; i++) {
		q[i] = (struct queue){ .s = s, .nr = i, .encoded = encoded };
		open_queue(&q[i], device);
	}
	for (unsigned i = 0; i < queues; i++)
		thread[i] = rt_spawn("queue", serve_queue, &q[i], NULL);
	for (unsigned i = 0; i < queues; i++)
		rt_join(thread[i]);
	return 0;
}

/* ---- the keeper ---- */

struct keeper {
	int control;
	bool encoded;
	uint32_t id; /* of the device; UINT32_MAX: there is none */
	struct io_uring ring;
	pid_t server;
};

/* One command of the control device. Its result; -EPIPE when the server ends while it runs. */
static int control(struct keeper *k, unsigned op, struct ublksrv_ctrl_cmd cmd)
{
	struct __kernel_timespec step = { .tv_nsec = STEP_MS * 1000000 };
	struct io_uring_sqe *sqe = io_uring_get_sqe(&k->ring);
	struct io_uring_cqe *cqe;

	cmd.queue_id = UINT16_MAX;
	io_uring_prep_rw(IORING_OP_URING_CMD, sqe, k->control, NULL, 0, 0);
	sqe->cmd_op = op == DEL_DEV_ASYNC ? (uint32_t)_IOR('u', DEL_DEV_ASYNC, struct ublksrv_ctrl_cmd) :
		      k->encoded ? (uint32_t)CONTROL_OP(op) : op;
	memcpy(sqe->cmd, &cmd, sizeof(cmd));
	io_uring_submit(&k->ring);
	while (io_uring_wait_cqe_timeout(&k->ring, &cqe, &step))
		if (op == UBLK_CMD_START_DEV && keeper_has_ended(k->server))
			return -EPIPE;
	int ret = cqe->res;
	io_uring_cqe_seen(&k->ring, cqe);
	return ret;
}

static int add_device(struct keeper *k, const struct recording *s, unsigned queues)
{
	struct ublksrv_ctrl_dev_info info = { .nr_hw_queues = (uint16_t)queues, .queue_depth = DEPTH,
		                              .dev_id = UINT32_MAX, .max_io_buf_bytes = IO_BYTES,
		                              .ublksrv_pid = getpid() };
	struct ublk_params params = { .len = sizeof(params), .types = UBLK_PARAM_TYPE_BASIC, .basic = {
		.attrs = UBLK_ATTR_VOLATILE_CACHE | UBLK_ATTR_FUA, .logical_bs_shift = 9, .physical_bs_shift = 12,
		.io_opt_shift = 12, .io_min_shift = 12, .max_sectors = IO_BYTES / 512, .dev_sectors = s->size / 512 } };
	struct ublksrv_ctrl_cmd add = { .dev_id = UINT32_MAX, .addr = (uintptr_t)&info, .len = sizeof(info) };

	k->encoded = true;
	int ret = control(k, UBLK_CMD_ADD_DEV, add);
	if (ret == -EOPNOTSUPP || ret == -EINVAL) {
		k->encoded = false;
		ret = control(k, UBLK_CMD_ADD_DEV, add);
	}
	if (ret < 0)
		return ret;
	k->id = info.dev_id;
	return control(k, UBLK_CMD_SET_PARAMS, (struct ublksrv_ctrl_cmd){ .dev_id = info.dev_id,
		       .addr = (uintptr_t)&params, .len = sizeof(params) });
}

static void delete_device(struct keeper *k)
{
	const struct ublksrv_ctrl_cmd cmd = { .dev_id = k->id };

	control(k, UBLK_CMD_STOP_DEV, cmd);
	if (k->server > 0)
		waitpid(k->server, NULL, 0);
	if (control(k, DEL_DEV_ASYNC, cmd))
		control(k, UBLK_CMD_DEL_DEV, cmd);
}

static pid_t start_server(struct keeper *k, struct recording *s, unsigned queues)
{
	pid_t keeper = getpid(), pid = fork();

	if (pid)
		return pid;
	end_with(keeper);
	close_range(3, ~0u, 0);
	_exit(serve(s, k->id, queues, k->encoded));
}

/* (keeper.h) */
static int keep(struct recording *s, struct keeper_told *told, int life)
{
	unsigned queues = rt_cpus() < QUEUES_MAX ? rt_cpus() : QUEUES_MAX;
	struct keeper k = { .id = UINT32_MAX, .control = open(CONTROL, O_RDWR | O_CLOEXEC) };
	struct io_uring_params how = { .flags = IORING_SETUP_SQE128 };

	if (k.control < 0)
		return keeper_fails(told, -errno, CONTROL);
	int ret = io_uring_queue_init_params(4, &k.ring, &how);
	if (ret)
		return keeper_fails(told, ret, "no ring for " CONTROL);
	ret = add_device(&k, s, queues);
	if (!ret)
		ret = k.server = start_server(&k, s, queues);
	if (ret > 0)
		ret = control(&k, UBLK_CMD_START_DEV, (struct ublksrv_ctrl_cmd){ .dev_id = k.id,
			      .data = { (uint64_t)k.server } });
	if (ret) {
		keeper_fails(told, ret, "a ublk device cannot be made");
	} else {
		snprintf(told->path, sizeof(told->path), "/dev/ublkb%u", k.id);
		keeper_wait(told, k.server, life);
	}
	if (k.id != UINT32_MAX)
		delete_device(&k);
	return ret != 0;
}

/* ---- the driver ---- */

bool recorder_ublk_is_there(void)
{
	return !access(CONTROL, R_OK | W_OK);
}

int recorder_ublk_open(struct recorder *r, struct why *why)
{
	return keeper_start(r, keep, why);
}

void recorder_ublk_close(struct recorder *r)
{
	keeper_end(r);
}
