"""
unlike.py: why two targets may differ though their protocols do not: what lies below them, how they are mounted, what
the machine did meanwhile. From the facts that a run has recorded.

unlike.1: Told of two sides is only what differs between them. What makes the figures of one side doubtful by themselves
is told of that side, whatever it is compared with.
unlike.2: Where the floors of two sides are more than FLOORS apart, a ratio is of their devices. None is given as an
answer, and a sentence says why.

Called by say.py, and with it by the report, `compare` and the end of a bench.
"""
import functools
import math
import re

import numpy as np

HEAD = "Why they may differ: "
FLOORS = 1.5    # floors further apart than this are of two devices
STOLEN = 0.02   # a share of the processors' time
MHZ = 0.05      # a share of the clock rate
OTHERS = 0.5    # processors that others keep busy
READS = 0.01    # requests of the device a sync
DRIVE_MORE = 1.2  # flushes of the drive for each of the loop device


def mean(values):
    values = [v for v in values if v is not None]
    return sum(values) / len(values) if values else None


class Side:
    """One target of a run, and what is known of what it stands on; None or "" where nothing is."""

    def __init__(self, run, target):
        self.run, self.target, self.name = run, target, run.names[target]
        self.trials = [t for t in run.all_trials() if t["target"] == target]
        told = run.data["targets"][target]
        self.text = told.get("text", "")
        self.kind = told.get("kind") or self.text.split(":")[0] if self.text.startswith(("fs:", "path:")) else \
            told.get("kind", "engine")
        self.metadata = told.get("metadata", "") if self.kind == "engine" else self.fact("metadata")
        self.made = next((t["made"] for t in self.trials if t.get("made")), "")

    @functools.cached_property
    def facts(self):
        """Of its first trial; what an older run does not say there stands in its env.json. There it is of the drive
        below an image: a loop device takes over from that whether it is rotational."""
        below = self.run.backing(self.target) or {}
        drive = next((t["drive"] for t in self.trials if t.get("drive")), {})
        if self.kind == "fs":
            below = {k: below[k] for k in ("rotational",) if k in below}
        return {**{k: v for k, v in below.items() if isinstance(v, str)}, **drive}

    def fact(self, name):
        return self.facts.get(name, "")

    @property
    def is_kernel(self):
        return self.kind in ("fs", "path")

    @property
    def filesystem(self):
        """The one that does the syncs; of a design there is none."""
        if not self.is_kernel:
            return ""
        return self.text[3:].split(":")[0].split(",")[0] if self.kind == "fs" else self.fact("filesystem")

    @property
    def options(self):
        """Of the file system that does the syncs; of a design, of the one that its device's file is in."""
        if self.fact("fs_options"):
            return set(self.fact("fs_options").split(","))
        found = re.search(r"mounted with ([^;:]*)(?:: (\S+))?", self.made)
        return set(",".join(x for x in found.groups() if x).split(",")) if found else set()

    @property
    def is_loop(self):
        return self.fact("drive").startswith("loop") or "a loop device" in self.made

    @property
    def flushless(self):
        """The option by which its flushes, or those of the file below it, are none."""
        return next((o for o in ("nobarrier", "barrier=0") if o in self.options), "")

    @property
    def device(self):
        if self.is_loop:
            return "a loop device over a file"
        if self.fact("drive"):
            return self.fact("drive")
        return "memory" if self.run.in_memory(self.target) else ""

    def per_trial(self, name):
        return mean([t.get(name) for t in self.trials])

    def reads(self):
        """Requests of the device a sync: while a design or a file system of its own alone used it."""
        if self.kind == "path":
            return None
        found = [(t["device"].get("read", {}).get("n", 0) if "device" in t else t.get("barriers", {}).get("reads"),
                  t.get("promised")) for t in self.trials]
        found = [(n, syncs) for n, syncs in found if n is not None and syncs]
        return sum(n for n, _ in found) / sum(s for _, s in found) if found else None

    def drive_flushes(self):
        """Of the drive, for each flush of the loop device over a file on it; None where they are not counted."""
        found = [(t["barriers"]["drive_flushes"], t["barriers"].get("flushes")) for t in self.trials
                 if "drive_flushes" in t.get("barriers", {})]
        found = [(n, of) for n, of in found if of]
        return sum(n for n, _ in found) / sum(of for _, of in found) if found else None


