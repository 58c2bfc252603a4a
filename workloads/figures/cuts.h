/*
 * cuts.h: the groups of bench-cut: what power cuts on real file systems must reach. Each needs root, and says so.
 */
#ifndef FIGURES_CUTS_H
#define FIGURES_CUTS_H

#include "figures/figures.h"

void cut_figures_rates(struct self *s);
void cut_figures_aimed(struct self *s);
void cut_figures_exhaustive(struct self *s);
void cut_figures_recording(struct self *s);
void cut_figures_alarms(struct self *s);

#endif
