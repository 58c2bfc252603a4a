/* verdict.c: see verdict.h. */
#include "cut/verdict.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cut/tally.h"

/* What the world or the kernel has said since the last mount. */
static int take_words(struct evidence *e, struct verdict *v, struct why *why)
{
	char said[sizeof(v->kernel)];

	if (e->slot.failed)
		return why_set(why, e->slot.failed, "a crash image cannot be looked at: %s", e->slot.why.text);
	switch (klog_complains(&e->klog, e->slot.path + strlen("/dev/"), said, sizeof(said))) {
	case KLOG_DEVICE:
		return why_set(why, -EIO, "a crash image cannot be looked at: its device failed: %s", said);
	case KLOG_COMPLAINT:
		if (v->classes >> CUT_UNMOUNTABLE & 1) /* that is said */
			return 0;
		v->classes |= 1u << CUT_KERNEL;
		if (!v->kernel[0])
			memcpy(v->kernel, said, sizeof(v->kernel));
		return 0;
	case KLOG_QUIET:
		break;
	}
	return 0;
}

int verdict_look(struct evidence *e, const struct cut *c, struct verdict *out, struct why *why)
{
	*out = (struct verdict){ .classes = 0 };
	e->looked = false;
	evidence_judge(e, c, &out->broken);
	for (uint32_t i = 0; i < out->broken.n && i < BROKEN_MAX; i++)
		out->classes |= 1u << cut_class_of(&out->broken.b[i]);
	out->mounted = e->looked;
	return out->mounted ? take_words(e, out, why) : 0;
}

/* The image lies in the slot, as its first mount leaves it. */
static void put_again(struct evidence *e, const struct cut *c)
{
	struct dev *image;

	if (e->looked)
		return;
	powercut_image(e->dev, c, &image);
	slot_put(&e->slot, image);
	dev_close(image);
	recovered_free(slot_look(&e->slot));
	e->looked = true;
}

static void add(struct verdict *v, enum cut_class class, enum broken_kind kind, const char *text)
{
	v->classes |= 1u << class;
	evidence_add_broken(&v->broken, kind, text);
}

int verdict_check(struct evidence *e, const struct cut *c, struct verdict *v, struct why *why)
{
	const struct recovered *first = judge_look(e->judge, c, NULL);
	struct recovered *again;
	struct why said;
	char how[200];
	int ret;

	if (first->err)
		return 0;
	put_again(e, c);
	ret = slot_check(&e->slot, &again, &said);
	if (ret == 1)
		add(v, CUT_FSCK, BROKEN_WHOLE, said.text);
	if (!recovered_same(first, again, how, sizeof(how)))
		add(v, CUT_REPLAY, BROKEN_REPLAY, how);
	recovered_free(again);
	if (ret < 0 && !e->slot.failed)
		return why_set(why, ret, "a crash image cannot be checked: %s", said.text);
	return take_words(e, v, why);
}
