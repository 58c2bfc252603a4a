"""
plot_numa.py: what distance costs: the same job under different placements (several runs), and how many
hand-overs of a lock went to another node.
"""
import numpy as np

import draw
import runs
import stats

TITLE = "NUMA: local against remote"


def hand_overs(run, target, threads):
    """Lock hand-overs to another node, a sync."""
    trials = run.trials(target, threads)
    n = sum(runs.number_of(t, run.ops_of(None)) for t in trials)
    return sum(w["other_node"] for t in trials for w in t.get("waits", [])) / n if n else np.nan


def draw_runs(given):
    """One run a placement."""
    first = given[0]
    like = [r for r in given if r.names == first.names and r.subject == first.subject]
    if first.env.get("topology", {}).get("nodes", 1) < 2:
        return draw.absent(first.recipe(), TITLE, "this machine has one NUMA node")
    if not all(r.env.get("topology", {}).get("real", True) for r in like):
        return draw.absent(first.recipe(), TITLE, "the topology was synthetic: no task was bound")
    if len({r.data.get("placement") for r in like}) < 2:
        return draw.absent(first.recipe(), TITLE,
                           "one placement only; give runs of the same job with --placement node:0, split, ...")
    fig, axes = draw.figure(" | ".join(r.recipe() for r in like), TITLE, cols=2)
    left, right = axes[0]
    x = np.arange(len(like))
    for i in first.indexes:
        at = x + 0.12 * (i - (len(first.names) - 1) / 2)
        centres = [stats.interval_of_centre([r.value(t, "p50") / 1e3 for t in r.trials(i, r.levels[-1])]) for r in like]
        middle, low, high = np.array(centres).T
        bars = np.maximum(np.nan_to_num([middle - low, high - middle]), 0)
        style = dict(draw.look(i), linestyle="none")
        left.errorbar(at, middle, yerr=bars, label=first.names[i], capsize=3, **style)
        right.plot(at, [hand_overs(r, i, r.levels[-1]) for r in like], **style)
    for ax in (left, right):
        ax.set_xticks(x, [r.data.get("placement", "?") for r in like])
        ax.set_xlabel("placement of tasks")
        ax.set_ylim(bottom=0)
    left.set_ylabel(f"{first.subject} p50 (us), {first.fsyncers(first.levels[-1])} fsyncers")
    right.set_ylabel("lock hand-overs to another node, a sync")
    left.legend()
    return fig
