/* klog.c: see klog.h. */
#include "cut/klog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ctype.h>
#include <unistd.h>

#define ERROR_LEVEL 3 /* KERN_ERR */

void klog_open(struct klog *k)
{
	k->fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (k->fd >= 0)
		lseek(k->fd, 0, SEEK_END);
}

void klog_close(struct klog *k)
{
	if (k->fd >= 0)
		close(k->fd);
	k->fd = -1;
}

/* The line names the device, and not one whose name begins so. */
static bool names(const char *text, const char *device)
{
	size_t n = strlen(device);

	for (const char *at = strstr(text, device); at; at = strstr(at + n, device))
		if (!isalnum((unsigned char)at[n]) && (at == text || !isalnum((unsigned char)at[-1])))
			return true;
	return false;
}

/* "I/O error, dev loop3, sector 8 ...": of the block layer, when a driver has failed a request that was in range. */
static bool is_of_device(const char *text, const char *device)
{
	char failed[64];

	snprintf(failed, sizeof(failed), " error, dev %s, sector ", device);
	return strstr(text, failed);
}

static bool is_complaint(int level, const char *text, const char *device)
{
	if (!strncmp(text, "WARNING:", 8) || !strncmp(text, "BUG:", 4) || !strncmp(text, "Oops", 4) ||
	    !strncmp(text, "kernel BUG", 10))
		return true;
	return level <= ERROR_LEVEL && names(text, device);
}

bool klog_is_there(void)
{
	struct klog k;

	klog_open(&k);
	bool there = k.fd >= 0;
	klog_close(&k);
	return there;
}

enum klog_words klog_complains(struct klog *k, const char *device, char *said, size_t size)
{
	enum klog_words found = KLOG_QUIET;
	char line[4096];
	ssize_t n;

	if (k->fd < 0)
		return KLOG_QUIET;
	while ((n = read(k->fd, line, sizeof(line) - 1)) > 0 || (n < 0 && errno == EPIPE)) {
		if (n < 0) /* older lines were lost: go on */
			continue;
		line[n] = '\0';
		char *text = strchr(line, ';');
		if (!text || found == KLOG_DEVICE)
			continue;
		text++;
		text[strcspn(text, "\n")] = '\0';
		bool of_device = is_of_device(text, device);
		if (!of_device && (found || !is_complaint(atoi(line) & 7, text, device)))
			continue;
		snprintf(said, size, "%s", text);
		found = of_device ? KLOG_DEVICE : KLOG_COMPLAINT;
	}
	return found;
}
