/*
 * dpor_save.c: where an exhaustive search stands, as text, and back: the branch of choices, and what was tried beside
 * it. The text is valid for the same program, scenario and part only; the caller writes down which these are.
 */
#include <errno.h>
#include <inttypes.h>

#include "pick/dpor.h"

#define BIT(id) (1ull << (id))

/* ---- out ---- */

static void save_foot(const struct dpor_foot *f, FILE *out)
{
	fprintf(out, " %" PRIu32, f->n);
	for (uint32_t i = 0; i < f->n; i++)
		fprintf(out, " %" PRIu32 "/%u", f->a[i].obj, f->a[i].kind);
}

static void save_node(const struct dpor_node *n, FILE *out)
{
	fprintf(out, "node %" PRIx64 " %" PRIx64 " %" PRIx64 " %" PRIx64, n->enabled, n->backtrack, n->done, n->sleep);
	fprintf(out, " %" PRIu32 " %" PRIu32 " %d", n->pick, n->current, n->could_go_on);
	fprintf(out, " %" PRIu32 " %" PRIu32, n->used, n->block);
	save_foot(&n->event, out);
	for (uint64_t left = n->done | BIT(n->pick); left; left &= left - 1)
		save_foot(&n->tried[__builtin_ctzll(left)], out);
	fprintf(out, "\n");
}

void dpor_save(const struct dpor *d, FILE *out)
{
	fprintf(out, "%d %" PRIu32 " %" PRIu32 " %d", d->mode, d->preemptions, d->deepen_to, d->limited);
	fprintf(out, " %" PRIu32 " %" PRIu32 " %" PRIu64, d->part, d->parts, d->prefixes);
	fprintf(out, " %" PRIu32 " %" PRIu32 "\n", d->n, d->nchoices);
	for (uint32_t i = 0; i < d->nchoices; i++) {
		const struct dpor_choice *c = &d->choice[i];
		fprintf(out, "data %" PRIu32 " %" PRIu32 " %" PRIu32 "\n", c->at, c->value, c->of);
	}
	for (uint32_t i = 0; i < d->n; i++)
		save_node(d->node[i], out);
}

/* ---- in ---- */

static bool load_foot(struct dpor_foot *f, FILE *in)
{
	uint32_t n;

	f->n = 0;
	if (fscanf(in, "%" SCNu32, &n) != 1)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		struct dpor_access a;
		if (fscanf(in, "%" SCNu32 "/%" SCNu8, &a.obj, &a.kind) != 2 || a.kind > DPOR_OPEN)
			return false;
		dpor_foot_add(f, a);
	}
	return true;
}

static bool load_node(struct dpor *d, uint32_t i, FILE *in)
{
	struct dpor_node *n = dpor_node_at(d, i);
	int could;

	if (fscanf(in, " node %" SCNx64 " %" SCNx64 " %" SCNx64 " %" SCNx64, &n->enabled, &n->backtrack, &n->done,
	           &n->sleep) != 4 ||
	    fscanf(in, "%" SCNu32 "%" SCNu32 "%d", &n->pick, &n->current, &could) != 3 ||
	    fscanf(in, "%" SCNu32 "%" SCNu32, &n->used, &n->block) != 2)
		return false;
	if (n->pick >= COOP_TASKS_MAX || !(n->enabled & BIT(n->pick)) || n->current >= COOP_TASKS_MAX || n->block > i)
		return false;
	n->could_go_on = could;
	if (!load_foot(&n->event, in))
		return false;
	for (uint64_t left = n->done | BIT(n->pick); left; left &= left - 1)
		if (!load_foot(&n->tried[__builtin_ctzll(left)], in))
			return false;
	for (uint64_t left = n->sleep; left; left &= left - 1)
		if (!i || !dpor_sleeps_by(n, d->node[i - 1], (uint32_t)__builtin_ctzll(left)))
			return false;
	return true;
}

static bool load_choice(struct dpor *d, uint32_t i, FILE *in)
{
	struct dpor_choice *c = &d->choice[i];

	return fscanf(in, " data %" SCNu32 " %" SCNu32 " %" SCNu32, &c->at, &c->value, &c->of) == 3 && c->value < c->of;
}

int dpor_load(struct dpor *d, FILE *in)
{
	uint32_t preemptions, deepen_to, part, parts, n;
	int mode, limited;

	if (fscanf(in, "%d %" SCNu32 "%" SCNu32 "%d", &mode, &preemptions, &deepen_to, &limited) != 4 ||
	    fscanf(in, "%" SCNu32 "%" SCNu32 "%" SCNu64, &part, &parts, &d->prefixes) != 3 ||
	    fscanf(in, "%" SCNu32 "%" SCNu32, &n, &d->nchoices) != 2)
		return -EINVAL;
	if (mode != (int)d->mode || deepen_to != d->deepen_to || part != d->part || parts != d->parts)
		return -EINVAL;
	if (preemptions != d->preemptions && (preemptions < d->preemptions || preemptions > deepen_to))
		return -EINVAL;
	d->preemptions = preemptions;
	d->limited = limited;
	if (n > DPOR_EVENTS || d->nchoices > DPOR_EVENTS)
		return -EINVAL;
	for (uint32_t i = 0; i < d->nchoices; i++)
		if (!load_choice(d, i, in))
			return -EINVAL;
	for (d->n = 0; d->n < n; d->n++)
		if (!load_node(d, d->n, in))
			return -EINVAL;
	d->recorded = d->n;
	d->begun = true;
	return 0;
}
