"""
plots.py: which plots there are, and of which runs each is drawn. The report shows them, `make plots` makes
files of them.
"""
import dataclasses
from typing import Callable

import plot_answer
import plot_field
import plot_io
import plot_latency
import plot_numa
import plot_phases
import plot_races
import plot_scaling
import plot_sections
import plot_steps
import plot_time
import plot_waits


@dataclasses.dataclass
class Plot:
    name: str            # of its file
    caption: str         # what it shows, one sentence
    draw: Callable       # returns a figure; one with `absent` where the run has no such data
    map: bool = False    # its colours are figures, from paper to ink: on a dark page they are turned over


def of_level(run, threads):
    n = run.fsyncers(threads)
    return f"{n} fsyncer{'s' * (n != 1)}"


def first_screen(run):
    """The three that carry the answer."""
    return [
        Plot("latency", "How long a sync takes, to the far tail.", lambda: plot_latency.draw_run(run)),
        Plot("scaling", "What more fsyncers bring.", lambda: plot_scaling.draw_run(run)),
        Plot("phases", "Where the mean sync's time goes.", lambda: plot_phases.draw_run(run)),
    ]


def the_rest(run, others=(), scores=None):
    """scores: rows of `race score`; None: those kept beside the run, if any."""
    scores = scores or run.scores() or []
    last = run.levels[-1]
    out = [Plot(f"latency-{t}", f"Latency with {of_level(run, t)}.", lambda t=t: plot_latency.draw_run(run, t))
           for t in run.levels[1:]]
    out += [
        Plot("waits", f"What was waited for, and what its holder was doing, {of_level(run, last)}.",
             lambda: plot_waits.draw_run(run), map=True),
        Plot("time", f"Latency over time, {of_level(run, last)}.", lambda: plot_time.draw_run(run),
             map=True),
        Plot("io", "Flushes and metadata a sync.", lambda: plot_io.draw_run(run)),
        Plot("steps", "The fsync of several kernels on one device.", lambda: plot_steps.draw_run(run)),
        Plot("sections", f"Each section's calls, {of_level(run, last)}.", lambda: plot_sections.draw_run(run)),
        Plot("field", "Designs beside real file systems and the device floor.", lambda: plot_field.draw_run(run)),
        Plot("numa", "Local against remote placement.", lambda: plot_numa.draw_runs([run, *others])),
        Plot("races", "Schedules to the first violation, by strategy.",
             lambda: plot_races.draw_scores(scores, run.recipe())),
    ]
    return out


def answer(run):
    """The README's picture."""
    return Plot("answer", "The answer.", lambda: plot_answer.draw_run(run))
