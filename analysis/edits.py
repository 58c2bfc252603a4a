#!/usr/bin/python3
"""
edits.py: every edit of a field of a run.json or an env.json, and what the commands make of it: one line and exit status
2, or an answer; never a stack of Python's. (schema.1)

Called by edits_test.py, which tries each kind of field once, and by make fuzz: `analysis/edits.py SECONDS` edits
several fields at once, drawn by chance, until the time is over, and prints one line; exit status 1 when something was
found.
"""
import contextlib
import copy
import io
import json
import os
import random
import sys
import tempfile
import time
import traceback

import cli
import plot_races
import runs
import say

GONE = object()  # the field is taken away
VALUES = (GONE, None, True, 0, -1, 1, 0.5, 1e300, 2 ** 70, "", "x", [], [[]], [1], {}, {"n": 1})
FIXTURE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fixtures", "run")


def read(name):
    with open(os.path.join(FIXTURE, name), encoding="utf-8") as f:
        return json.load(f)


def is_histogram(data):
    return isinstance(data, dict) and "bins" in data


def smaller(data):
    """The same with six bins a histogram and what few read left away: an edit of it is tried in a moment."""
    if isinstance(data, list):
        return [smaller(item) for item in data]
    if not isinstance(data, dict):
        return data
    out = {name: smaller(value) for name, value in data.items() if name not in ("events", "drive", "counters", "tasks")}
    if is_histogram(out):
        out["bins"] = [[value, count + 200] for value, count in out["bins"][:6]]
        out["n"] = sum(count for _, count in out["bins"])
    if "cells" in out:
        out["max_ns"] = out["max_ns"][:3]
        out["cells"] = [cell for cell in out["cells"] if cell[0] < 3][:4]
    return out


def small_run():
    """One level, three trials of each target."""
    run = read("run.json")
    level = run["runs"][0]["threads"]
    run["runs"] = [r for r in run["runs"] if r["threads"] == level and r["trial"] < 3]
    run["classes"] = {"LOG": "whose turn it is"}
    return smaller(run)


def small_env():
    """With all that may be under a target."""
    env, place = read("env.json"), {"path": "m", "filesystem": "ext4", "source": "/dev/loop7", "mounted_at": "/m",
                                    "mount_options": "rw", "fs_options": "rw,nobarrier", "drive": "loop7", "model": "M",
                                    "write_cache": "write back", "fua": "0"}
    env["backing"] = [{"target": 1, **place, "under": place}]
    return env


def places(data, at=()):
    """Each field, as the way to it; of a list the first element and the last."""
    yield at
    if isinstance(data, dict):
        for name, value in data.items():
            yield from places(value, at + (name,))
    elif isinstance(data, list):
        for i in sorted({0, len(data) - 1} if data else ()):
            yield from places(data[i], at + (i,))


TABLES = {"phases_ns", "holder_phase_ns", "phases", "classes", "ops", "device"}  # of things of one kind, by names


def kind(at):
    """Fields of one kind have one name, whichever element of a list or of a table they are in."""
    return tuple("[]" if isinstance(step, int) or (i and at[i - 1] in TABLES) else step for i, step in enumerate(at))


def edit(data, at, value):
    """In place; a way that is no longer there changes nothing."""
    for step in at[:-1]:
        data = data[step] if isinstance(data, (dict, list)) and has(data, step) else None
    if data is None or not at or not isinstance(data, (dict, list)) or not has(data, at[-1]):
        return
    if value is GONE:
        del data[at[-1]]
    else:
        data[at[-1]] = copy.deepcopy(value)


def has(data, step):
    return step in data if isinstance(data, dict) else isinstance(step, int) and step < len(data)


class Folder:
    """A results folder whose files are as they are told to be, and the commands that read it."""

    def __init__(self, path):
        self.path = path
        self.whole = os.path.join(path, "whole")
        self.edited = os.path.join(path, "edited")
        for folder in (self.whole, self.edited):
            os.mkdir(folder)
        self.turn, run = 0, small_run()
        for r in run["runs"]:
            r["elapsed_ns"] += 1  # or merge would know its trials again
        self.write(self.whole, run, small_env())

    @staticmethod
    def write(folder, run, env):
        for name, data in (("run.json", run), ("env.json", env)):
            with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
                json.dump(data, f)

    def beside(self, name, data):
        """A result of a search beside the run, read as a report reads it. None, or what is wrong."""
        path = os.path.join(self.whole, name)
        with open(path, "w", encoding="utf-8") as f:
            json.dump(data, f)
        try:
            run = runs.load(self.whole)
            say.race_answers(run)
            for row in run.scores() or []:
                plot_races.ecdf(row)
        except runs.Bad as e:
            return f"two lines: {e}" if "\n" in str(e) else None
        except Exception:
            return traceback.format_exc()
        finally:
            os.unlink(path)
        return None

    def commands(self, drawn):
        yield ["finish", self.edited]  # compares, too
        self.turn += 1
        if self.turn % 4 == 0:
            yield ["compare", self.whole, self.edited]
            yield ["merge", "-o", os.path.join(self.path, "merged"), self.edited, self.whole]
        if drawn:  # a second or more each
            yield ["report", "-o", os.path.join(self.path, "report.html"), self.edited]

    def found(self, run, env, drawn):
        """None, or what is wrong: a text. Also: how many commands refused it."""
        refused = 0
        self.write(self.edited, run, env)
        for words in self.commands(drawn):
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as err:
                try:
                    status = cli.main(words)
                except Exception:
                    return f"{words[0]}: {traceback.format_exc()}", refused
            refused += status == 2
            lines = err.getvalue().splitlines()
            if status not in (0, 1, 2, 3) or (status == 2) != (len(lines) == 1) or (status != 2 and lines):
                return f"{words[0]}: exit status {status}, and on stderr {lines}", refused
            with contextlib.suppress(FileNotFoundError):
                for name in os.listdir(os.path.join(self.path, "merged")):
                    os.unlink(os.path.join(self.path, "merged", name))
                os.rmdir(os.path.join(self.path, "merged"))
        return None, refused


def main(seconds):
    run, env = small_run(), small_env()
    ways, env_ways = list(places(run)), list(places(env))
    seed = time.time_ns()
    rng = random.Random(seed)
    end, n, refused = time.monotonic() + seconds, 0, 0
    with tempfile.TemporaryDirectory(prefix="fsyncstorm-test-") as path:
        folder = Folder(path)
        while time.monotonic() < end:
            edited, edited_env, done = copy.deepcopy(run), copy.deepcopy(env), []
            for _ in range(rng.choice((1, 1, 2, 4))):
                of, all_ways = rng.choice(((edited, ways), (edited, ways), (edited_env, env_ways)))
                done.append((rng.choice(all_ways), rng.choice(VALUES)))
                edit(of, *done[-1])
            bad, no = folder.found(edited, edited_env, rng.random() < 0.05)
            n, refused = n + 1, refused + (no > 0)
            if bad:
                print(f"results      FOUND (seed {seed}): {done}\n{bad}")
                return 1
    print(f"{'results':<12} {n:9} inputs, {refused:6} refused, nothing found")
    return 0


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1])))
