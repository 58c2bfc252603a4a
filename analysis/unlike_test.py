#!/usr/bin/python3
"""
unlike_test.py: what is told of two sides that are unlike: only what differs, each in its own words; and that no ratio
is an answer where the floors below are not of one device.
"""
import copy
import unittest

import finish_test
import report
import runs
import say
import tap
import unlike

LOOP = {"drive": "loop3", "backing_file": "/x/img", "direct_io": "1", "write_cache": "write back", "fua": "0",
        "rotational": "0", "scheduler": "none", "filesystem": "btrfs", "fs_options": "rw,ssd", "metadata": "dup"}
DISK = {"drive": "vda", "write_cache": "write back", "fua": "0", "rotational": "0", "scheduler": "none",
        "filesystem": "ext4", "fs_options": "rw"}
BTRFS = {"label": "B btrfs", "text": "fs:btrfs:/dev/loop3,mount=ssd", "kind": "fs", "design": "btrfs"}
POSTFIX = {"label": "A postfix", "text": "postfix@file:/dev/loop3", "kind": "engine", "design": "postfix",
           "metadata": "dup"}
EXT4 = {"label": "B ext4", "text": "path:/m", "kind": "path", "design": "path"}


def trials(target, drive, p50_us=300, n=6, floor_us=(100, 100), **more):
    out = []
    for i in range(n):
        t = {"threads": 1, "tasks_n": 1, "target": target, "trial": i, "rate": 1000.0 + i, "elapsed_ns": 10 ** 9,
             "promised": 100, "drive": drive, "ops": {"fsync": finish_test.one_value(p50_us * 1000 + i, 1000)}}
        if floor_us:
            t.update(floor=finish_test.one_value(min(floor_us) * 1000), floor_before_ns=floor_us[0] * 1000,
                     floor_after_ns=floor_us[1] * 1000)
        t.update(copy.deepcopy(more))
        out.append(t)
    return out


def made(a, b, trials_a, trials_b, floor_of=("", "")):
    targets = [dict(t) for t in (a, b)]
    for t, of in zip(targets, floor_of):
        if of:
            t["floor_of"] = of
    data = {"schema": runs.SCHEMA, "schema_version": 1, "date": "", "commit": "c", "command": ["fsyncstorm bench"],
            "trials": 6, "job": {"name": "j", "subject": "fsync"}, "runs": trials_a + trials_b, "targets": targets}
    runs.check("run.json", data)
    return runs.Run("run.json", data, {})


def alike():
    """postfix and btrfs on one loop device, with the same copies, no sleeps."""
    return dict(a=POSTFIX, b=BTRFS, trials_a=trials(0, {**LOOP, "filesystem": "", "fs_options": "", "metadata": ""}),
                trials_b=trials(1, LOOP, 310))


class Alike(unittest.TestCase):
    def test_of_like_sides_nothing_is_told(self):
        run = made(**alike())
        self.assertEqual(unlike.between(run, 0, 1), [])
        self.assertEqual(unlike.block(run, 0, 1), "")
        self.assertEqual(unlike.doubts(run), [])
        self.assertNotIn("may differ", " ".join(say.answers(run)))

    def test_a_run_that_knows_nothing_tells_nothing(self):
        run = runs.load(tap.FIXTURE)
        self.assertEqual(unlike.between(run, 0, 1), [])
        self.assertEqual(unlike.doubts(run), [])


