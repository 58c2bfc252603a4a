"""
say.py: results as plain sentences. What is found, what could not have been, and what makes one doubt it.

say.1: No sentence says more than its interval. Where no difference is found, the size that would have been seen is
told.
say.2: The number of comparisons that were made is told with what was found in them (stats.4).
say.3: "As published" needs a difference with the published direction; where none was found, or the other one, that is
said.

Called by the report, the picture of the README, `compare`, the guard and the end of a bench.
"""
import dataclasses
import itertools

import numpy as np

import runs
import stats
import steps
import unlike

WORSE = {"p50": "slower", "p99": "slower", "p99.9": "slower", "rate": "faster"}
BLIND = 0.5  # where less than this would not have been seen, "no difference found" would say too much
TOLD_SHARE = 0.05  # a wait of a kernel that takes less of a sync is not told
BETTER = {"p50": "faster", "p99": "faster", "p99.9": "faster", "rate": "slower"}


@dataclasses.dataclass
class Row:
    """One comparison and what it is of; threads None: all levels together."""
    a: str
    b: str
    metric: str
    threads: int
    fsyncers: int
    result: stats.Comparison
    target: int = 0  # the index of b in its run


def percent(share):
    return f"{share * 100:.0f} %" if share >= 0.095 else f"{share * 100:.1f} %"


def ratio(x):
    return f"{x:.2f}" if 0.1 <= x < 10 else f"{x:.3g}"


def interval(c):
    return f"[{ratio(c.low)}, {ratio(c.high)}]"


def detectable(c):
    """The size that would have been seen: a share, or a factor where shares lose their meaning."""
    return percent(c.detectable) if c.detectable < 1 else f"a factor of {1 + c.detectable:.2g}"


def cannot_tell(c):
    """No difference was found, and one that is large would not have been seen."""
    return c.valid and not c.different and c.detectable >= BLIND


def way(metric, c):
    """What a ratio means for B."""
    return (WORSE if c.ratio > 1 else BETTER)[metric]


def standing(c):
    """Behind a difference in a table: what becomes of it when all comparisons are counted (stats.4)."""
    if not c.different:
        return ""
    return " (a finding)" if c.finding else " (no finding: it does not stand when all comparisons are counted)"


def words(metric, c):
    """What stands beside a ratio in a table that names its targets (say.1)."""
    if not c.valid:
        return f"cannot be told: {c.why}"
    if cannot_tell(c):
        return f"cannot be told: less than {detectable(c)} would not have been seen"
    if not c.different:
        return f"no difference found; one of {detectable(c)} would have been seen"
    return way(metric, c) + standing(c)


def verdict(a, b, metric, c):
    """One sentence, without its full stop (say.1)."""
    if not c.valid:
        return f"{b}'s {metric} against {a}'s cannot be told: {c.why}"
    if cannot_tell(c):
        return f"{metric}: cannot be told between {b} and {a}: less than {detectable(c)} would not have been seen"
    if not c.different:
        return f"{metric}: no difference found between {b} and {a}; one of {detectable(c)} would have been seen"
    return f"{b}'s {metric} is {ratio(c.ratio)}x {a}'s {interval(c)}: {way(metric, c)}"


def pooled(run, a, b, metric, levels=None):
    """All levels, or these, as one comparison: a block is trial i of each, the mean of its levels' log ratios."""
    ratios, apart = [], unlike.floors_apart(run, a, b, levels or run.levels)
    if apart:
        return stats.Comparison(blocks=len(run.blocks(a, b, run.levels[0], metric)[0]), why=apart)
    for threads in levels or run.levels:
        x, y = run.blocks(a, b, threads, metric)
        if stats.unusable(x, y):
            return stats.Comparison(blocks=len(x), why=stats.unusable(x, y))
        ratios.append(np.log(y / x))
    blocks = min(len(r) for r in ratios)
    together = np.mean([r[:blocks] for r in ratios], axis=0)
    return stats.compare(np.ones(blocks), np.exp(together))


def compare_run(run, base=None, metrics=runs.METRICS):
    """Each target against `base` (None: what it is to be compared with), at each level and over all: (rows of levels,
    rows of all levels). Findings are marked within each list."""
    each, over = [], []
    for b in run.indexes:
        a = run.base_of(b) if base is None else base
        if b == a:
            continue
        for metric in metrics:
            names = run.names[a], run.names[b], metric
            over.append(Row(*names, None, None, pooled(run, a, b, metric), b))
            for t in run.levels:
                blocks, apart = run.blocks(a, b, t, metric), unlike.floors_apart(run, a, b, [t])
                result = stats.Comparison(blocks=len(blocks[0]), why=apart) if apart else stats.compare(*blocks)
                each.append(Row(*names, t, run.fsyncers(t), result, b))
    stats.correct([r.result for r in each])
    stats.correct([r.result for r in over])
    return each, over


