/* replace.c: see replace.h. */
#include "base/replace.h"

#include <errno.h>
#include <unistd.h>

int replace_begin(struct replace *r, const char *path)
{
	r->path = path;
	if (snprintf(r->tmp, sizeof(r->tmp), "%s.new", path) >= (int)sizeof(r->tmp))
		return -ENAMETOOLONG;
	r->out = fopen(r->tmp, "we");
	return r->out ? 0 : -errno;
}

int replace_end(struct replace *r, bool whole)
{
	errno = 0; /* a stream that went bad earlier may not say of what */
	bool bad = ferror(r->out);
	bad |= fclose(r->out) != 0;
	if (whole && !bad && !rename(r->tmp, r->path))
		return 0;

	int ret = !whole ? 0 : errno ? -errno : -EIO;
	unlink(r->tmp);
	return ret;
}