# ---- what makes one side doubtful by itself: a short text for beside another side, and a sentence ----

def no_ssd(s):
    if s.filesystem == "btrfs" and s.fact("rotational") == "1" and not s.options & {"ssd", "ssd_spread"}:
        return ("is mounted without ssd on a device that says that it is rotational",
                "its device says that it is rotational, and it is mounted without ssd: with several fsyncers each of "
                "its log commits sleeps one tick of the kernel's clock. Mount it with ssd (fs:btrfs,mount=ssd, or "
                "mount -o ssd)")
    return None


def no_flush(s):
    if s.flushless:
        return (f"flushes nothing ({s.flushless})",
                f"it is mounted with {s.flushless}: no fsync flushes the device, so what fsync acknowledged is lost in "
                "a power cut, and the floor beside it is one without flushes, too")
    return None


def journalled_data(s):
    if s.filesystem in ("ext3", "ext4") and "data=journal" in s.options:
        return ("writes data into its journal first (data=journal)",
                "it is mounted with data=journal: an fsync writes its data into the journal, in one piece with the "
                "metadata, and they are written a second time later, outside of the fsync")
    return None


def unordered_data(s):
    if s.filesystem in ("ext3", "ext4") and "data=writeback" in s.options:
        return ("does not order data before metadata (data=writeback)",
                "it is mounted with data=writeback: after a power cut a file may hold old blocks of others")
    return None


def no_cache(s):
    if s.fact("write_cache") == "write through":
        return (f"has no volatile cache below it ({s.fact('drive')})",
                f"{s.fact('drive')} says that it has no volatile write cache: a flush costs nothing there. On a drive "
                "with a cache the same calls take longer")
    return None


def overlay(s):
    if s.fact("filesystem") == "overlay":
        return ("goes through overlayfs",
                "it is in an overlayfs (a container's root): each call goes to the file system below, whose options "
                "and device are not known here, and the first write to a file of a lower layer copies it. Name a "
                "volume")
    return None


def buffered_loop(s):
    if s.is_loop and (s.fact("direct_io") == "0" or "without direct I/O" in s.made):
        return ("is on a loop device without direct I/O",
                "its loop device goes through the page cache of the file behind it: a write is done when it is in "
                "memory, and a flush writes it out")
    return None


def holes(s):
    if s.fact("holes_mib"):
        return ("is on an image with holes",
                f"the image behind its loop device has holes ({s.fact('holes_mib')} MiB): a write there allocates a "
                "block in the file system below, whose journal each flush then writes, too. Write the image in full "
                "first")
    return None


ALONE = (no_flush, no_ssd, journalled_data, unordered_data, buffered_loop, holes, overlay, no_cache)


def doubts(run):
    """Of each target by itself: one sentence each, and one for all of which the same is true."""
    by = {}
    for i in run.indexes:
        side = Side(run, i)
        for look in ALONE:
            found = look(side)
            if found:
                by.setdefault(found[1], []).append(side.name)
    return [f"{', '.join(names)}: {sentence}." for sentence, names in by.items()]


# ---- what differs between two sides ----

def both(a, b, what, of, text="{} {}"):
    """Both values are known, and they are not the same."""
    x, y = of(a), of(b)
    if x in ("", None) or y in ("", None) or x == y:
        return ""
    return f"{what}: {text.format(a.name, x)}, {text.format(b.name, y)}"


def loops(a, b):
    """What is below, and what a loop device makes of a flush."""
    told = both(a, b, "the device", lambda s: s.device, "{} on {}")
    side = next((s for s in (a, b) if s.is_loop), None)
    if not told or side is None:
        return told
    more = side.drive_flushes()
    each = f", {more:.1f} of the drive's each" if more and more >= DRIVE_MORE else ""
    return f"{told}, whose flush is an fsync of that file{each}"


def age(a, b):
    """A file system that is in use, and one that is made anew for each trial."""
    def of(s):
        return "in use, of whatever age" if s.kind == "path" else "made for each trial"
    return both(a, b, "the file system", of, "{}'s {}")


def warm(a, b):
    """Who has to read during a run."""
    def of(s):
        n = s.reads()
        return None if n is None else f"{n:.2f}"
    if max(a.reads() or 0, b.reads() or 0) < READS:
        return ""
    return both(a, b, "reads of the device a sync", of)


