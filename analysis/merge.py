"""
merge.py: `fsyncstorm merge RUN...`: several runs of one job on the same targets become one run, with the trials of all.
For a figure far out in the tail, or from machines that take turns.

Trials are taken over as they are, with numbers that go on. A trial counts once: one that is there twice would make
intervals narrower than they are. A folder may have been moved, and merged before, so a trial is known by all that was
measured in it, to the nanosecond.
"""
import fcntl
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
import time

import hgrm
import runs

DERIVED = ("comparisons", "percentiles", "fio")  # of the trials of one run, as older programs kept it
DEFAULT_PARENT = "results"


def file_of(where, name):
    """A file of a run that was named by its folder or by its run.json."""
    folder = os.path.dirname(where) if os.path.basename(where) == "run.json" else where
    return os.path.join(folder or ".", name) if folder else name


def check(where, data):
    runs.check_schema(where, data)
    runs.check_fields(where, data)
    if not data["runs"]:
        raise runs.Bad(f"{where}: no trial in it")


def check_alike(where, first, data):
    """The same job on the same targets, or the sum would be of nothing."""
    jobs = [d.get("job", {}).get("name", "") for d in (first, data)]
    if jobs[0] != jobs[1]:
        raise runs.Bad(f"{where}: its job is `{jobs[1]}`, the first run's is `{jobs[0]}`")
    texts = [[t.get("text", "") for t in d["targets"]] for d in (first, data)]
    for i in range(max(len(t) for t in texts)):
        a, b = (t[i] if i < len(t) else "" for t in texts)
        if a != b:
            raise runs.Bad(f"{where}: target {chr(65 + i)} is `{b}`, in the first run `{a}`")


def check_new(where, data, seen):
    """Each trial of the run goes into `seen`: what was measured in it, and the run that it is of."""
    for t in data["runs"]:
        measured = json.dumps({k: v for k, v in t.items() if k != "trial"}, sort_keys=True)
        if measured in seen:
            raise runs.Bad(f"{where}: trial {t['trial']} of target {chr(65 + t['target'])} is also in "
                           f"{seen[measured]}: a trial counts once, leave one of them out")
        seen[measured] = where


def joined(wheres):
    """(run.json, env.json) of all runs as one. Raises Bad."""
    whole, seen = None, {}
    for where in wheres:
        data = runs.read_json(file_of(where, "run.json"))
        check(where, data)
        if whole is None:
            check_new(where, data, seen)
            whole = {k: v for k, v in data.items() if k not in DERIVED}
            continue
        check_alike(where, whole, data)
        check_new(where, data, seen)
        whole["runs"] = whole["runs"] + [dict(t, trial=t["trial"] + whole["trials"]) for t in data["runs"]]
        whole["trials"] += data["trials"]
    env, *others = (runs.read_env(file_of(where, "env.json")) for where in wheres)
    env["merged_with"] = others
    whole["merged_from"] = list(wheres)
    return whole, env


class Folder:
    """A run's folder, as recipe/results.h has it: written under a temporary name, renamed when it is whole, gone if it
    never is."""

    def __init__(self, out):
        self.made_parent, self.parent = False, os.path.dirname(out or "") or ("." if out else DEFAULT_PARENT)
        if out and os.path.lexists(out):
            raise runs.Bad(f"--out: {out}: File exists")
        try:
            if not out and not os.path.isdir(self.parent):
                os.mkdir(self.parent)
                self.made_parent = True
            self.temp = tempfile.mkdtemp(prefix=".new-", dir=self.parent)
            os.chmod(self.temp, 0o755)
            self.lock = os.open(self.temp, os.O_RDONLY)  # until we end: see kit/abandoned.h
            fcntl.flock(self.lock, fcntl.LOCK_EX)
        except OSError as e:
            raise runs.Bad(f"--out: {self.parent}: {e.strerror}") from None
        self.date = time.strftime("%Y%m%d-%H%M%S", time.gmtime(os.stat(self.temp).st_mtime))
        self.final = out or os.path.join(self.parent, f"{self.date}-{socket.gethostname()}-merge")

    def write(self, name, text):
        with open(os.path.join(self.temp, name), "w", encoding="utf-8") as f:
            f.write(text)

    def commit(self):
        """Two runs of one second: the later one takes the next free name."""
        name, tries = self.final, 1
        while os.path.lexists(name) and tries < 100:
            tries += 1
            name = f"{self.final}-{tries}"
        os.rename(self.temp, name)
        self.temp, self.final = None, name

    def abandon(self):
        if self.temp:
            shutil.rmtree(self.temp, ignore_errors=True)
            if self.made_parent and not os.listdir(self.parent):
                os.rmdir(self.parent)


def cell(value, digits=1):
    return "-" if value != value else f"{value:.{digits}f}"


def table_rows(run, threads, target):
    for op in (None, "service", "response"):
        h = run.histogram(target, threads, op)
        if h is None or not h.n or (op == "service" and run.histogram(target, threads, "response") is None):
            continue
        seconds = sum(t["elapsed_ns"] for t in run.trials(target, threads)) / 1e9
        rate = run.rate(target, threads) if op is None else h.n / seconds
        label = run.data["targets"][target]["label"]
        cells = [cell(h.figure(p) / 1e3) for p in (50, 99, 99.9)] + [cell(h.max_ns / 1e3), cell(rate, 0)]
        yield (f"{run.fsyncers(threads):7}  {label:<28.28} {op or run.subject:<9} {h.n:10} "
               + " ".join(f"{c:>9}" for c in cells))


def print_table(run):
    columns = "".join(f" {c:>9}" for c in ("p50", "p99", "p99.9", "max", "per s"))
    print(f"latency in us, all trials\n{'threads':>7}  {'target':<28} {'operation':<9} {'n':>10}{columns}")
    for threads in run.levels:
        for i in run.indexes:
            for line in table_rows(run, threads, i):
                print(line)


def keep(folder, whole, env, wheres):
    whole["date"] = folder.date
    folder.write("cmd.txt", f"fsyncstorm merge {' '.join(wheres)}\n")
    for name, data in (("env.json", env), ("run.json", whole)):
        folder.write(name, json.dumps(data, separators=(",", ":")))
    run = runs.Run(os.path.join(folder.temp, "run.json"), whole, env)
    hgrm.write_all(run, folder.temp)
    return run


def stop(number, _):
    """Ctrl-C and its like leave nothing behind."""
    sys.exit(128 + number)


def command(options):
    """The whole of `fsyncstorm merge`. Returns the exit status."""
    if len(options.run) < 2:
        raise runs.Bad("two or more runs are expected: results folders of one job on the same targets")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    whole, env = joined(options.run)
    folder = Folder(options.out.rstrip("/") or "/" if options.out else None)
    try:
        run = keep(folder, whole, env, options.run)
        folder.commit()
    except OSError as e:
        raise runs.Bad(f"{folder.final}: {e.strerror}") from None
    finally:
        folder.abandon()
    print_table(run)
    print(f"\nresults: {folder.final}")
    return 0
