"""
report.py: one HTML file that tells what a run found. It needs nothing else: no network, no script from
elsewhere, plots inline, the raw results inside it.

The first screen says what a sync costs here, why, and how the targets compare, and has the three plots that carry it.
All else is behind it: folds, tables, where it ran. It works without JavaScript (tables,
folds, links, the download); with it, tables sort. It is there whole or not at all (files.py).
"""
import base64
import html
import json
import lzma
import os

import jinja2

import draw
import files
import glossary
import plots
import runs
import say
import stats
import story

HERE = os.path.dirname(os.path.abspath(__file__))

# ---- tables: a list of column names, and rows of (text, number to sort by) ----

def cell(value, digits=0):
    if value is None or value != value:
        return ("-", -1)
    return (f"{value:,.{digits}f}", value)


def kib(size_bytes):
    return None if size_bytes is None else size_bytes / 1024


def cost_table(run):
    """What a sync costs here, of what on what: with the fewest fsyncers."""
    level, rows = run.levels[0], []
    for i in run.indexes:
        h = run.histogram(i, level)
        if h is not None:
            rows.append([(run.names[i], run.names[i]), (run.place(i), run.place(i))]
                        + [cell(h.figure(p) / 1e3, 1) for p in (50, 99)]
                        + [cell(run.rate(i, level)), cell(run.per_sync(i, level, "flushes_per_sync"), 2),
                           cell(run.x_floor(i, level), 2)])
    return ["target", "on", "p50 us", "p99 us", f"{run.subject}/s", "flushes/sync", "x floor"], rows


def results_table(run):
    rows = []
    for threads in run.levels:
        for i in run.indexes:
            h, trials = run.histogram(i, threads), run.trials(i, threads)
            if h is None:
                continue
            rows.append([cell(run.fsyncers(threads)), (run.names[i], run.names[i])]
                        + [cell(h.figure(p) / 1e3, 1) for p in (50, 90, 99, 99.9)] + [cell(h.max_ns / 1e3)]
                        + [cell(run.rate(i, threads)),
                           cell(run.per_sync(i, threads, "flushes_per_sync"), 2),
                           cell(kib(run.per_sync(i, threads, "meta_bytes_per_sync")), 1),
                           cell(run.x_floor(i, threads), 2), cell(h.n), cell(len(trials))])
    return ["fsyncers", "target", "p50 us", "p90 us", "p99 us", "p99.9 us", "max us", f"{run.subject}/s",
            "flushes/sync", "meta KiB/sync", "x floor", "syncs", "trials"], rows


def open_loop_table(run):
    """With rate_iops: from the start of a write to the end of its sync, and from when it should have started."""
    rows = []
    for threads in run.levels:
        for i in run.indexes:
            found = [run.histogram(i, threads, op) for op in ("service", "response")]
            if found[1] is not None:
                rows.append([cell(run.fsyncers(threads)), (run.names[i], run.names[i])]
                            + [cell(h.figure(p) / 1e3 if h else None, 1) for h in found for p in (50, 99, 99.9)])
    kinds = [f"{what} {p} us" for what in ("service", "response") for p in ("p50", "p99", "p99.9")]
    return ["fsyncers", "target"] + kinds, rows


def sections_table(run):
    rows, level = [], run.levels[-1]
    for i in run.indexes:
        for r in run.sections(i, level):
            name = r.section or "all sections"
            rows.append([(run.names[i], run.names[i]), (name, name), (r.call, r.call), cell(r.tasks), cell(r.calls.n)]
                        + [cell(r.calls.figure(p) / 1e3, 1) for p in (50, 99)] + [cell(r.calls.max_ns / 1e3)]
                        + [cell(r.rate), cell(r.megabytes, 1)])
    return ["target", "section", "call", "tasks", "calls", "p50 us", "p99 us", "max us", "a second", "MB/s"], rows


def comparisons_table(each):
    rows = []
    for r in each:
        c = r.result
        told = c.valid
        rows.append([cell(r.fsyncers), (r.metric, r.metric), (f"{r.b} / {r.a}", r.b),
                     cell(c.ratio if told else None, 3),
                     (say.interval(c) if told else "-", c.low if told else -1), cell(c.blocks),
                     (say.verdict(r.a, r.b, r.metric, c) + say.standing(c), c.p if told else 2)])
    return ["fsyncers", "metric", "targets", "ratio", "95 % interval", "blocks", "in words"], rows


