/*
 * fio_report.h: what a design counted while fio drove it, as fio_session.c reports it, put into a result beside fio's
 * own figures: phases, waits, events, the device.
 *
 * Called by fio_run.c.
 */
#ifndef BENCH_FIO_REPORT_H
#define BENCH_FIO_REPORT_H

#include <jansson.h>

#include "bench/driver.h"

/* A histogram as bench_put_measured() writes it, added to h. */
void fio_report_hist(const json_t *o, struct hist *h);
/* All of a report. What is not in it stays as it is. */
void fio_report_take(const json_t *report, struct driver_result *r);

#endif
