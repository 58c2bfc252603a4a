"""
plot_races.py: how soon each strategy finds a race: which share of seeds had found a violation after so many
schedules. A seed that never did within the cap keeps its curve below 1.
"""
import numpy as np

import draw

TITLE = "Schedules to the first violation"


def ecdf(row):
    """Schedules, and the share of seeds that had found one by then."""
    found = np.sort([s for s in row["seeds"] if s is not None])
    return found, np.arange(1, len(found) + 1) / len(row["seeds"])


def draw_scores(rows, recipe="race score"):
    hit = [r for r in rows if any(s is not None for s in r["seeds"])]
    if not hit:
        return draw.absent(recipe, TITLE, "no score of a race in which a strategy found a violation")
    panels = sorted({(r["race"], r["design"]) for r in hit})
    strategies = sorted({r["strategy"] for r in rows})
    across = min(3, len(panels))
    down = -(-len(panels) // across)
    fig, axes = draw.figure(recipe, TITLE, rows=down, cols=across, height=1.2 + 2.5 * down, sharey=True)
    for ax in axes.flat[len(panels):]:
        ax.set_axis_off()
    for ax, (race, design) in zip(axes.flat, panels):
        for r in rows:
            if (r["race"], r["design"]) != (race, design):
                continue
            x, y = ecdf(r)
            style = draw.look(strategies.index(r["strategy"]))
            ax.step([1, *x, r["cap"]], [0, *y, y[-1] if len(y) else 0], where="post",
                    label=f"{r['strategy']} ({len(x)}/{len(r['seeds'])})", color=style["color"],
                    linestyle=style["linestyle"])
        ax.set_xscale("log")
        draw.log_axis(ax.xaxis)
        ax.set_ylim(0, 1.03)
        ax.set_title(f"{race}, {design}")
        ax.set_xlabel("schedules")
        ax.set_ylabel("share of seeds with a violation")
        ax.legend(loc="best", fontsize=6.5)
    return fig
