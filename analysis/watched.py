"""
watched.py: the page of what `fsyncstorm watch --json` has written: which file the syncs of a process were of, how long
they took, what the kernel waited for, who ended these waits, and what the device did meanwhile.

Called by cli.py, for `report`, when such a file is named.
"""
import os

import report
import runs
import schema

SCHEMA, VERSION = "fsyncstorm-watch", 1
TOLD_SHARE = 0.05   # a wait that takes less of a sync is not in the sentence
SHOWN_SHARE = 0.001  # nor in the table

FILE = schema.record(
    {"path": schema.text, "calls": schema.table(schema.count), "syncs": schema.count, "failed": schema.count,
     "sync_ns": schema.positive, "p50_ns": schema.positive, "p99_ns": schema.positive, "p999_ns": schema.positive,
     "max_ns": schema.positive, "writes": schema.count, "bytes": schema.count,
     "phases_ns": schema.table(schema.positive), "sites": schema.each(schema.SITE)},
    {"device_sync_ns": schema.positive, "device_ns": schema.positive, "device_flushes_known": schema.flag})
SLOW = schema.record(
    {"at_ns": schema.positive, "took_ns": schema.positive, "thread": schema.count, "call": schema.text,
     "path": schema.text, "wait": schema.text, "wait_ns": schema.positive},
    {"woken_by": schema.text, "device_ns": schema.positive})
WATCHED = schema.record(
    {"name": schema.text, "elapsed_ns": schema.positive, "files": schema.each(FILE), "slowest": schema.each(SLOW),
     "judged": schema.count, "early": schema.count},
    {"uses_io_uring": schema.flag, "no_io_uring": schema.text, "no_wakers": schema.text})


# ---- reading ----

def is_one(data):
    return isinstance(data, dict) and data.get("schema") == SCHEMA


def are_named(named):
    """Whether a page of a watched process is asked for."""
    return any(not os.path.isdir(n) and is_one(runs.read_json(n)) for n in named)


def check(path, data):
    if data.get("schema_version") != VERSION:
        raise runs.Bad(f"{path}: schema version {data.get('schema_version')}, this program reads version {VERSION}")
    runs.fits(path, data, WATCHED)
    return data


# ---- in words ----

def took(ns):
    return f"{ns / 1e9:.1f} s" if ns >= 1e9 else f"{ns / 1e6:.1f} ms" if ns >= 1e6 else f"{ns / 1e3:.0f} us"


def percent(part, whole):
    """None where one of the two is not known, or there is none."""
    return 100 * part / whole if part is not None and whole else None


def call(file):
    """The kind of call that is most of a file's syncs: a write, where these are synced."""
    syncs = {k: n for k, n in file["calls"].items() if "sync" in k} or file["calls"]
    return max(syncs, key=syncs.get, default="sync")


def beside(site):
    """(who ended most of a wait, the share of it; None where that is not known)."""
    woken = site.get("woken_by_ns", {})
    name = max(woken, key=woken.get, default=None)
    return (name, woken[name] / site["ns"]) if name and site["ns"] else (None, None)


def sentence(data, file):
    """What a file's syncs are like: as the first lines of the program's own report."""
    sites = [s for s in file["sites"] if file["sync_ns"] and s["ns"] / file["sync_ns"] >= TOLD_SHARE][:2]
    waits = ", ".join(f"{100 * s['ns'] / file['sync_ns']:.0f} % in {s['function']}" +
                      (f" ({s['what']})" if s["what"] else "") for s in sites) or "none of it waiting for long"
    rate = f"{file['syncs'] / data['elapsed_ns'] * 1e9:.0f} {call(file)}/s" if data["elapsed_ns"] else call(file)
    half = f"p50 {took(file['p50_ns'])}" if file["p50_ns"] else f"mean {took(file['sync_ns'] / max(file['syncs'], 1))}"
    most = f"p99 {took(file['p99_ns'])}" if file["p99_ns"] else f"at most {took(file['max_ns'])}"
    return f"{data['name']}: {rate} on {file['path']}: {half}, {most}; of that time {waits}."


