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

static bool is_complaint(int level, const char *text, const char *device)
{
	if (!strncmp(text, "WARNING:", 8) || !strncmp(text, "BUG:", 4) || !strncmp(text, "Oops", 4) ||
	    !strncmp(text, "kernel BUG", 10))
		return true;
	return level <= ERROR_LEVEL && names(text, device);
}

bool klog_complains(struct klog *k, const char *device, char *said, size_t size)
{
	char line[4096];
	bool found = false;
	ssize_t n;

	if (k->fd < 0)
		return false;
	while ((n = read(k->fd, line, sizeof(line) - 1)) > 0 || (n < 0 && errno == EPIPE)) {
		if (n < 0) /* older lines were lost: go on */
			continue;
		line[n] = '\0';
		char *text = strchr(line, ';');
		if (!text || found)
			continue;
		text++;
		text[strcspn(text, "\n")] = '\0';
		if (!is_complaint(atoi(line) & 7, text, device))
			continue;
		snprintf(said, size, "%s", text);
		found = true;
	}
	return found;
}
