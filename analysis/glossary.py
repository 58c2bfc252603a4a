"""
glossary.py: what the words mean that the terminal, the report and the README use. Each is explained once, here.

The phases of a sync are the engine's: a run says itself what its phases mean (`phases` of run.json). For a run that is
older than that, OLD_PHASES explains them.
"""
WORDS = (
    ("fsyncer", "a task that writes a block and makes it durable, again and again"),
    ("latency", "from the call to its return; closed loop: the next write begins when the sync has returned"),
    ("service", "from the start of a write to the end of the sync that follows it"),
    ("response", "from when rate_iops meant the write to begin, to the end of the sync that follows: a stall is paid "
                 "by all it delayed"),
    ("p50, p99, p99.9", "so many of a hundred syncs took at most so long; within 1 %"),
    ("rate", "syncs a second, of all tasks together"),
    ("trial, block", "one run of one target; trials take turns (A B, then B A), and a block is one of each next to "
                     "each other"),
    ("ratio", "B's figure through A's, of each block; the middle three fifths of the blocks count (all of fewer than "
              "10)"),
    ("interval", "holds the true ratio in 95 of 100 cases (a bootstrap over blocks, widened for few)"),
    ("a finding", "a difference that stands when all comparisons that were made are counted (Holm), at 1 %"),
    ("would have been seen", "a difference of that size would have been outside the interval"),
    ("flush", "of the device's write cache; a FUA write counts as one"),
    ("floor", "a write and a flush of the device below, one task, nothing else; x floor: p50 of a sync with its "
              "writes, against it"),
    ("meta KiB", "tree and super blocks written a sync"),
    ("wake-up", "the part of a wait between being woken and running"),
)
OLD_PHASES = (
    ("other", "(phase) none of the named ones"),
    ("log_join", "(phase) waiting for a log commit of another task, or for its writers"),
    ("log_write, dev_flush, super", "(phases) writing log blocks; flushing the device; writing the super block"),
)
PLOTS = (("stall", "a sync of over 20 medians and over p99.9; those that overlap are one"),)
SMALL = 0.001  # a phase that nowhere has this share of a sync is not explained


def phases(run):
    """Those in which a sync of this run spends time, in the engine's order."""
    found = [run.phases(i, t) for i in run.indexes for t in run.levels]
    return tuple((name, "(phase) " + what) for name, what in run.data.get("phases", {}).items()
                 if any(p.get(name, 0) > SMALL * sum(p.values()) for p in found))


def all_words(run):
    """For the report."""
    return WORDS + (phases(run) if "phases" in run.data else OLD_PHASES) + PLOTS


def terminal_words(run):
    """For the end of a bench: no more than what was printed."""
    trials, have = run.all_trials(), {"latency", "flush"}
    if len(run.names) > 1:
        have.update(("ratio", "interval", "a finding", "would have been seen"))
    if any("response" in t["ops"] for t in trials):
        have.update(("service", "response"))
    if any(run.floor(i, t) for i in run.indexes for t in run.levels):
        have.add("floor")
    if any("phases_ns" in t for t in trials):
        have.update(("meta KiB", "wake-up"))
    return tuple(w for w in WORDS if w[0] in have) + phases(run)
