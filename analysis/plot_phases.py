"""
plot_phases.py: where the mean sync's time went: one bar a target and number of fsyncers, its parts summing
to the mean latency.
"""
import numpy as np

import draw

TITLE = "Where the mean sync's time goes"
# From the caller to the device and back; one not named here is drawn last. Neighbours differ in
# lightness, and hatches tell the rest apart.
LOOK = {
    "flush": ("#56b4e9", ""), "inode_lock": ("#d55e00", ""), "reflush": ("#0072b2", "//"),
    "wait_data": ("#0072b2", ""), "wakeup": ("#f0e442", ""), "log_items": ("#009e73", ""),
    "log_join": ("#cc79a7", ""), "log_write": ("#e69f00", ""), "dev_flush": ("#7d4e00", ""),
    "super": ("#8a3a00", "\\\\"), "trans": ("#9b9b9b", "//"), "other": ("#c8c8c8", ""),
    "jiffy_sleep": ("#d55e00", "xx"), "metadata": ("#8a3a00", "//"),
    "lock": ("#d55e00", "//"), "memory": ("#009e73", "//"),
    "on_cpu": ("#f0f0f0", ""), "preempted": ("#f0f0f0", "//"),
}
SMALL = 0.005  # a phase that is nowhere a larger share is drawn but not named


def table(run):
    """[(target, threads, {phase: us}, mean us)] of all bars, level by level."""
    rows = []
    for threads in run.levels:
        for i in run.indexes:
            phases, h = run.phases(i, threads), run.histogram(i, threads)
            if phases and h is not None:
                rows.append((i, threads, phases, run.sync_mean(i, threads)))
    return rows


def order_of(rows):
    have = {p for _, _, phases, _ in rows for p, us in phases.items() if us > 0}
    return [p for p in LOOK if p in have] + sorted(have - set(LOOK))


def places(run, rows):
    """Where the bars stand: levels apart, targets of a level side by side."""
    return [run.levels.index(threads) * (len(run.names) + 1) + i for i, threads, _, _ in rows]


def draw_bars(ax, rows, at):
    bottom = np.zeros(len(rows))
    total = np.array([mean for _, _, _, mean in rows])
    for phase in order_of(rows):
        part = np.array([phases.get(phase, 0) for _, _, phases, _ in rows])
        colour, hatch = LOOK.get(phase, (draw.FAINT, "xx"))
        named = (part / total > SMALL).any()
        ax.bar(at, part, 0.86, bottom, color=colour, hatch=hatch, edgecolor=draw.PAPER, linewidth=0.4,
               label=phase if named else "_" + phase)
        bottom += part
    ax.plot(at, total, "_", color=draw.INK, markersize=11, label="mean latency")


def draw_axes(ax, run, rows):
    at = places(run, rows)
    draw_bars(ax, rows, at)
    turned = {"rotation": 60 if len(rows) > 8 else 30, "ha": "right", "rotation_mode": "anchor"}
    ax.set_xticks(at, [run.names[i] for i, _, _, _ in rows], **(turned if len(rows) > 4 else {}))
    ax.grid(axis="x", visible=False)
    for threads in {t for _, t, _, _ in rows}:
        mine = [x for x, r in zip(at, rows) if r[1] == threads]
        ax.text(np.mean(mine), 1.0, run.fsyncers(threads), transform=ax.get_xaxis_transform(), ha="center",
                va="bottom", fontsize=8)
    ax.set_ylabel(f"mean {run.subject} latency (us)")
    ax.set_xlabel("target; above the bars: number of fsyncers")
    ax.yaxis.set_major_formatter(draw.number)
    handles, labels = ax.get_legend_handles_labels()
    ax.legend(handles[::-1], labels[::-1], loc="center left", bbox_to_anchor=(1, 0.5), fontsize=7.5)


def draw_run(run):
    rows = table(run)
    if not rows:
        return draw.absent(run.recipe(), TITLE,
                           "phases were not measured (stacks of the kernel not allowed, or counters compiled out)")
    fig, axes = draw.figure(run.recipe(), f"{TITLE} (parts sum to the mean latency)", width=6.2, height=3.7)
    draw_axes(axes[0, 0], run, rows)
    return fig
