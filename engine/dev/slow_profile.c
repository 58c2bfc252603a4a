/*
 * slow_profile.c: the named latency profiles, and what a spec changes in one. The figures are rounded and typical
 * for the kind of drive. A spec can give each of them, and a run's recipe has the spec.
 *
 * Called by slow.c when a device is opened, and by dev_describe().
 */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "dev/door.h"
#include "dev/slow.h"

#define NS_MAX     1000000000000u
#define DIGITS_MAX 18
#define SEED_MAX   999999999999999999u

static const struct profile profile[] = {
	{"nvme", "NVMe drive without power-loss protection", 20000, 400000, 420000, 64, 10, 0},
	{"nvme-plp", "NVMe drive with power-loss protection: a flush is nearly free", 15000, 5000, 16000, 128, 10, 0},
	{"sata", "SATA SSD", 60000, 1500000, 1600000, 32, 15, 0},
	{"hdd", "7200 rpm disk with its write cache on", 100000, 12000000, 12500000, 32, 30, 0},
};

#define NR_PROFILES (sizeof(profile) / sizeof(profile[0]))

static const struct profile *find_profile(const char *name, size_t n)
{
	for (unsigned i = 0; i < NR_PROFILES; i++)
		if (strlen(profile[i].name) == n && !strncmp(profile[i].name, name, n))
			return &profile[i];
	return NULL;
}

struct key {
	const char *name;
	uint64_t min, max;
};

enum { KEY_WRITE, KEY_FLUSH, KEY_FUA, KEY_QD, KEY_JITTER, KEY_SEED, NR_KEYS };

static const struct key keys[NR_KEYS] = {
	[KEY_WRITE] = {"write", 0, NS_MAX}, [KEY_FLUSH] = {"flush", 0, NS_MAX},  [KEY_FUA] = {"fua", 0, NS_MAX},
	[KEY_QD] = {"qd", 1, QD_MAX},       [KEY_JITTER] = {"jitter", 0, 100},   [KEY_SEED] = {"seed", 0, SEED_MAX},
};

static void set_key(struct profile *p, unsigned key, uint64_t v)
{
	switch (key) {
	case KEY_WRITE:
		p->write_ns = v;
		break;
	case KEY_FLUSH:
		p->flush_ns = v;
		break;
	case KEY_FUA:
		p->fua_ns = v;
		break;
	case KEY_QD:
		p->qd = (uint32_t)v;
		break;
	case KEY_JITTER:
		p->jitter = (uint32_t)v;
		break;
	default:
		p->seed = v;
	}
}

/* Reads n characters as a decimal number; false when they are none. */
static bool parse_number(const char *text, size_t n, uint64_t *v)
{
	*v = 0;
	for (size_t i = 0; i < n; i++) {
		if (!isdigit((unsigned char)text[i]) || i >= DIGITS_MAX)
			return false;
		*v = *v * 10 + (uint64_t)(text[i] - '0');
	}
	return n > 0;
}

static int parse_key(struct profile *p, const char *key, size_t nkey, const char *value, size_t nvalue, struct why *why)
{
	for (unsigned i = 0; i < NR_KEYS; i++) {
		uint64_t v;

		if (strlen(keys[i].name) != nkey || strncmp(keys[i].name, key, nkey))
			continue;
		if (parse_number(value, nvalue, &v) && v >= keys[i].min && v <= keys[i].max) {
			set_key(p, i, v);
			return 0;
		}
		return why_set(why, -EINVAL, "slow: %s= wants a number from %llu to %llu", keys[i].name,
			       (unsigned long long)keys[i].min, (unsigned long long)keys[i].max);
	}
	return why_set(why, -EINVAL, "slow: unknown key '%.*s': want write, flush, fua, qd, jitter or seed", (int)nkey,
		       key);
}

/* Applies each ",key=value" of [at, end) to the profile. */
static int parse_keys(struct profile *p, const char *at, const char *end, struct why *why)
{
	while (at < end) {
		const char *key = at + 1, *next = memchr(key, ',', (size_t)(end - key));
		const char *stop = next ? next : end, *eq = memchr(key, '=', (size_t)(stop - key));
		int ret;

		if (!eq)
			eq = stop;
		ret = parse_key(p, key, (size_t)(eq - key), eq + 1, eq < stop ? (size_t)(stop - eq - 1) : 0, why);
		if (ret)
			return ret;
		at = stop;
	}
	return 0;
}

int slow_parse(const char *args, const char *end, struct profile *p, struct why *why)
{
	const char *comma = memchr(args, ',', (size_t)(end - args));
	size_t n = (size_t)((comma ? comma : end) - args);
	const struct profile *found = find_profile(args, n);

	if (!found)
		return why_set(why, -EINVAL, "slow: unknown profile '%.*s': want nvme, nvme-plp, sata or hdd", (int)n,
			       args);
	*p = *found;
	p->seed = 1;
	return parse_keys(p, args + n, end, why);
}

void slow_describe(FILE *out)
{
	for (unsigned i = 0; i < NR_PROFILES; i++)
		fprintf(out, "  slow:%-10s write %6.1f us, flush %7.1f us, fua %7.1f us, qd %3u  %s\n", profile[i].name,
			profile[i].write_ns / 1e3, profile[i].flush_ns / 1e3, profile[i].fua_ns / 1e3, profile[i].qd,
			profile[i].what);
}
