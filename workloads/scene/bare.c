/* bare.c: a scenario's text in other forms: what a run depends on, and beside one more thread. See scene.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "scene/read.h"

/* Sections that no run depends on. */
static bool is_for_people(const char *line)
{
	return !strncmp(line, "[scenario", 9) || !strncmp(line, "[expect", 7);
}

/* The text's lines, without comments and blanks at both ends. What goes leaves an empty line: lines keep their
 * numbers. */
static void print_bare(const char *text, FILE *out)
{
	bool skips = false;

	for (const char *p = text; *p; p += strcspn(p, "\n"), p += *p == '\n') {
		const char *from = p + strspn(p, " \t\r");
		size_t n = bare_length(from);
		if (n && *from == '[')
			skips = is_for_people(from);
		fprintf(out, "%.*s\n", skips ? 0 : (int)n, from);
	}
}

static char *print(const char *text, const char *more)
{
	char *bare = NULL;
	size_t size;
	FILE *out = open_memstream(&bare, &size);

	CHECK(out);
	print_bare(text, out);
	fflush(out);
	while (size && bare[size - 1] == '\n')
		size--;
	fseeko(out, (off_t)size, SEEK_SET);
	fprintf(out, "\n%s", more);
	fclose(out);
	return bare;
}

char *scene_bare_text(const char *text)
{
	return print(text, "");
}

char *scene_text_with(const char *text, const char *more)
{
	return print(text, more);
}

char *scene_beside_text(const char *text)
{
	return print(text, "[setup]\nfile beside 4k\n"
	                   "[thread beside]\nrepeat 2\nbeside pwrite 0 4k\nbeside fsync\n");
}
