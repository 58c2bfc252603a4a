"""
plot_scaling.py: what more fsyncers bring: the rate of all of them and the p99 of each, with 95 % intervals
over trials.
"""
import numpy as np

import draw
import stats

TITLE = "Rate and p99 against the number of fsyncers"
SPREAD = 0.025  # targets stand beside each other, so that their intervals can be told apart


def series(run, target, metric, scale):
    """Of each level that has it: fsyncers, centre, low, high."""
    rows = []
    for threads in run.levels:
        values = [run.value(t, metric) for t in run.trials(target, threads)]
        middle, low, high = stats.interval_of_centre(np.array(values) / scale)
        if np.isfinite(middle):
            rows.append((run.fsyncers(threads), middle, low, high))
    return np.array(rows).reshape(-1, 4).T


def draw_series(ax, run, metric, scale):
    shown = 0
    for i in run.indexes:
        x, middle, low, high = series(run, i, metric, scale)
        if not len(x):
            continue
        shown += 1
        x = x * 2 ** (SPREAD * 3 * (i - (len(run.names) - 1) / 2))
        bars = np.array([np.nan_to_num(middle - low), np.nan_to_num(high - middle)])
        ax.errorbar(x, middle, yerr=np.maximum(bars, 0), label=run.names[i], capsize=2.5, **draw.look(i))
    draw.fsyncers_axis(ax, [run.fsyncers(t) for t in run.levels])
    return shown


def draw_run(run):
    fig, axes = draw.figure(run.recipe(), f"{TITLE}, 95 % intervals over trials", cols=2, width=6.2, height=3.7)
    left, right = axes[0]
    shown = draw_series(left, run, "rate", 1)
    draw_series(right, run, "p99", 1e3)
    if not shown:
        return draw.absent(run.recipe(), TITLE, "no trial has a rate")
    left.set_ylabel(f"{run.subject}s a second, all tasks")
    left.set_ylim(bottom=0)
    left.yaxis.set_major_formatter(draw.number)
    left.legend()
    right.set_ylabel(f"{run.subject} p99 (us)")
    right.set_yscale("log")
    draw.log_axis(right.yaxis)
    return fig
