"""
plot_steps.py: ten years of one fsync: the designs of several kernels on one device, with all that an fsync costs
beside each other: latency, its tail, rate, flushes, metadata, and where the time goes.
"""
import draw
import plot_io
import plot_phases
import plot_scaling
import steps

TITLE = "The fsync of several kernels on one device"


def has_steps(run):
    return all(steps.targets(run, step) for step in steps.STEPS)


def draw_costs(run, axes):
    for ax, metric, scale, label in ((axes[0][0], "p50", 1e3, "p50 (us)"), (axes[0][1], "p99", 1e3, "p99 (us)"),
                                     (axes[0][2], "rate", 1, "s a second, all tasks")):
        plot_scaling.draw_series(ax, run, metric, scale)
        ax.set_ylabel(f"{run.subject}{label}" if metric == "rate" else f"{run.subject} {label}")
        if metric != "rate":
            ax.set_yscale("log")
            draw.log_axis(ax.yaxis)
        else:
            ax.set_ylim(bottom=0)
            ax.yaxis.set_major_formatter(draw.number)


def draw_io(run, axes):
    for ax, field, scale, label in ((axes[1][0], "flushes_per_sync", 1, "flushes a sync"),
                                    (axes[1][1], "meta_bytes_per_sync", 1024, "metadata a sync (KiB)")):
        for i in run.indexes:
            x, y = plot_io.series(run, i, field, scale)
            if len(x):
                ax.plot(x, y, label=run.names[i], **draw.look(i))
        draw.fsyncers_axis(ax, [run.fsyncers(t) for t in run.levels])
        ax.set_ylabel(label)
        if ax.lines:
            ax.set_ylim(0, ax.dataLim.y1 * 1.08)


def draw_run(run):
    rows = [row for row in plot_phases.table(run) if row[1] == run.levels[-1]]
    if not has_steps(run):
        return draw.absent(run.recipe(), TITLE, "the run has not the designs of several kernels on one device")
    fig, axes = draw.figure(run.recipe(), f"{TITLE}, 95 % intervals over trials", rows=2, cols=3, width=11.4,
                            height=6.6)
    draw_costs(run, axes)
    draw_io(run, axes)
    axes[0][0].legend()
    if rows:
        plot_phases.draw_axes(axes[1][2], run, rows)
    return fig
