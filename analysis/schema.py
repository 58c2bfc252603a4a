"""
schema.py: what a run.json may hold, an env.json, and what searches left beside them: each field that some file here
reads, looked at once, when it is loaded (runs.py). A file that was edited, cut or made by something else is one line
that names the field.

schema.1: Whoever works with a loaded run may believe each field that stands here: its kind, that numbers are finite and
of a size that sums and axes bear, and that indexes point to what is there. Fields that do not stand here are read by
nobody.

A check is a function of the value and of where it is ("runs[3].ops.fsync.n"); it raises Wrong.
"""
LARGE = 2 ** 62  # of nanoseconds, 146 years
DEEPEST = 8      # loop devices, one over the file of another


class Wrong(Exception):
    """Where, and what is expected there."""

    def __init__(self, where, expected):
        super().__init__(f"{where}: {expected} is expected")


def text(value, where):
    if not isinstance(value, str):
        raise Wrong(where, "a text")


def flag(value, where):
    if not isinstance(value, bool):
        raise Wrong(where, "true or false")


def number(value, where):
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) <= LARGE:
        raise Wrong(where, "a number")


def positive(value, where):
    number(value, where)
    if value < 0:
        raise Wrong(where, "a number that is not below 0")


def count(value, where):
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGE:
        raise Wrong(where, "a whole number that is not below 0")


def anything(value, where):
    """Shown, or handed on, and never looked into."""


def each(check, least=0):
    def check_list(value, where):
        if not isinstance(value, list) or len(value) < least:
            raise Wrong(where, "a list" + (f" of at least {least}" if least else ""))
        for i, item in enumerate(value):
            check(item, f"{where}[{i}]")
    return check_list


def tuple_of(*checks):
    def check_tuple(value, where):
        if not isinstance(value, list) or len(value) != len(checks):
            raise Wrong(where, f"a list of {len(checks)}")
        for i, (check, item) in enumerate(zip(checks, value)):
            check(item, f"{where}[{i}]")
    return check_tuple


def table(check):
    """An object whose names are anything."""
    def check_table(value, where):
        if not isinstance(value, dict):
            raise Wrong(where, "an object")
        for name, item in value.items():
            check(item, f"{where}.{name}")
    return check_table


def record(needed, may=None):
    def check_record(value, where):
        if not isinstance(value, dict):
            raise Wrong(where or "all of it", "an object")
        for name in needed:
            if name not in value:
                raise Wrong(f"{where}.{name}".lstrip("."), "a field of that name")
        for name, check in {**needed, **(may or {})}.items():
            if name in value:
                check(value[name], f"{where}.{name}".lstrip("."))
    return check_record


HISTOGRAM = record({"n": count, "sum_ns": positive, "max_ns": positive, "bins": each(tuple_of(positive, count))},
                   {"min_ns": positive, "mean_ns": positive, "p50_ns": positive, "p90_ns": positive,
                    "p99_ns": positive, "p999_ns": positive})


def histogram(value, where):
    """Its number is that of its bins: one without bins has no operation, one with bins has a largest."""
    HISTOGRAM(value, where)
    if value["n"] != sum(n for _, n in value["bins"]):
        raise Wrong(f"{where}.n", "as many as its bins hold")


def operations(value, where):
    table(histogram)(value, where)
    for name, h in value.items():
        for field in ("p50_ns", "p99_ns", "p999_ns"):
            if field not in h:
                raise Wrong(f"{where}.{name}.{field}", "a field of that name")


OVER_TIME = record({"slice_ns": positive, "max_ns": each(positive), "cells": each(tuple_of(count, positive, count))})


def over_time(value, where):
    OVER_TIME(value, where)
    if not value["slice_ns"]:
        raise Wrong(f"{where}.slice_ns", "a number above 0")
    for i, (at, _, _) in enumerate(value["cells"]):
        if at >= len(value["max_ns"]):
            raise Wrong(f"{where}.cells[{i}][0]", "the number of a slice")


WAIT = record({"class": text, "kind": text, "acquired": count, "contended": count, "wait_ns": positive,
               "wakeup_ns": positive, "other_node": count, "holder_phase_ns": table(positive)}, {"wait": histogram})

SITE = record({"function": text, "what": text, "phase": text, "ns": positive, "n": count},
              {"woken_by_ns": table(positive), "device_ns": positive})

