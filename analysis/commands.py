"""
commands.py: `compare`: two runs, or two targets of one run, as sentences and an exit status for CI.

Exit status: 0 held; 1 a condition of --fail-if is met; 2 the user's or a file's error; 3 none is met, but of one it
could not be told.
"""
import dataclasses
import json
import math
import re

import files
import runs
import say
import stats

CONDITION = re.compile(r"^\s*(p50|p99|p99\.9|rate)\s*([<>])\s*([0-9]*\.?[0-9]+)\s*$")


def parse_condition(text):
    """'p99 > 1.05' -> (metric, sign, bound). Raises Bad."""
    found = CONDITION.match(text)
    if not found:
        raise runs.Bad(f"--fail-if: expected METRIC > RATIO or METRIC < RATIO such as 'p99 > 1.05', not `{text}`; "
                       f"metrics are {', '.join(runs.METRICS)}")
    metric, sign, bound = found[1], found[2], float(found[3])
    if (bound < 1) if sign == ">" else (bound > 1):
        raise runs.Bad(f"--fail-if: `{text}`: a ratio {sign} {bound:g} is met by no change at all (1)")
    return metric, sign, bound


ANY = 0.05  # a bound of 1 asks for any difference: one that is smaller than this is not looked for

MET, HELD, UNTOLD = "met", "held", "could not be told"


@dataclasses.dataclass
class Outcome:
    """A condition at one level."""
    condition: tuple
    row: say.Row
    what: str
    why: str = ""  # UNTOLD: what would tell

    def text(self):
        metric, sign, bound = self.condition
        return f"{metric} {sign} {bound:g}: {self.row.b} against {self.row.a} with {say.fsyncers(self.row.fsyncers)}"


def judge(condition, row, comparisons):
    """MET: the ratio is past the bound, and that there is a difference is a finding (stats.4). HELD: the whole interval
    is before the bound. Else more trials would have to tell."""
    _, sign, bound = condition
    c = row.result
    if not c.valid:
        return Outcome(condition, row, UNTOLD, c.why)
    if c.finding and (c.ratio > bound if sign == ">" else c.ratio < bound):
        return Outcome(condition, row, MET)
    past = bound if bound != 1 else 1 + ANY if sign == ">" else 1 / (1 + ANY)
    if c.high <= past if sign == ">" else c.low >= past:
        return Outcome(condition, row, HELD)
    n = stats.blocks_needed(c, past, comparisons)
    return Outcome(condition, row, UNTOLD, f"{say.ratio(c.ratio)} {say.interval(c)} in {c.blocks} trials; " +
                   (f"about {n} would do" if n else f"more than {stats.TRIALS_MAX:,} would be needed"))


# ---- what two runs do not have in common ----

def differences(a, b, i, k, named):
    """What is not compared, or is compared with something of another kind: a line each."""
    out = []
    for x, y in ((a, b), (b, a)):
        levels = [x.fsyncers(t) for t in x.levels if t not in y.levels]
        if levels:
            out.append(f"only {x.name} has {', '.join(map(str, levels))} fsyncer(s): not compared")
        targets = [n for n in x.names if n not in y.names] if not named else []
        if targets:
            out.append(f"only {x.name} has {', '.join(targets)}")
    if len(a.names) > 1 and len(b.names) > 1 and not named:
        out.append(f"compared are {a.names[i]} and {b.names[k]} alone: -a and -b name others")
    if a.place(i) != b.place(k):
        out.append(f"they lie on different devices: {a.place(i)}; {b.place(k)}")
    for what in ("cpu", "host", "kernel"):
        if a.env.get(what) != b.env.get(what) and a.env.get(what) and b.env.get(what):
            out.append(f"not the same {what}: {a.env[what]}; {b.env[what]}")
    return [f"Notice: {line}." for line in out]


def alike(a, b, i, k):
    """Both runs, looked at for what can be compared: of two jobs their durable writes. And a line that says so."""
    jobs = [run.jobs()[run.data["targets"][t].get("job", 0)] for run, t in ((a, i), (b, k))]
    names = [job["name"] for job in jobs]
    if a.subject == b.subject and names[0] == names[1]:
        return a, b, []
    if not all("durable" in t["ops"] for run, target in ((a, i), (b, k)) for t in run.data["runs"]
               if t["target"] == target):
        raise runs.Bad(f"{b.path}: its job is {names[1]}, not {names[0]}: figures of different things, and of one of "
                       "them no durable writes were measured")
    how = [(f"{run.name}:{job['name']}", job.get("durable_by", "?")) for run, job in zip((a, b), jobs)]
    return a.about(runs.DURABLE), b.about(runs.DURABLE), [say.durables(how)]


