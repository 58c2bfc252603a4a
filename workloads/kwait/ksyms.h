/*
 * ksyms.h: names of the kernel's functions, by an address in them: /proc/kallsyms, read once.
 *
 * A name stays valid until the program ends, and is the same pointer for all addresses of a function.
 *
 * Called by the files of this room, by any thread after ksyms_load().
 */
#ifndef KWAIT_KSYMS_H
#define KWAIT_KSYMS_H

#include <stdint.h>

#include "base/why.h"

/* 0, or -EPERM with why: addresses are hidden from this user. Reads the file at the first call. */
int ksyms_load(struct why *why);
/*
 * The function that the address is in, without what the compiler appended to its name (`.isra.0`). "?" when none is
 * known.
 */
const char *ksyms_name(uint64_t address);

#endif
