/*
 * race.h: the groups of `fsyncstorm bench-race`, one a file: race_*.c. Another group is a function here, and a row in
 * cmd/bench_race.c. How they report: figures.h.
 */
#ifndef FIGURES_RACE_H
#define FIGURES_RACE_H

#include "figures/figures.h"

void race_figures_protocol(struct self *s);
void race_figures_shapes(struct self *s);
void race_figures_pipeline(struct self *s);
void race_figures_seed(struct self *s);
void race_figures_prove(struct self *s);
void race_figures_proofs(struct self *s);
void race_figures_explain(struct self *s);
void race_figures_stress(struct self *s);
void race_figures_corpus(struct self *s);
void race_figures_portfolio(struct self *s);
void race_figures_scenarios(struct self *s);

#endif
