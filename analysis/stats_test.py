#!/usr/bin/python3
"""
stats_test.py: intervals hold what they promise, on made-up data with known answers and on the noise of
recorded runs of A against A.
"""
import json
import os
import unittest

import numpy as np

import stats
import tap

try:
    from scipy import stats as dist
except ImportError:
    dist = None

RUNS = 150 if tap.FAST else 300
NOISES = {
    "normal": lambda rng, n: rng.normal(0, 0.1, n),
    "heavy": lambda rng, n: 0.1 * rng.standard_t(3, n),
    "stalls": lambda rng, n: rng.normal(0, 0.1, n) + (rng.random(n) < 0.1) * 0.8,
}


def pair(rng, noise, n, factor=1.0):
    """A's and B's trials: B is `factor` times A but for noise; the machine drifts under both."""
    machine = np.exp(np.cumsum(rng.normal(0, 0.05, n)))
    return 100 * machine * np.exp(noise(rng, n)), 100 * factor * machine * np.exp(noise(rng, n))


class Distributions(unittest.TestCase):
    def test_student_is_that_of_the_tables(self):
        for df, t in ((1, 12.706), (2, 4.303), (4, 2.776), (10, 2.228), (20, 2.086), (100, 1.984)):
            self.assertAlmostEqual(stats.student_975(df), t, places=3)
            self.assertAlmostEqual(stats.student_beyond(t, df), 0.05, places=4)

    @unittest.skipUnless(dist, "no python3-scipy")
    def test_student_is_scipys_far_into_the_tail(self):
        for df in (1, 2, 3, 7, 30, 99, 998):
            self.assertAlmostEqual(stats.student_975(df) / dist.t.ppf(0.975, df), 1, places=7)
            for t in (0, 0.1, 1, 3, 10, 40):
                self.assertAlmostEqual(stats.student_beyond(t, df) / max(2 * dist.t.sf(t, df), 1e-300), 1, places=6)

    @unittest.skipUnless(dist, "no python3-scipy")
    def test_a_trend_is_as_likely_as_scipy_says(self):
        rng = np.random.default_rng(3)
        for n in (6, 7, 12, 33, 34, 60):
            for ties in (False, True):
                x = rng.normal(0, 1, n) + np.linspace(0, 1, n)
                x = np.round(x) if ties else x
                self.assertAlmostEqual(stats.trend_by_chance(x), dist.kendalltau(np.arange(n), x).pvalue, places=9)
        self.assertEqual(stats.trend_by_chance(np.ones(8)), 1)


class Intervals(unittest.TestCase):
    def coverage(self, n, noise, compare):
        rng, held = np.random.default_rng(7), 0
        for seed in range(RUNS):
            a, b = pair(rng, noise, n, 1.1)
            c = compare(a, b, seed)
            held += c.low <= 1.1 <= c.high
        return held / RUNS

    def test_95_of_100_hold_the_true_ratio(self):
        for n in (3, 5, 12, 40):
            for name, noise in NOISES.items():
                with self.subTest(blocks=n, noise=name):
                    self.assertGreaterEqual(self.coverage(n, noise, stats.compare), 0.92)

    def test_they_are_no_wider_than_they_must_be(self):
        for n in (12, 40):
            self.assertLessEqual(self.coverage(n, NOISES["normal"], stats.compare), 0.99)

    def test_two_runs_that_did_not_take_turns(self):
        def noise_only(rng, n):
            return rng.normal(0, 0.1, n)

        rng, held = np.random.default_rng(8), 0
        for seed in range(RUNS):
            c = stats.compare_apart(100 * np.exp(noise_only(rng, 8)), 110 * np.exp(noise_only(rng, 11)), seed)
            held += c.low <= 1.1 <= c.high
        self.assertGreaterEqual(held / RUNS, 0.92)

    def test_what_drifts_under_both_does_not_count(self):
        drifting = np.exp(np.linspace(0, 3, 20))
        c = stats.compare(drifting, drifting * 1.25)
        self.assertAlmostEqual(c.ratio, 1.25)
        self.assertTrue(c.different)
        self.assertAlmostEqual(c.low, 1.25)

    def test_one_stalled_trial_does_not_decide(self):
        a = np.full(10, 100.0) + np.arange(10)
        b = a * 1.2
        b[3] *= 50
        self.assertAlmostEqual(stats.compare(a, b).ratio, 1.2, places=2)

    def test_the_ratio_is_b_over_a_and_turns_over(self):
        a, b = pair(np.random.default_rng(3), NOISES["normal"], 9, 2)
        there, back = stats.compare(a, b), stats.compare(b, a)
        self.assertAlmostEqual(there.ratio * back.ratio, 1)
        self.assertGreater(there.low, 1)
        self.assertLess(back.high, 1)

    def test_the_same_seed_gives_the_same_interval(self):
        a, b = pair(np.random.default_rng(3), NOISES["heavy"], 9)
        self.assertEqual(stats.compare(a, b, 5), stats.compare(a, b, 5))

    def test_known_trials_give_a_known_interval(self):
        a = (100, 103, 98, 101, 105, 99, 97, 102, 100, 104)
        b = (104, 101, 103, 106, 104, 105, 99, 120, 101, 110)
        c = stats.compare(a, b)
        for value, due in ((c.ratio, 1.0380), (c.low, 1.0039), (c.high, 1.0770)):
            self.assertAlmostEqual(value, due, places=4)

    def test_false_alarms_are_rare_and_a_true_difference_is_seen(self):
        for blocks in (3, 5, 10):
            for factor, least, most in ((1.0, 0, 0.09), (1.5, 0.9 if blocks > 3 else 0, 1)):
                rng = np.random.default_rng(42)
                seen = 0
                for seed in range(RUNS):
                    a, b = pair(rng, NOISES["normal"], blocks, factor)
                    c = stats.compare(a, b, seed)
                    self.assertTrue(c.low <= c.ratio <= c.high)
                    seen += c.different
                self.assertTrue(least <= seen / RUNS <= most, (blocks, factor, seen))

    def test_what_would_have_been_seen_is_seen(self):
        rng, seen = np.random.default_rng(4), 0
        for seed in range(RUNS):
            a, b = pair(rng, NOISES["normal"], 12)
            size = stats.compare(a, b, seed).detectable
            seen += stats.compare(a, b * (1 + 2 * size), seed).different
        self.assertGreaterEqual(seen / RUNS, 0.9)


