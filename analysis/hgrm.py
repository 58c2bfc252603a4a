"""
hgrm.py: latencies as HdrHistogram's percentile text, in microseconds, for the tools that plot it: one file for each
number of tasks, target and operation of a run.

The rows are those of HdrHistogram's own percentile iterator: five to each halving of what is left to 100 %, so the tail
is drawn as finely as the middle.

Called at the end of a bench and by `merge`.
"""
import math
import os

import numpy as np

import files
import runs

OPS = ("write", "sync_file_range", "fdatasync", "fsync", "service", "response")
TICKS_PER_HALF = 5
OCTAVES, SUB_BUCKETS = 37, 64  # of the histograms of engine/base/hist.h


def rows(h):
    """(value in us, percentile 0..1, how many took at most so long), up to all of them."""
    below, p = np.cumsum(h.counts), 0.0
    while True:
        at = int(np.searchsorted(below, max(1, math.ceil(p / 100 * h.n))))
        if below[at] == h.n:
            break
        yield min(max(h.values[at], h.min_ns), h.max_ns) / 1e3, p / 100, int(below[at])
        p += 100 / (TICKS_PER_HALF * 2 ** (math.floor(math.log2(100 / (100 - p))) + 1))
    yield h.max_ns / 1e3, 1.0, h.n


def text(h):
    lines = [f"{'Value':>12} {'Percentile':>14} {'TotalCount':>10} {'1/(1-Percentile)':>14}", ""]
    for value, share, count in rows(h) if h.n else ():
        tail = f" {1 / (1 - share):14.2f}" if share < 1 else ""
        lines.append(f"{value:12.3f} {share:2.12f} {count:10d}{tail}")
    mean = h.mean_ns if h.n else 0.0
    deviation = math.sqrt(float(h.counts @ (h.values - mean) ** 2) / h.n) if h.n else 0.0
    lines += [f"#[Mean    = {mean / 1e3:12.3f}, StdDeviation   = {deviation / 1e3:12.3f}]",
              f"#[Max     = {h.max_ns / 1e3:12.3f}, Total count    = {h.n:12d}]",
              f"#[Buckets = {OCTAVES:12d}, SubBuckets     = {SUB_BUCKETS:12d}]"]
    return "\n".join(lines) + "\n"


def write_all(run, folder):
    """threads-4-A-fsync.hgrm and so on, into the folder. Raises Bad."""
    for threads in run.levels:
        for i in run.indexes:
            for op in OPS + (("durable",) if run.subject == runs.DURABLE else ()):
                h = run.histogram(i, threads, op)
                if h is None or not h.n:
                    continue
                path = os.path.join(folder, f"threads-{run.fsyncers(threads)}-{chr(65 + i)}-{op}.hgrm")
                files.write(path, text(h))
