/*
 * cut_kernel.h: `fsyncstorm cut --kernel`: the same arguments under another kernel, which scripts/cut-vm boots in QEMU.
 * That script lies beside the program (recipe/ours.h).
 *
 * Called by cmd/cut.c.
 */
#ifndef CMD_CUT_KERNEL_H
#define CMD_CUT_KERNEL_H

#include <jansson.h>
#include <stdbool.h>

struct cut_guest {
	const char *kernel;      /* as `scripts/cut-vm -k` takes it */
	const char *const *args; /* of `fsyncstorm cut`, without where results go; ended by NULL */
	bool quiet;              /* what it says goes to standard error */
	bool records;            /* it only records, and `out` is the folder of the records */
	const char *out;         /* where findings go; made when there is one */
	double seconds;          /* it may take so long */
};

/*
 * Runs it to its end. *result is what `--json` would have written there, to be freed; NULL: it only recorded. The
 * exit status of the guest's program; 2 when there is none to be had, which has been said. Ctrl-C ends the guest, and
 * so does our death.
 */
int cut_guest_run(const struct cut_guest *g, json_t **result);

#endif
