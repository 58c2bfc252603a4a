/*
 * fs_options.h: what a user says of a file system that is to be made: `mkfs=ARGUMENTS`, `mount=OPTIONS` and
 * `size=SIZE`; and how it is made and mounted so.
 *
 * fs_options.1: Nothing is written to but the device that is given. So an argument of mkfs that names a device or a
 *      file which is there is refused: some mkfs take several devices, and some a log or a journal of its own.
 *
 * fs_options.2: A mount is in no folder. It is a descriptor, and goes with the last one into it, however the program
 *      ends.
 *
 * Called by target/fs.c (bench) and by cut/fs.c.
 */
#ifndef TARGET_FS_OPTIONS_H
#define TARGET_FS_OPTIONS_H

#include <stddef.h>
#include <stdint.h>

#include "base/why.h"

#define FS_OPTIONS_TEXT 256u

struct fs_options {
	char mkfs[FS_OPTIONS_TEXT];  /* more arguments of mkfs, with spaces between; "" for none */
	char mount[FS_OPTIONS_TEXT]; /* more options of the mount, with commas between; "" for none */
	uint64_t size;               /* bytes; 0: not given */
};

/* For which a size is meant, and how small and large it may be, in bytes. most 0: any. */
struct fs_sizes {
	const char *type;
	uint64_t least, most;
};

/*
 * Reads "[,key=value...]" to its end. A value of mkfs= or mount= has commas of its own: it ends before the next key, or
 * with the text. 0, or -EINVAL with why.
 */
int fs_options_parse(const char *text, const struct fs_sizes *sizes, struct fs_options *out, struct why *why);

/*
 * Runs `mkfs`, ended by NULL, with the further arguments, on the device (fs_options.1). 0, or -errno with why, which
 * says which package to install where there is no such program.
 */
int fs_options_make(const char *const *mkfs, const char *more, const char *package, const char *device,
                    struct why *why);

/*
 * Mounts the device with all options of the three lists, each of which may be NULL or "". The descriptor of the mount
 * (fs_options.2), or -errno with why, which has what the kernel said.
 */
int fs_options_mount(const char *type, const char *device, const char *const options[3], struct why *why);

#endif
