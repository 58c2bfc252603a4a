/*
 * order.h: comparing numbers for qsort() and bsearch(), smallest first. No subtraction: it would overflow.
 *
 *	qsort(ns, n, sizeof(*ns), order_u64);
 *
 * A comparer of structs is made of ORDER() on their fields. Called by whoever sorts.
 */
#ifndef BASE_ORDER_H
#define BASE_ORDER_H

#include <stdint.h>

/* -1, 0 or 1: x comes before y, is equal, comes after. Evaluates each twice. */
#define ORDER(x, y) (((x) > (y)) - ((x) < (y)))

/* Each takes the addresses of two elements of the array. */
static inline int order_u32(const void *a, const void *b)
{
	return ORDER(*(const uint32_t *)a, *(const uint32_t *)b);
}

static inline int order_u64(const void *a, const void *b)
{
	return ORDER(*(const uint64_t *)a, *(const uint64_t *)b);
}

/* No element may be a NaN: it has no place in an order. */
static inline int order_double(const void *a, const void *b)
{
	return ORDER(*(const double *)a, *(const double *)b);
}

#endif