class Doubts(unittest.TestCase):
    def test_too_few_blocks_are_told(self):
        c = stats.compare([1, 2], [2, 3])
        self.assertFalse(c.valid or c.different)
        self.assertIn("2 blocks", c.why)
        self.assertIn("1 block ", stats.compare([1], [2]).why)

    def test_a_trial_without_a_figure_is_told(self):
        self.assertIn("too few operations", stats.compare([1, 2, float("nan")], [1, 2, 3]).why)
        self.assertIn("too few operations", stats.compare([1, 2, 0], [1, 2, 3]).why)

    def test_drift_is_seen_and_noise_is_not_drift(self):
        rng = np.random.default_rng(1)
        steady = 100 * np.exp(rng.normal(0, 0.05, (RUNS, 20)))
        self.assertLessEqual(np.mean([stats.drift(x) != 0 for x in steady]), 0.03)
        rising = steady * np.exp(np.linspace(0, 0.3, 20))
        self.assertGreaterEqual(np.mean([stats.drift(x) > 0.1 for x in rising]), 0.95)

    def test_two_kinds_of_trials_are_seen_and_one_kind_is_not(self):
        rng = np.random.default_rng(2)
        for one in (rng.normal(0, 0.1, (RUNS, 20)), rng.uniform(0, 1, (RUNS, 20)), 0.1 * rng.standard_t(3, (RUNS, 20))):
            self.assertLessEqual(np.mean([stats.two_groups(np.exp(x)) is not None for x in one]), 0.06)
        two = rng.normal(0, 0.05, (RUNS, 20)) + np.repeat([0, 0.7], 10)
        found = [stats.two_groups(np.exp(x)) for x in two]
        self.assertGreaterEqual(np.mean([g is not None for g in found]), 0.95)
        low, high = next(g for g in found if g)
        self.assertAlmostEqual(low, 1, delta=0.1)
        self.assertAlmostEqual(high, 2, delta=0.2)


class Findings(unittest.TestCase):
    def test_many_comparisons_of_like_things_give_few_findings(self):
        rng, false, differ = np.random.default_rng(5), 0, 0
        for seed in range(RUNS // 5):
            made = [stats.compare(*pair(rng, NOISES["normal"], 10), seed) for _ in range(20)]
            self.assertEqual(stats.correct(made), 20)
            false += any(c.finding for c in made)
            differ += sum(c.different for c in made)
        self.assertLessEqual(false, 2 + RUNS // 5 * 0.02)
        self.assertGreater(differ, 0)  # 95 % alone is wrong once in 20: that is why findings are counted

    def test_a_finding_among_many_is_found(self):
        rng = np.random.default_rng(6)
        made = [stats.compare(*pair(rng, NOISES["normal"], 20)) for _ in range(19)]
        made.append(stats.compare(*pair(rng, NOISES["normal"], 20, 1.5)))
        stats.correct(made)
        self.assertTrue(made[-1].finding)


class RecordedNoise(unittest.TestCase):
    """What this program must reach, on A against A as it was measured on a noisy machine."""
    METRICS = ("p50", "p99", "rate")

    @classmethod
    def setUpClass(cls):
        with open(os.path.join(tap.HERE, "fixtures", "noise.json"), encoding="utf-8") as f:
            cls.recorded = json.load(f)["recorded"]

    def verdict(self, of, blocks, factor=1.0):
        """As the guard does: all metrics compared, findings counted. B is `factor` times as slow."""
        made = {}
        for m in self.METRICS:
            a, b = (np.array(x[blocks]) for x in of[m])
            made[m] = stats.compare(a, b / factor if m == "rate" else b * factor)
        stats.correct(made.values())
        return made

    def test_40_runs_of_a_against_a_give_at_most_2_false_alarms(self):
        size, runs, alarms = 20, 0, 0
        for of in self.recorded.values():
            for at in range(0, len(of["p50"][0]) - size + 1, size):
                runs += 1
                alarms += runs <= 40 and any(c.finding for c in self.verdict(of, slice(at, at + size)).values())
        self.assertGreaterEqual(runs, 40)
        self.assertLessEqual(alarms, 2)

    def test_5_percent_slower_is_found_in_two_minutes(self):
        """All that was recorded on the slow device: 100 s of it."""
        made = self.verdict(self.recorded["slow"], slice(None), 1.05)
        self.assertTrue(made["p50"].finding and made["rate"].finding)
        self.assertGreater(made["p50"].low, 1.03)
        self.assertLess(made["p50"].high, 1.07)

    def test_5_percent_slower_is_mostly_found_in_half_a_minute(self):
        of, found, runs = self.recorded["slow"], 0, 0
        for at in range(0, 300, 75):
            runs += 1
            found += self.verdict(of, slice(at, at + 75), 1.05)["p50"].finding
        self.assertEqual(found, runs)


if __name__ == "__main__":
    tap.main()
