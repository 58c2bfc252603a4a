/*
 * env.h: what a run records about where it ran, so that its figures can be read by somebody else:
 * commit, kernel, processor, topology, device and the file system under it, and what was not available.
 *
 * Nothing here fails: what cannot be found out is "unknown".
 */
#ifndef RECIPE_ENV_H
#define RECIPE_ENV_H

#include <jansson.h>
#include <stddef.h>

/* The commit this program was built from. */
const char *env_commit(void);
/* The version, as `make install` and the Debian package have it. */
const char *env_version(void);
/* Of the machine. A new reference. */
json_t *env_machine(void);
/*
 * Of the file, folder or block device under a target: its file system with the options of its mount and of its super
 * block, the drive under that, its write cache. Under a loop device there is more: of the file behind it, the same
 * ("under"). A new reference. `path` need not exist yet.
 */
json_t *env_backing(const char *path);
/* The same in a few words: "ext4 on vda, write back". */
void env_place(const json_t *backing, char *out, size_t size);
/* One short line on the machine, for the head of a table. */
void env_line(char *out, size_t size);
const char *env_host(void);

#endif