def chance(rows):
    """One sentence on how many comparisons were made (say.2)."""
    valid = [r for r in rows if r.result.valid]
    n, seen = len(valid), sum(r.result.different for r in valid)
    found = sum(r.result.finding for r in valid)
    return (f"Of {n} comparison{'s' * (n != 1)}, {seen} differ{'s' * (seen == 1)} at 95 %, where {0.05 * n:.1f} would "
            f"of like things; {found} stand{'s' * (found == 1)} when all are counted (chance of a false one: "
            f"{percent(stats.FINDING)})")


def fsyncers(n):
    return f"{n} fsyncer{'s' * (n != 1)}"


def levels_text(run):
    counts = [run.fsyncers(t) for t in run.levels]
    return f"{counts[0]} to {counts[-1]} fsyncers" if len(counts) > 1 else fsyncers(counts[0])


def pair_answer(rows):
    """What all metrics of one pair come to."""
    told = [r for r in rows if r.result.valid]
    if not told and len({r.result.why for r in rows}) == 1:
        return f"{rows[0].b} against {rows[0].a} cannot be told: {rows[0].result.why}"
    if not told:
        return verdict(rows[0].a, rows[0].b, rows[0].metric, rows[0].result)
    found = [r for r in told if r.result.finding]
    differ = [r for r in told if r.result.different]
    blind = [r for r in told if cannot_tell(r.result)]
    if found:
        return "; ".join(verdict(r.a, r.b, r.metric, r.result) for r in found)
    text = f"no difference found between {told[0].b} and {told[0].a}"
    if differ:
        alone = ", ".join(f"{r.metric} {ratio(r.result.ratio)}x {interval(r.result)}" for r in differ)
        return f"{told[0].b} may differ from {told[0].a}: {alone} at 95 %, but not when all comparisons are counted"
    if blind:
        return "; ".join(verdict(r.a, r.b, r.metric, r.result) for r in told)
    return f"{text} (one of {', '.join(f'{detectable(r.result)} in {r.metric}' for r in told)} would have been seen)"


def pairs(run, over):
    """What each target comes to against the first one, all levels together: a sentence each, of rows of all levels, and
    behind it what is unlike about the two."""
    out = []
    for target, rows in itertools.groupby(over, key=lambda r: r.target):
        rows = list(rows)
        out.append(f"{'Over' if len(run.levels) > 1 else 'With'} {levels_text(run)}: {pair_answer(rows)}.")
        out.append(unlike.block(run, next(i for i in run.indexes if run.names[i] == rows[0].a), target))
    return [text for text in out if text]


def durables(jobs):
    """What is compared of several jobs: one sentence; jobs are (name, durable_by)."""
    how = ", ".join(f"{name} by {by}" for name, by in jobs)
    return f"Compared are durable writes, a write with the sync that makes it durable: {how}."


def jobs_text(run):
    """The same of a run of several jobs; none of one."""
    jobs = run.jobs()
    return [durables((j["name"], j.get("durable_by", "?")) for j in jobs)] if len(jobs) > 1 else []


FAITHFUL = ("modern", "postfix")  # designs that do what btrfs does: today, and in Linux 3.18


def each_level(run, target, field, unit, digits):
    """A figure a sync, with each number of fsyncers; "" where it is not known."""
    values = [run.per_sync(target, t, field) for t in run.levels]
    return "" if any(v is None for v in values) else " ".join(f"{v / unit:.{digits}f}" for v in values)


def fidelity(run):
    """How close a design comes to the btrfs that it is named for, on the same device: a sentence for each such pair."""
    out, targets = [], run.data["targets"]
    kernels = [i for i in run.indexes if targets[i].get("kind") == "fs" and targets[i].get("design") == "btrfs"]
    for b, name in itertools.product(kernels, FAITHFUL):
        for d in run.indexes:
            if targets[d].get("design") != name or not targets[b].get("floor_of") or \
                    targets[d].get("floor_of") != targets[b]["floor_of"]:
                continue
            told = [f"{what} {x} of {run.names[b]} and {y} of {run.names[d]}"
                    for what, *of in (("flushes a sync", "flushes_per_sync", 1, 2),
                                      ("KiB of metadata a sync", "meta_bytes_per_sync", 1024, 0))
                    if (x := each_level(run, b, *of)) and (y := each_level(run, d, *of))]
            told += [verdict(run.names[b], run.names[d], m, pooled(run, b, d, m)) for m in ("p50", "rate")]
            counts = ", ".join(str(run.fsyncers(t)) for t in run.levels)
            out.append(f"On one device, with {counts} fsyncer{'s' * (counts != '1')}: {'; '.join(told)}.")
    return out


