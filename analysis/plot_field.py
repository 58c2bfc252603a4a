"""
plot_field.py: the engine's designs beside real file systems, each against the floor of its own device (a write and a
flush below it, and nothing else): p50 to p99 of each, one row a target, fastest first.
"""
import draw
import runs

TITLE = "Designs beside real file systems and the device floor"
REAL = ("path", "fs")


def floor(run, target, threads):
    """p50 in us of the floor measured before each trial; None where it was not."""
    parts = [t["floor"] for t in run.trials(target, threads) if t.get("floor")]
    return runs.histogram(parts).percentile(50) / 1e3 if parts else None


def table(run, threads):
    """[(p50, p99, floor, target)], fastest first; us."""
    found = [(i, run.histogram(i, threads)) for i in run.indexes]
    rows = [(h.percentile(50) / 1e3, h.percentile(99) / 1e3, floor(run, i, threads), i) for i, h in found if h is not None and h.n]
    return sorted(rows, key=lambda r: r[0])


def draw_row(ax, y, p50, p99, least, target):
    style = draw.look(target)
    ax.plot([p50, p99], [y, y], color=style["color"], linewidth=4, alpha=0.35, solid_capstyle="butt")
    ax.plot(p50, y, color=style["color"], marker=style["marker"], markersize=7, label=f"p50 {target}")
    ax.text(p50, y + 0.2, draw.number(p50), ha="center", va="bottom", fontsize=6.5)
    if least:
        ax.plot(least, y, "|", color=draw.INK, markersize=13, markeredgewidth=1.6, label=f"floor {target}")
        ax.text(p99, y, f"  {p50 / least:.1f}x floor", va="center", fontsize=6.5)


def draw_run(run, threads=None):
    level = run.levels[0] if threads is None else threads
    n = run.fsyncers(level)
    title = f"{TITLE}: {n} fsyncer{'s' * (n != 1)}"
    rows = table(run, level)
    kinds = [t.get("kind", "engine") for t in run.data["targets"]]
    if not rows or not (set(kinds) & set(REAL) or any(least for _, _, least, _ in rows)):
        return draw.absent(run.recipe(), title, "no real file system (--target path:DIR or fs:ext4) and no floor was measured")
    fig, axes = draw.figure(run.recipe(), title, height=1.5 + 0.36 * len(rows))
    ax = axes[0, 0]
    for y, row in enumerate(reversed(rows)):
        draw_row(ax, y, *row)
    ax.set_xscale("log")
    ax.margins(x=0.08)
    draw.log_axis(ax.xaxis)
    ax.set_yticks(range(len(rows)), [f"{run.names[i]}{' (real)' if kinds[i] in REAL else ''}" for *_, i in reversed(rows)])
    ax.set_ylim(-0.6, len(rows) - 0.2)
    ax.set_xlabel(f"{run.subject} latency (us): mark at p50, bar to p99; | is the floor's p50")
    ax.set_ylabel("target")
    return fig