def phases_table(run):
    import plot_phases
    bars = plot_phases.table(run)
    names = plot_phases.order_of(bars)
    rows = [[cell(run.fsyncers(threads)), (run.names[i], run.names[i]), cell(mean, 1)]
            + [cell(phases.get(p, 0), 1) for p in names] for i, threads, phases, mean in bars]
    columns = ["fsyncers", "target", "mean us"] + [n + " us" for n in names]
    parts = [run.device_share(i, threads) for i, threads, _, _ in bars]
    if any(parts):
        columns.append("device busy %")
        for row, part in zip(rows, parts):
            row.append(cell(100 * part[0] if part else None, 0))
    return columns, rows


def kernel_table(run):
    """Waits of a thousandth of a sync's time and more; beside each who ended it, and the device's part."""
    rows = []
    for t, i in ((t, i) for t in run.levels for i in run.indexes):
        beside = run.kernel_beside(i, t)
        for function, what, phase, share, n in run.kernel_sites(i, t):
            if share < 0.001:
                continue
            waker, ended, device = beside[function, what, phase]
            rows.append([cell(run.fsyncers(t)), (run.names[i], run.names[i]), cell(share * 100, 1), cell(n, 2),
                         (phase, phase), (function, function),
                         (f"{waker} {ended * 100:.0f} %", waker) if waker else ("-", ""),
                         cell(device * 100 if device is not None else None, 0), (what, what)])
    return ["fsyncers", "target", "% of the time", "sleeps a sync", "phase", "kernel function", "woken by",
            "device busy %", "waits for"], rows


def waits_table(run):
    """At the highest number of tasks: the dearest first."""
    sums, level = {}, run.levels[-1]
    for i in run.indexes:
        for t in run.trials(i, level):
            for w in t.get("waits", []):
                if w["contended"] and w["class"] not in ("TASK", "WORK"):
                    s = sums.setdefault((i, w["class"], w["kind"]), [0, 0, 0, 0])
                    longest = w.get("wait", {}).get("max_ns", 0)
                    for k, v in enumerate((w["acquired"], w["contended"], w["wait_ns"], w["wakeup_ns"])):
                        s[k] += v
                    s.append(longest)
    rows = [[(run.names[i], run.names[i]), (cls, cls), (kind, kind), cell(s[0]), cell(s[1]), cell(s[2] / 1e6, 2),
             cell(s[2] / s[1] / 1e3, 1), cell(max(s[4:]) / 1e3), cell(100 * s[3] / s[2] if s[2] else None, 0)]
            for (i, cls, kind), s in sorted(sums.items(), key=lambda x: -x[1][2])]
    return ["target", "class", "kind", "acquired", "had to wait", "total ms", "mean us", "max us", "wake-up %"], rows


# ---- where it ran ----

def layer(b):
    """Of what is under a target, as pairs of a word and what is known: the file system, how it is mounted, the
    drive."""
    mounted = "; of the file system ".join(b[k] for k in ("mount_options", "fs_options") if b.get(k))
    drive = ", ".join(f"{word}{b[k]}" for k, word in (("drive", ""), ("model", ""), ("write_cache", "cache: "),
                                                      ("fua", "FUA: ")) if b.get(k))
    out = [("lies on", ", ".join(b[k] for k in ("filesystem", "source") if b.get(k))), ("mounted with", mounted),
           ("drive", drive)]
    if "under" in b:
        out += [("over the file", b["under"].get("path", ""))] + layer(b["under"])
    return [(word, text) for word, text in out if text]


def places(run):
    """(name, what was typed, pairs) of each target: on what it lay and how that was made."""
    out = []
    for i, t in enumerate(run.data["targets"]):
        made = next((r["made"] for r in run.data["runs"] if r["target"] == i and r.get("made")), "")
        pairs = [("made as", made)] * bool(made) + layer(run.backing(i) or {})
        out.append((run.names[i], t.get("text", ""), pairs or [("lies on", run.place(i))]))
    return out


# ---- the race ----

