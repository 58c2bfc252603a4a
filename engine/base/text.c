/*
 * text.c: words and numbers that a user typed. See text.h.
 */
#include "base/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define WORD_MAX 64

/* Digits only: strtoull alone would take "-1" and " 7". */
static int leading_number(const char *s, uint64_t *out, const char **end)
{
	char *stop;

	if (*s < '0' || *s > '9')
		return -EINVAL;
	errno = 0;
	*out = strtoull(s, &stop, 10);
	*end = stop;
	return -errno; /* ERANGE */
}

int text_number(const char *s, uint64_t *out)
{
	const char *end;
	int ret = leading_number(s, out, &end);

	return ret ? ret : *end ? -EINVAL : 0;
}

static int scaled(uint64_t *value, uint64_t by)
{
	return __builtin_mul_overflow(*value, by, value) ? -ERANGE : 0;
}

int text_size(const char *s, uint64_t *out)
{
	static const char units[] = "kmgt";
	const char *end, *unit;
	int ret = leading_number(s, out, &end);

	if (ret)
		return ret;
	unit = *end ? strchr(units, *end | 0x20) : NULL;
	if (unit) {
		ret = scaled(out, 1ull << (10 * (unit - units + 1)));
		end++;
	}
	if (*end && (*end | 0x20) == 'b')
		end++;
	return ret ? ret : *end ? -EINVAL : 0;
}

int text_time(const char *s, uint64_t unit_ns, uint64_t *out_ns)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = {
		{ "us", 1000 }, { "ms", 1000000 }, { "s", 1000000000 },
		{ "m", 60000000000 }, { "h", 3600000000000 }, { "d", 86400000000000 },
	};
	const char *end;
	int ret = leading_number(s, out_ns, &end);

	if (ret)
		return ret;
	if (!*end)
		return scaled(out_ns, unit_ns);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (!strcasecmp(end, units[i].name))
			return scaled(out_ns, units[i].ns);
	return -EINVAL;
}

int text_list(const char *s, unsigned *out, unsigned max, unsigned *n)
{
	*n = 0;
	for (;;) {
		uint64_t from = 0, to;
		int ret = leading_number(s, &from, &s);

		to = from;
		if (!ret && *s == '-')
			ret = leading_number(s + 1, &to, &s);
		if (ret || to < from || to > UINT32_MAX || to - from >= max - *n)
			return -EINVAL;
		while (from <= to)
			out[(*n)++] = from++;
		if (!*s)
			return 0;
		if (*s++ != ',')
			return -EINVAL;
	}
}

static unsigned least(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

unsigned text_distance(const char *a, const char *b)
{
	unsigned row[3][WORD_MAX + 1];
	size_t la = strlen(a), lb = strlen(b);

	if (la > WORD_MAX || lb > WORD_MAX)
		return UINT32_MAX;
	for (size_t j = 0; j <= lb; j++)
		row[0][j] = j;
	for (size_t i = 1; i <= la; i++) {
		unsigned *now = row[i % 3], *above = row[(i - 1) % 3], *before = row[(i + 1) % 3];

		now[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			now[j] = least(above[j] + 1, now[j - 1] + 1, above[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    before[j - 2] + 1 < now[j])
				now[j] = before[j - 2] + 1;
		}
	}
	return row[la % 3][lb];
}

const char *text_nearest(const char *word, const void *words, size_t n, size_t stride)
{
	const char *best = NULL;
	unsigned best_distance = UINT32_MAX;

	for (size_t i = 0; i < n; i++) {
		const char *name = *(const char *const *)((const char *)words + i * stride);
		unsigned d;

		if (!name)
			continue;
		/* What is typed short is meant as a beginning. */
		d = strlen(word) >= 3 && !strncmp(name, word, strlen(word)) ? 1 : text_distance(word, name);
		if (d < best_distance) {
			best = name;
			best_distance = d;
		}
	}
	return best && best_distance <= strlen(word) / 3 + 1 ? best : NULL;
}

const char *text_did_you_mean(char *buf, size_t size, const char *nearest)
{
	buf[0] = '\0';
	if (nearest)
		snprintf(buf, size, "; did you mean %s?", nearest);
	return buf;
}
