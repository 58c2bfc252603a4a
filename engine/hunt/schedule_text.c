/* schedule_text.c: see schedule_text.h. */
#include "hunt/schedule_text.h"

#include <stddef.h>
#include <string.h>

const struct schedule_word schedule_word[SCHEDULE_LINES] = {
	[LINE_JOB] = { "job", false, true },
	[LINE_SCENARIO] = { "scenario", false, true },
	[LINE_RACE] = { "race", true, false },
	[LINE_DESIGN] = { "design", true, false },
	[LINE_GRANULARITY] = { "granularity", false, false },
	[LINE_CONFIG] = { "config", true, false },
	[LINE_WITHOUT] = { "without", false, true },
	[LINE_VIOLATION] = { "violation", true, false },
	[LINE_FOUND] = { "found", false, true },
	[LINE_SEED] = { "seed", true, false },
	[LINE_DECISIONS] = { "decisions", true, false },
	[LINE_TRACE] = { "trace", false, false },
	[LINE_CRASH] = { "crash", false, false },
	[LINE_SAID] = { "said", true, true },
};

static bool begins_with(const char *line, const char *word)
{
	size_t n = strlen(word);

	return !strncmp(line, word, n) && (!line[n] || strchr(" \t\r\n", line[n]));
}

static const struct schedule_word *word_of(const char *line)
{
	for (unsigned i = 0; i < SCHEDULE_LINES; i++)
		if (begins_with(line, schedule_word[i].word))
			return &schedule_word[i];
	return NULL;
}

/* Is `next`, a line of its own, the rest of `line`? */
static bool goes_on(const char *line, const char *next)
{
	if (next[0] == '#' || begins_with(next, "end") || word_of(next))
		return false;
	return (next[0] >= '0' && next[0] <= '9') || next[0] == '=' || line[0] == '#' ||
	       (word_of(line) && word_of(line)->any_words);
}

void schedule_unwrap(char *text)
{
	char *to = text, *line = text;

	for (const char *p = text; *p; p++) {
		if (*p != '\n') {
			*to++ = *p;
			continue;
		}
		while (to > line && strchr(" \t\r", to[-1]))
			to--;
		p += strspn(p, " \t\r\n") - 1;
		bool wrapped = p[1] && goes_on(line, p + 1);
		*to++ = wrapped ? ' ' : '\n';
		if (!wrapped)
			line = to;
	}
	*to = 0;
}