def read_text(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        return f.read()


def race_parts(run):
    """What lies beside the results: stories, which are drawn; hunts and schedules, as text. A time line is told as text
    where it was not drawn, and nowhere twice."""
    parts = []
    for name in sorted(os.listdir(run.folder)):
        path = os.path.join(run.folder, name)
        drawn = os.path.exists(os.path.join(run.folder, name.split(".")[0] + ".story.json"))
        if name.endswith(".story.json"):
            prefix = f"story-{sum(p['svg'] is not None for p in parts)}"
            parts.append({"name": name, "text": "", "svg": story.svg(story.load(path), prefix), "open": True})
        elif name.endswith((".hunt.txt", ".schedule")) or (name.endswith(".timeline.txt") and not drawn):
            parts.append({"name": name, "text": read_text(path), "svg": None, "open": not drawn and
                          not name.endswith(".schedule")})
    return parts


# ---- the page ----

def shown(plot, open_=True):
    fig = plot.draw()
    return {"caption": plot.caption, "name": plot.name, "map": plot.map, "open": open_,
            "absent": getattr(fig, "absent", None),
            "svg": None if hasattr(fig, "absent") else draw.svg_inline(fig, plot.name, html.escape(plot.caption))}


def download(run):
    """The raw results, packed: (file name, data URL)."""
    packed = lzma.compress(json.dumps(run.data, separators=(",", ":")).encode(), preset=3)
    return f"{run.name}.json.xz", "data:application/x-xz;base64," + base64.b64encode(packed).decode()


def context(run, others, scores):
    each, over = say.compare_run(run)
    tables = [("results", f"Latency of {run.subject}, rate, and what it costs the device", results_table(run))]
    if run.has_sections():
        tables.append(("sections-table",
                       f"Sections, each kind of call apart, with {run.fsyncers(run.levels[-1])} tasks",
                       sections_table(run)))
    if open_loop_table(run)[1]:
        tables.append(("open-loop", "Open loop: a stall is paid by all that it delayed", open_loop_table(run)))
    if each:
        tables.append(("comparisons", "Comparisons with " + run.names[0], comparisons_table(each)))
    if any(run.phases(i, t) for i in run.indexes for t in run.levels):
        tables.append(("phases-table", "Where the mean sync's time goes", phases_table(run)))
    if waits_table(run)[1]:
        tables.append(("waits-table", f"Waits with {run.fsyncers(run.levels[-1])} fsyncers, all tasks of the engine",
                       waits_table(run)))
    if kernel_table(run)[1]:
        tables.append(("kernel-table", "What the kernel's syncs waited for, in trials of their own", kernel_table(run)))
    return {
        "run": run, "title": run.name, "cost": say.cost(run), "costs": cost_table(run), "why": say.why(run),
        "compared": (say.jobs_text(run) + say.fidelity(run) + say.pairs(run, over) + say.step_sentences(run)
                     + ([say.chance(each) + "."] if each else []) + say.race_answers(run)),
        "doubts": say.doubts(run), "places": places(run),
        "first": [shown(p) for p in plots.first_screen(run)],
        "rest": [shown(p, not p.name.startswith("latency-")) for p in plots.the_rest(run, others, scores)],
        "tables": [{"id": i, "title": t, "columns": c, "rows": r} for i, t, (c, r) in tables],
        "races": race_parts(run), "glossary": glossary.all_words(run), "recipe": run.recipe(),
        "command": run.command(), "environment": json.dumps(run.env, indent=2),
        "downloads": [download(r) for r in (run, *others)], "finding": say.percent(stats.FINDING),
    }


def environment():
    """Of the templates that lie here."""
    return jinja2.Environment(loader=jinja2.FileSystemLoader(HERE), autoescape=True, trim_blocks=True,
                              lstrip_blocks=True, undefined=jinja2.StrictUndefined)


def render(run, others=(), scores=None):
    return environment().get_template("report.html.j2").render(context(run, others, scores))


def command(options):
    loaded = [runs.load(r) for r in options.run]
    scores = runs.load_scores(options.scores) if options.scores else None
    out = options.out or os.path.join(loaded[0].folder, "report.html")
    return write_page(out, render(loaded[0], loaded[1:], scores))


def write_page(out, page):
    """And says where. Raises Bad."""
    if not os.access(os.path.dirname(os.path.realpath(out)), os.W_OK):
        raise runs.Bad(f"--out: {out}: its folder cannot be written to")
    files.write(out, page)
    print(f"report: file://{os.path.abspath(out)}")
    return 0
