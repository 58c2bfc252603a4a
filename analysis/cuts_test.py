#!/usr/bin/python3
"""
cuts_test.py: the page of power cuts says what the file says: counts, classes, arms, the finding; each field that is
missing or of another kind is one line; and `report` tells by what it is given which page is meant.
"""
import copy
import contextlib
import html
import io
import json
import os
import tempfile
import unittest

import cli
import cuts
import edits
import runs
import tap

HERE = os.path.dirname(tap.FIXTURE)
CUT = os.path.join(HERE, "cut.json")


def loaded():
    with open(CUT, encoding="utf-8") as f:
        return json.load(f)


def page(*data, findings=()):
    return html.unescape(cuts.render([cuts.check("x", d) for d in data], findings))


def page_of_text(data):
    """All of the page but its plot, which takes long; that is made of what was looked at."""
    data = cuts.check("x", data)
    return [cuts.sentence(data), cuts.arm_sentences(data), cuts.control_sentence(data), cuts.works_table([data]),
            cuts.classes_table([data]), cuts.recipe([data])]


class Page(unittest.TestCase):
    def setUp(self):
        self.cut = loaded()
        self.first, self.control = self.cut["results"]

    def test_it_says_what_is_broken_and_what_the_control_says(self):
        text = page(self.cut)
        self.assertIn(f"fs:btrfs, Linux 6.18.44: {self.first['broken']} of {self.first['states']} crash states break a "
                      "promise (fsync_twice_smallest).", text)
        self.assertIn(f"fs:btrfs {self.first['broken']} of {self.first['states']} (in {self.first['rounds_broken']} of "
                      f"{self.first['rounds']} runs), one thread syncs 0 of {self.control['states']} (in 0 of "
                      f"{self.control['rounds']} runs): they differ", text)
        self.assertIn(f"{self.first['classes']['stale']['count']} of {self.first['states']}", text)
        self.assertIn(self.first["classes"]["stale"]["first"], text)
        self.assertEqual(text.count("<svg "), 1)

    def test_a_run_that_holds_says_below_which_rate(self):
        self.cut["results"] = [dict(self.control, arm="fs:btrfs")]
        self.cut["arms"] = []
        text = page(self.cut)
        self.assertIn(f"none of {self.control['states']} crash states breaks a promise (a rate below "
                      f"{100 * self.control['rate_below']:.2g} %, at 95 %; of runs, whose states are alike, "
                      "below 27 %)",
                      text)
        self.assertNotIn("by class", text)
        self.assertNotIn("break a promise (fsync", text)

    def test_two_arms_that_are_not_told_apart_do_not_differ(self):
        self.cut["arms"][0].update(p_of_runs=0.4, runs_differ=False)
        self.assertIn("no difference found (Fisher's exact test of the runs, p = 0.4)", page(self.cut))

    def test_states_that_were_compared_as_if_each_were_a_run_are_not_told_apart(self):
        for name in cuts.RUNS:
            del self.cut["arms"][0][name]
        text = page(self.cut)
        self.assertIn("so they are not compared", text)
        self.assertNotIn("they differ", text)

    def test_another_kernel_has_recorded_it(self):
        self.cut["recorded_on"] = "6.1.192"
        self.assertIn("fs:btrfs, Linux 6.1.192, judged on Linux 6.18.44: ", page(self.cut))

    def test_calls_that_failed_are_told_though_no_state_is_broken(self):
        self.cut["results"] = [dict(copy.deepcopy(self.control), arm="fs:btrfs")]
        self.cut["results"][0]["classes"]["call"] = {"count": 3, "first": "fsync of a: I/O error"}
        text = page(self.cut)
        self.assertIn("3 system calls failed on a device without an error", text)
        self.assertIn(f"3 of {self.control['calls']}", text)

    def test_what_was_written_before_has_a_page_without_the_plot(self):
        for name in ("schema", "arms"):
            del self.cut[name]
        for r in self.cut["results"]:
            del r["distinct"]
        text = page(self.cut)
        self.assertNotIn("<svg ", text)
        self.assertIn("Not in this run: how many images were distinct", text)

    def test_a_finding_is_told_and_is_no_markup(self):
        self.assertIn("writer <b>", page(self.cut, findings=[("btrfs-1", "writer <b>")]))
        self.assertNotIn("<b>", cuts.render([self.cut], [("btrfs-1", "writer <b>")]))

    def test_each_field_that_is_needed_is_looked_at(self):
        for name in ("states", "broken", "mounted", "rounds", "calls", "syncs", "classes", "seconds", "work", "arm",
                     "distinct", "rate_below"):
            data = loaded()
            data["results"][1][name] = {"not": "so"}
            with self.assertRaisesRegex(runs.Bad, rf"results\[1\]\.{name}"):
                cuts.check("x", data)


    def test_an_edit_of_any_field_is_a_page_or_one_line(self):
        for at in edits.places(loaded()):
            if not at:
                continue
            for value in edits.VALUES:
                data = loaded()
                edits.edit(data, at, value)
                with self.subTest(at=at, value=value):
                    try:
                        page_of_text(data)
                    except runs.Bad:
                        pass


class Command(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory())
        self.finding = os.path.join(self.folder, "btrfs-1")
        os.mkdir(self.finding)
        with open(os.path.join(self.finding, "story.txt"), "w", encoding="utf-8") as f:
            f.write("==== the power goes ====\n")
        self.cut = os.path.join(self.folder, "cut.json")
        with open(self.cut, "w", encoding="utf-8") as f:
            json.dump(loaded(), f)

    def report(self, *args):
        """(exit status, stderr)"""
        err = io.StringIO()
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(err):
            status = cli.main(["report", *args])
        return status, err.getvalue()

    def test_the_page_lies_beside_the_file_with_the_finding_in_it(self):
        self.assertEqual(self.report(self.cut, self.finding), (0, ""))
        with open(os.path.join(self.folder, "cut.html"), encoding="utf-8") as f:
            self.assertIn("==== the power goes ====", f.read())

    def test_mistakes_are_one_line(self):
        broken = loaded()
        broken["results"][0]["states"] = "many"
        with open(os.path.join(self.folder, "broken.json"), "w", encoding="utf-8") as f:
            json.dump(broken, f)
        for args, said in (((self.finding,), "a finding alone"),
                           ((self.cut, self.folder), "no finding of `fsyncstorm cut`"),
                           ((self.cut, tap.FIXTURE), "no finding of `fsyncstorm cut`"),
                           ((self.cut, os.path.join(tap.FIXTURE, "run.json")), "a page is of one kind of run"),
                           ((self.cut, "--scores", "x"), "--scores"),
                           ((os.path.join(self.folder, "broken.json"),), "results[0].states"),
                           ((self.cut, "-o", os.path.join(self.folder, "no", "x.html")), "cannot be written to")):
            status, err = self.report(*args)
            self.assertEqual(status, 2, args)
            self.assertIn(said, err)
            self.assertEqual(err.count("\n"), 1)
        self.assertEqual(sorted(os.listdir(self.folder)), ["broken.json", "btrfs-1", "cut.json"])


if __name__ == "__main__":
    tap.main()
