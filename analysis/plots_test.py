#!/usr/bin/python3
"""
plots_test.py: each plot, drawn from a recorded run, shows that run's figures, names its axes and their units, and
says so where the run has nothing for it.
"""
import copy
import io
import unittest
import warnings

import numpy as np

import draw
import plot_answer
import plot_field
import plot_io
import plot_latency
import plot_numa
import plot_phases
import plot_races
import plot_scaling
import plot_steps
import plot_time
import plot_waits
import plots
import runs
import say
import steps
import tap

def lines(ax):
    """{label: its points}"""
    return {line.get_label(): line.get_xydata() for line in ax.get_lines()}


def bars(ax):
    """{label: (x, middle, low, high)} of an errorbar plot."""
    out = {}
    for c in ax.containers:
        segments = np.array(c.lines[2][0].get_segments())
        x, middle = c.lines[0].get_xydata().T
        out[c.get_label()] = x, middle, segments[:, 0, 1], segments[:, 1, 1]
    return out


class Plots(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.run_ = runs.load(tap.FIXTURE)

    def edited(self, change):
        """A run as it would have been."""
        data, env = copy.deepcopy(self.run_.data), copy.deepcopy(self.run_.env)
        change(data, env)
        return runs.Run(self.run_.path, data, env)

    def labelled(self, fig, *axes):
        """(x label, y label) of each; and the recipe stands below."""
        for ax, (x, y) in zip(fig.axes, axes):
            self.assertEqual((ax.get_xlabel(), ax.get_ylabel()), (x, y))
        self.assertTrue(any(self.run_.data["commit"] in t.get_text() for t in fig.texts))

    def says(self, fig, why):
        self.assertIn(why, fig.absent)
        self.assertTrue(any(why in t.get_text() for ax in fig.axes for t in ax.texts))

    def test_latency_is_that_of_the_bins(self):
        fig = plot_latency.draw_run(self.run_, 4)
        self.labelled(fig, ("fsync latency (us)", "share of syncs that took at most so long"),
                      ("percentile", "fsync latency (us)"))
        h = self.run_.histogram(1, 4)
        cdf = lines(fig.axes[0])["postfix"]
        self.assertEqual(cdf[-1][1], 1)
        self.assertTrue((np.diff(cdf[:, 1]) >= 0).all())
        at = np.searchsorted(cdf[:, 1], 0.5)
        self.assertAlmostEqual(cdf[at][0], h.percentile(50) / 1e3)
        curve = lines(fig.axes[1])["postfix"]
        self.assertLessEqual(curve[-1][0], plot_latency.nines(100 * (1 - 10 / h.n)) + 1e-9)
        near = np.argmin(abs(curve[:, 0] - plot_latency.nines(90)))
        self.assertAlmostEqual(curve[near][1] / (h.percentile(90) / 1e3), 1, delta=0.05)

    def test_scaling_has_the_middle_of_the_trials_inside_its_interval(self):
        fig = plot_scaling.draw_run(self.run_)
        self.labelled(fig, ("fsyncers (tasks)", "fsyncs a second, all tasks"), ("fsyncers (tasks)", "fsync p99 (us)"))
        for k, name in enumerate(self.run_.names):
            x, middle, low, high = bars(fig.axes[0])[name]
            np.testing.assert_allclose(x, [1, 4], rtol=0.1)
            for at, threads in enumerate((1, 4)):
                rates = [t["rate"] for t in self.run_.trials(k, threads)]
                self.assertAlmostEqual(middle[at] / np.exp(np.mean(np.log(rates))), 1, delta=0.01)
                self.assertTrue(low[at] < middle[at] < high[at])

    def test_phases_stack_up_to_the_mean(self):
        fig = plot_phases.draw_run(self.run_)
        self.labelled(fig, ("target; above the bars: number of fsyncers", "mean fsync latency (us)"))
        heights, tops = {}, {}
        for bar in fig.axes[0].patches:
            x = round(bar.get_x() + bar.get_width() / 2, 3)
            heights[x] = heights.get(x, 0) + bar.get_height()
            tops[x] = max(tops.get(x, 0), bar.get_y() + bar.get_height())
        means = [self.run_.histogram(i, t).mean_ns / 1e3 for t in (1, 4) for i in (0, 1)]
        np.testing.assert_allclose([heights[x] for x in sorted(heights)], means, rtol=0.01)
        np.testing.assert_allclose([tops[x] for x in sorted(tops)], means, rtol=0.01)
        np.testing.assert_allclose(lines(fig.axes[0])["mean latency"][:, 1], means, rtol=1e-9)

    def test_waits_show_who_held_what(self):
        fig = plot_waits.draw_run(self.run_, 4)
        self.labelled(fig, ("phase of who held or owed it", "what was waited for"))
        ax = fig.axes[0]
        rows = [t.get_text() for t in ax.get_yticklabels()]
        cols = [t.get_text() for t in ax.get_xticklabels()]
        cells = ax.images[0].get_array()
        ns = sum(w["holder_phase_ns"].get("other", 0) for t in self.run_.trials(0, 4) for w in t["waits"]
                 if w["class"] == "BIO")
        self.assertAlmostEqual(cells[rows.index("BIO"), cols.index("other")], ns / 1e3 / self.run_.histogram(0, 4).n)
        self.assertFalse({"TASK", "WORK"} & set(rows))
        self.assertEqual(fig.axes[-1].get_ylabel(), "us waited a sync (mean, all tasks)")

    def test_each_sync_is_in_one_cell_of_time(self):
        fig = plot_time.draw_run(self.run_, 4)
        self.assertEqual([ax.get_ylabel() for ax in fig.axes], ["latency (us)"] * 2 + ["syncs that ended"])
        self.assertEqual(fig.axes[1].get_xlabel(), "time measured (s)")
        for i in (0, 1):
            shown = sum(m.get_array().sum() for m in fig.axes[i].collections)
            self.assertEqual(shown, self.run_.histogram(i, 4).n)

    def test_a_cell_of_time_stands_at_its_latency(self):
        trial = self.run_.trials(0, 1)[0]
        _, edges, counts = plot_time.grid(trial)
        h = runs.histogram([trial["ops"]["fsync"]])
        below = [h.counts[h.values < e * 1e3].sum() for e in edges[1:]]
        shown = np.cumsum(counts.sum(axis=1))
        self.assertLess(np.max(abs(np.array(below) - shown)) / h.n, 0.12)  # a bin at an edge may fall on either side

    def test_syncs_that_took_no_time_are_drawn(self):
        def at_once(o):
            for name, value in o.items() if isinstance(o, dict) else enumerate(o) if isinstance(o, list) else ():
                if name == "cells":
                    o[name] = [[c[0], 0, c[2]] for c in value]
                elif name in ("max_ns", "min_ns"):
                    o[name] = [0] * len(value) if isinstance(value, list) else 0
                elif name == "bins":
                    o[name] = [[0, sum(b[1] for b in value)]]
                else:
                    at_once(value)
        run = self.edited(lambda data, env: at_once(data))
        self.assertEqual(run.histogram(0, 4).percentile(99), 0)
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            warnings.simplefilter("error", UserWarning)
            for plot in plot_latency, plot_time:
                plot.draw_run(run, 4)

    def test_a_stall_is_marked_where_it_was(self):
        over = {"slice_ns": 10_000_000, "max_ns": [1e6, 2e6, 45e6, 50e6, 1e6, 1e6, 1e6, 1e6, 1e6, 30e6]}
        found = plot_time.stalls({"over_time": over}, 20e6)
        self.assertEqual(len(found), 2)  # the two that overlap are one
        np.testing.assert_allclose(found, [(0, 0.04, 50e3), (0.07, 0.1, 30e3)], atol=1e-9)

    def test_flushes_and_metadata_are_those_counted(self):
        fig = plot_io.draw_run(self.run_)
        self.labelled(fig, ("fsyncers (tasks)", "flushes a sync (a FUA write is one)"),
                      ("fsyncers (tasks)", "metadata written a sync (KiB)"))
        for ax, field, scale in ((fig.axes[0], "flushes_per_sync", 1), (fig.axes[1], "meta_bytes_per_sync", 1024)):
            means = []
            for threads in (1, 4):
                trials = self.run_.trials(0, threads)
                syncs = [t["ops"]["fsync"]["n"] for t in trials]
                means.append(np.dot([t[field] for t in trials], syncs) / sum(syncs) / scale)
            np.testing.assert_allclose(lines(ax)["prefix"], np.column_stack([(1, 4), means]))

    def test_real_file_systems_stand_beside_designs_and_their_floor(self):
        def change(data, _):
            data["targets"][0].update(kind="path", label="A path:/mnt")
            for r in data["runs"]:
                r["promised"] = r["ops"]["fsync"]["n"]
                r["floor"] = {"n": 5, "bins": [[100000, 3], [200000, 2]], "sum_ns": 700000, "min_ns": 100000,
                              "max_ns": 200000}

        run = self.edited(change)
        fig = plot_field.draw_run(run)
        self.labelled(fig, ("fsync latency (us): mark at p50, bar to p99; | is the floor's p50", "target"))
        shown = lines(fig.axes[0])
        for i in (0, 1):
            self.assertEqual(shown[f"p50 {i}"][0][0], self.run_.histogram(i, 1).percentile(50) / 1e3)
            self.assertEqual(shown[f"floor {i}"][0][0], 100)
        self.assertEqual({t.get_text() for t in fig.axes[0].get_yticklabels()}, {"path:/mnt (real)", "postfix"})
        self.assertIn(f"{run.x_floor(0, 1):.2f}x floor", " ".join(t.get_text() for t in fig.axes[0].texts))

    def years(self, complete, modern, device=None):
        """The recorded run, and two later designs that differ from postfix in their rate alone."""
        def change(data, env):
            postfix = data["targets"][1]
            for design, rate in (("complete", complete), ("modern", modern)):
                data["targets"].append({**postfix, "design": design, "label": "X " + design, "text": design})
                at = len(data["targets"]) - 1
                data["runs"] += [{**r, "target": at, "rate": r["rate"] * rate} for r in data["runs"]
                                 if r["target"] == 1]
            if device:
                data["targets"][-1]["device"] = device
        return self.edited(change)

    def test_the_designs_of_several_kernels_stand_beside_each_other(self):
        run = self.years(0.8, 1.1)
        fig = plot_steps.draw_run(run)
        panels = fig.axes[:6]
        self.assertEqual([ax.get_ylabel() for ax in panels],
                         ["fsync p50 (us)", "fsync p99 (us)", "fsyncs a second, all tasks", "flushes a sync",
                          "metadata a sync (KiB)", "mean fsync latency (us)"])
        names = ["prefix", "postfix", "complete", "modern"]
        self.assertEqual(list(bars(panels[2])), names)
        self.assertEqual(list(lines(panels[3])), names)
        middle = {name: bars(panels[2])[name][1] for name in names}
        self.assertTrue(np.allclose(middle["complete"] / middle["postfix"], 0.8))
        self.says(plot_steps.draw_run(self.run_), "not the designs of several kernels")
        self.says(plot_steps.draw_run(self.years(0.8, 1.1, "ram:1g")), "not the designs of several kernels")

    def test_the_published_direction_of_each_step_is_told(self):
        def told(*rates):
            return " ".join(say.step_sentences(self.years(*rates)))

        text = told(0.8, 1.1)
        self.assertRegex(text, r"from postfix to complete \(b5e6c3e170b7; .* complete's rate is 0\.80x postfix's "
                         r"\[0\.80, 0\.80\]: slower, as published\.")
        self.assertRegex(text, r"from complete to modern \(487781796d30; .* 1\.3.x complete's .*: faster, as "
                         r"published\.")
        self.assertEqual(told(1.2, 0.9).count("against what was published."), 2)
        self.assertEqual(told(1, 1).count("so it is neither as published nor against it."), 2)
        self.assertEqual(say.step_sentences(self.run_), [])
        self.assertEqual(len(say.step_sentences(self.years(0.8, 1.1, "ram:1g"))), 1)
        self.assertTrue(set(say.step_sentences(self.years(0.8, 1.1))) < set(say.answers(self.years(0.8, 1.1))))
        self.assertEqual([step.least for step in steps.STEPS], [2, 1])

    def test_placements_are_compared_on_a_machine_with_nodes(self):
        def near(data, env):
            env["topology"].update(nodes=2)
            data["placement"] = "node:0"

        def far(data, env):
            near(data, env)
            data["placement"] = "split"
            for r in data["runs"]:
                r["ops"]["fsync"]["p50_ns"] *= 2
                r["waits"][0]["other_node"] += 3 * r["ops"]["fsync"]["n"]

        fig = plot_numa.draw_runs([self.edited(near), self.edited(far)])
        self.labelled(fig, ("placement of tasks", "fsync p50 (us), 4 fsyncers"),
                      ("placement of tasks", "lock hand-overs to another node, a sync"))
        self.assertEqual([t.get_text() for t in fig.axes[0].get_xticklabels()], ["node:0", "split"])
        _, middle, _, _ = bars(fig.axes[0])["prefix"]
        self.assertAlmostEqual(middle[1] / middle[0], 2)
        hand_overs = fig.axes[1].get_lines()[0].get_ydata()
        self.assertAlmostEqual(hand_overs[1] - hand_overs[0], 3)
        self.says(plot_numa.draw_runs([self.edited(near)]), "one placement only")

    def test_placements_on_a_synthetic_topology_are_not_compared(self):
        def made_up(placement):
            def change(data, env):
                env["topology"].update(nodes=2, real=False)
                data["placement"] = placement
            return self.edited(change)

        self.says(plot_numa.draw_runs([made_up("node:0"), made_up("split")]), "no task was bound")
        self.assertIn("2 CPUs on 2 nodes (synthetic topology), Linux", made_up("split").recipe())

    def test_schedules_to_a_violation_count_the_seeds_that_found_none(self):
        rows = self.run_.scores()
        fig = plot_races.draw_scores(rows, self.run_.recipe())
        panel = {ax.get_title(): ax for ax in fig.axes}
        self.assertEqual(set(panel), {"seed, prefix", "seed, flush_twice_early"})  # nothing was found in the others
        self.labelled(fig, *[("schedules", "share of seeds with a violation")] * 2)
        missed = 0
        for row in [r for r in rows if r["design"] == "prefix"]:
            found, n = sorted(s for s in row["seeds"] if s is not None), len(row["seeds"])
            curve = lines(panel["seed, prefix"])[f"{row['strategy']} ({len(found)}/{n})"]
            self.assertEqual([tuple(p) for p in curve[1:-1]], [(x, (k + 1) / n) for k, x in enumerate(found)])
            self.assertEqual(tuple(curve[-1]), (row["cap"], len(found) / n))
            missed += n - len(found)
        self.assertGreater(missed, 0)

    def test_the_answer_says_and_shows_it(self):
        fig = plot_answer.draw_run(self.run_)
        self.labelled(fig, ("fsyncers (tasks)", "fsync p50 (us), 95 % interval"))
        self.assertIn(say.answers(self.run_)[0][:30], fig._suptitle.get_text())

    def test_what_a_run_does_not_have_is_said(self):
        def bare(data, _):
            for r in data["runs"]:
                r.pop("over_time")
                r.update(waits=[])
                r.pop("phases_ns")
                r.pop("counters")
                r.pop("flushes_per_sync")
                r.pop("meta_bytes_per_sync")
                r["ops"].pop("fsync")

        run = self.edited(bare)
        self.says(plot_latency.draw_run(run), "no sync was measured")
        self.says(plot_phases.draw_run(run), "phases were not measured")
        self.says(plot_waits.draw_run(run), "waits were not measured")
        self.says(plot_time.draw_run(run), "no latency over time")
        self.says(plot_io.draw_run(run), "flushes were not counted")
        self.says(plot_field.draw_run(self.run_), "no real file system")
        self.says(plot_numa.draw_runs([self.run_]), "one NUMA node")
        self.says(plot_races.draw_scores([r for r in self.run_.scores() if r["design"] == "postfix"], "recipe"),
                  "no score of a race")

    def test_the_same_run_gives_the_same_picture(self):
        for plot in plots.first_screen(self.run_) + [plots.answer(self.run_)]:
            self.assertEqual(draw.svg_text(plot.draw()), draw.svg_text(plot.draw()))

    def test_a_picture_is_a_picture(self):
        fig = plot_io.draw_run(self.run_)
        text = draw.svg_inline(fig, "x", "label")
        self.assertTrue(text.startswith('<svg role="img" aria-label="label"'))
        self.assertNotIn('id="figure_1"', text)
        self.assertNotIn(draw.INK, text)
        out = io.BytesIO()
        fig.savefig(out, format="png")
        self.assertGreater(len(out.getvalue()), 10000)


if __name__ == "__main__":
    tap.main()
