/*
 * options.h: the options of `fsyncstorm bench`, for cmd/bench.c. Its input is a struct bench_options.
 */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include <argp.h>

#include "bench/bench.h"

extern const struct argp bench_argp;

#endif
