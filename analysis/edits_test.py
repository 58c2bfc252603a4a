#!/usr/bin/python3
"""
edits_test.py: each kind of field of a run.json and an env.json with other values in its place: one line and status 2,
or an answer. Reports are made of a sample.
"""
import copy
import tempfile
import unittest

import edits
import tap


class Edits(unittest.TestCase):
    def each_kind(self, which, reports=150):
        data = {"run": edits.small_run(), "env": edits.small_env()}
        tried, n, refused = set(), 0, 0
        with tempfile.TemporaryDirectory(prefix="fsyncstorm-test-") as path:
            folder = edits.Folder(path)
            for at in edits.places(data[which]):
                if not at or edits.kind(at) in tried:
                    continue
                tried.add(edits.kind(at))
                step = 4 if tap.FAST else 2  # make fuzz tries all
                for value in edits.VALUES[len(tried) % step::step]:
                    changed = copy.deepcopy(data)
                    edits.edit(changed[which], at, value)
                    bad, no = folder.found(changed["run"], changed["env"], n % reports == 0)
                    n, refused = n + 1, refused + (no > 0)
                    self.assertIsNone(bad, f"{at} = {value!r}: {bad}")
        return n, refused

    def test_of_a_run(self):
        n, refused = self.each_kind("run")
        self.assertGreater(n, 300 if tap.FAST else 600)
        self.assertGreater(refused, n // 3)

    def test_of_what_searches_left_beside_it(self):
        with tempfile.TemporaryDirectory(prefix="fsyncstorm-test-") as path:
            folder = edits.Folder(path)
            for name in ("seed-prefix.hunt.json", "score.json"):
                data = edits.read(name)
                for at in edits.places(data):
                    for value in edits.VALUES:
                        changed = copy.deepcopy(data)
                        edits.edit(changed, at, value)
                        bad = folder.beside(name, changed)
                        self.assertIsNone(bad, f"{name}: {at} = {value!r}: {bad}")

    def test_of_where_it_ran(self):
        n, _ = self.each_kind("env", 5)
        self.assertGreater(n, 20)

    def test_where_it_ran_has_no_path(self):
        run, env = edits.small_run(), edits.small_env()
        env["backing"][0]["path"] = ""
        with tempfile.TemporaryDirectory(prefix="fsyncstorm-test-") as path:
            self.assertEqual(edits.Folder(path).found(run, env, True)[0], None)


if __name__ == "__main__":
    tap.main()
