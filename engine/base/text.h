/*
 * text.h: words and numbers that a user typed: sizes, times, lists, and the nearest known word for
 * one that is not known. Nothing here prints; callers name the place (file, line, option) themselves.
 *
 * Called by the job parser and by every command's options.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All of these: 0; -EINVAL when `s` is not wholly such a value; -ERANGE when it is a number, but too large. */

int text_number(const char *s, uint64_t *out);
/* "4096", "4k", "64m", "2g", "1t", optionally with b: powers of 1024, as fio's default. */
int text_size(const char *s, uint64_t *out);
/* "30", "30s", "500ms", "10us", "2m", "1h", "1d"; `unit_ns` is what a bare number means. */
int text_time(const char *s, uint64_t unit_ns, uint64_t *out_ns);
/* "0-3,8" style: up to `max` numbers into out, *n of them. */
int text_list(const char *s, unsigned *out, unsigned max, unsigned *n);

/* Letters to change to make b of a: insert, delete, replace, swap of neighbours. */
unsigned text_distance(const char *a, const char *b);

/*
 * The nearest of the words, NULL when none is near enough to be meant. `words` is an array of
 * structures of `stride` bytes, each beginning with a const char * (NULL names are skipped).
 */
const char *text_nearest(const char *word, const void *words, size_t n, size_t stride);

/* Writes `; did you mean X?` or nothing. Returns buf. */
const char *text_did_you_mean(char *buf, size_t size, const char *nearest);

#endif
