"""
runs.py: loads results, and computes each figure that the terminal, the report and the README show. No other file
reads a run's JSON.

What is wrong with a file is one line that names it (Bad), never a stack of Python's: schema.py has each field.

runs.1: A figure is computed by one function here, whoever shows it. What there are too few operations for is NaN, and
shown as "-": p50 takes 10, p99 takes 100, p99.9 takes 1,000.
runs.2: x floor below 1 is no figure. A sync that is durable cannot take less than the write and the flush of the floor:
the device's floor moved between the two, or syncs had nothing to flush.

A trial that was cut short or failed is not like the others: trials() leaves it out. Bins of several trials may be
added: a percentile of all trials is exact to within 1 %, and the same that the bench's table shows.

Called by every file here. The schema is described in results/README.md.
"""
import dataclasses
import json
import os
import re
import shlex

import numpy as np

import schema

SCHEMA, VERSION = "fsyncstorm-bench", 1
METRICS = ("p50", "p99", "p99.9", "rate")
PERCENTILE = {"p50": 50, "p99": 99, "p99.9": 99.9}
LEAST = 10        # operations that a percentile takes, and one beyond it
SYNCS = ("fsync", "fdatasync")
CALLS = ("write", "read", "sync_file_range", "fdatasync", "fsync")
DURABLE = "durable write"  # what several jobs are compared by: a write and the sync that makes it durable
SUBJECTS = {"write": ("write",), "read": ("read",), DURABLE: ("durable",)}
FLOOR_MOVED = 2   # looks at the floor further apart than this are told; in memory they differ by a tenth at most


class Bad(Exception):
    """What the user or a file did wrong: one line."""


class Histogram:
    """Latencies in ns: values ascending, how many operations took each."""

    def __init__(self, values, counts, total_ns, least_ns, top_ns):
        self.values, self.counts = values, counts
        self.n, self.sum_ns, self.min_ns, self.max_ns = int(counts.sum()), total_ns, least_ns, top_ns

    def percentile(self, p):
        """The value at percentile p (0..100) within 1 %; NaN when empty. The same as engine/base/hist.c's."""
        if not self.n:
            return float("nan")
        if p >= 100:
            return float(self.max_ns)
        at = np.searchsorted(np.cumsum(self.counts), max(1, np.ceil(p / 100 * self.n)))
        return float(min(max(self.values[min(at, len(self.values) - 1)], self.min_ns), self.max_ns))

    def figure(self, p):
        """The same, or NaN when there are too few operations to tell (runs.1)."""
        return self.percentile(p) if self.n >= LEAST and round(self.n * (100 - p), 6) >= 100 else float("nan")

    @property
    def mean_ns(self):
        return self.sum_ns / self.n if self.n else float("nan")


def histogram(parts):
    """The JSON histograms of several trials, added up."""
    sums = {}
    for part in parts:
        for value, count in part["bins"]:
            sums[value] = sums.get(value, 0) + count
    values = np.array(sorted(sums), dtype=float)
    counts = np.array([sums[v] for v in sorted(sums)], dtype=np.int64)
    full = [p for p in parts if p["bins"]]
    return Histogram(values, counts, sum(p["sum_ns"] for p in parts),
                     min((p.get("min_ns", 0) for p in full), default=0), max((p["max_ns"] for p in full), default=0))


def number_of(trial, ops):
    return sum(trial["ops"][op]["n"] for op in ops if op in trial["ops"])


@dataclasses.dataclass
class Calls:
    """One kind of call of a section, all trials together; section "": of all sections."""
    section: str
    tasks: int
    call: str
    calls: Histogram
    seconds: float
    bytes: int

    @property
    def rate(self):
        return self.calls.n / self.seconds if self.seconds else float("nan")

    @property
    def megabytes(self):
        """A second; NaN where none are moved."""
        return self.bytes / 1e6 / self.seconds if self.bytes and self.seconds else float("nan")


def calls_of(name, tasks, parts):
    """A section's kinds of calls, of its trials' entries."""
    seconds = sum(p["elapsed_ns"] for p in parts) / 1e9
    moved = {"write": "bytes", "read": "read_bytes"}
    return [Calls(name, tasks, op, histogram([p["ops"][op] for p in parts if op in p["ops"]]), seconds,
                  sum(p.get(moved.get(op), 0) for p in parts)) for op in CALLS if any(op in p["ops"] for p in parts)]


