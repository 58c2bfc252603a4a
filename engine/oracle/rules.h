/*
 * rules.h: what may be read after a crash at a position, and what may not: the oracle's rules over a
 * model's history.
 *
 * (O1) rules_at() decides which calls are covered at a position; the other functions answer for it.
 * (O2) Every answer is sound for any number of concurrent calls: where two orders are possible, both are legal.
 *
 * Called by check.c, and by tests of the rules.
 */
#ifndef ORACLE_RULES_H
#define ORACLE_RULES_H

#include "oracle/model.h"

/* What is due of a place: at least `promised` (0: nothing is), at most `newest`. */
struct due {
	uint32_t promised, newest; /* versions */
	bool zeros;                /* zeros are legal too */
};

/* A crash at device position p. */
void rules_at(struct model *m, uint32_t p);
/* What the history of a controlled run demands at p, as a hash: where it is equal, so is every answer about the same image. */
uint64_t rules_hash(const struct model *m, uint32_t p);

/* May sector `sector` of the file read as this? */
bool rules_sector_legal(const struct model *m, uint32_t p, const struct model_file *f, uint64_t sector, const struct seen *s);
struct due rules_sector_due(const struct model *m, uint32_t p, const struct model_file *f, uint64_t sector);
/* May one block hold both of these sectors at once? (Rule 5.) */
bool rules_together(const struct model *m, const struct model_file *f, uint64_t sector1, const struct seen *s1, uint64_t sector2,
                    const struct seen *s2);

bool rules_size_legal(const struct model *m, uint32_t p, const struct model_file *f, uint64_t size);
/* The smallest and the largest legal size. */
void rules_size_due(const struct model *m, uint32_t p, const struct model_file *f, uint64_t *least, uint64_t *most);

/* May the name stand for file f, or for nothing (NULL)? */
bool rules_name_legal(const struct model *m, uint32_t p, uint32_t subvol, const char *name, const struct model_file *f);

#endif