class Differences(unittest.TestCase):
    def told(self, *texts, a=POSTFIX, b=BTRFS, drive_a=None, drive_b=None, more_a=None, more_b=None):
        """Exactly these are told, in the terminal's answer and in the report's too."""
        run = made(a, b, trials(0, drive_a or {}, **(more_a or {})), trials(1, drive_b or {}, **(more_b or {})))
        self.assertEqual(unlike.between(run, 0, 1), list(texts))
        sentence = next(s for s in say.answers(run) if s.startswith("Why they may differ: "))
        self.assertIn("; ".join(texts), sentence)
        self.assertIn(sentence, report.context(run, [], None)["compared"])
        return run

    def test_a_device_that_says_rotational_without_ssd(self):
        run = self.told("btrfs is mounted without ssd on a device that says that it is rotational",
                        drive_a={**LOOP, "rotational": "1", "filesystem": ""},
                        drive_b={**LOOP, "rotational": "1", "fs_options": "rw,space_cache=v2"})
        self.assertIn("sleeps one tick", unlike.doubts(run)[0])
        self.assertIn("fs:btrfs,mount=ssd", unlike.doubts(run)[0])

    def test_flushes_that_are_none(self):
        for option in ("nobarrier", "barrier=0"):
            run = self.told(f"ext4 flushes nothing ({option})",
                            "the file system: postfix's made for each trial, ext4's in use, of whatever age", b=EXT4,
                            drive_a=DISK, drive_b={**DISK, "fs_options": f"rw,{option}"})
            self.assertIn("lost in a power cut", unlike.doubts(run)[0])
            self.assertIn("without flushes, too", unlike.doubts(run)[0])

    def test_what_a_mount_does_to_data(self):
        for option, told in (("data=journal", "writes data into its journal first (data=journal)"),
                             ("data=writeback", "does not order data before metadata (data=writeback)")):
            run = self.told(f"ext4 {told}", b={**EXT4, "kind": "fs", "text": "fs:ext4"}, drive_a=DISK,
                            drive_b={**DISK, "fs_options": f"rw,{option}"})
            self.assertIn(option, unlike.doubts(run)[0])

    def test_a_loop_device_beside_a_file(self):
        many = {"barriers": {"flushes": 100, "drive_flushes": 190}}
        self.told("the device: postfix on vda, btrfs on a loop device over a file, whose flush is an fsync of that "
                  "file, 1.9 of the drive's each", drive_a=DISK, drive_b=LOOP, more_b=many)
        self.told("the device: postfix on vda, btrfs on a loop device over a file, whose flush is an fsync of that "
                  "file", drive_a=DISK, drive_b=LOOP)

    def test_a_loop_device_without_direct_io_and_one_with_holes(self):
        run = self.told("btrfs is on a loop device without direct I/O", "btrfs is on an image with holes",
                        drive_a={**LOOP, "filesystem": ""}, drive_b={**LOOP, "direct_io": "0", "holes_mib": "100"})
        self.assertEqual(len(unlike.doubts(run)), 2)

    def test_facts_of_drives(self):
        self.told("the device: postfix on vda, ext4 on sda", "rotational: postfix no, ext4 yes",
                  "I/O scheduler: postfix none, ext4 bfq", "FUA: postfix no, ext4 yes",
                  b={**EXT4, "kind": "fs", "text": "fs:ext4"}, drive_a=DISK,
                  drive_b={**DISK, "drive": "sda", "rotational": "1", "scheduler": "bfq", "fua": "1"})

    def test_a_drive_without_a_cache(self):
        run = self.told("ext4 has no volatile cache below it (vda)",
                        "write cache: postfix write back, ext4 write through",
                        b={**EXT4, "kind": "fs", "text": "fs:ext4"}, drive_a=DISK,
                        drive_b={**DISK, "write_cache": "write through"})
        self.assertIn("a flush costs nothing there", unlike.doubts(run)[0])

    def test_copies_and_discard(self):
        self.told("copies of metadata: postfix dup, btrfs single", "discard of what is freed: postfix does not, btrfs "
                  "does", drive_a={**LOOP, "metadata": ""},
                  drive_b={**LOOP, "metadata": "single", "fs_options": "rw,ssd,discard=async"})

    def test_a_container(self):
        run = self.told("ext4 goes through overlayfs",
                        "the file system: postfix's made for each trial, ext4's in use, of whatever age", b=EXT4,
                        drive_a=DISK, drive_b={**DISK, "filesystem": "overlay"})
        self.assertIn("Name a volume", unlike.doubts(run)[0])

    def test_who_reads(self):
        self.told("reads of the device a sync: postfix 0.00, btrfs 0.20", drive_a=LOOP, drive_b=LOOP,
                  more_a={"device": {}}, more_b={"barriers": {"flushes": 1, "reads": 20}})

    def test_the_machine(self):
        self.told("the host took processor time: 1 % in postfix's trials, 9 % in btrfs's",
                  "others kept 0.1 processors busy in postfix's trials, 1.2 in btrfs's",
                  "clock rate: 3,000 MHz in postfix's trials, 2,000 MHz in btrfs's", drive_a=LOOP, drive_b=LOOP,
                  more_a={"stolen": 0.01, "others_busy": 0.1, "mhz": 3000},
                  more_b={"stolen": 0.09, "others_busy": 1.2, "mhz": 2000})

    def test_a_floor_that_moved_under_one_side(self):
        self.told("btrfs's floor moved between looks at it, 100 to 300 us", drive_a=LOOP, drive_b=LOOP,
                  more_b={"floor_us": (100, 300)})

    def test_what_is_so_of_both_is_no_difference(self):
        for option in ("nobarrier", "data=journal"):
            side = {**DISK, "fs_options": f"rw,{option}"}
            kind = {"kind": "fs", "text": "fs:ext4"}
            run = made({**EXT4, **kind, "label": "A ext4"}, {**EXT4, **kind, "label": "B other"}, trials(0, side),
                       trials(1, side))
            self.assertEqual(unlike.between(run, 0, 1), [])
            self.assertEqual([d.split(":")[0] for d in unlike.doubts(run)], ["ext4, other"])