def step_outcome(step, c):
    """What the comparison says of the published direction (say.3)."""
    if not c.valid or cannot_tell(c):
        return "so it cannot be told whether that is so here"
    if not c.different:
        return "so it is neither as published nor against it"
    return "as published" if way("rate", c) == step.rate else "against what was published"


def step_sentence(run, step):
    """One, with its full stop; "" where the run cannot say anything."""
    pair, levels = steps.targets(run, step), [t for t in run.levels if run.fsyncers(t) >= step.least]
    if not pair or not levels:
        return ""
    c = pooled(run, *pair, "rate", levels)
    counts = [run.fsyncers(t) for t in levels]
    over = f"with {counts[0]} to {counts[-1]} fsyncers" if len(counts) > 1 else f"with {fsyncers(counts[0])}"
    told = verdict(run.names[pair[0]], run.names[pair[1]], "rate", c)
    return (f"The step from {step.a} to {step.b} ({step.commit}; published as {step.rate}: {step.where}), {over}: "
            f"{told}, {step_outcome(step, c)}.")


def step_sentences(run):
    return [s for s in (step_sentence(run, step) for step in steps.STEPS) if s]


def answers(run):
    """The answer: a few sentences. How the targets compare, why a sync costs what it does, which races lose data."""
    each, over = compare_run(run)
    compared = (jobs_text(run) + fidelity(run) + pairs(run, over) + step_sentences(run) +
                ([chance(each) + "."] if len(run.names) > 1 else []))
    return compared + why(run) + race_answers(run)


def race_answers(run):
    """What hunts that were kept with the run found."""
    out = []
    for race, r in sorted(run.hunts(), key=lambda x: (x[1]["verdict"], x[0], x[1]["design"])):
        if r["verdict"] == "breaks":
            out.append(f"Race `{race}`: {r['design']} loses durable data, found at schedule {r['found_at']:,}: "
                       f"{r['violation']['text']}.")
        else:
            out.append(f"Race `{race}`: {r['design']} holds; no violation in {r['schedules']:,} schedules.")
    return out


def microseconds(ns):
    return f"{ns / 1e3:,.{1 if ns < 1e5 else 0}f} us"


def an(noun):
    """With its article: an fsync, an fdatasync, a write."""
    return f"{'An' if noun.startswith('f') else 'A'} {noun}"


def jiffy_text(run):
    """The sleep of btrfs that depends on what the device says of itself, and its remedy: "" where there was none."""
    slept = [(f"{run.names[i]} with {fsyncers(run.fsyncers(t))}", phases["jiffy_sleep"] / sum(phases.values()))
             for t in run.levels for i in run.indexes if (phases := run.phases(i, t)).get("jiffy_sleep")]
    slept = [(who, share) for who, share in slept if share >= TOLD_SHARE]
    if not slept:
        return ""
    told = ", ".join(f"{share * 100:.0f} % of the time of {who}" for who, share in slept)
    return (f"btrfs sleeps one tick of the kernel's clock in log commits because the device says that it is rotational "
            f"({told}), and who waits for such a commit waits for its sleep, too: mount with -o ssd, or write 0 into "
            f"the device's queue/rotational.")


def time_of(run, target, level):
    """The three dearest phases of a sync, of a kernel's the two dearest waits; "" where nobody knows them."""
    phases = run.phases(target, level)
    sites = [s for s in run.kernel_sites(target, level) if s[3] >= TOLD_SHARE][:2]
    if not phases:
        return ""
    total = sum(phases.values())
    top = sorted(phases, key=phases.get, reverse=True)[:3]
    parts = ", ".join(f"{phases[p] / total * 100:.0f} % {p}" for p in top)
    if sites:
        parts = ", ".join(f"{share * 100:.0f} % {function}{': ' * bool(what)}{what}" for function, what, _, share, _ in
                          sites)
    return (f"{an(run.subject)} of {run.names[target]} with {fsyncers(run.fsyncers(level))} takes {total:,.0f} us on "
            f"average: {parts}.")


def floors_text(run, level):
    """How far each target is above the least that its device takes."""
    told = [(i, run.x_floor(i, level), run.floor(i, level)) for i in run.indexes]
    told = [f"{run.names[i]} {times:,.2f} x ({microseconds(floor.percentile(50))})"
            for i, times, floor in told if times]
    if not told:
        return ""
    return (f"Against the floor, one write and one flush of the device below: {', '.join(told)} with "
            f"{fsyncers(run.fsyncers(level))}.")


