/*
 * klog.h: what the kernel has logged about a device of ours: errors of a file system that had none to tell of.
 *
 * Called by cut/cut.c.
 */
#ifndef CUT_KLOG_H
#define CUT_KLOG_H

#include <stdbool.h>
#include <stddef.h>

struct klog {
	int fd; /* -1: this kernel's log cannot be read here */
};

/* From now on. */
void klog_open(struct klog *k);
void klog_close(struct klog *k);
/*
 * Reads what was logged since the last call. Whether the kernel complained: a message of level "error" or worse that
 * names `device` ("loop3"), or a BUG, an Oops or a WARNING of any. The first such line is in *said.
 */
bool klog_complains(struct klog *k, const char *device, char *said, size_t size);

#endif
