"""
plot_latency.py: how long a sync takes: which share of them took at most so long, and the percentile curve
to p99.99, where the tail can be seen.
"""
import numpy as np

import draw

TITLE = "Latency of each sync"
TICKS = (50, 90, 99, 99.9, 99.99)
DEEPEST = 99.99


def level_of(run, threads):
    return run.levels[0] if threads is None else threads


def shown(ns):
    """us. A sync that the clock saw no time in is drawn as one of 1 ns: a logarithmic axis has no 0."""
    return np.maximum(ns, 1) / 1e3


def cdf(ax, h, target, name):
    share = np.cumsum(h.counts) / h.n
    ax.step(shown(h.values), share, where="post", label=name, color=draw.look(target)["color"],
            linestyle=draw.look(target)["linestyle"])


def nines(percent):
    """Where a percentile stands on the axis: each nine takes as much room as the one before."""
    return -np.log10(1 - np.asarray(percent, dtype=float) / 100)


def curve(ax, h, target, name):
    """To the last percentile that ten syncs are beyond, p99.99 at most."""
    deepest = min(DEEPEST, 100 * (1 - 10 / h.n)) if h.n > 20 else 50
    at = 100 * (1 - 10 ** -np.linspace(0, nines(deepest), 200))
    style = draw.look(target)
    ax.plot(nines(at), [shown(h.percentile(p)) for p in at], label=name, color=style["color"],
            linestyle=style["linestyle"])


def draw_run(run, threads=None):
    level = level_of(run, threads)
    found = [(i, run.histogram(i, level)) for i in run.indexes]
    found = [(i, h) for i, h in found if h is not None and h.n]
    fsyncers = run.fsyncers(level)
    title = f"{TITLE}: {run.subject}, {fsyncers} fsyncer{'s' * (fsyncers != 1)}"
    if not found:
        return draw.absent(run.recipe(), title, "no sync was measured at this number of tasks")
    fig, axes = draw.figure(run.recipe(), title, cols=2, width=6.2, height=3.7)
    left, right = axes[0]
    for i, h in found:
        cdf(left, h, i, run.names[i])
        curve(right, h, i, run.names[i])
    left.set_xscale("log")
    draw.log_axis(left.xaxis)
    left.set_xlabel(f"{run.subject} latency (us)")
    left.set_ylabel("share of syncs that took at most so long")
    left.legend(loc="lower right")
    right.set_yscale("log")
    draw.log_axis(right.yaxis)
    right.set_xticks(nines(TICKS), [f"p{t:g}" for t in TICKS])
    right.set_xlabel("percentile")
    right.set_ylabel(f"{run.subject} latency (us)")
    return fig