class Run:
    """One bench: its recipe, its targets, its trials."""

    def __init__(self, path, data, env):
        self.path, self.folder = path, os.path.dirname(os.path.abspath(path))
        self.name = os.path.basename(self.folder)
        self.data, self.env = data, env
        self.subject = data["job"]["subject"]
        self.names = short_names([t["label"] for t in data["targets"]])
        self.indexes = range(len(self.names))
        self.levels = sorted({r["threads"] for r in data["runs"]})
        self.sums = {}

    def jobs(self):
        """Each job's {name, path, durable_by}."""
        return self.data.get("jobs", [self.data["job"]])

    def base_of(self, target):
        """What a target is compared with: the first, or, of several jobs, the first job on the same target."""
        targets = self.data["targets"]
        if not targets[target].get("job"):
            return 0
        return next(i for i, t in enumerate(targets) if t.get("text") == targets[target].get("text"))

    def about(self, subject):
        """The same run, looked at for another kind of operation."""
        other = Run(self.path, self.data, self.env)
        other.subject = subject
        return other

    def command(self):
        """To be pasted into a shell. argv[0] is the program and its sub-command in one."""
        words = self.data["command"]
        return " ".join([words[0]] + [shlex.quote(w) for w in words[1:]])

    def all_trials(self):
        return [r for r in self.data["runs"] if not r.get("interrupted") and not r.get("error")]

    def trials(self, target, threads):
        """In the order of their number."""
        found = [r for r in self.all_trials() if r["target"] == target and r["threads"] == threads]
        return sorted(found, key=lambda r: r["trial"])

    def fsyncers(self, threads):
        """Tasks that ran at this level (a level of 0 is the job's own number)."""
        return next(r["tasks_n"] for r in self.data["runs"] if r["threads"] == threads)

    def ops_of(self, op):
        """The operations that `op` stands for. None is what the job is about: all of its syncs, or its writes when it
        has none."""
        return (op,) if op else SUBJECTS.get(self.subject, SYNCS)

    def histogram(self, target, threads, op=None):
        """Of all trials of a target at a level; None when it has no such operation."""
        key = (target, threads, op)
        if key not in self.sums:
            parts = [t["ops"][o] for t in self.trials(target, threads) for o in self.ops_of(op) if o in t["ops"]]
            self.sums[key] = histogram(parts) if parts else None
        return self.sums[key]

    def sections(self, target, threads):
        """Each section's kinds of calls (Calls), then those of all sections, where there are several."""
        trials = [t for t in self.trials(target, threads) if t.get("sections")]
        if not trials:
            return []
        out, heads = [], trials[0]["sections"]
        for i, head in enumerate(heads):
            out += calls_of(head["name"], head["tasks"], [t["sections"][i] for t in trials])
        if len(heads) > 1:
            out += calls_of("", sum(h["tasks"] for h in heads), trials)
        return out

    def has_sections(self):
        """Are they told apart? A write and its sync of one section stand elsewhere."""
        return any(len(t.get("sections", [])) > 1 or any(len(s["ops"]) > 2 for s in t.get("sections", []))
                   for t in self.all_trials())

    def value(self, trial, metric):
        """One figure of a trial, ns or per second; NaN when there are too few operations to tell."""
        if metric == "rate" and self.subject == self.data["job"]["subject"]:
            return trial["rate"]
        if metric == "rate":
            n = number_of(trial, self.ops_of(None))
            return n * 1e9 / trial["elapsed_ns"] if trial["elapsed_ns"] else float("nan")
        parts = [trial["ops"][o] for o in self.ops_of(None) if o in trial["ops"]]
        percent = PERCENTILE[metric]
        if len(parts) != 1:
            return histogram(parts).figure(percent) if parts else float("nan")
        enough = parts[0]["n"] >= LEAST and round(parts[0]["n"] * (100 - percent), 6) >= 100
        return parts[0][{50: "p50_ns", 99: "p99_ns", 99.9: "p999_ns"}[percent]] if enough else float("nan")

    def per_sync(self, target, threads, field):
        """The mean over all syncs of what a trial tells as a mean of its own; None where it does not."""
        have = [(t[field], number_of(t, self.ops_of(None))) for t in self.trials(target, threads)
                if t.get(field) is not None]
        return sum(x * n for x, n in have) / sum(n for _, n in have) if sum(n for _, n in have) else None

    def rate(self, target, threads):
        """Operations a second of all tasks: the mean of the trials. NaN when it is not known."""
        rates = [t["rate"] for t in self.trials(target, threads)]
        return sum(rates) / len(rates) if rates and all(rates) else float("nan")

    # ---- the floor: one 4 KiB write and flush below the target, by one task, nothing else ----

    def floor(self, target, threads):
        """Of all trials: the look before the trial or the one after it, whichever has the lower p50. A device has one
        floor: targets that lie on the same one share their looks. None where there was none."""
        of = self.data["targets"][target].get("floor_of")
        same = [i for i in self.indexes if i == target or (of and self.data["targets"][i].get("floor_of") == of)]
        parts = [t["floor"] for i in same for t in self.trials(i, threads) if t.get("floor", {}).get("bins")]
        return histogram(parts) if parts else None

    def floor_times(self, target, threads):
        """p50 of a sync with the writes before it, through the floor's p50: any number. None where it cannot be
        told."""
        floor, subject = self.floor(target, threads), self.histogram(target, threads)
        promised = sum(t.get("promised", "floor_ratio" in t) for t in self.trials(target, threads))
        if floor is None or subject is None or not subject.n or not promised:
            return None
        request, writes = subject.percentile(50), self.histogram(target, threads, "write")
        if self.subject not in SUBJECTS and writes is not None:
            request += writes.percentile(50) * writes.n / subject.n
        return request / floor.percentile(50)

    def x_floor(self, target, threads):
        """What is shown of floor_times(); None where that is no figure (runs.2)."""
        times = self.floor_times(target, threads)
        return times if times is not None and times >= 1 else None

    def floor_looks(self, target, threads):
        """The p50 in ns of the lowest look at the floor and of the highest, where they are so far apart that x floor is
        rough; else None."""
        looks = [x for t in self.trials(target, threads) if "floor" in t
                 for x in (t.get("floor_before_ns"), t.get("floor_after_ns"), t["floor"].get("p50_ns")) if x]
        return (min(looks), max(looks)) if looks and max(looks) > FLOOR_MOVED * min(looks) else None

    def blocks(self, a, b, threads, metric):
        """Pairs of trials that ran next to each other, as two arrays of the metric."""
        of = {t["trial"]: t for t in self.trials(b, threads)}
        pairs = [(t, of[t["trial"]]) for t in self.trials(a, threads) if t["trial"] in of]
        return tuple(np.array([self.value(p[k], metric) for p in pairs], dtype=float) for k in (0, 1))

    def backing(self, target):
        """What was under a target (schema.py); None: it was in memory, or the run is older than that."""
        text = self.data["targets"][target].get("text", "")
        for b in self.env.get("backing", []):
            if b.get("target", target) == target and ("target" in b or (b.get("path") and b["path"] in text)):
                return b
        return None

    def place(self, target):
        """What a target lay on: the drive and the file system under its path, else its device."""
        text, b = self.data["targets"][target].get("text", ""), self.backing(target)
        if b is None:
            return text.split("@")[-1]
        path = b.get("path") or "."
        named = (text if path == "." else text.split(path)[0]).split("@")[-1].rstrip(":")
        return f"{named} on {self.under(b)}"

    def under(self, b):
        known = [b.get(k) for k in ("filesystem", "source", "model") if b.get(k)]
        deeper = f", over {b['under'].get('path', 'a file')} on {self.under(b['under'])}" if "under" in b else ""
        return ", ".join(known) + deeper

    def in_memory(self, target):
        """Whether what is written there is in memory alone; None where it is not known."""
        place = self.place(target)
        if not place or place == "null":
            return None
        return place.startswith("ram:") or "/ram:" in place or "tmpfs" in place

    def date(self):
        """When it began, in UTC; "" for a run that does not say."""
        found = re.fullmatch(r"(\d{4})(\d\d)(\d\d)-(\d\d)(\d\d)(\d\d)", self.data["date"])
        return "{}-{}-{} {}:{}:{} UTC".format(*found.groups()) if found else ""

    def recipe(self):
        """What one must know to read the figures, or to make them again: one line."""
        d, e = self.data, self.env
        topology = e.get("topology", {})
        nodes = topology.get("nodes", "?")
        machine = (f"{e.get('cpu', 'unknown processor')}, {topology.get('pus', '?')} CPUs on {nodes} "
                   f"node{'s' * (nodes != 1)}{'' if topology.get('real', True) else ' (synthetic topology)'}, "
                   f"Linux {e.get('kernel', '?')}")
        seconds = f"{d['seconds_ns'] / 1e9:g} s" if d.get("seconds_ns") else "the job's own time"
        return (f"{self.name}: commit {d['commit']}, {machine}; job {d['job']['name']}, "
                f"{d.get('trials', '?')} trials of {seconds} taking turns, seed {d.get('seed', '?')}, "
                f"placement {d.get('placement', '?')}")

    def phases(self, target, threads):
        """Mean us of a sync in each phase, all trials: {phase: us}. They sum to the mean latency. Of a kernel's syncs
        the shares are those of trials of their own, since recording takes time: here of the mean that was measured."""
        trials, recorded = self.trials(target, threads), self.recorded(target, threads)
        if recorded:
            return self.kernel_phases(recorded, self.sync_mean(target, threads))
        n = sum(number_of(t, SYNCS) for t in trials)
        sums = {}
        for t in trials:
            for phase, ns in t.get("phases_ns", {}).items():
                sums[phase] = sums.get(phase, 0) + ns
        if not n or not any(ns for phase, ns in sums.items() if phase != "other"):  # a real file system tells none
            return {}
        return {phase: ns / n / 1e3 for phase, ns in sums.items()}

    def sync_mean(self, target, threads):
        """Mean latency in us of all syncs, fsync and fdatasync together, as the phases are; None without one."""
        found = [h for h in (self.histogram(target, threads, op) for op in SYNCS) if h is not None]
        n = sum(h.n for h in found)
        return sum(h.sum_ns for h in found) / n / 1e3 if n else None

    @staticmethod
    def kernel_phases(recorded, mean_us):
        total, sums = sum(w["sync_ns"] for w in recorded), {}
        for w in recorded:
            for phase, ns in w["phases_ns"].items():
                sums[phase] = sums.get(phase, 0) + ns
        return {phase: ns / total * mean_us for phase, ns in sums.items()} if mean_us else {}

    def recorded(self, target, threads):
        """What was recorded of a kernel's syncs, a trial each; [] where it was not."""
        return [t["kernel_waits"] for t in self.trials(target, threads) if t.get("kernel_waits", {}).get("sync_ns")]

    def device_share(self, target, threads):
        """Of a kernel's syncs' time, the share in which the device had something to do: (share, whether its flushes
        are in it); None where it was not looked at."""
        looked = [w for w in self.recorded(target, threads) if w.get("device_sync_ns")]
        if not looked:
            return None
        return (sum(w["device_ns"] for w in looked) / sum(w["device_sync_ns"] for w in looked),
                all(w.get("device_flushes_known", True) for w in looked))

    def kernel_beside(self, target, threads):
        """Of each of kernel_sites(): {(function, what, phase): (who ended most of it, the share of it that it ended,
        the share in which the device had something to do)}; what is not known is None."""
        sums = {}
        for s in (s for w in self.recorded(target, threads) for s in w["sites"]):
            known = sums.setdefault((s["function"], s["what"], s["phase"]), {"ns": 0, "device": None, "woken": {}})
            known["ns"] += s["ns"]
            if "device_ns" in s:
                known["device"] = (known["device"] or 0) + s["device_ns"]
            for name, ns in s.get("woken_by_ns", {}).items():
                known["woken"][name] = known["woken"].get(name, 0) + ns
        out = {}
        for site, known in sums.items():
            name = max(known["woken"], key=known["woken"].get, default=None)
            total = known["ns"]
            out[site] = (name, known["woken"][name] / total if name and total else None,
                         known["device"] / total if known["device"] is not None and total else None)
        return out

    def kernel_sites(self, target, threads):
        """What a kernel's syncs waited for, the dearest first: [(function, what, phase, share of a sync's time, sleeps
        a sync)]; [] where it was not recorded."""
        recorded = self.recorded(target, threads)
        total, syncs, sums = sum(w["sync_ns"] for w in recorded), sum(w["syncs"] for w in recorded), {}
        for w in recorded:
            for s in w["sites"]:
                ns, n = sums.get((s["function"], s["what"], s["phase"]), (0, 0))
                sums[s["function"], s["what"], s["phase"]] = ns + s["ns"], n + s["n"]
        rows = [(*site, ns / total, n / syncs) for site, (ns, n) in sums.items()]
        return sorted(rows, key=lambda r: -r[3])

    def scores(self):
        """Rows of the score of strategies that is kept beside the results; None when there is none."""
        path = os.path.join(self.folder, "score.json")
        return load_scores(path) if os.path.exists(path) else None

    def hunts(self):
        """Verdicts of `race hunt` kept beside the results: [(race, {design, verdict, schedules, ...})]."""
        out = []
        for name in sorted(os.listdir(self.folder)):
            if name.endswith(".hunt.json"):
                path = os.path.join(self.folder, name)
                data = read_json(path)
                fits(path, data, schema.HUNT, "not the result of `race hunt`: ")
                out += [(data["race"], r) for r in data["results"]]
        return out


