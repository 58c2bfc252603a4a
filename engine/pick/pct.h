/*
 * pct.h: what a state of pick_pct drew for its last run. Called by hunt/certificate.c, which adds up what runs promise.
 */
#ifndef PICK_PCT_H
#define PICK_PCT_H

#include <stdint.h>

#define PCT_D_AUTO_MIN 2u /* what d=auto draws from */
#define PCT_D_AUTO_MAX 6u

struct pct_drawn {
	unsigned d;
	uint32_t steps; /* change points were drawn from the first so many decisions */
	uint32_t tasks; /* that had a priority */
};

void pct_drawn(const void *state, struct pct_drawn *out);

#endif