def commits(a, b):
    def of(s):
        return next((o for o in sorted(s.options) if o.startswith("commit=")), "commit=30" if s.filesystem == "btrfs"
                    else "commit=5" if s.filesystem == "ext4" else "")
    return both(a, b, "seconds between commits in the background", lambda s: of(s).partition("=")[2]) \
        if a.filesystem == b.filesystem else ""


def discards(a, b):
    def of(s):
        if not s.is_kernel:
            return "does not"
        return "does" if any(o.split("=")[0] == "discard" for o in s.options) else "does not"
    return both(a, b, "discard of what is freed", of)


def stolen(a, b):
    x, y = a.per_trial("stolen"), b.per_trial("stolen")
    if x is None or y is None or abs(x - y) < STOLEN:
        return ""
    return f"the host took processor time: {x * 100:.0f} % in {a.name}'s trials, {y * 100:.0f} % in {b.name}'s"


def busy(a, b):
    x, y = a.per_trial("others_busy"), b.per_trial("others_busy")
    if x is None or y is None or abs(x - y) < OTHERS:
        return ""
    return f"others kept {x:.1f} processors busy in {a.name}'s trials, {y:.1f} in {b.name}'s"


def clock(a, b):
    x, y = a.per_trial("mhz"), b.per_trial("mhz")
    if not x or not y or abs(x / y - 1) < MHZ:
        return ""
    return f"clock rate: {x:,.0f} MHz in {a.name}'s trials, {y:,.0f} MHz in {b.name}'s"


def floors_moved(a, b):
    """Of one of the two, between trials."""
    def of(s):
        looks = [x for t in s.run.levels if (x := s.run.floor_looks(s.target, t))]
        return (min(x for x, _ in looks) / 1e3, max(x for _, x in looks) / 1e3) if looks else None
    x, y = of(a), of(b)
    if (x is None) == (y is None):
        return ""
    side, (low, high) = (a, x) if x else (b, y)
    return f"{side.name}'s floor moved between looks at it, {low:,.0f} to {high:,.0f} us"


BETWEEN = (
    loops,
    lambda a, b: both(a, b, "rotational", lambda s: {"0": "no", "1": "yes"}.get(s.fact("rotational"), "")),
    lambda a, b: both(a, b, "I/O scheduler", lambda s: s.fact("scheduler")),
    lambda a, b: both(a, b, "write cache", lambda s: s.fact("write_cache")),
    lambda a, b: both(a, b, "FUA", lambda s: {"0": "no", "1": "yes"}.get(s.fact("fua"), "")),
    lambda a, b: both(a, b, "copies of metadata", lambda s: s.metadata),
    age, warm, commits, discards, floors_moved, stolen, busy, clock,
)


def between(run, a, b):
    """What is not the same of two targets, besides their protocols: short texts (unlike.1)."""
    a, b = Side(run, a), Side(run, b)
    told = []
    for look in ALONE:
        x, y = look(a), look(b)
        if bool(x) != bool(y):
            told.append(f"{(a if x else b).name} {(x or y)[0]}")
    return told + [text for look in BETWEEN if (text := look(a, b))]


def block(run, a, b):
    """The same as one sentence, to stand below what the two come to; "" where nothing is known to differ."""
    told = "; ".join(between(run, a, b))
    return f"{HEAD}{told}." if told else ""


# ---- floors (unlike.2) ----

def floors_apart(run, a, b, levels):
    """Why no ratio of two targets is an answer; "" where it is."""
    pairs = [(run.floor(a, t), run.floor(b, t)) for t in levels]
    pairs = [(x.percentile(50), y.percentile(50)) for x, y in pairs if x is not None and y is not None]
    if not pairs or any(not x or not y for x, y in pairs):
        return ""
    x, y = (math.exp(np.mean(np.log([p[k] for p in pairs]))) for k in (0, 1))
    if max(x, y) <= FLOORS * min(x, y):
        return ""
    return (f"a write and a flush of the devices below them take {x / 1e3:,.0f} and {y / 1e3:,.0f} us, a factor of "
            f"{max(x, y) / min(x, y):.1f}: a ratio would be of the devices. Put both on one")
