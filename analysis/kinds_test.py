#!/usr/bin/python3
"""
kinds_test.py: every kind of run that bench can make has its report made, and is compared, without a traceback: each
kind of target, alone and with others, each kind of sync, one trial and three, one level and two.

fixtures/kinds holds one trial of each as it was measured (path, fs, engine, null, and fio on the first two).
"""
import contextlib
import copy
import io
import itertools
import json
import os
import shutil
import subprocess
import tempfile
import unittest
from concurrent import futures

import cli
import plots
import report
import runs
import say
import tap

KINDS = os.path.join(os.path.dirname(tap.FIXTURE), "kinds")
SYNCS = ("fsync", "fdatasync", "dsync", "sync_file_range", "none")
TARGETS = ((0,), (1,), (2,), (3,), (4,), (0, 4), (0, 1, 2, 3, 4, 5))  # indexes of what was measured: see above
PROGRAM = os.environ.get("FSYNCSTORM") or os.path.join(os.path.dirname(tap.HERE), "build", "fsyncstorm")


def made(sync, targets, trials, levels):
    """A run of these, from the trials that were measured."""
    with open(os.path.join(KINDS, sync + ".json"), encoding="utf-8") as f:
        data = json.load(f)
    one = {r["target"]: r for r in data["runs"]}
    data["targets"] = [data["targets"][i] for i in targets]
    data["trials"] = trials
    data["runs"] = [dict(copy.deepcopy(one[t]), target=k, trial=i, threads=level, tasks_n=level)
                    for level in levels for i in range(trials) for k, t in enumerate(targets)]
    return data


def problem(case):
    """What is wrong with its report, its comparison or its end: a line, or None."""
    sync, targets, trials, levels = case
    whole = (trials, len(levels)) == (3, 2)
    run = runs.Run("kinds/run.json", made(*case), {})
    run.folder = KINDS
    try:
        runs.check(run.path, run.data)
        if whole:
            text = report.render(run)
        else:  # all but making files of the figures, which takes the time
            for plot in plots.first_screen(run) + plots.the_rest(run):
                plot.draw()
            text = str(report.results_table(run) + report.phases_table(run) + report.waits_table(run))
            text += str(say.answers(run) + say.doubts(run))
    except Exception as e:  # pylint: disable=broad-except
        return f"{sync}, targets {targets}, {trials} trials, levels {levels}: {type(e).__name__}: {e}"
    missing = [n for n in run.names if n not in text]
    return f"{case}: {missing} is not in the report" if missing else None


class Kinds(unittest.TestCase):
    def test_each_has_its_report(self):
        cases = list(itertools.product(SYNCS, TARGETS, (1, 3), ((1,), (1, 4))))
        with futures.ProcessPoolExecutor() as pool:
            found = [p for p in pool.map(problem, cases[::3] if tap.FAST else cases) if p]
        self.assertEqual(found, [])

    def test_each_is_compared(self):
        folder = tempfile.mkdtemp(prefix="fsyncstorm-test-")
        self.addCleanup(shutil.rmtree, folder)
        path = os.path.join(folder, "run.json")
        for sync, trials, levels in itertools.product(SYNCS, (1, 3), ((1,), (1, 4))):
            with open(path, "w", encoding="utf-8") as f:
                json.dump(made(sync, TARGETS[-1], trials, levels), f)
            with contextlib.redirect_stdout(io.StringIO()) as out:
                status = cli.main(["compare", path, "--fail-if", "p50 > 1.05"])
            self.assertIn(status, (0, 1, 3) if trials > 1 else (3,), out.getvalue())
            with contextlib.redirect_stdout(io.StringIO()):
                self.assertEqual(cli.main(["finish", folder]), 0)


@unittest.skipUnless(os.access(PROGRAM, os.X_OK), "no fsyncstorm: make build")
class TheProgram(unittest.TestCase):
    """The same of runs that are made now."""

    def test_runs_that_are_made_now(self):
        folder = tempfile.mkdtemp(prefix="fsyncstorm-test-")
        self.addCleanup(shutil.rmtree, folder)
        jobs = {"fsync": "fsync=1", "dsync": "sync=dsync", "range": "sync_file_range=write:1", "none": ""}
        targets = ["-t path:.", "-t path:. -t null -T 1,2", "-t null", "-t postfix@ram:64m"]
        if shutil.which("fio"):
            targets.append("-t path:. --with-fio")
        for (name, line), args in itertools.product(jobs.items(), targets):
            with open(os.path.join(folder, "j.fio"), "w", encoding="utf-8") as f:
                f.write(f"[a]\nrw=randwrite\nsize=1m\nnumber_ios=16\n{line}\n")
            for words in (f"bench j.fio {args} -n 1 -o kept", "report kept"):
                done = subprocess.run([os.path.abspath(PROGRAM), *words.split()], cwd=folder, capture_output=True,
                                      text=True, check=False)
                self.assertEqual((done.returncode, done.stderr), (0, ""), (name, words))
            shutil.rmtree(os.path.join(folder, "kept"))


if __name__ == "__main__":
    tap.main()
