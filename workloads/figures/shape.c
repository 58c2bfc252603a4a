/*
 * shape.c: write + fsync of postfix on a file, one task, against a replay of the very I/O it
 * does: what is above 1 is the engine's own.
 *
 * The shape is taped once; then engine and two kinds of replay take turns on the same file, written in
 * full before. The ratio is to the faster replay.
 *
 * The engine's turn begins with a fresh file system: a replay writes over the last one.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "figures/figures.h"
#include "figures/player.h"
#include "figures/rig.h"
#include "figures/turns.h"
#include "machine/mem.h"

#define NAME   "write + fsync / replay of its I/O"
#define BLOCKS 12
#define OPS    200
#define WARM   20
#define EVENTS (OPS * 64)

struct shape {
	char path[PATH_MAX], device[PATH_MAX + 32];
	bool direct;
	struct tape tape;
	struct why why;
	int ret;
};

static int open_rig(struct shape *h, struct rig *g)
{
	struct rig_spec spec = { .device = h->device, .design = "postfix", .files = 1, .file_blocks = 1024 };
	int ret = rig_open(g, &spec, &h->why);

	if (ret)
		return ret;
	for (unsigned i = 0; i < WARM; i++)
		rig_write_fsync(g, 0);
	return 0;
}

static int record_shape(struct shape *h)
{
	struct rig rig;
	int ret = open_rig(h, &rig);

	if (ret)
		return ret;
	h->direct = !rig.dev->notice[0];
	tape_start(rig.dev, &h->tape, EVENTS);
	for (unsigned i = 0; i < OPS; i++) {
		rig_write_fsync(&rig, 0);
		tape_mark(rig.dev);
	}
	tape_stop(rig.dev);
	rig_close(&rig);
	if (h->tape.full)
		return why_set(&h->why, -ENOSPC, "an fsync has more I/O than the tape holds");
	return 0;
}

/* ---- the turns: p50 of one block ---- */

static double engine_p50(void *arg)
{
	struct shape *h = arg;
	double ns[OPS];
	struct rig rig;

	h->ret = h->ret ? h->ret : open_rig(h, &rig);
	if (h->ret)
		return 0;
	for (unsigned i = 0; i < OPS; i++) {
		uint64_t begin = rt_now();
		rig_write_fsync(&rig, 0);
		ns[i] = (double)(rt_now() - begin);
	}
	rig_close(&rig);
	return median(ns, OPS);
}

static int play_all(struct player *p, double *ns)
{
	uint32_t at = 0;
	int ret = 0;

	for (unsigned i = 0; i < OPS && !ret; i++) {
		uint64_t begin = rt_now();
		ret = player_play(p, &at);
		ns[i] = (double)(rt_now() - begin);
	}
	return ret;
}

static double replay_p50(struct shape *h, struct player *p)
{
	double ns[OPS];
	int ret = play_all(p, ns); /* warm */

	if (!ret)
		ret = play_all(p, ns);
	player_free(p);
	if (ret) {
		h->ret = why_set(&h->why, ret, "replay: %s", strerror(-ret));
		return 0;
	}
	return median(ns, OPS);
}

static double door_p50(void *arg)
{
	struct shape *h = arg;
	struct dev *d;
	double p50;

	h->ret = h->ret ? h->ret : dev_open(h->device, false, &d, &h->why);
	if (h->ret)
		return 0;
	p50 = replay_p50(h, player_on_dev(d, &h->tape));
	dev_close(d);
	return p50;
}

static double calls_p50(void *arg)
{
	struct shape *h = arg;
	struct player *p = player_on_file(h->path, h->direct, &h->tape);

	if (!p) {
		h->ret = why_set(&h->why, -errno, "%s: %s", h->path, strerror(errno));
		return 0;
	}
	return replay_p50(h, p);
}

static void describe(struct self *s, const struct tape *t)
{
	unsigned n[3] = { 0 }, fua = 0;

	for (uint32_t i = 0; i < t->n; i++) {
		if (t->event[i].kind <= TAPE_READ)
			n[t->event[i].kind]++;
		fua += t->event[i].kind == TAPE_WRITE && t->event[i].fua;
	}
	self_info(s,
	          "I/O per write + fsync: %.2f writes, of them %.2f FUA, and %.2f flushes; %.2f reads (not replayed)",
	          (double)n[TAPE_WRITE] / OPS, (double)fua / OPS, (double)n[TAPE_FLUSH] / OPS,
	          (double)n[TAPE_READ] / OPS);
}

static void take_turns(struct self *s, struct shape *h)
{
	struct turn turn[] = { { engine_p50, h, NULL }, { door_p50, h, NULL }, { calls_p50, h, NULL } };
	double door, calls;

	turns_run(turn, 3, BLOCKS);
	door = median(turn[1].value, BLOCKS);
	calls = median(turn[2].value, BLOCKS);
	if (h->ret) {
		self_missing(s, NAME, "%s", h->why.text);
	} else {
		self_figure(s, NAME, turns_ratio(&turn[0], &turn[calls < door ? 2 : 1], BLOCKS), AT_MOST, 1.25, "x");
		self_info(s,
		          "p50: engine %.1f us; replay through the device's door %.1f us, by bare system calls %.1f us",
		          median(turn[0].value, BLOCKS) / 1e3, door / 1e3, calls / 1e3);
	}
	turns_free(turn, 3);
}

void self_shape(struct self *s)
{
	struct shape *h = mem_zalloc(sizeof(*h));

	self_scratch(s, "bench-self.img", h->path, sizeof(h->path));
	snprintf(h->device, sizeof(h->device), "file:%.3010s,size=128m", h->path);
	if (record_shape(h)) {
		self_missing(s, NAME, "%s", h->why.text);
	} else {
		describe(s, &h->tape);
		take_turns(s, h);
	}
	tape_free(&h->tape);
	free(h);
}
