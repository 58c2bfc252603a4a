/*
 * test_place.h: for tests that load one topology after another (HWLOC_SYNTHETIC).
 */
#ifndef MACHINE_TEST_PLACE_H
#define MACHINE_TEST_PLACE_H

/* place.c: forgets the topology that is loaded; the next place_init() loads another. No other thread uses it. */
void place_fini(void);

#endif
