#!/usr/bin/python3
"""
watched_test.py: the page of a watched process says what the file says; each field that is missing or of another kind is
one line; and `report` tells by what it is given which page is meant.
"""
import contextlib
import html
import io
import json
import os
import tempfile
import unittest

import cli
import edits
import runs
import tap
import watched

WATCH = os.path.join(os.path.dirname(tap.FIXTURE), "watch.json")


def loaded():
    with open(WATCH, encoding="utf-8") as f:
        return json.load(f)


def page(data):
    return html.unescape(watched.render(watched.check("x", data)))


class Page(unittest.TestCase):
    def setUp(self):
        self.data = loaded()
        self.file = self.data["files"][0]

    def test_it_says_what_the_file_says(self):
        text = page(self.data)
        self.assertIn(self.data["name"], text)
        self.assertRegex(text, r"fdatasync/s on /var/lib/db/wal/0000000\d: p50 [\d.]+ ms, at most [\d.]+ ms; "
                               r"of that time \d+ % in jbd2_log_wait_commit \(another task's journal commit\)")
        self.assertNotIn("returned before the device was flushed", text)
        for f in self.data["files"]:
            self.assertIn(f["path"], text)

    def test_who_woke_and_the_devices_part_are_told(self):
        site = next(s for s in self.file["sites"] if s["function"] == "jbd2_log_wait_commit")
        site["woken_by_ns"], site["device_ns"] = {"kworker": site["ns"] // 10, "jbd2/vda-8": site["ns"] * 3 // 4}, \
            site["ns"] // 4
        columns, rows = watched.waits_table(self.data)
        row = {c: cell[0] for c, cell in zip(columns, rows[0])}
        self.assertEqual((row["kernel function"], row["woken by"], row["device busy %"]),
                         ("jbd2_log_wait_commit", "jbd2/vda-8 75 %", "25"))
        columns, rows = watched.slowest_table(self.data)
        row = {c: cell[0] for c, cell in zip(columns, rows[0])}
        self.assertEqual(row["woken by"], self.data["slowest"][0]["woken_by"])
        self.assertEqual(row["device busy us"], f"{self.data['slowest'][0]['device_ns'] / 1e3:,.0f}")
        del site["woken_by_ns"], site["device_ns"]
        columns, rows = watched.waits_table(self.data)
        self.assertEqual([rows[0][columns.index(c)][0] for c in ("woken by", "device busy %")], ["-", "-"])

    def test_phases_sum_to_the_mean(self):
        columns, rows = watched.phases_table(self.data)
        for row in rows:
            values = [value for _, value in row[1:]]
            self.assertAlmostEqual(sum(values[1:]) / values[0], 1, delta=0.001)

    def test_early_returns_come_first(self):
        self.data.update(judged=100, early=7)
        text = page(self.data)
        early = text.index("7 of 100 syncs returned before the device was flushed")
        self.assertLess(early, text.index("fdatasync/s on"))

    def test_what_was_not_seen_is_told(self):
        self.data.update(uses_io_uring=True, no_io_uring="no tracepoints", no_wakers="not allowed")
        text = page(self.data)
        self.assertIn("what it syncs through it was not seen: no tracepoints.", text)
        self.assertIn("Who ended the waits is not known: not allowed.", text)
        del self.data["no_io_uring"]
        self.assertIn("syncs through it are here, writes through it are not", page(self.data))

    def test_a_process_without_a_sync_has_a_page(self):
        self.data.update(files=[], slowest=[])
        self.assertIn("no sync was seen in", page(self.data))
        self.file.update(syncs=0, sync_ns=0, sites=[], phases_ns={})
        self.data.update(files=[self.file], elapsed_ns=0)
        self.assertIn(self.file["path"], page(self.data))

    def test_text_of_a_file_is_no_markup(self):
        self.file["path"] = "/a<script>b"
        self.assertNotIn("<script>b", watched.render(watched.check("x", self.data)))


class Wrong(unittest.TestCase):
    def said(self, *args):
        err = io.StringIO()
        with contextlib.redirect_stderr(err), contextlib.redirect_stdout(io.StringIO()):
            status = cli.main(["report", *args])
        return status, err.getvalue()

    def test_report_knows_it_by_what_it_is(self):
        with tempfile.TemporaryDirectory() as d:
            out = os.path.join(d, "x.html")
            self.assertEqual(self.said(WATCH, "-o", out), (0, ""))
            self.assertGreater(os.path.getsize(out), 10000)
            for args, says in (((WATCH, WATCH), "a page is of one watched process"),
                               ((WATCH, "--scores", "x"), "--scores")):
                status, err = self.said(*args)
                self.assertEqual((status, err.count("\n")), (2, 1), err)
                self.assertIn(says, err)

    def test_each_field_that_is_missing_or_another_is_one_line(self):
        n = 0
        for at in edits.places(loaded()):
            for value in edits.VALUES:
                data = loaded()
                edits.edit(data, at, value)
                n += 1
                try:
                    watched.is_one(data) and watched.render(watched.check("w.json", data))
                except runs.Bad as e:
                    self.assertTrue(str(e).startswith("w.json: "), f"{at}: {e}")
                    self.assertNotIn("\n", str(e))
        self.assertGreater(n, 500)


if __name__ == "__main__":
    tap.main()