def short_names(labels):
    """The label without its letter, where that tells the targets apart."""
    bare = [label.split(" ", 1)[-1] for label in labels]
    return bare if len(set(bare)) == len(bare) else list(labels)


def parse_json(path, f):
    """What the open file holds; `path` is only what is told."""
    try:
        return json.load(f, parse_constant=schema.not_json)
    except json.JSONDecodeError as e:
        raise Bad(f"{path}:{e.lineno}: not whole JSON ({e.msg}); was its run cut short?") from None
    except (ValueError, RecursionError, schema.Wrong):  # no UTF-8, a number of thousands of digits, a deep nest
        raise Bad(f"{path}: not a JSON file") from None


def read_json(path):
    try:
        with open(path, encoding="utf-8") as f:
            return parse_json(path, f)
    except OSError as e:
        raise Bad(f"{path}: {e.strerror}") from None


def check_schema(path, data):
    if not isinstance(data, dict) or "schema" not in data:
        raise Bad(f"{path}: not a result of fsyncstorm (it names no schema)")
    if data["schema"] != SCHEMA:
        raise Bad(f"{path}: not a bench's run (schema {data['schema']}, expected {SCHEMA})")
    if data.get("schema_version") != VERSION:
        raise Bad(f"{path}: schema version {data.get('schema_version')}, this program reads version {VERSION}")


