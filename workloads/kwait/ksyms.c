/* ksyms.c: see ksyms.h. */
#include "kwait/ksyms.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


struct symbol {
	uint64_t address;
	const char *name;
};

static struct symbol *symbols;
static size_t nsymbols;
static int loaded = -EAGAIN;
static pthread_mutex_t once = PTHREAD_MUTEX_INITIALIZER;

static int by_address(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	return x->address < y->address ? -1 : x->address > y->address;
}

/* "ffffffff81000000 T name\t[module]": code alone, and no local label. */
static bool is_function(const char *line, uint64_t *address, char *name)
{
	unsigned long long at;
	char type;

	if (sscanf(line, "%llx %c %127s", &at, &type, name) != 3 || !strchr("tTwW", type))
		return false;
	*address = at;
	name[strcspn(name, ".")] = '\0';
	return name[0] != '\0';
}

static int read_all(FILE *in)
{
	char line[512], name[128];
	size_t room = 0;
	uint64_t at;

	while (fgets(line, sizeof(line), in)) {
		if (!is_function(line, &at, name) || !at)
			continue;
		if (nsymbols == room) {
			room = room ? 2 * room : 65536;
			symbols = realloc(symbols, room * sizeof(*symbols));
			if (!symbols)
				return -ENOMEM;
		}
		symbols[nsymbols++] = (struct symbol){ .address = at, .name = strdup(name) };
	}
	if (!nsymbols)
		return -EPERM;
	qsort(symbols, nsymbols, sizeof(*symbols), by_address);
	return 0;
}

static int load(void)
{
	FILE *in = fopen("/proc/kallsyms", "re");
	int ret;

	if (!in)
		return -errno;
	ret = read_all(in);
	fclose(in);
	return ret;
}

static int restricted(void)
{
	FILE *in = fopen("/proc/sys/kernel/kptr_restrict", "re");
	int level = 0;

	if (in && fscanf(in, "%d", &level) != 1)
		level = 0;
	if (in)
		fclose(in);
	return level;
}

int ksyms_load(struct why *why)
{
	int ret;

	pthread_mutex_lock(&once);
	if (loaded == -EAGAIN)
		loaded = load();
	ret = loaded;
	pthread_mutex_unlock(&once);
	if (ret == -EPERM)
		return why_set(why, ret, "/proc/kallsyms hides addresses: CAP_SYSLOG is needed, or that "
		               "kernel.kptr_restrict is 0 (it is %d) and kernel.perf_event_paranoid at most 1",
		               restricted());
	return ret ? why_set(why, ret, "/proc/kallsyms: %s", strerror(-ret)) : 0;
}

const char *ksyms_name(uint64_t address)
{
	size_t low = 0, high = nsymbols;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (symbols[mid].address <= address)
			low = mid + 1;
		else
			high = mid;
	}
	return low ? symbols[low - 1].name : "?";
}
