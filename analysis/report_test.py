#!/usr/bin/python3
"""
report_test.py: the report as a file: whole, alone, small, with the run's own figures in it; and the README's part.
"""
import base64
import copy
import lzma
import html.parser
import json
import os
import re
import shutil
import stat
import tempfile
import unittest

import cli
import redraw
import files
import report
import runs
import say
import tap


class Page(html.parser.HTMLParser):
    """Tables as rows of text, and every address that the page names."""

    def __init__(self, text):
        super().__init__()
        self.tables, self.addresses, self.ids, self.cell = [], [], [], None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.addresses += [attrs[k] for k in ("href", "src", "xlink:href") if k in attrs]
        self.ids += [attrs["id"]] if "id" in attrs else []
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.cell = ""

    def handle_data(self, data):
        if self.cell is not None:
            self.cell += data

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self.tables[-1][-1].append(self.cell)
            self.cell = None


def large(run, targets=5, levels=5):
    """As a run of so many would be, from the trials of one that was recorded."""
    data = copy.deepcopy(run.data)
    trials = data["runs"]
    data["targets"] = [dict(data["targets"][0], label=f"{chr(65 + i)} target-{i}") for i in range(targets)]
    data["runs"] = [dict(trials[(7 * t + 5 * level + k) % len(trials)], target=t, threads=2 ** level,
                         tasks_n=2 ** level, trial=k)
                    for level in range(levels) for k in range(5) for t in range(targets)]
    return runs.Run(run.path, data, run.env)


