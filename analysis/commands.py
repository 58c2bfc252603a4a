"""
commands.py: `compare`: two runs, or two targets of one run, as sentences and an exit status for CI.

Exit status: 0 held; 1 a condition of --fail-if is met; 2 the user's or a file's error.
"""
import re

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


def met(condition, row):
    """The ratio is past the bound, and that there is a difference is a finding (stats.4)."""
    metric, sign, bound = condition
    c = row.result
    if row.metric != metric or not c.valid or not c.finding:
        return False
    return c.ratio > bound if sign == ">" else c.ratio < bound


def between_runs(a, b, target_a, target_b, metrics, paired):
    """One target of a run against one of another, at each level that both have."""
    i, k = (runs.find_target(r, t) if t else 0 for r, t in ((a, target_a), (b, target_b)))
    levels = [t for t in a.levels if t in b.levels]
    if not levels:
        raise runs.Bad(f"{b.path}: no number of tasks in common with {a.path}")
    if a.subject != b.subject or a.data["job"]["name"] != b.data["job"]["name"]:
        raise runs.Bad(f"{b.path}: its job is {b.data['job']['name']}, not {a.data['job']['name']}: "
                       "figures of different things")
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
    return rows


def within_run(run, target_a, target_b, metrics):
    base = runs.find_target(run, target_a) if target_a else 0
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
    if len(loaded) == 2:
        rows = between_runs(*loaded, options.a, options.b, metrics, options.paired)
    else:
        rows = within_run(loaded[0], options.a, options.b, metrics)
    for r in rows:
        print(f"{r.fsyncers} fsyncer{'s' * (r.fsyncers != 1)}: {say.verdict(r.a, r.b, r.metric, r.result)}"
              f"{' (a finding)' if r.result.finding else ''}")
    print(say.chance(rows) + ".")
    if len(loaded) == 2 and not options.paired:
        print("These two runs did not take turns: what changed in the machine between them counts as a difference.")
    broken = [(c, r) for c in conditions for r in rows if met(c, r)]
    for (metric, sign, bound), r in broken:
        print(f"FAILS: {metric} {sign} {bound:g} with {r.fsyncers} fsyncer(s): {say.ratio(r.result.ratio)} "
              f"{say.interval(r.result)}")
    return 1 if broken else 0
