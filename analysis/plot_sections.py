"""
plot_sections.py: the sections of a job apart, and in each its kinds of calls: p50 to p99 of each, with the longest, one
row a section and call, the targets beside each other.
"""
import draw

TITLE = "Each section's calls"


def draw_row(ax, y, row, target, named):
    style, h = draw.look(target), row.calls
    p50, p99 = h.percentile(50) / 1e3, h.percentile(99) / 1e3
    ax.plot([p50, p99], [y, y], color=style["color"], linewidth=4, alpha=0.35, solid_capstyle="butt")
    ax.plot(p50, y, color=style["color"], marker=style["marker"], markersize=6, linestyle="none", label=named)
    ax.plot(h.max_ns / 1e3, y, "|", color=style["color"], markersize=9, markeredgewidth=1.4)


def draw_run(run, threads=None):
    level = run.levels[-1] if threads is None else threads
    n = run.fsyncers(level)
    title = f"{TITLE}: {n} task{'s' * (n != 1)}"
    of = [(i, [r for r in run.sections(i, level) if r.section]) for i in run.indexes]
    names = list(dict.fromkeys((r.section, r.call) for _, rows in of for r in rows if r.calls.max_ns))
    if not run.has_sections():
        return draw.absent(run.recipe(), title, "one section, with a write and a sync: the other plots show it")
    fig, axes = draw.figure(run.recipe(), title, height=1.5 + 0.3 * len(names) * max(1, len(of) / 2))
    ax, step = axes[0, 0], 0.7 / len(of)
    for k, (target, rows) in enumerate(of):
        named = run.names[target]
        for row in rows:
            if (row.section, row.call) in names:
                y = len(names) - 1 - names.index((row.section, row.call)) + (len(of) - 1) * step / 2 - k * step
                draw_row(ax, y, row, target, named)
                named = None
    ax.set_xscale("log")
    draw.log_axis(ax.xaxis)
    ax.set_yticks(range(len(names)), [f"{section}: {call}" for section, call in reversed(names)])
    ax.set_ylim(-0.7, len(names) - 0.3)
    ax.set_xlabel("latency (us): mark at p50, bar to p99; | is the longest")
    ax.set_ylabel("section: call")
    ax.legend(loc="best")
    return fig
