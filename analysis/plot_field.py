"""
plot_field.py: the engine's designs beside real file systems and the floor of the device: p50 to p99 of each, one
row a target, fastest first.
"""
import draw

TITLE = "Designs beside real file systems and the device floor"
REAL = ("path:", "fs:")
FLOOR = ("floor:", "floor")


def kind(target):
    text = target.get("text", "")
    return "floor" if text.startswith(FLOOR) else "real" if text.startswith(REAL) else "engine"


def draw_run(run, threads=None):
    level = run.levels[0] if threads is None else threads
    n = run.fsyncers(level)
    title = f"{TITLE}: {n} fsyncer{'s' * (n != 1)}"
    kinds = [kind(t) for t in run.data["targets"]]
    rows = [(h.percentile(50) / 1e3, h.percentile(99) / 1e3, i) for i in run.indexes
            if (h := run.histogram(i, level)) is not None and h.n]
    if set(kinds) == {"engine"} or not rows:
        return draw.absent(run.recipe(), title, "no real file system (--target path:DIR or fs:ext4) and no floor was measured")
    rows.sort(reverse=True)
    fig, axes = draw.figure(run.recipe(), title, height=1.4 + 0.36 * len(rows))
    ax = axes[0, 0]
    for y, (p50, p99, i) in enumerate(rows):
        style = draw.look(i)
        ax.plot([p50, p99], [y, y], color=style["color"], linewidth=4, alpha=0.35, solid_capstyle="butt")
        ax.plot(p50, y, color=style["color"], marker=style["marker"], markersize=7)
        ax.text(p50, y + 0.22, draw.number(p50), ha="center", va="bottom", fontsize=6.5)
    floors = [p50 for p50, _, i in rows if kinds[i] == "floor"]
    if floors:
        ax.axvline(min(floors), color=draw.INK, linestyle=":", linewidth=1)
    ax.set_xscale("log")
    draw.log_axis(ax.xaxis)
    ax.set_yticks(range(len(rows)), [f"{run.names[i]} ({kinds[i]})" for _, _, i in rows])
    ax.set_ylim(-0.6, len(rows) - 0.2)
    ax.set_xlabel(f"{run.subject} latency (us): mark at p50, bar to p99")
    ax.set_ylabel("target")
    return fig
