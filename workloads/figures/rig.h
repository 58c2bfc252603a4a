/*
 * rig.h: a file system with some files on a device, for figures that drive it by hand: one
 * operation is a 4 KiB overwrite at random and an fsync, like the job dwsl.
 */
#ifndef FIGURES_RIG_H
#define FIGURES_RIG_H

#include "base/rng.h"
#include "fs/fs.h"

#define RIG_FILES_MAX 8

struct rig_spec {
	const char *device, *design;
	unsigned files;
	uint32_t file_blocks;
	bool no_background;
	uint64_t log_wait_ns, commit_interval_ns;
};

struct rig {
	struct rig_spec spec;
	struct dev *dev;
	struct fs *fs;
	struct rig_file {
		struct file *f;
		struct rng rng;
		uint8_t *buf;
	} file[RIG_FILES_MAX];
};

/* 0, or -errno with why. The files are written, and on the media. */
int rig_open(struct rig *g, const struct rig_spec *spec, struct why *why);
void rig_close(struct rig *g);
/* The same by a crash: nothing more is written. */
void rig_crash(struct rig *g);
/* Runs body(g, i, arg) in a task of its own for each file i, and waits for all of them. */
void rig_each_file(struct rig *g, void (*body)(struct rig *g, unsigned i, void *arg), void *arg);
/* One operation on file i, and its two halves. Other tasks may be at other files. It must not fail. */
void rig_write_fsync(struct rig *g, unsigned i);
void rig_write(struct rig *g, unsigned i);
void rig_fsync(struct rig *g, unsigned i);

#endif
