"""
plot_answer.py: the picture of the README: p50 and p99 against fsyncers, and where the time goes, under the
sentence that they say.
"""
import textwrap

import draw
import plot_phases
import plot_scaling
import say


def draw_run(run):
    sentence = "\n".join(textwrap.wrap(say.answers(run)[0], 100))
    fig, axes = draw.figure(run.recipe(), sentence, cols=2, width=9.2, height=4.4)
    fig.get_layout_engine().set(wspace=0.06)
    left, right = axes[0]
    shown = plot_scaling.draw_series(left, run, "p50", 1e3)
    rows = plot_phases.table(run)
    if not shown or not rows:
        return draw.absent(run.recipe(), sentence, "too few syncs, or no phases")
    left.set_yscale("log")
    draw.log_axis(left.yaxis)
    left.set_ylabel(f"{run.subject} p50 (us), 95 % interval")
    left.set_title("latency")
    left.legend()
    plot_phases.draw_axes(right, run, rows)
    right.set_title("where the mean goes", pad=16)
    return fig
