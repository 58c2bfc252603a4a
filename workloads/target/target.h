/*
 * target.h: what a bench drives: a design of fsync on a device, a real file system, or nothing at all
 * (for the driver's own cost). The same job runs against any of them.
 *
 * Each trial has a fresh instance: open makes it, and after close nothing of it is left behind, unless `keep`. Nothing
 * is measured between open and settle; from settle on many tasks call the members of struct target_files at once.
 *
 * A target is one file of this room. target.c reads what a user calls a target; the two that are the kernel's share
 * kernel_fs.h. Called by bench/driver.c, bench/fio_*.c and the bench command.
 */
#ifndef TARGET_TARGET_H
#define TARGET_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/why.h"
#include "dev/facts.h"
#include "target/fs_options.h"

#define TARGET_TEXT_MAX 512

struct target;

/*
 * A target as the user named it: DESIGN@DEVICE[,key=value...], path:DIR, fs:TYPE[:IMAGE][,key=value...], or `null`; or
 * DESIGN@image[:PATH][,size=SIZE] (image.h).
 */
struct target_spec {
	const struct target *target;
	char text[TARGET_TEXT_MAX];   /* as typed */
	char design[32];              /* or what stands in its place: "path", "ext4" */
	char device[TARGET_TEXT_MAX]; /* for dev_open */
	char path[TARGET_TEXT_MAX];   /* of the file or folder under it; "" when there is none */
	uint32_t subvols, nodesize, inline_max, endio_workers, compress_workers;
	uint64_t log_wait_ns;
	struct fs_options fs;         /* of a file system that is made */
	char folder[TARGET_TEXT_MAX]; /* in which its image lies, if that has no name; "" is the current one */
	bool single, compress;
	bool fio;                     /* driven by fio, to hold our driver against it */
	bool keep, force;             /* the command's */
	uint64_t floor_ns;            /* how long the floor under it is measured, at open and by look; 0: not at all */
};

/* A file that a job wants. */
struct target_file {
	const char *name;
	unsigned home;   /* chooses its subvolume; the same for make, open and unlink of a file */
	uint64_t layout; /* bytes of it that are written before */
	uint64_t space;  /* bytes of it that are preallocated, as enum job_fallocate `fallocate` says */
	int fallocate;
	bool direct;     /* O_DIRECT */
	bool mapped;     /* written through a mapping; -EOPNOTSUPP from the kernel's file systems */
	int sync;        /* enum job_sync; a target that is not the kernel's leaves it to the driver */
};

/* Whether the kernel's fsyncs, or a design's flushes of a file, reached the device (disk.2). */
struct target_barriers {
	char device[64], why[128]; /* why: flushes cannot be counted; "" when they can */
	bool none_needed;          /* the device says that it has no volatile cache */
	uint64_t flushes;          /* of the device, since begin */
	char drive[64];            /* under the file behind it, where that is a loop device and its drive counts; "" */
	uint64_t drive_flushes;    /* of that drive, since begin, others' with them */
	bool has_traffic;          /* the next two are known: of the device, since begin */
	uint64_t reads, written;   /* requests; bytes */
};

/* What a result wants to know of an instance. */
struct target_facts {
	char notice[256];                  /* what was not available, "" when all was */
	struct dev_facts drive;            /* what is known of the device, the drive under it, and the file system */
	const struct dev_stats *device;    /* since settle; NULL when there is no device of ours */
	const struct target_barriers *barriers; /* NULL when neither fsync nor flush is a system call */
	const struct hist *floor;          /* a write and a flush below it, at open; NULL when it has no floor */
	const char *made;                  /* how it was made: mkfs and mount options; NULL */
};

/* How the files of an instance are driven: by many tasks at once. Each returns 0 or -errno. */
struct target_files {
	/* Makes the file, writes what is to be laid out, and takes space. Not in the measured interval. */
	int (*make)(void *instance, const struct target_file *want);
	/* Opens it, as `direct` and `sync` say; makes an empty one when it is not there. Each open is one of its own.
	 */
	int (*open)(void *instance, const struct target_file *want, void **file);
	/* Once: it may be open. */
	int (*unlink)(void *instance, const struct target_file *want);
	int (*write)(void *file, uint64_t off, const void *buf, uint32_t len);
	/* All of it, or -EIO. */
	int (*read)(void *file, uint64_t off, void *buf, uint32_t len);
	int (*fsync)(void *file);
	int (*fdatasync)(void *file);
	/* What O_SYNC and O_DSYNC ask for: the range alone. NULL: the file's flags do it. */
	int (*sync_written)(void *file, uint64_t off, uint64_t len);
	int (*sync_range)(void *file, uint64_t off, uint64_t len, unsigned flags); /* enum job_range */
	void (*close)(void *file);
	/* Calls in flight together; all four may be NULL. A queue is one task's. 0, or -errno. */
	int (*queue_open)(unsigned depth, void **queue);
	/*
	 * Begins a read or a write, and may end it at once. `tag` is below depth, and of no call that is in flight; buf
	 * stays until it is done. 0, or -errno and it was not begun.
	 */
	int (*queue_put)(void *queue, void *file, bool write, uint64_t off, void *buf, uint32_t len, unsigned tag);
	/* Sleeps until a call that is in flight is done. Its tag, and in *ret what write or read would return. */
	unsigned (*queue_get)(void *queue, int *ret);
	void (*queue_close)(void *queue);
};

/* What can be learned of an instance. All but `facts` may be NULL. */
struct target_view {
	/* The measured interval begins: after settle, and after a ramp. */
	void (*begin)(void *instance);
	/* The device's figures end here: called once, when measuring is over. */
	void (*facts)(void *instance, struct target_facts *out);
	/*
	 * A second look at the floor, into h, when measuring is over and the files are closed; only `close` comes
	 * after. h stays empty where there is nothing to look at: under `keep` a look would write over what is kept.
	 */
	void (*look)(void *instance, struct hist *h);
	/* The folder in which its files are, for another program. */
	const char *(*folder)(void *instance);
	/* Bytes that files can take in it. */
	uint64_t (*room)(void *instance);
};

struct target {
	const char *name, *what;
	bool kernel; /* its fsync is the kernel's: nothing is known of phases and waits */
	/* 0, or -errno with why. */
	int (*open)(const struct target_spec *spec, void **instance, struct why *why);
	/* 0 when all that was laid out is on the media, or -errno. */
	int (*settle)(void *instance);
	/* 0, or -errno when it did not end as it should; it is closed in any case. */
	int (*close)(void *instance);
	const struct target_files *files;
	struct target_view view;
};

extern const struct target target_engine, target_path, target_fs, target_null;

/* 0, or -EINVAL with why. */
int target_parse(const char *text, struct target_spec *out, struct why *why);

/* The part after "fs:" (fs.c). */
int target_fs_parse(const char *text, struct target_spec *out, struct why *why);

/* The image of an fs: target, open until the process ends and written in full; or -errno with why. */
int target_fs_image(const struct target_spec *spec, struct why *why);
/* Whether two fs: targets have one image. */
bool target_fs_same_image(const struct target_spec *a, const struct target_spec *b);

/* The keys after the device, for help; NULL past the end. */
const char *target_key(unsigned i, const char **what);

#endif
