"""
story.py: draws a story, which `fsyncstorm race hunt` and `race replay --json` write (schema fsyncstorm-story, described
in engine/story/json.h): what each task did in a schedule that loses data, a lane a task, time downwards.

No two things in a picture differ by colour alone. It follows the reader's screen, light or dark. It is complete in
itself, and several fit into one page.

Called by `fsyncstorm race replay --svg, --html` (cmd/analysis.c), by report.py and by redraw.py. The shapes are in
story.svg.j2, the page in story.html.j2; here is where everything stands.
"""
import json
import os
import sys
import textwrap

import jinja2

import files
import runs

SCHEMA, VERSION = "fsyncstorm-story", 1
NEEDED = {"race", "design", "story", "rule", "tasks", "lines", "crash", "blocks", "preempted", "pair", "orders_tried",
          "orders_that_hold"}

ROW, LANE, LEFT, MARGIN = 22, 64, 64, 16  # LEFT: of the middle of the first lane
CHAR = 7.3         # width of a letter, rather too much: no text is cut
BOLD = 1.1
TITLE_WIDE = 150   # letters of a line of the story
LEAST_WIDE = 900
LANES_MAX = 12
LEGEND = (         # what is drawn, what it is, how wide that is
    ("event", "does this", 78), ("holds", "holds a lock", 110), ("waits", "waits", 70),
    ("pending", "may still be lost", 140), ("durable", "durable", 85), ("stopped", "is stopped", 84),
    ("mark", "what the broken promise rests on", 0))


# ---- reading ----

def check(where, data):
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        raise runs.Bad(f"{where}: not a story that `fsyncstorm race hunt` or `race replay --json` has written")
    if data.get("schema_version") != VERSION:
        raise runs.Bad(f"{where}: schema version {data.get('schema_version')}, this program reads version {VERSION}")
    if not NEEDED <= data.keys():
        raise runs.Bad(f"{where}: has no `{min(NEEDED - data.keys())}`; is it whole?")
    return data


def load(path):
    """A story's file, or "-": standard input. Raises Bad."""
    if path != "-":
        return check(path, runs.read_json(path))
    try:
        return check("standard input", json.load(sys.stdin))
    except ValueError as e:
        raise runs.Bad(f"standard input: not whole JSON ({e})") from None


# ---- where everything stands ----

def line_text(story, line):
    """What is written beside its row; with its place in the source where that tells something."""
    text = f"{'device' if line['by_device'] else story['tasks'][line['task']]['name']}: {line['text']}"
    if (line["marked"] or line["kind"] == "stopped") and "site" in line:
        text += f"  ({line['site']['file']}:{line['site']['line']})"
    return text


def lanes_of(story, shown):
    """Indexes of tasks in the order in which they first do something that is shown; None, the device, comes last."""
    lanes = []
    for line in shown:
        if not line["by_device"] and line["task"] not in lanes and len(lanes) < LANES_MAX - 1:
            lanes.append(line["task"])
    return lanes + [None] * any(line["by_device"] for line in shown)


