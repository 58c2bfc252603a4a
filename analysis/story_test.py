#!/usr/bin/python3
"""
story_test.py: the picture and the page of a story: complete, alone, with the story's own lines in it; what is no story
is one line; and the program's --svg and --html end here, in the analysis/ that lies beside it alone.
"""
import contextlib
import copy
import html
import io
import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree as xml

import cli
import story
import tap

STORY = os.path.join(tap.FIXTURE, "seed-prefix.story.json")
REPOSITORY = os.path.dirname(tap.HERE)
PROGRAM = os.path.join(REPOSITORY, os.environ.get("FSYNCSTORM", "build/fsyncstorm"))
SVG = "{http://www.w3.org/2000/svg}"


class Picture(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.story = story.load(STORY)
        cls.text = story.svg(cls.story)
        cls.root = xml.fromstring(cls.text)

    def of_class(self, name):
        return [e for e in self.root.iter() if name in e.get("class", "").split()]

    def test_it_is_complete_in_itself(self):
        self.assertTrue(self.text.startswith("<svg "))
        self.assertNotIn("href", self.text)
        self.assertNotRegex(self.text, r"@import|url\((?!#story-)")
        for name in ("mark", "holds", "waits", "pending", "durable", "stopped", "crash", "join"):
            self.assertTrue(self.of_class(name), name)
            self.assertIn(f".story .{name}{{", self.text)
        self.assertIn("prefers-color-scheme:dark", self.text)

    def test_each_line_that_matters_is_a_row_and_no_other_is(self):
        shown = [line for line in self.story["lines"] if line["matters"]]
        self.assertLess(len(shown), len(self.story["lines"]))
        texts = [e.text for e in self.of_class("what")][:len(shown)]
        self.assertEqual(texts, [story.line_text(self.story, line) for line in shown])
        marks = self.of_class("event") + self.of_class("stopped") + self.of_class("mark")
        self.assertEqual(len(marks), len(shown) + 3)  # with those of the legend
        heights = [float(e.get("y")) for e in self.of_class("what")]
        self.assertEqual(heights, sorted(heights))

    def test_nothing_is_beyond_the_paper(self):
        wide, high = int(self.root.get("width")), int(self.root.get("height"))
        for e in self.of_class("what"):
            letters = 7.3 * (1.1 if "strong" in e.get("class") else 1)
            self.assertLessEqual(int(e.get("x")) + len(e.text) * letters, wide)
            self.assertLess(int(e.get("y")), high)

    def test_a_step_has_its_number_once(self):
        numbers = [e.text for e in self.of_class("step") if "left" not in e.get("class")]
        self.assertEqual(len(numbers), len(set(numbers)))
        self.assertGreaterEqual(len(numbers), 8)

    def test_a_text_is_no_markup(self):
        self.assertIn("inode-&gt;", self.text)
        data = copy.deepcopy(self.story)
        data["lines"][0]["text"] = "<b>&x"
        self.assertNotIn("<b>&x", story.svg(data))
        self.assertNotIn("<b>&x", story.page(data))

    def test_two_fit_into_one_page(self):
        def names(prefix):
            return set(re.findall(r'\bid="([^"]+)"', story.svg(self.story, prefix)))
        self.assertTrue(names("a"))
        self.assertFalse(names("a") & names("b"))

    def test_a_write_is_lost_until_it_is_durable(self):
        data = copy.deepcopy(self.story)
        durable = len(self.of_class("durable"))
        for line in data["lines"]:
            if "durable_at" in line and line["matters"]:
                line["durable_at"] = None
        lost = xml.fromstring(story.svg(data))
        rects = [e for e in lost.iter(SVG + "rect") if e.get("class") == "durable"]
        self.assertGreater(durable, 2)
        self.assertEqual(len(rects), 1)  # the legend's
        self.assertIn("not durable until the crash", story.svg(data))

    def test_a_story_without_a_cause_or_a_crash_has_neither_in_its_picture(self):
        data = copy.deepcopy(self.story)
        data["rule"] = data["crash"] = data["pair"] = None
        for line in data["lines"]:
            line["marked"] = False
        text = story.svg(data)
        self.assertNotIn('class="mark"', text)
        self.assertNotIn("the power fails", text)
        said = "No one pair" if data["orders_that_hold"] else "in every order that was tried"
        self.assertIn(said, story.page(data))

    def test_a_lane_is_a_task_and_the_device_is_the_last(self):
        names = [e.text for e in self.of_class("name")]
        self.assertEqual(names, ["fsync", "writer", "flusher", "endio", "device"])


class Page(unittest.TestCase):
    def test_the_page_says_all_that_the_story_has(self):
        data = story.load(STORY)
        text = html.unescape(story.page(data))
        self.assertEqual(text.count("<svg "), 1)
        for line in data["lines"]:
            self.assertIn(line["text"], text)
        for block in data["blocks"]:
            self.assertIn(block["after"], text)
        for stop in data["preempted"]:
            told = f"{stop['stopped']['task']}: is stopped before it {stop['stopped']['does']}"
            self.assertEqual(text.split("<h2>")[0].count(told), 1)  # in the picture, and only there and in its line
            self.assertEqual(text.count(told), 2)
        self.assertIn(data["pair"]["second"]["does"], text)
        self.assertNotRegex(text, r"<script|@import|src=")


class Command(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="fsyncstorm-test-")
        self.addCleanup(shutil.rmtree, self.folder)

    def at(self, name):
        return os.path.join(self.folder, name)

    def fails(self, text):
        """What is said of a file with this text."""
        with open(self.at("bad"), "w", encoding="utf-8") as f:
            f.write(text)
        said = io.StringIO()
        with contextlib.redirect_stderr(said):
            self.assertEqual(cli.main(["story", self.at("bad"), "--svg", self.at("x.svg")]), 2)
        self.assertEqual(said.getvalue().count("\n"), 1)
        self.assertFalse(os.path.exists(self.at("x.svg")))
        return said.getvalue()

    def test_what_is_no_story_is_one_line(self):
        self.assertIn("not whole JSON", self.fails("{"))
        self.assertIn("not a story", self.fails("[]"))
        self.assertIn("not a story", self.fails('{"schema": "fsyncstorm-bench"}'))
        self.assertIn("this program reads version 1", self.fails('{"schema": "fsyncstorm-story", "schema_version": 2}'))
        self.assertIn("has no `blocks`", self.fails('{"schema": "fsyncstorm-story", "schema_version": 1}'))

    def test_both_files_are_written(self):
        self.assertEqual(cli.main(["story", STORY, "--svg", self.at("x.svg"), "--html", self.at("x.html")]), 0)
        for name, text in (("x.svg", story.svg(story.load(STORY))), ("x.html", story.page(story.load(STORY)))):
            with open(self.at(name), encoding="utf-8") as f:
                self.assertEqual(f.read(), text)

    def test_plots_draws_a_story_beside_it(self):
        shutil.copy(STORY, self.at("one.story.json"))
        self.assertEqual(cli.main(["plots", self.at("one.story.json")]), 0)
        self.assertEqual(sorted(os.listdir(self.folder)), ["one.story.json", "one.svg"])


@unittest.skipUnless(os.access(PROGRAM, os.X_OK), "the program is not built")
class Program(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="fsyncstorm-test-")
        cls.program = os.path.realpath(PROGRAM)
        cls.call(cls.program, "race", "hunt", "seed", "--design", "prefix", "-o", "s.schedule")

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    @classmethod
    def call(cls, *args, cwd=None):
        return subprocess.run(args, cwd=cwd or cls.folder, capture_output=True, text=True, check=False)

    def read(self, name):
        with open(os.path.join(self.folder, name), encoding="utf-8") as f:
            return f.read()

    def test_a_hunt_leaves_its_story_and_a_replay_tells_the_same(self):
        told = self.call(self.program, "race", "replay", "s.schedule", "--json", "-")
        self.assertEqual(told.returncode, 1)
        self.assertEqual(json.loads(told.stdout), story.load(os.path.join(self.folder, "s.story.json")))
        self.assertIn("it breaks as recorded", told.stderr)

    def test_a_replay_draws_what_its_story_says(self):
        drawn = self.call(self.program, "race", "replay", "s.schedule", "--svg", "x.svg", "--html", "x.html")
        self.assertEqual((drawn.returncode, drawn.stderr), (1, ""))
        told = story.load(os.path.join(self.folder, "s.story.json"))
        self.assertEqual(self.read("x.svg"), story.svg(told))
        self.assertEqual(self.read("x.html"), story.page(told))

    def test_away_from_its_analysis_it_says_so_and_runs_none_of_the_current_folder(self):
        away = os.path.join(self.folder, "away")
        shutil.copy(self.program, away)
        replay = ("race", "replay", os.path.join(self.folder, "s.schedule"))
        picture = os.path.join(self.folder, "away.svg")
        drawn = self.call(away, *replay, "--svg", picture, cwd=REPOSITORY)
        self.assertEqual(drawn.returncode, 2)
        self.assertIn("analysis/ does not lie beside the program", drawn.stderr)
        self.assertIn("--json writes the story without Python", drawn.stderr)
        self.assertFalse(os.path.exists(picture))
        self.assertEqual(self.call(away, *replay, "--json", picture, cwd=REPOSITORY).returncode, 1)

    def test_a_file_that_cannot_be_written_is_told_before_the_run(self):
        for option in ("--svg", "--html", "--json"):
            said = self.call(self.program, "race", "replay", "s.schedule", option, "nosuch/x")
            self.assertEqual((said.returncode, said.stdout), (2, ""))
            self.assertIn(f"{option}: nosuch/x", said.stderr)


if __name__ == "__main__":
    tap.main()
