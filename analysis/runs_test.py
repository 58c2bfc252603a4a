#!/usr/bin/python3
"""
runs_test.py: what is loaded is what was measured; what is wrong with a file is one line and status 2.
"""
import contextlib
import copy
import io
import json
import os
import shutil
import tempfile
import unittest

import numpy as np

import cli
import runs
import say
import stats
import tap


def storm(*args):
    """Runs a command: (status, stdout, stderr)."""
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        status = cli.main(list(args))
    return status, out.getvalue(), err.getvalue()


class Edited:
    """A copy of the recorded run, changed, in a folder of its own."""

    def __init__(self, change=lambda data: None):
        self.folder = tempfile.mkdtemp(prefix="fsyncstorm-test-")
        with open(os.path.join(tap.FIXTURE, "run.json"), encoding="utf-8") as f:
            data = json.load(f)
        change(data)
        self.path = os.path.join(self.folder, "run.json")
        with open(self.path, "w", encoding="utf-8") as f:
            json.dump(data, f)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder)


class Loading(unittest.TestCase):
    def setUp(self):
        self.run_ = runs.load(tap.FIXTURE)

    def test_percentiles_of_the_bins_are_those_that_were_measured(self):
        checked = 0
        for t in self.run_.all_trials():
            for op in t["ops"].values():
                h = runs.histogram([op])
                for p, field in ((50, "p50_ns"), (90, "p90_ns"), (99, "p99_ns"), (99.9, "p999_ns")):
                    self.assertAlmostEqual(h.percentile(p) / max(1, op[field]), 1, delta=0.02)
                    checked += 1
        self.assertGreater(checked, 50)

    def test_histograms_of_trials_add_up(self):
        h = self.run_.histogram(0, 1)
        self.assertEqual(h.n, sum(t["ops"]["fsync"]["n"] for t in self.run_.trials(0, 1)))
        self.assertEqual(h.sum_ns, sum(t["ops"]["fsync"]["sum_ns"] for t in self.run_.trials(0, 1)))

    def test_phases_sum_to_the_mean(self):
        for threads in self.run_.levels:
            for i in self.run_.indexes:
                mean = self.run_.histogram(i, threads).mean_ns / 1e3
                self.assertAlmostEqual(sum(self.run_.phases(i, threads).values()) / mean, 1, delta=0.01)

    @staticmethod
    def with_kernel_waits(data):
        """The first target is a real file system: of its syncs nine tenths wait for another's commit."""
        for r in data["runs"]:
            if r["target"] == 0:
                del r["phases_ns"]
                r["kernel_waits"] = {"syncs": 10, "sync_ns": 1000, "phases_ns": {"log_join": 900, "jiffy_sleep": 80,
                                                                                 "on_cpu": 20},
                                     "sites": [{"function": "btrfs_sync_log", "what": "a tick", "phase": "jiffy_sleep",
                                                "ns": 80, "n": 5},
                                               {"function": "wait_log_commit", "what": "another task's commit",
                                                "phase": "log_join", "ns": 900, "n": 20}]}

    def test_phases_of_a_kernel_are_shares_of_the_measured_mean(self):
        with Edited(self.with_kernel_waits) as e:
            run = runs.load(e.folder)
            for threads in run.levels:
                mean = run.histogram(0, threads).mean_ns / 1e3
                self.assertAlmostEqual(run.phases(0, threads)["log_join"] / mean, 0.9, delta=0.001)
                self.assertAlmostEqual(sum(run.phases(0, threads).values()) / mean, 1, delta=0.001)
                self.assertEqual(run.kernel_sites(0, threads)[0],
                                 ("wait_log_commit", "another task's commit", "log_join", 0.9, 2))
                self.assertEqual(run.kernel_sites(1, threads), [])
                self.assertEqual(run.kernel_beside(0, threads)["btrfs_sync_log", "a tick", "jiffy_sleep"],
                                 (None, None, None))
                self.assertIsNone(run.device_share(0, threads))
            told = " ".join(say.why(run))
            self.assertIn("90 % wait_log_commit: another task's commit, 8 % btrfs_sync_log: a tick", told)
            self.assertRegex(told, r"sleeps one tick .*8 % of the time of .*-o ssd")
            self.assertNotIn("sleeps one tick", " ".join(say.why(self.run_)))

    def test_who_woke_and_the_devices_part_add_up_over_trials(self):
        def with_wakers(data):
            self.with_kernel_waits(data)
            for r in data["runs"]:
                waits = r.get("kernel_waits")
                if waits and r["trial"] != 1:
                    waits.update(device_sync_ns=1000, device_ns=700, device_flushes_known=r["trial"] != 2)
                    waits["sites"][1].update(woken_by_ns={"jbd2": 400, "kworker": 500 if r["trial"] == 2 else 0},
                                             device_ns=450)

        with Edited(with_wakers) as e:
            run = runs.load(e.folder)
            n = len(run.trials(0, 1))
            known = sum(t["trial"] != 1 for t in run.trials(0, 1))
            self.assertGreater(known, 2)
            waker, ended, device = run.kernel_beside(0, 1)["wait_log_commit", "another task's commit", "log_join"]
            self.assertEqual(waker, "jbd2")
            self.assertAlmostEqual(ended, 400 * known / (900 * n))
            self.assertAlmostEqual(device, 450 * known / (900 * n))
            self.assertEqual(run.device_share(0, 1), (0.7, False))
            self.assertIsNone(run.device_share(1, 1))

    def test_blocks_are_trials_of_the_same_number(self):
        def drop_one(data):
            gone = next(r for r in data["runs"] if r["target"] == 1 and r["trial"] == 2 and r["threads"] == 1)
            data["runs"].remove(gone)

        with Edited(drop_one) as e:
            run = runs.load(e.folder)
            a, b = run.blocks(0, 1, 1, "rate")
            self.assertEqual(len(a), 3)
            self.assertEqual(list(a), [t["rate"] for t in run.trials(0, 1) if t["trial"] != 2])
            self.assertEqual(list(b), [t["rate"] for t in run.trials(1, 1)])

    def test_a_trial_cut_short_does_not_count(self):
        def cut(data):
            data["runs"][0]["interrupted"] = True

        with Edited(cut) as e:
            self.assertEqual(len(runs.load(e.folder).trials(0, 1)), 3)

    def test_one_name_for_two_targets_keeps_their_letters(self):
        self.assertEqual(runs.short_names(["A prefix", "B postfix"]), ["prefix", "postfix"])
        self.assertEqual(runs.short_names(["A x", "B x"]), ["A x", "B x"])


