/*
 * turns.h: things that take turns to be measured, and statistics of their values.
 *
 * A block runs each thing once: in the order 0 1 2 in even blocks, 2 1 0 in odd ones. So a drift of the machine is in
 * the values of all of them.
 */
#ifndef FIGURES_TURNS_H
#define FIGURES_TURNS_H

struct turn {
	double (*measure)(void *arg);
	void *arg;
	double *value; /* one a block; made by turns_run(), freed by turns_free() */
};

void turns_run(struct turn *turn, unsigned n, unsigned blocks);
void turns_free(struct turn *turn, unsigned n);

/* The middle value, or the mean of the middle two. n > 0. */
double median(const double *x, unsigned n);
/*
 * Where the median of all such values lies, at 95 %, whatever their distribution: between two of the n values, which
 * are chosen by their rank. n > 5.
 */
void median_interval(const double *x, unsigned n, double *low, double *high);
/* The median over blocks of b's value / a's: what drifts from block to block cancels. */
double turns_ratio(const struct turn *b, const struct turn *a, unsigned blocks);

#endif
