/*
 * bench_self.c: `fsyncstorm bench-self`: the figures that fsyncstorm itself must reach, each beside its bound. A row a
 * group; the groups are in figures/, one a file.
 */
#include "cmd/cmd.h"
#include "figures/figures.h"

static const struct self_suite suite = {
	.command = "bench-self",
	.doc = "The figures that fsyncstorm itself must reach, each beside its bound. Exit status 1: one was missed.\v",
	.group = {
		{ "flushes", "flushes per fsync of 1 to 8 fsyncers, in virtual time", self_flushes, false },
		{ "lock", "an uncontended lock against pthread_mutex", self_lock, false },
		{ "driver", "the bench driver without a target", self_driver, false },
		{ "harness", "the bench driver and a path: target above the system calls, fio beside it",
		  self_harness, false },
		{ "fio", "fsync on a path: target against fio with the same job", self_fio, false },
		{ "phases", "the share of each fsync that is in a named phase", self_phases, false },
		{ "instruments", "all instrumentation on against compiled out", self_instruments, false },
		{ "shape", "write + fsync against a replay of its own I/O, on a file", self_shape, false },
		{ "uring", "write + fsync through io_uring against system calls and AIO", self_uring, false },
		{ "fidelity", "postfix and modern against real btrfs on one loop device, 1 to 16 fsyncers",
		  self_fidelity, false },
		{ "kernel_phases", "the share of an fsync of ext4, xfs and btrfs that is in a named phase",
		  self_kernel_phases, false },
		{ "watched", "what watch adds to the fsync of the process that it watches", self_watched, false },
		{ "images", "crash images judged a second", self_images, false },
		{ "schedules", "schedules a second under the controlled scheduler", self_schedules, false },
		{ "seed", "how soon the seed race is found, and that it is not found where it is fixed",
		  self_seed, false },
		{ "memory", "8 tasks on 8 files of 64 MiB", self_memory, false },
		{ "recovery", "recovery from 1 GiB of oneflush's stream against reading it", self_recovery, false },
	},
	.child = self_instruments_child,
};

int cmd_bench_self(int argc, char **argv)
{
	return self_main(&suite, argc, argv);
}
