/*
 * check_replay.c: is the replay of the log idempotent (rules.11)? An image is copied to a device of its own,
 * mounted for writing (which replays the log and commits), unmounted and read again. With `replays`, it is also
 * crashed at every epoch of that, and a second replay must bring back the same.
 *
 * The mount's tasks are fibers of a controlled run without choices: no thread is made for an image.
 */
#include <stdio.h>
#include <stdlib.h>

#include "oracle/check.h"
#include "pick/pickers.h"
#include "rt/coop.h"
#include "machine/mem.h"

#define COPY_PIECE 65536u

/* The second mount of an image. */
struct second {
	struct judge *j;
	struct dev *copy;
	const struct recovered *first; /* what the judge has read of the image, mounted read-only */
	struct broken_list *out;
	const struct cut_budget *replays;
	uint32_t n;
	int err; /* of the mount for writing, or of the unmount */
	struct why why;
	struct recovered *mounted; /* what it held while mounted for writing */
};

static void add(struct second *s, const char *when, const char *how)
{
	s->n++;
	if (!s->out || s->out->n++ >= BROKEN_MAX)
		return;
	struct broken *b = &s->out->b[s->out->n - 1];
	*b = (struct broken){ .kind = BROKEN_REPLAY };
	snprintf(b->text, sizeof(b->text), "%s: %s", when, how);
}

static int copy_image(struct judge *j, const struct cut *c, struct dev **out)
{
	void *buf = mem_alloc_pages(COPY_PIECE);
	struct dev *image;

	int ret = ram_open(j->dev->size, out);
	CHECK(!ret);
	ret = powercut_image(j->dev, c, &image);
	for (uint64_t at = 0; at < j->dev->size && !ret; at += COPY_PIECE) {
		uint32_t len = j->dev->size - at < COPY_PIECE ? (uint32_t)(j->dev->size - at) : COPY_PIECE;
		ret = dev_read(image, at, buf, len);
		if (!ret)
			ret = dev_write(*out, at, buf, len, 0);
	}
	dev_close(image);
	free(buf);
	return ret;
}

static void mount_for_writing(void *arg)
{
	struct second *s = arg;
	struct mount_options o = { .no_background = true };
	struct fs *fs;

	s->err = fs_mount(s->copy, &o, &fs, &s->why);
	if (s->err)
		return;
	s->mounted = recover_mounted(fs);
	s->err = fs_unmount(fs);
	if (s->err)
		why_set(&s->why, s->err, "unmount after replay failed (%d)", s->err);
	dev_drain(s->copy);
}

/* r must be what the image held at first. */
static void compare(struct second *s, const char *when, const struct recovered *r)
{
	char how[200];

	if (!recovered_same(s->first, r, how, sizeof(how)))
		add(s, when, how);
}

static int crashed_again(void *arg, const struct cut *c)
{
	struct second *s = arg;
	struct dev *image;

	int ret = powercut_image(s->copy, c, &image);
	CHECK(!ret);
	struct recovered *r = recover_image(image);
	dev_close(image);
	s->j->images_judged++;
	s->j->images_mounted++;
	compare(s, "crash during replay, replayed again", r);
	recovered_free(r);
	return 0;
}

static int crash_in_replay(void *arg, const struct epoch *e)
{
	struct second *s = arg;

	return powercut_cuts(s->copy, e, s->replays, crashed_again, s);
}

static void mount_and_compare(struct second *s)
{
	struct coop_config cfg = { .picker = &pick_random };
	struct coop_result res;
	const char *err = NULL;

	cfg.picker_state = pick_random.create("", &err);
	powercut_start(s->copy);
	coop_run(&cfg, mount_for_writing, s, &res);
	pick_random.destroy(cfg.picker_state);
	if (res.end != COOP_FINISHED)
		add(s, "mounting for writing", res.why);
	else if (s->err)
		add(s, "mounting for writing", s->why.text);
	if (s->mounted)
		compare(s, "mounted for writing", s->mounted);
	if (s->replays)
		powercut_epochs(s->copy, crash_in_replay, s);
	powercut_stop(s->copy);
	if (!s->err && res.end == COOP_FINISHED) {
		struct recovered *again = recover_image(s->copy);

		compare(s, "mounted again after replay", again);
		recovered_free(again);
	}
	if (s->mounted)
		recovered_free(s->mounted);
}

uint32_t judge_cut_fully(struct judge *j, const struct cut *c, const struct cut_budget *replays,
                         struct broken_list *out)
{
	struct second s = { .j = j, .out = out, .replays = replays };
	uint32_t n = judge_cut(j, c, out);

	s.first = judge_look(j, c, NULL);
	if (s.first->err)
		return n;
	int ret = copy_image(j, c, &s.copy);
	CHECK(!ret);
	mount_and_compare(&s);
	dev_close(s.copy);
	return n + s.n;
}
