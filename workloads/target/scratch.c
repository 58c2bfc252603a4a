/* scratch.c: see scratch.h. */
#include "target/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/rng.h"
#include "base/stop.h"
#include "machine/mem.h"

#define CHUNK (1u << 20)

int scratch_open(const char *folder)
{
	int fd = open(folder, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	char name[PATH_MAX];

	if (fd >= 0 || errno != EOPNOTSUPP)
		return fd < 0 ? -errno : fd;
	/* A file system without O_TMPFILE: between these two calls the file has a name. */
	if (snprintf(name, sizeof(name), "%s/fsyncstorm-XXXXXX", folder) >= (int)sizeof(name))
		return -ENAMETOOLONG;
	fd = mkostemp(name, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	unlink(name);
	return fd;
}

int scratch_fill(int fd, uint64_t size, uint64_t seed)
{
	uint64_t *noise = mem_alloc_pages(CHUNK);
	struct rng rng;
	int ret = 0;

	rng_seed(&rng, seed);
	for (size_t i = 0; i < CHUNK / sizeof(*noise); i++)
		noise[i] = rng_next(&rng);
	for (uint64_t off = 0; off < size && !ret; off += CHUNK) {
		size_t n = size - off < CHUNK ? size - off : CHUNK;
		ssize_t did = stop_asked() ? (errno = EINTR, -1) : pwrite(fd, noise, n, (off_t)off);

		if (did != (ssize_t)n)
			ret = did < 0 ? -errno : -ENOSPC;
	}
	free(noise);
	return ret;
}