def fits(path, data, check, what=""):
    """schema.1, or Bad."""
    try:
        check(data, "")
    except schema.Wrong as e:
        raise Bad(f"{path}: {what}{e}; is it whole?") from None


def check_fields(path, data):
    fits(path, data, schema.run)


def read_env(path):
    data = read_json(path)
    fits(path, data, schema.ENV)
    return data


def check(path, data):
    check_schema(path, data)
    check_fields(path, data)
    if not any(not r.get("error") and not r.get("interrupted") for r in data["runs"]):
        raise Bad(f"{path}: has no trial that ran to its end")


def load_file(path):
    data = read_json(path)
    check(path, data)
    return data


def join(folder):
    """A folder of trials, each a run of one trial in a file of its own, in the order of their names: one run."""
    files = sorted(f for f in os.listdir(folder) if f.endswith(".json"))
    if not files:
        raise Bad(f"{folder}: has no run.json and no other result")
    parts = [load_file(os.path.join(folder, f)) for f in files]
    whole = parts[0]
    for trial, part in enumerate(parts):
        if part["job"] != whole["job"] or len(part["targets"]) != len(whole["targets"]):
            raise Bad(f"{os.path.join(folder, files[trial])}: not of the same job and targets as {files[0]}")
        for r in part["runs"]:
            r["trial"] = trial
    whole["runs"] = [r for part in parts for r in part["runs"]]
    return whole


def load(where):
    """A run's folder, its run.json, or a folder of trials in files of their own. Raises Bad."""
    path = os.path.join(where, "run.json") if os.path.isdir(where) else where
    if os.path.isdir(where) and not os.path.exists(path):
        return Run(path, join(where), {})
    beside = os.path.join(os.path.dirname(os.path.abspath(path)), "env.json")
    return Run(path, load_file(path), read_env(beside) if os.path.exists(beside) else {})


def find_target(run, name):
    """The index of a target by its name, letter, label or design."""
    for i, t in enumerate(run.data["targets"]):
        if name in (run.names[i], t["label"], t["label"].split(" ")[0], t.get("text"), t.get("design")):
            return i
    raise Bad(f"{run.path}: no target `{name}`; it has {', '.join(run.names)}")


def load_scores(path):
    """The JSON of `race score`: [{race, design, strategy, seeds: schedules to the first violation or None, cap}]."""
    data = read_json(path)
    fits(path, data, schema.SCORES, "not the result of `race score`: ")
    return [dict(race=r["race"], design=r["design"], strategy=r["strategy"], seeds=r["first"], cap=data["cap"])
            for r in data["rows"]]
