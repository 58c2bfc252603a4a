/*
 * read.h: what the readers of a scenario's text share: where they are, and how they complain. Only of this room:
 * scene.c reads sections and keys, steps.c the lines of threads, marks.c looks at all of them.
 */
#ifndef SCENE_READ_H
#define SCENE_READ_H

#include "scene/scene.h"

#define SCENE_WORDS 8u

struct reading {
	const char *path;
	unsigned line;
	struct scene *scene;
	struct why *why;
	bool names_only; /* the first of two passes: which names there are */
};

/* One line: "PATH:LINE: ..."; -EINVAL. */
__attribute__((format(printf, 2, 3))) int wrong(struct reading *r, const char *fmt, ...);
/* The same for a line that was read earlier. */
__attribute__((format(printf, 3, 4))) int wrong_at(struct reading *r, unsigned line, const char *fmt, ...);
#ifdef __clang_analyzer__ /* it looks into one file at a time, and so does not know what is returned */
#define wrong(r, ...) ((void)wrong(r, __VA_ARGS__), -EINVAL)
#define wrong_at(r, ...) ((void)wrong_at(r, __VA_ARGS__), -EINVAL)
#endif

/* The length of a line without its comment, and without what is blank at its end. */
size_t bare_length(const char *p);
/* Copies a name of a file, a mark or a thread: letters, digits, '_', '-', '.'. `what` is for the error. */
int take_name(struct reading *r, const char *what, const char *word, char *out, size_t size);
int take_size(struct reading *r, const char *what, const char *word, uint64_t unit, uint64_t *out);
int take_number(struct reading *r, const char *what, const char *word, uint64_t min, uint64_t max, uint64_t *out);

/* A line of a thread, or of [setup], in words. */
int read_step(struct reading *r, struct scene_thread *t, char **word, unsigned n);
/* In the first pass: the names that such a line makes. */
int read_names(struct reading *r, char **word, unsigned n);
/* The name's number; SCENE_NONE: there is no such name. */
unsigned find_name(const struct scene *s, const char *name);
/* When all lines are read: descriptors and marks, as all threads together use them. */
int check_descriptors(struct reading *r);
int check_marks(struct reading *r);

#endif