def notices(data):
    out = []
    if data.get("no_wakers"):
        out.append(f"Who ended the waits is not known: {data['no_wakers']}.")
    if data.get("no_io_uring") and data.get("uses_io_uring"):
        out.append(f"It uses io_uring, and what it syncs through it was not seen: {data['no_io_uring']}.")
    elif data.get("uses_io_uring"):
        out.append("It uses io_uring: syncs through it are here, writes through it are not.")
    if any(not f.get("device_flushes_known", True) for f in data["files"]):
        out.append("The driver does not tell when flushes end: where it says what the device did, they are left out.")
    return out


# ---- tables: cells are (text, value to sort by) ----

def files_table(data):
    rows = []
    for f in data["files"]:
        rows.append([(f["path"],) * 2, (call(f),) * 2] +
                    [report.cell(f[k]) for k in ("syncs", "failed")] +
                    [report.cell(f[k] / 1e3 if f[k] else None) for k in ("p50_ns", "p99_ns", "p999_ns", "max_ns")] +
                    [report.cell(f["writes"]), report.cell(f["bytes"] / 1024),
                     report.cell(percent(f.get("device_ns"), f.get("device_sync_ns")))])
    return ["file", "call", "syncs", "failed", "p50 us", "p99 us", "p99.9 us", "max us", "writes", "KiB",
            "device busy %"], rows


def phases_table(data):
    names = list(dict.fromkeys(p for f in data["files"] for p in f["phases_ns"]))
    rows = [[(f["path"],) * 2, report.cell(f["sync_ns"] / f["syncs"] / 1e3, 1)] +
            [report.cell(f["phases_ns"].get(p, 0) / f["syncs"] / 1e3, 1) for p in names]
            for f in data["files"] if f["syncs"]]
    return ["file", "mean us"] + [n + " us" for n in names], rows


def waits_table(data):
    rows = []
    for f in data["files"]:
        for s in f["sites"]:
            share = s["ns"] / f["sync_ns"] if f["sync_ns"] else 0
            if share < SHOWN_SHARE:
                continue
            name, ended = beside(s)
            rows.append([(f["path"],) * 2, report.cell(100 * share, 1),
                         report.cell(s["n"] / f["syncs"] if f["syncs"] else None, 2),
                         (s["phase"],) * 2, (s["function"],) * 2,
                         (f"{name} {100 * ended:.0f} %", name) if name else ("-", ""),
                         report.cell(percent(s.get("device_ns"), s["ns"])),
                         (s["what"],) * 2])
    return ["file", "% of the time", "sleeps a sync", "phase", "kernel function", "woken by", "device busy %",
            "waits for"], rows


def slowest_table(data):
    rows = [[report.cell(s["at_ns"] / 1e9, 3), report.cell(s["took_ns"] / 1e3), (str(s["thread"]), s["thread"]),
             (s["call"],) * 2, (s["path"],) * 2, report.cell(s["wait_ns"] / 1e3), (s["wait"] or "-",) * 2,
             (s.get("woken_by") or "-",) * 2,
             report.cell(s["device_ns"] / 1e3 if "device_ns" in s else None)] for s in data["slowest"]]
    return ["at s", "took us", "thread", "call", "file", "of it waited us", "kernel function", "woken by",
            "device busy us"], rows


# ---- the page ----

def render(data):
    tables = [("files", "By file, the dearest first", files_table(data)),
              ("phases", "Where the mean sync's time goes", phases_table(data)),
              ("waits", "What the kernel waited for", waits_table(data)),
              ("slowest", "The slowest", slowest_table(data))]
    early = (f"{data['early']:,} of {data['judged']:,} syncs returned before the device was flushed after what was "
             "written before them: not durable then.") if data["early"] else ""
    answers = [sentence(data, f) for f in data["files"][:3]]
    return report.environment().get_template("watched.html.j2").render(
        title=f"{data['name']}, watched", early=early, notices=notices(data),
        answers=answers or [f"{data['name']}: no sync was seen in {took(data['elapsed_ns'])}."],
        tables=[{"id": i, "title": t, "columns": c, "rows": r} for i, t, (c, r) in tables if r],
        seconds=took(data["elapsed_ns"]))


def command(options):
    """`report` of what are_named() has seen. The page lies beside the file."""
    if options.scores:
        raise runs.Bad("--scores: a page of a watched process has no scores")
    if len(options.run) > 1:
        raise runs.Bad(f"{options.run[1]}: a page is of one watched process; name its file alone")
    name = options.run[0]
    return report.write_page(options.out or os.path.splitext(name)[0] + ".html",
                             render(check(name, runs.read_json(name))))
