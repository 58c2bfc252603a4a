/*
 * rules.h: the oracle's rules: what may be read after a crash, and what may not, given the history of calls
 * (model.h). A crash happens at a position p of the device's record (powercut.h).
 *
 * rules.1: A sync counts for a crash at p if it returned 0 and had returned before p. The position is read after the
 *      return: the promise may be taken for weaker than it is, never for stronger.
 * rules.2: A sync covers the changes of its file that had ended before the sync began; a sync of everything covers
 *      those of all files. A sync of a range covers the writes that lie within the range, and no truncation. A
 *      change that overlaps the sync in time may be in it or not.
 *      The sync that an O_DSYNC write is for itself covers that write and no other.
 * rules.3: A place is a sector, a file's size or a name. The cut of a place is the latest beginning of a covered
 *      change of it. Legal at p is each change that had not ended by the cut and had begun before p. The initial
 *      state (zeros, size 0, no name) is legal too when no change of the place is covered. That is one number for
 *      each place, and it is exact for any number of concurrent callers: only which call ended before which began
 *      is asked.
 * rules.4: Writeback, sync_file_range, transaction commits and closing a file only let later changes appear. They
 *      promise nothing and take no promise away, so the model does not record them.
 * rules.5: A block (4 KiB) was written from one state of its page. It never holds parts of two writes that each cover
 *      both parts, and never a part from before a write that covers both beside a part of that write. A store through a
 *      mapping is one write for each of its sectors. A file that is written in place keeps nothing of this but what a
 *      sector holds. Nothing makes two blocks atomic. Where a device reads a page while it is being written, a sector
 *      may be put together of several legal contents, in pieces of at least 4 bytes: in a file that is written in
 *      place, and where a store through a mapping is one of them (rules_sector_spliced()).
 * rules.6: Never legal, promised or not: a read error, the content of another file or place, bytes that nobody
 *      wrote, a directory that cannot be listed, an image that cannot be mounted. (check.c)
 * rules.7: A size changes like a place. A write that extends the file may have got to any end of a block between
 *      the old end and its own; the blocks that it skipped are zeros. fdatasync promises the sizes that are needed
 *      to read what it covers, so those of writes, and no truncation.
 * rules.8: A truncation to a size writes zeros to all that it cuts off, and changes the size. A punch writes zeros to
 *      its range. A fallocate that makes the file longer changes the size, and no content.
 * rules.9: A failed sync promises nothing. Writes that had begun before it failed are not covered by a later sync of
 *      the same file either: their pages may be clean by then, and the error has been told once. Nor are other changes
 *      that had ended by then; a truncation that ends later waits for what it writes, and tells of its errors itself.
 * rules.10: A name is bound to a file or to nothing, and its bindings change like a place. A file's own fsync
 *      covers the calls that gave it a name: its creation, its links and its renames, as on Linux file systems (POSIX
 *      asks for an fsync of the directory); fdatasync and a sync of a range cover its creation alone. An fsync of the
 *      directory covers every change of a name in it. Only that, and a sync of everything, cover an unlink. A call that
 *      was refused leaves the names as they were.
 * rules.11: Replaying the log is idempotent: mounted for writing, unmounted and mounted again, a file system holds the
 *      same; so does it after a crash during that replay and another replay. (check_replay.c)
 * rules.12: Each call changes the names of a file as a whole or not at all: after a rename a file has its old name or
 *      its new one, never both and never neither; who loses its name to a rename has it, or the other has it. So the
 *      names that a file has are those that some of its calls leave, taken in an order in which they may have come: all
 *      that are covered, and others, each of which finds the name that it takes. And a name is only taken away from a
 *      file that has all names that calls had given it before: one that always had a name is not lost.
 * rules.13: A file's link count is the number of its names. (check.c)
 * rules.14: An image fits together: each block has one owner, data have their checksums, and nothing is kept of what no
 *      file has. And it can be lived with: mounted for writing it holds what it held, a file that is made longer has
 *      zeros there, and what is synced then survives the next crash. Without either copy of its super block it can be
 *      mounted, and what is there can be read. (check_whole.c)
 * rules.15: A file does not grow ahead of its data: a block that came with writes alone is no hole of an image whose
 *      size reaches over it. No sync promises that, and file systems differ (xfs may leave zeros there), so nothing but
 *      rules_may_be_hole() asks for it. It is what our engine keeps (disk_size.1), as long as nothing fails.
 *
 * rules_at() decides which calls are covered at a position; the other functions answer for that position. Where two
 * orders of concurrent calls are possible, both are legal.
 *
 * Called by check.c, and by tests of the rules, when nothing runs.
 */
#ifndef ORACLE_RULES_H
#define ORACLE_RULES_H

#include "oracle/model.h"

/* What is due at a sector: at least version `promised` (0: nothing is promised), at most `newest`. */
struct due {
	uint32_t promised, newest; /* versions */
	bool zeros;                /* zeros are legal too */
};

/*
 * Marks the calls that are covered for a crash at device position p (op->covered). Call it before each function
 * below.
 */
void rules_at(struct model *m, uint32_t p);
/*
 * Hash of what the history of a controlled run demands at p: two histories with the same hash give the same answers
 * about the same image.
 */
uint64_t rules_hash(const struct model *m, uint32_t p);

/* May sector `sector` of the file read as this? */
bool rules_sector_legal(const struct model *m, uint32_t p, const struct model_file *f, uint64_t sector,
                        const struct seen *s);
/* Are these ORACLE_SECTOR bytes put together of contents that are legal there? (rules.5) */
bool rules_sector_spliced(const struct model *m, uint32_t p, const struct model_file *f, uint64_t sector,
                          const uint8_t *bytes);
/* The versions that would be legal there, for a sentence. */
struct due rules_sector_due(const struct model *m, uint32_t p, const struct model_file *f, uint64_t sector);
/* May one block hold both of these sectors at once? (rules.5) Both are legal alone. */
bool rules_together(const struct model *m, const struct model_file *f, uint64_t sector1, const struct seen *s1,
                    uint64_t sector2, const struct seen *s2);

/*
 * May the block, all of which reads as zeros, be a hole (rules.15)? False: only writes have made the file so long, and
 * none of them can have skipped the block.
 */
bool rules_may_be_hole(const struct model *m, uint32_t p, const struct model_file *f, uint64_t block);

bool rules_size_legal(const struct model *m, uint32_t p, const struct model_file *f, uint64_t size);
/* The smallest and the largest legal size. */
void rules_size_due(const struct model *m, uint32_t p, const struct model_file *f, uint64_t *least, uint64_t *most);

/* May the name stand for file f, or for nothing (NULL)? */
bool rules_name_legal(const struct model *m, uint32_t p, uint32_t subvol, const char *name, const struct model_file *f);
/* May these be all names of the file? A bit for each name (model_name()). */
bool rules_names_legal(const struct model *m, uint32_t p, const struct model_file *f, uint64_t names);
/* The file that the name was promised for; NULL: for none. */
const struct model_file *rules_name_promised(const struct model *m, uint32_t subvol, const char *name);

#endif
