/*
 * uring.c: write + fsync of postfix through io_uring against the same through system calls and
 * AIO: uring: must never be the slower one.
 *
 * Two file systems, each on a file of its own beside the other, take turns operation by operation (A B B A),
 * so that what drifts in the machine within a second meets both alike.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "figures/figures.h"
#include "figures/rig.h"
#include "figures/turns.h"
#include "dev/facts.h"
#include "machine/mem.h"

#define NAME "uring: / file:, write + fsync p50"
#define OPS  2500u
#define WARM 50u

static const char *const back_end[] = { "file", "uring" };

struct side {
	char path[PATH_MAX], device[PATH_MAX + 64];
	struct rig rig;
	double *ns;
	bool open;
};

static int open_side(struct self *s, struct side *side, unsigned i, struct why *why)
{
	struct rig_spec spec = { .device = side->device, .design = "postfix", .files = 1, .file_blocks = 1024 };
	char name[64];
	int ret;

	snprintf(name, sizeof(name), "bench-self-%s.img", back_end[i]);
	self_scratch(s, name, side->path, sizeof(side->path));
	snprintf(side->device, sizeof(side->device), "%s:%.3040s,size=128m", back_end[i], side->path);
	side->ns = mem_alloc(sizeof(*side->ns) * OPS);
	ret = rig_open(&side->rig, &spec, why);
	side->open = !ret;
	for (unsigned k = 0; k < WARM && !ret; k++)
		rig_write_fsync(&side->rig, 0);
	return ret;
}

static void close_side(struct side *side)
{
	if (side->open)
		rig_close(&side->rig);
	free(side->ns);
}

static double timed_op(struct side *side)
{
	uint64_t begin = rt_now();

	rig_write_fsync(&side->rig, 0);
	return (double)(rt_now() - begin);
}

static void take_turns(struct self *s, struct side side[2])
{
	struct dev_facts facts = { .n = 0 };
	double p50[2];

	for (unsigned i = 0; i < OPS; i++)
		for (unsigned k = 0; k < 2; k++) {
			unsigned which = k ^ (i & 1);
			side[which].ns[i] = timed_op(&side[which]);
		}
	for (unsigned i = 0; i < 2; i++)
		p50[i] = median(side[i].ns, OPS);
	dev_facts(side[1].rig.dev, &facts);
	if (!facts_get(&facts, "flush")[0]) {
		self_missing(s, NAME, "%s", side[1].rig.dev->notice);
		return;
	}
	self_figure(s, NAME, p50[1] / p50[0], AT_MOST, 1.02, "x");
	self_info(s, "p50: file: %.1f us, uring: %.1f us; flush by %s", p50[0] / 1e3, p50[1] / 1e3,
	          facts_get(&facts, "flush"));
}

void self_uring(struct self *s)
{
	struct side *side = mem_zalloc(2 * sizeof(*side));
	struct why why;
	int ret = 0;

	for (unsigned i = 0; i < 2 && !ret; i++)
		ret = open_side(s, &side[i], i, &why);
	if (ret)
		self_missing(s, NAME, "%s", why.text);
	else
		take_turns(s, side);
	for (unsigned i = 0; i < 2; i++)
		close_side(&side[i]);
	free(side);
}