KERNEL_WAITS = record({"syncs": count, "sync_ns": positive, "phases_ns": table(positive), "sites": each(SITE)},
                      {"lost": count, "device_sync_ns": positive, "device_ns": positive, "device_flushes_known": flag,
                       "no_wakers": text})

SECTION = record({"name": text, "tasks": count, "elapsed_ns": positive, "ops": operations},
                 {"bytes": count, "read_bytes": count})

TRIAL = record({"threads": count, "target": count, "trial": count, "rate": positive, "tasks_n": count,
                "elapsed_ns": positive, "ops": operations},
               {"interrupted": flag, "error": text, "notice": text, "made": text, "phases_ns": table(positive),
                "sections": each(SECTION), "bytes": count, "read_bytes": count,
                "kernel_waits": KERNEL_WAITS, "waits": each(WAIT),
                "floor": histogram, "floor_before_ns": positive, "floor_after_ns": positive,
                "floor_ratio": number, "promised": count, "over_time": over_time, "flushes_per_sync": positive,
                "meta_bytes_per_sync": positive, "device": table(histogram), "drive": table(text),
                "barriers": record({}, {"flushes": count, "drive_flushes": count, "reads": count}),
                "stolen": number, "others_busy": number, "mhz": number})

TARGET = record({"label": text},
                {"text": text, "kind": text, "design": text, "fio_beside": count, "driver": text, "job": count,
                 "metadata": text, "floor_of": text})

JOB = record({"name": text}, {"subject": text, "path": text, "durable_by": text})

RUN = record({"date": text, "commit": text, "command": each(text, 1), "trials": count,
              "job": record({"name": text, "subject": text}, {"path": text, "durable_by": text}),
              "targets": each(TARGET, 1),
              "runs": each(TRIAL)},
             {"jobs": each(JOB, 2), "seconds_ns": positive, "seed": anything, "placement": text, "phases": table(text),
              "classes": table(text), "interrupted": flag,
              "no_kernel_waits": text, "merged_from": each(text)})

BACKING = record({}, {"target": count, "path": text, "filesystem": text, "source": text, "mounted_at": text,
                      "mount_options": text, "fs_options": text, "drive": text, "model": text, "write_cache": text,
                      "fua": text})


def backing(value, where, deep=0):
    """What is under a target; behind a loop device, what is under its file, and so on."""
    BACKING(value, where)
    if "under" in value:
        if deep == DEEPEST:
            raise Wrong(where, f"nothing that lies {DEEPEST} loop devices deep")
        backing(value["under"], f"{where}.under", deep + 1)


ENV = record({}, {"cpu": text, "kernel": text, "commit": text, "backing": each(backing),
                  "topology": record({}, {"nodes": count, "pus": count, "real": flag})})


def or_null(check):
    def check_or_null(value, where):
        if value is not None:
            check(value, where)
    return check_or_null


SCORES = record({"cap": count, "rows": each(record({"race": text, "design": text, "strategy": text,
                                                    "first": each(or_null(count), 1)}))})

VERDICT = record({"design": text, "verdict": text, "schedules": count},
                 {"found_at": count, "violation": record({"text": text})})


def verdict(value, where):
    VERDICT(value, where)
    for name in ("found_at", "violation") if value["verdict"] == "breaks" else ():
        if name not in value:
            raise Wrong(f"{where}.{name}", "a field of that name")


HUNT = record({"race": text, "results": each(verdict)})


def run(data, where):
    """All of a run.json behind its schema and version."""
    RUN(data, where)
    for i, t in enumerate(data["targets"]):
        if t.get("fio_beside", 0) >= len(data["targets"]):
            raise Wrong(f"targets[{i}].fio_beside", "the number of a target")
        if t.get("job", 0) >= len(data.get("jobs", [0])):
            raise Wrong(f"targets[{i}].job", "the number of a job")
    for i, r in enumerate(data["runs"]):
        if r["target"] >= len(data["targets"]):
            raise Wrong(f"runs[{i}].target", "the number of a target")
        first = next(x for x in data["runs"] if x["target"] == r["target"])
        if len(r.get("sections", [])) != len(first.get("sections", [])):
            raise Wrong(f"runs[{i}].sections", "as many as in the target's first trial")


def not_json(word):
    """NaN and Infinity, which Python's reader takes and JSON does not have."""
    raise Wrong(word, "JSON")
