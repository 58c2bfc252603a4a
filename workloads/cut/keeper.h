/*
 * keeper.h: the process between the driver and a block device that a server of ours serves to the kernel. It makes the
 * device, and takes it away once the driver has let go of it, or has ended: it sees that by a pipe, whose one end the
 * driver holds. So nothing is left behind, however the program ends.
 *
 * The keeper forks the server, which ends with it. It does not hear Ctrl-C: the users of the device are to be done
 * first.
 *
 * Called by the front ends of the recorder that have such a device (recorder_ublk.c, recorder_nbd.c).
 */
#ifndef CUT_KEEPER_H
#define CUT_KEEPER_H

#include "cut/recording.h"

/* What the keeper tells the driver; shared memory. */
struct keeper_told {
	_Atomic int state; /* 0: not yet, 1: the device is there, -errno, with why: it is not */
	char path[64];     /* of the device */
	struct why why;
};

/* ---- for the driver ---- */

/*
 * Forks the keeper, which runs keep() and ends with what that returns, and waits until the device is there. `life` is
 * the pipe's end. Sets r->path, r->block, r->life and r->server, which is the keeper. 0, or -errno with why.
 */
int keeper_start(struct recorder *r, int (*keep)(struct recording *s, struct keeper_told *told, int life),
                 struct why *why);
/* Lets go of the device, and waits until it is gone. */
void keeper_end(struct recorder *r);

/* ---- for the keeper ---- */

/* There is no device: `what` failed with -errno. Returns 1, an exit status. */
int keeper_fails(struct keeper_told *told, int err, const char *what);
/* It is there, with told->path. Returns when the driver has let go of it and it is not mounted, or has no server. */
void keeper_wait(struct keeper_told *told, pid_t server, int life);
/* A child of this process has ended; it is still to be waited for. */
bool keeper_has_ended(pid_t pid);

#endif
