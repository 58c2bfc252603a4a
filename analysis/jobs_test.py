#!/usr/bin/python3
"""
jobs_test.py: several jobs in one bench, and two runs of different jobs: their durable writes are compared, in a
sentence with an interval. And the sections of one job, apart.
"""
import copy
import json
import os
import shutil
import subprocess
import tempfile
import unittest

import plot_sections
import report
import runs
import say
import tap

PROGRAM = os.path.abspath(os.environ.get("FSYNCSTORM") or os.path.join(tap.HERE, os.pardir, "build", "fsyncstorm"))
JOB = "[w]\nrw=write\nbs=8k\nsize=256k\noverwrite=1\n"


@unittest.skipUnless(os.access(PROGRAM, os.X_OK), "no fsyncstorm: make build")
class Jobs(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="fsyncstorm-test-")
        self.addCleanup(shutil.rmtree, self.folder)
        for name, key in (("a/wal", "fsync=1"), ("b/wal", "fdatasync=1"), ("dsync", "sync=dsync"),
                          ("second", "fsync=2"), ("never", "")):
            path = os.path.join(self.folder, name + ".fio")
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as f:
                f.write(JOB + key + "\n")

    def do(self, args, status=0):
        done = subprocess.run([PROGRAM, *args.split()], cwd=self.folder, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, status, done.stderr)
        return done

    def bench(self, args):
        return json.loads(self.do("bench " + args + " -j - --no-results").stdout)

    def test_each_is_a_target_of_its_own(self):
        run = self.bench("a/wal.fio b/wal.fio dsync.fio second.fio -t null -n 3")
        self.assertEqual([t["label"] for t in run["targets"]], ["A a/wal", "B b/wal", "C dsync", "D second"])
        self.assertEqual([j["durable_by"] for j in run["jobs"]], ["fsync", "fdatasync", "O_DSYNC", "fsync"])
        self.assertEqual(run["job"]["subject"], "durable write")
        turns = [r["target"] for r in sorted(run["runs"], key=lambda r: r["begin_ns"])]
        self.assertEqual(turns, [0, 1, 2, 3, 3, 2, 1, 0, 0, 1, 2, 3])
        self.assertEqual([r["ops"]["durable"]["n"] for r in run["runs"][:4]], [31, 31, 32, 15])

    def test_a_durable_write_is_its_writes_and_its_sync(self):
        run = self.bench("a/wal.fio second.fio -t path:. -n 1")
        for trial in run["runs"]:
            ops = trial["ops"]
            self.assertEqual(ops["durable"]["n"], ops["fsync"]["n"])
            self.assertLessEqual(ops["durable"]["sum_ns"], ops["fsync"]["sum_ns"] + ops["write"]["sum_ns"])
            self.assertGreater(ops["durable"]["sum_ns"], ops["fsync"]["sum_ns"])

    def test_each_target_has_each_job(self):
        run = self.bench("a/wal.fio dsync.fio -t null -t path:. -n 1")
        self.assertEqual([t["label"] for t in run["targets"]],
                         ["A wal on null", "B dsync on null", "C wal on path", "D dsync on path"])
        whole = runs.Run("x/run.json", run, {})
        self.assertEqual([whole.base_of(i) for i in whole.indexes], [0, 0, 0, 2])

    def test_the_answer_is_a_sentence_with_an_interval(self):
        out = self.do("bench a/wal.fio dsync.fio -t path:. -n 4 -o kept").stdout
        self.assertIn("Compared are durable writes, a write with the sync that makes it durable: wal by fsync, "
                      "dsync by O_DSYNC.", out)
        out = self.do("compare kept").stdout
        self.assertRegex(out, r"1 fsyncer: (dsync's p50 is \S+x wal's \[|p50: (no difference found|cannot be told) "
                              "between dsync and wal)")
        self.do("report kept")

    def test_two_runs_of_different_jobs(self):
        for name in ("a/wal", "b/wal", "never"):
            self.do(f"bench {name}.fio -t path:. -n 4 -o {name[0]}run")
        out = self.do("compare arun brun").stdout
        self.assertIn("Compared are durable writes, a write with the sync that makes it durable: arun:wal by fsync, "
                      "brun:wal by fdatasync.", out)
        self.assertRegex(out, "(between brun:path and arun:path|brun:path's p50 is .*x arun:path's)")
        self.assertIn("of one of them no durable writes were measured", self.do("compare arun nrun", 2).stderr)

    def test_the_figures_are_those_of_durable_writes(self):
        self.do("bench a/wal.fio -t path:. -n 3 -o arun")
        run = runs.load(os.path.join(self.folder, "arun"))
        other, trial = run.about(runs.DURABLE), run.trials(0, 0)[0]
        self.assertAlmostEqual(other.value(trial, "rate"),
                               trial["ops"]["durable"]["n"] * 1e9 / trial["elapsed_ns"])
        self.assertEqual(other.value(trial, "p50"), trial["ops"]["durable"]["p50_ns"])
        self.assertGreater(other.histogram(0, 0).sum_ns, run.histogram(0, 0).sum_ns)

    def test_what_cannot_be_compared_is_one_line(self):
        with open(os.path.join(self.folder, "deep.fio"), "w", encoding="utf-8") as f:
            f.write(JOB + "fsync=1\nioengine=libaio\niodepth=8\n")
        for args, says in (("a/wal.fio never.fio -t null", "never.fio: several jobs are compared by their durable"),
                           ("a/wal.fio deep.fio -t path:.", "deep.fio:1: several jobs are compared by their durable")):
            done = self.do("bench " + args, 2)
            self.assertEqual((done.stdout, done.stderr.count("\n")), ("", 1))
            self.assertIn(says, done.stderr)


