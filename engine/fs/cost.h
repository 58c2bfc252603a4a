/*
 * cost.h: what the pipeline's steps cost in processor time, for virtual time only: there the engine's
 * own speed is a model, so that the order of tasks does not depend on the machine that runs it. Round
 * figures of one core of a present-day server: a 4 KiB copy and its checksum are about a microsecond, a
 * tree operation one to two. They cost nothing on threads, and nothing under a searching picker.
 */
#ifndef FS_COST_H
#define FS_COST_H

#include "rt/rt.h"

enum fs_cost {
	COST_CALL = 500,         /* a system call's way in and out */
	COST_WRITE_BLOCK = 1500, /* page found, locked, copied into */
	COST_SUBMIT = 1500,      /* extent made, checksums computed, bio submitted */
	COST_LOG_INODE = 2000,
	COST_LOG_EXTENT = 3000,
	COST_FINISH = 6000,      /* completion: items into the trees */
	COST_LOG_COMMIT = 4000,  /* blocks sealed and submitted */
};

static inline void fs_cost(uint64_t ns)
{
	rt_work(ns);
}

#endif
