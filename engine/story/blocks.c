/* blocks.c: what each block of the broken file was, and is after the crash and replay. See story.h. */
#include <stdio.h>
#include <string.h>

#include "hunt/judge.h"
#include "oracle/rules.h"
#include "story/story.h"

static void seen_text(const struct recovered_block *b, char *buf, unsigned size)
{
	if (b->err)
		snprintf(buf, size, "cannot be read (EIO)");
	else if (b->each)
		snprintf(buf, size, "parts of several");
	else if (b->first.kind == SEEN_VERSION)
		snprintf(buf, size, "version %u", b->first.stamp.version);
	else
		snprintf(buf, size, "%s", b->first.kind == SEEN_ZEROS ? "zeros" : "garbage");
}

static void tell_block(const struct story *s, const struct model_file *f, const struct recovered_file *rf,
                       uint32_t block, struct told_block *t)
{
	struct due d = rules_sector_due(s->h->run.model, s->v->crash.pos, f, (uint64_t)block * BLOCK_SECTORS);

	*t = (struct told_block){ .file = f->name, .block = block, .newest = d.newest, .promised = d.promised,
		                  .broken = block == s->v->broken.block };
	if (block < rf->nblocks)
		seen_text(&rf->block[block], t->after, sizeof(t->after));
	else
		snprintf(t->after, sizeof(t->after), "is beyond the end");
}

uint32_t story_tell_blocks(const struct story *s, struct told_block told[TOLD_BLOCKS])
{
	bool of_file = s->v->kind == VIOLATION_PROMISE && s->v->broken.file[0];
	struct recovered *r = of_file ? hunt_recover_crash(s->h, &s->v->crash) : NULL;
	uint32_t n = 0;

	for (uint32_t i = 0; r && i < r->nfiles; i++) {
		const struct recovered_file *rf = &r->file[i];
		const struct model_file *f = model_find(s->h->run.model, rf->subvol, rf->name, rf->ino);
		if (!f || strcmp(f->name, s->v->broken.file) || f->subvol != s->v->broken.subvol)
			continue;
		for (uint32_t k = 0; k < rf->nblocks && n < TOLD_BLOCKS; k++)
			tell_block(s, f, rf, k, &told[n++]);
	}
	if (r)
		recovered_free(r);
	return n;
}
