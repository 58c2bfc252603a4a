/*
 * bench_race.h: the groups of `fsyncstorm bench-race`, a topic a file. Another figure is a function here, and
 * a row in bench_race.c. How they report: bench_self.h.
 */
#ifndef BENCH_RACE_H
#define BENCH_RACE_H

#include "bench_self.h"

void race_figures_protocol(struct self *s);
void race_figures_shapes(struct self *s);
void race_figures_pipeline(struct self *s);
void race_figures_seed(struct self *s);
void race_figures_prove(struct self *s);
void race_figures_explain(struct self *s);
void race_figures_stress(struct self *s);
void race_figures_corpus(struct self *s);
void race_figures_holds(struct self *s);

int cmd_bench_race(int argc, char **argv);

#endif
