/*
 * player.h: plays the I/O of a tape again: the same writes in the same order and with the
 * same parallelism, the same flushes, and nothing between them. That is the floor under the workload that was
 * taped.
 *
 * player.1: If the tape says that an I/O was done before the next submission, it is waited for before that submission.
 *
 * Reads on the tape are not played: they are a cost of the workload.
 *
 * There are two players, and the faster one is the floor: through dev.h, and by bare system calls (the writes of one
 * burst in one io_submit).
 */
#ifndef FIGURES_PLAYER_H
#define FIGURES_PLAYER_H

#include "dev/dev.h"
#include "dev/tape.h"

struct player;

/* Through dev.h. */
struct player *player_on_dev(struct dev *d, const struct tape *t);
/* By system calls on the file at path (O_DIRECT when direct). NULL and errno when it cannot be opened. */
struct player *player_on_file(const char *path, bool direct, const struct tape *t);
void player_free(struct player *p);

/*
 * Plays from event `at` up to the next mark: *at is after it. 0, -errno, or -ENODATA when the tape has
 * come to its end.
 */
int player_play(struct player *p, uint32_t *at);

#endif
