"""
finish.py: what a bench says of its figures when it ends, below the table of what it measured. First why an operation
costs what it does, then how the targets compare, then what makes one doubt it all; a sentence each. With --verbose each
ratio with its interval, x floor of each row, and what the words mean. Also the files of percentiles in the run's
folder.

finish.1: No line is wider than the terminal, or than COLUMNS where that is set (engine/base/screen.h). A pipe has no
width: a sentence is one line there.

`fsyncstorm bench` starts it, and waits for it: nothing here needs more than numpy.
"""
import itertools
import os
import sys
import textwrap

import glossary
import hgrm
import runs
import say
import unlike

NAME_WIDTH = 18
DOUBTS = 3        # that are told without --verbose
NARROW = 100      # below it a sentence stands under what it is about, and not beside it
FIO_BOUND = 1.15  # on an idle machine, fio and we are closer than this


def columns():
    """Letters in a line; 0: as many as there are to be (finish.1)."""
    try:
        return max(20, int(os.environ["COLUMNS"]))
    except (KeyError, ValueError):
        pass
    try:
        return os.get_terminal_size(1).columns
    except OSError:
        return 0


def put(text, head=""):
    """A paragraph: `head`, then the text; its further lines are moved in as far."""
    width = columns()
    if not width:
        print(head + text)
        return
    text = text.replace(" %", "\0%")  # a share is one word
    print("\n".join(textwrap.wrap(text, width, initial_indent=head, break_long_words=False, break_on_hyphens=False,
                                  subsequent_indent=" " * len(head))).replace("\0", " "))


def put_row(head, text):
    """Figures, and a sentence on them: beside them, or below where the screen is narrow."""
    width = columns()
    if not text or not width or len(head) + len(text) <= width:
        print((head + text).rstrip())
    else:
        print(head.rstrip())
        put(text, " " * 9)


def heading(run, target):
    return run.data["targets"][target]["label"]


def row_head(run, threads, target):
    return f"{run.fsyncers(threads):7}  {heading(run, target):<{NAME_WIDTH}.{NAME_WIDTH}}"


def ours(run):
    """Comparisons of the targets that we drove; fio's have their own table."""
    each, over = say.compare_run(run)
    drivers = {i for i in run.indexes if "fio_beside" in run.data["targets"][i]}
    return [r for r in each if r.target not in drivers], [r for r in over if r.target not in drivers]


def ratios(run):
    """A table for each target against the first one, and how many comparisons were made."""
    each, _ = ours(run)
    for target, rows in itertools.groupby(each, key=lambda r: r.target):
        print()
        put(f"ratio of {heading(run, target)} to {heading(run, run.base_of(target))} [95 % interval], from trials next "
            "to each other")
        for r in sorted(rows, key=lambda r: run.levels.index(r.threads)):
            c = r.result
            told = f"{c.ratio:6.3f} [{c.low:6.3f}, {c.high:6.3f}]" if c.valid else f"{'-':>6} {'':18}"
            put_row(f"{r.fsyncers:7}  {r.metric:<6} {told}  ", say.words(r.metric, c))
    if any(r.result.valid for r in each):
        put(say.chance(each) + ".")


def sentences(run):
    """Why, and how the targets compare: a line each."""
    each, over = ours(run)
    compared = (say.jobs_text(run) + say.fidelity(run) + say.pairs(run, over) +
                ([say.chance(each) + "."] if len(over) > 4 else []))
    for lines in (say.why(run), compared):
        if lines:
            print()
        for line in lines:
            told = line.startswith(unlike.HEAD)
            put(line.removeprefix(unlike.HEAD), unlike.HEAD if told else "")


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
    print()
    put("fio beside us, the same job in the same folder: its figure / ours; on an idle machine within "
        f"{1 / FIO_BOUND:.2f}..{FIO_BOUND:.2f}")
    print(f"{'threads':>7}  {'target':<{NAME_WIDTH}}  {'p50':<13}  {'rate':<13}".rstrip())
    for threads, (theirs, ours) in itertools.product(run.levels, beside):
        p50 = [h.figure(50) if (h := run.histogram(i, threads)) else float("nan") for i in (theirs, ours)]
        rate = [run.rate(i, threads) for i in (theirs, ours)]
        print((row_head(run, threads, theirs) + fio_cell(*p50) + fio_cell(*rate)).rstrip())


def floors(run):
    have = [(t, i) for t in run.levels for i in run.indexes if run.floor(i, t)]
    if not have:
        return
    print(f"\n{run.subject} with its writes against the floor below, p50\n{'threads':>7}  {'target':<{NAME_WIDTH}} "
          f"{'floor us':>9} {'x floor':>9}")
    for threads, i in have:
        least, times = run.floor(i, threads).percentile(50) / 1e3, run.x_floor(i, threads)
        print(f"{row_head(run, threads, i)} {least:9.1f} {'-' if times is None else f'{times:.2f}':>9}")


def words(run):
    meanings, width = glossary.terminal_words(run), columns()
    wide = max(len(word) for word, _ in meanings)
    print("\nwhat the words mean")
    for word, meaning in meanings:
        if width and width < NARROW:
            print(f"  {word}")
            put(meaning, "      ")
        else:
            put(meaning, f"  {word:<{wide}} ")


def doubts(run, verbose):
    told = say.figure_doubts(run)
    some = told if verbose or len(told) <= DOUBTS else told[:DOUBTS]
    for doubt in some:
        put(doubt, "doubt: ")
    if len(told) > len(some):
        print(f"({len(told) - len(some)} more doubts: --verbose)")


def tell(run, verbose=False):
    sentences(run)
    if verbose:
        ratios(run)
    fio(run)
    if verbose:
        floors(run)
        words(run)
    doubts(run, verbose)


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
        tell(run, options.verbose)
    return 0
