/*
 * verdict.h: all that is said of one crash image: what the oracle finds in what it holds, what a second mount and the
 * file system's checker say, and what the kernel logs meanwhile. A run and a replay of its finding say the same, for
 * both ask here.
 *
 * verdict.1: What keeps an image from being looked at (memory, descriptors, a device that fails, a checker that is not
 *      there or was killed) is an error of the world, never a verdict.
 *
 * Called by cut/cut.c, cut/finding.c and cut/controls.c.
 */
#ifndef CUT_VERDICT_H
#define CUT_VERDICT_H

#include "cut/evidence.h"

struct verdict {
	struct broken_list broken; /* in words */
	uint32_t classes;          /* a bit of each enum cut_class (tally.h); 0: it holds */
	char kernel[320];          /* what the kernel has logged; "" */
	bool mounted;              /* just now: no equal image was known */
};

/* Judges one crash; the slot is open. 0, whatever it is; -errno with why (verdict.1): then *out means nothing. */
int verdict_look(struct evidence *e, const struct cut *c, struct verdict *out, struct why *why);
/*
 * After verdict_look() of the same crash: its image is mounted again, for writing, and its checker looks at it. What
 * they say is added. As verdict_look(); an image that does not mount is not looked at.
 */
int verdict_check(struct evidence *e, const struct cut *c, struct verdict *v, struct why *why);

#endif