class BadInput(unittest.TestCase):
    def one_line(self, says, *args):
        status, out, err = storm(*args)
        self.assertEqual((status, out), (2, ""), err)
        self.assertEqual(err.count("\n"), 1, err)
        self.assertIn(says, err)

    def changed(self, says, change, *args):
        with Edited(change) as e:
            self.one_line(says, *(a.replace("RUN", e.path) for a in args or ("report", "RUN")))
            self.assertEqual(os.listdir(e.folder), ["run.json"])

    def test_files_that_are_no_results(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "x.json")
            with open(os.path.join(tap.FIXTURE, "run.json"), "rb") as f:
                whole = f.read()
            for content, says in ((whole[:len(whole) // 2], "not whole JSON"), (b"", "not whole JSON"),
                                  (b"[]", "names no schema"), (b"\xff\xfe\x00", "not a JSON file"),
                                  (b'{"a": 1}', "names no schema")):
                with open(path, "wb") as f:
                    f.write(content)
                self.one_line(says, "report", path)
                self.one_line(says, "compare", path)
        self.one_line("No such file", "report", "/nonexistent")

    def test_results_of_another_kind(self):
        self.changed("schema version 9, this program reads version 1", lambda d: d.update(schema_version=9))
        self.changed("schema fsyncstorm-bench-self", lambda d: d.update(schema="fsyncstorm-bench-self"))
        self.changed("targets: a field of that name is expected", lambda d: d.pop("targets"))
        self.changed("runs[0].rate: a field of that name is expected", lambda d: d["runs"][0].pop("rate"))
        self.changed("no trial that ran to its end", lambda d: d.update(runs=[]))

    def test_a_score_that_is_none(self):
        self.one_line("not the result of `race score`", "report", tap.FIXTURE, "--scores",
                      os.path.join(tap.FIXTURE, "run.json"))

    def test_a_missing_target_is_named_with_those_there(self):
        self.changed("no target `xfs`; it has prefix, postfix", lambda d: None, "compare", "RUN", "-b", "xfs")

    def test_runs_that_have_nothing_in_common(self):
        self.changed("no number of tasks in common", lambda d: [r.update(threads=64) for r in d["runs"]],
                     "compare", tap.FIXTURE, "RUN")
        self.changed("figures of different things", lambda d: d["job"].update(name="wal"),
                     "compare", tap.FIXTURE, "RUN")

    def test_conditions_that_mean_nothing(self):
        for text in ("p98 > 1", "p99 >> 1.05", "p99 > x", "", "p99 > 0.9", "rate < 1.1"):
            self.one_line("--fail-if", "compare", tap.FIXTURE, "--fail-if", text)

    def test_a_report_that_cannot_be_written(self):
        self.one_line("cannot be written", "report", tap.FIXTURE, "--out", "/nonexistent/report.html")

    def test_one_trial_only_is_told_and_compares_nothing(self):
        def one(data):
            data["runs"] = [r for r in data["runs"] if r["trial"] == 0]

        with Edited(one) as e:
            status, out, _ = storm("compare", e.path)
            self.assertEqual(status, 0)
            self.assertIn("cannot be told: only 1 block of trials, 3 are needed", out)
            doubts = say.doubts(runs.load(e.path))
            self.assertTrue(any("1 trial only" in d for d in doubts), doubts)


class Comparing(unittest.TestCase):
    """--fail-if: exit 1 on a finding past the bound, and on nothing less."""

    @staticmethod
    def slower(factor):
        def change(data):
            for r in data["runs"]:
                if r["target"] == 1:
                    peer = next(x for x in data["runs"]
                                if (x["target"], x["threads"], x["trial"]) == (0, r["threads"], r["trial"]))
                    r["rate"] = peer["rate"] / factor * (1 + 0.001 * r["trial"])
                    r["ops"] = json.loads(json.dumps(peer["ops"]))
                    for field in ("p50_ns", "p99_ns"):
                        r["ops"]["fsync"][field] = peer["ops"]["fsync"][field] * factor * (1 + 0.001 * r["trial"])
        return change

    def test_a_regression_fails_and_says_so(self):
        with Edited(self.slower(1.1)) as e:
            status, out, _ = storm("compare", e.path, "--fail-if", "p50 > 1.05", "--fail-if", "rate < 0.95")
            self.assertEqual(status, 1, out)
            self.assertIn("postfix's p50 is 1.10x prefix's [1.10, 1.10]: slower (a finding)", out)
            self.assertIn("FAILS: p50 > 1.05", out)
            self.assertIn("FAILS: rate < 0.95", out)
            self.assertEqual(storm("compare", e.path, "--fail-if", "p50 > 1.2")[0], 0)
            self.assertEqual(storm("compare", e.path, "-a", "postfix", "-b", "prefix", "--fail-if", "p50 > 1.05")[0], 0)

    def test_no_difference_does_not_fail_and_says_what_would_have_been_seen(self):
        with Edited(self.slower(1.0)) as e:
            status, out, _ = storm("compare", e.path, "--fail-if", "p50 > 1", "-m", "p50")
            self.assertEqual(status, 0, out)

    def test_what_could_not_be_told_is_no_success(self):
        def noisy(data):
            data["runs"] = [r for r in data["runs"] if r["trial"] < 3]
            for r in data["runs"]:
                if r["target"] == 1:
                    for field in ("p50_ns", "p99_ns"):
                        r["ops"]["fsync"][field] *= (1.5, 2.5, 4)[r["trial"]]
        with Edited(noisy) as e:
            status, out, _ = storm("compare", e.path, "--fail-if", "p50 > 1.05")
            self.assertEqual(status, 3, out)
            self.assertRegex(out, r"CANNOT TELL: p50 > 1.05: postfix against prefix with 1 fsyncer: 2\.\d+ \[.*\] in 3 "
                                  r"trials; about \d+ would do")
            self.assertIn("with 4 fsyncers", out)
            status, out, _ = storm("compare", e.path, "--fail-if", "p50 > 1.05", "--json", "-")
            told = json.loads(out)
            self.assertEqual((status, told["status"]), (3, 3))
            self.assertEqual([c["outcome"] for c in told["conditions"]], ["could not be told"] * 2)
            # what is met is met, whatever could not be told beside it
            status, out, _ = storm("compare", e.path, "--fail-if", "p99.9 > 1.05")
            self.assertEqual(status, 3, out)

    def test_as_many_trials_as_were_said_would_do_do(self):
        rng, told = np.random.default_rng(1), 0
        for _ in range(40):
            c = stats.compare(np.ones(4), np.exp(rng.normal(0.10, 0.05, 4)))
            stats.correct([c])
            if c.finding or c.high <= 1.05:
                continue
            n = stats.blocks_needed(c, 1.05, 1)
            again = stats.compare(np.ones(n), np.exp(np.log(c.ratio) + rng.normal(0, 0.05, n)))
            stats.correct([again])
            told += again.finding or again.high <= 1.05
        self.assertGreater(told, 12)
        exact = stats.Comparison(3, 1.2, 1.0, 1.44, 0.2)
        self.assertGreater(stats.blocks_needed(exact, 1.05, 10), stats.blocks_needed(exact, 1.05, 1))
        self.assertIsNone(stats.blocks_needed(stats.Comparison(3, 1.0499, 0.8, 1.4, 0.5), 1.05, 1))

    def test_a_blind_comparison_does_not_say_no_difference(self):
        c = stats.Comparison(3, 1.1, 0.3, 4.0, 0.6)
        for text in (say.words("p50", c), say.verdict("a", "b", "p50", c)):
            self.assertIn("cannot be told", text)
            self.assertNotIn("no difference found", text)

    def test_memory_against_a_disk_is_told(self):
        with Edited(lambda d: d["targets"][1].update(text="path:/mnt/x")) as e:
            self.assertRegex(say.place_doubts(runs.load(e.path))[0], "^Not on the same device: prefix in memory, pos")
        self.assertEqual(say.place_doubts(runs.load(tap.FIXTURE)), [])

    def test_the_failing_line_names_target_and_level(self):
        with Edited(self.slower(1.1)) as e:
            out = storm("compare", e.path, "--fail-if", "p50 > 1.05")[1]
            self.assertIn("FAILS: p50 > 1.05: postfix against prefix with 4 fsyncers: 1.10 [1.10, 1.10]", out)

    def test_what_only_one_run_has_is_told(self):
        def other(data):
            data["runs"] = [r for r in data["runs"] if r["threads"] == 1]
            data["targets"][0]["text"] = "prefix@file:/tmp/x.img,size=1g"
            data["targets"][1].update(label="B ordered_first", design="ordered_first")
        with Edited(other) as e:
            env = {"backing": [{"path": "/tmp/x.img", "filesystem": "tmpfs", "source": "tmpfs"}], "cpu": "another"}
            with open(os.path.join(e.folder, "env.json"), "w", encoding="utf-8") as f:
                json.dump(env, f)
            out = storm("compare", tap.FIXTURE, e.path)[1]
            self.assertIn("Notice: only run has 4 fsyncer(s): not compared.", out)
            self.assertIn("Notice: only run has postfix.", out)
            self.assertIn("different devices: slow:nvme/ram:64m; file on tmpfs, tmpfs", out)
            self.assertIn("not the same cpu", out)

    def test_what_is_under_a_target_is_found_by_its_index(self):
        data = copy.deepcopy(runs.load(tap.FIXTURE).data)
        data["targets"][0]["text"], data["targets"][1]["text"] = "fs:ext4", "path:/m"
        disk = {"filesystem": "xfs", "source": "/dev/sda1"}
        env = {"backing": [{"target": 0, "path": ".", "filesystem": "tmpfs", "source": "tmpfs"},
                           {"target": 1, "path": "/m", "filesystem": "ext4", "source": "/dev/loop7",
                            "under": {"path": "/images/i", **disk}}]}
        run = runs.Run("run.json", data, env)
        self.assertEqual([run.place(i) for i in run.indexes],
                         ["fs:ext4 on tmpfs, tmpfs", "path on ext4, /dev/loop7, over /images/i on xfs, /dev/sda1"])
        self.assertEqual([run.in_memory(i) for i in run.indexes], [True, False])
        env["backing"][1]["under"].update(filesystem="tmpfs", source="tmpfs")
        self.assertTrue(run.in_memory(1))

    def test_two_runs_are_compared_and_not_trusted_like_one(self):
        with Edited(self.slower(3)) as e:
            status, out, _ = storm("compare", tap.FIXTURE, e.path, "-b", "postfix", "-m", "rate",
                                   "--fail-if", "rate < 0.9")
            self.assertEqual(status, 1, out)
            self.assertIn("did not take turns", out)
            self.assertNotIn("did not take turns", storm("compare", tap.FIXTURE, e.path, "--paired")[1])

    def test_trials_in_files_of_their_own_are_one_run(self):
        with Edited() as e:
            with open(e.path, encoding="utf-8") as f:
                whole = json.load(f)
            os.unlink(e.path)
            for i in range(3):
                part = dict(whole, runs=[dict(r, trial=0) for r in whole["runs"] if r["trial"] == i])
                with open(os.path.join(e.folder, f"{i:02}.json"), "w", encoding="utf-8") as f:
                    json.dump(part, f)
            joined, run = runs.load(e.folder), runs.load(tap.FIXTURE)
            self.assertEqual([t["rate"] for t in joined.trials(1, 4)], [t["rate"] for t in run.trials(1, 4)][:3])
            self.assertEqual([t["trial"] for t in joined.trials(1, 4)], [0, 1, 2])
            with open(os.path.join(e.folder, "03.json"), "w", encoding="utf-8") as f:
                json.dump(dict(whole, job=dict(whole["job"], name="wal")), f)
            with self.assertRaisesRegex(runs.Bad, "03.json: not of the same job"):
                runs.load(e.folder)

    def test_how_many_were_compared_is_told(self):
        out = storm("compare", tap.FIXTURE, "-m", "p50", "-m", "rate")[1]
        self.assertIn("Of 4 comparisons,", out)


if __name__ == "__main__":
    tap.main()
