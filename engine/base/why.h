/*
 * why.h: why something failed, in one line for a person. A function that can refuse what a user
 * asked for returns 0 or -errno and takes one of these for the words:
 *
 *	struct why why;
 *
 *	if (dev_open(spec, false, &dev, &why))
 *		fprintf(stderr, "%s\n", why.text);
 *
 * The function that finds the error writes the line and returns the number in one statement:
 *
 *	return why_set(why, -EINVAL, "size '%s': must be a multiple of 4096", text);
 *
 * A caller that knows more puts it in front:
 *
 *	return why_set(why, ret, "%s: %s", path, why->text);
 *
 * What always holds: the text is one line and ends with a zero. A function that succeeds leaves it as it
 * was, so text means something only after an error. For a list of errors of which the first is told, begin with
 * WHY_NONE and look at text[0].
 */
#ifndef BASE_WHY_H
#define BASE_WHY_H

#define WHY_MAX 512 /* bytes, the zero included */

struct why {
	char text[WHY_MAX];
};

#define WHY_NONE ((struct why){ "" }) /* an empty text: nothing failed */

/*
 * Writes the line and returns err. A line that is too long ends in "..."; an end of line or another control
 * character within it (an option as typed, what another program said) becomes a space. The arguments may point
 * into why->text. why may be NULL: the caller does not want the words. Keeps errno.
 */
__attribute__((format(printf, 3, 4))) int why_set(struct why *why, int err, const char *fmt, ...);
#ifdef __clang_analyzer__ /* it looks into one file at a time, and so does not know what is returned */
#define why_set(why, err, ...) ((void)why_set(why, err, __VA_ARGS__), err)
#endif

#endif
