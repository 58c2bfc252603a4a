"""
plot_io.py: what a sync costs the device: flushes and metadata, against the number of fsyncers. These do not
depend on how fast the machine is. The dotted line is two flushes a sync shared by all fsyncers (2/N), the least
that a log with a super block can do.
"""
import numpy as np

import draw

TITLE = "Flushes and metadata a sync"


def series(run, target, field, scale):
    """Of each level that has it: fsyncers, mean over all syncs."""
    found = [(run.fsyncers(t), run.per_sync(target, t, field)) for t in run.levels]
    return np.array([(n, x / scale) for n, x in found if x is not None]).reshape(-1, 2).T


def draw_run(run):
    if not any(t.get("flushes_per_sync") is not None for t in run.all_trials()):
        return draw.absent(run.recipe(), TITLE, "flushes were not counted")
    fig, axes = draw.figure(run.recipe(), TITLE, cols=2)
    left, right = axes[0]
    counts = np.array([run.fsyncers(t) for t in run.levels])
    for ax, field, scale in ((left, "flushes_per_sync", 1), (right, "meta_bytes_per_sync", 1024)):
        for i in run.indexes:
            x, y = series(run, i, field, scale)
            if len(x):
                ax.plot(x, y, label=run.names[i], **draw.look(i))
        if not ax.lines:
            ax.text(0.5, 0.5, "not counted", transform=ax.transAxes, ha="center", color=draw.FAINT)
        draw.fsyncers_axis(ax, counts)
    left.plot(counts, 2 / counts, ":", color=draw.INK, linewidth=1, label="2/N: shared by all")
    left.set_ylabel("flushes a sync (a FUA write is one)")
    right.set_ylabel("metadata written a sync (KiB)")
    for ax in (left, right):
        if ax.lines:
            ax.set_ylim(0, ax.dataLim.y1 * 1.08)
    left.legend()
    return fig
