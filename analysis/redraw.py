"""
redraw.py: `make plots`: redraws what is made of committed results: the plots and the report in each run's
folder, the picture X.svg beside each story X.story.json that is named, and the parts of the README between their marks,
so that no figure in it is typed by hand.

The README says which run it tells of:  <!-- plots FOLDER -->  ...  <!-- /plots -->
"""
import os
import re

import draw
import files
import plots
import report
import runs
import say
import story

STORY = ".story.json"
MARKED = re.compile(r"(<!-- plots (\S+) -->\n).*?(<!-- /plots -->)", re.S)


def table_text(run):
    """The table of results with the fewest tasks, a row a target, as text of a fixed width."""
    columns, rows = report.results_table(run)
    rows = [row for row in rows if row[0][0] == rows[0][0][0]]
    keep = [columns.index(c) for c in columns if c not in ("p90 us", "max us", "syncs", "trials")]
    keep = [k for k in keep if any(row[k][0] != "-" for row in rows)]
    cells = [[columns[k] for k in keep]] + [[row[k][0] for k in keep] for row in rows]
    widths = [max(len(line[k]) for line in cells) for k in range(len(keep))]
    padded = [[text.ljust(w) if k == 1 else text.rjust(w) for k, (text, w) in enumerate(zip(line, widths))]
              for line in cells]
    return "\n".join("  ".join(line).rstrip() for line in padded)


def readme_part(run, folder):
    """Doubts are told of the rows that are shown."""
    lines = [f"![{say.answers(run)[0]}]({folder}/answer.svg)", ""]
    lines += [f"- {a}" for a in say.answers(run)]
    lines += [f"- Doubt: {d}" for d in say.doubts(run, run.levels[:1])[:2]] + [""]
    lines += ["```", table_text(run), "```", "",
              f"Every row, where the time went, and the plots are in [{folder}]({folder}), made by "
              f"`{run.command()}`", ""]
    lines += [f"{run.recipe().split(': ', 1)[1]}.", ""]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines))


def fill(path):
    """Puts what each run says between its marks."""
    try:
        with open(path, encoding="utf-8") as f:
            text = f.read()
    except OSError as e:
        raise runs.Bad(f"{path}: {e.strerror}") from None
    if not MARKED.search(text):
        raise runs.Bad(f"{path}: has no part between <!-- plots FOLDER --> and <!-- /plots -->")
    home = os.path.dirname(os.path.abspath(path))
    new = MARKED.sub(lambda m: m[1] + readme_part(runs.load(os.path.join(home, m[2])), m[2]) + m[3], text)
    if new != text:
        files.write(path, new)


def redraw(where):
    run = runs.load(where)
    folder = os.path.join(run.folder, "plots")
    os.makedirs(folder, exist_ok=True)
    drawn = 0
    for plot in plots.first_screen(run) + plots.the_rest(run):
        fig = plot.draw()
        if not hasattr(fig, "absent"):
            draw.save(fig, os.path.join(folder, plot.name))
            drawn += 1
    draw.save(plots.answer(run).draw(), os.path.join(run.folder, "answer"))
    files.write(os.path.join(run.folder, "report.html"), report.render(run))
    print(f"{run.folder}: {drawn} plots, answer.svg, report.html")


def command(options):
    for where in options.run:
        if where.endswith(STORY):
            files.write(where.removesuffix(STORY) + ".svg", story.svg(story.load(where)))
        else:
            redraw(where)
    if options.readme:
        fill(options.readme)
    return 0
