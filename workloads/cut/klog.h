/*
 * klog.h: what the kernel has logged about a device of ours: errors of a file system that had none to tell of.
 *
 * Called by cut/evidence.c, which has one beside each slot, and cut/verdict.c, which reads it.
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
/* Whether this kernel's log can be read here. */
bool klog_is_there(void);

/*
 * KLOG_COMPLAINT: a message of level "error" or worse that names the device, or a BUG, an Oops or a WARNING of any.
 * KLOG_DEVICE: the device itself failed a request: what the file system says of it then is no wonder.
 */
enum klog_words { KLOG_QUIET, KLOG_COMPLAINT, KLOG_DEVICE };

/* Reads what was logged since the last call of `device` ("loop3"). The first line of what it returns is in *said. */
enum klog_words klog_complains(struct klog *k, const char *device, char *said, size_t size);

#endif
