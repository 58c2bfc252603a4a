"""
plot_waits.py: who waits for whom: what was waited for (a lock or an event) against what whoever held or
owed it was doing. A cell is mean time a sync, so that designs and numbers of fsyncers compare.
"""
import numpy as np
from matplotlib.colors import LogNorm

import draw

TITLE = "Who waits for whom"
IDLE = ("TASK", "WORK")  # a task's end, a worker with nothing to do: no one's delay
ROWS = 10


def matrix(run, target, threads):
    """{class: {phase of the holder: us a sync}}, idle waits left out."""
    trials = run.trials(target, threads)
    n = sum(t["ops"][op]["n"] for t in trials for op in ("fsync", "fdatasync") if op in t["ops"])
    out = {}
    for t in trials:
        for w in t.get("waits", []):
            for phase, ns in w["holder_phase_ns"].items():
                if w["class"] not in IDLE and n:
                    row = out.setdefault(w["class"], {})
                    row[phase] = row.get(phase, 0) + ns / n / 1e3
    return out


def draw_matrix(ax, m, rows, cols, norm):
    cells = np.array([[m.get(r, {}).get(c, 0) for c in cols] for r in rows])
    image = ax.imshow(np.ma.masked_less_equal(cells, norm.vmin), norm=norm, cmap=draw.CELLS, aspect="auto")
    ax.set_xticks(range(len(cols)), cols, rotation=60, ha="right", fontsize=7)
    ax.set_yticks(range(len(rows)), rows, fontsize=7)
    ax.grid(False)
    for y, x in zip(*np.nonzero(cells >= norm.vmax / 200)):
        dark = norm(cells[y, x]) > 0.5
        ax.text(x, y, draw.number(cells[y, x]), ha="center", va="center", fontsize=5.5,
                color=draw.PAPER if dark else "#1c1c1c")
    return image


def draw_run(run, threads=None):
    level = run.levels[-1] if threads is None else threads
    n = run.fsyncers(level)
    title = f"{TITLE}: mean time a sync waited, {n} fsyncer{'s' * (n != 1)}"
    found = {i: m for i in run.indexes if (m := matrix(run, i, level))}
    if not found:
        return draw.absent(run.recipe(), title,
                           "waits were not measured (a real file system, or counters compiled out)")
    total = {}
    for m in found.values():
        for cls, row in m.items():
            total[cls] = total.get(cls, 0) + sum(row.values())
    rows = sorted(total, key=total.get, reverse=True)[:ROWS]
    top = max(max(m.get(r, {}).values(), default=0) for m in found.values() for r in rows)
    cols = sorted({p for m in found.values() for r in rows for p, us in m.get(r, {}).items() if us > top / 1e4})
    fig, axes = draw.figure(run.recipe(), title, cols=len(found), width=max(7.6, 2.2 + 2.9 * len(found)), height=4.4,
                            sharey=True)
    norm = LogNorm(top / 1e4, top)
    for ax, (i, m) in zip(axes[0], found.items()):
        image = draw_matrix(ax, m, rows, cols, norm)
        ax.set_title(run.names[i])
        ax.set_xlabel("phase of who held or owed it")
    axes[0, 0].set_ylabel("what was waited for")
    bar = fig.colorbar(image, ax=list(axes[0]), label="us waited a sync (mean, all tasks)", shrink=0.9)
    bar.ax.yaxis.set_major_formatter(draw.number)
    return fig
