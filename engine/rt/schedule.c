/*
 * schedule.c: a schedule in memory and as text. See schedule.h.
 */
#include "rt/schedule.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "rt/picker.h"

#define LINE_WIDTH 100

void schedule_init(struct schedule *s)
{
	*s = (struct schedule){ 0 };
}

void schedule_free(struct schedule *s)
{
	free(s->d);
	schedule_init(s);
}

void schedule_clear(struct schedule *s)
{
	s->n = 0;
}

void schedule_add(struct schedule *s, struct decision d)
{
	if (s->n == s->cap) {
		s->cap = s->cap ? s->cap * 2 : 64;
		s->d = realloc(s->d, s->cap * sizeof(*s->d));
		CHECK(s->d != NULL);
	}
	s->d[s->n++] = d;
}

void schedule_copy(struct schedule *to, const struct schedule *from)
{
	schedule_clear(to);
	for (uint32_t i = 0; i < from->n; i++)
		schedule_add(to, from->d[i]);
}

/* ---- print ---- */

static bool same_pick(const struct decision *a, const struct decision *b)
{
	return !a->data && !b->data && a->value == b->value;
}

static int print_run(FILE *out, const struct decision *d, uint32_t times)
{
	if (d->data)
		return fprintf(out, "=%u/%u", d->value, d->of);
	if (times == 1)
		return fprintf(out, "%u", d->value);
	return fprintf(out, "%u*%u", d->value, times);
}

void schedule_print(const struct schedule *s, FILE *out)
{
	int column = 0;

	for (uint32_t i = 0, next; i < s->n; i = next) {
		next = i + 1;
		while (next < s->n && same_pick(&s->d[i], &s->d[next]))
			next++;
		column += print_run(out, &s->d[i], next - i);
		fputc(column > LINE_WIDTH || next == s->n ? '\n' : ' ', out);
		if (column > LINE_WIDTH)
			column = 0;
	}
}

/* ---- parse ---- */

static bool parse_number(const char **p, uint32_t *out)
{
	uint64_t value = 0;

	if (!isdigit((unsigned char)**p))
		return false;
	for (; isdigit((unsigned char)**p); ++*p) {
		value = value * 10 + (uint64_t)(**p - '0');
		if (value > UINT32_MAX)
			return false;
	}
	*out = (uint32_t)value;
	return true;
}

static bool parse_data(struct schedule *s, const char **p)
{
	struct decision d = { .data = true };

	++*p; /* '=' */
	if (!parse_number(p, &d.value) || **p != '/')
		return false;
	++*p;
	if (!parse_number(p, &d.of) || d.value >= d.of)
		return false;
	schedule_add(s, d);
	return true;
}

static bool parse_picks(struct schedule *s, const char **p)
{
	struct decision d = { 0 };
	uint32_t times = 1;

	if (!parse_number(p, &d.value) || d.value >= COOP_TASKS_MAX)
		return false;
	if (**p == '*') {
		++*p;
		if (!parse_number(p, &times) || !times || times > 100000000)
			return false;
	}
	while (times--)
		schedule_add(s, d);
	return true;
}

static const char *skip_space(const char *p, unsigned *line)
{
	while (*p && (isspace((unsigned char)*p) || *p == '#')) {
		if (*p == '#')
			while (p[1] && p[1] != '\n')
				p++;
		if (*p == '\n')
			++*line;
		p++;
	}
	return p;
}

int schedule_parse(struct schedule *s, const char *text, char *err)
{
	unsigned line = 1;
	const char *p = skip_space(text, &line);

	schedule_clear(s);
	while (*p) {
		const char *word = p;
		bool ok = *p == '=' ? parse_data(s, &p) : parse_picks(s, &p);
		if (!ok || (*p && !isspace((unsigned char)*p))) {
			snprintf(err, 128, "schedule, line %u: \"%.*s\" is not ID, ID*TIMES or =VALUE/OF", line,
			         (int)strcspn(word, " \t\r\n") < 40 ? (int)strcspn(word, " \t\r\n") : 40, word);
			return -EINVAL;
		}
		p = skip_space(p, &line);
	}
	return 0;
}