def between_runs(a, b, target_a, target_b, metrics, paired):
    """One target of a run against one of another, at each level that both have: rows, notices."""
    i, k = (runs.find_target(r, t) if t else 0 for r, t in ((a, target_a), (b, target_b)))
    levels = [t for t in a.levels if t in b.levels]
    if not levels:
        raise runs.Bad(f"{b.path}: no number of tasks in common with {a.path}")
    a, b, told = alike(a, b, i, k)
    rows = []
    for t in levels:
        for m in metrics:
            x = [a.value(r, m) for r in a.trials(i, t)]
            y = [b.value(r, m) for r in b.trials(k, t)]
            if paired:
                n = min(len(x), len(y))
                result = stats.compare(x[:n], y[:n])
            else:
                result = stats.compare_apart(x, y)
            rows.append(say.Row(f"{a.name}:{a.names[i]}", f"{b.name}:{b.names[k]}", m, t, a.fsyncers(t), result))
    stats.correct([r.result for r in rows])
    return rows, told + differences(a, b, i, k, target_a or target_b)


def within_run(run, target_a, target_b, metrics):
    base = runs.find_target(run, target_a) if target_a else None
    rows, _ = say.compare_run(run, base, metrics)
    if target_b:
        name = run.names[runs.find_target(run, target_b)]
        rows = [r for r in rows if r.b == name]
        stats.correct([r.result for r in rows])
    if not rows:
        raise runs.Bad(f"{run.path}: has one target only; give a second run, or a run of two targets")
    return rows


def compare(options):
    """The whole of `fsyncstorm compare`. Returns the exit status."""
    conditions = [parse_condition(c) for c in options.fail_if]
    metrics = options.metric or list(runs.METRICS)
    for condition in conditions:
        if condition[0] not in metrics:
            metrics.append(condition[0])
    loaded = [runs.load(r) for r in options.run]
    if len(loaded) > 2:
        raise runs.Bad(f"{options.run[2]}: two runs at most are compared")
    notices = []
    if len(loaded) == 2:
        rows, notices = between_runs(*loaded, options.a, options.b, metrics, options.paired)
    else:
        rows = within_run(loaded[0], options.a, options.b, metrics)
    if len(loaded) == 2 and not options.paired:
        notices.append("These two runs did not take turns: what changed in the machine between them counts as a "
                       "difference.")
    comparisons = max(1, sum(r.result.valid for r in rows))
    outcomes = [judge(c, r, comparisons) for c in conditions for r in rows if r.metric == c[0]]
    status = 1 if any(o.what == MET for o in outcomes) else 3 if any(o.what == UNTOLD for o in outcomes) else 0
    if options.json:
        put_json(options.json, rows, outcomes, notices, status)
    if options.json != "-":
        put_text(rows, outcomes, notices)
    return status


def put_text(rows, outcomes, notices):
    for r in rows:
        print(f"{say.fsyncers(r.fsyncers)}: {say.verdict(r.a, r.b, r.metric, r.result)}{say.standing(r.result)}")
    print(say.chance(rows) + ".")
    for line in notices:
        print(line)
    for o in outcomes:
        if o.what == MET:
            print(f"FAILS: {o.text()}: {say.ratio(o.row.result.ratio)} {say.interval(o.row.result)}")
        elif o.what == UNTOLD:
            print(f"CANNOT TELL: {o.text()}: {o.why}")


def put_json(path, rows, outcomes, notices, status):
    def number(x):
        return x if math.isfinite(x) else None

    def figures(r):
        c = r.result
        return {"a": r.a, "b": r.b, "metric": r.metric, "fsyncers": r.fsyncers, "blocks": c.blocks,
                "ratio": number(c.ratio), "low": number(c.low), "high": number(c.high), "p": number(c.p),
                "different": c.different, "finding": c.finding, "why": c.why}
    text = json.dumps({
        "schema": "fsyncstorm-compare", "schema_version": 1, "status": status, "notices": notices,
        "comparisons": [figures(r) for r in rows],
        "conditions": [{"condition": "{} {} {:g}".format(*o.condition), "outcome": o.what, "why": o.why,
                        "a": o.row.a, "b": o.row.b, "fsyncers": o.row.fsyncers} for o in outcomes]}, indent=1) + "\n"
    if path == "-":
        print(text, end="")
    else:
        files.write(path, text)
