/*
 * recorder_nbd.c: the recorded device as a network block device of the kernel, which a process of ours serves: see
 * recorder.h, recording.h. FUA comes as FUA, and each connection may have a flush of its own in flight. The kernels
 * that have no ublk yet (before 6.0) have it.
 *
 * A connection is a pair of sockets, and a thread of the server has one. A keeper (keeper.h) gives the other ends to
 * the kernel. A task of it is in the kernel for as long as the device lives (NBD_DO_IT), and the kernel takes the
 * device down when that task is killed, or when the server has ended and all connections with it.
 *
 * The source: the protocol's transmission phase, with simple replies (the NBD project, doc/proto.md).
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/fs.h>
#include <linux/nbd.h>

#include "base/check.h"
#include "base/stop.h"
#include "cut/keeper.h"
#include "cut/recording.h"
#include "machine/mem.h"
#include "rt/rt.h"

#define CONNECTIONS_MAX 4u
#define IO_BYTES        (32u << 20) /* of one request, at most: the kernel's own bound */
#define TYPE_MASK       0xffffu     /* of a request's type, which has flags above */
#define NS              1000000000u
#define POLL_MS         2

/* ---- the server ---- */

struct connection {
	struct recording *s;
	int socket;
	uint8_t *buf;         /* IO_BYTES, of the request that is being taken */
	pthread_mutex_t lock; /* of sending: any thread of the server does */
};

/* A request whose reply is still to be sent. */
struct pending {
	struct connection *c;
	char handle[8];
};

static bool receive(int socket, void *to, size_t n)
{
	return recv(socket, to, n, MSG_WAITALL) == (ssize_t)n;
}

/* error: one of the protocol's, which are Linux's. A reply that cannot be sent is of a device that goes. */
static void reply(struct connection *c, const char handle[8], uint32_t error, const void *data, size_t n)
{
	struct nbd_reply head = { .magic = htobe32(NBD_REPLY_MAGIC), .error = htobe32(error) };
	const uint8_t *at = data;
	ssize_t sent;

	memcpy(head.handle, handle, sizeof(head.handle));
	pthread_mutex_lock(&c->lock);
	sent = send(c->socket, &head, sizeof(head), MSG_NOSIGNAL | (n ? MSG_MORE : 0));
	for (; sent > 0 && n; at += sent, n -= (size_t)sent) {
		sent = send(c->socket, at, n, MSG_NOSIGNAL);
		if (sent < 0)
			break;
	}
	pthread_mutex_unlock(&c->lock);
}

static void give(const struct request *r)
{
	struct pending *p = r->of;

	reply(p->c, p->handle, 0, NULL, 0);
	free(p);
}

static struct pending *pending(struct connection *c, const struct nbd_request *q)
{
	struct pending *p = mem_alloc(sizeof(*p));

	p->c = c;
	memcpy(p->handle, q->handle, sizeof(p->handle));
	return p;
}

/* False: the device goes, or what came is no request. */
static bool serve_request(struct connection *c, const struct nbd_request *q)
{
	uint32_t type = be32toh(q->type), len = be32toh(q->len);
	uint64_t off = be64toh(q->from);
	bool moves = (type & TYPE_MASK) == NBD_CMD_READ || (type & TYPE_MASK) == NBD_CMD_WRITE;

	if (be32toh(q->magic) != NBD_REQUEST_MAGIC || (moves && len > IO_BYTES))
		return false;
	if ((type & TYPE_MASK) == NBD_CMD_WRITE && !receive(c->socket, c->buf, len))
		return false;
	if (moves && (!len || !recording_has(c->s, off, len))) {
		reply(c, q->handle, EINVAL, NULL, 0);
		return true;
	}
	switch (type & TYPE_MASK) {
	case NBD_CMD_READ:
		reply(c, q->handle, 0, c->s->bytes + off, len);
		return true;
	case NBD_CMD_WRITE:
		recording_write(pending(c, q), off, len, c->buf, type & NBD_CMD_FLAG_FUA);
		return true;
	case NBD_CMD_FLUSH:
		recording_flush(pending(c, q));
		return true;
	case NBD_CMD_DISC:
		return false;
	}
	reply(c, q->handle, EINVAL, NULL, 0);
	return true;
}

/* A thread of the server. It ends with the device. */
static void serve_connection(void *arg)
{
	struct connection *c = arg;
	struct pollfd in = { .fd = c->socket, .events = POLLIN };
	struct nbd_request q;

	for (;;) {
		uint64_t wait = recording_release() + 1;
		struct timespec ts = { .tv_sec = (time_t)(wait / NS), .tv_nsec = (long)(wait % NS) };
		if (ppoll(&in, 1, &ts, NULL) <= 0)
			continue;
		if (!receive(c->socket, &q, sizeof(q)) || !serve_request(c, &q))
			return;
	}
}

static int serve(struct recording *s, const int *socket, unsigned n)
{
	struct connection c[CONNECTIONS_MAX];
	struct task *thread[CONNECTIONS_MAX];

	recording_serve(s, give, NULL);
	for (unsigned i = 0; i < n; i++) {
		c[i] = (struct connection){ .s = s, .socket = socket[i] };
		c[i].buf = mmap(NULL, IO_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
		                0);
		CHECK(c[i].buf != MAP_FAILED);
		pthread_mutex_init(&c[i].lock, NULL);
		thread[i] = rt_spawn("connection", serve_connection, &c[i], NULL);
	}
	for (unsigned i = 0; i < n; i++)
		rt_join(thread[i]);
	return 0;
}

