"""
draw.py: what all plots share: colours, marks, the recipe in small print, and how a figure becomes a file.

A target looks the same in every plot. Its colour (Okabe and Ito's, told apart by colour-blind eyes), its mark and its
line style all say which it is, so that a print in grey can be read. Every figure carries its recipe. Where a run does
not have the data of a plot, the plot's place says which data. The same run gives the same file, byte for byte.

Called by plot_*.py. Figures are made without pyplot: no state outside the figure.
"""
import io
import math
import re
import textwrap

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

import files

INK, FAINT, PAPER = "#1b1b1b", "#8b8b8b", "#ffffff"
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#a8a000", "#7f7f7f")
MARKS = "osD^vPX*"
LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (7, 2)), (0, (1, 2)), (0, (3, 1, 1, 1)))
MAP = "cividis"  # made for all eyes; its lightness alone tells the order
CELLS = "cividis_r"

matplotlib.rcParams.update({
    "svg.fonttype": "none", "svg.hashsalt": "fsyncstorm", "font.family": ["DejaVu Sans"], "font.size": 9,
    "text.color": INK, "axes.edgecolor": INK, "axes.labelcolor": INK, "xtick.color": INK, "ytick.color": INK,
    "axes.titlesize": 9.5, "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True,
    "grid.color": FAINT, "grid.alpha": 0.25, "grid.linewidth": 0.6, "legend.frameon": False,
    "legend.fontsize": 8, "lines.linewidth": 1.6, "lines.markersize": 5, "hatch.linewidth": 0.5,
})


def look(target):
    """Of a target's index: colour, mark and line."""
    i = target % len(COLOURS)
    return {"color": COLOURS[i], "marker": MARKS[i], "linestyle": LINES[i]}


def figure(recipe, title, rows=1, cols=1, width=7.6, height=3.9, **share):
    """A figure and its axes (always a two-dimensional array)."""
    fig = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(fig)
    axes = fig.subplots(rows, cols, squeeze=False, **share)
    fig.suptitle(title, fontsize=10.5, fontweight="bold", x=0.01, ha="left")
    small_print(fig, recipe)
    return fig, axes


def small_print(fig, recipe):
    lines = textwrap.wrap(recipe, int(fig.get_figwidth() * 22.5))
    room = (len(lines) * 8.5 + 4) / 72 / fig.get_figheight()
    fig.get_layout_engine().set(rect=(0, room, 1, 1 - room))
    fig.text(0.01, 0.01, "\n".join(lines), fontsize=5.8, color=FAINT, va="bottom", linespacing=1.25)


def absent(recipe, title, why):
    """In place of a plot: which data the run does not have."""
    fig, axes = figure(recipe, title, height=1.3)
    axes[0, 0].set_axis_off()
    axes[0, 0].text(0, 0.5, "Not in this run: " + why, transform=axes[0, 0].transAxes, va="center", fontsize=9)
    fig.absent = why
    return fig


def number(x, _=None):
    """1500 -> 1,500; 0.25 -> 0.25: for ticks of a log scale."""
    if x == 0 or not math.isfinite(x):
        return "0"
    return f"{x:,.0f}" if abs(x) >= 10 else f"{x:.2g}"


def log_axis(axis):
    """Plain numbers on a log scale, those between the decades too when the axis is short."""
    low, high = sorted(axis.get_view_interval())
    reach = high / low if low > 0 else 1e9
    named = "2345678" if reach < 4 else "25" if reach < 40 else ""
    axis.set_major_formatter(FuncFormatter(number))
    axis.set_minor_formatter(FuncFormatter(lambda x, _: number(x) if f"{x:.0e}"[0] in named else ""))
    axis.set_tick_params(which="minor", labelsize=7.5)


def fsyncers_axis(ax, counts):
    """1, 2, 4, 8: as far from one another as their logs."""
    ax.set_xscale("log", base=2)
    ax.set_xticks(counts)
    ax.xaxis.set_major_formatter(FuncFormatter(number))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlabel("fsyncers (tasks)")


# ---- files ----

def svg_text(fig):
    out = io.StringIO()
    fig.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    return out.getvalue()


def save(fig, path):
    """path.svg and path.png."""
    files.write(path + ".svg", svg_text(fig))
    png = io.BytesIO()
    fig.savefig(png, format="png", dpi=160, metadata={"Software": None})
    files.write(path + ".png", png.getvalue())


def svg_inline(fig, prefix, label):
    """For a page with several: names of its own, the page's ink and paper in place of black and white, a
    name for who cannot see it."""
    fig.patch.set_alpha(0)
    for ax in fig.axes:
        ax.patch.set_alpha(0)
    text = svg_text(fig)
    text = text[text.index("<svg"):]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.S)
    text = re.sub(r'\bid="([^"]+)"', rf'id="{prefix}-\1"', text)
    text = re.sub(r'(url\(#|href="#)', rf"\1{prefix}-", text)
    for colour, name in ((INK, "currentColor"), (PAPER, "var(--cell)"), (COLOURS[0], "var(--blue)")):
        text = text.replace(colour, name)
    text = re.sub(r'width="[\d.]+pt" height="[\d.]+pt"', "", text, count=1)
    return text.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)