class Picture:
    """The numbers that the template draws. Rows are the lines that matter; `at` are their places among all lines."""

    def __init__(self, story):
        self.at = [i for i, line in enumerate(story["lines"]) if line["matters"]]
        self.shown = [story["lines"][i] for i in self.at]
        self.story, self.lanes = story, lanes_of(story, self.shown)
        self.text_x = self.x(len(self.lanes)) - LANE // 3
        self.width = max(LEAST_WIDE, self.text_x + int(self.widest()) + MARGIN)
        wide = min((self.width - 2 * MARGIN) // 8, TITLE_WIDE)
        titles = textwrap.wrap(story["story"], wide, break_on_hyphens=False)
        self.titles = [{"y": 30 + 20 * i, "text": text} for i, text in enumerate(titles)]
        self.top = 30 + 20 * len(titles) + 2 * ROW
        self.end = self.y(len(self.shown))
        self.height = self.end + 3 * ROW

    def widest(self):
        """Of the texts of the rows."""
        return max([40] + [len(line_text(self.story, line)) * CHAR * (BOLD if line["marked"] else 1)
                           for line in self.shown])

    def x(self, lane):
        return LEFT + lane * LANE

    def y(self, row):
        return self.top + row * ROW

    def lane_of(self, line):
        who = None if line["by_device"] else line["task"]
        return self.lanes.index(who) if who in self.lanes else len(self.lanes) - 1

    def names(self):
        tasks = self.story["tasks"]
        return [{"x": self.x(i), "y": self.top - ROW, "text": "device" if task is None else tasks[task]["name"][:12]}
                for i, task in enumerate(self.lanes)]

    def bars(self):
        """How each task is, from row to row: ready, holds a lock, waits."""
        out = []
        for lane, task in enumerate(self.lanes):
            for span in self.story["tasks"][task]["spans"] if task is not None else ():
                rows = [r for r, i in enumerate(self.at) if span["from"] <= i <= span["to"]]
                if not rows:
                    continue
                what = (span["state"], span.get("what"))
                if out and out[-1]["lane"] == lane and out[-1]["what"] == what and out[-1]["last"] + 1 == rows[0]:
                    out[-1]["last"] = rows[-1]
                else:
                    out.append({"lane": lane, "x": self.x(lane), "what": what, "first": rows[0], "last": rows[-1]})
        for bar in out:
            bar["y"] = self.y(bar["first"]) - ROW // 2
            bar["to"] = self.y(bar["last"]) + ROW // 2
        return out

    def writes(self):
        """Of each write that is submitted in a row: where it is not durable yet, and where it is."""
        out = []
        for r, line in enumerate(self.shown):
            if "durable_at" not in line or None not in self.lanes:
                continue
            after = [k for k in range(r + 1, len(self.shown)) if self.shown[k]["kind"] == "device"
                     and line["durable_at"] is not None and self.at[k] >= line["durable_at"]]
            end = self.y(after[0] if after else len(self.shown) - 1)
            out.append({"x": self.x(len(self.lanes) - 1) + 12 + len(out) % 2 * 9, "y": self.y(r), "end": end,
                        "durable": bool(after), "last": self.end - ROW // 2})
        return out

    def rows(self):
        out = []
        for r, line in enumerate(self.shown):
            numbered = not r or self.shown[r - 1]["step"] != line["step"]  # else no choice since the row above
            out.append({"x": self.x(self.lane_of(line)), "y": self.y(r), "text": line_text(self.story, line),
                        "marked": line["marked"], "stopped": line["kind"] == "stopped",
                        "step": line["step"] if numbered else None})
        return out

    def joins(self):
        """The path through what the broken promise rests on, in the order of time."""
        marked = [f"{self.x(self.lane_of(line))} {self.y(r)}"
                  for r, line in enumerate(self.shown) if line["marked"]]
        return "M" + " L".join(marked) if marked else ""

    def legend(self):
        out, x = [], MARGIN + 20
        for shape, text, wide in LEGEND:
            if shape != "mark" or self.story["rule"]:
                out.append({"shape": shape, "text": text, "x": x, "y": self.height - ROW // 2})
            x += wide + 25
        return out


# ---- drawing ----

def templates():
    here = os.path.dirname(os.path.abspath(__file__))
    return jinja2.Environment(loader=jinja2.FileSystemLoader(here), autoescape=True, trim_blocks=True,
                              lstrip_blocks=True, undefined=jinja2.StrictUndefined)


def svg(story, prefix="story"):
    """The time line as a picture, as text. `prefix` begins each name in it: another one for each picture of a page."""
    return templates().get_template("story.svg.j2").render(p=Picture(story), story=story, prefix=prefix, margin=MARGIN)


def pair(story):
    """The pair of steps that decides, in sentences: (which, the step, where that is). The preemptions are in the
    picture, each where it is."""
    def row(label, step):
        where = f"{step['file']}:{step['line']} {step['function']}" if "file" in step else ""
        return label, f"{step['task']} {step['does']}{': ' + step['then'] if 'then' in step else ''}", where

    return [row("first", story["pair"]["first"]), row("then", story["pair"]["second"])] if story["pair"] else []


def page(story):
    """A page with the picture and all that the story has."""
    return templates().get_template("story.html.j2").render(story=story, picture=svg(story), steps=pair(story))


def command(options):
    """The whole of `analysis story`. Returns the exit status."""
    story = load(options.story)
    if options.svg:
        files.write(options.svg, svg(story))
    if options.html:
        files.write(options.html, page(story))
    return 0
