/*
 * draw.h: programs and options drawn by chance, as the text of a scenario (scene/scene.h). What an enumeration of short
 * programs (explore.h) cannot reach, because there are too many: more calls, more files, options and faults at once.
 *
 * A text follows from its number alone, and says all of its program: no other state is needed to run it again.
 *
 * Called by sweep.c and by tests.
 */
#ifndef HUNTED_DRAW_H
#define HUNTED_DRAW_H

#include <stddef.h>
#include <stdint.h>

#define DRAW_TEXT_MAX 4096u

/*
 * A program of 1 to 3 threads, with its files, options and faults. A few are no scenario: they name a file that no line
 * makes. Returns buf.
 */
const char *draw_program(uint64_t seed, char *buf, size_t size);

/*
 * Options and faults for a scenario that is there: lines to be put behind its text, which take the place of its own.
 * Row r % DRAW_ROWS of an array in which any two values of any two options come together in some row, and each fault
 * with each value of an option; which one of its kind fails is drawn by `seed`. Returns buf.
 */
#define DRAW_ROWS 88u
const char *draw_options(uint32_t row, uint64_t seed, char *buf, size_t size);

#endif
