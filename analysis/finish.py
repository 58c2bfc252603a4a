"""
finish.py: what a bench says of its figures when it ends, below the table of what it measured: ratios with intervals and
what they come to, fio's figures beside ours, x floor, what makes one doubt it all, and the words. Also the files of
percentiles in the run's folder.

`fsyncstorm bench` starts it, and waits for it: nothing here needs more than numpy.
"""
import itertools
import os
import sys

import glossary
import hgrm
import runs
import say

NAME_WIDTH = 18
FIO_BOUND = 1.15  # on an idle machine, fio and we are closer than this


def heading(run, target):
    return run.data["targets"][target]["label"]


def row_head(run, threads, target):
    return f"{run.fsyncers(threads):7}  {heading(run, target):<{NAME_WIDTH}.{NAME_WIDTH}}"


def ratios(run):
    """A table for each target against the first one, and how many comparisons were made. fio's have their own
    table."""
    each, _ = say.compare_run(run)
    drivers = {i for i in run.indexes if "fio_beside" in run.data["targets"][i]}
    ours = [r for r in each if r.target not in drivers]
    for target, rows in itertools.groupby(ours, key=lambda r: r.target):
        print(f"\nratio of {heading(run, target)} to {heading(run, 0)} [95 % interval], from trials next to each other")
        for r in sorted(rows, key=lambda r: run.levels.index(r.threads)):
            c = r.result
            told = f"{c.ratio:6.3f} [{c.low:6.3f}, {c.high:6.3f}]" if c.valid else f"{'-':>6} {'':18}"
            print(f"{r.fsyncers:7}  {r.metric:<6} {told}  {say.words(r.metric, c)}")
    if any(r.result.valid for r in ours):
        print(say.chance(ours) + ".")


def fio_cell(theirs, ours):
    if not theirs > 0 or not ours > 0:
        return f"  {'-':>6} {'':6}"
    ratio = theirs / ours
    return f"  {ratio:6.3f} {'agrees' if 1 / FIO_BOUND <= ratio <= FIO_BOUND else 'apart':6}"


def fio(run):
    """What fio measured against what we did, all trials together."""
    beside = [(i, t["fio_beside"]) for i, t in enumerate(run.data["targets"]) if "fio_beside" in t]
    if not beside:
        return
    print(f"\nfio beside us, the same job in the same folder: its figure / ours; on an idle machine within "
          f"{1 / FIO_BOUND:.2f}..{FIO_BOUND:.2f}\n{'threads':>7}  {'target':<{NAME_WIDTH}}  {'p50':<13}  {'rate':<13}")
    for threads, (theirs, ours) in itertools.product(run.levels, beside):
        p50 = [h.figure(50) if (h := run.histogram(i, threads)) else float("nan") for i in (theirs, ours)]
        rate = [run.rate(i, threads) for i in (theirs, ours)]
        print((row_head(run, threads, theirs) + fio_cell(*p50) + fio_cell(*rate)).rstrip())


def floors(run):
    have = [(t, i) for t in run.levels for i in run.indexes if run.floor(i, t)]
    if not have:
        return
    print(f"\n{run.subject} with its writes against the floor below it, p50\n{'threads':>7}  {'target':<{NAME_WIDTH}} "
          f"{'floor us':>9} {'x floor':>9}")
    for threads, i in have:
        least, times = run.floor(i, threads).percentile(50) / 1e3, run.x_floor(i, threads)
        print(f"{row_head(run, threads, i)} {least:9.1f} {'-' if times is None else f'{times:.2f}':>9}")


def words(run):
    meanings = glossary.terminal_words(run)
    width = max(len(word) for word, _ in meanings)
    print("\nwhat the words mean")
    for word, meaning in meanings:
        print(f"  {word:<{width}} {meaning}")


def tell(run):
    ratios(run)
    fio(run)
    floors(run)
    words(run)
    for doubt in say.figure_doubts(run):
        print("doubt:", doubt)


def load(where):
    """A folder, which may not have its final name yet; or `-`, a run.json on stdin. A bench that was interrupted in its
    first trial has none to tell of, and that is no mistake."""
    path = os.path.join("." if where == "-" else where, "run.json")
    data = runs.parse_json(path, sys.stdin) if where == "-" else runs.read_json(path)
    runs.check_schema(path, data)
    runs.check_fields(path, data)
    return runs.Run(path, data, {})


def command(options):
    run = load(options.run)
    if options.run != "-":
        hgrm.write_all(run, options.run)
    if not options.quiet and run.all_trials():
        tell(run)
    return 0
