"""
plot_time.py: latency over time: how many syncs ended when, and how long they took. Stalls are marked: syncs
that took more than STALL medians and more than p99.9; those that overlap in time are one stall.
"""
import numpy as np
from matplotlib.colors import LogNorm

import draw

TITLE = "Latency over time"
STALL = 20
ROW = 2 ** 0.25  # a row reaches up to so many times where it begins (results/README.md)


def grid(trial):
    """Edges of slices (s), edges of rows (us), and counts [row][slice], of one trial."""
    over = trial["over_time"]
    slices = len(over["max_ns"])
    lows = sorted({c[1] for c in over["cells"]})
    edges = ROW ** np.arange(np.floor(np.log(max(lows[0], 1)) / np.log(ROW) + 0.5),
                             np.floor(np.log(max(lows[-1], 1)) / np.log(ROW) + 0.5) + 2)
    counts = np.zeros((len(edges) - 1, slices))
    for i, low, n in over["cells"]:
        counts[np.clip(np.searchsorted(edges, max(low, 1) * ROW ** 0.5) - 1, 0, len(edges) - 2), i] += n
    return np.arange(slices + 1) * over["slice_ns"] / 1e9, edges / 1e3, counts


def has_cells(trial):
    """fio keeps no latency over time, and a trial may end before its first sync."""
    return bool(trial.get("over_time", {}).get("cells"))


def stalls(trial, bound_ns):
    """[(begin s, end s, us of the longest)] of those in a trial."""
    over, out = trial["over_time"], []
    for i, ns in enumerate(over["max_ns"]):
        end = (i + 1) * over["slice_ns"] / 1e9
        begin = max(0, end - ns / 1e9)
        if ns <= bound_ns:
            continue
        if out and begin <= out[-1][1]:
            begin, ns = min(begin, out[-1][0]), max(ns, out.pop()[2] * 1e3)
        out.append((begin, end, ns / 1e3))
    return out


def draw_target(ax, run, target, level, norm):
    """Trials one after another, a line between them. Returns the image and how many stalls there were."""
    at, image, marked = 0.0, None, 0
    syncs = run.histogram(target, level)
    bound = max(STALL * syncs.percentile(50), syncs.percentile(99.9))
    for trial in filter(has_cells, run.trials(target, level)):
        x, y, counts = grid(trial)
        image = ax.pcolormesh(x + at, y, np.ma.masked_equal(counts, 0), norm=norm, cmap=draw.CELLS, rasterized=True)
        for begin, end, us in stalls(trial, bound):
            marked += 1
            ax.plot([at + begin, at + end], [us, us], color="#d55e00", linewidth=1, marker="v", markevery=[1],
                    markersize=4)
        at += max(x[-1], trial["elapsed_ns"] / 1e9)
        ax.axvline(at, color=draw.FAINT, linewidth=0.6, linestyle=":")
    ax.set_yscale("log")
    draw.log_axis(ax.yaxis)
    ax.set_title(f"{run.names[target]}: {marked} stall{'s' * (marked != 1)} "
                 f"(a sync of over {draw.number(bound / 1e3)} us)", loc="left")
    return image, marked


def draw_run(run, threads=None):
    level = run.levels[-1] if threads is None else threads
    n = run.fsyncers(level)
    title = f"{TITLE}: {n} fsyncer{'s' * (n != 1)}, trials one after another"
    found = [i for i in run.indexes if any(has_cells(t) for t in run.trials(i, level))]
    if not found:
        return draw.absent(run.recipe(), title, "it keeps no latency over time (made by an older fsyncstorm or by fio, "
                                                "or no sync in the job)")
    fig, axes = draw.figure(run.recipe(), title, rows=len(found), height=1.3 + 1.55 * len(found), sharex=True,
                            sharey=True)
    most = max(c[2] for i in found for t in run.trials(i, level) if has_cells(t)
               for c in t["over_time"]["cells"])
    norm = LogNorm(1, max(2, most))
    for ax, i in zip(axes[:, 0], found):
        image, _ = draw_target(ax, run, i, level, norm)
        ax.set_ylabel("latency (us)")
    axes[-1, 0].set_xlabel("time measured (s)")
    bar = fig.colorbar(image, ax=list(axes[:, 0]), label="syncs that ended")
    bar.ax.yaxis.set_major_formatter(draw.number)
    return fig
