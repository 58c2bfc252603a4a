/*
 * claim.h: whether a file or block device that a user named may be written over: the one check, for all who open
 * something as a device.
 *
 * claim.1: Nothing is overwritten that is not ours. A file is ours when it is empty or begins with CLAIM_MARK, which
 *      is written when it is made. A block device never is. `force` says that what is there may be lost.
 * claim.2: Nothing that is in use is ever opened, forced or not: what is mounted (itself, a part of it, or a loop
 *      device over it), swap, a part of an array or of a mapped device, what a loop device lies over, what another
 *      program has locked.
 * claim.3: What one run uses, no other run of ours does: a claimed file is locked (flock) until the program ends, so
 *      also between two trials that each open it.
 *
 * Called by file_open.c, and by the targets and the floor for what they open themselves. Not for two tasks at once.
 */
#ifndef DEV_CLAIM_H
#define DEV_CLAIM_H

#include <stdbool.h>

#include "base/why.h"

#define CLAIM_MARK      "FSSTORM"
#define CLAIM_MARK_SIZE 8 /* with its zero */

/*
 * Claims what is there. 0; -EPERM: not ours, and not forced; -EBUSY: in use; -EINVAL: neither a file nor a block
 * device; or another -errno; each with why. Nothing is written, and nothing there is changed.
 */
int claim(const char *path, bool force, struct why *why);

/*
 * Gives a claim up before the program ends: what lies there is to go, and an open descriptor would keep it, as that of
 * a loop device does. Nothing of this program uses it any more. Without a claim: nothing happens.
 */
void unclaim(const char *path);

#endif
