#!/usr/bin/python3
"""
finish_test.py: what the terminal says when a bench ends: its figures are those of the report and of the README, a floor
that moved is told everywhere in the same words, and nothing but numpy is loaded for it.
"""
import contextlib
import copy
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import unittest.mock

import cli
import finish
import glossary
import hgrm
import redraw
import report
import runs
import say
import tap

US = 1000


def one_value(ns, n=1):
    """The histogram of n operations that all took so long."""
    return {"n": n, "sum_ns": ns * n, "min_ns": ns, "max_ns": ns, "bins": [[ns, n]],
            "p50_ns": ns, "p90_ns": ns, "p99_ns": ns, "p999_ns": ns}


def made_up(*looks, sync_us=250, promised=1):
    """A run of one target with 4 tasks, a trial for each (look before, look after) in us; None: no look."""
    trials = []
    for i, (before, after) in enumerate(looks):
        t = {"threads": 4, "tasks_n": 4, "target": 0, "trial": i, "rate": 1.0, "elapsed_ns": 10 ** 9,
             "promised": promised, "ops": {"write": one_value(1), "fsync": one_value(sync_us * US)}}
        for key, look in (("floor_before_ns", before), ("floor_after_ns", after)):
            if look:
                t[key] = look * US
        if before or after:
            t["floor"] = one_value(min(x for x in (before, after) if x) * US)
        trials.append(t)
    data = {"schema": runs.SCHEMA, "schema_version": 1, "date": "", "commit": "c", "command": ["fsyncstorm bench"],
            "trials": len(looks), "job": {"name": "j", "subject": "fsync"}, "runs": trials,
            "targets": [{"label": "A postfix", "text": "postfix@ram:64m"}]}
    return runs.Run("run.json", data, {})


def told(run, verbose=True, columns=None):
    with contextlib.redirect_stdout(io.StringIO()) as out, unittest.mock.patch.dict(os.environ):
        os.environ.pop("COLUMNS", None)
        if columns:
            os.environ["COLUMNS"] = str(columns)
        with unittest.mock.patch("os.get_terminal_size", side_effect=OSError):
            finish.tell(run, verbose)
    return out.getvalue()


class Floor(unittest.TestCase):
    def test_nothing_is_told_of_a_floor_that_stood(self):
        run = made_up((100, 150), (190, 101), sync_us=300)
        self.assertEqual(say.floor_doubts(run), [])
        self.assertAlmostEqual(run.x_floor(0, 4), 3, delta=0.1)

    def test_the_look_that_was_not_disturbed_counts(self):
        run = made_up((4000, 100), (100, 4000))
        self.assertAlmostEqual(run.x_floor(0, 4), 2.5, delta=0.1)
        self.assertEqual(len(say.floor_doubts(run)), 1)
        self.assertIn("floor moved while it was measured, looks at it say 100.0 to 4,000.0 us",
                      say.floor_doubts(run)[0])
        self.assertIn("postfix with 4 fsyncers", say.floor_doubts(run)[0])

    def test_a_floor_that_moved_between_trials_is_told(self):
        doubts = say.floor_doubts(made_up((8000, 8000), (11, 11), sync_us=9000))
        self.assertIn("looks at it say 11.0 to 8,000.0", doubts[0])

    def test_a_ratio_below_1_is_no_figure_anywhere(self):
        run = made_up((4000, 4000), (4000, 4000))
        self.assertLess(run.floor_times(0, 4), 1)
        self.assertIsNone(run.x_floor(0, 4))
        self.assertRegex(told(run), r"A postfix +4000\.0 +-\n")
        self.assertIn("doubt: No x floor is given of postfix with 4 fsyncers", told(run))
        self.assertIn("No x floor is given of postfix with 4 fsyncers", " ".join(say.doubts(run)))
        columns, rows = report.results_table(run)
        self.assertEqual(rows[0][columns.index("x floor")][0], "-")
        self.assertNotIn("x floor", redraw.table_text(run))  # a column of nothing
        whole = runs.load(tap.FIXTURE)
        for r in whole.data["runs"]:
            r.update(promised=1, floor=one_value(10 ** 10))
        self.assertIn("- Doubt: No x floor", redraw.readme_part(whole, "results/x"))

    def test_without_a_floor_nothing_is_told(self):
        run = made_up((None, None), (None, None))
        self.assertEqual(say.floor_doubts(run), [])
        self.assertIsNone(run.floor_times(0, 4))
        self.assertNotIn("floor", told(run))

    def test_what_promises_nothing_has_no_ratio(self):
        self.assertIsNone(made_up((100, 100), promised=0).floor_times(0, 4))

    def test_one_look_is_enough(self):
        run = made_up((100, None), (None, 100), sync_us=300)
        self.assertEqual(say.floor_doubts(run), [])
        self.assertAlmostEqual(run.x_floor(0, 4), 3, delta=0.1)