/* ---- the keeper ---- */

struct keeper {
	struct recording *s;
	unsigned n;
	int kernels[CONNECTIONS_MAX], ours[CONNECTIONS_MAX]; /* ends */
	_Atomic int device; /* its descriptor; -1: not yet */
	unsigned nr;       /* of the device */
	_Atomic int ended; /* the device has ended, or was not made: 1, or -errno */
	pid_t server;
};

/* It has connections. */
static bool is_taken(unsigned nr)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/block/nbd%u/pid", nr);
	return !access(path, F_OK);
}

/* It has its size, which the kernel gives it last. */
static bool is_up(const struct keeper *k)
{
	uint64_t size = 0;

	return is_taken(k->nr) && !ioctl(k->device, BLKGETSIZE64, &size) && size == k->s->size;
}

/* The first device that is nobody's takes the first connection, and is ours by that. 0, or -errno. */
static int take_device(struct keeper *k)
{
	char path[64];

	for (k->nr = 0;; k->nr++) {
		snprintf(path, sizeof(path), "/dev/nbd%u", k->nr);
		if (!access(path, F_OK) && is_taken(k->nr))
			continue;
		int fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			return errno == ENOENT ? -EBUSY : -errno;
		if (!ioctl(fd, NBD_SET_SOCK, k->kernels[0])) {
			atomic_store(&k->device, fd);
			return 0;
		}
		int error = errno;
		close(fd);
		if (error != EBUSY)
			return -error;
	}
}

static int set_up(struct keeper *k)
{
	unsigned flags = NBD_FLAG_HAS_FLAGS | NBD_FLAG_SEND_FLUSH | NBD_FLAG_SEND_FUA | NBD_FLAG_CAN_MULTI_CONN;
	int ret = take_device(k);

	if (ret)
		return ret;
	for (unsigned i = 1; i < k->n; i++)
		if (ioctl(k->device, NBD_SET_SOCK, k->kernels[i]))
			return -errno;
	if (ioctl(k->device, NBD_SET_BLKSIZE, (unsigned long)DEV_BLOCK) ||
	    ioctl(k->device, NBD_SET_SIZE_BLOCKS, (unsigned long)(k->s->size / DEV_BLOCK)) ||
	    ioctl(k->device, NBD_SET_FLAGS, (unsigned long)flags))
		return -errno;
	for (unsigned i = 0; i < k->n; i++)
		close(k->kernels[i]); /* the kernel has its own */
	return 0;
}

/* The task that is in the kernel. It alone sets the device up: the kernel refuses a connection from any other. */
static void be_the_device(void *arg)
{
	struct keeper *k = arg;
	int ret = set_up(k);

	if (!ret && ioctl(k->device, NBD_DO_IT) && errno != ESHUTDOWN)
		ret = -errno;
	atomic_store(&k->ended, ret ? ret : 1);
}

static int start_server(struct keeper *k)
{
	pid_t keeper = getpid();

	for (unsigned i = 0; i < k->n; i++) {
		int end[2];
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, end))
			return -errno;
		k->kernels[i] = end[0];
		k->ours[i] = end[1];
	}
	k->server = fork();
	if (k->server < 0)
		return -errno;
	if (!k->server) {
		end_with(keeper);
		for (unsigned i = 0; i < k->n; i++)
			close(k->kernels[i]);
		_exit(serve(k->s, k->ours, k->n));
	}
	for (unsigned i = 0; i < k->n; i++)
		close(k->ours[i]);
	return 0;
}

/* (keeper.h) */
static int keep(struct recording *s, struct keeper_told *told, int life)
{
	struct keeper k = { .s = s, .n = rt_cpus() < CONNECTIONS_MAX ? rt_cpus() : CONNECTIONS_MAX, .device = -1 };
	int ret = start_server(&k);

	if (ret)
		return keeper_fails(told, ret, "no server of an NBD device");
	struct task *device = rt_spawn("device", be_the_device, &k, NULL);
	while (!atomic_load(&k.ended) && !(k.device >= 0 && is_up(&k)))
		poll(NULL, 0, POLL_MS);
	if (atomic_load(&k.ended)) {
		ret = atomic_load(&k.ended);
		return keeper_fails(told, ret < 0 ? ret : -EPIPE, ret == -EBUSY ? "no NBD device is free" :
		                    "an NBD device cannot be made");
	}
	snprintf(told->path, sizeof(told->path), "/dev/nbd%u", k.nr);
	keeper_wait(told, k.server, life);
	ioctl(k.device, NBD_DISCONNECT);
	rt_join(device);
	waitpid(k.server, NULL, 0);
	return 0;
}

/* ---- the driver ---- */

bool recorder_nbd_is_there(void)
{
	return !access("/sys/module/nbd", F_OK) && !access("/dev/nbd0", R_OK | W_OK);
}

int recorder_nbd_open(struct recorder *r, struct why *why)
{
	return keeper_start(r, keep, why);
}

void recorder_nbd_close(struct recorder *r)
{
	keeper_end(r);
}