class Floors(unittest.TestCase):
    def test_no_ratio_is_an_answer_where_floors_are_of_two_devices(self):
        for us, refused in ((140, False), (160, True), (60, True), (70, False)):
            run = made(POSTFIX, BTRFS, trials(0, LOOP), trials(1, LOOP, 600, floor_us=(us, us)))
            each, over = say.compare_run(run)
            self.assertEqual([r.result.valid for r in each + over if r.metric == "p50"], [not refused] * 2, us)
            answer = " ".join(say.answers(run))
            self.assertEqual("would be of the devices" in answer, refused)
            self.assertEqual("2.00x" in answer, not refused)
            self.assertEqual("would be of the devices" in finish_test.told(run), refused)
            table = report.comparisons_table(each)
            self.assertEqual(table[1][0][table[0].index("ratio")][0] == "-", refused)

    def test_a_device_has_one_floor(self):
        run = made(POSTFIX, BTRFS, trials(0, LOOP, floor_us=(100, 100)), trials(1, LOOP, floor_us=(300, 300)),
                   ("file:/x/img", "file:/x/img"))
        self.assertEqual(run.floor(0, 1).n, 12)
        self.assertEqual(run.floor(0, 1).percentile(50), run.floor(1, 1).percentile(50))
        self.assertEqual(unlike.floors_apart(run, 0, 1, [1]), "")
        apart = made(POSTFIX, BTRFS, trials(0, LOOP), trials(1, LOOP, floor_us=(300, 300)), ("file:vda", "file:/x/img"))
        self.assertIn("a factor of 3.0", unlike.floors_apart(apart, 0, 1, [1]))

    def test_without_a_floor_nothing_is_refused(self):
        run = made(POSTFIX, BTRFS, trials(0, LOOP, floor_us=None), trials(1, LOOP, 600))
        self.assertIn("2.00x", " ".join(say.answers(run)))


class Fidelity(unittest.TestCase):
    def run_of(self, design, floor_of=("x", "x")):
        """Twice the flushes of btrfs, and its bytes."""
        more = [{"flushes_per_sync": f, "meta_bytes_per_sync": 71680.0} for f in (2.0, 1.0)]
        return made({**POSTFIX, "label": f"A {design}", "design": design}, BTRFS,
                    trials(0, LOOP, **more[0]), trials(1, LOOP, 310, **more[1]), floor_of)

    def test_a_design_is_held_against_the_btrfs_that_it_is_named_for(self):
        for design in ("modern", "postfix"):
            run = self.run_of(design)
            told = say.fidelity(run)
            self.assertEqual(len(told), 1)
            self.assertIn(f"On one device, with 1 fsyncer: flushes a sync 1.00 of btrfs and 2.00 of {design}; KiB of "
                          f"metadata a sync 70 of btrfs and 70 of {design}; {design}'s p50 is 0.97x btrfs's", told[0])
            self.assertEqual(say.answers(run)[0], told[0])
            self.assertIn(told[0], report.context(run, [], None)["compared"])
            self.assertIn(told[0], finish_test.told(run))

    def test_only_on_one_device_and_only_what_is_named_for_it(self):
        self.assertEqual(say.fidelity(self.run_of("modern", ("x", "y"))), [])
        self.assertEqual(say.fidelity(self.run_of("modern", ("", ""))), [])
        self.assertEqual(say.fidelity(self.run_of("prefix")), [])


class Standing(unittest.TestCase):
    def test_a_lone_difference_is_no_finding_in_any_table(self):
        c = say.stats.Comparison(6, 0.66, 0.5, 0.9, p=0.04)
        row = say.Row("postfix", "btrfs", "p99.9", 1, 1, c, 1)
        for text in (say.words("p99.9", c), report.comparisons_table([row])[1][0][-1][0]):
            self.assertIn("faster (no finding: it does not stand when all comparisons are counted)", text)
        c.finding = True
        self.assertIn("faster (a finding)", say.words("p99.9", c))


if __name__ == "__main__":
    tap.main()
