/*
 * targets.h: what is fuzzed: one function a door through which bytes that nobody can vouch for come in. Each is given
 * any bytes at all and has to return: no crash, no failed CHECK, no hang, and nothing that is not in the contract of
 * the door (an error without words, a wrong errno).
 *
 * libfuzzer.c runs one of them under libFuzzer (make fuzz); kept_test.c runs all of them over the inputs that are kept
 * in corpus/NAME/, in every make test. This room is no part of the program.
 */
#ifndef FUZZ_TARGETS_H
#define FUZZ_TARGETS_H

#include <stddef.h>
#include <stdint.h>

#include "base/why.h"

struct fuzz_target {
	const char *name, *what;
	void (*one)(const uint8_t *data, size_t n);
	uint32_t max; /* an input is at most so long */
};
extern const struct fuzz_target fuzz_targets[]; /* ends with a NULL name */

/* job_target.c, scenario_target.c, schedule_target.c, image_target.c */
void fuzz_job(const uint8_t *data, size_t n);
void fuzz_scenario(const uint8_t *data, size_t n);
void fuzz_schedule(const uint8_t *data, size_t n);
void fuzz_image(const uint8_t *data, size_t n);
void fuzz_image_write(const uint8_t *data, size_t n);
/* How the mount of the last input of one of these two ended: 0, or -errno and why. */
int fuzz_image_mounted(struct why *why);


#endif
