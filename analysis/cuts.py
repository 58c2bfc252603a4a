"""
cuts.py: the page of power cuts: what `fsyncstorm cut --json` and `cut judge --json` came to, on one or more file
systems: what was judged, what is broken, by class, what a control arm says, how many distinct images there were, and
the findings, told.

No statistic is made here: intervals and Fisher's p are the program's (workloads/cut/tally.h).

Called by cli.py, for `report`, when such a file is named.
"""
import os

import draw
import report
import runs
import schema

SCHEMA, VERSION = "fsyncstorm-cut", 1
TITLE = "Power cuts"

RUNS = {name: schema.count for name in ("rounds_broken_a", "rounds_a", "rounds_broken_b", "rounds_b")}  # of two arms
RUNS |= {"p_of_runs": schema.positive, "runs_differ": schema.flag}

RESULT = schema.record(
    {"work": schema.text, "arm": schema.text, "seconds": schema.positive, "states": schema.count,
     "broken": schema.count, "mounted": schema.count, "rounds": schema.count, "calls": schema.count,
     "syncs": schema.count, "flushes": schema.count, "flushes_beside_a_write": schema.count,
     "classes": schema.table(schema.record({"count": schema.count}, {"first": schema.text, "what": schema.text}))},
    {"checked": schema.count, "rate_below": schema.positive, "rate_of_runs_below": schema.positive,
     "rounds_broken": schema.count,
     "distinct": schema.each(schema.tuple_of(schema.count, schema.count))})
CUT = schema.record(
    {"target": schema.text, "kernel": schema.text, "results": schema.each(RESULT, 1),
     "controls": schema.record({name: schema.count for name in (
         "lying_states", "lying_broken", "honest_states", "honest_broken", "flushes", "flushes_beside_a_write")})},
    {"recorded_on": schema.text,
     "arms": schema.each(schema.record({"work": schema.text, "a": schema.text, "b": schema.text,
                                        "broken_a": schema.count, "states_a": schema.count, "broken_b": schema.count,
                                        "states_b": schema.count}, RUNS))})


# ---- reading ----

def is_one(data):
    """Also what was written before the schema had a name."""
    return isinstance(data, dict) and (data.get("schema") == SCHEMA or
                                       ("schema" not in data and "controls" in data and "results" in data))


def check(path, data):
    if not is_one(data):
        raise runs.Bad(f"{path}: not what `fsyncstorm cut --json` has written; a page is of one kind of run")
    if data.get("schema_version") != VERSION:
        raise runs.Bad(f"{path}: schema version {data.get('schema_version')}, this program reads version {VERSION}")
    runs.fits(path, data, CUT)
    return data


def story_of(folder):
    """What a finding's folder tells; None: it is no finding."""
    try:
        with open(os.path.join(folder, "story.txt"), encoding="utf-8", errors="replace") as f:
            return f.read()
    except OSError:
        return None


def are_named(named):
    """Whether a page of cuts is asked for: something of it is no bench's run."""
    return any(story_of(n) is not None if os.path.isdir(n) else is_one(runs.read_json(n)) for n in named)


def load(named):
    """(cuts, findings) of what was named: files of `cut --json`, and folders of findings. Raises Bad."""
    cuts, findings = [], []
    for name in named:
        if not os.path.isdir(name):
            cuts.append(check(name, runs.read_json(name)))
            continue
        text = story_of(name)
        if text is None:
            raise runs.Bad(f"{name}: no finding of `fsyncstorm cut` (it has no story.txt)")
        findings.append((os.path.basename(os.path.normpath(name)), text))
    if not cuts:
        raise runs.Bad(f"{named[0]}: a finding alone; name the file of `fsyncstorm cut --json`, too")
    return cuts, findings


# ---- in words ----

def place(cut):
    where = f"{cut['target']}, Linux {cut['recorded_on']}" if "recorded_on" in cut else \
        f"{cut['target']}, Linux {cut['kernel']}"
    return where + (f", judged on Linux {cut['kernel']}" if "recorded_on" in cut else "")


def arm(cut, r):
    """The file system, and what else sets this arm apart."""
    return r["arm"] if r["arm"] == cut["target"] or r["arm"].startswith("fs:") else f"{cut['target']}, {r['arm']}"


def sentence(cut):
    """What the first arms of a run came to. (sentence, whether anything is broken)"""
    first = [r for r in cut["results"] if r["arm"] == cut["target"]] or cut["results"]
    states, broken = sum(r["states"] for r in first), sum(r["broken"] for r in first)
    calls = sum(r["classes"].get("call", {"count": 0})["count"] for r in first)
    if broken:
        works = [r["work"] for r in first if r["broken"]]
        return f"{place(cut)}: {broken:,} of {states:,} crash states break a promise ({', '.join(works)}).", True
    if calls:
        return f"{place(cut)}: {calls:,} system calls failed on a device without an error.", True
    if not states:
        return f"{place(cut)}: no state was judged.", False
    bound = max((r["rate_below"] for r in first if "rate_below" in r), default=None) if len(first) == 1 else None
    of_runs = first[0].get("rate_of_runs_below", 1)
    return (f"{place(cut)}: none of {states:,} crash states breaks a promise" +
            (f" (a rate below {100 * bound:.2g} %, at 95 %" if bound else "") +
            (f"; of runs, whose states are alike, below {100 * of_runs:.2g} %" if bound and of_runs < 1 else "") +
            (")." if bound else ".")), False


