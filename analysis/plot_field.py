"""
plot_field.py: the engine's designs beside real file systems, each against the floor of its own device (a write and a
flush below it, and nothing else): p50 to p99 of each, one row a target, fastest first.
"""
import dataclasses

import draw

TITLE = "Designs beside real file systems and the device floor"
REAL = ("path", "fs")


@dataclasses.dataclass
class Row:
    """One target; us. p99 is NaN where there are too few syncs to tell; floor and times are None where they are no
    figures."""
    target: int
    p50: float
    p99: float
    floor: float
    times: float


def table(run, threads):
    """Rows, fastest first."""
    rows = []
    for i in run.indexes:
        h, floor = run.histogram(i, threads), run.floor(i, threads)
        if h is not None and h.n:
            rows.append(Row(i, h.percentile(50) / 1e3, h.figure(99) / 1e3, floor and floor.percentile(50) / 1e3,
                            run.x_floor(i, threads)))
    return sorted(rows, key=lambda r: r.p50)


def draw_row(ax, y, row):
    style, p50, target = draw.look(row.target), row.p50, row.target
    p99 = row.p99 if row.p99 == row.p99 else p50
    ax.plot([p50, p99], [y, y], color=style["color"], linewidth=4, alpha=0.35, solid_capstyle="butt")
    ax.plot(p50, y, color=style["color"], marker=style["marker"], markersize=7, label=f"p50 {target}")
    ax.text(p50, y + 0.2, draw.number(p50), ha="center", va="bottom", fontsize=6.5)
    if row.floor:
        ax.plot(row.floor, y, "|", color=draw.INK, markersize=13, markeredgewidth=1.6, label=f"floor {target}")
    if row.times:
        ax.text(p99, y, f"  {row.times:,.2f}x floor", va="center", fontsize=6.5)


def draw_run(run, threads=None):
    level = run.levels[0] if threads is None else threads
    n = run.fsyncers(level)
    title = f"{TITLE}: {n} fsyncer{'s' * (n != 1)}"
    rows = table(run, level)
    kinds = [t.get("kind", "engine") for t in run.data["targets"]]
    if not rows or not (set(kinds) & set(REAL) or any(row.floor for row in rows)):
        return draw.absent(run.recipe(), title,
                           "no real file system (--target path:DIR or fs:ext4) and no floor was measured")
    fig, axes = draw.figure(run.recipe(), title, height=1.5 + 0.36 * len(rows))
    ax = axes[0, 0]
    for y, row in enumerate(reversed(rows)):
        draw_row(ax, y, row)
    ax.set_xscale("log")
    ax.margins(x=0.08)
    draw.log_axis(ax.xaxis)
    names = [run.names[row.target] + " (real)" * (kinds[row.target] in REAL) for row in reversed(rows)]
    ax.set_yticks(range(len(rows)), names)
    ax.set_ylim(-0.6, len(rows) - 0.2)
    ax.set_xlabel(f"{run.subject} latency (us): mark at p50, bar to p99; | is the floor's p50")
    ax.set_ylabel("target")
    return fig
