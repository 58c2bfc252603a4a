/*
 * foreign.h: crash images of a file system that others have filled: with what, nobody has told. So what is judged is
 * what holds of any: it mounts, every name is found, and every byte can be read. A mark of the log may make a promise:
 *
 *	holds:PATH:XXH64    the file at PATH, from the root on, has this content, as xxh64sum prints it
 *
 * foreign.1: A promise of a mark lasts to the next mark that makes none, or that names the same file. So a program
 *      marks what it has synced, and marks again before it changes it.
 *
 * Called by cut/slot.c (reads) and cut/evidence.c (judges).
 */
#ifndef CUT_FOREIGN_H
#define CUT_FOREIGN_H

#include "dev/powercut.h"
#include "oracle/check.h"

struct evidence;

/*
 * Reads all below an open root, at any depth. Of each name: in `ino` the XXH64 of its bytes, or of where a link leads;
 * in `subvol` its kind; in `block` an error of reading it. A path too long for a name ends in its hash.
 */
void foreign_read(int root, struct recovered *r);

/* Whether a mark's text makes a promise: then its path, of PATH_MAX bytes, and the hash. */
bool foreign_promise(const char *text, char *path, uint64_t *hash);

/* As evidence_judge(), of a foreign record. */
uint32_t foreign_judge(struct evidence *e, const struct cut *c, struct broken_list *out);

#endif
