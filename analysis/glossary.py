"""
glossary.py: what the words mean that the terminal, the report and the README use. Each is explained once, here.

The phases of a sync are the engine's: a run says itself what its phases mean (`phases` of run.json). For a run that is
older than that, OLD_PHASES explains them.
"""
WORDS = (
    ("fsyncer, threads", "a task that writes a block and makes it durable, again and again; how many there were"),
    ("target", "what was driven: a design, or a real file system, on a device"),
    ("latency", "from the call to its return; closed loop: the next write begins when the sync has returned"),
    ("service", "from the start of a write to the end of the sync that follows it"),
    ("response, done/s", "from when rate_iops meant the write to begin, to the end of the sync that follows: a stall "
                         "is paid by all it delayed; how many a second"),
    ("durable write", "the writes since the last sync and the sync that makes them durable, added up; with O_DSYNC or "
                      "O_SYNC a write by itself"),
    ("p50, p99, p99.9", "so many of a hundred syncs took at most so long; within 1 %"),
    ("rate, fsync/s, fdatasync/s, write/s", "so many a second, of all tasks together"),
    ("trial, block", "one run of one target; trials take turns (A B, then B A), and a block is one of each next to "
                     "each other"),
    ("ratio", "B's figure through A's, of each block; the middle three fifths of the blocks count (all of fewer than "
              "10)"),
    ("interval", "holds the true ratio in 95 of 100 cases (a bootstrap over blocks, widened for few)"),
    ("a finding", "a difference that stands when all comparisons that were made are counted (Holm), at 1 %"),
    ("would have been seen", "a difference of that size would have been outside the interval"),
    ("flush, flush/sync", "of the device's write cache; a FUA write counts as one; how many a sync, on average"),
    ("floor, floor us, x floor", "a write and a flush of the device below, one task, nothing else; p50 of a sync with "
                                 "its writes, against it"),
    ("meta KiB", "tree and super blocks written a sync"),
    ("mean, the rest", "of all syncs; what is in none of the phases that are named here"),
    ("contended, total ms, max us, avg us", "how often a task had to wait for a lock or an event of that class, and "
                                            "how long"),
    ("share", "of all waiting; a worker without work is no wait"),
    ("section, tasks", "what stands under one [NAME] of a job file; how many tasks ran it"),
    ("call, calls, a second, max, MB/s", "one kind of call; how many there were, and how many a second; the longest; "
                                         "how many million bytes a second they moved"),
    ("wake-up", "the part of a wait between being woken and running"),
    ("type", "mutex, rwsem, spin: locks, each as the kernel's of that name; wait: for an event"),
    ("class, whose phase", "what was waited for; what whoever held or owed it was doing meanwhile, most of the time"),
    ("phase, what the kernel waited for, sleeps",
     "a part of a sync; the function of the kernel that a sync slept in, from the stack at the sleep; how many such "
     "sleeps a sync"),
    ("woken by", "the task, or the interrupt, that ended most of these sleeps, and the share of them"),
    ("device busy", "the share of that time in which the device had something to do, whoever asked for it; without its "
                    "flushes where its driver does not tell when they end"),
    ("acquired, remote, woken, woken remote", "how often a lock was taken, and came from another NUMA node; wake-ups "
                                              "of waiting tasks, and of those on another node"),
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


def classes(run):
    """The locks and events that were waited for, as the run explains them."""
    waited = {w["class"] for t in run.all_trials() for w in t.get("waits", []) if w["contended"]}
    return tuple((name, "(class) " + what) for name, what in run.data.get("classes", {}).items() if name in waited)


def all_words(run):
    """For the report."""
    return WORDS + (phases(run) if "phases" in run.data else OLD_PHASES) + classes(run) + PLOTS


def terminal_words(run):
    """For the end of a bench with --verbose: each word that is the name of a column or a row there, and no more."""
    trials = run.all_trials()
    have = {"fsyncer, threads", "target", "latency", "p50, p99, p99.9", "rate, fsync/s, fdatasync/s, write/s",
            "trial, block", "flush, flush/sync", "meta KiB"}
    if len(run.names) > 1:
        have.update(("ratio", "interval", "a finding", "would have been seen"))
    if run.subject == "durable write":
        have.add("durable write")
    if any("response" in t["ops"] for t in trials):
        have.update(("service", "response, done/s"))
    if any(run.floor(i, t) for i in run.indexes for t in run.levels):
        have.add("floor, floor us, x floor")
    if any("phases_ns" in t for t in trials):
        have.update(("mean, the rest", "contended, total ms, max us, avg us", "share", "wake-up", "type",
                     "class, whose phase"))
    if any("kernel_waits" in t for t in trials):
        have.update(("mean, the rest", "share", "phase, what the kernel waited for, sleeps", "woken by"))
    if any("device_sync_ns" in t.get("kernel_waits", {}) for t in trials):
        have.add("device busy")
    if run.has_sections():
        have.update(("section, tasks", "call, calls, a second, max, MB/s"))
    if run.env.get("topology", {}).get("nodes", 1) > 1:
        have.add("acquired, remote, woken, woken remote")
    return tuple(w for w in WORDS if w[0] in have) + phases(run) + classes(run)
