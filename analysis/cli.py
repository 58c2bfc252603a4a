"""
cli.py: the commands report, compare, merge, story, plots and finish, and their options. `fsyncstorm report`, `compare`
and `merge` come here; `fsyncstorm bench` runs `finish` when it ends, `race replay --svg, --html` runs `story`.

What the user or a file did wrong is one line on stderr, exit status 2, nothing half-written.
"""
import argparse
import difflib
import os
import re
import sys

import runs


class Parser(argparse.ArgumentParser):
    """Mistakes are one line, with the option that was meant."""

    def parse_known_args(self, args=None, namespace=None):
        namespace, rest = super().parse_known_args(args, namespace)
        for word in rest:
            near = difflib.get_close_matches(word.split("=")[0], self._option_string_actions, 1)
            raise runs.Bad(f"{word}: not a known option{f'; did you mean {near[0]}?' if near else ''}")
        return namespace, rest

    def error(self, message):
        raise runs.Bad(re.sub(r"^argument (-\w/)?([^:]+)", r"\2", message))


def options_of(program):
    p = Parser(prog=program, allow_abbrev=False)
    sub = p.add_subparsers(dest="command", required=True, parser_class=Parser)
    r = sub.add_parser("report", help="one HTML file that tells what runs found",
                       description="Makes one HTML file, that needs nothing else, of one or more runs' folders; or of "
                                   "what `cut --json` has written, with the folders of findings, or of what "
                                   "`watch --json` has.")
    r.add_argument("run", nargs="+", metavar="RUN",
                   help="a run's folder or its run.json; the first is the subject. Or CUT.json, and FINDING; or "
                        "WATCH.json")
    r.add_argument("-o", "--out", metavar="FILE",
                   help="where it goes (report.html in the first run's folder; X.html beside CUT.json or WATCH.json)")
    r.add_argument("--scores", metavar="FILE",
                   help="JSON of `race score`, for the plot of schedules to a violation (the run's own score.json)")
    c = sub.add_parser("compare",
                       help="two runs, or the targets of one, as sentences; exit status 1 when --fail-if is met",
                       description="Compares two runs, or the targets of one run, at each number of tasks. Exit "
                                   "status 1: a condition of --fail-if is met; 3: it could not be told.")
    c.add_argument("run", nargs="+", metavar="RUN", help="a run's folder or its run.json; one or two")
    c.add_argument("-m", "--metric", action="append", choices=runs.METRICS,
                   help="what to compare (all; may be given again)")
    c.add_argument("-a", metavar="TARGET", help="what is compared with (the first target)")
    c.add_argument("-b", metavar="TARGET", help="what is compared (the others; of a second run, its first)")
    c.add_argument("-f", "--fail-if", action="append", default=[], metavar="CONDITION",
                   help="exit 1 when a ratio B/A is found beyond: 'p99 > 1.05', 'rate < 0.97'; 3 when the trials "
                        "cannot tell; may be given again")
    c.add_argument("-j", "--json", metavar="FILE", help="also as JSON; - writes it to stdout in place of the text")
    c.add_argument("--paired", action="store_true", help="trial i of both runs ran next to each other")
    m = sub.add_parser("merge", help="several runs of one job on the same targets as one, with the trials of all",
                       description="Several runs of one job on the same targets as one, with the trials of all.")
    m.add_argument("run", nargs="*", metavar="RUN", help="a results folder; two or more")
    m.add_argument("-o", "--out", metavar="FOLDER", help="where the merged run goes (results/<date>-<host>-merge)")
    f = sub.add_parser("finish",
                       help="what a bench says of its figures when it ends, and the percentile files of its folder")
    f.add_argument("run", metavar="RUN", help="a run's folder, or - for a run.json on stdin")
    f.add_argument("-v", "--verbose", action="store_true", help="each ratio, x floor, and what the words mean")
    f.add_argument("-q", "--quiet", action="store_true", help="the percentile files alone")
    s = sub.add_parser("story", help="the story of a race that was found, as a picture or a page",
                       description="Draws what `race hunt` and `race replay --json` have written.")
    s.add_argument("story", metavar="STORY", help="a file, X.story.json; -: standard input")
    s.add_argument("--svg", metavar="FILE", help="the time line as a picture")
    s.add_argument("--html", metavar="FILE", help="a page with the picture and all that the story has")
    g = sub.add_parser("plots", help="redraws the plots and reports of runs' folders, and the pictures of stories")
    g.add_argument("run", nargs="+", metavar="RUN",
                   help="a run's folder or its run.json; X.story.json: X.svg is drawn beside it")
    g.add_argument("--readme", metavar="FILE", help="also fill in the marked part of this file")
    return p


def run(argv, program):
    options = options_of(program).parse_args(argv)
    # Each loads what it needs and no more: matplotlib alone takes half a second.
    if options.command == "compare":
        import commands
        return commands.compare(options)
    if options.command == "merge":
        import merge
        return merge.command(options)
    if options.command == "finish":
        import finish
        return finish.command(options)
    if options.command == "report":
        import watched
        if watched.are_named(options.run):
            return watched.command(options)
        import cuts
        if cuts.are_named(options.run):
            return cuts.command(options)
        import report
        return report.command(options)
    if options.command == "story":
        import story
        return story.command(options)
    import redraw
    return redraw.command(options)


def main(argv):
    """Returns the exit status."""
    program = os.environ.get("FSYNCSTORM_PROGRAM", "analysis")
    try:
        return run(argv, program)
    except runs.Bad as e:
        line = " ".join(str(e).split())
        print(f"{program}{' ' + argv[0] if argv else ''}: {line}", file=sys.stderr)
        return 2