def has_runs(arms):
    return all(name in arms for name in RUNS)


def arm_counts(a, which):
    text = f"{a[which]} {a['broken_' + which]:,} of {a['states_' + which]:,}"
    if has_runs(a):
        text += f" (in {a['rounds_broken_' + which]:,} of {a['rounds_' + which]:,} runs)"
    return text


def arm_sentences(cut):
    """Runs are compared, not their states, which are alike. What an older program compared is not repeated."""
    out = []
    for a in cut.get("arms", []):
        counts = f"{a['work']}: {arm_counts(a, 'a')}, {arm_counts(a, 'b')}"
        if not a["broken_a"] and not a["broken_b"]:
            out.append(f"{counts}: neither is broken.")
        elif not has_runs(a):
            out.append(f"{counts}: how many runs were broken was not counted, so they are not compared.")
        else:
            verdict = "they differ" if a["runs_differ"] else "no difference found"
            out.append(f"{counts}: {verdict} (Fisher's exact test of the runs, p = {a['p_of_runs']:.2g}).")
    return out


def control_sentence(cut):
    c = cut["controls"]
    return (f"{cut['target']}: a flush that lies was caught in {c['lying_broken']:,} of {c['lying_states']:,} states; "
            f"a correct run broke {c['honest_broken']:,} of {c['honest_states']:,}; "
            f"{c['flushes_beside_a_write']:,} of {c['flushes']:,} flushes came while a write was in flight.")


# ---- tables and plots: cells are (text, value to sort by) ----

def works_table(cuts):
    rows = []
    for cut in cuts:
        for r in cut["results"]:
            cells = [(r["work"],) * 2, (arm(cut, r),) * 2, (cut.get("recorded_on", cut["kernel"]),) * 2]
            cells += [(f"{r[k]:,}", r[k]) for k in ("states", "mounted", "broken", "rounds", "calls", "syncs")]
            rate = r["states"] / r["seconds"] if r["seconds"] else 0
            rows.append(cells + [(f"{rate:.0f}", rate)])
    return ["work", "arm", "Linux", "states", "distinct images", "broken", "rounds", "calls", "syncs", "states/s"], rows


def classes_table(cuts):
    rows = []
    for cut in cuts:
        for r in cut["results"]:
            for word, c in r["classes"].items():
                if c["count"]:
                    of = r["calls"] if word == "call" else r.get("checked", 0) if word in ("fsck", "replay") else \
                        r["states"]
                    rows.append([(r["work"],) * 2, (arm(cut, r),) * 2, (word,) * 2,
                                 (f"{c['count']:,} of {of:,}", c["count"]), (c.get("what", ""),) * 2,
                                 (c.get("first", ""),) * 2])
    return ["work", "arm", "class", "count", "what", "the first of them"], rows


def recipe(cuts):
    return "; ".join(f"{place(c)}, seed {c.get('seed', '?')}, holds {c.get('holds', '?')}, "
                     f"{c.get('tear_unit', '?')} bytes are written as a whole" for c in cuts)


def plot_distinct(cuts):
    """States judged against images that were distinct."""
    title = "Distinct images among the states judged"
    lines = [(r["work"], arm(c, r), r["distinct"]) for c in cuts for r in c["results"] if r.get("distinct")]
    if not lines:
        return draw.absent(recipe(cuts), title, "how many images were distinct after how many states")
    fig, axes = draw.figure(recipe(cuts), title)
    ax = axes[0, 0]
    for i, (work, name, points) in enumerate(lines):
        ax.plot(*zip(*points), label=f"{work}, {name}", **draw.look(i))
    most = max(points[-1][0] for _, _, points in lines)
    ax.plot((1, most), (1, most), color=draw.FAINT, linewidth=0.8, linestyle=":")
    ax.set_xscale("log")
    ax.set_yscale("log")
    draw.log_axis(ax.xaxis)
    draw.log_axis(ax.yaxis)
    ax.set_xlabel("crash states judged (dotted: each is another image)")
    ax.set_ylabel("distinct images, mounted and read")
    if len(lines) <= 8:
        ax.legend()
    return fig


# ---- the page ----

def render(cuts, findings):
    tables = [("works", "Each work and arm", works_table(cuts)), ("classes", "What is broken, by class",
                                                                  classes_table(cuts))]
    fig = plot_distinct(cuts)
    caption = "Distinct images among the states judged. Where a curve ends flat, more states would say no more."
    return report.environment().get_template("cuts.html.j2").render(
        title=TITLE + ": " + ", ".join(dict.fromkeys(c["target"] for c in cuts)),
        answers=[sentence(c) for c in cuts], arms=[s for c in cuts for s in arm_sentences(c)],
        controls=[control_sentence(c) for c in cuts],
        tables=[{"id": i, "title": t, "columns": c, "rows": r} for i, t, (c, r) in tables if r],
        plot=None if hasattr(fig, "absent") else draw.svg_inline(fig, "distinct", caption), caption=caption,
        absent=getattr(fig, "absent", None), findings=findings, recipe=recipe(cuts))


def command(options):
    """`report` of what are_named() has seen. The page lies beside the first file."""
    if options.scores:
        raise runs.Bad("--scores: a page of power cuts has no scores")
    cuts, findings = load(options.run)
    first = next(n for n in options.run if not os.path.isdir(n))
    return report.write_page(options.out or os.path.splitext(first)[0] + ".html", render(cuts, findings))