@unittest.skipUnless(os.access(PROGRAM, os.X_OK), "no fsyncstorm: make build")
class Sections(unittest.TestCase):
    """The sections of a job, each kind of call apart."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="fsyncstorm-test-")
        with open(os.path.join(cls.folder, "j.fio"), "w", encoding="utf-8") as f:
            f.write("[log]\nrw=write\nbs=8k\nsize=256k\nfdatasync=1\n[table]\nrw=randwrite\nsize=256k\nfsync=8\n")
        subprocess.run([PROGRAM, *"bench j.fio -t path:. -t null -n 3 -o kept".split()], cwd=cls.folder, check=True,
                       stdout=subprocess.DEVNULL)
        cls.run_ = runs.load(os.path.join(cls.folder, "kept"))

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def test_each_kind_of_call_is_counted_over_all_trials(self):
        rows = [(r.section, r.tasks, r.call, r.calls.n, r.bytes) for r in self.run_.sections(0, 0)]
        self.assertEqual(rows, [
            ("log", 1, "write", 96, 3 << 18), ("log", 1, "fdatasync", 93, 0),
            ("table", 1, "write", 192, 3 << 18), ("table", 1, "fsync", 21, 0),
            ("", 2, "write", 288, 6 << 18), ("", 2, "fdatasync", 93, 0), ("", 2, "fsync", 21, 0)])
        log = self.run_.sections(0, 0)[0]
        seconds = sum(t["sections"][0]["elapsed_ns"] for t in self.run_.trials(0, 0)) / 1e9
        self.assertAlmostEqual(log.rate, 96 / seconds)
        self.assertAlmostEqual(log.megabytes, (3 << 18) / 1e6 / seconds)

    def test_the_report_has_them(self):
        columns, rows = report.sections_table(self.run_)
        self.assertEqual(columns[-1], "MB/s")
        self.assertEqual(len(rows), 14)
        self.assertEqual([text for text, _ in rows[1]][:5], ["path", "log", "fdatasync", "1", "93"])
        self.assertIn("all sections", [row[1][0] for row in rows])

    def test_the_plot_has_a_mark_for_each(self):
        fig = plot_sections.draw_run(self.run_)
        ax = fig.axes[0]
        self.assertEqual([t.get_text() for t in ax.get_yticklabels()],
                         ["table: fsync", "table: write", "log: fdatasync", "log: write"])
        marks = {round(float(line.get_xdata()[0]), 6) for line in ax.lines if line.get_marker() in "os"}
        log = self.run_.sections(0, 0)[1].calls
        self.assertIn(round(log.percentile(50) / 1e3, 6), marks)

    def test_sections_that_are_not_whole_are_refused(self):
        data = copy.deepcopy(self.run_.data)
        del data["runs"][2]["sections"][1]
        with self.assertRaisesRegex(runs.Bad, r"runs\[2\].sections: as many as"):
            runs.check("run.json", data)


class Words(unittest.TestCase):
    def test_articles(self):
        self.assertEqual([say.an(w) for w in ("fsync", "write", "durable write", "read")],
                         ["An fsync", "A write", "A durable write", "A read"])


if __name__ == "__main__":
    tap.main()
