"""What is printed and written at the end."""

import dataclasses
import json
import pathlib

from .chart import chart
from .goals import GOALS
from .host import MIB
from .lines import LINES


def table(head, rows, left=1):
    """Columns as wide as they have to be, numbers to the right."""
    rows = [head, *rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    for row in rows:
        cells = (cell.ljust(width) if column < left else cell.rjust(width)
                 for column, (cell, width) in enumerate(zip(row, widths)))
        print("  ".join(cells).rstrip())


def print_lines(results):
    rows = []
    for line in LINES:
        walls = results.of(line.name, "wall")
        if line.name in results.failures:
            rows.append([line.name, line.title, "failed", *[""] * 12])
        if not walls:
            continue
        median = lambda field: results.median(line.name, field)
        limit = line.group == "limit"
        rows.append([
            line.name, line.title, f"{len(walls)}", f"{median('wall'):.1f}", f"{min(walls):.1f}-{max(walls):.1f}",
            f"{median('plain') / 1e6 / median('wall'):.1f}", f"{median('cpu_machine'):.1f}",
            f"{median('cpu_all'):.1f}", f"{median('cpu_own'):.2f}",
            f"{results.highest(line.name, 'memory') / MIB:.1f}", f"{median('disk') / 1e6:.1f}",
            "-" if limit else f"{results.highest(line.name, 'requests')}",
            "-" if limit else f"{results.highest(line.name, 'parts')}",
            "-" if limit or line.restores else f"{median('stored') / 1e6:.1f}",
            "-" if limit or line.restores else f"{median('plain') / median('stored'):.2f}"])
    table(["LINE", "WHAT", "RUNS", "WALL s", "FROM-TO", "MB/s", "MACHINE s", "CPU s", "OWN s", "MEM MiB", "DISK MB", "REQUESTS", "PARTS",
           "STORED MB", "RATIO"], rows, left=2)
    print("Medians: WALL; MACHINE: CPU of the whole machine, whatever for; CPU: of the tool, database, store and Docker; OWN: of the "
          "tool's\nprocesses; DISK: written by the tool; STORED. MEM (peak), REQUESTS and PARTS (requests that upload one): the highest. MB/s: of the plain dump. RATIO: plain to stored.")


def print_goals(results):
    rows = []
    for goal in GOALS:
        value = goal.value(results)
        show = lambda number: goal.form.format(number / (1 if "%" in goal.form else goal.unit))
        reached = value is not None and (value >= goal.limit if goal.least else value <= goal.limit)
        rows.append([goal.what, "-" if value is None else show(value), f"{'>=' if goal.least else '<='} {show(goal.limit)}",
                     "not measured" if value is None else "reached" if reached else "NOT reached"])
    table(["WHAT IT MUST REACH", "MEASURED", "WANTED", ""], rows)


def print_more(results):
    """What has no goal, and is worth knowing."""
    for what, one, other in (("targets-3", "default", "targets-3"), ("targets-8", "default", "targets-8"),
                             ("dumpcar restore", "restore-pipe", "restore"), ("xz -1 | rclone rcat", "classic", "pipe-xz")):
        per_byte = [results.across((line, "wall"), (line, "plain")) for line in (one, other)]
        if all(per_byte):
            print(f"{what}: {per_byte[0] / per_byte[1]:.2f} x as fast as {one}")
    for line, peaks in results.checks.get("memory", {}).items():
        print(f"{line}: peak memory " + ", ".join(f"{peak / MIB:.1f} MiB at {size} GB" for size, peak in peaks.items()))


def goals_as_json(results):
    return [{"what": goal.what, "value": goal.value(results), "at_least" if goal.least else "at_most": goal.limit}
            for goal in GOALS]


def report(options, results, machine):
    print_lines(results)
    print()
    print_goals(results)
    print()
    print_more(results)
    for name, failure in results.failures.items():
        print(f"{name} failed: {failure}")
    once = [line.name for line in options.lines if line.once and not options.all_rounds and options.rounds > 1]
    if once:
        print(f"Run in the first round only: {', '.join(once)} (--all-rounds runs them in each).")
    print(f"{machine['text']}; order of the lines by --seed {options.seed}.")
    if options.json:
        content = {"machine": machine, "seed": options.seed, "rounds": options.rounds, "size_mb": options.size,
                   "runs": [dataclasses.asdict(run) for run in results.runs], "checks": results.checks,
                   "goals": goals_as_json(results), "failures": results.failures}
        pathlib.Path(options.json).write_text(json.dumps(content, indent=1) + "\n")
    if options.svg:
        pathlib.Path(options.svg).write_text(chart(results))