def cost(run):
    """What a sync costs here, in one sentence, with the fewest fsyncers: "" where too few were made to tell."""
    level = run.levels[0]
    told = [(run.names[i], run.histogram(i, level).figure(50)) for i in run.indexes if run.histogram(i, level)]
    told = [f"{name} {microseconds(ns)}" for name, ns in told if ns == ns]
    if not told:
        return ""
    return (f"{an(run.subject)} with {fsyncers(run.fsyncers(level))} takes, half of the time, at most: "
            f"{', '.join(told)}.")


def why(run):
    """Where the time of a sync goes, of each target, with the fewest fsyncers; of a real file system with the most,
    too."""
    level = run.levels[0]
    told = [time_of(run, i, level) for i in run.indexes] + [time_of(run, i, run.levels[-1]) for i in run.indexes
                                                            if len(run.levels) > 1 and run.kernel_sites(i, level)]
    return [s for s in told + [jiffy_text(run), floors_text(run, level)] if s]


def listed(run, rows):
    """'postfix with 1 fsyncer, ext4 with 8 fsyncers': of (threads, target)."""
    return ", ".join(f"{run.names[i]} with {fsyncers(run.fsyncers(t))}" for t, i in rows)


def floor_doubts(run, levels=None):
    """Where x floor is no figure (runs.2), and where it is rough because the floor moved."""
    out, rows = [], list(itertools.product(levels or run.levels, run.indexes))
    below = [(t, i) for t, i in rows if run.floor_times(i, t) is not None and run.x_floor(i, t) is None]
    if below:
        out.append(f"No x floor is given of {listed(run, below)}: it would be below 1, and a durable sync cannot take "
                   "less than a write and a flush. The device's floor moved meanwhile, or half of the syncs had "
                   "nothing to flush.")
    moved = [(t, i) for t, i in rows if run.floor_looks(i, t)]
    if moved:
        low, high = (f(run.floor_looks(i, t)[k] for t, i in moved) / 1e3 for k, f in ((0, min), (1, max)))
        where = listed(run, moved) if len(moved) <= 4 else f"{len(moved)} of {len(rows)} rows"
        out.append(f"The device's floor moved while it was measured, looks at it say {low:,.1f} to {high:,.1f} us: x "
                   f"floor is rough ({where}).")
    return out


def trial_doubts(run, levels=None):
    """What the trials themselves say against their figures: one sentence each."""
    out = []
    if run.data.get("interrupted"):
        out.append("The run was ended before all trials were made.")
    for threads, i in itertools.product(levels or run.levels, run.indexes):
        trials = run.trials(i, threads)
        at = f"{run.names[i]} with {run.fsyncers(threads)} fsyncer(s)"
        if len(trials) < stats.BLOCKS_MIN:
            out.append(f"{at}: {len(trials)} trial{'s' * (len(trials) != 1)} only, {stats.BLOCKS_MIN} are needed to "
                       "compare.")
            continue
        p50 = [run.value(t, "p50") for t in trials]
        change, groups = stats.drift(p50), stats.two_groups(p50)
        if change:
            out.append(f"{at}: p50 drifts by {change * 100:+.0f} % from the first trial to the last; comparisons hold "
                       "(trials take turns), the figures themselves are of a moving thing.")
        if groups:
            out.append(f"{at}: trials are of two kinds, p50 around {groups[0] / 1e3:,.0f} and {groups[1] / 1e3:,.0f} "
                       "us: find out what switches before believing either.")
    fewest = min(len(run.trials(i, t)) for i in run.indexes for t in run.levels)
    if stats.BLOCKS_MIN <= fewest < 5:
        out.append(f"{fewest} trials a target are few: intervals are wide.")
    return out


def place_doubts(run):
    """Where ratios are of the devices as well."""
    memory = [run.in_memory(i) for i in run.indexes]
    if True not in memory or False not in memory:
        return []
    inside, outside = (", ".join(run.names[i] for i in run.indexes if memory[i] is want) for want in (True, False))
    return [f"Not on the same device: {inside} in memory, {outside} on a disk. Ratios between them are of the devices, "
            "too."]


def figure_doubts(run, levels=None):
    """What makes one doubt the figures: one sentence each. `levels`: of rows with these alone (all)."""
    return place_doubts(run) + unlike.doubts(run) + trial_doubts(run, levels) + floor_doubts(run, levels)


def doubts(run, levels=None):
    """The same, and what was not available when it was measured (the bench's own notices)."""
    notices = {f"{run.names[r['target']]}: {r['notice']}." for r in run.data["runs"]
               if r.get("notice") and (levels is None or r["threads"] in levels)}
    return figure_doubts(run, levels) + sorted(notices)
