/* why.c: see why.h. */
#include "base/why.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#undef why_set

int why_set(struct why *why, int err, const char *fmt, ...)
{
	int saved = errno;
	struct why line; /* not in place: an argument may be the old text */
	va_list ap;

	if (!why)
		return err;
	va_start(ap, fmt);
	if (vsnprintf(line.text, sizeof(line.text), fmt, ap) >= (int)sizeof(line.text))
		strcpy(line.text + sizeof(line.text) - sizeof("..."), "...");
	va_end(ap);
	for (char *c = line.text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = ' ';
	strcpy(why->text, line.text);
	errno = saved;
	return err;
}