class Figures(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.run_ = runs.load(tap.FIXTURE)

    def test_999_syncs_have_no_p999(self):
        few, some, most, every = (), (50, 90), (50, 90, 99), (50, 90, 99, 99.9)
        for n, known in ((9, few), (10, some), (99, some), (100, most), (999, most), (1000, every)):
            h = runs.histogram([one_value(5 * US, n)])
            self.assertEqual(tuple(p for p in (50, 90, 99, 99.9) if h.figure(p) == h.figure(p)), known, n)

    def test_the_report_and_the_readme_show_none_either(self):
        data = copy.deepcopy(self.run_.data)
        for r in data["runs"]:
            r["ops"]["fsync"] = one_value(300 * US, 200)
        run = runs.Run(self.run_.path, data, self.run_.env)
        columns, rows = report.results_table(run)
        self.assertEqual({row[columns.index("p99.9 us")][0] for row in rows}, {"-"})
        self.assertEqual({row[columns.index("p99 us")][0] for row in rows}, {"300.0"})
        self.assertNotIn("p99.9", redraw.table_text(run))

    def test_syncs_of_both_kinds_are_one_subject(self):
        data = copy.deepcopy(self.run_.data)
        for r in data["runs"]:
            r["ops"] = {"write": one_value(1, 20), "fsync": one_value(100 * US, 10),
                        "fdatasync": one_value(300 * US, 30)}
        run = runs.Run(self.run_.path, data, self.run_.env)
        self.assertEqual(run.histogram(0, 1).percentile(50), 300 * US)
        self.assertEqual(run.value(run.trials(0, 1)[0], "p50"), 300 * US)

    def test_percentiles_are_those_that_the_bench_measured(self):
        for t in self.run_.all_trials():
            for op in t["ops"].values():
                for p, field in ((50, "p50_ns"), (90, "p90_ns"), (99, "p99_ns"), (99.9, "p999_ns"), (100, "max_ns")):
                    self.assertEqual(runs.histogram([op]).percentile(p), op[field])


class Terminal(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.run_ = runs.load(tap.FIXTURE)
        cls.text = told(cls.run_)

    def test_ratios_are_those_of_the_report(self):
        each, _ = say.compare_run(self.run_)
        lines = re.findall(r"^ +(\d+)  (p50|p99|p99\.9|rate) +([-\d.]+)(?: \[ *([\d.]+), *([\d.]+)\])?  +(.*)$",
                           self.text, re.M)
        self.assertEqual(len(lines), len(each))
        for (n, metric, ratio, low, high, words), r in zip(lines, sorted(each, key=lambda r: r.fsyncers)):
            self.assertEqual((int(n), metric), (r.fsyncers, r.metric))
            due = tuple(f"{x:.3f}" for x in (r.result.ratio, r.result.low, r.result.high))
            self.assertEqual((ratio, low, high), due if r.result.valid else ("-", "", ""))
            self.assertEqual(words, say.words(metric, r.result))
        self.assertIn("ratio of B postfix to A prefix", self.text)
        self.assertIn(say.chance(each), self.text)

    def test_doubts_are_those_of_the_report(self):
        self.assertEqual(re.findall(r"^doubt: (.*)$", self.text, re.M), say.figure_doubts(self.run_))

    def test_fio_stands_beside_its_twin(self):
        data = copy.deepcopy(self.run_.data)
        data["targets"][1].update(label="B fio on A", fio_beside=0)
        run = runs.Run(self.run_.path, data, self.run_.env)
        h = [run.histogram(i, 1).figure(50) for i in (0, 1)]
        self.assertRegex(told(run), rf"\n      1  B fio on A +{h[1] / h[0]:.3f} (agrees|apart) ")
        self.assertNotIn("ratio of B", told(run))
        for r in data["runs"]:
            if r["target"] == 1:
                r["ops"].pop("fsync")
                r["rate"] = 0
        self.assertRegex(told(runs.Run(self.run_.path, data, self.run_.env)), r"\n      1  B fio on A +- +-\n")

    def test_the_first_screen_says_why_and_what_it_comes_to(self):
        text = told(self.run_, verbose=False)
        _, over = say.compare_run(self.run_)
        for sentence in say.why(self.run_) + say.pairs(self.run_, over):
            self.assertIn(sentence + "\n", text)
        self.assertLess(text.index(say.why(self.run_)[0]), text.index("Over 1 to 4 fsyncers"))
        self.assertNotIn("ratio of", text)
        self.assertNotIn("what the words mean", text)

    def test_many_doubts_are_counted(self):
        data = copy.deepcopy(self.run_.data)
        data["runs"] = [r for r in data["runs"] if r["trial"] == 0]
        run = runs.Run(self.run_.path, data, self.run_.env)
        self.assertEqual(len(say.figure_doubts(run)), 4)
        self.assertEqual(told(run, verbose=False).count("doubt: "), finish.DOUBTS)
        self.assertIn("(1 more doubts: --verbose)", told(run, verbose=False))
        self.assertEqual(told(run).count("doubt: "), 4)

    def test_no_line_is_wider_than_the_terminal_and_nothing_is_lost(self):
        def words(text):
            return text.split()
        for verbose in (False, True):
            whole = told(self.run_, verbose)
            for columns in (60, 80, 120):
                text = told(self.run_, verbose, columns)
                self.assertLessEqual(max(map(len, text.splitlines())), columns)
                self.assertEqual(words(text), words(whole))

    def test_phases_are_explained_by_the_run(self):
        data = dict(self.run_.data, phases={"log_write": "the words of this run", "idle": "never spent"})
        text = told(runs.Run(self.run_.path, data, self.run_.env))
        self.assertRegex(text, r"log_write +\(phase\) the words of this run")
        self.assertNotIn("never spent", text)

    def test_a_run_that_was_cut_short_is_no_mistake(self):
        with tempfile.TemporaryDirectory(prefix="fsyncstorm-test-") as folder:
            data = dict(self.run_.data, runs=[dict(self.run_.data["runs"][0], interrupted=True)], interrupted=True)
            with open(os.path.join(folder, "run.json"), "w", encoding="utf-8") as f:
                runs.json.dump(data, f)
            with contextlib.redirect_stdout(io.StringIO()) as out:
                self.assertEqual(cli.main(["finish", folder]), 0)
            self.assertEqual(out.getvalue(), "")
            self.assertEqual(os.listdir(folder), ["run.json"])

    def test_nothing_but_numpy_is_loaded(self):
        code = ("import sys; sys.path.insert(0, sys.argv[1]); import cli; "
                "status = cli.main(['finish', '-v', sys.argv[2]]); "
                "sys.exit(status or bool({'scipy', 'matplotlib', 'jinja2'} & set(sys.modules)))")
        with tempfile.TemporaryDirectory(prefix="fsyncstorm-test-") as folder:
            os.symlink(os.path.join(tap.FIXTURE, "run.json"), os.path.join(folder, "run.json"))
            done = subprocess.run([sys.executable, "-c", code, tap.HERE, folder], capture_output=True, text=True,
                                  check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("what the words mean", done.stdout)


PROGRAM = os.environ.get("FSYNCSTORM") or os.path.join(os.path.dirname(tap.HERE), "build", "fsyncstorm")


@unittest.skipUnless(os.access(PROGRAM, os.X_OK), "no fsyncstorm: make build")
class TheProgram(unittest.TestCase):
    """A run as it is measured: the terminal's tables and the report's say the same."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="fsyncstorm-test-")
        self.addCleanup(shutil.rmtree, self.folder)

    def bench(self, job, args):
        """(What it says, the run that it keeps.)"""
        with open(os.path.join(self.folder, "j.fio"), "w", encoding="utf-8") as f:
            f.write(job)
        done = subprocess.run([os.path.abspath(PROGRAM), "bench", "j.fio", *args.split(), "-v", "-o", "kept"],
                              cwd=self.folder, capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout, runs.load(os.path.join(self.folder, "kept"))

    def table(self, text, heading):
        """Rows of the C program's table, by (tasks, label): the cells as text, by the names of their columns."""
        lines = text[text.index(heading):].split("\n\n")[0].splitlines()[1:]
        head, *rows = [re.split(r" {2,}", line.strip()) for line in lines if not line.startswith("notice:")]
        return {(int(row[0]), row[1]): dict(zip(head, row)) for row in rows}

    def as_in_c(self, value):
        return "-" if value != value else f"{value:.1f}" if value < 100 else f"{value:.0f}"

    def agree(self, text, run):
        columns, rows = report.results_table(run)
        have = self.table(text, f"{run.subject} latency in us")
        self.assertEqual(len(have), len(rows))
        for row, (threads, i) in zip(rows, [(t, i) for t in run.levels for i in run.indexes]):
            cells = have[run.fsyncers(threads), run.data["targets"][i]["label"][:24]]
            value = {c: row[columns.index(c)][1] if row[columns.index(c)][0] != "-" else float("nan") for c in columns}
            self.assertEqual([cells[p] for p in ("p50", "p99", "p99.9")],
                             [self.as_in_c(value[c]) for c in ("p50 us", "p99 us", "p99.9 us")])
            rate = f"{run.subject}/s"
            for name, column, digits in ((rate, rate, 0), ("flush/sync", "flushes/sync", 2),
                                         ("meta KiB", "meta KiB/sync", 1)):
                self.assertEqual(cells[name], "-" if value[column] != value[column] else f"{value[column]:.{digits}f}")
            floor, times = run.floor(i, threads), row[columns.index("x floor")][0].replace(",", "")
            self.assertEqual(cells["floor"], self.as_in_c(floor.percentile(50) / 1e3) if floor else "-")
            if floor:
                label = re.escape(run.data["targets"][i]["label"][:18])
                self.assertRegex(text, rf"\n {{,6}}{run.fsyncers(threads)}  {label} +[\d.]+ +{times}\n")
        self.every_column_is_explained(text, run)

    def every_column_is_explained(self, text, run):
        """Each name of a column, of a phase and of a class is in the legend. Counters have the kernel's names."""
        tables, legend = text.split("\nwhat the words mean\n")
        terms = {t for word, _ in glossary.terminal_words(run) for t in word.split(", ")}
        self.assertTrue(all(f"\n  {word} " in "\n" + legend for word, _ in glossary.terminal_words(run)))
        seen = 0
        for part in tables.split("\n\n")[1:]:
            title, *lines = part.splitlines()
            if not lines or not re.match(r" *(threads|target)  ", lines[0]) or "counted in" in title:
                continue
            head, *rows = [re.split(r" {2,}", line.strip()) for line in lines]
            for name in head + [row[1] for row in rows] * ("top waits" in title):
                self.assertTrue(name in terms or all(word in terms for word in name.split()), (name, title))
                seen += 1
        self.assertGreater(seen, 8)

    def test_terminal_and_report_agree(self):
        job = "[a]\nrw=randwrite\nsize=1m\nnumber_ios=240\nfsync=2\n"
        text, run = self.bench(job, "-t prefix@ram:64m -t postfix@file:d.img,size=64m -t path:. -T 1,2 -n 3")
        self.agree(text, run)
        self.assertEqual(re.findall(r"^doubt: (.*)$", text, re.M), say.figure_doubts(run))

    def test_of_a_job_with_both_kinds_of_syncs_too(self):
        job = "[global]\nrw=randwrite\nsize=1m\n[a]\nnumber_ios=120\nfsync=3\n[b]\nnumber_ios=90\nfdatasync=2\n"
        self.agree(*self.bench(job, "-t postfix@ram:64m -n 3"))

    def test_of_a_job_with_writes_alone_too(self):
        job = "[a]\nrw=write\nsize=1m\nnumber_ios=120\n"
        self.agree(*self.bench(job, "-t null -t path:. -n 3"))


class Percentiles(unittest.TestCase):
    """The percentile text says of a histogram what it holds."""

    @staticmethod
    def rows_of(text):
        return [[float(x) for x in line.split()] for line in text.splitlines() if re.match(r" +[\d.]+ \d\.", line)]

    def test_rows_are_the_percentiles(self):
        bins = [[us * US, 1] for us in range(1, 10001)]
        h = runs.histogram([{"bins": bins, "sum_ns": sum(v for v, _ in bins), "min_ns": US, "max_ns": 10000 * US}])
        rows, last = self.rows_of(hgrm.text(h)), -1
        self.assertTrue(40 <= len(rows) <= 200)
        for value, share, count, *inverse in rows:
            self.assertGreater(share, last)
            last = share
            self.assertLessEqual(abs(value - share * 10000), share * 200 + 2)
            self.assertGreaterEqual(count, share * 10000)
            self.assertTrue(not inverse or abs(inverse[0] * (1 - share) - 1) < 0.01)
        self.assertEqual(rows[-1], [10000, 1, 10000])

    def test_the_foot_sums_up(self):
        text = hgrm.text(runs.histogram([one_value(1000), one_value(3000)]))
        self.assertIn("#[Mean    =        2.000, StdDeviation   =        1.000]\n"
                      "#[Max     =        3.000, Total count    =            2]", text)

    def test_an_empty_histogram_has_no_rows(self):
        self.assertEqual(self.rows_of(hgrm.text(runs.histogram([]))), [])


if __name__ == "__main__":
    tap.main()