class Report(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.run_ = runs.load(tap.FIXTURE)
        cls.text = report.render(cls.run_)
        cls.page = Page(cls.text)

    def test_it_needs_nothing_else(self):
        outside = [a for a in self.page.addresses if not a.startswith(("#", "data:"))]
        self.assertEqual(outside, [])
        self.assertNotRegex(self.text, r"@import|<script src|url\((?!#)")

    def test_every_link_leads_somewhere_and_no_name_is_given_twice(self):
        for a in self.page.addresses:
            if a.startswith("#"):
                self.assertIn(a[1:], self.page.ids)
        self.assertEqual(len(self.page.ids), len(set(self.page.ids)))
        for name in set(re.findall(r"url\(#([^)]+)\)", self.text)):
            self.assertIn(name, self.page.ids)

    def test_the_answer_comes_first(self):
        shown = re.sub(r"<[^>]+>|\s+", " ", self.text[:self.text.index('id="more"')])
        for sentence in [say.cost(self.run_)] + say.answers(self.run_):
            self.assertIn(sentence, html.unescape(shown))
        self.assertLess(shown.index("An fsync with 1 fsyncer takes"), shown.index("on average:"))
        self.assertLess(shown.index("on average:"), shown.index("Over 1 to 4 fsyncers"))
        self.assertEqual(self.text[:self.text.index('id="more"')].count("<svg "), 3)
        self.assertIn("prefix loses durable data, found at schedule", shown)

    def test_tables_hold_what_was_measured(self):
        cost, results, comparisons, phases = self.page.tables[:4]
        self.assertEqual(cost[0][:4], ["target", "on", "p50 us", "p99 us"])
        self.assertEqual([row[2] for row in cost[1:]],
                         [f"{self.run_.histogram(i, 1).percentile(50) / 1e3:,.1f}" for i in self.run_.indexes])
        self.assertEqual(results[0][:3], ["fsyncers", "target", "p50 us"])
        self.assertEqual(len(results), 1 + len(self.run_.levels) * len(self.run_.names))
        self.assertEqual(results[1][2], f"{self.run_.histogram(0, 1).percentile(50) / 1e3:,.1f}")
        self.assertEqual(len(comparisons), 1 + 4 * len(self.run_.levels))
        for row in phases[1:]:
            numbers = [float(x.replace(",", "")) for x in row[2:]]
            self.assertAlmostEqual(sum(numbers[1:]) / numbers[0], 1, delta=0.01)

    def test_the_raw_results_are_inside(self):
        found = re.search(r'href="data:application/x-xz;base64,([^"]+)"', self.text)
        self.assertEqual(json.loads(lzma.decompress(base64.b64decode(found[1]))), self.run_.data)

    def test_the_race_and_the_recipe_are_told(self):
        self.assertIn("the power fails", self.text)
        self.assertIn(self.run_.data["commit"], self.text)
        self.assertIn("fsyncstorm bench", self.text)

    def test_where_it_ran_is_told(self):
        data, env = copy.deepcopy(self.run_.data), copy.deepcopy(self.run_.env)
        data["date"] = "20261124-014144"
        for r in data["runs"]:
            r["made"] = "a loop device; mkfs.ext4 -q; mounted with defaults: rw"
        env["backing"] = [{"target": 1, "path": "m", "filesystem": "ext4", "source": "/dev/loop7", "drive": "loop7",
                           "mount_options": "rw,noatime", "fs_options": "rw,nobarrier,commit=7",
                           "write_cache": "write back", "under": {"path": "/images/i", "filesystem": "xfs",
                                                                  "source": "/dev/sda1", "model": "QEMU"}}]
        text = report.render(runs.Run(self.run_.path, data, env))
        for told in ("2026-11-24 01:41:44 UTC", "mkfs.ext4 -q; mounted with defaults: rw", "/images/i",
                     "xfs, /dev/sda1", "rw,noatime; of the file system rw,nobarrier,commit=7", "QEMU",
                     "cache: write back"):
            self.assertIn(told, html.unescape(text))

    def test_what_is_drawn_is_not_told_again(self):
        self.assertEqual(self.text.count("THE POWER FAILS"), 0)  # of the time line as text
        self.assertIn("the power fails", self.text)

    def test_who_woke_a_kernels_sync_and_the_devices_part_are_told(self):
        data = copy.deepcopy(self.run_.data)
        for r in data["runs"]:
            if r["target"]:
                continue
            del r["phases_ns"]
            r["kernel_waits"] = {"syncs": 10, "sync_ns": 1000, "phases_ns": {"log_join": 900, "on_cpu": 100},
                                 "device_sync_ns": 1000, "device_ns": 640,
                                 "sites": [{"function": "jbd2_log_wait_commit", "what": "a commit", "phase": "log_join",
                                            "ns": 900, "n": 20, "woken_by_ns": {"jbd2/vda-8": 810}, "device_ns": 600}]}
        tables = Page(report.render(runs.Run(self.run_.path, data, self.run_.env))).tables
        waits = next(t for t in tables if "woken by" in t[0])
        row = dict(zip(waits[0], waits[1]))
        self.assertEqual((row["woken by"], row["device busy %"], row["% of the time"]),
                         ("jbd2/vda-8 90 %", "67", "90.0"))
        phases = next(t for t in tables if t[0][-1] == "device busy %")
        self.assertEqual({r[1]: r[-1] for r in phases[1:]}[self.run_.names[0]], "64")
        self.assertEqual({r[1]: r[-1] for r in phases[1:]}[self.run_.names[1]], "-")

    def test_text_of_a_run_is_no_markup(self):
        data = copy.deepcopy(self.run_.data)
        data["targets"][0]["label"] = "A <b>&x"
        text = report.render(runs.Run(self.run_.path, data, self.run_.env))
        self.assertNotIn("<b>&x", text)

    def test_five_targets_at_five_levels_are_under_3_megabytes(self):
        self.assertLess(len(report.render(large(self.run_))), 3e6)


class Written(unittest.TestCase):
    """What stands where a file is to go is replaced only where it is a regular file."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="fsyncstorm-test-")
        self.path = os.path.join(self.folder, "out")

    def tearDown(self):
        shutil.rmtree(self.folder)

    def test_a_link_stays_and_what_it_names_is_replaced(self):
        os.symlink("real", self.path)
        for text in ("first", "second"):
            files.write(self.path, text)
            self.assertTrue(os.path.islink(self.path))
            with open(os.path.join(self.folder, "real"), encoding="utf-8") as f:
                self.assertEqual(f.read(), text)
        self.assertEqual(sorted(os.listdir(self.folder)), ["out", "real"])

    def test_a_pipe_is_written_to(self):
        os.mkfifo(self.path)
        fd = os.open(self.path, os.O_RDWR | os.O_NONBLOCK)
        files.write(self.path, "text")
        self.assertEqual(os.read(fd, 10), b"text")
        os.close(fd)
        self.assertTrue(stat.S_ISFIFO(os.stat(self.path).st_mode))

    def test_what_cannot_be_written_is_as_before(self):
        os.mkdir(self.path)
        with self.assertRaisesRegex(runs.Bad, "out: Is a directory"):
            files.write(self.path, "text")
        with self.assertRaisesRegex(runs.Bad, "No such file"):
            files.write(os.path.join(self.folder, "nosuch", "out"), "text")
        self.assertEqual(os.listdir(self.folder), ["out"])

    def test_a_file_keeps_its_mode(self):
        files.write(self.path, "old")
        os.chmod(self.path, 0o604)
        files.write(self.path, b"new")
        self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o604)


class Readme(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="fsyncstorm-test-")
        shutil.copytree(tap.FIXTURE, os.path.join(self.folder, "results", "one"))
        self.readme = os.path.join(self.folder, "README.md")

    def tearDown(self):
        shutil.rmtree(self.folder)

    def write(self, text):
        with open(self.readme, "w", encoding="utf-8") as f:
            f.write(text)

    def read(self):
        with open(self.readme, encoding="utf-8") as f:
            return f.read()

    def test_the_part_between_the_marks_is_made_from_the_run(self):
        self.write("# top\n<!-- plots results/one -->\nby hand\n<!-- /plots -->\nbottom\n")
        self.assertEqual(cli.main(["plots", "--readme", self.readme, os.path.join(self.folder, "results", "one")]), 0)
        text = self.read()
        self.assertTrue(text.startswith("# top\n<!-- plots results/one -->\n![Over 1 to 4 fsyncers"))
        self.assertTrue(text.endswith("<!-- /plots -->\nbottom\n"))
        self.assertNotIn("by hand", text)
        run = runs.load(os.path.join(self.folder, "results", "one"))
        self.assertIn(f"{run.histogram(1, run.levels[0]).percentile(99) / 1e3:,.1f}", text)
        self.assertNotIn(f"{run.histogram(1, run.levels[-1]).percentile(99) / 1e3:,.1f}", text)
        for name in ("answer.svg", "answer.png", "report.html", "plots/latency.svg", "plots/time.png"):
            self.assertGreater(os.path.getsize(os.path.join(run.folder, name)), 5000)
        redraw.fill(self.readme)
        self.assertEqual(self.read(), text)

    def test_each_part_is_of_its_own_run(self):
        shutil.copytree(os.path.join(self.folder, "results", "one"), os.path.join(self.folder, "results", "two"))
        self.write("<!-- plots results/one -->\n<!-- /plots -->\n## and\n<!-- plots results/two -->\n<!-- /plots -->\n")
        redraw.fill(self.readme)
        one, two = self.read().split("## and")
        self.assertIn("(results/one/answer.svg)", one)
        self.assertNotIn("results/two", one)
        self.assertIn("(results/two/answer.svg)", two)

    def test_a_readme_without_marks_is_told_and_left_alone(self):
        self.write("# nothing\n")
        with self.assertRaisesRegex(runs.Bad, "has no part between"):
            redraw.fill(self.readme)
        self.assertEqual(self.read(), "# nothing\n")


if __name__ == "__main__":
    tap.main()
